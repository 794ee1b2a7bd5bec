package storemongo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/test/mongowire"
)

// walked is an aggregate that has nothing but its steps.
type walked struct {
	ID    string `json:"id"`
	Steps int64  `json:"steps"`
}

// replica is one process of a service: its own connection, log and publisher.
type replica struct {
	walks     *store.Collection[walked]
	log       *feed.Log
	publisher *feed.Publisher
}

func newReplica(t *testing.T, e store.Engine) replica {
	t.Helper()
	walks, err := store.Open(t.Context(), e, store.Schema[walked]{
		Name: "walks", Published: true,
		ID:      func(w *walked) (string, string) { return "north", w.ID },
		Version: func(w *walked) int64 { return w.Steps },
	})
	must(t, err)
	log, err := feed.OpenLog(t.Context(), e, "/services/test")
	must(t, err)
	event := func(w *walked, n int64) feed.Event {
		return feed.Event{Type: "se.finsam.test.walked", Subject: w.ID, Association: "north", Time: time.Unix(n, 0).UTC()}
	}
	return replica{walks, log, feed.NewPublisher(log, slog.New(slog.DiscardHandler), feed.FromCollection(walks, "se.finsam.test.", event))}
}

func TestTheFeedOfTwoReplicasIsCompleteTwoSecondsAfterTheLastWrite(t *testing.T) {
	uri := mongowire.Anywhere(t)
	namespace := newNamespace(t, uri)
	replicas := []replica{newReplica(t, connect(t, uri).Engine(namespace)), newReplica(t, connect(t, uri).Engine(namespace))}
	ctx, stop := context.WithCancel(t.Context())
	var publishing, writing sync.WaitGroup
	for _, r := range replicas {
		publishing.Go(func() { _ = r.publisher.Run(ctx) })
	}
	defer publishing.Wait()
	defer stop()
	const writers, each = 8, 20
	for w := range writers {
		r := replicas[w%2]
		writing.Go(func() {
			for i := range each {
				if _, err := r.walks.Insert(t.Context(), &walked{ID: fmt.Sprint("w", w, "-", i), Steps: 1}); err != nil {
					t.Error(err)
				}
				r.publisher.Wake()
			}
		})
	}
	writing.Wait()
	for end, seq := time.Now().Add(2*time.Second), int64(0); seq < writers*each; {
		events, err := replicas[0].log.After(t.Context(), seq, feed.MaxLimit, time.Until(end))
		if err != nil || time.Now().After(end) {
			t.Fatalf("%d of %d events after two seconds, %v", seq, writers*each, err)
		}
		seq += int64(len(events))
	}
}

// TestAWriteThatALaterOneHidesIsUnknown loses the answer of a write and lets another
// process write before it is repeated: ErrStale would say that nothing was written.
func TestAWriteThatALaterOneHidesIsUnknown(t *testing.T) {
	direct := mongowire.Start(t)
	server := mongowire.Before(t, direct.URI)
	c, other := people(t, connect(t, server.URI)), people(t, connect(t, direct.URI))
	step := func(p *person) error { p.N++; return nil }
	for _, first := range []string{"insert", "update"} {
		id := "hidden by " + first
		if first == "update" {
			_, err := c.Insert(t.Context(), &person{ID: id, Code: id})
			must(t, err)
		}
		var sent atomic.Int64
		server.Fail.Store(new(func(command mongowire.Command) *mongowire.Fault {
			if command.Name != first {
				return nil
			}
			if sent.Add(1) == 1 {
				return &mongowire.Fault{After: true}
			}
			if _, err := other.Update(t.Context(), "north", id, 0, step); err != nil {
				t.Error(err)
			}
			return nil
		}))
		var err error
		if first == "insert" {
			_, err = c.Insert(t.Context(), &person{ID: id, Code: id})
		} else {
			_, err = c.Update(t.Context(), "north", id, 0, step)
		}
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", first, err)
		}
		server.Fail.Store(nil)
	}
}

// TestOnlyAServerWithoutPartialIndexesIsAskedForAPlainOne holds what is asked for after
// the first refusal.
func TestOnlyAServerWithoutPartialIndexesIsAskedForAPlainOne(t *testing.T) {
	for code, partial := range map[int]bool{1: true, 85: true, 86: true, 112: true, 67: false, 238: false, 303: false} {
		server := mongowire.Start(t)
		var asked []bool
		var mu sync.Mutex
		server.Fail.Store(new(func(c mongowire.Command) *mongowire.Fault {
			if c.Name != "createIndexes" {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			_, err := c.Body.LookupErr("indexes", "0", "partialFilterExpression")
			if asked = append(asked, err == nil); len(asked) == 1 {
				return &mongowire.Fault{Reply: refusal(code)}
			}
			return nil
		}))
		must(t, connect(t, server.URI).Engine("i").Prepare(t.Context(), store.Spec{Name: "things", Published: true}))
		if len(asked) < 2 || !asked[0] || asked[1] != partial {
			t.Errorf("error %d: partial indexes asked for: %v", code, asked)
		}
	}
}
