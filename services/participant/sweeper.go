package participant

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/store"
)

// How the sweeper goes about.
const (
	sweepEvery = time.Minute
	sweepBatch = 100 // enrolments of one association in one read
	sweepRound = 30 * time.Second
)

// sweep makes silence an event: when a block's last day has passed, the check-in
// is due, or the closing after the last block. Several may sweep at once, in
// several processes: each step is taken by compare-and-swap, and only once.
func (s *Service) sweep(ctx context.Context) error {
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "sweep enrolments", "error", err)
		}
		// Jitter keeps several processes from looking at the same moment.
		t := time.NewTimer(sweepEvery + rand.N(sweepEvery/10))
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-s.overdue:
		case <-t.C:
		}
		t.Stop()
	}
}

// Sweep takes every step that time has brought, once.
func (s *Service) Sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sweepRound)
	defer cancel()
	for _, in := range s.Associations.All() {
		for {
			n, err := s.sweepSome(ctx, in.ID)
			if err != nil {
				return err
			}
			if n < sweepBatch {
				break
			}
		}
	}
	return nil
}

// sweepSome takes one batch and gives how many were due. Each of them changes its
// key or its state, so the next batch is another one.
func (s *Service) sweepSome(ctx context.Context, association string) (int, error) {
	now := s.Now()
	due, err := s.dueBefore(ctx, association, civil.DateOf(now), sweepBatch)
	if err != nil {
		return 0, err
	}
	for _, v := range due {
		_, err := s.enrolments.Update(ctx, association, v.Value.ID, 0, func(e *Enrolment) error {
			if !e.MarkOverdue(now) {
				return store.Unchanged()
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	if len(due) > 0 {
		s.publisher.Wake()
	}
	return len(due), nil
}
