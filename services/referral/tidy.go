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
