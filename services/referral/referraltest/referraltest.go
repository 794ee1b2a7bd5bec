// Package referraltest is a referral service for tests: the real one, on an
// embedded store in a temporary folder, with invented people in a small fake of
// the vault, a clock that stands still and ids that are the same in every run.
package referraltest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/blob"
	"github.com/finsam/finsam/pkg/blob/folder"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/service"
)

// World is a service with all that it stands on.
type World struct {
	Service *service.Service
	Engine  store.Engine
	Access  *accesslog.Log
	Feed    *feed.Log
	People  *People
	Peer    *Peer // the participant service's feed
	Clock   *Clock
	Dir     string // where the store's files are
	Blobs   *Blobs
	Hooks   *Receiver // the network, and whoever receives webhooks
	Seal    *encryption.Cipher

	Associations *association.Registry

	deps service.Config
}

// Noon is where the clock begins.
var Noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// example is the association that the repository bears as its own example.
const example = "services/standalone/example/insjoriket.yaml"

// New creates a service. Nothing is published or followed until Run.
func New(t testing.TB) *World {
	t.Helper()
	dir := t.TempDir()
	db, err := sqlite.Open(context.Background(), filepath.Join(dir, "referral.db"))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return in(t, db.Engine("referral"), dir)
}

// On creates a service on an engine of the caller's, who keeps and closes it.
func On(t testing.TB, e store.Engine) *World {
	t.Helper()
	return in(t, e, t.TempDir())
}

// in creates a service on an engine, with its attachments in a directory.
func in(t testing.TB, e store.Engine, dir string) *World {
	t.Helper()
	w := &World{Dir: dir, Engine: e, People: &People{}, Peer: NewPeer(), Clock: &Clock{now: Noon}, Hooks: &Receiver{}}
	ctx := context.Background()
	var err error
	w.Access, err = accesslog.Open(ctx, w.Engine, "referral", w.Clock.Now)
	must(t, err)
	t.Cleanup(func() { must(t, w.Access.Close()) })
	w.Feed, err = feed.OpenLog(ctx, w.Engine, "/services/referral")
	must(t, err)
	sealing, looking, err := encryption.Generate()
	must(t, err)
	sealer, err := encryption.New(sealing, looking)
	must(t, err)
	w.Seal, w.Associations = sealer, associations(t)
	files, err := folder.Open(filepath.Join(w.Dir, "attachments"))
	must(t, err)
	w.Blobs = &Blobs{Store: files}
	w.deps = service.Config{
		Engine: w.Engine, Feed: w.Feed, Peers: map[string]feed.Reader{"participant": w.Peer}, AccessLog: w.Access, Cipher: sealer,
		Associations: w.Associations, People: w.People, Blobs: w.Blobs, Webhooks: w.Hooks,
		Now: w.Clock.Now, NewID: ids(), Log: slog.New(slog.DiscardHandler),
	}
	w.Service, err = service.New(ctx, w.deps)
	must(t, err)
	return w
}

// Another returns one more service of the same world on an engine of its own, as
// another process would be.
func (w *World) Another(t testing.TB, e store.Engine) *service.Service {
	t.Helper()
	deps := w.deps
	deps.Engine = e
	s, err := service.New(context.Background(), deps)
	must(t, err)
	return s
}

// All returns every referral of an association.
func (w *World) All(ctx context.Context, association string) ([]*referral.Referral, error) {
	c, err := store.Open(ctx, w.Engine, service.Collection())
	if err != nil {
		return nil, err
	}
	page, err := c.Find(ctx, store.Query{Association: association, Limit: 1000})
	var all []*referral.Referral
	for _, r := range page.Items {
		all = append(all, r.Value)
	}
	return all, err
}

// Run publishes and follows until the test ends.
func (w *World) Run(t testing.TB) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Service.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-done)
	})
}

// associations returns the example and a second one of the same municipalities.
func associations(t testing.TB) *association.Registry {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), example))
	must(t, err)
	one, err := association.Parse(text)
	must(t, err)
	two := *one
	two.ID = "elsewhere"
	r, err := association.NewRegistry(one, &two)
	must(t, err)
	return r
}

// root finds the folder of go.work above the test.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	must(t, err)
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, example)); err == nil {
			return dir
		}
	}
	t.Fatalf("%s is not above the test", example)
	return ""
}

// ids returns UUIDs that are the same in every run.
func ids() func() string {
	var mu sync.Mutex
	n := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, n)).String()
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Clock tells a time that only Advance moves.
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

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// As returns a context in which the actor asks.
func As(a actor.Actor) context.Context { return actor.With(context.Background(), a) }

// Blobs is a folder of blobs whose calls a test can follow.
type Blobs struct {
	blob.Store
	After func(verb string) // nil: nobody follows
}

// Put implements blob.Store.
func (b *Blobs) Put(ctx context.Context, name string, fill func(io.Writer) error) error {
	err := b.Store.Put(ctx, name, fill)
	if b.After != nil {
		b.After("put")
	}
	return err
}
