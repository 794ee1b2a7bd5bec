package outbound

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

const (
	// betweenSweeps is how often what is too old is looked for.
	betweenSweeps = time.Hour
	// sweepAtOnce and sweepRounds bound what one sweep disposes of, per association.
	sweepAtOnce = 200
	sweepRounds = 50
)

// sweepNowAndThen disposes of what is too old, until the context ends.
func (s *Service) sweepNowAndThen(ctx context.Context) {
	for {
		pause := time.NewTimer(betweenSweeps/2 + rand.N(betweenSweeps))
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "dispose of old notices and deliveries", "error", err)
		}
	}
}

// Sweep disposes of notices and deliveries older than 90 days. Another process may do the same
// at the same time.
func (s *Service) Sweep(ctx context.Context) error {
	old := s.Now().Add(-kept).UnixMilli()
	for _, a := range s.Associations.All() {
		if err := s.sweepNotices(ctx, a.ID, old); err != nil {
			return err
		}
		if err := s.sweepDeliveries(ctx, a.ID, old); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) sweepDeliveries(ctx context.Context, association string, old int64) error {
	for range sweepRounds {
		page, err := s.deliveries.Find(ctx, store.Query{
			Association: association, Where: []store.Cond{{Key: keyAt, Op: store.Lt, Value: old}},
			Sort: []store.Order{{Key: keyAt}}, Limit: sweepAtOnce,
		})
		if err != nil {
			return err
		}
		for _, v := range page.Items {
			if err := s.deliveries.Delete(ctx, association, v.Value.ID, v.Version); !gone(err) {
				return err
			}
		}
		if page.Next.ID == "" {
			return nil
		}
	}
	return nil
}

func (s *Service) sweepNotices(ctx context.Context, association string, old int64) error {
	for range sweepRounds {
		page, err := s.blocks.Find(ctx, store.Query{
			Association: association, Where: []store.Cond{{Key: keyAt, Op: store.Lt, Value: old}},
			Sort: []store.Order{{Key: keyAt}}, Limit: sweepAtOnce,
		})
		if err != nil {
			return err
		}
		for _, v := range page.Items {
			// Noted before it goes: a reader is told rather than left to miss it.
			if err := s.sweptThrough(ctx, v.Value); err != nil {
				return err
			}
			if err := s.blocks.Delete(ctx, association, v.Value.id(), v.Version); !gone(err) {
				return err
			}
		}
		if page.Next.ID == "" {
			return nil
		}
	}
	return nil
}

// gone reports whether a document that was to be deleted is no longer there.
func gone(err error) bool {
	return err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrStale)
}

// sweptThrough notes that a recipient's notices up to the block's last are gone.
func (s *Service) sweptThrough(ctx context.Context, b *block) error {
	last := b.Notices[len(b.Notices)-1].Sequence
	_, err := s.swept.Insert(ctx, &swept{Association: b.Association, Recipient: b.Recipient, Through: last})
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	_, err = s.swept.Update(ctx, b.Association, string(b.Recipient), 0, func(v *swept) error {
		if v.Through >= last {
			return store.Unchanged()
		}
		v.Through = last
		return nil
	})
	return err
}
