package idempotency_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

type thing struct {
	ID      string              `json:"id"`
	Body    string              `json:"body"`
	Receipt idempotency.Receipt `json:"receipt"`
}

func things(t *testing.T) *store.Collection[thing] {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "once.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c, err := store.Open(t.Context(), db.Engine("test"), store.Schema[thing]{
		Name: "things", ID: func(v *thing) (string, string) { return "insjoriket", v.ID },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func create(t *testing.T, c *store.Collection[thing], authority, key, body string, now time.Time) (string, bool, error) {
	t.Helper()
	r := idempotency.Request{
		Actor:     actor.Actor{Association: "insjoriket", Authority: authority},
		Operation: "createThing", Key: key, Fingerprint: "f:" + body, Now: now, NewID: uuid.NewString,
	}
	v, replayed, err := idempotency.Create(t.Context(), c, r, func(v *thing) idempotency.Receipt { return v.Receipt }, func(id string) (*thing, error) {
		return &thing{ID: id, Body: body, Receipt: idempotency.Receipt{Fingerprint: r.Fingerprint, At: now}}, nil
	})
	if v.Value == nil {
		return "", replayed, err
	}
	return v.Value.ID, replayed, err
}

func TestAKeyBelongsToOneDocument(t *testing.T) {
	c := things(t)
	first, replayed, err := create(t, c, "fk", "k1", "a", noon)
	if err != nil || replayed {
		t.Fatal(replayed, err)
	}
	for _, s := range []struct {
		sentence             string
		authority, key, body string
		after                time.Duration
		same                 bool
		err                  error
	}{
		{"the same request finds it", "fk", "k1", "a", time.Hour, true, nil},
		{"another body is refused", "fk", "k1", "b", time.Hour, true, idempotency.ErrKeyReused},
		{"another authority's key is another key", "af", "k1", "a", 0, false, nil},
		{"another key makes another thing", "fk", "k2", "a", 0, false, nil},
		{"without a key each request makes one", "fk", "", "a", 0, false, nil},
		{"after a day the key is free", "fk", "k1", "b", 25 * time.Hour, false, nil},
		{"and belongs to the new document", "fk", "k1", "a", 26 * time.Hour, false, idempotency.ErrKeyReused},
	} {
		id, _, err := create(t, c, s.authority, s.key, s.body, noon.Add(s.after))
		if !errors.Is(err, s.err) || (err == nil && (id == first) != s.same) {
			t.Errorf("%s: %s (first %s), %v", s.sentence, id, first, err)
		}
	}
}

func TestManySameRequestsAtOnceMakeOneThing(t *testing.T) {
	c := things(t)
	var wg sync.WaitGroup
	ids := make([]string, 32)
	for i := range ids {
		wg.Go(func() {
			id, _, err := create(t, c, "fk", "k", "a", noon)
			if err != nil {
				t.Error(err)
			}
			ids[i] = id
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("two things: %s and %s", id, ids[0])
		}
	}
	if n, err := c.Count(t.Context(), "insjoriket", nil); err != nil || n != 1 {
		t.Errorf("%d stored, %v", n, err)
	}
}
