package group_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/group"
)

var by = history.Author{Subject: "coach-1", Authority: "molndal"}

// at returns noon of a day.
func at(d civil.Date) time.Time { return d.At(12 * time.Hour) }

// act is a course on Tuesday mornings in Mölndal.
func act(changes ...func(*association.Activity)) association.Activity {
	a := association.Activity{
		ID: "act", Municipality: "1481", Name: "ACT", Category: "act", Day: "tuesday", From: "09:30", To: "12:00", Place: "Frölundagatan 49",
		ClosedGroup: &association.ClosedGroup{Sessions: 8, Least: 6, Most: 8},
	}
	for _, change := range changes {
		change(&a)
	}
	return a
}

func course(c association.ClosedGroup) func(*association.Activity) {
	return func(a *association.Activity) { a.ClosedGroup = &c }
}

func TestAGroupHasWhatTheProgrammeSays(t *testing.T) {
	closed := func(a *association.Activity) { a.Calendar = association.Calendar{PublicHolidays: "closed"} }
	cases := []struct {
		sentence string
		course   association.Activity
		request  group.Request
		want     string // size, length and days, or the fault and its field
	}{
		{"eight sessions of two and a half hours for six to eight", act(), group.Request{From: "2027-01-12"}, "6–8 150 2027-01-12 2027-01-19 2027-01-26 2027-02-02 2027-02-09 2027-02-16 2027-02-23 2027-03-02"},
		{"six to eight where nobody says another number", act(course(association.ClosedGroup{Sessions: 2})), group.Request{From: "2027-01-12"}, "6–8 150 2027-01-12 2027-01-19"},
		{"at most four, and so at least four", act(course(association.ClosedGroup{Sessions: 1, Most: 4})), group.Request{From: "2027-01-12"}, "4–4 150 2027-01-12"},
		{"at least ten, and so at most ten", act(course(association.ClosedGroup{Sessions: 1, Least: 10})), group.Request{From: "2027-01-12"}, "10–10 150 2027-01-12"},
		{"a length of its own", act(course(association.ClosedGroup{Sessions: 1, Minutes: 90})), group.Request{From: "2027-01-12"}, "6–8 90 2027-01-12"},
		{"a week is skipped", act(course(association.ClosedGroup{Sessions: 3})), group.Request{From: "2027-02-02", Skip: []civil.Date{"2027-02-09"}}, "6–8 150 2027-02-02 2027-02-16 2027-02-23"},
		{"public holidays are closed", act(course(association.ClosedGroup{Sessions: 2}), closed, func(a *association.Activity) { a.Day = "wednesday" }), group.Request{From: "2026-12-30"}, "6–8 150 2026-12-30 2027-01-13"},
		{"what the programme leaves open", act(course(association.ClosedGroup{})), group.Request{From: "2027-01-12", Sessions: 2, Least: 3, Most: 5}, "3–5 150 2027-01-12 2027-01-19"},
		{"what the programme says, said again", act(), group.Request{From: "2027-02-23", Sessions: 8, Least: 6, Most: 8}, "6–8 150 2027-02-23 2027-03-02 2027-03-09 2027-03-16 2027-03-23 2027-03-30 2027-04-06 2027-04-13"},
		{"more sessions than the programme says", act(), group.Request{From: "2027-01-12", Sessions: 9}, "group-as-programme /sessions"},
		{"fewer participants than the programme says", act(), group.Request{From: "2027-01-12", Least: 4}, "group-as-programme /least"},
		{"more than the programme says", act(), group.Request{From: "2027-01-12", Most: 12}, "group-as-programme /most"},
		{"nobody says how many sessions", act(course(association.ClosedGroup{})), group.Request{From: "2027-01-12"}, "group-without-sessions /sessions"},
		{"at least more than at most", act(course(association.ClosedGroup{Sessions: 2, Most: 6})), group.Request{From: "2027-01-12", Least: 7}, "group-size /least"},
		{"a Wednesday", act(), group.Request{From: "2027-01-13"}, "no-occurrence /from"},
		{"no day", act(), group.Request{From: "2027-02-30"}, "bad-date /from"},
		{"a walk", act(func(a *association.Activity) { a.ClosedGroup = nil }), group.Request{From: "2027-01-12"}, "activity-no-course /activity"},
		{"a start of the programme", act(course(association.ClosedGroup{Sessions: 8, Starts: []string{"2027-01-12"}})), group.Request{From: "2027-01-12"}, "group-of-programme /from"},
		{"skips a day that is no session", act(), group.Request{From: "2027-01-12", Skip: []civil.Date{"2027-01-19", "2027-01-20"}}, "group-skips-no-session /skip/1"},
		{"ten contents", act(), group.Request{From: "2027-01-12", Contents: make([]string, 9)}, "group-contents /contents"},
		{"a course that ends before", act(func(a *association.Activity) { a.Later = []association.Activity{{Since: "2027-02-01", Gone: true}} }), group.Request{From: "2027-01-12"}, "course-too-short /from"},
		{"yesterday", act(), group.Request{From: "2026-11-17"}, "group-in-past /from"},
		{"in three years", act(), group.Request{From: "2029-11-20"}, "group-too-far-ahead /from"},
	}
	for _, c := range cases {
		g, err := group.Make("g", "insjoriket", c.course, c.request, idempotency.Receipt{}, by, at("2026-11-20"))
		got := describe(err)
		if err == nil {
			p := g.Status().Plan
			got = fmt.Sprintf("%d–%d %d %s", p.Least, p.Most, p.Minutes, strings.Trim(fmt.Sprint(p.Days()), "[]"))
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.sentence, got, c.want)
		}
	}
}

// describe writes a fault as its code and field.
func describe(err error) string {
	if err == nil {
		return ""
	}
	f := fault.Of(err)
	if len(f.Fields) == 0 {
		return f.Code
	}
	return f.Code + " " + f.Fields[0].Pointer
}

// made returns an open group of a course of two sessions, for two to three, from 12 January.
func made(t *testing.T) (*group.Group, association.Activity) {
	t.Helper()
	x := act(course(association.ClosedGroup{Sessions: 2, Least: 2, Most: 3}))
	g, err := group.Make("g", "insjoriket", x, group.Request{From: "2027-01-12"}, idempotency.Receipt{}, by, at("2026-11-20"))
	if err == nil {
		err = g.Open(x, by, at("2026-11-20"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return g, x
}

func seat(n int) group.Seat {
	return group.Seat{Enrolment: fmt.Sprint("e", n), Participant: fmt.Sprint("p", n), Municipality: "1481", Booking: fmt.Sprint("b", n)}
}

func TestWhatAGroupAllows(t *testing.T) {
	place := func(n int, day civil.Date) func(*group.Group, association.Activity) error {
		return func(g *group.Group, x association.Activity) error { return g.Place(x, seat(n), by, at(day)) }
	}
	start := func(day civil.Date) func(*group.Group, association.Activity) error {
		return func(g *group.Group, x association.Activity) error { return g.Start(x, by, at(day)) }
	}
	cancel := func(g *group.Group, _ association.Activity) error {
		return g.Cancel("too_few", nil, by, at("2027-01-12"))
	}
	free := func(g *group.Group, _ association.Activity) error {
		if !g.Free("e1", "b1", group.Left, by, at("2027-01-12")) {
			return errors.New("not freed")
		}
		return nil
	}
	offer := func(n int) func(*group.Group, association.Activity) error {
		return func(g *group.Group, x association.Activity) error {
			w := &group.Wait{ID: fmt.Sprint("w", n), Enrolment: fmt.Sprint("e", n), Participant: fmt.Sprint("p", n), Municipality: "1481"}
			if !g.Offer(x, w, by, at("2027-01-08")) {
				return errors.New("not offered")
			}
			return nil
		}
	}
	change := func(r group.Request) func(*group.Group, association.Activity) error {
		return func(g *group.Group, x association.Activity) error { return g.Change(x, r, by, at("2026-12-01")) }
	}
	end := func(day civil.Date) func(*group.Group, association.Activity) error {
		return func(g *group.Group, x association.Activity) error {
			if !g.End(x, by, at(day)) {
				return errors.New("not ended")
			}
			return nil
		}
	}
	full := []func(*group.Group, association.Activity) error{place(1, "2027-01-01"), place(2, "2027-01-01"), place(3, "2027-01-01")}
	then := func(steps ...func(*group.Group, association.Activity) error) []func(*group.Group, association.Activity) error {
		return append(slices.Clone(full), steps...)
	}
	for _, c := range []struct {
		sentence string
		steps    []func(*group.Group, association.Activity) error // all but the last are allowed
		want     string
		state    group.State
	}{
		{"three places are taken", full, "", group.StateOpen},
		{"a fourth is not", then(place(4, "2027-01-01")), "group-full /activity", group.StateOpen},
		{"each has one place", then(free, place(2, "2027-01-01")), "already-booked /activity", group.StateOpen},
		{"one that is free is taken", then(free, place(4, "2027-01-01")), "", group.StateOpen},
		{"an offer is a place that others do not have", []func(*group.Group, association.Activity) error{offer(1), offer(2), offer(3), place(4, "2027-01-09")}, "group-full /activity", group.StateOpen},
		{"who is offered one takes it", []func(*group.Group, association.Activity) error{offer(1), offer(2), offer(3), place(2, "2027-01-09")}, "", group.StateOpen},
		{"on the first day somebody joins", then(free, place(4, "2027-01-12")), "", group.StateOpen},
		{"on the second nobody does, whether or not it was started", then(free, place(4, "2027-01-13")), "group-running /from", group.StateOpen},
		{"nobody joins a running group", then(free, start("2027-01-12"), place(4, "2027-01-12")), "group-running /from", group.StateRunning},
		{"it starts with the least", then(free, start("2027-01-12")), "", group.StateRunning},
		{"and not below it", []func(*group.Group, association.Activity) error{place(1, "2027-01-01"), offer(2), start("2027-01-12")}, "group-too-small", group.StateOpen},
		{"nor before its first day", then(start("2027-01-11")), "group-not-begun", group.StateOpen},
		{"nor twice", then(start("2027-01-12"), start("2027-01-12")), "group-started", group.StateRunning},
		{"after its last day it ends", then(start("2027-01-12"), end("2027-01-20")), "", group.StateEnded},
		{"and not on it", then(start("2027-01-12"), end("2027-01-19")), "not ended", group.StateRunning},
		{"one that was not started does not end", then(end("2027-02-20")), "not ended", group.StateOpen},
		{"a running one is cancelled", then(start("2027-01-12"), cancel), "", group.StateCancelled},
		{"in a cancelled one nobody has a place", then(cancel, place(4, "2027-01-12")), "group-cancelled /activity", group.StateCancelled},
		{"nor is it cancelled again", then(cancel, cancel), "group-cancelled", group.StateCancelled},
		{"nor started", then(cancel, start("2027-01-12")), "group-cancelled", group.StateCancelled},
		{"the leader changes, the days stay", then(change(group.Request{Leader: "l2", Contents: []string{"a", "b"}})), "", group.StateOpen},
		{"the days do not change once it is open", then(change(group.Request{From: "2027-02-02"})), "group-days-fixed /from", group.StateOpen},
		{"nor without saying from when", then(change(group.Request{Skip: []civil.Date{"2027-01-19"}})), "group-days-fixed /from", group.StateOpen},
		{"nor what the programme says", then(change(group.Request{Most: 2})), "group-as-programme /most", group.StateOpen},
		{"an ended one is as it was", then(start("2027-01-12"), end("2027-01-20"), change(group.Request{})), "group-ended", group.StateEnded},
		{"a reason of one's own", then(func(g *group.Group, _ association.Activity) error { return g.Cancel("rain", nil, by, at("2027-01-12")) }), "unknown-reason /reason", group.StateOpen},
	} {
		g, x := made(t)
		var err error
		for i, step := range c.steps {
			if err = step(g, x); err != nil && i+1 < len(c.steps) {
				t.Fatalf("%s: step %d: %v", c.sentence, i, err)
			}
		}
		got := describe(err)
		if err != nil && fault.Of(err).Code == "internal" {
			got = err.Error()
		}
		if state := g.Status().State; got != c.want || state != c.state {
			t.Errorf("%s: got %q in %s, want %q in %s", c.sentence, got, state, c.want, c.state)
		}
	}
}

func TestAGroupIsPlannedAgainUntilItIsOpen(t *testing.T) {
	x := act()
	g, err := group.Make("g", "insjoriket", x, group.Request{From: "2027-01-12", Contents: []string{"one"}}, idempotency.Receipt{}, by, at("2026-11-20"))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Change(x, group.Request{From: "2027-02-02", Leader: "l1"}, by, at("2026-11-20")); err != nil || g.Status().Plan.First() != "2027-02-02" || g.Status().Plan.Leader != "l1" {
		t.Errorf("got %v, %+v", err, g.Status().Plan)
	}
	if err := g.Open(x, by, at("2027-02-03")); !errors.Is(err, group.ErrBegun) {
		t.Errorf("a group whose first day has passed was opened: %v", err)
	}
	if err := g.Start(x, by, at("2027-02-02")); !errors.Is(err, group.ErrState[group.StatePlanned]) {
		t.Errorf("a planned one was started: %v", err)
	}
	if err := g.Place(x, seat(1), by, at("2026-12-01")); !errors.Is(err, activity.ErrGroupNotOpen) {
		t.Errorf("a place in a planned one: %v", err)
	}
}

func TestSessionsFollowTheSeriesWithinTheirWeek(t *testing.T) {
	x := act(func(a *association.Activity) {
		later := *a
		later.Since, later.Day, later.Later = "2027-01-18", "thursday", nil
		a.Later = []association.Activity{later}
	})
	before := act(course(association.ClosedGroup{Sessions: 2}))
	g, err := group.Make("g", "insjoriket", before, group.Request{From: "2027-01-12"}, idempotency.Receipt{}, by, at("2026-11-20"))
	if err != nil {
		t.Fatal(err)
	}
	b := &activity.Booking{From: "2027-01-01", Steps: []activity.Step{{Kind: activity.StepBooked}}}
	g.Bind(b, x)
	if fmt.Sprintf("%s %s %s", b.Sessions, b.From, b.Until) != "[2027-01-12 2027-01-21] 2027-01-12 2027-01-21" {
		t.Errorf("got %v from %s to %s", b.Sessions, b.From, b.Until)
	}
	b.Sessions = []civil.Date{"2027-01-12", "2027-01-26"} // a week is skipped
	b.Until = "2027-01-28"
	covered := ""
	for _, d := range []civil.Date{"2027-01-05", "2027-01-12", "2027-01-19", "2027-01-21", "2027-01-26", "2027-01-28", "2027-02-02"} {
		if b.Status().Covers(d) {
			covered += " " + string(d)
		}
	}
	if covered != " 2027-01-12 2027-01-26 2027-01-28" {
		t.Errorf("it covers%s", covered)
	}
}

// TestNoPlanOfStepsBreaksAGroup takes steps by chance and holds after each: never more seats
// than places, nobody twice, nobody new once it runs, no start below the least.
func TestNoPlanOfStepsBreaksAGroup(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	for range 400 {
		g, x := made(t)
		day := civil.Date("2027-01-06")
		atStart := -1
		for range 40 {
			before := g.Status()
			now := at(day)
			switch r.IntN(8) {
			case 0, 1, 2:
				_ = g.Place(x, seat(r.IntN(6)), by, now)
			case 3:
				n := r.IntN(6)
				g.Offer(x, &group.Wait{ID: fmt.Sprint("w", n), Enrolment: fmt.Sprint("e", n), Participant: fmt.Sprint("p", n)}, by, now)
			case 4:
				n := r.IntN(6)
				g.Free(fmt.Sprint("e", n), []string{"", fmt.Sprint("b", n)}[r.IntN(2)], group.Left, by, now)
			case 5:
				if g.Start(x, by, now) == nil {
					if atStart = g.Status().Taken(); atStart < before.Plan.Least {
						t.Fatalf("started with %d", atStart)
					}
				}
			case 6:
				day = day.AddDays(r.IntN(3))
			case 7:
				if r.IntN(20) == 0 {
					_ = g.Cancel("other", nil, by, now)
				}
				g.End(x, by, now)
			}
			st := g.Status()
			seen := map[string]bool{}
			for _, s := range st.Seats {
				if seen[s.Enrolment] {
					t.Fatalf("%s is in it twice", s.Enrolment)
				}
				seen[s.Enrolment] = true
				if before.Seat(s.Enrolment) == nil && (before.State != group.StateOpen || day > "2027-01-12") {
					t.Fatalf("%s joined a group that was %s on %s", s.Enrolment, before.State, day)
				}
			}
			if len(st.Seats) > st.Plan.Most {
				t.Fatalf("%d seats of %d", len(st.Seats), st.Plan.Most)
			}
		}
	}
}
