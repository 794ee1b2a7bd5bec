// Package backoff waits longer after each failure, and never for the same time
// twice: many clients of one server that was away must not return in step.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff is how long to wait before another try: about First after the first
// failure, twice as long after each further one, and never more than Max. A Max of
// zero is no limit. A Backoff is a value without state: the caller counts.
type Backoff struct {
	First, Max time.Duration
}

// After returns the wait after so many failures in a row, drawn by chance between
// half of it and the whole.
func (b Backoff) After(failures int) time.Duration {
	d := b.First << max(0, min(failures-1, 16))
	if b.Max > 0 {
		d = min(d, b.Max)
	}
	return d/2 + rand.N(d/2+1)
}

// Wait waits as After says. It reports whether to try again: false when the
// context has ended.
func (b Backoff) Wait(ctx context.Context, failures int) bool {
	return Sleep(ctx, b.After(failures))
}

// Sleep waits for the time and reports true, or false once the context has ended.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}
