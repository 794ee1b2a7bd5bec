package service_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
	. "github.com/finsam/finsam/services/activity/activitytest"
	"github.com/finsam/finsam/services/activity/service"
)

// Lines of the example's weeks, which the tests give places, slots and days.
const (
	calmLine   = `day: thursday, from: "13:00", to: "13:30", place: Frölundagatan 49 }`
	abroadLine = `{ name: Promenad, category: social, from: "11:00", to: "11:45", place: ACTUS, rotating: true }`
)

// office is a suite with a walk of so many places, and people who are enrolled in Mölndal.
type office struct {
	*Suite
	t   *testing.T
	ctx context.Context // of Mölndal's coach
}

func newOffice(t *testing.T, people int, changes ...string) *office {
	t.Helper()
	o := &office{Suite: Start(t, changes...), t: t, ctx: actor.With(t.Context(), Coach(Molndal))}
	servicetest.Run(t, o.Service.Run)
	for n := range people {
		o.Emit("planned", enrolment(n), person(n), Molndal, 1, "")
	}
	o.Enrolled(t, Person, Molndal)
	if people > 0 {
		o.Enrolled(t, person(people-1), Molndal)
	}
	return o
}

func enrolment(n int) string { return fmt.Sprintf("33333333-3333-4333-8333-%012d", n) }
func person(n int) string    { return fmt.Sprintf("44444444-4444-4444-8444-%012d", n) }

// places is the example's walk with so many places.
func places(n int) []string {
	return []string{walkLine, strings.TrimSuffix(walkLine, " }") + fmt.Sprintf(", capacity: %d }", n)}
}

// book books a person, or puts them on the waiting list.
func (o *office) book(n int, from, until civil.Date) *service.BookingView {
	o.t.Helper()
	b, err := o.Service.Book(o.ctx, activity.BookingRequest{Enrolment: enrolment(n), Activity: Walk, From: from, Until: until, Wait: true}, "")
	servicetest.Must(o.t, err)
	o.Clock.Advance(time.Second)
	return b
}

// becomes waits until a booking is in a state, and returns it.
func (o *office) becomes(id string, want activity.State) (b *service.BookingView) {
	o.t.Helper()
	servicetest.Eventually(o.t, "a booking is "+string(want), func() bool {
		servicetest.Must(o.t, o.Service.OfferPlaces(o.ctx, Tenant))
		var err error
		b, err = o.Service.Booking(o.ctx, id)
		servicetest.Must(o.t, err)
		return b.Status.State == want
	})
	return b
}

func TestWhatFreesAPlaceOffersItToTheNext(t *testing.T) {
	o := newOffice(t, 5, places(1)...)
	_, err := o.Service.Book(o.ctx, activity.BookingRequest{Enrolment: enrolment(0), Activity: Walk, From: "2026-11-24"}, "")
	servicetest.Must(t, err)
	if _, err := o.Service.Book(o.ctx, activity.BookingRequest{Enrolment: enrolment(1), Activity: Walk, From: "2026-11-24"}, ""); !errors.Is(err, activity.ErrFull) {
		t.Fatalf("the walk is full: %v", err)
	}
	first, second, once := o.book(1, "2026-11-24", ""), o.book(2, "2026-11-24", ""), o.book(3, "2026-12-08", "2026-12-08")
	if first.Status.State != activity.StateWaiting || kinds(once) != "[waitlisted]" {
		t.Fatalf("they wait: %s, %s", kinds(first), kinds(once))
	}
	if _, err := o.Service.Book(o.ctx, activity.BookingRequest{Enrolment: enrolment(1), Activity: Walk, From: "2026-12-01", Wait: true}, ""); !errors.Is(err, activity.ErrBooked) {
		t.Errorf("the same wish twice: %v", err)
	}
	list, err := o.Service.Bookings(o.ctx, service.BookingFilter{State: activity.StateWaiting, Activity: Walk}, store.Window{Page: 1, Limit: 20})
	positions := map[string]int{}
	for _, b := range list.Items {
		positions[b.ID] = b.Position
	}
	if err != nil || len(list.Items) != 3 || positions[first.ID] != 1 || positions[second.ID] != 2 || positions[once.ID] != 3 {
		t.Errorf("the waiting list: %v, %v", positions, err)
	}
	if w, err := o.Service.ParticipantWeek(o.ctx, person(1), "2026-W48"); err != nil || len(w.Items) != 0 {
		t.Errorf("the week of one who waits: %+v, %v", w, err)
	}

	// Absence that was notified frees one occurrence, for one who waits for that.
	has, err := o.Service.Bookings(o.ctx, service.BookingFilter{State: activity.StateBooked}, store.Window{Page: 1, Limit: 20})
	servicetest.Must(t, err)
	holder := has.Items[0]
	_, err = o.Service.NoteAttendance(o.ctx, holder.ID, 1, activity.Note{Date: "2026-12-08", Attendance: activity.AbsentNotified})
	servicetest.Must(t, err)
	once = o.becomes(once.ID, activity.StateOffered)
	if want := o.Clock.Now().Add(activity.OfferLifetime); once.Status.OfferEnds.Before(want.Add(-time.Minute)) || once.Status.OfferEnds.After(want) || !slices.Contains(once.Operations, "acceptOffer") {
		t.Errorf("the offer: %+v, %v", once.Status, once.Operations)
	}
	if once, err = o.Service.AcceptOffer(o.ctx, once.ID, once.Version()); err != nil || once.Status.State != activity.StateBooked || !once.Status.Covers("2026-12-08") {
		t.Fatalf("accepted: %+v, %v", once, err)
	}

	// A cancellation frees the series from a day on, but for the occurrence that is taken.
	_, err = o.Service.Cancel(o.ctx, holder.ID, 2, "2026-12-01")
	servicetest.Must(t, err)
	servicetest.Must(t, o.Service.OfferPlaces(o.ctx, Tenant))
	if b, err := o.Service.Booking(o.ctx, first.ID); err != nil || b.Status.State != activity.StateWaiting {
		t.Errorf("the place is taken on 24 November and 8 December: %+v, %v", b, err)
	}
	_, err = o.Service.Cancel(o.ctx, once.ID, once.Version(), "2026-12-08")
	servicetest.Must(t, err)
	o.Clock.Advance(5 * 24 * time.Hour) // beyond 24 November
	first = o.becomes(first.ID, activity.StateOffered)
	if _, err := o.Service.Book(o.ctx, activity.BookingRequest{Enrolment: enrolment(4), Activity: Walk, From: "2026-12-01"}, ""); !errors.Is(err, activity.ErrFull) {
		t.Errorf("a place that is offered is not free: %v", err)
	}

	// Nobody answers: the place goes to the next, and the first keeps the time on the list.
	o.Clock.Advance(activity.OfferLifetime)
	second = o.becomes(second.ID, activity.StateOffered)
	if first, err = o.Service.Booking(o.ctx, first.ID); err != nil || kinds(first) != "[waitlisted offered offer_expired]" || first.Position != 1 {
		t.Errorf("the first in the queue: %s, %d, %v", kinds(first), first.Position, err)
	}
	if _, err = o.Service.AcceptOffer(o.ctx, first.ID, first.Version()); !errors.Is(err, activity.ErrNotOffered) {
		t.Errorf("too late: %v", err)
	}

	// Who declines leaves the list, and a day later it is the first one's turn again.
	_, err = o.Service.DeclineOffer(o.ctx, second.ID, second.Version())
	servicetest.Must(t, err)
	servicetest.Must(t, o.Service.OfferPlaces(o.ctx, Tenant))
	if first, err = o.Service.Booking(o.ctx, first.ID); err != nil || first.Status.State != activity.StateWaiting {
		t.Errorf("not again at once: %+v, %v", first, err)
	}
	o.Clock.Advance(activity.OfferRest)
	first = o.becomes(first.ID, activity.StateOffered)
	if _, err = o.Service.AcceptOffer(o.ctx, first.ID, first.Version()); err != nil {
		t.Error(err)
	}
}

func TestTheEndOfAnEnrolmentFreesItsPlace(t *testing.T) {
	o := newOffice(t, 3, places(1)...)
	has, waits := o.book(0, "2026-11-24", ""), o.book(1, "2026-12-08", "")
	leaves := o.book(2, "2026-11-24", "")
	o.Emit("closed", enrolment(2), person(2), Molndal, 2, "2026-11-30")
	o.becomes(leaves.ID, activity.StateEnded)
	o.Emit("closed", enrolment(0), person(0), Molndal, 2, "2026-12-02")
	o.becomes(has.ID, activity.StateEnded)
	b := o.becomes(waits.ID, activity.StateOffered)
	_, err := o.Service.AcceptOffer(o.ctx, b.ID, b.Version())
	servicetest.Must(t, err)

	// The closing was a mistake, and the place has been taken since.
	o.Emit("corrected", enrolment(0), person(0), Molndal, 3, "")
	servicetest.Eventually(t, "it is known", func() bool {
		e, err := o.Service.Enrolment(o.ctx, Tenant, enrolment(0))
		return err == nil && e.Step == 3
	})
	if b, err := o.Service.Booking(o.ctx, has.ID); err != nil || b.Status.State != activity.StateEnded {
		t.Errorf("the booking that had the place: %+v, %v", b.Status, err)
	}
}

// TestAPlaceIsNotLostWithTheProcessThatClaimedIt: the process died before the booking was there.
func TestAPlaceIsNotLostWithTheProcessThatClaimedIt(t *testing.T) {
	o := newOffice(t, 2, places(1)...)
	servicetest.Must(t, o.Service.TakeClaim(o.ctx, Tenant, activity.PlaceDiary(Walk), activity.Claim{Booking: "dead", From: "2026-11-24", Until: activity.Forever, At: o.Clock.Now()}))
	r := activity.BookingRequest{Enrolment: enrolment(0), Activity: Walk, From: "2026-11-24"}
	if _, err := o.Service.Book(o.ctx, r, ""); !errors.Is(err, activity.ErrFull) {
		t.Errorf("while it may still come: %v", err)
	}
	waits := o.book(1, "2026-11-24", "")
	o.Clock.Advance(activity.ClaimGrace)
	o.becomes(waits.ID, activity.StateOffered)
}

func TestAnActivityElsewhereIsBookedAtHomeAndShownToWhoReceives(t *testing.T) {
	o := newOffice(t, 1, abroadLine, strings.Replace(abroadLine, "social,", "social, day: wednesday,", 1))
	abroad := o.Activity(t, Alingsas, 1)
	receiver, leader := Coach(Alingsas), Coach(Alingsas)
	leader.Roles = []actor.Role{actor.Supervisor}
	there, leads := actor.With(t.Context(), receiver), actor.With(t.Context(), leader)
	b, err := o.Service.Book(o.ctx, activity.BookingRequest{Enrolment: Enrolment, Activity: abroad, From: "2026-11-18"}, "")
	if err != nil || b.Municipality != Molndal || b.Host != Alingsas || b.Received {
		t.Fatalf("the home coach books: %+v, %v", b, err)
	}
	if _, err := o.Service.Book(there, activity.BookingRequest{Enrolment: enrolment(0), Activity: abroad, From: "2026-11-18"}, ""); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("the receiving coach books no other municipality's participant: %v", err)
	}

	// The receiving one has the booking and its attendance.
	list, err := o.Service.Bookings(there, service.BookingFilter{Received: true}, store.Window{Page: 1, Limit: 20})
	if err != nil || len(list.Items) != 1 || list.Items[0].ID != b.ID || !list.Items[0].Received || slices.Contains(list.Items[0].Operations, "cancelBooking") {
		t.Errorf("the list of those who are received: %+v, %v", list, err)
	}
	day, err := o.Service.Day(leads, abroad, "2026-11-18")
	if err != nil || len(day.Bookings) != 1 || day.Bookings[0].Participant != Person {
		t.Errorf("the day's list: %+v, %v", day, err)
	}
	if b, err = o.Service.NoteAttendance(leads, b.ID, 1, activity.Note{Date: "2026-11-18", Attendance: activity.Present}); err != nil {
		t.Fatal(err)
	}

	// And nothing more.
	for what, err := range map[string]error{
		"the list of the own": func() error {
			list, err := o.Service.Bookings(there, service.BookingFilter{}, store.Window{Page: 1, Limit: 20})
			if err == nil && len(list.Items) == 0 {
				err = fault.ErrNotFound
			}
			return err
		}(),
		"the week":     second(o.Service.ParticipantWeek(there, Person, "2026-W47")),
		"cancels":      second(o.Service.Cancel(there, b.ID, 2, "2026-12-01")),
		"reads a walk": second(o.Service.Booking(there, o.book(0, "2026-11-24", "").ID)),
	} {
		if !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if b, err = o.Service.CorrectAttendance(there, b.ID, 2, activity.Note{Date: "2026-11-18", Attendance: activity.Absent}, "Påhittat."); err != nil || b.Reasons != nil {
		t.Errorf("who receives corrects a note, and reads no reasons: %+v, %v", b, err)
	}
	if w, err := o.Service.ParticipantWeek(o.ctx, Person, "2026-W47"); err != nil || len(w.Items) != 1 || w.Items[0].Attendance != activity.Absent {
		t.Errorf("at home: %+v, %v", w, err)
	}
	if !slices.ContainsFunc(o.Accesses(t), func(e accesslog.Entry) bool { return e.Why == string(access.OwnActivity) }) {
		t.Error("the access log does not say why who receives read it")
	}
}

// second returns the error of a call.
func second[T any](_ T, err error) error { return err }

func TestWhoComesWithoutABookingIsNotedAtTheDoor(t *testing.T) {
	o := newOffice(t, 3, walkLine, strings.TrimSuffix(walkLine, " }")+`, capacity: 2, dropIn: true }`)
	leader := Coach(Molndal)
	leader.Roles = []actor.Role{actor.Supervisor}
	door := actor.With(t.Context(), leader)
	if _, err := o.Service.DropIn(door, Walk, "2026-11-24", person(0), ""); !errors.Is(err, activity.ErrFuture) {
		t.Errorf("before the day: %v", err)
	}
	o.Clock.Advance(4 * 24 * time.Hour) // to Tuesday 24 November
	for range 2 {
		b, err := o.Service.DropIn(door, Walk, "2026-11-24", person(0), "door-1")
		if err != nil || kinds(b) != "[booked attendance_noted]" || b.Status.LastDay != "2026-11-24" || b.Status.Notes["2026-11-24"].Attendance != activity.Present {
			t.Fatalf("%+v, %v", b, err)
		}
	}
	o.book(1, "2026-11-24", "")
	for what, c := range map[string]struct {
		ctx         context.Context
		activity    string
		participant string
		want        error
	}{
		"no place is left":                         {door, Walk, person(2), activity.ErrFull},
		"who is there already":                     {door, Walk, person(1), activity.ErrFull},
		"an activity that one books":               {door, o.Activity(t, Molndal, 2), person(2), activity.ErrNoDropIn},
		"nobody that is known":                     {door, Walk, Walk, fault.ErrNotFound},
		"another municipality's leader":            {actor.With(t.Context(), Coach(Alingsas)), Walk, person(2), fault.ErrNotFound},
		"a participant":                            {actor.With(t.Context(), Participant(person(2))), Walk, person(2), fault.ErrForbidden},
		"an activity that is not offered any more": {door, Person, person(2), fault.ErrNotFound},
	} {
		if _, err := o.Service.DropIn(c.ctx, c.activity, "2026-11-24", c.participant, ""); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	p, err := o.Service.Places(door, Walk, "2026-11-24")
	if err != nil || p.Capacity != 2 || p.Free != 0 {
		t.Errorf("the places: %+v, %v", p, err)
	}
}

func TestTheSlotsOfALeadersTime(t *testing.T) {
	o := newOffice(t, 2, calmLine, strings.TrimSuffix(calmLine, " }")+`, slot: 15, individual: true }`)
	calm := o.Activity(t, Molndal, 4)
	in, err := o.Associations.Get(Tenant)
	servicetest.Must(t, err)
	if x, _ := in.Activity(calm); x.Slot != 15 {
		calm = slotted(in)
	}
	r := activity.BookingRequest{Enrolment: enrolment(0), Activity: calm, From: "2026-11-26", Until: "2026-11-26", Slot: "13:15"}
	b, err := o.Service.Book(o.ctx, r, "")
	if err != nil || b.Slot != "13:15" {
		t.Fatal(b, err)
	}
	if r.Enrolment = enrolment(1); !errors.Is(second(o.Service.Book(o.ctx, r, "")), activity.ErrFull) {
		t.Error("a slot is booked twice")
	}
	p, err := o.Service.Places(o.ctx, calm, "2026-11-26")
	if err != nil || fmt.Sprint(p.Slots) != "[{13:00 13:15 true} {13:15 13:30 false}]" {
		t.Errorf("the slots: %+v, %v", p, err)
	}
}

// slotted returns the activity that is booked in slots.
func slotted(in *association.Association) string {
	for _, x := range in.Week(Molndal).Activities {
		if x.Slot > 0 {
			return x.ID
		}
	}
	return ""
}
