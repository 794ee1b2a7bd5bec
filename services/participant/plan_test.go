package participant

import (
	"errors"
	"testing"

	"github.com/finsam/finsam/pkg/civil"
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
	for sentence, c := range map[string]struct {
		e    *Enrolment
		to   Plan
		want error
	}{
		"the same version":             {through(t, 2), Plan{Version: "v1", MaxWeeks: 24, Blocks: activera().Blocks}, ErrSamePlan},
		"fewer blocks than have begun": {through(t, 2), lerum(6), ErrPlanTooShort},
		"a check-in and then nothing":  {through(t, 2), lerum(6, 6), ErrPlanTooShort},
		"more weeks than it has":       {through(t, 2), lerum(2, 2, 13), ErrPlanTooLong},
		"not begun":                    {planned("2026-12-07"), lerum(6, 6, 6), ErrState},
	} {
		steps := len(c.e.Steps)
		if err := c.e.MovePlan(c.to, nil, coach, noon); !errors.Is(err, c.want) || len(c.e.Steps) != steps {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}

// A start that was wrong is corrected under a plan that the enrolment was moved to later;
// one that should not have been taken at all is not, as the move needs it.
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
	if _, err := e.Correct(coach, noon, true, Correction{Step: start.N}); err == nil {
		t.Error("a start was taken back under a move")
	}
}
