package activity

import (
	"errors"
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// follow returns the projection of an enrolment that the participant service's events
// lead to: kind and data by turns.
func follow(events ...any) *Enrolment {
	e := &Enrolment{Association: "insjoriket", ID: "e1", Participant: "p1", Municipality: "1481"}
	for i := 0; i < len(events); i += 2 {
		e.Follow(int64(i/2+1), events[i].(string), events[i+1].(map[string]string), friday)
	}
	return e
}

type data = map[string]string

var (
	planned = data{"state": "planned", "on": "2026-10-05", "firstDay": "2026-10-05", "lastDay": "2027-03-21"}
	begun   = data{"state": "active", "on": "2026-10-05", "number": "1", "firstDay": "2026-10-05", "lastDay": "2026-11-15", "content": "health,act"}
	due     = data{"state": "check_in_due", "on": "2026-11-16", "number": "1"}
	next    = data{"state": "active", "on": "2026-11-17", "number": "2", "firstDay": "2026-11-17", "lastDay": "2026-12-28", "content": "health,social,act"}
	longer  = data{"state": "active", "on": "2026-11-16", "number": "1", "decision": "prolong", "firstDay": "2026-10-05", "lastDay": "2026-11-29", "content": "health,act"}
	rests   = data{"state": "paused", "on": "2026-11-10", "number": "1", "decision": "pause"}
	resumes = data{"state": "decided", "on": "2026-11-19", "number": "1"}
)

// TestWhoTakesPartInWhatAndWhen asks for each day of an enrolment whether an activity can
// be attended on it, and booked from it.
func TestWhoTakesPartInWhatAndWhen(t *testing.T) {
	toPlan, toBlock1 := follow("planned", planned), follow("planned", planned, "started", begun)
	toCome := follow("planned", data{"state": "planned", "on": "2026-12-01", "firstDay": "2026-12-01", "lastDay": "2027-05-17"})
	toBlock2 := follow("planned", planned, "started", begun, "check_in_due", due, "decided", data{"state": "decided", "decision": "continue", "number": "1"}, "block_started", next)
	prolonged := follow("planned", planned, "started", begun, "decided", longer)
	pausing := follow("planned", planned, "started", begun, "check_in_due", due, "decided", rests)
	resumed := follow("planned", planned, "started", begun, "check_in_due", due, "decided", rests, "resumed", resumes)
	later := data{"state": "active", "corrects": "2", "kind": "started", "on": "2026-10-12", "number": "1", "firstDay": "2026-10-12", "lastDay": "2026-11-22", "content": "health,act"}
	moved := follow("planned", planned, "started", begun, "check_in_due", due, "corrected", later)
	lengthened := follow("planned", planned, "started", begun, "decided", longer, "corrected", later)
	notBegun := follow("planned", planned, "started", begun, "check_in_due", due, "corrected", data{"state": "planned", "corrects": "2", "voids": "3"})
	reopened := follow("planned", planned, "started", begun, "closed", data{"state": "closed", "on": "2026-11-18"}, "corrected", data{"state": "active", "corrects": "3"})
	if len(lengthened.Blocks) != 1 || lengthened.Blocks[0].First != "2026-10-12" || lengthened.Blocks[0].Last != "2026-12-06" {
		t.Errorf("a block of eight weeks that began a week later: %+v", lengthened.Blocks)
	}
	unknown := follow("planned", data{"on": "2026-10-05"})
	closed := follow("planned", planned, "started", begun, "closed", data{"state": "closed", "on": "2026-11-18"})
	for _, c := range []struct {
		sentence     string
		e            *Enrolment
		category     string
		on           civil.Date
		attend, book error
	}{
		{"the first day as it was mistyped", moved, "health", "2026-10-05", ErrBeforeStart, ErrBeforeStart},
		{"the first day as it was", moved, "health", "2026-10-12", nil, nil},
		{"a start that was none", notBegun, "health", "2026-10-06", ErrNotBegun, ErrNotBegun},
		{"a closing that was none", reopened, "health", "2026-11-19", nil, nil},
		{"planned, after the planned start", toPlan, "health", "2026-10-06", ErrNotBegun, ErrNotBegun},
		{"planned to begin later, ahead of that day", toCome, "health", "2026-11-30", ErrNotBegun, ErrNotBegun},
		{"and from that day on", toCome, "health", "2026-12-01", ErrNotBegun, nil},
		{"planned, before it", toPlan, "health", "2026-10-04", ErrNotBegun, ErrNotBegun},
		{"the day before the first", toBlock1, "health", "2026-10-04", ErrBeforeStart, ErrBeforeStart},
		{"the first day", toBlock1, "health", "2026-10-05", nil, nil},
		{"a social walk in block 1", toBlock1, "social", "2026-10-06", ErrNotInBlock, ErrNotInBlock},
		{"a social walk in block 2", toBlock2, "social", "2026-11-17", nil, nil},
		{"a social walk the day before block 2", toBlock2, "social", "2026-11-16", ErrNotInBlock, ErrNotInBlock},
		{"work in block 2", toBlock2, "work_oriented", "2026-11-17", ErrNotInBlock, ErrNotInBlock},
		{"a prolonged block keeps its content", prolonged, "social", "2026-11-20", ErrNotInBlock, ErrNotInBlock},
		{"an early decision to pause lets the block end", pausing, "health", "2026-11-15", nil, ErrPaused},
		{"the first day of the pause", pausing, "health", "2026-11-16", ErrPaused, ErrPaused},
		{"the last day of the pause", resumed, "health", "2026-11-18", ErrPaused, nil},
		{"the day of the resumption", resumed, "health", "2026-11-19", nil, nil},
		{"a closed one", closed, "health", "2026-11-17", nil, ErrEnrolmentClosed},
		{"what earlier events left out is not refused", unknown, "social", "2026-10-01", nil, nil},
	} {
		a := association.Activity{Category: c.category}
		if err := c.e.CanAttend(a, c.on); !errors.Is(err, c.attend) {
			t.Errorf("%s: attended: got %v, want %v", c.sentence, err, c.attend)
		}
		if err := c.e.CanBook(a, c.on, civil.DateOf(friday)); !errors.Is(err, c.book) {
			t.Errorf("%s: booked: got %v, want %v", c.sentence, err, c.book)
		}
	}
	if len(prolonged.Blocks) != 1 || prolonged.Blocks[0].Last != "2026-11-29" || !slices.Equal(resumed.Pauses, []Pause{{"2026-11-16", "2026-11-18"}}) {
		t.Errorf("got %+v, %+v", prolonged.Blocks, resumed.Pauses)
	}
}
