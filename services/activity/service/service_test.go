package service_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
	. "github.com/finsam/finsam/services/activity/activitytest"
	"github.com/finsam/finsam/services/activity/service"
)

// running returns a suite that follows and publishes, and a coach's context.
func running(t *testing.T) (*Suite, context.Context) {
	t.Helper()
	s := Start(t)
	servicetest.Run(t, s.Service.Run)
	s.Enrolled(t, Person, Molndal)
	return s, actor.With(t.Context(), Coach(Molndal))
}

func walkFrom(from civil.Date) activity.BookingRequest {
	return activity.BookingRequest{Enrolment: Enrolment, Activity: Walk, From: from}
}

// entriesBehind returns the entries of the calendar behind a secret.
func entriesBehind(s *Suite, ctx context.Context, secret string) ([]activity.CalendarEntry, error) {
	c, err := s.Service.Calendar(ctx, secret)
	if err != nil {
		return nil, err
	}
	return c.Entries, nil
}

func TestFromABookingToAFilledWeek(t *testing.T) {
	s, ctx := running(t)
	b, err := s.Service.Book(ctx, walkFrom("2026-11-16"), "")
	if err != nil {
		t.Fatal(err)
	}
	if b, err = s.Service.NoteAttendance(ctx, b.ID, 1, activity.Note{Date: "2026-11-17", Attendance: activity.Present}); err != nil {
		t.Fatal(err)
	}
	own := actor.With(t.Context(), Participant(Person))
	w, err := s.Service.ParticipantWeek(own, Person, "2026-W47")
	if err != nil || len(w.Items) != 1 || w.Items[0].Attendance != activity.Present || w.Items[0].Booking != b.ID {
		t.Errorf("got %+v, %v", w, err)
	}
	if w, err = s.Service.ParticipantWeek(own, Person, "2026-W46"); err != nil || len(w.Items) != 0 {
		t.Errorf("the week before: got %+v, %v", w, err)
	}
	if _, err := s.Service.CallOff(ctx, Walk, activity.CancellationRequest{Date: "2026-11-24", Reason: "leader_absent"}, ""); err != nil {
		t.Fatal(err)
	}
	if w, err = s.Service.ParticipantWeek(own, Person, "2026-W48"); err != nil || len(w.Items) != 1 || w.Items[0].Cancelled == nil {
		t.Errorf("the week of the called-off walk: got %+v, %v", w, err)
	}
}

func TestWhoMayBookWhomIntoWhat(t *testing.T) {
	s, ctx := running(t)
	abroad := actor.With(t.Context(), Coach(Alingsas))
	referrer := actor.With(t.Context(), actor.Actor{Subject: "r", Association: Tenant, Roles: []actor.Role{actor.Referrer}})
	unknown := walkFrom("2026-11-23")
	unknown.Enrolment = "99999999-9999-4999-8999-999999999999"
	elsewhere, gone := walkFrom("2026-11-23"), walkFrom("2026-11-23")
	elsewhere.Activity, gone.Activity = s.Activity(t, Alingsas, 0), "00000000-0000-4000-8000-000000000000"
	cases := []struct {
		sentence string
		ctx      context.Context
		request  activity.BookingRequest
		want     error
	}{
		{"a coach of another municipality does not see the enrolment", abroad, walkFrom("2026-11-23"), fault.ErrNotFound},
		{"an enrolment that does not exist answers alike", ctx, unknown, fault.ErrNotFound},
		{"a referrer has no row", referrer, walkFrom("2026-11-23"), fault.ErrForbidden},
		{"another municipality's activity that has no weekday yet", ctx, elsewhere, activity.ErrUnscheduled},
		{"an activity that is not offered", ctx, gone, activity.ErrActivity},
		{"a start in the far past", ctx, walkFrom("2020-01-01"), activity.ErrFrom},
		{"the own coach, the own walk", ctx, walkFrom("2026-11-23"), nil},
		{"the same again", ctx, walkFrom("2026-11-30"), activity.ErrBooked},
	}
	for _, c := range cases {
		if _, err := s.Service.Book(c.ctx, c.request, ""); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.sentence, err, c.want)
		}
	}
}

func TestTheSameKeyBooksOnce(t *testing.T) {
	s, ctx := running(t)
	first, err := s.Service.Book(ctx, walkFrom("2026-11-16"), "key-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Service.NoteAttendance(ctx, first.ID, 1, activity.Note{Date: "2026-11-17", Attendance: activity.Absent}); err != nil {
		t.Fatal(err)
	}
	again, err := s.Service.Book(ctx, walkFrom("2026-11-16"), "key-1")
	if err != nil || again.ID != first.ID || again.Version() != 1 {
		t.Errorf("the repeat answers as the first did; got %+v, %v", again, err)
	}
	if _, err := s.Service.Book(ctx, walkFrom("2026-11-23"), "key-1"); !errors.Is(err, idempotency.ErrKeyReused) {
		t.Errorf("another request under the key: got %v", err)
	}
}

func TestOfManyBookingsThatCollideOneIsMade(t *testing.T) {
	s, ctx := running(t)
	var wait sync.WaitGroup
	results := make(chan error, 16)
	for range cap(results) {
		wait.Go(func() {
			_, err := s.Service.Book(ctx, walkFrom("2026-11-23"), "")
			results <- err
		})
	}
	wait.Wait()
	close(results)
	made := 0
	for err := range results {
		if err == nil {
			made++
		} else if !errors.Is(err, activity.ErrBooked) {
			t.Errorf("got %v", err)
		}
	}
	if made != 1 {
		t.Errorf("%d bookings were made", made)
	}
}

func TestACancelledBookingFreesItsTime(t *testing.T) {
	s, ctx := running(t)
	b, err := s.Service.Book(ctx, walkFrom("2026-11-23"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Service.Cancel(ctx, b.ID, 1, "2026-12-01"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Service.Book(ctx, walkFrom("2026-11-30"), ""); err != nil {
		t.Errorf("from the day before the end, the next Tuesday is free: got %v", err)
	}
}

func TestAClosedEnrolmentEndsItsBookingsAndTakesNoMore(t *testing.T) {
	s, ctx := running(t)
	b, err := s.Service.Book(ctx, walkFrom("2026-11-16"), "")
	if err != nil {
		t.Fatal(err)
	}
	s.Emit("started", Enrolment, Person, Molndal, 2, "2026-11-16")
	s.Emit("closed", Enrolment, Person, Molndal, 3, "2026-11-18")
	servicetest.Eventually(t, "the booking has ended", func() bool {
		b, err = s.Service.Booking(ctx, b.ID)
		return err == nil && b.Status.State == activity.StateEnded
	})
	if last := b.Steps[len(b.Steps)-1]; b.Status.LastDay != "2026-11-18" || last.Cause != Enrolment+"/3" || last.By != "service:activity" {
		t.Errorf("got %s, %+v", b.Status.LastDay, last)
	}
	if _, err := s.Service.Book(ctx, walkFrom("2026-11-23"), ""); !errors.Is(err, activity.ErrEnrolmentClosed) {
		t.Errorf("got %v", err)
	}
}

func TestAttendanceIsCorrectedWithinTheTimeOfTheProgramme(t *testing.T) {
	for days, want := range map[int]error{2: nil, 4: history.ErrOthersStep} {
		s := Start(t, "maxWeeks: 24", "maxWeeks: 24\n  correctionDays: 3")
		servicetest.Run(t, s.Service.Run)
		s.Enrolled(t, Person, Molndal)
		ctx := actor.With(t.Context(), Coach(Molndal))
		b, err := s.Service.Book(ctx, walkFrom("2026-11-16"), "")
		servicetest.Must(t, err)
		_, err = s.Service.NoteAttendance(ctx, b.ID, 1, activity.Note{Date: "2026-11-17", Attendance: activity.Present})
		servicetest.Must(t, err)
		s.Clock.Advance(time.Duration(days) * 24 * time.Hour)
		if b, err = s.Service.Booking(ctx, b.ID); err != nil || slices.Contains(b.Operations, "correctAttendance") != (want == nil) {
			t.Errorf("after %d days the coach may %v, %v", days, b.Operations, err)
		}
		if _, err = s.Service.CorrectAttendance(ctx, b.ID, 2, activity.Note{Date: "2026-11-17", Attendance: activity.Absent}, "Påhittat."); !errors.Is(err, want) {
			t.Errorf("after %d days: %v, want %v", days, err, want)
		}
	}
}

func TestAStaleVersionChangesNothing(t *testing.T) {
	s, ctx := running(t)
	b, err := s.Service.Book(ctx, walkFrom("2026-11-16"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Service.NoteAttendance(ctx, b.ID, 2, activity.Note{Date: "2026-11-17", Attendance: activity.Present}); !errors.Is(err, fault.ErrStale) {
		t.Errorf("note: got %v", err)
	}
	if _, err := s.Service.Cancel(ctx, b.ID, 7, "2026-12-01"); !errors.Is(err, fault.ErrStale) {
		t.Errorf("cancel: got %v", err)
	}
}

func TestAnOccurrenceIsCalledOffOnceAndMayBeRestored(t *testing.T) {
	s, ctx := running(t)
	c, err := s.Service.CallOff(ctx, Walk, activity.CancellationRequest{Date: "2026-11-24", Reason: "weather"}, "key-1")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Service.CallOff(ctx, Walk, activity.CancellationRequest{Date: "2026-11-24", Reason: "weather"}, "key-1"); err != nil || again.ID != c.ID {
		t.Errorf("the repeat: got %v, %v", again, err)
	}
	if _, err := s.Service.CallOff(ctx, Walk, activity.CancellationRequest{Date: "2026-11-24", Reason: "other"}, ""); !errors.Is(err, activity.ErrCalledOff) {
		t.Errorf("a second one: got %v", err)
	}
	abroad := actor.With(t.Context(), Coach(Alingsas))
	if _, err := s.Service.Restore(abroad, Walk, c.ID, 1); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("another municipality: got %v", err)
	}
	before, err := s.Service.MunicipalityWeek(ctx, Molndal, "2026-W48")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Service.Restore(ctx, Walk, c.ID, 1); err != nil {
		t.Fatal(err)
	}
	after, err := s.Service.MunicipalityWeek(ctx, Molndal, "2026-W48")
	if err != nil || after.Version == before.Version {
		t.Errorf("the week has changed and its version has not: %v", err)
	}
	if _, err := s.Service.CallOff(ctx, Walk, activity.CancellationRequest{Date: "2026-11-24", Reason: "other"}, ""); err != nil {
		t.Errorf("once restored it may be called off again: got %v", err)
	}
}

func TestEventsSayWhatHappenedAndNothingAboutThePerson(t *testing.T) {
	s, ctx := running(t)
	b, err := s.Service.Book(ctx, walkFrom("2026-11-16"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Service.NoteAttendance(ctx, b.ID, 1, activity.Note{Date: "2026-11-17", Attendance: activity.Absent}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Service.CallOff(ctx, Walk, activity.CancellationRequest{Date: "2026-11-24", Reason: "weather"}, ""); err != nil {
		t.Fatal(err)
	}
	var events []feed.Event
	servicetest.Eventually(t, "three events are published", func() bool {
		events, err = s.Feed.After(ctx, 0, 10, 0)
		return err == nil && len(events) == 3
	})
	byType := map[string]feed.Event{}
	for _, e := range events {
		byType[e.Type] = e
		if strings.Contains(fmt.Sprint(e.Data), "absent") {
			t.Errorf("the event says who was absent: %v", e)
		}
	}
	if d := byType["se.finsam.activity.cancelled"].Data; d["municipality"] != Molndal || d["week"] != "2026-W48" || d["on"] != "2026-11-24" {
		t.Errorf("cancelled: got %v", d)
	}
	if d := byType["se.finsam.booking.booked"].Data; d["enrolment"] != Enrolment || d["participant"] != Person || d["on"] != "2026-11-16" {
		t.Errorf("booked: got %v", d)
	}
	if e := byType["se.finsam.booking.attendance_noted"]; e.ID != b.ID+"/2" || e.Data["on"] != "2026-11-17" || e.Authority != "" {
		t.Errorf("noted: got %v", e)
	}
}

func TestTheDaysListIsForThoseWhoLeadIt(t *testing.T) {
	s, ctx := running(t)
	if _, err := s.Service.Book(ctx, walkFrom("2026-11-16"), ""); err != nil {
		t.Fatal(err)
	}
	supervisor := Coach(Molndal)
	supervisor.Roles = []actor.Role{actor.Supervisor}
	d, err := s.Service.Day(actor.With(t.Context(), supervisor), Walk, "2026-11-17")
	if err != nil || len(d.Bookings) != 1 || d.Bookings[0].Participant != Person {
		t.Errorf("got %+v, %v", d, err)
	}
	for sentence, ask := range map[string]func() error{
		"a day without an occurrence": func() error { _, err := s.Service.Day(ctx, Walk, "2026-11-18"); return err },
		"another municipality's leader": func() error {
			_, err := s.Service.Day(actor.With(t.Context(), Coach(Alingsas)), Walk, "2026-11-17")
			return err
		},
		"an activity that is not offered": func() error { _, err := s.Service.Day(ctx, "nothing", "2026-11-17"); return err },
	} {
		if err := ask(); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("%s: got %v", sentence, err)
		}
	}
}

func TestListsAreReadInOneRelation(t *testing.T) {
	s, ctx := running(t)
	if _, err := s.Service.Book(ctx, walkFrom("2026-11-16"), ""); err != nil {
		t.Fatal(err)
	}
	window := store.Window{Limit: 20, Page: 1}
	nowhere := Coach("")
	cases := []struct {
		sentence string
		who      actor.Actor
		filter   service.BookingFilter
		want     int
	}{
		{"the municipality's coach", Coach(Molndal), service.BookingFilter{}, 1},
		{"by state", Coach(Molndal), service.BookingFilter{State: activity.StateCancelled}, 0},
		{"by activity and enrolment", Coach(Molndal), service.BookingFilter{Activity: Walk, Enrolment: Enrolment}, 1},
		{"another municipality's coach", Coach(Alingsas), service.BookingFilter{}, 0},
		{"a coach of no municipality", nowhere, service.BookingFilter{}, 0},
		{"the person", Participant(Person), service.BookingFilter{}, 1},
		{"the person asking for another", Participant(Person), service.BookingFilter{Participant: Enrolment}, 0},
		{"another person", Participant(Enrolment), service.BookingFilter{}, 0},
	}
	for _, c := range cases {
		l, err := s.Service.Bookings(actor.With(t.Context(), c.who), c.filter, window)
		if err != nil || len(l.Items) != c.want {
			t.Errorf("%s: got %+v, %v", c.sentence, l, err)
		}
	}
}

func TestASecretOpensACalendarUntilItIsRevoked(t *testing.T) {
	s, ctx := running(t)
	if _, err := s.Service.Book(ctx, walkFrom("2026-11-16"), ""); err != nil {
		t.Fatal(err)
	}
	own := actor.With(t.Context(), Participant(Person))
	a, secret, err := s.Service.OpenAddress(own, Person, "key-1")
	if err != nil || len(secret) != 64 {
		t.Fatalf("got %q, %v", secret, err)
	}
	if again, same, err := s.Service.OpenAddress(own, Person, "key-1"); err != nil || again.ID != a.ID || same != secret {
		t.Errorf("the repeat answers the same; got %v", err)
	}
	if _, other, err := s.Service.OpenAddress(own, Person, ""); err != nil || other == secret {
		t.Errorf("another address has another secret; %v", err)
	}
	entries, err := entriesBehind(s, t.Context(), secret)
	if err != nil || len(entries) != 27 {
		t.Errorf("got %d entries, %v", len(entries), err)
	}
	if err := s.Service.Revoke(own, Person, a.ID, 1); err != nil {
		t.Fatal(err)
	}
	for sentence, try := range map[string]string{"a revoked secret": secret, "one that never was": strings.Repeat("0", 64)} {
		if _, err := entriesBehind(s, t.Context(), try); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("%s: got %v", sentence, err)
		}
	}
	if l, err := s.Service.Addresses(own, Person, store.Window{Limit: 20, Page: 1}); err != nil || len(l.Items) != 1 {
		t.Errorf("one valid address is left; got %v, %v", l, err)
	}
	for range 9 {
		_, _, err = s.Service.OpenAddress(own, Person, "")
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.Service.OpenAddress(own, Person, ""); !errors.Is(err, activity.ErrAddresses) {
		t.Errorf("an eleventh: got %v", err)
	}
}

func TestTheFollowerTakesTheSameEventTwice(t *testing.T) {
	s, ctx := running(t)
	const other = "33333333-3333-4333-8333-333333333333"
	for range 2 {
		s.Emit("planned", other, other, Molndal, 1, "")
		s.Emit("closed", other, other, Molndal, 2, "")
	}
	s.Emit("closed", "44444444-4444-4444-8444-444444444444", "", "", 3, "") // the first of it, about nobody: skipped
	s.Emit("answered", other, other, Molndal, 3, "")
	s.Enrolled(t, other, Molndal)
	r := walkFrom("2026-11-23")
	r.Enrolment = other
	servicetest.Eventually(t, "the enrolment is closed, and stays so when the events come again", func() bool {
		_, err := s.Service.Book(ctx, r, "")
		return errors.Is(err, activity.ErrEnrolmentClosed)
	})
}

// crowded is Mölndal's week with something else at the time of the walk.
func crowded(t *testing.T) (*Suite, context.Context) {
	t.Helper()
	s := Start(t, "      - { name: Promenad, category: social, day: tuesday",
		"      - { name: Simning, category: health, day: tuesday, from: \"13:30\", to: \"14:30\" }\n      - { name: Promenad, category: social, day: tuesday")
	servicetest.Run(t, s.Service.Run)
	s.Enrolled(t, Person, Molndal)
	return s, actor.With(t.Context(), Coach(Molndal))
}

func TestACollisionNamesTheActivityInTheWay(t *testing.T) {
	s, ctx := crowded(t)
	first, err := s.Service.Book(ctx, walkFrom("2026-11-23"), "")
	if err != nil {
		t.Fatal(err)
	}
	swim := walkFrom("2026-11-23")
	swim.Activity = s.Activity(t, Molndal, 3)
	_, err = s.Service.Book(ctx, swim, "")
	if f := fault.Of(err); !errors.Is(err, activity.ErrCollision) || !strings.Contains(f.Text.SV, "Promenad kl. 13:00–14:00") {
		t.Errorf("got %v: %s", err, fault.Of(err).Text.SV)
	}
	swim.From, swim.Until = "2026-11-17", "2026-11-22" // the Tuesday before: none in common
	if _, err := s.Service.Book(ctx, swim, ""); err != nil {
		t.Errorf("without a day in common: got %v", err)
	}
	if _, err := s.Service.Cancel(ctx, first.ID, 1, "2026-11-24"); err != nil {
		t.Fatal(err)
	}
}

func TestOfManyOverlappingBookingsOneIsMade(t *testing.T) {
	s, ctx := crowded(t)
	swim := walkFrom("2026-11-23")
	swim.Activity = s.Activity(t, Molndal, 3)
	var wait sync.WaitGroup
	var made atomic.Int32
	for i := range 16 {
		wait.Go(func() {
			r := []activity.BookingRequest{walkFrom("2026-11-23"), swim}[i%2]
			if _, err := s.Service.Book(ctx, r, ""); err == nil {
				made.Add(1)
			}
		})
	}
	wait.Wait()
	if made.Load() != 1 {
		t.Errorf("%d bookings were made", made.Load())
	}
}

func TestAClaimWithoutABookingEndsAfterAMinute(t *testing.T) {
	s, ctx := running(t)
	void := activity.Claim{
		Booking: "55555555-5555-4555-8555-555555555555", Activity: Walk, From: "2026-11-01", Until: activity.Forever, At: s.Clock.Now(),
	}
	if err := s.Service.TakeClaim(ctx, Tenant, Person, void); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Service.Book(ctx, walkFrom("2026-11-23"), ""); !errors.Is(err, activity.ErrBooked) {
		t.Errorf("while its booking may still come: got %v", err)
	}
	s.Clock.Advance(2 * time.Minute)
	if _, err := s.Service.Book(ctx, walkFrom("2026-11-23"), ""); err != nil {
		t.Errorf("when it will not come any more: got %v", err)
	}
}

func TestTheSameActivityMayBeBookedForOnePeriodAfterAnother(t *testing.T) {
	s, ctx := running(t)
	autumn, spring := walkFrom("2026-11-23"), walkFrom("2027-01-11")
	autumn.Until = "2026-12-20"
	for _, r := range []activity.BookingRequest{autumn, spring} {
		if _, err := s.Service.Book(ctx, r, ""); err != nil {
			t.Errorf("from %s: got %v", r.From, err)
		}
	}
	within := walkFrom("2026-12-01")
	within.Until = "2026-12-02"
	if _, err := s.Service.Book(ctx, within, ""); !errors.Is(err, activity.ErrBooked) {
		t.Errorf("within the first: got %v", err)
	}
}

func TestTheStoreHoldsOneBookingAlsoWhenTheDiaryHasForgotten(t *testing.T) {
	s, ctx := running(t)
	for i, want := range []error{nil, activity.ErrBooked, activity.ErrBooked} {
		if _, err := s.Service.Book(ctx, walkFrom("2026-11-23"), ""); !errors.Is(err, want) {
			t.Errorf("booking %d: got %v, want %v", i, err, want)
		}
		if err := s.Service.Forget(ctx, Tenant, Person); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoBookingSurvivesAClosingThatComesInBetween(t *testing.T) {
	for range 5 {
		s, ctx := running(t)
		var wait sync.WaitGroup
		for n := range 8 {
			r := walkFrom("2026-11-23")
			r.Activity = s.Activity(t, Molndal, n)
			wait.Go(func() { _, _ = s.Service.Book(ctx, r, "") })
			if n == 3 {
				s.Emit("closed", Enrolment, Person, Molndal, 2, "2026-11-20")
			}
		}
		wait.Wait()
		servicetest.Eventually(t, "no booking is open", func() bool {
			r := walkFrom("2026-11-23")
			_, err := s.Service.Book(ctx, r, "")
			open, lerr := s.Service.Bookings(ctx, service.BookingFilter{State: activity.StateBooked}, store.Window{Limit: 20, Page: 1})
			return errors.Is(err, activity.ErrEnrolmentClosed) && lerr == nil && len(open.Items) == 0
		})
	}
}

func TestOfAPersonWithoutAnEnrolmentNothingIsKnownHere(t *testing.T) {
	s, _ := running(t)
	stranger := Participant("55555555-5555-4555-8555-555555555555")
	elsewhere := Participant(Person)
	elsewhere.Association = "kalmar"
	for sentence, a := range map[string]actor.Actor{"a stranger": stranger, "the person's id in another association": elsewhere} {
		ctx := actor.With(t.Context(), a)
		if _, err := s.Service.ParticipantWeek(ctx, a.Participant, ""); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("%s reads a week: %v", sentence, err)
		}
		if _, _, err := s.Service.OpenAddress(ctx, a.Participant, ""); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("%s opens a calendar: %v", sentence, err)
		}
	}
}

// TestACorrectionOfAnAssociationWhoseFileHasGoneKeepsNobodyWaiting follows what comes behind
// it, as other associations' enrolments do.
func TestACorrectionOfAnAssociationWhoseFileHasGoneKeepsNobodyWaiting(t *testing.T) {
	s := Start(t)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- s.Service.Run(ctx) }()
	s.Enrolled(t, Person, Molndal)
	_, err := s.Service.Book(servicetest.As(Coach(Molndal)), activity.BookingRequest{Enrolment: Enrolment, Activity: Walk, From: "2026-11-20"}, "")
	servicetest.Must(t, err)
	stop()
	servicetest.Must(t, <-ran)

	other, err := association.Parse(bytes.Replace(servicetest.Example(t), []byte("id: insjoriket"), []byte("id: annat"), 1))
	servicetest.Must(t, err)
	parts := s.Parts
	parts.Associations, err = association.NewRegistry(other)
	servicetest.Must(t, err)
	after, err := service.New(t.Context(), service.Config{Parts: parts})
	servicetest.Must(t, err)
	servicetest.Run(t, after.Run)
	s.Emit("corrected", Enrolment, Person, Molndal, 2, "")
	const behind = "33333333-3333-4333-8333-333333333333"
	s.Emit("planned", behind, Person, Molndal, 1, "")
	servicetest.Eventually(t, "what comes behind is followed", func() bool {
		_, err := after.Enrolment(t.Context(), Tenant, behind)
		return err == nil
	})
}

// TestTheVersionOfAWeekFollowsWhatItIsMadeOf is: a plan, or another municipality's week, changes
// nothing of it.
func TestTheVersionOfAWeekFollowsWhatItIsMadeOf(t *testing.T) {
	s, ctx := running(t)
	loads(t, s)
	version := func() string {
		t.Helper()
		w, err := s.Service.MunicipalityWeek(ctx, Molndal, "2026-W48")
		servicetest.Must(t, err)
		return w.Programme
	}
	before := version()
	for what, c := range map[string]struct {
		was, is string
		changes bool
	}{
		"a plan":                 {"maxWeeks: 24", "maxWeeks: 30", false},
		"another municipality":   {"name: Alingsås", "name: Påhittad stad", false},
		"an activity":            {walkLine, strings.Replace(walkLine, "13:00", "13:15", 1), true},
		"the closed days of all": {"\nweeks:\n", "\ncalendar: { publicHolidays: closed }\nweeks:\n", true},
	} {
		loads(t, s, c.was, c.is)
		if changed := version() != before; changed != c.changes {
			t.Errorf("%s: changed %t", what, changed)
		}
		loads(t, s)
		before = version()
	}
}
