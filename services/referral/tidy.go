package referral

import (
	"context"
	"math/rand/v2"
	"time"
)

// tidying is how often a service looks for what nobody asks it to do.
const tidying = time.Minute

// tidy does what has its time and no caller, until the context ends.
func (s *Service) tidy(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(tidying/2 + rand.N(tidying)):
		}
		s.numbers.flush()
	}
}

// expire destroys drafts whose time is over, until the context ends.
func (s *Service) expire(ctx context.Context) error {
	for {
		// Jitter keeps several processes from looking at the same moment.
		t := time.NewTimer(expireEvery/2 + rand.N(expireEvery))
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
		n, err := s.SweepDrafts(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "destroy drafts whose time is over", "error", err)
		}
		if n > 0 {
			s.Log.InfoContext(ctx, "drafts whose time was over are destroyed", "drafts", n)
		}
	}
}
