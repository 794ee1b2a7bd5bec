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
	Also       []*activity.Cancellation   // that were made with it, of the same span
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

// CallOff says that an activity does not take place on a day, or on none of its days in a span,
// on which nobody is noted as present, nor in the same moment. Each occurrence is called off by
// itself, and those that are already are left out; the first is returned, with the others. A
// repeat with the same key returns them as they were made.
func (s *Service) CallOff(ctx context.Context, activityID string, r activity.CancellationRequest, key string) (*CancellationView, error) {
	a, x, entry, err := s.decideOnActivity(ctx, "cancelOccurrence", activityID, r.Date)
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	days, err := r.Occurrences(x)
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	if r.Until != "" { // nothing of a span is called off in which somebody came
		for _, d := range days {
			err := s.checkNobodyCame(ctx, a.Association, activityID, d)
			if errors.Is(err, activity.ErrTookPlace) {
				err = activity.ErrTookPlace.WithText(fmt.Sprintf("Det finns noterad närvaro %s, så det tillfället har ägt rum. Välj andra dagar, eller rätta närvaron först.", d),
					fmt.Sprintf("Somebody is noted as present on %s, so that occurrence took place. Choose other days, or correct the attendance first.", d)).AtField("/date")
			}
			if err != nil {
				return nil, guard.Enter(ctx, s.AccessLog, entry, err)
			}
		}
	}
	var first *CancellationView
	for _, d := range days {
		one, keyOfDay := r, key
		one.Date, one.Until = d, ""
		if r.Until != "" && key != "" {
			keyOfDay = key + "/" + string(d)
		}
		entry.Thing = "activity/" + activityID + "/" + string(d)
		c, failed := s.callOff(ctx, a, x, one, keyOfDay, entry)
		switch {
		case errors.Is(failed, activity.ErrCalledOff):
			err = failed
		case failed != nil:
			return nil, failed
		case first == nil:
			first = s.viewCancellation(a, c)
		default:
			first.Also = append(first.Also, c)
		}
	}
	if first == nil {
		return nil, err
	}
	return first, nil
}

// checkNobodyCame returns ErrTookPlace where somebody is noted as present at an occurrence.
func (s *Service) checkNobodyCame(ctx context.Context, associationID, activityID string, d civil.Date) error {
	booked, err := findAll(ctx, s.bookings.Store, associationID, store.Equals(activityKey, activityID), store.AtLeast(lastDayKey, string(d)))
	if slices.ContainsFunc(booked, func(b *activity.Booking) bool { return b.Status().Notes[d].Came() }) {
		return activity.ErrTookPlace.AtField("/date")
	}
	return err
}

// callOff calls off one occurrence.
func (s *Service) callOff(ctx context.Context, a actor.Actor, x association.Activity, r activity.CancellationRequest, key string, entry accesslog.Entry) (*activity.Cancellation, error) {
	at, input := activity.OccurrenceKey{Activity: x.ID, Date: r.Date}, fmt.Sprintf("%q %q %q", x.ID, r.Date, r.Reason)
	if r.Message != "" {
		input += fmt.Sprintf(" %q", r.Message)
	}
	var claim activity.Claim
	c, replayed, err := create(ctx, s, creation[activity.Cancellation]{
		collection: s.cancellations.Store, key: key, input: input, entry: entry,
		receipt: func(c *activity.Cancellation) idempotency.Receipt { return c.Receipt },
		build: func(id string, receipt idempotency.Receipt) (*activity.Cancellation, error) {
			c, err := activity.CallOff(id, a.Association, x, r, receipt, guard.Author(ctx), s.Now())
			if err != nil {
				return nil, err
			}
			// Asked before the claim: who is noted as present after it contradicts the cancellation,
			// and who is noted between the two is in the diary.
			if err := s.checkNobodyCame(ctx, a.Association, x.ID, r.Date); err != nil {
				return nil, err
			}
			claim = activity.Claim{Cancellation: id, At: c.Steps[0].At}
			return c, s.claimOccurrence(ctx, a.Association, at, claim)
		},
		taken: activity.ErrCalledOff,
	})
	if errors.Is(err, activity.ErrTookPlace) || errors.Is(err, activity.ErrCalledOff) {
		return nil, errors.Join(err, s.releaseOccurrence(ctx, a.Association, at, claim))
	}
	if replayed && err == nil {
		c.Steps = c.Steps[:1]
	}
	return c, err
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
		return activity.ResourceOf(in.ID, x.At(d)), nil
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
