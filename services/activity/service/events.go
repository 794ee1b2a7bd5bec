package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/history"
	versions "github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/programme"
)

// What the types of events begin with.
const (
	bookingEvents   = "se.finsam.booking."                // published here
	activityEvents  = "se.finsam.activity."               // published here
	absenceEvents   = "se.finsam.absence."                // published here
	signalEvents    = "se.finsam.absence_signal."         // published here
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
	if step.Kind == activity.StepBooked || step.Kind == activity.StepWaitlisted {
		e.Data["on"] = string(b.From)
	}
	if b.Host != "" {
		e.Data["host"] = b.Host
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

// absenceEvent returns the event of step n of an absence: the days, not why.
func absenceEvent(x *activity.Absence, n int64) feed.Event {
	step := x.Steps[n-1]
	e := feed.Event{
		Type: absenceEvents + string(step.Kind), Subject: x.ID, Time: step.At, Association: x.Association, TraceParent: step.TraceParent,
		Data: map[string]string{"absence": x.ID, "participant": x.Participant},
	}
	if step.From != "" {
		e.Data["from"], e.Data["until"] = string(step.From), string(step.Until)
	}
	return e
}

// signalEvent returns the event of step n of a signal.
func signalEvent(x *activity.Signal, n int64) feed.Event {
	step := x.Steps[n-1]
	e := feed.Event{
		Type: signalEvents + string(step.Kind), Subject: x.ID, Time: step.At, Association: x.Association, TraceParent: step.TraceParent,
		Data: map[string]string{"enrolment": x.ID, "participant": x.Participant, "municipality": x.Municipality, "coach": x.Coach},
	}
	if step.Name != "" {
		e.Data["pattern"], e.Data["on"] = string(step.Name), string(step.On)
	}
	return e
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
	coach := ""
	err = s.enrolments.Upsert(ctx, event.Association, event.Subject, empty, func(known *activity.Enrolment) error {
		e, coach = known, known.Coach
		changed := e.Follow(n, kind, event.Data, event.Time)
		if e.Participant == "" || e.Municipality == "" {
			return fmt.Errorf("first event of an enrolment, without participant or municipality: %w", feed.ErrSkip)
		}
		return store.WriteIf(changed)
	})
	if err == nil && coach != "" && coach != e.Coach {
		_, err = s.signals.Store.Update(ctx, e.Association, e.ID, 0, func(x *activity.Signal) error {
			return store.WriteIf(x.Assign(e.Coach, event.ID, history.System("activity"), s.Now()))
		})
		if errors.Is(err, store.ErrNotFound) { // nothing is to be followed up
			err = nil
		}
	}
	if err != nil || !e.Closed && kind != "corrected" {
		return err
	}
	by := history.System("activity")
	by.TraceParent = event.TraceParent
	if err := s.Groups.FollowEnrolment(ctx, e, by); err != nil {
		return err
	}
	if e.Closed {
		if err := s.Placements.EndOf(ctx, e, event.ID, by); err != nil {
			return err
		}
	}
	booked, err := findAll(ctx, s.bookings.Store, e.Association, store.Equals(enrolmentKey, e.ID))
	if err != nil {
		return err
	}
	for _, b := range booked {
		// The event may come again, or correct another step: then it ended as it should.
		isEnded := e.Closed && slices.ContainsFunc(history.Story(b.Steps, activity.CorrectionOf), func(step activity.Step) bool {
			return step.Kind == activity.StepEnded && step.Date == e.LastDay.AddDays(1)
		})
		if kind == "corrected" && !isEnded {
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
	version := b.Version()
	in, err := s.Associations.Get(e.Association)
	if errors.Is(err, fault.ErrNotFound) { // else no event of the other associations would be followed
		s.Log.WarnContext(ctx, "a booking that ended stays so: its association is not served here", "booking", b.ID)
		return nil
	}
	if err != nil || !b.Reopen(cause, by, s.Now()) {
		return err
	}
	x, _ := in.Activity(b.Activity)
	b.Follow(x, cause, by, s.Now()) // what the activity has become since
	place, has := b.Place()
	if has {
		err = s.claimPlaceOf(ctx, x, b, place, version)
	}
	if err == nil && b.Status().Held {
		err = s.claim(ctx, actor.Actor{}, in, b)
	}
	if errors.Is(err, activity.ErrCollision) || errors.Is(err, activity.ErrBooked) || errors.Is(err, activity.ErrFull) {
		s.Log.InfoContext(ctx, "a booking that ended stays so: its time or its place has been taken since", "booking", b.ID)
		return s.releasePlaceOf(ctx, b)
	}
	if err != nil {
		return err
	}
	if b.Group != "" && b.Status().LastDay >= b.From {
		switch err := s.Groups.Join(ctx, b, x, by); {
		case errors.Is(err, activity.ErrGroupFull) || errors.Is(err, activity.ErrGroupRunning) || errors.Is(err, fault.ErrNotFound):
			s.Log.InfoContext(ctx, "a booking that ended stays so: its place has been taken since", "booking", b.ID)
			_, err = s.shortenClaim(ctx, b.Association, b.Participant, b.ID, b.From.AddDays(-1))
			return err
		case err != nil:
			return err
		}
	}
	_, err = s.bookings.Store.Update(ctx, e.Association, b.ID, version, func(b *activity.Booking) error {
		reopened := b.Reopen(cause, by, s.Now())
		if reopened {
			b.Follow(x, cause, by, s.Now())
		}
		return store.WriteIf(reopened)
	})
	s.publisher.Wake()
	return err
}

// followOwn applies an event of the service's own feed.
func (s *Service) followOwn(ctx context.Context, event feed.Event) error {
	switch kind, _ := strings.CutPrefix(event.Type, bookingEvents); {
	case kind == string(activity.StepNoted) || kind == string(activity.StepCorrected):
		return s.watchAbsence(ctx, event, store.Equals(store.ID, event.Data["enrolment"]))
	case strings.HasPrefix(event.Type, absenceEvents):
		return s.watchAbsence(ctx, event, store.Equals(participantKey, event.Data["participant"]))
	}
	return s.followProgramme(ctx, event)
}

// followProgramme lets the bookings of an activity follow what it has become, as an event of
// the service's own feed says: a booking is for the same activity at its new time, also where
// it takes the time of another one then, which both say; and it ends with the activity. The
// same event may come again: it finds done what was done. It also settles each booking that was
// made: who made it may have died before.
func (s *Service) followProgramme(ctx context.Context, event feed.Event) error {
	by := history.System("activity")
	by.TraceParent = event.TraceParent
	if event.Type == bookingEvents+string(activity.StepBooked) || event.Type == bookingEvents+string(activity.StepWaitlisted) {
		b, err := s.bookings.Store.Get(ctx, event.Association, event.Subject)
		in, missing := s.Associations.Get(event.Association)
		if err = errors.Join(err, missing); err == nil {
			_, err = s.settle(ctx, in, b.Value, event.ID, by)
		}
		if errors.Is(err, fault.ErrNotFound) { // nothing is left to be followed
			return nil
		}
		return err
	}
	object, id := event.Data["object"], strings.TrimPrefix(event.Data["object"], "series.")
	if !strings.HasPrefix(event.Type, programme.Events) || id == object {
		return nil
	}
	behind, _ := activity.CalendarSpan(s.Now())
	booked, err := findAll(ctx, s.bookings.Store, event.Association, store.Equals(activityKey, id), store.AtLeast(lastDayKey, string(behind)))
	if err != nil || len(booked) == 0 {
		return err
	}
	x, first, stored, err := s.series(ctx, event.Association, id)
	if err != nil || !stored {
		return err
	}
	s.Programme.CatchUp(ctx) // with the other activities, which it may collide with
	in, err := s.Associations.Get(event.Association)
	if err != nil {
		return err
	}
	for _, b := range booked {
		now, err := s.followSeries(ctx, in, b, x, first, event.ID, by)
		if err != nil {
			return err
		}
		s.Groups.Left(ctx, now, by)
	}
	return nil
}

// series returns an activity as it is stored now, which the registry may not know yet. One
// that ended before it began has no occurrence. first is the plan of what was stored first.
func (s *Service) series(ctx context.Context, associationID, id string) (x association.Activity, first activity.Plan, stored bool, err error) {
	objects, err := s.Programme.Fetch(actor.With(ctx, actor.Actor{Roles: []actor.Role{actor.System}}), associationID, []string{string(versions.Series) + "." + id})
	if err != nil || len(objects) == 0 || len(objects[0].Versions) == 0 {
		return x, nil, false, err
	}
	loaded, today := *objects[0], civil.DateOf(s.Now())
	loaded.Periods = nil
	for _, v := range loaded.Versions {
		if v.ActivatedAt.Equal(loaded.Versions[0].ActivatedAt) {
			loaded.Periods = append(loaded.Periods, versions.Period{From: v.From, Until: v.Until, Version: v.N})
		}
	}
	if was, known := versions.Assemble([]*versions.Object{&loaded}, today).Build().Activity(id); known {
		first = activity.PlanOf(was, versions.Beginning)
	}
	x, known := versions.Assemble(objects, today).Build().Activity(id)
	if !known {
		x = association.Activity{ID: id, Gone: true}
	}
	return x, first, true, nil
}

// followSeries lets a booking, and its claim in the participant's diary, follow what its
// activity has become. One that keeps no plan was made before the programmes were stored: it
// was for the activity as they were stored first.
func (s *Service) followSeries(ctx context.Context, in *association.Association, b *activity.Booking, x association.Activity, first activity.Plan, cause string, by history.Author) (*activity.Booking, error) {
	now := s.Now()
	v, err := s.bookings.Store.Update(ctx, in.ID, b.ID, 0, func(b *activity.Booking) error {
		if b.Plan == nil {
			b.Plan = first
		}
		return store.WriteIf(b.Follow(x, cause, by, now))
	})
	if errors.Is(err, store.ErrTaken) { // booked again since it ended: it stays so
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	s.publisher.Wake()
	s.offers.Wake()
	find := func(id string) (association.Activity, bool) {
		if id == b.Activity {
			return x, true
		}
		return in.Activity(id)
	}
	return v.Value, s.diaries.Upsert(ctx, in.ID, b.Participant, func() *activity.Diary {
		return &activity.Diary{Association: in.ID, Participant: b.Participant}
	}, func(d *activity.Diary) error {
		claims, conflicting := slices.Clone(d.Claims), d.Conflicting
		d.Hold(v.Value.Claim())
		d.Conflicting = len(d.Conflicts(find, civil.DateOf(now))) > 0
		return store.WriteIf(conflicting != d.Conflicting || !slices.Equal(claims, d.Claims))
	})
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
	s.offers.Wake()
	_, err = s.shortenClaim(ctx, e.Association, e.Participant, booking, v.Value.Status().LastDay)
	s.Groups.Left(ctx, v.Value, by)
	return err
}
