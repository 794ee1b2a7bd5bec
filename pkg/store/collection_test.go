package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

type counter struct {
	ID string
	N  int64
}

// openCounters returns a collection of counters on a file of its own.
func openCounters(t *testing.T) *store.Collection[counter] {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c, err := store.Open(t.Context(), db.Engine("test"), store.Schema[counter]{
		Name: "counters", Indexes: []store.Index{{"n"}},
		ID:   func(c *counter) (string, string) { return "north", c.ID },
		Keys: func(c *counter) store.Keys { return store.Keys{"n": c.N} },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestUpsertChangesWhatIsThereAndInsertsWhatIsNot(t *testing.T) {
	c, ctx := openCounters(t), context.Background()
	empty := func() *counter { return &counter{ID: "a"} }
	add := func(c *counter) error { c.N++; return nil }
	refused := errors.New("refused")
	for _, change := range []func(*counter) error{
		func(*counter) error { return store.WriteIf(false) },
		func(*counter) error { return refused },
	} {
		if err := c.Upsert(ctx, "north", "a", empty, change); err != nil && !errors.Is(err, refused) {
			t.Error(err)
		}
		if _, err := c.Get(ctx, "north", "a"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("nothing was to be inserted: %v", err)
		}
	}
	for n := int64(1); n <= 3; n++ {
		if err := c.Upsert(ctx, "north", "a", empty, add); err != nil {
			t.Fatal(err)
		}
		if v, err := c.Get(ctx, "north", "a"); err != nil || v.Value.N != n || v.Version != n {
			t.Errorf("after %d: got %+v, %v", n, v, err)
		}
	}
	// Another writer inserts between the look and the insert.
	first := true
	err := c.Upsert(ctx, "north", "b", func() *counter { return &counter{ID: "b"} }, func(v *counter) error {
		if first {
			first = false
			if _, err := c.Insert(ctx, &counter{ID: "b", N: 10}); err != nil {
				return err
			}
		}
		return add(v)
	})
	if v, getErr := c.Get(ctx, "north", "b"); err != nil || getErr != nil || v.Value.N != 11 {
		t.Errorf("got %+v, %v, %v", v, err, getErr)
	}
}

func TestEachVisitsEveryPageUntilAnError(t *testing.T) {
	c, ctx := openCounters(t), context.Background()
	for n, id := range []string{"a", "b", "c", "d", "e"} {
		if _, err := c.Insert(ctx, &counter{ID: id, N: int64(n)}); err != nil {
			t.Fatal(err)
		}
	}
	q := store.Query{Association: "north", Sort: []store.Order{{Key: "n", Desc: true}}, Limit: 2}
	visit := func(until string) (seen string, err error) {
		err = c.Each(ctx, q, func(v store.Versioned[counter]) error {
			if seen += v.Value.ID; v.Value.ID == until {
				return context.Canceled
			}
			return c.Delete(ctx, "north", v.Value.ID, v.Version)
		})
		return seen, err
	}
	if seen, err := visit("c"); seen != "edc" || !errors.Is(err, context.Canceled) {
		t.Errorf("got %q, %v", seen, err)
	}
	if seen, err := visit(""); seen != "cba" || err != nil {
		t.Errorf("got %q, %v", seen, err)
	}
}

func TestADocumentThatWasReadForAListIsNotReplaced(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := store.Open(t.Context(), db.Engine("test"), store.Schema[counter]{
		Name: "counters", ID: func(c *counter) (string, string) { return "north", c.ID },
		Listed: func() (any, *counter) {
			c := &counter{}
			return &struct {
				ID *string
				N  any
			}{ID: &c.ID}, c
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Insert(t.Context(), &counter{ID: "a", N: 7}); err != nil {
		t.Fatal(err)
	}
	page, _, err := c.List(t.Context(), store.Query{Association: "north"}, store.Window{Limit: 1})
	if err != nil || len(page.Items) != 1 || *page.Items[0].Value != (counter{ID: "a"}) {
		t.Fatalf("%+v, %v", page, err)
	}
	if _, err := c.Replace(t.Context(), page.Items[0]); !errors.Is(err, store.ErrNewer) {
		t.Error(err)
	}
	if v, err := c.Get(t.Context(), "north", "a"); err != nil || v.Value.N != 7 {
		t.Errorf("%+v, %v", v, err)
	}
}
