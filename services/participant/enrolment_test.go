package participant

import (
	"errors"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
)

// noon of the day that the tests call today.
var noon = time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)

var system = history.System("participant")
var coach = history.Author{Subject: "coach-17", Authority: "molndal"}
var chef = history.Author{Subject: "chef-1", Authority: "molndal"}
var sender = history.Author{Subject: "fk-9", Authority: "fk"}

// activera is the programme's plan: four blocks of six weeks, 24 at most.
func activera() Plan {
	return Plan{Version: "v1", MaxWeeks: 24, Blocks: []PlanBlock{
		{Name: "Lära känna", Weeks: 6, CheckIn: true}, {Weeks: 6, CheckIn: true}, {Weeks: 6, CheckIn: true}, {Weeks: 6},
	}}
}

func planned(start civil.Date) *Enrolment {
	return NewEnrolment(Enrolment{
		Association: "insjoriket", Referral: "r1", Participant: "p1", Referrer: "fk", Unit: "fk-molndal",
		Municipality: "1481", Initiative: "activera", Coach: "coach-17", PlannedStart: start, Plan: activera(),
	}, "r1/2", system, noon)
}

// must takes steps that the test takes for granted.
func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// through brings an enrolment that began long ago to the end of a block.
func through(t testing.TB, block int) *Enrolment {
	t.Helper()
	start := civil.Date("2026-04-20")
	e := planned(start)
	must(t, e.Start(start, nil, coach, noon))
	e.MarkOverdue(noon)
	for n := 1; n < block; n++ {
		must(t, e.Answer(n, "ready", "", nil, sender, noon),
			e.Decide(n, CheckInDecision{Decision: Continue, On: start.AddWeeks(6 * n)}, coach, noon),
			e.StartBlock(n+1, start.AddWeeks(6*n), nil, coach, noon))
		e.MarkOverdue(noon)
	}
	return e
}

func TestAWholeEnrolment(t *testing.T) {
	e := through(t, 4)
	if s := e.Progress().State; s != StateClosing {
		t.Fatalf("after the last block: %s", s)
	}
	must(t, e.HoldConversation("2026-10-05", nil, coach, noon))
	must(t, e.Close(Documentation{On: "2026-10-06", EndReason: AccordingToPlan,
		Occupation: Occupation{Kind: "works", Extent: 50}, Livelihood: []string{"salary"}}, coach, noon))
	c := e.Progress()
	if c.State != StateClosed || c.Outcome != Completed || c.ActiveWeeks() != 24 {
		t.Fatalf("got %s %s after %d weeks", c.State, c.Outcome, c.ActiveWeeks())
	}
	if b := c.Blocks[3]; b.First != "2026-08-24" || b.Last != "2026-10-04" {
		t.Errorf("block 4 took %s to %s", b.First, b.Last)
	}
}

func TestThePlannedDaysOfTheBlocks(t *testing.T) {
	c := planned("2026-12-07").Progress()
	want := [][2]civil.Date{{"2026-12-07", "2027-01-17"}, {"2027-01-18", "2027-02-28"}, {"2027-03-01", "2027-04-11"}, {"2027-04-12", "2027-05-23"}}
	for i, b := range c.Blocks {
		if b.PlannedFirst != want[i][0] || b.PlannedLast != want[i][1] || b.First != "" {
			t.Errorf("block %d is planned %s to %s", b.Number, b.PlannedFirst, b.PlannedLast)
		}
	}
	if len(c.CheckIns) != 3 || c.CheckIns[0].DueOn != "2027-01-18" {
		t.Errorf("check-ins %+v", c.CheckIns)
	}
}

func TestALateStartMovesTheBlocksToCome(t *testing.T) {
	e := planned("2026-11-02")
	must(t, e.Start("2026-11-09", nil, coach, noon))
	c := e.Progress()
	if c.Blocks[0].PlannedFirst != "2026-11-02" || c.Blocks[0].First != "2026-11-09" || c.Blocks[1].PlannedFirst != "2026-12-21" {
		t.Errorf("got %+v", c.Blocks[:2])
	}
}

func TestTheRulesOfAnEnrolment(t *testing.T) {
	cont := CheckInDecision{Decision: Continue, On: "2026-06-02"}
	for _, c := range []struct {
		sentence string
		e        func(t *testing.T) *Enrolment
		do       func(e *Enrolment) error
		want     *fault.Error
	}{
		{"nobody begins tomorrow", fresh, func(e *Enrolment) error { return e.Start("2026-11-23", nil, coach, noon) }, ErrFuture},
		{"nobody began two years before the plan", fresh, func(e *Enrolment) error { return e.Start("2024-11-01", nil, coach, noon) }, ErrTooEarly},
		{"nobody begins twice", at(1), func(e *Enrolment) error { return e.Start("2026-04-20", nil, coach, noon) }, ErrState},
		{"block 2 waits for the decision", at(1), func(e *Enrolment) error { return e.StartBlock(2, "2026-06-01", nil, coach, noon) }, ErrState},
		{"a decision waits for the answer", at(1), func(e *Enrolment) error { return e.Decide(1, cont, coach, noon) }, ErrUnanswered},
		{"only the check-in that is due is answered", at(1), func(e *Enrolment) error { return e.Answer(2, "ready", "", nil, sender, noon) }, ErrCheckInNumber},
		{"before the block's end nobody is asked", running, func(e *Enrolment) error { return e.Answer(1, "ready", "", nil, sender, noon) }, ErrCheckInEarly},
		{"nobody answers twice", answered, func(e *Enrolment) error { return e.Answer(1, "unsure", "", nil, sender, noon) }, ErrAnswered},
		{"an answer that came is no non-answer", answered, func(e *Enrolment) error { return e.RecordNonAnswer(1, "", nil, coach, noon) }, ErrAnswered},
		{"a non-answer will do", at(1), func(e *Enrolment) error {
			return errors.Join(e.RecordNonAnswer(1, "", nil, coach, noon), e.Decide(1, cont, coach, noon))
		}, nil},
		{"a late answer replaces the non-answer", at(1), func(e *Enrolment) error {
			return errors.Join(e.RecordNonAnswer(1, "", nil, coach, noon), e.Answer(1, "ready", "", nil, sender, noon), e.Decide(1, cont, coach, noon))
		}, nil},
		{"nobody decides before the block", answered, func(e *Enrolment) error {
			return e.Decide(1, CheckInDecision{Decision: Continue, On: "2026-04-19"}, coach, noon)
		}, ErrTooEarly},
		{"block 3 does not follow block 1", decided, func(e *Enrolment) error { return e.StartBlock(3, "2026-06-02", nil, coach, noon) }, ErrBlockNumber},
		{"block 2 does not begin before the decision's day", decided, func(e *Enrolment) error { return e.StartBlock(2, "2026-06-01", nil, coach, noon) }, ErrTooEarly},
		{"block 2 begins", decided, func(e *Enrolment) error { return e.StartBlock(2, "2026-06-02", nil, coach, noon) }, nil},
		{"a prolongation says how long", answered, decide(Prolong, 0, nil), ErrWeeks},
		{"only a prolongation has weeks", answered, decide(Continue, 2, nil), ErrWeeks},
		{"only a prolongation has an exception", answered, decide(Continue, 0, &Exception{}), ErrException},
		{"25 weeks need an exception", answered, decide(Prolong, 1, nil), ErrTooManyWeeks},
		{"24 weeks need none", shortPlan, decide(Prolong, 1, &Exception{}), ErrException},
		{"25 weeks with an exception are asked for", answered, decide(Prolong, 1, &Exception{}), nil},
		{"nobody approves their own exception", asked, func(e *Enrolment) error { return e.Approve(true, nil, coach, noon) }, ErrOwnApproval},
		{"what nobody asked for is not approved", answered, func(e *Enrolment) error { return e.Approve(true, nil, chef, noon) }, ErrNotAsked},
		{"after a refusal it is asked for again", asked, func(e *Enrolment) error {
			return errors.Join(e.Approve(false, nil, chef, noon), decide(Prolong, 2, &Exception{})(e), e.Approve(true, nil, chef, noon))
		}, nil},
		{"who asked decides otherwise meanwhile", asked, func(e *Enrolment) error { return decide(Continue, 0, nil)(e) }, nil},
		{"a pause is resumed before the next block", paused, func(e *Enrolment) error { return e.StartBlock(2, "2026-06-02", nil, coach, noon) }, ErrState},
		{"nobody resumes before the pause", paused, func(e *Enrolment) error { return e.Resume("2026-05-31", coach, noon) }, ErrTooEarly},
		{"a pause ends", paused, func(e *Enrolment) error { return e.Resume("2026-08-10", coach, noon) }, nil},
		{"no closing conversation in the middle", at(1), func(e *Enrolment) error { return e.HoldConversation("2026-06-02", nil, coach, noon) }, ErrState},
		{"one closing conversation", talked, func(e *Enrolment) error { return e.HoldConversation("2026-10-05", nil, coach, noon) }, ErrHeld},
		{"what began cannot be cancelled", at(1), func(e *Enrolment) error { return e.Cancel(nil, "", coach, noon) }, ErrState},
		{"what has not begun can", fresh, func(e *Enrolment) error { return e.Cancel(nil, "", coach, noon) }, nil},
		{"what has not begun cannot be closed", fresh, closeFor(AccordingToPlan), ErrState},
		{"the plan is not run through", at(1), closeFor(AccordingToPlan), ErrNotByPlan},
		{"the conversation comes first", at(4), closeFor(AccordingToPlan), ErrNoConversation},
		{"who falls ill may leave at any time", at(1), closeFor("ill_health"), nil},
		{"who is paused may leave", paused, closeFor("moved"), nil},
		{"what was asked for before the closing is not approved after it", left, func(e *Enrolment) error { return e.Approve(true, nil, chef, noon) }, ErrNotAsked},
		{"nor refused", left, func(e *Enrolment) error { return e.Approve(false, nil, chef, noon) }, ErrNotAsked},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			e := c.e(t)
			before := len(e.Steps)
			err := c.do(e)
			if c.want == nil {
				must(t, err)
			} else if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			} else if len(e.Steps) != before {
				t.Fatal("a refused step was taken")
			}
		})
	}
}

// TestACheckInIsHeldSomeDaysBeforeItsBlocksEnd has block 1 run from 2 November to 13
// December, with a check-in from 29 November on.
func TestACheckInIsHeldSomeDaysBeforeItsBlocksEnd(t *testing.T) {
	on := func(day civil.Date) time.Time { return day.Start().Add(12 * time.Hour) }
	fourteen := func() *Enrolment {
		e := planned("2026-11-02")
		e.Plan.CheckInDays = 14
		must(t, e.Start("2026-11-02", nil, coach, noon))
		return e
	}
	e := fourteen()
	if err := e.Answer(1, "ready", "", nil, sender, on("2026-11-28")); !errors.Is(err, ErrCheckInEarly) {
		t.Fatalf("fifteen days before: %v", err)
	}
	for _, c := range []struct {
		held civil.Date
		want error
	}{{"2026-11-28", ErrTooEarly}, {"2026-12-01", ErrFuture}, {"2026-11-30", nil}} {
		if err := e.Answer(1, "ready", c.held, nil, sender, on("2026-11-30")); !errors.Is(err, c.want) {
			t.Errorf("held on %s: %v", c.held, err)
		}
	}
	if err := e.Answer(2, "ready", "", nil, sender, on("2026-11-30")); !errors.Is(err, ErrCheckInNumber) {
		t.Errorf("another check-in: %v", err)
	}
	if p := e.Progress(); p.State != StateCheckInDue || p.CheckIns[0].Answer.Held != "2026-11-30" || p.Blocks[0].Last != "2026-12-13" {
		t.Errorf("answered: %+v", p)
	}
	if err := e.Decide(1, CheckInDecision{Decision: Continue, On: "2026-11-29"}, coach, on("2026-11-30")); !errors.Is(err, ErrTooEarly) {
		t.Errorf("decided before the meeting: %v", err)
	}
	must(t, e.Decide(1, CheckInDecision{Decision: Continue, On: "2026-11-30"}, coach, on("2026-11-30")))
	if e.MarkOverdue(on("2026-12-20")) || e.Progress().State != StateDecided {
		t.Errorf("the end of the block asks again: %s", e.Progress().State)
	}
	if err := e.StartBlock(2, "2026-12-13", nil, coach, on("2026-12-20")); !errors.Is(err, ErrTooEarly) {
		t.Errorf("block 2 begins before block 1 is over: %v", err)
	}
	must(t, e.StartBlock(2, "2026-12-14", nil, coach, on("2026-12-20")))

	e = fourteen()
	must(t, e.RecordNonAnswer(1, "2026-11-29", nil, coach, on("2026-11-29")),
		e.Decide(1, CheckInDecision{Decision: Prolong, Weeks: 1, On: "2026-11-29", Exception: &Exception{}}, coach, on("2026-11-29")), e.Approve(true, nil, chef, on("2026-11-29")))
	if p := e.Progress(); p.State != StateActive || p.DueOn() != "2026-12-20" || p.CheckIns[0].OpenFrom != "2026-12-06" {
		t.Errorf("prolonged early: %+v", p)
	}
}

func TestTheFirstDayIsAfterTheConsentAndWithinTheAges(t *testing.T) {
	e := planned("2026-11-02")
	e.Plan.MinAge, e.Plan.MaxAge = 16, 64
	years := func(n int) *int { return &n }
	for _, c := range []struct {
		sentence string
		on       civil.Date
		age      *int
		want     error
	}{
		{"the day of the consent", "2026-10-20", years(40), nil},
		{"the day before the consent", "2026-10-19", years(40), ErrBeforeConsent},
		{"fifteen", "2026-11-02", years(15), ErrAge},
		{"sixteen", "2026-11-02", years(16), nil},
		{"sixty-four", "2026-11-02", years(64), nil},
		{"sixty-five", "2026-11-02", years(65), ErrAge},
		{"an age that is unknown", "2026-11-02", nil, nil},
	} {
		if err := e.CheckFirstDay(c.on, "2026-10-20", c.age); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.sentence, err, c.want)
		}
	}
	if err := planned("2026-11-02").CheckFirstDay("2026-11-02", "2026-10-20", years(65)); err != nil {
		t.Errorf("a plan of earlier times, without ages: %v", err)
	}
}

func fresh(*testing.T) *Enrolment { return planned("2026-11-02") }

func at(block int) func(*testing.T) *Enrolment {
	return func(t *testing.T) *Enrolment { return through(t, block) }
}

func running(t *testing.T) *Enrolment {
	e := planned("2026-11-02")
	must(t, e.Start("2026-11-02", nil, coach, noon))
	return e
}

func answered(t *testing.T) *Enrolment {
	e := through(t, 1)
	must(t, e.Answer(1, "ready", "", nil, sender, noon))
	return e
}

// asked is answered, and an exception of one week is asked for.
func asked(t *testing.T) *Enrolment {
	e := answered(t)
	must(t, decide(Prolong, 1, &Exception{})(e))
	return e
}

// left is asked, and the enrolment was closed before anybody approved.
func left(t *testing.T) *Enrolment {
	e := asked(t)
	must(t, closeFor("ill_health")(e))
	return e
}

// shortPlan is answered, of a plan that has weeks left.
func shortPlan(t *testing.T) *Enrolment {
	e := answered(t)
	e.Plan.MaxWeeks = 30
	return e
}

func decided(t *testing.T) *Enrolment {
	e := answered(t)
	must(t, decide(Continue, 0, nil)(e))
	return e
}

func paused(t *testing.T) *Enrolment {
	e := answered(t)
	must(t, decide(Pause, 0, nil)(e))
	return e
}

func talked(t *testing.T) *Enrolment {
	e := through(t, 4)
	must(t, e.HoldConversation("2026-10-05", nil, coach, noon))
	return e
}

func decide(d Decision, weeks int, x *Exception) func(*Enrolment) error {
	return func(e *Enrolment) error {
		return e.Decide(1, CheckInDecision{Decision: d, On: "2026-06-02", Weeks: weeks, Exception: x}, coach, noon)
	}
}

func closeFor(reason EndReason) func(*Enrolment) error {
	return func(e *Enrolment) error {
		return e.Close(Documentation{On: "2026-11-20", EndReason: reason, Occupation: Occupation{Kind: "none"}, Livelihood: []string{"other"}}, coach, noon)
	}
}
