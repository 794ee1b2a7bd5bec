package service

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
)

// What the types of events begin with.
const (
	bookingEvents   = "se.finsam.booking."                // published here
	activityEvents  = "se.finsam.activity."               // published here
	enrolmentEvents = "se.finsam.enrolment."              // followed
	protected       = "se.finsam.participant.protected"   // followed
	unprotected     = "se.finsam.participant.unprotected" // followed
)

// bookingEvent returns the event of step n of a booking. It says that attendance was
// noted, not which, and names no authority, so that it comes into no authority's own
// feed.
func bookingEvent(b *activity.Booking, n int64) feed.Event {
	step := b.Steps[n-1]
	e := feed.Event{
		Type: bookingEvents + string(step.Kind), Subject: b.ID, Time: step.At, Association: b.Association,
		TraceParent: step.TraceParent,
		Data: map[string]string{
			"booking": b.ID, "enrolment": b.Enrolment, "participant": b.Participant,
			"municipality": b.Municipality, "activity": b.Activity, "on": string(step.Date),
		},
	}
	if step.Kind == activity.StepBooked {
		e.Data["on"] = string(b.From)
	}
	return e
}

// cancellationEvent returns the event of step n of a cancellation, by which the
// gateway removes the municipality's week from its cache.
func cancellationEvent(c *activity.Cancellation, n int64) feed.Event {
	step := c.Steps[n-1]
	return feed.Event{
		Type: activityEvents + string(step.Kind), Subject: c.ID, Time: step.At, Association: c.Association,
		Authority: step.Authority, TraceParent: step.TraceParent,
		Data: map[string]string{
			"activity": c.Activity, "municipality": c.Municipality, "week": activity.WeekOf(c.Date).String(), "on": string(c.Date),
		},
	}
}

// handle applies an event of the participant service to the projection of
// enrolments, ends the bookings of one that was closed, and closes the calendars of who
// is protected. The same event may come again: it finds done what was done.
func (s *Service) handle(ctx context.Context, event feed.Event) error {
	kind, ok := strings.CutPrefix(event.Type, enrolmentEvents)
	isProtected := event.Type == protected
	if !ok && !isProtected && event.Type != unprotected {
		return nil
	}
	_, number, _ := strings.Cut(event.ID, "/")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || event.Association == "" || event.Subject == "" {
		return fmt.Errorf("event without number, association or subject: %w", feed.ErrSkip)
	}
	if !ok {
		return s.updateDiary(ctx, event.Association, event.Subject, func(d *activity.Diary) error {
			handlers := strings.FieldsFunc(event.Data["handlers"], func(r rune) bool { return r == ',' })
			return store.WriteIf(d.FollowProtection(n, isProtected, event.Data["authority"], handlers))
		})
	}
	var e *activity.Enrolment
	empty := func() *activity.Enrolment {
		return &activity.Enrolment{Association: event.Association, ID: event.Subject}
	}
	err = s.enrolments.Upsert(ctx, event.Association, event.Subject, empty, func(known *activity.Enrolment) error {
		e = known
		changed := e.Follow(n, kind, event.Data, event.Time)
		if e.Participant == "" || e.Municipality == "" {
			return fmt.Errorf("first event of an enrolment, without participant or municipality: %w", feed.ErrSkip)
		}
		return store.WriteIf(changed)
	})
	if err != nil || !e.Closed && kind != "corrected" {
		return err
	}
	booked, err := findAll(ctx, s.bookings.Store, e.Association, store.Equals(enrolmentKey, e.ID))
	if err != nil {
		return err
	}
	by := history.System("activity")
	by.TraceParent = event.TraceParent
	for _, b := range booked {
		if kind == "corrected" {
			if err := s.reopenBooking(ctx, e, b, event.ID, by); err != nil {
				return err
			}
		}
		if !e.Closed {
			continue
		}
		if err := s.endBooking(ctx, e, b.ID, event.ID, by); err != nil {
			return err
		}
	}
	return nil
}

// reopenBooking follows that the closing which ended a booking was corrected: the booking
// holds again, unless the participant's time has been taken by another one since.
func (s *Service) reopenBooking(ctx context.Context, e *activity.Enrolment, b *activity.Booking, cause string, by history.Author) error {
	in, err := s.Associations.Get(e.Association)
	if err != nil || !b.Reopen(cause, by, s.Now()) {
		return err
	}
	err = s.claim(ctx, actor.Actor{}, in, b)
	if errors.Is(err, activity.ErrCollision) || errors.Is(err, activity.ErrBooked) {
		s.Log.InfoContext(ctx, "a booking that ended stays so: its time has been taken since", "booking", b.ID)
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.bookings.Store.Update(ctx, e.Association, b.ID, 0, func(b *activity.Booking) error {
		return store.WriteIf(b.Reopen(cause, by, s.Now()))
	})
	s.publisher.Wake()
	return err
}

// endBooking ends a booking of a closed enrolment that reaches beyond its last day,
// and its claim in the diary.
func (s *Service) endBooking(ctx context.Context, e *activity.Enrolment, booking, cause string, by history.Author) error {
	v, err := s.bookings.Store.Update(ctx, e.Association, booking, 0, func(b *activity.Booking) error {
		return store.WriteIf(b.End(e.LastDay, cause, by, s.Now()))
	})
	if err != nil {
		return err
	}
	s.publisher.Wake()
	_, err = s.shortenClaim(ctx, e.Association, e.Participant, booking, v.Value.Status().LastDay)
	return err
}
