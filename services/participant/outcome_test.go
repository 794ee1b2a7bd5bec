package participant

import (
	"errors"
	"testing"
	"time"
)

func TestHowAnEnrolmentEnds(t *testing.T) {
	end := func(t *testing.T, talk bool) *Enrolment {
		e := answered(t)
		must(t, decide(End, 0, nil)(e))
		if talk {
			must(t, e.HoldConversation("2026-06-03", nil, coach, noon))
		}
		return e
	}
	for _, c := range []struct {
		sentence string
		e        *Enrolment
		reason   EndReason
		want     Outcome
	}{
		{"all blocks and the conversation complete it", talked(t), AccordingToPlan, Completed},
		{"all blocks and work complete it", talked(t), Work, Completed},
		{"all blocks and ill health complete it", talked(t), "ill_health", Completed},
		{"all blocks without conversation do not", through(t, 4), "own_choice", Interrupted},
		{"an early end for work completes it", end(t, true), Work, Completed},
		{"an early end for studies without conversation does not", end(t, false), Studies, Interrupted},
		{"an early end by own choice interrupts it", end(t, true), "own_choice", Interrupted},
		{"what was never meant was not completed", talked(t), MisRegistered, Interrupted},
		{"leaving for work in the middle of a block interrupts it", through(t, 1), Work, Interrupted},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			must(t, closeFor(c.reason)(c.e))
			if got := c.e.Progress().Outcome; got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestWhatTheDocumentationMustSay(t *testing.T) {
	d := Documentation{On: "2026-11-20", EndReason: AccordingToPlan, Occupation: Occupation{Kind: "none", Extent: 50}}
	if err := talked(t).Close(d, coach, noon); !errors.Is(err, ErrExtent) {
		t.Errorf("got %v", err)
	}
	d.Occupation.Extent, d.Livelihood = 0, []string{"salary", "none"}
	if err := talked(t).Close(d, coach, noon); !errors.Is(err, ErrLivelihood) {
		t.Errorf("got %v", err)
	}
}

func TestAfterAProlongedBlockTheReferrerIsAskedAgain(t *testing.T) {
	e := answered(t)
	must(t, decide(Prolong, 2, &Exception{Approver: "chef"})(e))
	c := e.Progress()
	if c.State != StateActive || c.DueOn() != "2026-06-14" || c.CheckIns[0].Answer != nil || c.Blocks[1].PlannedFirst != "2026-06-15" {
		t.Fatalf("got %s due %s, %+v", c.State, c.DueOn(), c.CheckIns[0])
	}
	if !e.MarkOverdue(noon) || e.Progress().State != StateCheckInDue {
		t.Fatal("the prolonged block has ended")
	}
	if err := decide(Continue, 0, nil)(e); !errors.Is(err, ErrUnanswered) {
		t.Errorf("the first round's answer stood for the second: %v", err)
	}
}

func TestNothingFallsDueBeforeItsDay(t *testing.T) {
	e := running(t) // from 2 November, so to 13 December
	last := time.Date(2026, 12, 13, 22, 59, 0, 0, time.UTC)
	if e.MarkOverdue(last) {
		t.Error("due at a minute to midnight of the last day")
	}
	if !e.MarkOverdue(last.Add(time.Minute)) || e.MarkOverdue(last.Add(time.Hour)) {
		t.Error("due once, from midnight in Sweden")
	}
	if s := e.Steps[len(e.Steps)-1]; s.Kind != CheckInDue || s.On != "2026-12-14" || s.Number != 1 {
		t.Errorf("got %+v", s)
	}
}

func TestAnIntroductionWithoutCheckInLeadsStraightOn(t *testing.T) {
	e := planned("2026-09-07")
	e.Plan.Blocks = append([]PlanBlock{{Name: "Introduktion", Weeks: 2}}, e.Plan.Blocks...)
	e.Plan.MaxWeeks = 26
	must(t, e.Start("2026-09-07", coach, noon))
	if e.MarkOverdue(noon) {
		t.Fatal("nothing waits for the system")
	}
	if err := e.StartBlock(2, "2026-09-20", coach, noon); !errors.Is(err, ErrTooEarly) {
		t.Errorf("got %v", err)
	}
	must(t, e.StartBlock(2, "2026-09-21", coach, noon))
	if c := e.Progress(); c.Block != 2 || c.Blocks[0].Last != "2026-09-20" {
		t.Errorf("got %+v", c.Blocks[0])
	}
}

func TestAnEnrolmentsIDFollowsFromItsReferral(t *testing.T) {
	a, b := EnrolmentID("insjoriket", "r1"), EnrolmentID("insjoriket", "r1")
	if a != b || a == EnrolmentID("kalmar", "r1") || a == EnrolmentID("insjoriket", "r2") {
		t.Error("one referral, one enrolment")
	}
}
