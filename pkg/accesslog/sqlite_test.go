package accesslog_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

func TestOnARealStoreTheLogOutlivesTheProcessAndVerifies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	for start := range 3 {
		db, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		l, err := accesslog.Open(t.Context(), db.Engine("referral"), "referral", time.Now)
		if err != nil {
			t.Fatal(err)
		}
		for range 250 { // more than one page of blocks in all
			if err := l.Record(official(), accesslog.Entry{Operation: "getReferral", Participants: []string{"p"}}); err != nil {
				t.Fatal(err)
			}
		}
		if start < 2 { // the last one dies
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		r := sound(t, l, 250*(start+1))
		if r.Chains != start+1 || len(r.Heads) != start+1 {
			t.Fatalf("got %+v", r)
		}
		if r, err := l.Verify(context.Background(), r.Heads...); err != nil || len(r.Flaws) != 0 {
			t.Fatalf("its own heads: %v, %v", r.Flaws, err)
		}
		_ = l.Close()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAForeignBlockInTheStoreIsFound(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	e := db.Engine("referral")
	l := open(t, e)
	if err := l.Record(official(), accesslog.Entry{Operation: "getReferral"}); err != nil {
		t.Fatal(err)
	}
	h := l.Head()
	forged := accesslog.Block{Chain: h.Chain, N: h.N + 1, Prev: h.Hash, Follows: h.Chain + "/1", Hash: strings.Repeat("A", 43)}
	record := store.Record{Association: "-", ID: h.Chain + "/2", Version: 1, Keys: store.Keys{"chain": h.Chain, "n": int64(2)}, Body: &forged}
	if err := e.Insert(t.Context(), "access_log", record); err != nil {
		t.Fatal(err)
	}
	r, err := l.Verify(t.Context())
	if err != nil || len(r.Flaws) != 1 || r.Flaws[0].String() != "block "+h.Chain+"/2: is not as it was written" {
		t.Fatalf("got %v, %v", r.Flaws, err)
	}
}
