package storemongo

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/migration"
	"github.com/finsam/finsam/test/mongowire"
)

// card is a document of which the second release declares one key more.
type card struct {
	ID   string `json:"id"`
	Size int64  `json:"size"`
}

func cards(keys ...string) store.Schema[card] {
	k := store.Schema[card]{
		Name: "cards",
		ID:   func(c *card) (string, string) { return "north", c.ID },
		Keys: func(c *card) store.Keys {
			all := store.Keys{}
			for _, key := range keys {
				all[key] = map[string]any{"name": c.ID, "size": c.Size}[key]
			}
			return all
		},
	}
	for _, key := range keys {
		k.Indexes = append(k.Indexes, store.Index{key})
	}
	return k
}

// TestPodsThatStartAtOnceBringADatabaseUpTogether starts three pods of the second
// release, each with a connection of its own, while one of the first still writes.
func TestPodsThatStartAtOnceBringADatabaseUpTogether(t *testing.T) {
	uri := mongowire.Start(t).URI
	old, err := store.Open(t.Context(), connect(t, uri).Engine("cards"), cards("name"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		if _, err := old.Insert(t.Context(), &card{ID: fmt.Sprintf("c%03d", i), Size: 4}); err != nil {
			t.Fatal(err)
		}
	}
	var pods sync.WaitGroup
	for range 3 {
		e := connect(t, uri).Engine("cards")
		pods.Go(func() {
			err := migration.Migration{
				Schema: migration.Schema{Service: "cards", Version: 2, Collections: []migration.Collection{cards("name", "size")}},
				Engine: e, Program: "2", Now: time.Now, Log: slog.New(slog.DiscardHandler),
			}.Up(t.Context())
			if err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := old.Update(t.Context(), "north", "c010", 0, func(*card) error { return nil }); err != nil {
		t.Errorf("the older pod's write: %v", err)
	}
	pods.Wait()
	now, err := store.Open(t.Context(), connect(t, uri).Engine("cards"), cards("name", "size"))
	if err != nil {
		t.Fatal(err)
	}
	// What the older pod wrote meanwhile may be found only at the last look.
	if n, err := now.Count(t.Context(), "north", []store.Cond{{Key: "size", Op: store.Eq, Value: int64(4)}}); err != nil || n < 39 {
		t.Errorf("found %d of 40, %v", n, err)
	}
}
