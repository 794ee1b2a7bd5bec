package participant

import (
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"pgregory.net/rapid"
)

// TestNoOrderOfStepsBreaksTheInvariants walks at random, with legal and illegal
// steps, days early and late, and asks after each what must always hold.
func TestNoOrderOfStepsBreaksTheInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := planned("2026-01-05")
		now := noon
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 24*40).Draw(t, "hours")) * time.Hour)
			before := slices.Clone(e.Steps)
			err := randomStep(t, e, now)
			if err != nil && len(e.Steps) != len(before) {
				t.Fatalf("refused with %v, and taken all the same", err)
			}
			e.MarkOverdue(now)
			if e.MarkOverdue(now) {
				t.Fatal("was due twice")
			}
			if !slices.EqualFunc(before, e.Steps[:len(before)], func(a, b EnrolmentStep) bool { return a.N == b.N && a.Kind == b.Kind && a.At.Equal(b.At) }) {
				t.Fatal("history was changed")
			}
			invariants(t, e, now)
		}
	})
}

func randomStep(t *rapid.T, e *Enrolment, now time.Time) error {
	today := civil.DateOf(now)
	on := today.AddDays(-rapid.IntRange(-3, 80).Draw(t, "days ago"))
	n := rapid.IntRange(1, 5).Draw(t, "number")
	if c := e.Progress(); c.Block > 0 && rapid.Bool().Draw(t, "the number due") {
		n = c.Block
	}
	switch rapid.IntRange(0, 9).Draw(t, "what") {
	case 0:
		return e.Start(on, nil, coach, now)
	case 1, 2:
		return e.StartBlock(n+rapid.IntRange(0, 1).Draw(t, "next"), on, nil, coach, now)
	case 3:
		return e.Answer(n, "ready", "", nil, sender, now)
	case 4:
		return e.RecordNonAnswer(n, "", nil, coach, now)
	case 5, 6:
		d := CheckInDecision{Decision: rapid.SampledFrom([]Decision{Continue, Prolong, Pause, End}).Draw(t, "decision"), On: on}
		if rapid.Bool().Draw(t, "with weeks") {
			d.Weeks = rapid.IntRange(1, 8).Draw(t, "weeks")
		}
		if rapid.Bool().Draw(t, "with exception") {
			d.Exception = &Exception{}
		}
		if rapid.IntRange(0, 2).Draw(t, "corrected") == 0 {
			c := Correction{Step: int64(rapid.IntRange(1, len(e.Steps)).Draw(t, "step"))}
			if rapid.Bool().Draw(t, "otherwise") {
				c.Instead = &Replacement{On: map[StepKind]civil.Date{e.Steps[c.Step-1].Kind: on}, Decision: d.Decision, Weeks: d.Weeks}
				if e.Steps[c.Step-1].Kind != Decided {
					c.Instead.Decision, c.Instead.Weeks = "", 0
				}
			}
			_, err := e.Correct(coach, now, true, c)
			return err
		}
		if rapid.Bool().Draw(t, "approved") && e.Approve(rapid.Bool().Draw(t, "yes"), nil, chef, now) == nil {
			return nil
		}
		return e.Decide(n, d, coach, now)
	case 7:
		return e.Resume(on, coach, now)
	case 8:
		return e.HoldConversation(on, nil, coach, now)
	}
	if rapid.IntRange(0, 3).Draw(t, "really") > 0 {
		return e.Cancel(nil, "", coach, now)
	}
	reason := rapid.SampledFrom([]EndReason{AccordingToPlan, Work, "ill_health"}).Draw(t, "reason")
	return e.Close(Documentation{On: on, EndReason: reason}, coach, now)
}

// invariants are those of the field (domain rules, enrolment), checked by the
// steps alone wherever that can be done without the code that is tested.
func invariants(t *rapid.T, e *Enrolment, now time.Time) {
	c := e.Progress()
	if c.State == "" {
		t.Fatalf("a step outside the table: %+v", e.Steps[len(e.Steps)-1])
	}
	story := e.Story()
	excepted := slices.ContainsFunc(story, func(s EnrolmentStep) bool { return s.Kind == Decided && s.Exception != nil && s.By == chef.Subject })
	if c.ActiveWeeks() > e.Plan.MaxWeeks && !excepted {
		t.Fatalf("%d weeks without exception", c.ActiveWeeks())
	}
	asked, paused := false, false
	started, goOn := 0, map[int]bool{}
	for _, s := range story {
		if s.On > civil.DateOf(now) && s.Kind != Planned {
			t.Fatalf("%s on %s is in the future", s.Kind, s.On)
		}
		switch s.Kind {
		case Started, BlockStarted:
			if s.Number != started+1 || paused || started > 0 && !goOn[started] {
				t.Fatalf("block %d began after block %d, paused %v", s.Number, started, paused)
			}
			started = s.Number
		case CheckInDue:
			asked = false
		case Answered, NotAnswered:
			asked = true
		case Decided:
			if !asked {
				t.Fatal("decided without answer or non-answer")
			}
			goOn[s.Number] = s.Decision == Continue || s.Decision == Pause
			paused = s.Decision == Pause
		case Resumed:
			paused = false
		}
	}
	for i := 1; i < c.Block; i++ {
		if c.Blocks[i].First <= c.Blocks[i-1].Last || c.Blocks[i-1].Last == "" {
			t.Fatalf("block %d began on %s, block %d ended on %q", i+1, c.Blocks[i].First, i, c.Blocks[i-1].Last)
		}
	}
}
