package service

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
)

// CancellationView is a cancellation as one caller sees it.
type CancellationView struct {
	*activity.Cancellation
	Shown      activity.CancellationState // its state, or that it is void
	Operations []string                   // that the caller may call on it now
}

func (s *Service) viewCancellation(a actor.Actor, c *activity.Cancellation) *CancellationView {
	v := &CancellationView{Cancellation: c, Shown: c.State(), Operations: access.Permitted(c.Operations(civil.DateOf(s.Now())), a, c.Resource())}
	if in, err := s.Associations.Get(c.Association); err == nil && v.Shown == activity.Cancelled {
		x, _ := in.Activity(c.Activity)
		if _, occurs := activity.OccurrenceOn(x, c.Date, nil); !occurs {
			v.Shown, v.Operations = activity.Void, nil
		}
	}
	return v
}

// CallOff says that an activity does not take place on a day, on which nobody is noted as
// present, nor in the same moment. A repeat with the same
// key returns the cancellation as it was made.
func (s *Service) CallOff(ctx context.Context, activityID string, date civil.Date, reason, key string) (*CancellationView, error) {
	a, x, entry, err := s.decideOnActivity(ctx, "cancelOccurrence", activityID, date)
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	at := activity.OccurrenceKey{Activity: activityID, Date: date}
	var claim activity.Claim
	c, replayed, err := create(ctx, s, creation[activity.Cancellation]{
		collection: s.cancellations.Store, key: key, input: fmt.Sprintf("%q %q %q", activityID, date, reason), entry: entry,
		receipt: func(c *activity.Cancellation) idempotency.Receipt { return c.Receipt },
		build: func(id string, receipt idempotency.Receipt) (*activity.Cancellation, error) {
			c, err := activity.CallOff(id, a.Association, x, date, reason, receipt, guard.Author(ctx), s.Now())
			if err != nil {
				return nil, err
			}
			claim = activity.Claim{Cancellation: id, At: c.Steps[0].At}
			if err := s.claimOccurrence(ctx, a.Association, at, claim); err != nil {
				return nil, err
			}
			booked, err := findAll(ctx, s.bookings.Store, a.Association, store.Equals(activityKey, activityID), store.AtLeast(lastDayKey, string(date)))
			if slices.ContainsFunc(booked, func(b *activity.Booking) bool { return b.Status().Notes[date].Attendance == activity.Present }) {
				return nil, activity.ErrTookPlace.AtField("/date")
			}
			return c, err
		},
		taken: activity.ErrCalledOff,
	})
	if errors.Is(err, activity.ErrTookPlace) || errors.Is(err, activity.ErrCalledOff) {
		return nil, errors.Join(err, s.releaseOccurrence(ctx, a.Association, at, claim))
	}
	if err != nil {
		return nil, err
	}
	if replayed {
		c.Steps = c.Steps[:1]
	}
	return s.viewCancellation(a, c), nil
}

// decideOnActivity finds an activity, and returns with it the caller and the entry of
// what the access table says to an operation on a day of it.
func (s *Service) decideOnActivity(ctx context.Context, operation, id string, d civil.Date) (a actor.Actor, x association.Activity, e accesslog.Entry, err error) {
	a, e, err = guard.Ask(ctx, operation, "activity/"+id+"/"+string(d), func(a actor.Actor) (access.Resource, error) {
		in, err := s.Associations.Get(a.Association)
		if err != nil {
			return access.Resource{}, err
		}
		var offered bool
		if x, offered = in.Activity(id); !offered {
			return access.Resource{}, fault.ErrNotFound
		}
		return activity.ResourceOf(in.ID, x), nil
	})
	return a, x, e, err
}

// Cancellation returns a cancellation of an activity.
func (s *Service) Cancellation(ctx context.Context, activityID, id string) (*CancellationView, error) {
	a := actor.From(ctx)
	v, err := s.cancellations.Load(ctx, a, guard.Call{Operation: "getCancellation", ID: id, Parent: activityID})
	if err != nil {
		return nil, err
	}
	return s.viewCancellation(a, v.Value), nil
}

// Restore lets a called-off occurrence take place after all.
func (s *Service) Restore(ctx context.Context, activityID, id string, ifVersion int64) (*CancellationView, error) {
	a := actor.From(ctx)
	v, err := s.cancellations.Change(ctx, a, guard.Call{Operation: "restoreOccurrence", ID: id, Parent: activityID, IfVersion: ifVersion},
		func(c store.Versioned[activity.Cancellation]) error {
			return c.Value.Restore(guard.Author(ctx), s.Now())
		})
	if err != nil {
		return nil, err
	}
	s.publisher.Wake()
	return s.viewCancellation(a, v.Value), nil
}

// cancellationsOf returns what is called off of an activity, or of a municipality,
// in a span of days.
func (s *Service) cancellationsOf(ctx context.Context, associationID string, of store.Cond, first, last civil.Date) (activity.Cancellations, error) {
	found, err := findAll(ctx, s.cancellations.Store, associationID, of, store.AtLeast(dateKey, string(first)), store.AtMost(dateKey, string(last)))
	if err != nil {
		return nil, err
	}
	cancelled := activity.Cancellations{}
	for _, c := range found {
		if c.State() == activity.Cancelled {
			cancelled[activity.OccurrenceKey{Activity: c.Activity, Date: c.Date}] = c
		}
	}
	return cancelled, nil
}
