package group

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
)

// TestWhatFiguresCountOfAGroup says which days and people of a group are counted in each state.
func TestWhatFiguresCountOfAGroup(t *testing.T) {
	course := association.Activity{ID: "act", Day: "monday", From: "10:00", To: "12:00", ClosedGroup: &association.ClosedGroup{}}
	by, start := history.Author{Subject: "coach-17"}, civil.Date("2026-09-07").At(12*time.Hour)
	plan := &Plan{Most: 7, Sessions: []Session{{Date: "2026-09-14"}, {Date: "2026-09-21"}}}
	offer := Step{Kind: Offered, Seat: &Seat{Enrolment: "e0", Wait: "w"}}
	place := func(n int) Step {
		return Step{Kind: Placed, Seat: &Seat{Enrolment: fmt.Sprint("e", n), Booking: "b"}}
	}
	steps := []Step{{Kind: Planned, Plan: plan}, {Kind: Opened}, offer, place(1), place(2), {Kind: Started}, {Kind: Freed, Seat: &Seat{Enrolment: "e1"}}, {Kind: Cancelled}}
	g := &Group{Activity: "act"}
	for i, want := range []string{"[] 0 0", "[2026-09-14 2026-09-21] 7 0", "[2026-09-14 2026-09-21] 7 0", "[2026-09-14 2026-09-21] 7 0", "[2026-09-14 2026-09-21] 7 0",
		"[2026-09-14 2026-09-21] 7 2026-09-12 2", "[2026-09-14 2026-09-21] 7 2026-09-12 2", "[] 0 2026-09-12 2"} {
		g.Steps = history.Append(g.Steps, steps[i], by, start.AddDate(0, 0, i))
		days, places := g.OpenOn(course)
		on, size := g.StartedWith()
		if got := strings.TrimSpace(fmt.Sprintf("%s %d %s %d", days, places, on, size)); strings.ReplaceAll(got, "  ", " ") != want {
			t.Errorf("after %s: %s, want %s", steps[i].Kind, got, want)
		}
	}
}

// TestAWaitIsOverWithTheFirstOffer counts from the beginning, however often somebody had to
// wait again.
func TestAWaitIsOverWithTheFirstOffer(t *testing.T) {
	by, w := history.Author{Subject: "coach-17"}, &Wait{}
	for i, want := range []string{"", "2026-09-17", "2026-09-17", "2026-09-17"} {
		w.Steps = history.Append(w.Steps, WaitStep{Kind: []WaitKind{WaitBegun, WaitOffered, WaitReturned, WaitPlaced}[i]}, by, civil.Date("2026-09-07").At(12*time.Hour).AddDate(0, 0, 10*i))
		if from, until := w.UntilOffer(); from != "2026-09-07" || until != civil.Date(want) {
			t.Errorf("after %d steps: from %s until %q", i+1, from, until)
		}
	}
}
