package activity

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
)

// What this service tells.
const (
	bookingEvents  = "se.finsam.booking."
	activityEvents = "se.finsam.activity."
)

// enrolmentEvents is what it listens to.
const enrolmentEvents = "se.finsam.enrolment."

// bookingEvent tells step n of a booking. Whether the person came is not told,
// only that it was noted; and no authority is named, so that it comes into no
// authority's own feed.
func bookingEvent(b *Booking, n int64) feed.Event {
	step := b.Steps[n-1]
	e := feed.Event{
		Type: bookingEvents + string(step.Kind), Subject: b.ID, Time: step.At, Association: b.Association,
		TraceParent: step.TraceParent,
		Data: map[string]string{
			"booking": b.ID, "enrolment": b.Enrolment, "participant": b.Participant,
			"municipality": b.Municipality, "activity": b.Activity, "on": string(step.Date),
		},
	}
	if step.Kind == StepBooked {
		e.Data["on"] = string(b.From)
	}
	return e
}

// cancellationEvent tells step n of a cancellation; the gateway empties the
// municipality's week from its cache by it.
func cancellationEvent(c *Cancellation, n int64) feed.Event {
	step := c.Steps[n-1]
	return feed.Event{
		Type: activityEvents + string(step.Kind), Subject: c.ID, Time: step.At, Association: c.Association,
		Authority: step.Authority, TraceParent: step.TraceParent,
		Data: map[string]string{
			"activity": c.Activity, "municipality": c.Municipality, "week": WeekOf(c.Date).String(), "on": string(c.Date),
		},
	}
}

// handle takes an event of the participant service into the projection of
// enrolments, and ends the bookings of one that was closed. It may be given the
// same event again: what was done is found done.
func (s *Service) handle(ctx context.Context, e feed.Event) error {
	if !strings.HasPrefix(e.Type, enrolmentEvents) {
		return nil
	}
	_, number, _ := strings.Cut(e.ID, "/")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || e.Association == "" || e.Subject == "" {
		return fmt.Errorf("event without number, association or subject: %w", feed.ErrSkip)
	}
	enrolment, err := s.project(ctx, e, n)
	if err != nil || !enrolment.Closed {
		return err
	}
	own := actor.ForService("activity", e.Association)
	return s.endAll(ctx, enrolment, Hand{Subject: own.Subject, Authority: own.Authority, Cause: e.ID, TraceParent: e.TraceParent})
}

// project brings the projection up to an event; older ones change nothing.
func (s *Service) project(ctx context.Context, e feed.Event, n int64) (*Enrolment, error) {
	v, err := s.enrolments.Update(ctx, e.Association, e.Subject, 0, func(x *Enrolment) error {
		if n <= x.Told {
			return store.Unchanged()
		}
		x.tell(e, n)
		return nil
	})
	if !errors.Is(err, store.ErrNotFound) {
		return v.Value, err
	}
	x := &Enrolment{Association: e.Association, ID: e.Subject}
	x.tell(e, n)
	if x.Participant == "" || x.Municipality == "" {
		return nil, fmt.Errorf("first word of an enrolment, without participant or municipality: %w", feed.ErrSkip)
	}
	if _, err := s.enrolments.Insert(ctx, x); errors.Is(err, store.ErrExists) {
		return nil, fmt.Errorf("enrolment %s: a twin was faster: %w", x.ID, err)
	} else if err != nil {
		return nil, err
	}
	return x, nil
}

// tell takes from an event what it says.
func (x *Enrolment) tell(e feed.Event, n int64) {
	x.Told, x.Writes = n, x.Writes+1
	for key, field := range map[string]*string{"participant": &x.Participant, "municipality": &x.Municipality, "coach": &x.Coach} {
		if word := e.Data[key]; word != "" {
			*field = word
		}
	}
	switch strings.TrimPrefix(e.Type, enrolmentEvents) {
	case "closed", "cancelled":
		x.Closed, x.LastDay = true, civil.Date(e.Data["on"])
		if !isDate(x.LastDay) {
			x.LastDay = civil.DateOf(e.Time)
		}
	}
}

// endAll ends the bookings of a closed enrolment that reach beyond its last day.
func (s *Service) endAll(ctx context.Context, e *Enrolment, h Hand) error {
	found, err := every(ctx, s.bookings, e.Association, 10_000, is(keyEnrolment, e.ID))
	if err != nil {
		return err
	}
	for _, b := range found {
		if err := s.end(ctx, e, b.Value.ID, h); err != nil {
			return err
		}
	}
	return nil
}

// end ends one booking of a closed enrolment and gives its time back.
func (s *Service) end(ctx context.Context, e *Enrolment, booking string, h Hand) error {
	v, err := s.bookings.Update(ctx, e.Association, booking, 0, func(b *Booking) error {
		if !b.End(e.LastDay, h, s.Now()) {
			return store.Unchanged()
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.publisher.Wake()
	return s.shorten(ctx, v.Value)
}

// shorten creates the diary's claim end where the booking does.
func (s *Service) shorten(ctx context.Context, b *Booking) error {
	return s.diary(ctx, b.Association, b.Participant, func(d *Diary) error {
		if !d.Shorten(b.ID, b.LastDay()) {
			return store.Unchanged()
		}
		return nil
	})
}
