package referral

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// How the sweeper goes about.
const (
	sweepEvery = time.Minute
	sweepBatch = 100 // referrals of one association in one read
	sweepRound = 50 * time.Second
)

// sweep makes silence an event: a turn whose time has passed becomes a step of
// its referral, once. Several may sweep at once, in several processes: each step
// is taken by compare-and-swap.
func (s *Service) sweep(ctx context.Context) error {
	for {
		if _, err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "sweep overdue referrals", "error", err)
		}
		// Jitter keeps several processes from looking at the same moment.
		t := time.NewTimer(sweepEvery + rand.N(sweepEvery/10))
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// Sweep takes every overdue step that time has brought and gives how many it
// took. What it does not come to in time is left to the next round.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, sweepRound)
	defer cancel()
	taken := 0
	for in := range s.overdueRounds.from(s.Associations.All()) {
		n, err := s.sweepAssociation(ctx, in.ID)
		if taken += n; err != nil {
			return taken, err
		}
	}
	return taken, nil
}

func (s *Service) sweepAssociation(ctx context.Context, association string) (int, error) {
	now, taken := s.Now(), 0
	q := store.Query{
		Association: association,
		Where:       []store.Cond{{Key: keyAlarm, Op: store.Lt, Value: now.UnixMilli()}},
		Sort:        []store.Order{{Key: keyAlarm}},
		Limit:       sweepBatch,
	}
	for {
		page, err := s.referrals.Find(ctx, q)
		if err != nil {
			return taken, err
		}
		for _, r := range page.Items {
			fell := false
			_, err := s.referrals.Update(ctx, association, r.Value.ID, 0, func(r *Referral) error {
				if fell = r.MarkOverdue(now); !fell {
					return store.Unchanged()
				}
				return nil
			})
			switch {
			// One that a newer program has written to, or that is written to all the
			// time, must not hold up the others.
			case errors.Is(err, store.ErrNewer), errors.Is(err, fault.ErrUnavailable) && ctx.Err() == nil:
				s.Log.WarnContext(ctx, "an overdue referral is left to the next round", "referral", r.Value.ID, "error", err)
			case err != nil:
				return taken, err
			case fell:
				taken++
			}
		}
		if len(page.Items) > 0 {
			s.publisher.Wake()
		}
		if q.After = page.Next; q.After.ID == "" {
			return taken, nil
		}
	}
}
