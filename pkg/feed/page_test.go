package feed_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
)

// pages runs a page follower of r, which calls handle with each page and then sends
// its sequence numbers to handed, until stop, which returns what it logged.
func pages(t *testing.T, e store.Engine, r feed.Reader, handle feed.HandlePage) (f *feed.Follower, handed chan string, stop func() string) {
	t.Helper()
	var said strings.Builder
	handed = make(chan string, 16)
	f, err := feed.NewPageFollower(t.Context(), e, slog.New(slog.NewTextHandler(&said, nil)), "peer", r, func(ctx context.Context, events []feed.Event) error {
		err := handle(ctx, events)
		var all []int64
		for _, ev := range events {
			all = append(all, ev.Sequence)
		}
		select {
		case handed <- fmt.Sprint(all):
		case <-ctx.Done():
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = f.Run(ctx)
	}()
	return f, handed, func() string { cancel(); <-done; return said.String() }
}

// next returns the next page that was handed over.
func next(t *testing.T, handed chan string) string {
	t.Helper()
	select {
	case p := <-handed:
		return p
	case <-time.After(10 * time.Second):
		t.Fatal("no page came")
		return ""
	}
}

func TestAPageThatFailsComesAgainWhole(t *testing.T) {
	e, failed := ownEngine(t), false
	f, handed, stop := pages(t, e, fixed(4), func(context.Context, []feed.Event) error {
		if !failed {
			failed = true
			return errors.New("ill")
		}
		return nil
	})
	if one, two := next(t, handed), next(t, handed); one != "[1 2 3 4]" || two != one {
		t.Errorf("got %s and then %s", one, two)
	}
	reaches(t, f, 4)
	if said := stop(); !strings.Contains(said, "events 1 to 4: ill") {
		t.Errorf("the log does not say what failed: %s", said)
	}
	// Another one of the name, as after a death, begins behind what was handled.
	again, handed, stop := pages(t, e, fixed(6), func(context.Context, []feed.Event) error { return nil })
	if got := next(t, handed); got != "[5 6]" {
		t.Errorf("after a death: %s", got)
	}
	reaches(t, again, 6)
	stop()
}

// torn is a feed without its third event; it sends to asked when it is asked behind
// the second.
type torn struct {
	fixed
	asked chan struct{}
}

// After implements feed.Reader.
func (r torn) After(ctx context.Context, seq int64, limit int, wait time.Duration) ([]feed.Event, error) {
	if seq == 2 {
		select {
		case r.asked <- struct{}{}:
		case <-ctx.Done():
		}
	}
	events, err := r.fixed.After(ctx, seq, limit, wait)
	return slices.DeleteFunc(events, func(e feed.Event) bool { return e.Sequence == 3 }), err
}

func TestAPageEndsBeforeAGapAndNothingBehindItIsHandedOver(t *testing.T) {
	r := torn{fixed(5), make(chan struct{})}
	f, handed, stop := pages(t, ownEngine(t), r, func(context.Context, []feed.Event) error { return nil })
	if got := next(t, handed); got != "[1 2]" {
		t.Errorf("got %s", got)
	}
	for range 2 { // asked again, it is done with the first page
		select {
		case <-r.asked:
		case <-time.After(10 * time.Second):
			t.Fatal("it does not go on")
		}
	}
	reaches(t, f, 2)
	if said := stop(); len(handed) != 0 || !strings.Contains(said, "the log goes from 2 to 4") {
		t.Errorf("%d pages behind the gap; the log: %s", len(handed), said)
	}
}

// length is a feed of so many events.
type length int64

func (l length) After(_ context.Context, seq int64, limit int, _ time.Duration) (all []feed.Event, err error) {
	for n := seq + 1; n <= int64(l) && len(all) < limit; n++ {
		all = append(all, feed.Event{Sequence: n})
	}
	return all, nil
}

func TestTheEndOfAFeedIsFound(t *testing.T) {
	for _, n := range []int64{0, 1, 2, 3, 7, 8, 9, 1000, 1023, 1024, 1025} {
		if got, err := feed.End(t.Context(), length(n)); err != nil || got != n {
			t.Errorf("of %d: %d, %v", n, got, err)
		}
	}
}
