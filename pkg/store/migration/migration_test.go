package migration_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/migration"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// card is the document of the tests; its kinds are what two releases declare.
type card struct {
	ID    string `json:"id"`
	Color string `json:"color"`
	Size  int64  `json:"size"`
}

func first() store.Schema[card] {
	return store.Schema[card]{
		Name: "cards", Indexes: []store.Index{{"color"}},
		ID:   func(c *card) (string, string) { return "north", c.ID },
		Keys: func(c *card) store.Keys { return store.Keys{"color": c.Color} },
	}
}

func second() store.Schema[card] {
	k := first()
	k.Indexes = append(k.Indexes, store.Index{"size"})
	k.Keys = func(c *card) store.Keys { return store.Keys{"color": c.Color, "size": c.Size} }
	return k
}

// bench is a database with a clock.
type bench struct {
	t      *testing.T
	engine store.Engine
	mu     sync.Mutex
	now    time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "b.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &bench{t: t, engine: db.Engine("cards"), now: time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)}
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) later(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// release is a program of a version that declares a collection.
func (b *bench) release(version int64, c store.Schema[card]) migration.Migration {
	return migration.Migration{
		Schema: migration.Schema{Service: "cards", Version: version, Collections: []migration.Collection{c}},
		Engine: b.engine, Program: fmt.Sprintf("%d.0", version), Now: b.clock, Log: slog.New(slog.DiscardHandler),
	}
}

func (b *bench) up(m migration.Migration) {
	b.t.Helper()
	if err := m.Up(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) put(k store.Schema[card], cards ...card) *store.Collection[card] {
	b.t.Helper()
	c, err := store.Open(b.t.Context(), b.engine, k)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, v := range cards {
		if _, err := c.Insert(b.t.Context(), &v); err != nil {
			b.t.Fatal(err)
		}
	}
	return c
}

// ofSize counts by the key that the second release declares.
func (b *bench) ofSize(n int64) int64 {
	b.t.Helper()
	got, err := b.put(second()).Count(b.t.Context(), "north", []store.Cond{{Key: "size", Op: store.Eq, Value: n}})
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

func TestADatabaseOfTheReleaseBeforeVersionsWereNotedIsBroughtUp(t *testing.T) {
	b := newBench(t)
	b.put(first(), card{"a", "red", 4}, card{"b", "blue", 4})
	b.up(b.release(2, second()))
	if got := b.ofSize(4); got != 2 {
		t.Errorf("found %d of 2 by the new key", got)
	}
}

func TestDocumentsAreFoundByAKeyThatANewReleaseDeclares(t *testing.T) {
	b := newBench(t)
	b.up(b.release(1, first()))
	var cards []card
	for i := range 501 { // more than two batches
		cards = append(cards, card{fmt.Sprintf("c%03d", i), "red", 4})
	}
	b.put(first(), cards...)
	two := b.release(2, second())
	plan, err := two.Check(t.Context())
	want := "cards: database at version 1, program at version 2\n  set the version to 2\n  recompute the keys of cards"
	if err != nil || plan.String() != want {
		t.Errorf("the plan: %v, %v", plan, err)
	}
	if got := b.ofSize(4); got != 0 {
		t.Errorf("looking has written %d", got)
	}
	b.up(two)
	if got := b.ofSize(4); got != 501 {
		t.Errorf("found %d of 501", got)
	}
}

func TestAnUpgradedDatabaseHasNothingLeftToDo(t *testing.T) {
	b := newBench(t)
	m := b.release(2, second())
	b.up(m)
	b.up(m)
	plan, err := m.Check(t.Context())
	if err != nil || !plan.NothingToDo() || !strings.HasSuffix(plan.String(), "nothing to do") {
		t.Errorf("%v, %v", plan, err)
	}
}

// failing is an engine on which some calls of Rekey fail.
type failing struct {
	store.Engine
	fails func() bool
}

var errFailed = errors.New("failed")

func (f failing) Rekey(ctx context.Context, collection string, r store.Record) error {
	if f.fails() {
		return errFailed
	}
	return f.Engine.Rekey(ctx, collection, r)
}

func TestAMigrationThatFailedHalfwayIsRepeatedByTheNextStart(t *testing.T) {
	b := newBench(t)
	b.up(b.release(1, first()))
	b.put(first(), card{"a", "red", 4}, card{"b", "blue", 4}, card{"c", "blue", 4})
	two := b.release(2, second())
	calls := 0
	two.Engine = failing{b.engine, func() bool { calls++; return calls == 2 }}
	if err := two.Up(t.Context()); !errors.Is(err, errFailed) {
		t.Fatalf("%v", err)
	}
	if plan, err := two.Check(t.Context()); err != nil || plan.Database != 1 || plan.NothingToDo() {
		t.Errorf("after the failure: %v, %v", plan, err)
	}
	b.up(two)
	if got := b.ofSize(4); got != 3 || calls != 4 {
		t.Errorf("found %d of 3 after %d calls, want 4: keys that are right are not written again", got, calls)
	}
}

func TestManyProgramsThatStartAtOnceMigrateTogether(t *testing.T) {
	b := newBench(t)
	b.put(first(), card{"a", "red", 4})
	slow := failing{b.engine, func() bool { time.Sleep(20 * time.Millisecond); return false }}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			m := b.release(2, second())
			m.Engine = slow
			if err := m.Up(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	plan, err := b.release(2, second()).Check(t.Context())
	if err != nil || plan.Database != 2 || b.ofSize(4) != 1 {
		t.Errorf("%v, %v; found %d of 1", plan, err, b.ofSize(4))
	}
}

func TestAnOlderProgramWorksBesideANewerOneAndWhatItWritesIsFoundInTheEnd(t *testing.T) {
	b := newBench(t)
	one, two := b.release(1, first()), b.release(2, second())
	b.up(one)
	b.up(two)
	b.up(one) // a pod of the old version starts again while the new one is put in place
	b.put(first(), card{"late", "red", 4})
	if got := b.ofSize(4); got != 0 {
		t.Fatalf("the older program knows no size, and yet %d are found", got)
	}
	b.later(5 * time.Minute)
	b.watched(two)
	if got := b.ofSize(4); got != 0 {
		t.Errorf("the keys were recomputed while the older program may still write")
	}
	b.later(6 * time.Minute)
	b.watched(two)
	if got := b.ofSize(4); got != 1 {
		t.Errorf("found %d of 1 after the older program went silent", got)
	}
	plan, err := two.Check(t.Context())
	if err != nil || !strings.HasSuffix(plan.String(), "nothing to do") {
		t.Errorf("%v %v", plan, err)
	}
}

// watched lets one round of Watch pass.
func (b *bench) watched(m migration.Migration) {
	b.t.Helper()
	if err := migration.Look(b.t.Context(), m); err != nil {
		b.t.Fatal(err)
	}
}

func TestAfterARollbackAndAnotherUpgradeEverythingIsFoundAtOnce(t *testing.T) {
	b := newBench(t)
	one, two := b.release(1, first()), b.release(2, second())
	b.up(two)
	b.put(second(), card{"a", "red", 4})
	b.up(one)
	c := b.put(first(), card{"b", "red", 4})
	if _, err := c.Update(t.Context(), "north", "a", 0, func(v *card) error { v.Size = 7; return nil }); err != nil {
		t.Fatal(err)
	}
	b.up(two)
	if four, seven := b.ofSize(4), b.ofSize(7); four != 1 || seven != 1 {
		t.Errorf("found %d of size 4 and %d of size 7", four, seven)
	}
}

func TestAVersionThatExcludesOlderProgramsStopsThem(t *testing.T) {
	b := newBench(t)
	one := b.release(1, first())
	b.up(one)
	two := b.release(2, first())
	two.Schema.Least = 2
	if plan, err := two.Check(t.Context()); err != nil || !strings.Contains(plan.String(), "older programs cannot work on the database afterwards") {
		t.Errorf("the plan: %v, %v", plan, err)
	}
	b.up(two)
	want := "the database of cards is at version 2 and cannot be used by programs below version 2; this program has version 1: start the newer program (2.0), or restore a backup made before the upgrade"
	if err := one.Up(t.Context()); err == nil || err.Error() != want {
		t.Errorf("at start: %v", err)
	}
	if err := migration.Look(t.Context(), one); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("one that is running: %v", err)
	}
	if plan, err := one.Check(t.Context()); err != nil || !strings.Contains(plan.String(), "refused: "+want) {
		t.Errorf("%v, %v", plan, err)
	}
}

func TestAUniqueIndexOnACollectionInUseIsRefused(t *testing.T) {
	b := newBench(t)
	b.up(b.release(1, first()))
	k := first()
	k.Unique = []store.Index{{"color"}}
	if err := b.release(2, k).Up(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be given the unique index color") {
		t.Errorf("%v", err)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	m := newBench(t).release(1, first())
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := m.Watch(ctx); err != nil {
			t.Error(err)
		}
	})
}
