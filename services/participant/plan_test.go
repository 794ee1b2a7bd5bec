package participant

import (
	"errors"
	"testing"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
)

// lerum is another version of a plan, with a third block of work training and no fourth.
func lerum(weeks ...int) Plan {
	p := Plan{Version: "v2", MaxWeeks: 24}
	for i, w := range weeks {
		p.Blocks = append(p.Blocks, PlanBlock{Weeks: w, CheckIn: i+1 < len(weeks), Content: []string{"work_oriented"}})
	}
	return p
}

func TestARunningEnrolmentFollowsAnotherPlanOnlyByADecision(t *testing.T) {
	e := through(t, 2)
	before := e.Progress()
	must(t, e.MovePlan(lerum(2, 3, 8), []byte("skäl"), coach, noon))
	p := e.Progress()
	if e.PlanNow().Version != "v2" || e.Plan.Version != "v1" || len(p.Blocks) != 3 || p.State != before.State {
		t.Fatalf("follows %s: %+v", e.PlanNow().Version, p)
	}
	if p.Blocks[0].Weeks != 6 || p.Blocks[1].Weeks != 6 || p.ActiveWeeks() != before.ActiveWeeks() || p.Blocks[2].Weeks != 8 {
		t.Errorf("what has begun is %+v", p.Blocks)
	}
	if s := e.Steps[len(e.Steps)-1]; s.Kind != PlanMoved || s.By != coach.Subject || string(s.Text) != "skäl" {
		t.Errorf("the step is %+v", s)
	}
	must(t, e.Answer(2, "ready", "", nil, sender, noon), e.Decide(2, CheckInDecision{Decision: Continue, On: "2026-07-13"}, coach, noon),
		e.StartBlock(3, "2026-07-13", nil, coach, noon))
	e.MarkOverdue(noon)
	if p := e.Progress(); p.State != StateClosing || p.Blocks[2].Last != "2026-09-06" {
		t.Errorf("after the last block of the new plan it is %s, which ran to %s", p.State, p.Blocks[2].Last)
	}
}

// A municipality's plan that leaves its weeks to the initiative's own has them from there,
// and its own number stays when they become others.
func TestAMunicipalPlanIsAnotherWhenWhatItInheritsIs(t *testing.T) {
	municipal := func(weeks ...int) Plan {
		p := lerum(weeks...)
		p.IsMunicipal = true
		return p
	}
	e := through(t, 2)
	must(t, e.MovePlan(municipal(6, 6, 8), nil, coach, noon))
	if err := e.MovePlan(municipal(6, 6, 8), nil, coach, noon); !errors.Is(err, ErrSamePlan) {
		t.Errorf("to the same one: %v", err)
	}
	must(t, e.MovePlan(municipal(6, 6, 10), nil, coach, noon))
	if p := e.Progress(); len(p.Blocks) != 3 || p.Blocks[2].Weeks != 10 {
		t.Errorf("it follows %+v", p.Blocks)
	}
}

func TestAPlanThatDoesNotFitIsRefused(t *testing.T) {
	over := planned("2026-12-07")
	must(t, over.Cancel(nil, "", coach, noon))
	for sentence, c := range map[string]struct {
		e    *Enrolment
		to   Plan
		want error
	}{
		"the same version":             {through(t, 2), Plan{Version: "v1", MaxWeeks: 24, Blocks: activera().Blocks}, ErrSamePlan},
		"fewer blocks than have begun": {through(t, 2), lerum(6), ErrPlanTooShort},
		"a check-in and then nothing":  {through(t, 2), lerum(6, 6), ErrPlanTooShort},
		"more weeks than it has":       {through(t, 2), lerum(2, 2, 13), ErrPlanTooLong},
		"no blocks at all":             {planned("2026-12-07"), Plan{Version: "v2", MaxWeeks: 24}, ErrPlanTooShort},
		"that is over":                 {over, lerum(6, 6, 6), ErrState},
	} {
		steps := len(c.e.Steps)
		if err := c.e.MovePlan(c.to, nil, coach, noon); !errors.Is(err, c.want) || len(c.e.Steps) != steps {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}

// A planned enrolment is moved as one that runs: it begins by the plan as it is then, and an
// acceptance that is corrected since plans it once more.
func TestAPlannedEnrolmentFollowsAnotherPlanByADecision(t *testing.T) {
	e := planned("2026-04-20")
	e.WeeksBefore = 20
	to := lerum(4, 8, 12)
	to.MinAge, to.MaxAge = 18, 29
	must(t, e.MovePlan(to, []byte("skäl"), coach, noon))
	if p := e.Progress(); p.State != StatePlanned || len(p.Blocks) != 3 || p.Blocks[0].PlannedLast != "2026-05-17" || p.Until() != "2026-10-04" || e.PlanNow().Version != "v2" {
		t.Fatalf("follows %s: %+v", e.PlanNow().Version, p)
	}
	old := 30
	if err := e.CheckFirstDay("2026-04-20", "2026-01-01", &old); !errors.Is(err, ErrAge) {
		t.Errorf("at %d: %v", old, err)
	}
	moved := e.Steps[1].N
	must(t, e.Start("2026-04-20", nil, coach, noon))
	if _, err := e.Correct(coach, noon, true, Correction{Step: moved}); !errors.Is(err, history.ErrLaterStep) {
		t.Errorf("taken back though block 1 has begun by it: %v", err)
	}

	e = planned("2026-04-20")
	must(t, e.MovePlan(lerum(4, 8), nil, coach, noon))
	as := planned("2026-05-04")
	as.Plan = lerum(2, 2)
	as.Plan.Version = "v3"
	if !e.Replan(as, true, "event/2", history.System("participant"), noon) {
		t.Fatal("not planned once more")
	}
	if p := e.Progress(); e.PlanNow().Version != "v3" || p.Blocks[0].PlannedFirst != "2026-05-04" || len(p.Blocks) != 2 || p.Blocks[1].Weeks != 2 {
		t.Errorf("planned once more it follows %s: %+v", e.PlanNow().Version, p.Blocks)
	}
}

// A start that was wrong is corrected under a plan that the enrolment was moved to later; one
// that should not have been taken at all leaves an enrolment that is planned by that plan.
func TestAMoveIsPartOfTheStoryThatIsCorrected(t *testing.T) {
	e := through(t, 2)
	must(t, e.MovePlan(lerum(6, 6, 8), nil, coach, noon))
	start := e.Steps[1]
	if _, err := e.Correct(coach, noon, true, Correction{Step: start.N, Instead: &Replacement{On: map[StepKind]civil.Date{Started: "2026-04-19"}}}); err != nil {
		t.Fatal(err)
	}
	if p := e.Progress(); p.Started != "2026-04-19" || len(p.Blocks) != 3 || e.PlanNow().Version != "v2" {
		t.Errorf("got %+v", p)
	}
	e = planned("2026-04-20")
	must(t, e.Start("2026-04-20", nil, coach, noon), e.MovePlan(lerum(6, 6, 8), nil, coach, noon))
	if _, err := e.Correct(coach, noon, true, Correction{Step: e.Steps[1].N}); err != nil || e.Progress().State != StatePlanned || e.PlanNow().Version != "v2" {
		t.Errorf("the start is taken back: %v, %s by %s", err, e.Progress().State, e.PlanNow().Version)
	}
}

// TestAMoveThatWasAMistakeIsTakenBack is: the enrolment follows its former plan again, and the
// move stays in the timeline. A block that has begun by the new plan is corrected first.
func TestAMoveThatWasAMistakeIsTakenBack(t *testing.T) {
	moved := func() (e *Enrolment, n int64) {
		e = through(t, 2)
		must(t, e.MovePlan(lerum(2, 3, 8), nil, coach, noon))
		return e, e.Steps[len(e.Steps)-1].N
	}
	e, n := moved()
	steps := len(e.Steps)
	if _, err := e.Correct(coach, noon, true, Correction{Step: n, Instead: &Replacement{Text: []byte("annat")}}); !errors.Is(err, history.ErrReplacement) {
		t.Errorf("with another text: %v", err)
	}
	if _, err := e.Correct(coach, noon, true, Correction{Step: n}); err != nil {
		t.Fatal(err)
	}
	if p := e.Progress(); e.PlanNow().Version != "v1" || len(p.Blocks) != 4 || p.State != StateCheckInDue || len(e.Steps) != steps+1 {
		t.Errorf("it follows %s: %+v", e.PlanNow().Version, p)
	}
	if _, err := e.Correct(coach, noon, true, Correction{Step: n}); !errors.Is(err, history.ErrCorrected) {
		t.Errorf("once more: %v", err)
	}
	must(t, e.MovePlan(lerum(2, 3, 8), nil, coach, noon))

	e, n = moved()
	must(t, e.Answer(2, "ready", "", nil, sender, noon), e.Decide(2, CheckInDecision{Decision: Continue, On: "2026-07-13"}, coach, noon),
		e.StartBlock(3, "2026-07-13", nil, coach, noon))
	began := e.Steps[len(e.Steps)-1].N
	if _, err := e.Correct(coach, noon, true, Correction{Step: n}); !errors.Is(err, history.ErrLaterStep) || e.PlanNow().Version != "v2" {
		t.Errorf("after a block has begun by it: %v", err)
	}
	for _, step := range []int64{began, n} {
		if _, err := e.Correct(coach, noon, true, Correction{Step: step}); err != nil {
			t.Errorf("step %d: %v", step, err)
		}
	}
	if p := e.Progress(); len(p.Blocks) != 4 || p.State != StateDecided {
		t.Errorf("got %+v", p)
	}
}

// TestAMoveExceedsAPlanNoMoreThanExceptionsHave is: nothing asks for an exception afterwards.
func TestAMoveExceedsAPlanNoMoreThanExceptionsHave(t *testing.T) {
	blocks := func(weeks ...int) []PlanBlock { return lerum(weeks...).Blocks }
	prolonged := func() *Enrolment {
		e := through(t, 1)
		must(t, e.Answer(1, "not_ready", "", nil, sender, noon),
			e.Decide(1, CheckInDecision{Decision: Prolong, On: "2026-06-01", Weeks: 6, Exception: &Exception{Reason: []byte("skäl")}}, coach, noon),
			e.Approve(true, nil, chef, noon))
		return e
	}
	used := through(t, 2)
	used.WeeksBefore = 6
	for sentence, c := range map[string]struct {
		e    *Enrolment
		to   Plan
		want error
	}{
		"as many weeks as before, more than the plan has": {through(t, 2), Plan{Version: "v2", MaxWeeks: 20, Blocks: blocks(4, 4, 6, 6)}, ErrPlanTooLong},
		"as many as an exception was made for":            {prolonged(), Plan{Version: "v2", MaxWeeks: 24, Blocks: blocks(6, 6, 6, 6)}, nil},
		"more than an exception was made for":             {prolonged(), Plan{Version: "v2", MaxWeeks: 24, Blocks: blocks(6, 6, 6, 7)}, ErrPlanTooLong},
		"weeks before, which the plan does not count":     {used, Plan{Version: "v2", MaxWeeks: 26, IgnoresWeeksBefore: true, Blocks: blocks(6, 6, 7, 7)}, nil},
	} {
		if err := c.e.MovePlan(c.to, nil, coach, noon); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}

// TestAMoveEndsWhatWasAskedForByTheFormerPlan is: the coach decides again, by the plan as it is now.
func TestAMoveEndsWhatWasAskedForByTheFormerPlan(t *testing.T) {
	e := through(t, 1)
	longer := CheckInDecision{Decision: Prolong, On: "2026-06-01", Weeks: 6}
	asked := longer
	asked.Exception = &Exception{Reason: []byte("skäl")}
	roomy := Plan{Version: "v2", MaxWeeks: 30, Blocks: activera().Blocks}
	must(t, e.Answer(1, "not_ready", "", nil, sender, noon), e.Decide(1, asked, coach, noon), e.MovePlan(roomy, nil, coach, noon))
	if err := e.Approve(true, nil, chef, noon); !errors.Is(err, ErrNotAsked) {
		t.Errorf("approved after the move: %v", err)
	}
	must(t, e.Decide(1, longer, coach, noon))
	if p := e.Progress(); p.Blocks[0].Prolonged != 6 {
		t.Errorf("got %+v", p.Blocks[0])
	}
}
