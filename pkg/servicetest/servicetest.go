// Package servicetest sets up what surrounds a service in its tests: a store in a
// temporary folder, feed, access log, keys, the example association, a clock and ids
// that are the same in every run, the feeds of other services, and the service's real
// router with its contract.
//
// A service has a package of its own beside it (activitytest, …) that adds the
// service itself and what only its tests know.
package servicetest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// World is what a service needs.
type World struct {
	parts.Parts        // the peers are the caller's; the ids are the same in every run
	Dir         string // temporary; holds the store's file
	Clock       *Clock
}

// Config is what New takes; the zero value is enough.
type Config struct {
	Engine       store.Engine // nil: SQLite in the temporary folder
	Now          time.Time    // when the clock begins; zero: noon on Monday 2 March 2026
	Associations [][]byte     // files; none: the example
}

// New returns a world for the service of the name. What it opens is closed when the
// test ends.
func New(t testing.TB, service string, c Config) *World {
	t.Helper()
	if c.Now.IsZero() {
		c.Now = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	}
	if c.Associations == nil {
		c.Associations = [][]byte{Example(t)}
	}
	w := &World{Dir: t.TempDir(), Clock: &Clock{now: c.Now}}
	w.Parts = parts.Parts{Engine: c.Engine, Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler)}
	var ids atomic.Int64
	w.NewID = func() string { return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, ids.Add(1))).String() }
	ctx := context.Background()
	if w.Engine == nil {
		db, err := sqlite.Open(ctx, filepath.Join(w.Dir, service+".db"))
		Must(t, err)
		t.Cleanup(func() { Must(t, db.Close()) })
		w.Engine = db.Engine(service)
	}
	var err error
	w.Feed, err = feed.OpenLog(ctx, w.Engine, "/services/"+service)
	Must(t, err)
	w.AccessLog, err = accesslog.Open(ctx, w.Engine, service, w.Clock.Now)
	Must(t, err)
	t.Cleanup(func() { Must(t, w.AccessLog.Close()) })
	aead, prf, err := encryption.Generate()
	Must(t, err)
	w.Cipher, err = encryption.New(aead, prf)
	Must(t, err)
	var all []*association.Association
	for _, text := range c.Associations {
		a, err := association.Parse(text)
		Must(t, err)
		all = append(all, a)
	}
	w.Associations, err = association.NewRegistry(all...)
	Must(t, err)
	w.Associations.Now = w.Clock.Now
	return w
}

// Example returns the file of the example association.
func Example(t testing.TB) []byte {
	t.Helper()
	dir, err := os.Getwd()
	Must(t, err)
	for {
		text, err := os.ReadFile(filepath.Join(dir, "services", "standalone", "example", "insjoriket.yaml"))
		if err == nil {
			return text
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("the example association is not above the test's folder")
		}
		dir = filepath.Dir(dir)
	}
}

// Accesses returns the entries of the access log, oldest first.
func (w *World) Accesses(t testing.TB) []accesslog.Entry {
	t.Helper()
	var all []accesslog.Entry
	Must(t, accesslog.Read(context.Background(), map[string]*accesslog.Log{"": w.AccessLog}, func(_ string, e accesslog.Entry) error {
		all = append(all, e)
		return nil
	}))
	return all
}

// Run runs a service's loops until it is stopped, or the test ends.
func Run(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		Must(t, <-done)
	})
	t.Cleanup(stop)
	return stop
}

// Eventually waits until the condition holds, at most ten seconds.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("waited in vain until %s", what)
}

// Must fails the test at an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// As returns a context of the actor's.
func As(a actor.Actor) context.Context { return actor.With(context.Background(), a) }

// Clock is a time that only the test moves.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set moves the clock to a time.
func (c *Clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) { c.Set(c.Now().Add(d)) }

// Peer is the feed of another service, written by the test. The zero value is empty.
type Peer struct {
	mu     sync.Mutex
	events []feed.Event
	grown  chan struct{} // closed when an event is added; nil: no reader waits
}

// Add adds an event after the others and numbers it.
func (p *Peer) Add(e feed.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.Sequence = int64(len(p.events)) + 1
	p.events = append(p.events, e)
	if p.grown != nil {
		close(p.grown)
		p.grown = nil
	}
}

// After implements feed.Reader.
func (p *Peer) After(ctx context.Context, seq int64, limit int, wait time.Duration) ([]feed.Event, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		p.mu.Lock()
		events := p.events[min(int(seq), len(p.events)):]
		if p.grown == nil {
			p.grown = make(chan struct{})
		}
		grown := p.grown
		p.mu.Unlock()
		if len(events) > 0 {
			return events[:min(limit, len(events))], nil
		}
		select {
		case <-grown:
		case <-timer.C:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
