package participant

import (
	"errors"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
)

// numberOf returns the number of the latest step of a kind.
func numberOf(e *Enrolment, kind StepKind) (n int64) {
	for _, s := range e.Steps {
		if s.Kind == kind {
			n = s.N
		}
	}
	return n
}

// correction corrects the latest step of a kind; on is its day instead, empty: it should
// not have been taken.
func correction(kind StepKind, on civil.Date) func(*Enrolment) error {
	return func(e *Enrolment) error {
		c := Correction{Step: numberOf(e, kind), Reason: []byte("x")}
		if on != "" {
			c.Instead = &Replacement{On: map[StepKind]civil.Date{kind: on}}
		}
		_, err := e.Correct(coach, noon, false, c)
		return err
	}
}

// TestCorrectionsOfAnEnrolment has what the domain says of each correction: where the
// story leads, or which later step or rule prevents it.
func TestCorrectionsOfAnEnrolment(t *testing.T) {
	closed := func(t *testing.T) *Enrolment {
		e := paused(t)
		must(t, closeFor("moved")(e))
		return e
	}
	earlyAnswered := func(t *testing.T) *Enrolment {
		e := at(1)(t)
		e.Plan.CheckInDays = 14
		must(t, e.Answer(1, "ready", "", nil, sender, noon))
		return e
	}
	begun2 := func(t *testing.T) *Enrolment {
		e := decided(t)
		must(t, e.StartBlock(2, "2026-06-02", nil, coach, noon))
		return e
	}
	for _, c := range []struct {
		sentence string
		e        func(*testing.T) *Enrolment
		do       func(*Enrolment) error
		state    State
		started  civil.Date
		err      *fault.Error
		names    string
	}{
		{"a start in March that was in November", at(1), correction(Started, "2026-11-16"), StateActive, "2026-11-16", nil, ""},
		{"a start that was none", at(1), correction(Started, ""), StatePlanned, "", nil, ""},
		{"a start to come", at(1), correction(Started, "2026-11-23"), "", "", ErrFuture, ""},
		{"a start on the same day", at(1), correction(Started, "2026-04-20"), "", "", history.ErrNothingCorrected, ""},
		{"a start under an answer", answered, correction(Started, "2026-11-16"), "", "", history.ErrLaterStep, "Answer by the sender"},
		{"a start under an answer that could be held by then", earlyAnswered, correction(Started, "2026-10-26"), StateCheckInDue, "2026-10-26", nil, ""},
		{"a start a week earlier, under an answer", answered, correction(Started, "2026-04-13"), StateCheckInDue, "2026-04-13", nil, ""},
		{"a decision that was none", decided, correction(Decided, ""), StateCheckInDue, "2026-04-20", nil, ""},
		{"a decision that the next block follows", begun2, correction(Decided, ""), "", "", history.ErrLaterStep, "Start of a block"},
		{"the next block, and then the decision", begun2, func(e *Enrolment) error {
			return errors.Join(correction(BlockStarted, "")(e), correction(Decided, "")(e))
		}, StateCheckInDue, "2026-04-20", nil, ""},
		{"to continue, which was a pause", decided, func(e *Enrolment) error {
			_, err := e.Correct(coach, noon, false, Correction{Step: numberOf(e, Decided), Instead: &Replacement{Decision: Pause}})
			return err
		}, StatePaused, "2026-04-20", nil, ""},
		{"to continue, which was a longer block than the plan has", decided, func(e *Enrolment) error {
			_, err := e.Correct(coach, noon, false, Correction{Step: numberOf(e, Decided), Instead: &Replacement{Decision: Prolong, Weeks: 2}})
			return err
		}, "", "", ErrTooManyWeeks, ""},
		{"a closing that was none", closed, correction(Closed, ""), StatePaused, "2026-04-20", nil, ""},
		{"what time brought is nobody's mistake", at(1), correction(CheckInDue, ""), "", "", history.ErrNotCorrectable, ""},
		{"the planning is the referral's", fresh, func(e *Enrolment) error {
			_, err := e.Correct(history.System("participant"), noon, true, Correction{Step: 1})
			return err
		}, "", "", history.ErrNotCorrectable, ""},
		{"a start has no decision", at(1), func(e *Enrolment) error {
			_, err := e.Correct(coach, noon, false, Correction{Step: numberOf(e, Started), Instead: &Replacement{Decision: End}})
			return err
		}, "", "", history.ErrReplacement, ""},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			e := c.e(t)
			e.Plan.CorrectionDays = 400
			steps := len(e.Steps)
			err := c.do(e)
			if c.err != nil {
				if !errors.Is(err, c.err) || len(e.Steps) != steps || !strings.Contains(fault.Of(err).Text.EN, c.names) {
					t.Fatalf("got %v (%s), %d steps more", err, fault.Of(err).Text.EN, len(e.Steps)-steps)
				}
				return
			}
			if p := e.Progress(); err != nil || p.State != c.state || p.Started != c.started || len(e.Steps) <= steps {
				t.Fatalf("got %v, %s, started %s", err, p.State, p.Started)
			}
		})
	}
}

func TestWhatTimeBroughtFollowsACorrectedStart(t *testing.T) {
	e := at(1)(t) // its check-in was due in June
	e.Plan.CorrectionDays = 400
	must(t, correction(Started, "2026-11-16")(e))
	if p := e.Progress(); e.MarkOverdue(noon) || p.DueOn() != "2026-12-27" {
		t.Errorf("due on %s", p.DueOn())
	}
	must(t, correction(Started, "2026-10-05")(e))
	if !e.MarkOverdue(noon) || e.Progress().State != StateCheckInDue {
		t.Errorf("got %s", e.Progress().State)
	}
}

func TestAnAcceptanceThatIsMadeOnceMorePlansTheSameEnrolment(t *testing.T) {
	e, system := fresh(t), history.System("participant")
	must(t, e.Cancel(nil, "r/3", system, noon))
	again := *planned("2026-12-07")
	again.Coach, again.WeeksBefore = "coach-9", 12
	if e.Replan(&again, false, "r/3", system, noon) {
		t.Error("the event that cancelled it planned it")
	}
	if !e.Replan(&again, false, "r/4", system, noon) || e.Replan(&again, false, "r/4", system, noon) {
		t.Error("once, and once only")
	}
	if err := e.Cancel(nil, "r/3", system, noon); !errors.Is(err, ErrState) {
		t.Errorf("the event that cancelled it comes again: %v", err)
	}
	if e.WeeksBefore != 12 {
		t.Errorf("of another that has run since, %d weeks count", e.WeeksBefore)
	}
	if p := e.Progress(); p.State != StatePlanned || e.Coach != "coach-9" || p.Blocks[0].PlannedFirst != "2026-12-07" || len(e.Steps) != 3 {
		t.Errorf("got %s from %s", p.State, p.Blocks[0].PlannedFirst)
	}
	if e.Replan(planned("2027-01-11"), false, "r/9", system, noon) {
		t.Error("an acceptance changes what is planned only when it is corrected")
	}
	if !e.Replan(planned("2027-01-11"), true, "r/10", system, noon) || e.PlannedStart != "2027-01-11" {
		t.Errorf("corrected: %s", e.PlannedStart)
	}
}
