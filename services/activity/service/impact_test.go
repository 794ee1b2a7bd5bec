package service_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/activity"
	. "github.com/finsam/finsam/services/activity/activitytest"
	"github.com/finsam/finsam/services/activity/programme"
)

const walkLine = `{ name: Promenad, category: social, day: tuesday, from: "13:00", to: "14:00", place: Frölundagatan 49 }`

// changed returns the example association as it would be.
func changed(t testing.TB, changes ...string) *association.Association {
	t.Helper()
	text := string(servicetest.Example(t))
	for n := 0; n < len(changes); n += 2 {
		if !strings.Contains(text, changes[n]) {
			t.Fatalf("the example has no %q", changes[n])
		}
	}
	a, err := association.Parse([]byte(strings.NewReplacer(changes...).Replace(text)))
	servicetest.Must(t, err)
	return a
}

// newWalk is the walk that is another one from a day on.
func newWalk(change string) []string {
	return []string{walkLine, strings.TrimSuffix(walkLine, " }") + ", id: " + Walk + ", changes: [" + change + "] }"}
}

func TestTheImpactOfAChange(t *testing.T) {
	s, ctx := running(t)
	own := actor.With(t.Context(), Participant(Person))
	recovery := s.Activity(t, Molndal, 4) // Wednesday 10:00–11:30
	theme := s.Activity(t, Molndal, 6)    // Thursday 10:00–11:30
	for _, r := range []activity.BookingRequest{
		walkFrom("2026-11-23"),
		{Enrolment: Enrolment, Activity: recovery, From: "2026-11-23"},
		{Enrolment: Enrolment, Activity: theme, From: "2026-11-23", Until: "2026-12-20"},
	} {
		_, err := s.Service.Book(ctx, r, "")
		servicetest.Must(t, err)
	}
	_, err := s.Service.CallOff(ctx, Walk, activity.CancellationRequest{Date: "2026-12-08", Reason: "leader_absent"}, "")
	servicetest.Must(t, err)
	_, _, err = s.Service.OpenAddress(own, Person, "")
	servicetest.Must(t, err)

	cases := []struct {
		sentence string
		after    []string
		want     programme.Impact
	}{
		{"nothing changes", nil, programme.Impact{}},
		{"another day, of one that is called off", newWalk(`{on: 2026-12-01, day: thursday}`), programme.Impact{Bookings: 1, Calendars: 1, Cancellations: 1}},
		{"another day, after the one that is called off", newWalk(`{on: 2026-12-14, day: thursday}`), programme.Impact{Bookings: 1, Calendars: 1}},
		{"another time", newWalk(`{on: 2026-12-01, from: "13:30", to: "14:30"}`), programme.Impact{Bookings: 1, Calendars: 1}},
		{"another place is no entry of a calendar", newWalk(`{on: 2026-12-01, place: Torget}`), programme.Impact{Bookings: 1}},
		{"another name is no other occurrence", newWalk(`{on: 2026-12-01, name: Rask promenad}`), programme.Impact{}},
		{"at the time of recovery", newWalk(`{on: 2026-12-01, day: wednesday, from: "11:00", to: "12:00"}`), programme.Impact{Bookings: 1, Calendars: 1, Cancellations: 1, Conflicts: 1}},
		{"at the time of the theme, as long as that is booked", newWalk(`{on: 2026-12-14, day: thursday, from: "11:00", to: "12:00"}`), programme.Impact{Bookings: 1, Calendars: 1, Conflicts: 1}},
		{"at the time of the theme, once that is over", newWalk(`{on: 2026-12-21, day: thursday, from: "11:00", to: "12:00"}`), programme.Impact{Bookings: 1, Calendars: 1}},
		{"the walk ends", []string{walkLine, strings.TrimSuffix(walkLine, " }") + ", until: 2026-12-01 }"}, programme.Impact{Bookings: 1, Calendars: 1, Cancellations: 1}},
		{"closed on public holidays, which are recovery on 6 January 2027 and the walk on 6 June 2028", []string{"\nweeks:", "\ncalendar: { publicHolidays: closed }\nweeks:"}, programme.Impact{Bookings: 2, Calendars: 1}},
		{"another plan", []string{"maxWeeks: 24", "maxWeeks: 26"}, programme.Impact{Enrolments: 1}},
		{"another plan of another municipality", []string{"\nweeks:", "\n  plans: [{ municipality: \"1441\", maxWeeks: 30 }]\nweeks:"}, programme.Impact{}},
	}
	before := changed(t)
	for _, c := range cases {
		for _, caller := range []actor.Actor{{Subject: "planner-1", Association: Tenant, Municipality: Molndal}, Coach(Molndal), Coach(Alingsas)} {
			got, err := s.Service.Impact(actor.With(t.Context(), caller), before, changed(t, c.after...), "2026-11-20")
			named := 0 // only who may see the bookings is shown which they are
			if caller.Municipality == Molndal && caller.Has(actor.Coach) {
				named = c.want.Conflicts
			}
			if len(got.Conflicting) != named {
				t.Errorf("%s: %s of %s is shown %v", c.sentence, caller.Subject, caller.Municipality, got.Conflicting)
			}
			got.Conflicting = nil
			if err != nil || fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%s: got %+v, %v; want %+v", c.sentence, got, err, c.want)
			}
		}
	}
	s.Emit("closed", Enrolment, Person, Molndal, 2, "2026-11-30")
	servicetest.Eventually(t, "the enrolment is closed", func() bool {
		got, err := s.Service.Impact(ctx, before, changed(t, cases[11].after...), "2026-11-20")
		return err == nil && got.Enrolments == 0
	})
}

func TestAnEnrolmentOfAnEarlierVersionGetsItsInitiative(t *testing.T) {
	s, ctx := Start(t), actor.With(t.Context(), Coach(Molndal))
	stop := servicetest.Run(t, s.Service.Run)
	s.Enrolled(t, Person, Molndal)
	servicetest.Must(t, s.Service.ForgetInitiative(ctx, Tenant, Enrolment))
	got, err := s.Service.Impact(ctx, changed(t), changed(t, "maxWeeks: 24", "maxWeeks: 26"), "2026-11-20")
	if err != nil || got.Enrolments != 1 {
		t.Errorf("as stored: got %+v, %v", got, err)
	}
	stop()
	servicetest.Run(t, s.Service.Run) // as the next start does
	servicetest.Eventually(t, "the enrolment has its initiative", func() bool {
		e, err := s.Service.Enrolment(ctx, Tenant, Enrolment)
		return err == nil && e.Initiative == "activera"
	})
}

// BenchmarkImpact measures the answer to a check among 5,000 enrolments of one municipality,
// each with three bookings, when a series moves to the time of another one, and when days
// are closed for all.
func BenchmarkImpact(b *testing.B) {
	s := Start(b)
	servicetest.Run(b, s.Service.Run)
	const enrolments = 5000
	for n := range enrolments {
		s.Emit("planned", id("e", n), id("p", n), Molndal, 1, "")
	}
	s.Enrolled(b, id("p", enrolments-1), Molndal)
	ctx := actor.With(context.Background(), Coach(Molndal))
	others := []int{4, 6, 8}
	for n := range enrolments {
		ids := []string{Walk, s.Activity(b, Molndal, others[n%3]), s.Activity(b, Molndal, others[(n+1)%3])}
		for _, x := range ids {
			_, err := s.Service.Book(ctx, activity.BookingRequest{Enrolment: id("e", n), Activity: x, From: civil.Date("2026-11-20").AddDays(n % 60)}, "")
			servicetest.Must(b, err)
		}
	}
	before := changed(b)
	for name, after := range map[string][]string{
		"plan":   {"maxWeeks: 24", "maxWeeks: 26"},
		"series": newWalk(`{on: 2026-12-01, day: wednesday, from: "11:00", to: "12:00"}`),
		"closed": {"\nweeks:", "\ncalendar: { publicHolidays: closed }\nweeks:"},
	} {
		next := changed(b, after...)
		planner := actor.With(context.Background(), actor.Actor{Subject: "planner-1", Association: Tenant, Municipality: Molndal})
		b.Run(name, func(b *testing.B) {
			var got programme.Impact
			for b.Loop() {
				var err error
				got, err = s.Service.Impact(planner, before, next, "2026-11-20")
				servicetest.Must(b, err)
			}
			b.ReportMetric(float64(got.Enrolments+got.Bookings), "found")
		})
	}
}

// id returns an invented id.
func id(kind string, n int) string {
	return fmt.Sprintf("%s0000000-0000-4000-8000-%012d", map[string]string{"e": "e", "p": "f"}[kind], n)
}
