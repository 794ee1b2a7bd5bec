package feed_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// path is an aggregate of these tests: nothing but its steps.
type path struct {
	ID    string   `json:"id"`
	Steps []string `json:"steps"`
}

var kind = store.Schema[path]{
	Name: "paths", Published: true,
	ID:      func(p *path) (string, string) { return "insjoriket", p.ID },
	Version: func(p *path) int64 { return int64(len(p.Steps)) },
}

func pathEvent(p *path, n int64) feed.Event {
	return feed.Event{Type: "se.finsam.test." + p.Steps[n-1], Subject: p.ID, Association: "insjoriket", Time: time.Unix(n, 0).UTC()}
}

var quiet = slog.New(slog.DiscardHandler)

func engine(t *testing.T) store.Engine {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "feed.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db.Engine("test")
}

func open(t *testing.T, e store.Engine) (*store.Collection[path], *feed.Log) {
	t.Helper()
	paths, err := store.Open(t.Context(), e, kind)
	if err != nil {
		t.Fatal(err)
	}
	log, err := feed.OpenLog(t.Context(), e, "/services/test")
	if err != nil {
		t.Fatal(err)
	}
	return paths, log
}

// faulty fails a part of all marks and inserts, after the write as often as
// before it: the unknown outcome of a process that dies, or a reply that is lost.
type faulty struct {
	store.Engine
	failures *atomic.Int64
}

var errLost = errors.New("lost")

func (f faulty) coin() bool {
	if rand.N(4) == 0 {
		f.failures.Add(1)
		return true
	}
	return false
}

func (f faulty) Insert(ctx context.Context, c string, r store.Record) error {
	if f.coin() {
		return errLost
	}
	if err := f.Engine.Insert(ctx, c, r); err != nil || !f.coin() {
		return err
	}
	return errLost
}

func (f faulty) MarkPublished(ctx context.Context, c string, marks []store.PublishedMark) error {
	if f.coin() {
		return errors.Join(errLost, f.Engine.MarkPublished(ctx, c, marks[:len(marks)/2]))
	}
	if err := f.Engine.MarkPublished(ctx, c, marks); err != nil || !f.coin() {
		return err
	}
	return errLost
}

func TestEveryStepIsPublishedOnceInOrderWhateverFailsAndHoweverManyPublish(t *testing.T) {
	e := engine(t)
	paths, log := open(t, e)
	const writers, documents, enough = 4, 12, 40
	var failures atomic.Int64
	publishing, stop := context.WithCancel(t.Context())
	var publishers sync.WaitGroup
	for range 3 {
		shaky := faulty{e, &failures}
		shakyPaths, shakyLog := open(t, shaky)
		publishers.Go(func() {
			for publishing.Err() == nil { // a publisher that dies and starts again
				life, die := context.WithTimeout(publishing, rand.N(80*time.Millisecond))
				_ = feed.NewPublisher(shakyLog, quiet, feed.FromCollection(shakyPaths, "se.finsam.test.", pathEvent)).Run(life)
				die()
			}
		})
	}
	for d := range documents {
		if _, err := paths.Insert(t.Context(), &path{ID: fmt.Sprint("p", d), Steps: []string{"begun"}}); err != nil {
			t.Fatal(err)
		}
	}
	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for end := time.Now().Add(20 * time.Second); failures.Load() < enough && time.Now().Before(end); time.Sleep(rand.N(4 * time.Millisecond)) {
				_, err := paths.Update(t.Context(), "insjoriket", fmt.Sprint("p", rand.N(documents)), 0, func(p *path) error {
					p.Steps = append(p.Steps, "walked")
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	waitPublished(t, paths)
	stop()
	publishers.Wait()
	if failures.Load() < enough {
		t.Errorf("only %d failures: the test proves little", failures.Load())
	}
	compare(t, paths, log, documents)
}

func waitPublished(t *testing.T, paths *store.Collection[path]) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		left, err := paths.Unpublished(t.Context(), 1)
		if err != nil || time.Now().After(end) {
			t.Fatalf("not everything is published: %d, %v", len(left), err)
		}
		if len(left) == 0 {
			return
		}
	}
}

// compare reads the whole log and compares it with the steps.
func compare(t *testing.T, paths *store.Collection[path], log *feed.Log, documents int) {
	t.Helper()
	next, published := int64(1), map[string]int{}
	for {
		events, err := log.After(t.Context(), next-1, 7, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			published[e.Subject]++
			if want := fmt.Sprintf("%s/%d", e.Subject, published[e.Subject]); e.ID != want || e.Sequence != next {
				t.Fatalf("event %d is %s, want %d %s", e.Sequence, e.ID, next, want)
			}
			next++
		}
	}
	for d := range documents {
		v, err := paths.Get(t.Context(), "insjoriket", fmt.Sprint("p", d))
		if err != nil {
			t.Fatal(err)
		}
		if published[v.Value.ID] != len(v.Value.Steps) {
			t.Errorf("%s has %d steps, %d published", v.Value.ID, len(v.Value.Steps), published[v.Value.ID])
		}
	}
}

func TestAFollowerThatDiesAndStartsAgainMissesNothing(t *testing.T) {
	e := engine(t)
	paths, log := open(t, e)
	p := feed.NewPublisher(log, quiet, feed.FromCollection(paths, "se.finsam.test.", pathEvent))
	go func() { _ = p.Run(t.Context()) }()
	const all = 200
	go func() {
		for i := range all {
			_, _ = paths.Insert(t.Context(), &path{ID: fmt.Sprint("q", i), Steps: []string{"begun"}})
			p.Wake()
		}
	}()
	var mu sync.Mutex
	seen, last := map[string]bool{}, int64(0)
	done := make(chan struct{})
	handle := func(_ context.Context, ev feed.Event) error {
		if rand.N(10) == 0 {
			return errLost
		}
		mu.Lock()
		defer mu.Unlock()
		if ev.Sequence > last+1 {
			t.Errorf("jumped from %d to %d", last, ev.Sequence)
		}
		last = ev.Sequence
		if seen[ev.ID] = true; len(seen) == all {
			select {
			case <-done:
			default:
				close(done)
			}
		}
		return nil
	}
	deadline := time.After(60 * time.Second)
	for {
		life, die := context.WithTimeout(t.Context(), 20*time.Millisecond+rand.N(200*time.Millisecond))
		f, err := feed.NewFollower(t.Context(), e, quiet, "f", log, handle)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Run(life)
		die()
		select {
		case <-done:
			return
		case <-deadline:
			t.Fatalf("saw %d of %d", len(seen), all)
		default:
		}
	}
}

func TestAnEventThatCannotBeHandledIsPassedOver(t *testing.T) {
	e := engine(t)
	paths, log := open(t, e)
	p := feed.NewPublisher(log, quiet, feed.FromCollection(paths, "se.finsam.test.", pathEvent))
	go func() { _ = p.Run(t.Context()) }()
	for _, id := range []string{"bad", "good"} {
		if _, err := paths.Insert(t.Context(), &path{ID: id, Steps: []string{"begun"}}); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan string, 1)
	f, err := feed.NewFollower(t.Context(), e, quiet, "f", log, func(_ context.Context, ev feed.Event) error {
		if ev.Subject == "bad" {
			return fmt.Errorf("%w: no such thing here", feed.ErrSkip)
		}
		got <- ev.Subject
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = f.Run(t.Context()) }()
	select {
	case s := <-got:
		if s != "good" {
			t.Errorf("got %s", s)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the good event never came")
	}
}

func TestALongPollSeesWhatAnotherProcessAppends(t *testing.T) {
	e := engine(t)
	paths, log := open(t, e)
	_, other := open(t, e) // as another process has the same log open
	p := feed.NewPublisher(other, quiet, feed.FromCollection(paths, "se.finsam.test.", pathEvent))
	go func() { _ = p.Run(t.Context()) }()
	const waiting, blocks = 5, 150 // more blocks than memory holds
	for range waiting {
		// A follower that is gone leaves its turn to look to the next one.
		gone, leave := context.WithCancel(t.Context())
		go func() { _, _ = log.After(gone, 0, 10, 10*time.Second) }()
		time.AfterFunc(10*time.Millisecond, leave)
	}
	var g sync.WaitGroup
	for range waiting {
		g.Go(func() {
			for seq := int64(0); seq < blocks; {
				events, err := log.After(t.Context(), seq, 10, 10*time.Second)
				if err != nil || len(events) == 0 {
					t.Errorf("behind %d: %d events, %v", seq, len(events), err)
					return
				}
				for _, e := range events {
					if seq++; e.Sequence != seq {
						t.Errorf("event %d came as number %d", e.Sequence, seq)
						return
					}
				}
			}
		})
	}
	for i := range blocks {
		if _, err := paths.Insert(t.Context(), &path{ID: fmt.Sprint("p", i), Steps: []string{"begun"}}); err != nil {
			t.Fatal(err)
		}
		p.Wake()
		time.Sleep(2 * time.Millisecond) // mostly one block each
	}
	g.Wait()
}

func TestALongPollIsWokenByWhatIsAppended(t *testing.T) {
	e := engine(t)
	paths, log := open(t, e)
	p := feed.NewPublisher(log, quiet, feed.FromCollection(paths, "se.finsam.test.", pathEvent))
	go func() { _ = p.Run(t.Context()) }()
	got := make(chan int, 1)
	go func() {
		events, _ := log.After(t.Context(), 0, 10, 10*time.Second)
		got <- len(events)
	}()
	if _, err := paths.Insert(t.Context(), &path{ID: "x", Steps: []string{"begun"}}); err != nil {
		t.Fatal(err)
	}
	p.Wake()
	if n := <-got; n != 1 {
		t.Errorf("got %d events", n)
	}
	if events, err := log.After(t.Context(), 1, 10, 10*time.Millisecond); err != nil || len(events) != 0 {
		t.Errorf("nothing is behind the end: %v %v", events, err)
	}
}

// counted counts the calls for each collection, such as "insert events".
type counted struct {
	store.Engine
	mu    sync.Mutex
	calls map[string]int
}

func (c *counted) count(call string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[call]++
}

func (c *counted) Get(ctx context.Context, collection, association, id string) (store.Document, error) {
	c.count("get " + collection)
	return c.Engine.Get(ctx, collection, association, id)
}

// Find counts documents, not calls: each is decoded.
func (c *counted) Find(ctx context.Context, collection string, q store.Query) ([]store.Document, error) {
	found, err := c.Engine.Find(ctx, collection, q)
	for range found {
		c.count("found " + collection)
	}
	return found, err
}

func (c *counted) Insert(ctx context.Context, collection string, r store.Record) error {
	c.count("insert " + collection)
	return c.Engine.Insert(ctx, collection, r)
}

func (c *counted) Replace(ctx context.Context, collection string, r store.Record, from int64) error {
	c.count("replace " + collection)
	return c.Engine.Replace(ctx, collection, r, from)
}

func (c *counted) Unpublished(ctx context.Context, collection string, limit int) ([]store.Document, error) {
	c.count("unpublished " + collection)
	return c.Engine.Unpublished(ctx, collection, limit)
}

func TestPublishingAndFollowingManyEventsCostsFewCalls(t *testing.T) {
	e := &counted{Engine: engine(t), calls: map[string]int{}}
	paths, log := open(t, e)
	p := feed.NewPublisher(log, quiet, feed.FromCollection(paths, "se.finsam.test.", pathEvent))
	publishing, stopPublishing := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = p.Run(publishing) })
	handled := make(chan string, 100)
	follower := func() *feed.Follower {
		f, err := feed.NewFollower(t.Context(), e, quiet, "f", log, func(_ context.Context, ev feed.Event) error {
			handled <- ev.ID
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	following, stopFollowing := context.WithCancel(t.Context())
	first := follower()
	all.Go(func() { _ = first.Run(following) })
	began := time.Now()
	const events = 40
	for i := range events {
		if _, err := paths.Insert(t.Context(), &path{ID: fmt.Sprint("p", i), Steps: []string{"begun"}}); err != nil {
			t.Fatal(err)
		}
		p.Wake()
		<-handled
	}
	if at, err := first.Position(t.Context()); err != nil || at < events-1 {
		t.Errorf("the follower says that it is at %d, %v", at, err)
	}
	stopFollowing()
	stopPublishing()
	all.Wait()
	took := time.Since(began)
	e.mu.Lock()
	saved, rounds, looks := e.calls["insert positions"]+e.calls["replace positions"], e.calls["unpublished paths"], e.calls["get events"]
	e.mu.Unlock()
	if most := 2 + int(took/time.Second) + 1; saved > most || saved < 1 {
		t.Errorf("the position was saved %d times in %v, want at most %d", saved, took, most)
	}
	if rounds > 2*events || looks > 5+2*int(took/time.Second) {
		t.Errorf("%d events were looked for %d times in the collection and %d times in the log", events, rounds, looks)
	}
	// It has ended in order: nothing comes again.
	if at, err := follower().Position(t.Context()); err != nil || at != events {
		t.Errorf("the next follower begins behind %d, %v", at, err)
	}
	// Who wants one old event, as one who looks for the end does, reads that block and the next.
	_, again := open(t, e)
	e.mu.Lock()
	clear(e.calls)
	e.mu.Unlock()
	if got, err := again.After(t.Context(), 3, 1, 0); err != nil || len(got) != 1 || got[0].Sequence != 4 || e.calls["found events"] > 2 {
		t.Errorf("got %v, %v, from %d blocks", got, err, e.calls["found events"])
	}
}
