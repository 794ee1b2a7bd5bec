package gateway

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/feed"
)

const (
	// followWait is how long one call to a feed waits for events.
	followWait = 5 * time.Second
	// staleAfter is how long after the last word from a feed its service's
	// answers are still taken from the cache.
	staleAfter = followWait + 5*time.Second
)

// follower follows one service's feed and empties the cache by it. Its position
// is in memory: a gateway that starts begins at the feed's end, and believes
// nothing that was kept before it began, for it missed what came before.
type follower struct {
	service string
	reader  feed.Reader
	handle  func(context.Context, feed.Event) error
	log     *slog.Logger
	now     func() time.Time
	begun   atomic.Int64 // Unix nanoseconds of the beginning
	heard   atomic.Int64 // Unix nanoseconds of the last word, while caught up

	measured *feed.Following
}

// fresh reports whether what is kept may be believed: every service's events are
// followed, and all were heard of a moment ago.
func (g *Gateway) fresh() bool {
	if len(g.followers) < len(g.Services) {
		return false
	}
	now := g.Now().UnixNano()
	for _, f := range g.followers {
		if !f.healthy(now) {
			return false
		}
	}
	return true
}

// before reports whether a time lies before all feeds were followed.
func (g *Gateway) before(t time.Time) bool {
	for _, f := range g.followers {
		if t.UnixNano() < f.begun.Load() {
			return true
		}
	}
	return false
}

// healthy reports whether the feed was heard of a moment ago.
func (f *follower) healthy(now int64) bool {
	heard := f.heard.Load()
	return heard != 0 && now-heard < int64(staleAfter)
}

// followRetry is how a follower waits for a feed that fails.
var followRetry = backoff.Backoff{First: 200 * time.Millisecond, Max: 5 * time.Second}

// run follows until ctx ends; a feed that fails is asked again, ever more slowly,
// and meanwhile nothing comes from the cache.
func (f *follower) run(ctx context.Context) error {
	defer f.measured.Watch()()
	at, begun, failures := int64(0), false, 0
	for ctx.Err() == nil {
		var err error
		if !begun {
			f.begun.Store(f.now().UnixNano())
			at, err = end(ctx, f.reader)
			begun = err == nil
		}
		if err == nil {
			at, err = f.round(ctx, at)
		}
		if err == nil {
			failures = 0
			continue
		}
		if ctx.Err() != nil {
			break
		}
		f.heard.Store(0)
		f.measured.Failed(ctx)
		failures++
		f.log.WarnContext(ctx, "a feed cannot be followed; nothing is taken from the cache meanwhile", "service", f.service, "error", err, "failures", failures)
		followRetry.Wait(ctx, failures)
	}
	return nil
}

// round handles one page of events and gives the position behind the last one.
func (f *follower) round(ctx context.Context, at int64) (int64, error) {
	wait := followWait
	if f.heard.Load() == 0 {
		wait = 0 // say soon whether all is well
	}
	f.measured.Begin(at)
	events, err := f.reader.After(ctx, at, feed.MaxLimit, wait)
	if err != nil {
		return at, err
	}
	f.measured.Read(events)
	for i, e := range events {
		if err := f.handle(ctx, e); err != nil {
			return at, err
		}
		at = e.Sequence
		f.measured.Handled(ctx, events[i:])
	}
	if len(events) < feed.MaxLimit {
		f.heard.Store(f.now().UnixNano())
	}
	return at, nil
}

// end finds the last sequence number of a feed, which is gapless from 1, in some
// forty short questions at most.
func end(ctx context.Context, r feed.Reader) (int64, error) {
	more := func(at int64) (bool, error) {
		events, err := r.After(ctx, at, 1, 0)
		return len(events) > 0, err
	}
	low, high := int64(0), int64(1)
	for {
		ok, err := more(high - 1)
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		low, high = high, high*2
	}
	for low+1 < high { // low exists (or is 0), high does not
		middle := low + (high-low)/2
		ok, err := more(middle - 1)
		if err != nil {
			return 0, err
		}
		if ok {
			low = middle
		} else {
			high = middle
		}
	}
	return low, nil
}
