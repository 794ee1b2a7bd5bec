package service_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
	. "github.com/finsam/finsam/services/activity/activitytest"
	"github.com/finsam/finsam/services/activity/service"
)

// loads loads the example's file with pieces and their replacements by turns.
func loads(t *testing.T, s *Suite, changes ...string) {
	t.Helper()
	text := strings.NewReplacer(changes...).Replace(string(servicetest.Example(t)))
	_, err := s.Service.Programme.Load(servicetest.As(actor.ForService("referral", Tenant)), map[string][]byte{"insjoriket.yaml": []byte(text)}, true)
	servicetest.Must(t, err)
}

// kinds returns the kinds of the steps of a booking.
func kinds(b *service.BookingView) string {
	var all []string
	for _, s := range b.Steps {
		all = append(all, string(s.Kind))
	}
	return fmt.Sprint(all)
}

func TestBookingsFollowAnActivityThatIsMoved(t *testing.T) {
	s, ctx := running(t)
	loads(t, s)
	calm := s.Activity(t, Molndal, 7)
	walks, err := s.Service.Book(ctx, walkFrom("2026-11-16"), "")
	servicetest.Must(t, err)
	_, err = s.Service.NoteAttendance(ctx, walks.ID, 1, activity.Note{Date: "2026-11-17", Attendance: activity.Present})
	servicetest.Must(t, err)
	other, err := s.Service.Book(ctx, activity.BookingRequest{Enrolment: Enrolment, Activity: calm, From: "2026-11-16"}, "")
	servicetest.Must(t, err)
	off, err := s.Service.CallOff(ctx, Walk, activity.CancellationRequest{Date: "2026-12-15", Reason: "leader_absent"}, "")
	servicetest.Must(t, err)
	_, secret, err := s.Service.OpenAddress(ctx, Person, "")
	servicetest.Must(t, err)
	before, err := entriesBehind(s, ctx, secret)
	servicetest.Must(t, err)

	s.Clock.Advance(time.Hour)
	loads(t, s, walkLine, strings.TrimSuffix(walkLine, " }")+`, changes: [{ on: 2026-12-07, day: thursday }] }`)
	servicetest.Eventually(t, "the booking is for Thursdays", func() bool {
		walks, err = s.Service.Booking(ctx, walks.ID)
		return err == nil && kinds(walks) == "[booked attendance_noted moved]"
	})
	if last := walks.Steps[2]; last.Date != "2026-12-07" || last.Plan[0].Day != "thursday" || last.Cause == "" || last.By != "service:activity" {
		t.Errorf("the step: %+v", last)
	}

	// What has been stays.
	day, err := s.Service.Day(ctx, Walk, "2026-11-17")
	if err != nil || len(day.Bookings) != 1 || day.Bookings[0].Status.Notes["2026-11-17"].Attendance != activity.Present {
		t.Errorf("the day that has been: %+v, %v", day, err)
	}
	week, err := s.Service.ParticipantWeek(ctx, Person, "2026-W47")
	if err != nil || len(week.Items) != 2 || week.Items[0].Date != "2026-11-17" || week.Items[0].Attendance != activity.Present {
		t.Errorf("the week that has been: %+v, %v", week, err)
	}

	// Both bookings say that they collide, and no third one is made.
	var list *store.List[*service.BookingView]
	servicetest.Eventually(t, "the conflict is listed", func() bool {
		list, err = s.Service.Bookings(ctx, service.BookingFilter{Conflict: true}, store.Window{Page: 1, Limit: 20})
		return err == nil && len(list.Items) == 2
	})
	for _, b := range list.Items {
		want := map[string]string{walks.ID: other.ID, other.ID: walks.ID}[b.ID]
		if len(b.Conflicts) != 1 || b.Conflicts[0] != (service.Conflict{On: "2026-12-10", Booking: want}) {
			t.Errorf("the conflicts of %s: %+v", b.ID, b.Conflicts)
		}
	}
	if c, err := s.Service.Cancellation(ctx, Walk, off.ID); err != nil || c.Shown != activity.Void || len(c.Operations) != 0 {
		t.Errorf("what was called off on a Tuesday: %+v, %v", c, err)
	}

	// The calendar has the same entries, those of the walk on Thursdays.
	after, err := entriesBehind(s, ctx, secret)
	servicetest.Must(t, err)
	moved := 0
	for _, was := range before {
		i := slices.IndexFunc(after, func(e activity.CalendarEntry) bool { return e.UID == was.UID })
		if i < 0 {
			t.Fatalf("%+v is gone", was)
		}
		if is := after[i]; is != was {
			moved++
			if was.Date < "2026-12-08" || is.Date != was.Date.AddDays(2) || is.Sequence != was.Sequence+1 || is.Cancelled {
				t.Errorf("%+v became %+v", was, is)
			}
		}
	}
	if moved < 20 || len(after) != len(before) {
		t.Errorf("%d of %d entries moved, to %d", moved, len(before), len(after))
	}

	// One of the two is cancelled: nothing collides, and its time is free.
	_, err = s.Service.Cancel(ctx, other.ID, 1, "2026-12-10")
	servicetest.Must(t, err)
	if list, err = s.Service.Bookings(ctx, service.BookingFilter{Conflict: true}, store.Window{Page: 1, Limit: 20}); err != nil || len(list.Items) != 0 {
		t.Errorf("after that: %+v, %v", list, err)
	}
	if _, err := s.Service.Book(ctx, activity.BookingRequest{Enrolment: Enrolment, Activity: calm, From: "2026-12-10"}, ""); !errors.Is(err, activity.ErrCollision) {
		t.Errorf("a booking at the new time of the walk: %v", err)
	}
}

func TestBookingsEndWithTheirActivity(t *testing.T) {
	s, ctx := running(t)
	loads(t, s)
	b, err := s.Service.Book(ctx, walkFrom("2026-11-16"), "")
	servicetest.Must(t, err)
	_, secret, err := s.Service.OpenAddress(ctx, Person, "")
	servicetest.Must(t, err)
	loads(t, s, walkLine, strings.TrimSuffix(walkLine, " }")+`, until: 2026-12-11 }`)
	servicetest.Eventually(t, "the booking ends", func() bool {
		b, err = s.Service.Booking(ctx, b.ID)
		return err == nil && b.Status.LastDay == "2026-12-11"
	})
	if kinds(b) != "[booked discontinued]" || b.Steps[1].Cause == "" {
		t.Errorf("its steps: %+v", b.Steps)
	}
	entries, err := entriesBehind(s, ctx, secret)
	servicetest.Must(t, err)
	cancelled := 0
	for _, e := range entries {
		if e.Cancelled != (e.Date > "2026-12-11") || e.Cancelled && e.Sequence != 1 {
			t.Errorf("got %+v", e)
		}
		if e.Cancelled {
			cancelled++
		}
	}
	if cancelled < 20 {
		t.Errorf("%d entries are called off", cancelled)
	}
	if _, err := s.Service.Book(ctx, walkFrom(civil.Date("2026-12-14")), ""); !errors.Is(err, activity.ErrOver) {
		t.Errorf("a booking after the end: %v", err)
	}
	_, before, err := s.Service.Activities(ctx, Molndal, store.Window{Page: 1, Limit: 50})
	servicetest.Must(t, err)
	s.Clock.Advance(22 * 24 * time.Hour)
	all, after, err := s.Service.Activities(ctx, Molndal, store.Window{Page: 1, Limit: 50})
	if err != nil || after != before-1 || slices.ContainsFunc(all, func(x service.ActivityView) bool { return x.ID == Walk }) {
		t.Errorf("%d of %d activities when it is over, %v", after, before, err)
	}
	if b, err = s.Service.Booking(ctx, b.ID); err != nil || b.Name != "Promenad" {
		t.Errorf("the booking's activity is called %q, %v", b.Name, err)
	}
}

// TestABookingOfWhatIsMovedMeanwhileFollows is: also where the process that books does not
// know of the move yet, and the one that follows it has looked for bookings before.
func TestABookingOfWhatIsMovedMeanwhileFollows(t *testing.T) {
	s := Start(t)
	loads(t, s)
	p := s.Parts
	var err error
	p.Associations, err = association.NewRegistry()
	servicetest.Must(t, err)
	twin := &Suite{World: s.World}
	twin.Service, err = service.New(t.Context(), service.Config{Parts: p})
	servicetest.Must(t, err)
	following, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- twin.Service.Run(following) }()
	twin.Enrolled(t, Person, Molndal)
	stop()
	servicetest.Must(t, <-done)
	ctx := actor.With(t.Context(), Coach(Molndal))

	loads(t, twin, walkLine, strings.TrimSuffix(walkLine, " }")+`, until: 2026-12-11 }`)
	if _, err := s.Service.Book(ctx, walkFrom("2026-12-21"), ""); !errors.Is(err, activity.ErrOver) {
		t.Errorf("a booking from a day after the end: %v", err)
	}
	loads(t, twin, walkLine, strings.TrimSuffix(walkLine, " }")+`, changes: [{ on: 2026-12-07, day: thursday }] }`)
	b, err := s.Service.Book(ctx, walkFrom("2026-11-16"), "key-1")
	if err != nil || kinds(b) != "[booked moved]" || b.Status.LastDay != activity.Forever {
		t.Fatalf("got %+v, %v", b, err)
	}
	if again, err := s.Service.Book(ctx, walkFrom("2026-11-16"), "key-1"); err != nil || again.ID != b.ID {
		t.Errorf("said again: %+v, %v", again, err)
	}
	if b, err = s.Service.Booking(ctx, b.ID); err != nil || kinds(b) != "[booked moved]" {
		t.Errorf("got %+v, %v", b, err)
	}
}

// TestABookingOfWhatNeverBeganEnds is: its entries are called off under their UIDs, and
// come back with it.
func TestABookingOfWhatNeverBeganEnds(t *testing.T) {
	s, ctx := running(t)
	dance := walkLine + "\n      - " + `{ id: dans, name: Påhittad dans, category: health, day: thursday, from: "15:00", to: "16:00", place: Frölundagatan 49, since: 2027-01-07 }`
	loads(t, s, walkLine, dance)
	in, err := s.Associations.Get(Tenant)
	servicetest.Must(t, err)
	offered := in.Week(Molndal).Activities
	id := offered[slices.IndexFunc(offered, func(x association.Activity) bool { return x.Name == "Påhittad dans" })].ID
	b, err := s.Service.Book(ctx, activity.BookingRequest{Enrolment: Enrolment, Activity: id, From: "2027-01-04"}, "")
	servicetest.Must(t, err)
	_, secret, err := s.Service.OpenAddress(ctx, Person, "")
	servicetest.Must(t, err)
	first, err := entriesBehind(s, ctx, secret)
	servicetest.Must(t, err)
	seen := first
	for _, step := range []struct {
		changes []string
		kinds   string
		isOff   bool
	}{{nil, "[booked discontinued]", true}, {[]string{walkLine, dance}, "[booked discontinued reopened]", false}} {
		s.Clock.Advance(time.Hour)
		loads(t, s, step.changes...)
		servicetest.Eventually(t, "the booking is "+step.kinds, func() bool {
			b, err = s.Service.Booking(ctx, b.ID)
			return err == nil && kinds(b) == step.kinds
		})
		if (b.Status.LastDay < b.From) != step.isOff {
			t.Errorf("it is %s, until %s", step.kinds, b.Status.LastDay)
		}
		is, err := entriesBehind(s, ctx, secret)
		if err != nil || len(is) != len(seen) || len(is) < 15 {
			t.Fatalf("%d entries became %d, %v", len(seen), len(is), err)
		}
		for i, e := range is {
			if was := seen[i]; e.UID != was.UID || e.Date != was.Date || e.Sequence <= was.Sequence || e.Cancelled != (step.isOff || first[i].Cancelled) {
				t.Errorf("%s: %+v became %+v", step.kinds, was, e)
			}
		}
		seen = is
	}
}

// TestAnOlderBookingKeepsWhatItsFileHadPlanned is: the first load of a programme moves nothing
// that the file had already, and the calendar stays as it was.
func TestAnOlderBookingKeepsWhatItsFileHadPlanned(t *testing.T) {
	planned := strings.TrimSuffix(walkLine, " }") + `, changes: [{ on: 2026-12-07, day: thursday }] }`
	s := Start(t, walkLine, planned)
	servicetest.Run(t, s.Service.Run)
	s.Enrolled(t, Person, Molndal)
	ctx := actor.With(t.Context(), Coach(Molndal))
	b, err := s.Service.Book(ctx, walkFrom("2026-11-17"), "")
	servicetest.Must(t, err)
	servicetest.Must(t, s.Service.ForgetPlan(ctx, Tenant, b.ID))
	_, secret, err := s.Service.OpenAddress(ctx, Person, "")
	servicetest.Must(t, err)
	before, err := entriesBehind(s, ctx, secret)
	servicetest.Must(t, err)
	loads(t, s, walkLine, planned)
	s.Clock.Advance(time.Hour)
	loads(t, s, walkLine, strings.TrimSuffix(planned, "] }")+`, { on: 2027-01-11, from: "13:15", to: "14:15" }] }`)
	servicetest.Eventually(t, "the booking follows", func() bool {
		b, err = s.Service.Booking(ctx, b.ID)
		return err == nil && kinds(b) == "[booked attendance_noted moved]"
	})
	if b.Steps[2].Date != "2027-01-11" {
		t.Errorf("it is moved from %s on", b.Steps[2].Date)
	}
	after, err := entriesBehind(s, ctx, secret)
	if err != nil || len(after) != len(before) {
		t.Fatalf("%d entries became %d, %v", len(before), len(after), err)
	}
	for i, e := range after {
		if was := before[i]; e.UID != was.UID || (e != was) != (e.Date >= "2027-01-11") {
			t.Errorf("%+v became %+v", was, e)
		}
	}
}

// TestAnotherCorrectionLeavesWhatEnded is: the bookings of a closed enrolment ended once.
func TestAnotherCorrectionLeavesWhatEnded(t *testing.T) {
	s, ctx := running(t)
	b, err := s.Service.Book(ctx, walkFrom("2026-11-16"), "")
	servicetest.Must(t, err)
	s.Emit("closed", Enrolment, Person, Molndal, 2, "2026-11-25")
	s.Emit("corrected", Enrolment, Person, Molndal, 3, "") // of another step
	s.Emit("noted", Enrolment, Person, Molndal, 4, "")
	servicetest.Eventually(t, "all have come", func() bool {
		e, err := s.Service.Enrolment(ctx, Tenant, Enrolment)
		return err == nil && e.Step == 4
	})
	if b, err = s.Service.Booking(ctx, b.ID); err != nil || kinds(b) != "[booked ended]" || b.Status.LastDay != "2026-11-25" {
		t.Errorf("got %+v, %v", b, err)
	}
}

// TestAClosedGroupHasItsPlaces is: of many who ask at once as many begin as there are places,
// also when the start was moved meanwhile; a place that was given up is free.
func TestAClosedGroupHasItsPlaces(t *testing.T) {
	s, ctx := running(t)
	course := "closedGroup: { sessions: 8 }"
	loads(t, s, course, "closedGroup: { sessions: 8, least: 2, most: 3, starts: [2026-12-01] }")
	group := s.Activity(t, Molndal, 2)
	enrolments := make([]string, 8)
	for i := range enrolments {
		person := fmt.Sprintf("22222222-2222-4222-8222-00000000000%d", i)
		enrolments[i] = fmt.Sprintf("11111111-1111-4111-8111-00000000000%d", i)
		s.Emit("planned", enrolments[i], person, Molndal, 1, "")
		s.Enrolled(t, person, Molndal)
	}
	made := make(chan *service.BookingView, len(enrolments))
	var wait sync.WaitGroup
	book := func(enrolment string, from civil.Date) error {
		b, err := s.Service.Book(ctx, activity.BookingRequest{Enrolment: enrolment, Activity: group, From: from}, "")
		if err == nil {
			made <- b
		}
		return err
	}
	for _, e := range enrolments {
		wait.Go(func() {
			if err := book(e, "2026-11-25"); err != nil && !errors.Is(err, activity.ErrGroupFull) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if len(made) != 3 {
		t.Fatalf("%d have a place of 3", len(made))
	}
	const moved = `changes: [{ on: 2026-11-30, is: { name: ACT, category: act, day: wednesday, from: "09:30", to: "12:00", closedGroup: { least: 2, most: 3, starts: [2026-12-02] } } }]`
	loads(t, s, course, "closedGroup: { sessions: 8, least: 2, most: 3, starts: [2026-11-24] }, "+moved)
	b := <-made
	inside := []string{b.Enrolment, (<-made).Enrolment, (<-made).Enrolment}
	outside := enrolments[slices.IndexFunc(enrolments, func(e string) bool { return !slices.Contains(inside, e) })]
	if err := book(outside, "2026-12-02"); !errors.Is(err, activity.ErrGroupFull) {
		t.Errorf("the group begins a day later: %v", err)
	}
	servicetest.Eventually(t, "the booking follows", func() bool {
		var err error
		b, err = s.Service.Booking(ctx, b.ID)
		return err == nil && kinds(b) == "[booked moved]"
	})
	_, err := s.Service.Cancel(ctx, b.ID, b.Version(), "2026-12-01")
	servicetest.Must(t, err)
	if err := book(outside, "2026-12-02"); err != nil {
		t.Errorf("a place that was given up: %v", err)
	}
}

// TestABookingWhoseMakerDiedIsSettled inserts bookings without the look at what has become of the
// activity and the enrolment that follows: their events bring it.
func TestABookingWhoseMakerDiedIsSettled(t *testing.T) {
	s, coach := running(t)
	loads(t, s)
	in, err := s.Associations.Get(Tenant)
	servicetest.Must(t, err)
	was, _ := in.Activity(Walk)
	made := func(id, of, participant, enrolment string, plan activity.Plan) {
		t.Helper()
		e := &activity.Enrolment{Association: Tenant, ID: enrolment, Participant: participant, Municipality: Molndal}
		b := activity.Book(id, e, activity.BookingRequest{Enrolment: enrolment, Activity: of, From: "2026-11-20"}, plan, idempotency.Receipt{}, history.Author{Subject: "coach-1"}, s.Clock.Now())
		_, err := s.Service.Programme.Bookings.Insert(t.Context(), b)
		servicetest.Must(t, err)
		s.Service.Programme.Changed() // it is published
	}
	becomes := func(id, want string) *service.BookingView {
		t.Helper()
		var b *service.BookingView
		servicetest.Eventually(t, id+" is "+want, func() (is bool) {
			b, err = s.Service.Booking(coach, id)
			return err == nil && kinds(b) == want
		})
		return b
	}
	other, err := s.Service.Book(coach, walkFrom("2026-11-20"), "")
	servicetest.Must(t, err)
	loads(t, s, walkLine, strings.TrimSuffix(walkLine, " }")+`, changes: [{ on: 2026-12-07, day: thursday }] }`)
	becomes(other.ID, "[booked moved]") // so the move has been handled
	const second, person = "11111111-1111-4111-8111-111111111112", "22222222-2222-4222-8222-222222222223"
	s.Emit("planned", second, person, Molndal, 1, "")
	s.Enrolled(t, person, Molndal)
	made("b-1", Walk, person, second, activity.PlanOf(was, "2026-11-20"))
	if b := becomes("b-1", "[booked moved]"); b.Steps[1].Cause != "b-1/1" {
		t.Errorf("it follows the activity because of %s", b.Steps[1].Cause)
	}
	s.Emit("closed", second, person, Molndal, 2, "2026-11-30")
	becomes("b-1", "[booked moved ended]")
	calm, _ := in.Activity(s.Activity(t, Molndal, 7))
	made("b-2", calm.ID, person, second, activity.PlanOf(calm, "2026-11-20"))
	if b := becomes("b-2", "[booked ended]"); b.Steps[1].Cause != second+"/2" {
		t.Errorf("it ends because of %s", b.Steps[1].Cause)
	}
}

// TestAClosingThatWasNoneMayMakeAGroupOneTooMany is: the place of one whose enrolment was closed
// went to another, and the closing was a mistake. Both have their places, and nobody else gets
// one before there is room again.
func TestAClosingThatWasNoneMayMakeAGroupOneTooMany(t *testing.T) {
	s, ctx := running(t)
	loads(t, s, "closedGroup: { sessions: 8 }", "closedGroup: { sessions: 8, least: 1, most: 1, starts: [2026-12-01] }")
	group := s.Activity(t, Molndal, 2)
	enrolments := make([]string, 3)
	for i := range enrolments {
		person := fmt.Sprintf("22222222-2222-4222-8222-00000000000%d", i)
		enrolments[i] = fmt.Sprintf("11111111-1111-4111-8111-00000000000%d", i)
		s.Emit("planned", enrolments[i], person, Molndal, 1, "")
		s.Enrolled(t, person, Molndal)
	}
	book := func(n int) (*service.BookingView, error) {
		return s.Service.Book(ctx, activity.BookingRequest{Enrolment: enrolments[n], Activity: group, From: "2026-11-30"}, "")
	}
	becomes := func(b *service.BookingView, want string) {
		t.Helper()
		servicetest.Eventually(t, want, func() bool {
			now, err := s.Service.Booking(ctx, b.ID)
			if err == nil {
				*b = *now
			}
			return err == nil && kinds(now) == want
		})
	}
	first, err := book(0)
	servicetest.Must(t, err)
	s.Emit("closed", enrolments[0], first.Participant, Molndal, 2, "2026-11-20")
	becomes(first, "[booked ended]")
	second, err := book(1)
	servicetest.Must(t, err)
	s.Emit("corrected", enrolments[0], first.Participant, Molndal, 3, "", "corrects", "2")
	becomes(first, "[booked ended reopened]")
	if first.Status.LastDay != activity.Forever || second.Status.LastDay != activity.Forever {
		t.Errorf("the places are held until %s and %s", first.Status.LastDay, second.Status.LastDay)
	}
	for _, leaves := range []*service.BookingView{first, second} {
		if _, err := book(2); !errors.Is(err, activity.ErrGroupFull) {
			t.Errorf("while there are too many, or as many as there may be: %v", err)
		}
		_, err = s.Service.Cancel(ctx, leaves.ID, leaves.Version(), "2026-11-30")
		servicetest.Must(t, err)
	}
	if _, err := book(2); err != nil {
		t.Errorf("after both have left: %v", err)
	}
}
