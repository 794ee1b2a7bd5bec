package accesslog

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// stock returns a log of so many blocks in several chains that overlap in time, and all of
// its entries.
func stock(t testing.TB, chance *rand.Rand, chains, blocks, entries int) (*Log, []Found) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	l := &Log{}
	if l.blocks, err = store.Open(t.Context(), db.Engine("x"), blockSchema); err != nil {
		t.Fatal(err)
	}
	var all []Found
	var g errgroup.Group
	g.SetLimit(64)
	for c := range chains {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(chance.IntN(blocks)) * time.Minute)
		chain := fmt.Sprintf("%014d-%x", at.UnixMilli(), c)
		for n := range blocks {
			at = at.Add(time.Duration(chance.IntN(120)) * time.Second)
			b := &Block{Chain: chain, N: int64(n + 1), At: at, Hash: "h"}
			for i := range 1 + chance.IntN(2*entries-1) {
				e := Entry{
					At: at.Add(-time.Duration(chance.IntN(3000)) * time.Millisecond), Subject: fmt.Sprintf("coach-%d", chance.IntN(9)), Association: "insjoriket",
					Authority: []string{"molndal", "fk"}[chance.IntN(2)], Roles: []string{"coach"}, Operation: []string{"getReferral", "listReferrals"}[chance.IntN(2)],
					Thing: "referral/7d444840-9dc0-11d1-b245-5ffdce74fad2", Participants: []string{fmt.Sprintf("7d444840-9dc0-11d1-b245-%012d", chance.IntN(5000))},
					Outcome: Done, Why: "own-municipality", Identity: Shown, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", Hash: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE",
				}
				if chance.IntN(20) == 0 {
					e.Association = "kalmar"
				}
				b.Entries = append(b.Entries, e)
				all = append(all, Found{Place{e.At, "x", b.id(), i}, e})
			}
			g.Go(func() error {
				_, err := l.blocks.Insert(context.Background(), b)
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return l, all
}

// TestFindIsWhatAWalkThroughTheWholeLogFinds compares any query with one that looks at
// every entry.
func TestFindIsWhatAWalkThroughTheWholeLogFinds(t *testing.T) {
	chance := rand.New(rand.NewPCG(95, 1))
	l, all := stock(t, chance, 5, 450, 2)
	slices.SortFunc(all, func(a, b Found) int { return Newest(a.Place, b.Place) })
	hits := 0
	for range 300 {
		q := Query{Association: []string{"insjoriket", "kalmar"}[chance.IntN(2)], Limit: 1 + chance.IntN(40)}
		q.From = all[chance.IntN(len(all))].At
		q.To = q.From.Add(time.Duration(chance.IntN(20*3600)) * time.Second)
		some := all[chance.IntN(len(all))].Entry
		for field, value := range map[*string]string{&q.Subject: some.Subject, &q.Authority: some.Authority, &q.Operation: some.Operation, &q.Participant: some.Participants[0]} {
			if chance.IntN(3) == 0 {
				*field = value
			}
		}
		if chance.IntN(2) == 0 {
			q.Before = &all[chance.IntN(len(all))].Place
		}
		var want []Found
		for _, f := range all {
			e := f.Entry
			if e.Association == q.Association && !e.At.Before(q.From) && e.At.Before(q.To) && len(want) < q.Limit &&
				(q.Subject == "" || q.Subject == e.Subject) && (q.Authority == "" || q.Authority == e.Authority) && (q.Operation == "" || q.Operation == e.Operation) &&
				(q.Participant == "" || q.Participant == e.Participants[0]) && (q.Before == nil || Newest(*q.Before, f.Place) < 0) {
				want = append(want, f)
			}
		}
		got, err := l.Find(t.Context(), "x", q)
		if err != nil {
			t.Fatal(err)
		}
		hits += len(got)
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v: got %d, want %d", q, len(got), len(want))
		}
	}
	if hits < 1000 {
		t.Errorf("all queries together found %d", hits)
	}
}

// BenchmarkFind measures who has touched a participant, in a log of a million entries: ever, and
// in a day.
func BenchmarkFind(b *testing.B) {
	l, all := stock(b, rand.New(rand.NewPCG(95, 2)), 4, 15_625, 16)
	b.Logf("%d entries", len(all))
	q := Query{Association: "insjoriket", Participant: all[0].Entry.Participants[0], Limit: MaxFound}
	for name, from := range map[string]time.Time{"ever": {}, "day": all[0].Entry.At.Add(-time.Hour)} {
		b.Run(name, func(b *testing.B) {
			q := q
			if q.From, q.To = from, from.AddDate(0, 0, 1); from.IsZero() {
				q.To = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
			}
			for b.Loop() {
				found, err := l.Find(b.Context(), "x", q)
				if err != nil || len(found) == 0 {
					b.Fatal(err, len(found))
				}
			}
		})
	}
}
