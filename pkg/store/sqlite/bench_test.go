package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/finsam/finsam/pkg/store"
)

// note is a document of about 2 KB, as a referral with a few steps is.
type note struct {
	ID    string   `json:"id"`
	Unit  string   `json:"unit"`
	At    int64    `json:"at"`
	State string   `json:"state"`
	Lines []string `json:"lines"`
}

func notes(tb testing.TB) *store.Collection[note] {
	tb.Helper()
	return notesOf(tb, open(tb, filepath.Join(tb.TempDir(), "bench.db")))
}

func newNote(i int64) *note {
	return &note{ID: noteID(i), Unit: fmt.Sprint("unit", i%50), At: 1_700_000_000_000 + i, State: "received",
		Lines: []string{strings.Repeat("a line of some words ", 30), strings.Repeat("and another one here ", 30)}}
}

// noteID is random-looking, as a UUID is: the worst case for the primary key.
func noteID(i int64) string {
	return strconv.FormatUint(uint64(i)*0x9e3779b97f4a7c15, 16) + "-0000-0000-" + strconv.FormatInt(i, 10)
}

func BenchmarkInsert(b *testing.B) {
	for _, writers := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("goroutines=%d", writers), func(b *testing.B) {
			c := notes(b)
			spread(b, writers, func(i int64) error {
				_, err := c.Insert(context.Background(), newNote(i))
				return err
			})
		})
	}
}

func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", writers), func(b *testing.B) {
			c := filled(b, 10_000)
			spread(b, writers, func(i int64) error {
				_, err := c.Update(context.Background(), "north", noteID(i%10_000+1), 0, func(n *note) error { n.State = "accepted"; return nil })
				return err
			})
		})
	}
}

func BenchmarkGet(b *testing.B) {
	for _, rows := range []int64{10_000} {
		c := filled(b, rows)
		for _, g := range []int{1, 4, 16} {
			b.Run(fmt.Sprintf("rows=%d/goroutines=%d", rows, g), func(b *testing.B) {
				spread(b, g, func(i int64) error {
					_, err := c.Get(context.Background(), "north", noteID(i%rows+1))
					return err
				})
			})
		}
	}
}

// BenchmarkEngine measures the engine alone, without reading the JSON: what
// storage engines are compared by.
func BenchmarkEngine(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "bench.db"))
	const rows = 10_000
	fill(b, notesOf(b, db), rows)
	e := db.Engine("bench")
	for _, g := range []int{1, 16} {
		b.Run(fmt.Sprintf("get/goroutines=%d", g), func(b *testing.B) {
			spread(b, g, func(i int64) error {
				_, err := e.Get(context.Background(), "notes", "north", noteID(i%rows+1))
				return err
			})
		})
		b.Run(fmt.Sprintf("page/goroutines=%d", g), func(b *testing.B) {
			spread(b, g, func(i int64) error {
				_, err := e.Find(context.Background(), "notes", pageOf20(i))
				return err
			})
		})
	}
}

func pageOf20(i int64) store.Query {
	return store.Query{Association: "north", Limit: 20,
		Where: []store.Cond{{Key: "unit", Op: store.Eq, Value: fmt.Sprint("unit", i%50)}},
		Sort:  []store.Order{{Key: "at", Desc: true}}}
}

func BenchmarkFindPageOf20(b *testing.B) {
	c := filled(b, 10_000)
	for _, g := range []int{1, 16} {
		b.Run(fmt.Sprintf("goroutines=%d", g), func(b *testing.B) {
			spread(b, g, func(i int64) error {
				page, err := c.Find(context.Background(), pageOf20(i))
				if err == nil && len(page.Items) != 20 {
					err = fmt.Errorf("%d items", len(page.Items))
				}
				return err
			})
		})
	}
}

func filled(b *testing.B, rows int64) *store.Collection[note] {
	c := notes(b)
	fill(b, c, rows)
	return c
}

func fill(b *testing.B, c *store.Collection[note], rows int64) {
	b.Helper()
	var wg sync.WaitGroup
	for w := range int64(64) {
		wg.Go(func() {
			for i := w + 1; i <= rows; i += 64 {
				if _, err := c.Insert(context.Background(), newNote(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// spread runs b.N calls over some goroutines and reports calls per second.
func spread(b *testing.B, goroutines int, call func(i int64) error) {
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(b.N) {
					return
				}
				if err := call(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}
