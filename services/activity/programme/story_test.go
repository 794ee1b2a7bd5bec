package programme_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
	. "github.com/finsam/finsam/services/activity/activitytest"
	. "github.com/finsam/finsam/services/activity/programme"
	"github.com/finsam/finsam/services/activity/service"
)

// TestFromADraftThroughItsCheckToItsActivation plans a series of a municipality, moves it to
// where a participant has another booking, and makes a course of it that fits nowhere.
func TestFromADraftThroughItsCheckToItsActivation(t *testing.T) {
	s := Start(t)
	if _, _, err := load(t, s, false); err != nil {
		t.Fatal(err)
	}
	servicetest.Run(t, s.Service.Run)
	s.Enrolled(t, Person, Molndal)
	planner := actor.Actor{Subject: "planner-1", Association: Tenant, Authority: "molndal", AuthorityKind: actor.Municipality, Municipality: Molndal, Roles: []actor.Role{actor.Planner}}
	colleague := planner
	colleague.Subject = "planner-2"
	ctx, other, coach := servicetest.As(planner), servicetest.As(colleague), servicetest.As(Coach(Molndal))
	draft := func(from civil.Date, x association.Activity) programme.Version {
		x.Name, x.Category = "Lugn gympa", "health"
		return programme.Version{From: from, Content: programme.Content{Series: &x}}
	}
	v, err := s.Service.Programme.Create(ctx, Creation{Kind: programme.Series, Municipality: Molndal, Draft: draft("2026-11-20", association.Activity{Day: "friday", From: "15:00", To: "16:00"})}, "")
	servicetest.Must(t, err)
	v, err = s.Service.Programme.Activate(other, v.ID, v.Writes)
	servicetest.Must(t, err)
	gymnastics := strings.TrimPrefix(v.ID, "series.")
	recovery := s.Activity(t, Molndal, slices.IndexFunc(served(t, s).Week(Molndal).Activities, func(x association.Activity) bool { return x.Name == "Återhämtning" && x.Day == "wednesday" }))
	for _, x := range []string{gymnastics, recovery} {
		_, err := s.Service.Book(coach, activity.BookingRequest{Enrolment: Enrolment, Activity: x, From: "2026-11-20"}, "")
		servicetest.Must(t, err)
	}
	_, _, err = s.Service.OpenAddress(servicetest.As(Participant(Person)), Person, "")
	servicetest.Must(t, err)

	draw := func(from civil.Date, x association.Activity) *Report {
		t.Helper()
		v, err = s.Service.Programme.Draw(ctx, v.ID, v.Writes, draft(from, x))
		servicetest.Must(t, err)
		r, err := s.Service.Programme.Check(ctx, v.ID)
		servicetest.Must(t, err)
		return r
	}
	r := draw("2026-12-01", association.Activity{Day: "friday", From: "15:00", To: "16:00", ClosedGroup: &association.ClosedGroup{Sessions: 30}})
	if len(r.Findings) != 1 || !r.Findings[0].Prevents || r.Findings[0].Object != v.ID || r.Impact.Bookings != 0 {
		t.Errorf("a course of 30 sessions: %+v", r)
	}
	if _, err := s.Service.Programme.Activate(other, v.ID, v.Writes); !errors.Is(err, ErrFindings) || fault.Of(err).Fields[0].Text != r.Findings[0].Text {
		t.Errorf("it is activated: %v", err)
	}
	r = draw("2026-12-01", association.Activity{Day: "wednesday", From: "11:00", To: "12:00"})
	if len(r.Findings)+len(r.Problems) != 0 || r.Impact.Bookings != 1 || r.Impact.Calendars != 1 || r.Impact.Conflicts != 1 || r.Impact.Enrolments != 0 {
		t.Errorf("at the time of recovery: %+v", r)
	}
	r = draw("2026-12-01", association.Activity{Day: "wednesday", From: "15:00", To: "16:00"})
	if r.Impact.Bookings != 1 || r.Impact.Conflicts != 0 {
		t.Errorf("in the afternoon: %+v", r)
	}
	v, err = s.Service.Programme.Activate(other, v.ID, v.Writes)
	servicetest.Must(t, err)
	w, err := s.Service.ParticipantWeek(coach, Person, "2026-W49")
	if err != nil || len(w.Items) != 2 || w.Items[0].Occurrence.Date != "2026-12-02" || w.Items[1].Occurrence.Date != "2026-12-02" {
		t.Errorf("the week after: %+v, %v", w, err)
	}

	v, err = s.Service.Programme.ProposeEnd(ctx, v.ID, v.Writes, "2026-12-10", "")
	servicetest.Must(t, err)
	v, err = s.Service.Programme.Activate(other, v.ID, v.Writes)
	servicetest.Must(t, err)
	servicetest.Eventually(t, "the booking has ended with its activity", func() bool {
		all, err := s.Service.Bookings(coach, service.BookingFilter{Activity: gymnastics}, store.Window{Limit: 20})
		return err == nil && len(all.Items) == 1 && all.Items[0].Status.LastDay == "2026-12-09"
	})
	if r = draw("2027-01-11", association.Activity{Day: "wednesday", From: "15:00", To: "16:00"}); r.Impact.Bookings != 1 || r.Impact.Calendars != 1 {
		t.Errorf("it begins again, and the booking with it: %+v", r)
	}
}

// BenchmarkCheck measures the check of a series in an association of 20 municipalities, 30
// initiatives and 600 series, from the stored objects on.
func BenchmarkCheck(b *testing.B) {
	var text strings.Builder
	text.WriteString("association: { id: insjoriket, name: Påhittat förbund }\nmunicipalities:\n")
	for m := range 20 {
		fmt.Fprintf(&text, "  - { code: \"%d\", name: Kommun %d }\n", 1481+m, m)
	}
	text.WriteString("initiatives:\n")
	for n := range 30 {
		fmt.Fprintf(&text, "  - { id: insats-%d, name: Insats %d, orientation: individual, maxWeeks: 24, ages: [16, 64], rules: [{ id: fysisk, category: health, times: 1 }], blocks: [", n, n)
		for k := range 4 {
			fmt.Fprintf(&text, "{ number: %d, weeks: 6, checkIn: %t, closing: %t, content: [health, act, social] }, ", k+1, k < 3, k == 3)
		}
		text.WriteString("] }\n")
	}
	text.WriteString("calendar: { publicHolidays: closed }\nweeks:\n")
	for m := range 20 {
		fmt.Fprintf(&text, "  - municipality: \"%d\"\n    activities:\n", 1481+m)
		for n := range 30 {
			fmt.Fprintf(&text, "      - { id: pass-%d, name: Pass %d, category: %s, day: %s, from: \"%02d:00\", to: \"%02d:45\" }\n",
				n, n, association.Categories[n%5], []string{"monday", "tuesday", "wednesday", "thursday", "friday"}[n%5], 8+n/5, 8+n/5)
		}
	}
	s := Start(b)
	if _, err := s.Service.Programme.Load(system(), map[string][]byte{file: []byte(text.String())}, true); err != nil {
		b.Fatal(err)
	}
	planner := actor.Actor{Subject: "planner-1", Association: Tenant, Authority: "molndal", AuthorityKind: actor.Municipality, Municipality: Molndal, Roles: []actor.Role{actor.Planner}}
	x := association.Activity{Name: "Lugn gympa", Category: "health", Day: "friday", From: "15:00", To: "16:00"}
	v, err := s.Service.Programme.Create(servicetest.As(planner), Creation{Kind: programme.Series, Municipality: Molndal, Draft: programme.Version{From: "2026-11-20", Content: programme.Content{Series: &x}}}, "")
	servicetest.Must(b, err)
	for b.Loop() {
		_, err := s.Service.Programme.Check(servicetest.As(planner), v.ID)
		servicetest.Must(b, err)
	}
}

func TestASeriesThatEndsBeforeItBeginsLeavesNoBookingBehind(t *testing.T) {
	s := loaded(t)
	servicetest.Run(t, s.Service.Run)
	s.Enrolled(t, Person, Molndal)
	v := planned(t, s.Service.Programme, gym("2027-01-11"))
	coach := servicetest.As(Coach(Molndal))
	b, err := s.Service.Book(coach, activity.BookingRequest{Enrolment: Enrolment, Activity: strings.TrimPrefix(v.ID, "series."), From: "2027-01-11"}, "")
	servicetest.Must(t, err)
	_, err = ends(s.Service.Programme, v, "2026-12-01")
	servicetest.Must(t, err)
	servicetest.Eventually(t, "the booking has ended with its activity", func() bool {
		is, err := s.Service.Booking(coach, b.ID)
		return err == nil && is.Status.LastDay < is.From
	})
}
