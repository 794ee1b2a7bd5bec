package participant

import (
	"errors"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
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
	for _, c := range []struct {
		sentence   string
		occupation Occupation
		livelihood []string
		want       error
		pointer    string
	}{
		{"no extent of nothing", Occupation{Kind: "none", Extent: 50}, nil, ErrExtent, "/occupationAfter/extent"},
		{"no extent of seeking", Occupation{Kind: "job_seeking", Extent: 50}, nil, ErrExtent, "/occupationAfter/extent"},
		{"work has an extent", Occupation{Kind: "works"}, nil, ErrExtentMissing, "/occupationAfter/extent"},
		{"studies have an extent", Occupation{Kind: "studies"}, nil, ErrExtentMissing, "/occupationAfter/extent"},
		{"none is alone", Occupation{Kind: "none"}, []string{"salary", "none"}, ErrLivelihood, "/livelihoodAfter"},
	} {
		d := Documentation{On: "2026-11-20", EndReason: AccordingToPlan, Occupation: c.occupation, Livelihood: c.livelihood}
		err := talked(t).Close(d, coach, noon)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.sentence, err, c.want)
		} else if f := fault.Of(err); len(f.Fields) != 1 || f.Fields[0].Pointer != c.pointer {
			t.Errorf("%s: %+v", c.sentence, f.Fields)
		}
	}
}

// TestNothingEndsBeforeTheLastThingThatHappened closes on the day before the last thing
// that happened, which is refused, and on its day, which is not.
func TestNothingEndsBeforeTheLastThingThatHappened(t *testing.T) {
	for _, c := range []struct {
		sentence string
		e        func(*testing.T) *Enrolment
		reason   EndReason
		first    civil.Date // that is taken
	}{
		{"the closing conversation", talked, AccordingToPlan, "2026-10-05"},
		{"the conversation, whatever the reason", talked, "own_choice", "2026-10-05"},
		{"the last block, when the conversation was before its end", func(t *testing.T) *Enrolment {
			e := through(t, 4)
			must(t, e.HoldConversation("2026-09-30", nil, coach, noon))
			return e
		}, Work, "2026-10-04"},
		{"the start of a block that was left in its middle", at(4), "own_choice", "2026-08-24"},
		{"the start", running, "moved", "2026-11-02"},
		{"the decision of the check-in", decided, "moved", "2026-06-02"},
		{"the decision to pause", paused, "moved", "2026-06-02"},
		{"the end of the pause", func(t *testing.T) *Enrolment {
			e := paused(t)
			must(t, e.Resume("2026-08-10", coach, noon))
			return e
		}, "moved", "2026-08-10"},
	} {
		d := Documentation{On: c.first.AddDays(-1), EndReason: c.reason, Occupation: Occupation{Kind: "none"}}
		e := c.e(t)
		if err := e.Close(d, coach, noon); !errors.Is(err, ErrTooEarly) {
			t.Errorf("before %s: %v", c.sentence, err)
		}
		d.On = c.first
		if err := e.Close(d, coach, noon); err != nil {
			t.Errorf("%s: %v", c.sentence, err)
		}
		if p := e.Progress(); p.current().Last > c.first {
			t.Errorf("%s: the block lasted until %s, the enrolment until %s", c.sentence, p.current().Last, c.first)
		}
	}
}

func TestNoClosingConversationBeforeTheDecisionToEnd(t *testing.T) {
	e := answered(t)
	must(t, decide(End, 0, nil)(e))
	if err := e.HoldConversation("2026-06-01", nil, coach, noon); !errors.Is(err, ErrTooEarly) {
		t.Errorf("got %v", err)
	}
}

func TestAfterAProlongedBlockTheReferrerIsAskedAgain(t *testing.T) {
	e := answered(t)
	must(t, decide(Prolong, 2, &Exception{})(e))
	if p := e.Progress(); p.State != StateCheckInDue || p.Blocks[0].Prolonged != 0 || p.CheckIns[0].Request == nil {
		t.Fatalf("before it is approved: %s, %+v", p.State, p.CheckIns[0])
	}
	must(t, e.Approve(true, nil, chef, noon))
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
	must(t, e.Start("2026-09-07", nil, coach, noon))
	if e.MarkOverdue(noon) {
		t.Fatal("nothing waits for the system")
	}
	if err := e.StartBlock(2, "2026-09-20", nil, coach, noon); !errors.Is(err, ErrTooEarly) {
		t.Errorf("got %v", err)
	}
	must(t, e.StartBlock(2, "2026-09-21", nil, coach, noon))
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
