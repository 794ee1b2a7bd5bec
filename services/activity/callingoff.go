package activity

import (
	"context"
	"errors"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
)

// CallOff says that an activity does not take place on a day. It bears no
// person, so there is no entry in the access log.
func (s *Service) CallOff(ctx context.Context, activity string, date civil.Date, reason, key string) (*Cancellation, error) {
	const operation = "cancelOccurrence"
	a, x, err := s.activity(ctx, operation, activity)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	receipt := idempotency.Receipt{At: instant(now), Fingerprint: s.fingerprint(activity, date, reason)}
	v, replayed, err := idempotency.Create(ctx, s.cancellations, idempotency.Request{
		Actor: a, Operation: operation, Key: key, Fingerprint: receipt.Fingerprint, Now: now, NewID: s.NewID,
	}, func(c *Cancellation) idempotency.Receipt { return c.Receipt }, func(id string) (*Cancellation, error) {
		c, err := CallOff(id, a.Association, x, date, reason, hand(ctx), now)
		if err == nil {
			c.Receipt = receipt
		}
		return c, err
	})
	switch {
	case errors.Is(err, store.ErrTaken):
		return nil, ErrCalledOff
	case err != nil:
		return nil, err
	case replayed:
		v.Value.Steps = v.Value.Steps[:1]
	default:
		s.publisher.Wake()
	}
	return v.Value, nil
}

// activity finds an activity and decides whether the caller may do this to it.
func (s *Service) activity(ctx context.Context, operation, id string) (actor.Actor, association.Activity, error) {
	a, err := may(ctx, operation)
	if err != nil {
		return a, association.Activity{}, err
	}
	in, err := s.programme(a)
	if err != nil {
		return a, association.Activity{}, err
	}
	x, known := in.Activity(id)
	if !known {
		return a, x, fault.ErrNotFound
	}
	_, err = access.Decide(operation, a, access.Resource{Association: in.ID, Relationships: []access.Relationship{{Municipality: x.Municipality}}})
	return a, x, err
}

// Cancellation returns a cancellation of an activity.
func (s *Service) Cancellation(ctx context.Context, activity, id string) (*Cancellation, error) {
	c, err := s.cancellation(ctx, "getCancellation", activity, id)
	return c.Value, err
}

// Restore lets a called-off occurrence take place after all.
func (s *Service) Restore(ctx context.Context, activity, id string, ifVersion int64) (*Cancellation, error) {
	c, err := s.cancellation(ctx, "restoreOccurrence", activity, id)
	if err != nil {
		return nil, err
	}
	if c.Version != ifVersion {
		return nil, store.ErrStale
	}
	if err := c.Value.Restore(hand(ctx), s.Now()); err != nil {
		return nil, err
	}
	saved, err := s.cancellations.Replace(ctx, c)
	if err != nil {
		return nil, err
	}
	s.publisher.Wake()
	return saved.Value, nil
}

func (s *Service) cancellation(ctx context.Context, operation, activity, id string) (store.Versioned[Cancellation], error) {
	none := store.Versioned[Cancellation]{}
	a, err := may(ctx, operation)
	if err != nil {
		return none, err
	}
	c, err := s.cancellations.Get(ctx, a.Association, id)
	if err != nil {
		return none, err
	}
	if c.Value.Activity != activity {
		return none, fault.ErrNotFound
	}
	if _, err := access.Decide(operation, a, c.Value.Resource()); err != nil {
		return none, err
	}
	return c, nil
}
