package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/test/bench/load"
	"github.com/finsam/finsam/test/bench/system"
)

// paper is a document as large and as much indexed as a referral is.
type paper struct {
	ID           string    `json:"id"`
	Authority    string    `json:"authority"`
	Unit         string    `json:"unit"`
	Municipality string    `json:"municipality"`
	State        string    `json:"state"`
	Participant  string    `json:"participant"`
	At           time.Time `json:"at"`
	Text         string    `json:"text"`
}

func papers(ctx context.Context, path string) (*sqlite.DB, *store.Collection[paper], error) {
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	c, err := store.Open(ctx, db.Engine("bench"), store.Kind[paper]{
		Name:    "papers",
		Indexes: []store.Index{{"municipality", "at"}, {"municipality", "state", "at"}, {"authority", "at"}, {"authority", "unit", "at"}, {"participant", "at"}},
		ID:      func(p *paper) (string, string) { return "insjoriket", p.ID },
		Keys: func(p *paper) store.Keys {
			return store.Keys{"municipality": p.Municipality, "state": p.State, "authority": p.Authority, "unit": p.Unit,
				"participant": p.Participant, "at": p.At.UnixMilli()}
		},
	})
	return db, c, err
}

func newPaper(n int) *paper {
	return &paper{
		ID: uuid.NewString(), Authority: "fk", Unit: "fk-molndal", Municipality: municipalities[n%len(municipalities)],
		State: "received", Participant: uuid.NewString(), At: time.Now().UTC().Truncate(time.Millisecond),
		Text: strings.Repeat("An invented example of a sealed text ", 36),
	}
}

// call asks without any server in between.
type call func(n int) error

// Ask implements load.Asker.
func (c call) Ask(n int) error { return c(n) }

// Close implements load.Asker.
func (call) Close() error { return nil }

func calls(c call) func(int) (load.Asker, error) {
	return func(worker int) (load.Asker, error) {
		return call(func(n int) error { return c(worker*7919 + n) }), nil
	}
}

// engine measures the bare engine, in this process: what no service can be
// faster than.
func (b *bench) engine(t *stage) {
	ctx := context.Background()
	db, c, err := papers(ctx, filepath.Join(t.TempDir(), "bench.db"))
	t.must(err)
	t.Cleanup(func() { _ = db.Close() })
	ids := make([]string, b.seed)
	var next atomic.Int64
	_, err = load.Run(load.Plan{Askers: 64, For: time.Minute, Most: b.seed, New: calls(func(int) error {
		p := newPaper(int(next.Load()))
		if i := next.Add(1); i <= int64(len(ids)) {
			ids[i-1] = p.ID
		}
		_, err := c.Insert(ctx, p)
		return err
	})})
	t.must(err)
	s := subject{way: "engine"}
	b.measure(t, getReferral, s, calls(func(n int) error {
		_, err := c.Get(ctx, "insjoriket", ids[n%len(ids)])
		return err
	}))
	b.measure(t, listOf20, s, calls(func(int) error { return first20(ctx, c) }))
	b.measure(t, postReferral, s, calls(func(n int) error {
		_, err := c.Insert(ctx, newPaper(n))
		return err
	}))
}

func first20(ctx context.Context, c *store.Collection[paper]) error {
	page, err := c.Find(ctx, store.Query{
		Association: "insjoriket",
		Where: []store.Cond{
			{Key: "municipality", Op: store.Eq, Value: "1481"},
			{Key: "state", Op: store.Eq, Value: "received"},
		},
		Sort: []store.Order{{Key: "at", Desc: true}}, Limit: 20,
	})
	if err == nil && len(page.Items) != 20 {
		err = fmt.Errorf("a list of %d", len(page.Items))
	}
	return err
}

// ownHeap is what this process has allocated.
func ownHeap() system.Heap {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return system.Heap{Objects: float64(m.Mallocs), Bytes: float64(m.TotalAlloc)}
}
