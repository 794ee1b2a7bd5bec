package feed_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// fixed is a feed of n events, written by hand.
type fixed int

func (n fixed) After(ctx context.Context, seq int64, limit int, wait time.Duration) ([]feed.Event, error) {
	var events []feed.Event
	for i := seq + 1; i <= int64(n) && len(events) < limit; i++ {
		events = append(events, feed.Event{Sequence: i, ID: "thing/" + string(rune('0'+i)), Type: "x.y"})
	}
	if len(events) == 0 && wait > 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
	return events, nil
}

func ownEngine(t *testing.T) store.Engine {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "f.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db.Engine("f")
}

// followed runs a follower until stop, which returns what it logged.
func followed(t *testing.T, e store.Engine, r feed.Reader, handle feed.Handle) (f *feed.Follower, stop func() string) {
	t.Helper()
	var said strings.Builder
	f, err := feed.NewFollower(t.Context(), e, slog.New(slog.NewTextHandler(&said, nil)), "peer", r, handle)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = f.Run(ctx)
	}()
	return f, func() string { cancel(); <-done; return said.String() }
}

func reaches(t *testing.T, f *feed.Follower, seq int64) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if at, err := f.Position(t.Context()); err == nil && at == seq {
			return
		}
	}
	t.Fatalf("the follower did not come to %d", seq)
}

func TestAFollowerStopsAtALogThatWasRestoredToAnEarlierTime(t *testing.T) {
	e := ownEngine(t)
	f, stop := followed(t, e, fixed(5), func(context.Context, feed.Event) error { return nil })
	reaches(t, f, 5)
	stop()
	for sentence, log := range map[string]feed.Reader{
		"it ends before the position":              fixed(3),
		"another event is at the position":         renamed{fixed(9)},
		"it is empty":                              fixed(0),
		"it ends one before the position":          fixed(4),
		"another event, and nothing new behind it": renamed{fixed(5)},
	} {
		t.Run(sentence, func(t *testing.T) {
			var handled atomic.Int64
			_, stop := followed(t, e, log, func(context.Context, feed.Event) error { handled.Add(1); return nil })
			time.Sleep(50 * time.Millisecond)
			if said := stop(); handled.Load() != 0 || !strings.Contains(said, "restore both from the same backup") {
				t.Errorf("handled %d events and said %s", handled.Load(), said)
			}
		})
	}
}

// renamed is the same feed with other events.
type renamed struct{ feed.Reader }

func (r renamed) After(ctx context.Context, seq int64, limit int, wait time.Duration) ([]feed.Event, error) {
	events, err := r.Reader.After(ctx, seq, limit, wait)
	for i := range events {
		events[i].ID = "other" + events[i].ID
	}
	return events, err
}

func TestAFollowerGoesOnAtALogThatHasWhatItHandledLast(t *testing.T) {
	e := ownEngine(t)
	f, stop := followed(t, e, fixed(5), func(context.Context, feed.Event) error { return nil })
	reaches(t, f, 5)
	stop()
	f, stop = followed(t, e, fixed(7), func(context.Context, feed.Event) error { return nil })
	reaches(t, f, 7)
	stop()
}
