package feed

import (
	"context"
	"errors"
	"fmt"
)

// ErrForked tells that a log does not have the event that a follower handled
// last: one of the two databases was restored to an earlier time than the other.
// Whatever the log tells next under those numbers would be passed over, so the
// follower stops instead.
var ErrForked = errors.New("the log does not have what was handled last: one of the two databases was restored to an earlier time than the other; restore both from the same backup")

// agree checks once per connection that the log still has, where the follower
// stands, the event that it handled there.
func (f *Follower) agree(ctx context.Context, at position) error {
	if f.agreed || at.Seq == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	if err := has(ctx, f.log, at); err != nil {
		return err
	}
	f.agreed = true
	return nil
}

// has checks that a log has the event that a position stands at. A position that
// was saved before events were noted by id is compared by number only.
func has(ctx context.Context, log Reader, at position) error {
	events, err := log.After(ctx, at.Seq-1, 1, 0)
	switch {
	case err != nil:
		return fmt.Errorf("read the log: %w", err)
	case len(events) == 0:
		return fmt.Errorf("position %d is behind the end of the log: %w", at.Seq, ErrForked)
	case events[0].Sequence != at.Seq || at.Last != "" && events[0].ID != at.Last:
		return fmt.Errorf("event %d is %s, and what was handled was %s: %w", at.Seq, events[0].ID, at.Last, ErrForked)
	}
	return nil
}
