package storemongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/test/mongowire"
)

// failNext lets the next n commands of these names suffer a fault.
func failNext(s *mongowire.Server, n int64, f mongowire.Fault, names ...string) {
	var left atomic.Int64
	left.Store(n)
	s.Fail.Store(new(func(c mongowire.Command) *mongowire.Fault {
		if slices.Contains(names, c.Name) && left.Add(-1) >= 0 {
			return &f
		}
		return nil
	}))
}

// passing are the codes of a server in passing trouble.
var passing = []int{6, 7, 89, 91, 112, 133, 134, 189, 262, 365, 9001, 10107, 11600, 11602, 13435, 13436, 16500}

// injections are the ways in which a code reaches the client, and whether only a write
// is answered so.
var injections = map[string]struct {
	onlyWrites bool
	fault      func(code int) mongowire.Fault
}{
	"before the effect": {false, func(code int) mongowire.Fault { return mongowire.Fault{Reply: refusal(code)} }},
	"after the effect":  {false, func(code int) mongowire.Fault { return mongowire.Fault{After: true, Reply: refusal(code)} }},
	"as a write error": {true, func(code int) mongowire.Fault {
		return mongowire.Fault{Reply: bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: 0}, {Key: "writeErrors", Value: bson.A{bson.D{{Key: "index", Value: 0}, {Key: "code", Value: code}, {Key: "errmsg", Value: secret}}}}}}
	}},
	"as a write-concern error": {true, func(code int) mongowire.Fault {
		return mongowire.Fault{After: true, Reply: bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: 1}, {Key: "nModified", Value: 1}, {Key: "writeConcernError", Value: bson.D{{Key: "code", Value: code}, {Key: "codeName", Value: "X"}, {Key: "errmsg", Value: secret}}}}}
	}},
	"with the request": {false, func(int) mongowire.Fault { return mongowire.Fault{} }},
	"with the answer":  {false, func(int) mongowire.Fault { return mongowire.Fault{After: true} }},
}

func refusal(code int) bson.D {
	return bson.D{{Key: "ok", Value: 0}, {Key: "code", Value: code}, {Key: "codeName", Value: "X"}, {Key: "errmsg", Value: secret}}
}

// operation is one call of the engine on a document that is stored at version 1.
type operation struct {
	command string
	call    func(ctx context.Context, e store.Engine, id string) error
	effect  store.Document // of the stored document: version 0 when it is gone
}

// noted is a document whose count says how often it was changed.
func noted(id string, version int64) store.Record {
	return store.Record{Association: "north", ID: id, Version: version, Keys: store.Keys{"code": id, "n": version}, Body: &person{ID: id, N: version}}
}

var operations = map[string]operation{
	"insert": {"insert", func(ctx context.Context, e store.Engine, id string) error {
		if err := e.Delete(ctx, "people", "north", id, 1); err != nil {
			return err
		}
		return e.Insert(ctx, "people", noted(id, 1))
	}, store.Document{Version: 1}},
	"replace": {"update", func(ctx context.Context, e store.Engine, id string) error {
		return e.Replace(ctx, "people", noted(id, 2), 1)
	}, store.Document{Version: 2}},
	"delete": {"delete", func(ctx context.Context, e store.Engine, id string) error {
		return e.Delete(ctx, "people", "north", id, 1)
	}, store.Document{}},
	"rekey": {"update", func(ctx context.Context, e store.Engine, id string) error {
		return e.Rekey(ctx, "people", noted(id, 1))
	}, store.Document{Version: 1}},
	"mark": {"update", func(ctx context.Context, e store.Engine, id string) error {
		return e.MarkPublished(ctx, "people", []store.PublishedMark{{Association: "north", ID: id, Published: 1}, {Association: "north", ID: "none", Published: 1}})
	}, store.Document{Version: 1, Published: 1}},
	"get": {"find", func(ctx context.Context, e store.Engine, id string) error {
		_, err := e.Get(ctx, "people", "north", id)
		return err
	}, store.Document{Version: 1}},
	"find": {"find", func(ctx context.Context, e store.Engine, _ string) error {
		_, err := e.Find(ctx, "people", store.Query{Association: "north", Limit: 5})
		return err
	}, store.Document{Version: 1}},
	"unpublished": {"find", func(ctx context.Context, e store.Engine, _ string) error {
		_, err := e.Unpublished(ctx, "people", 5)
		return err
	}, store.Document{Version: 1}},
	"walk": {"find", func(ctx context.Context, e store.Engine, _ string) error {
		_, err := e.Walk(ctx, "people", store.Position{}, 5)
		return err
	}, store.Document{Version: 1}},
	"count": {"aggregate", func(ctx context.Context, e store.Engine, _ string) error {
		_, err := e.Count(ctx, "people", "north", nil, nil)
		return err
	}, store.Document{Version: 1}},
	"count up to": {"aggregate", func(ctx context.Context, e store.Engine, _ string) error {
		_, err := e.CountUpTo(ctx, "people", "north", nil, 5)
		return err
	}, store.Document{Version: 1}},
	"list indexes": {"listIndexes", prepareMore, store.Document{Version: 1}},
	"index":        {"createIndexes", prepareMore, store.Document{Version: 1}},
	"ping":         {"ping", func(ctx context.Context, e store.Engine, _ string) error { return e.Ping(ctx) }, store.Document{Version: 1}},
}

func prepareMore(ctx context.Context, e store.Engine, id string) error {
	return e.Prepare(ctx, store.Spec{Name: "more_" + id, Keys: []string{"n"}, Indexes: []store.Index{{"n"}}})
}

// TestTroubleThatPassesIsNoError fails each operation in every way that a server in
// passing trouble does: once, and it is done once; always, and it is ErrUnavailable.
func TestTroubleThatPassesIsNoError(t *testing.T) {
	uri := mongowire.Anywhere(t)
	var all sync.WaitGroup
	for what, o := range operations {
		for how, in := range injections {
			if in.onlyWrites && !slices.Contains([]string{"insert", "update", "delete"}, o.command) {
				continue
			}
			server := mongowire.Before(t, uri)
			b := &trial{t: t, what: what + " " + how, operation: o, server: server}
			b.engine = newEngine(t, connect(t, server.URI), uri)
			all.Go(func() { b.run(in.fault) })
		}
	}
	all.Wait()
}

// trial is one operation that fails in one way.
type trial struct {
	operation
	t      *testing.T
	what   string
	server *mongowire.Server
	engine store.Engine
}

func (b *trial) run(make func(code int) mongowire.Fault) {
	ctx := b.t.Context()
	spec := store.Spec{Name: "people", Published: true, Keys: []string{"code", "n"}, Unique: []store.Index{{"code"}}, Indexes: []store.Index{{"n"}}}
	if err := b.engine.Prepare(ctx, spec); err != nil {
		b.t.Errorf("%s: %v", b.what, err)
		return
	}
	codes := passing
	if make(0).Reply == nil {
		codes = codes[:1]
	}
	for _, code := range codes {
		if err := b.one(ctx, fmt.Sprint("c", code), 1, make(code)); err != nil {
			b.t.Errorf("%s, error %d once: %v", b.what, code, err)
		}
	}
	began := time.Now()
	err := b.one(ctx, "always", 1_000_000, make(16500))
	if err == nil && b.command == "createIndexes" && make(0).After {
		return // the list shows that they are there
	}
	if f := fault.Of(err); f == nil || f.Status != fault.Unavailable || f.RetryAfter == 0 || strings.Contains(err.Error(), secret) || time.Since(began) > 8*time.Second {
		b.t.Errorf("%s always: %v after %s", b.what, err, time.Since(began))
	}
}

// one stores a document, calls the operation while n commands fail, and holds what is
// stored then against the effect.
func (b *trial) one(ctx context.Context, id string, n int64, f mongowire.Fault) error {
	if err := b.engine.Insert(ctx, "people", noted(id, 1)); err != nil {
		return err
	}
	failNext(b.server, n, f, b.command)
	called := b.call(ctx, b.engine, id)
	b.server.Fail.Store(nil)
	d, err := b.engine.Get(ctx, "people", "north", id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("the next call: %w", err)
	}
	done := d.Version == b.effect.Version && d.Published == b.effect.Published
	undone := called != nil && d.Published == 0 && (d.Version == 1 || b.what[:6] == "insert" && d.Version == 0)
	if !done && !(undone && !f.After) {
		b.t.Errorf("%s: stored at version %d, published %d, beside %v", b.what, d.Version, d.Published, called)
	}
	return called
}

func TestDuringAnOutageNobodyWaits(t *testing.T) {
	server := mongowire.Before(t, mongowire.Start(t).URI)
	c := people(t, connect(t, server.URI))
	ask := func(most time.Duration) error {
		began := time.Now()
		_, err := c.Get(t.Context(), "north", "x")
		if took := time.Since(began); took > most {
			t.Errorf("an answer took %s, more than %s: %v", took, most, err)
		}
		return err
	}
	for range 2 {
		server.Away.Store(true)
		for i, most := range []time.Duration{4 * time.Second, time.Second, time.Second} {
			if f := fault.Of(ask(most)); f.Status != fault.Unavailable || f.RetryAfter == 0 {
				t.Errorf("call %d of an outage: %+v", i, f)
			}
		}
		server.Away.Store(false)
		end := time.Now().Add(3 * time.Second)
		for !errors.Is(ask(3*time.Second), store.ErrNotFound) {
			if time.Now().After(end) {
				t.Fatal("three seconds after the outage no call is answered")
			}
		}
	}
}

// A server that answers nothing keeps nobody longer than the request may take, and knows by
// when to end the command.
func TestACommandEndsWhenItsRequestDoes(t *testing.T) {
	server := mongowire.Start(t)
	c := people(t, connect(t, server.URI))
	_, err := c.Insert(t.Context(), &person{ID: "x", Code: "x"})
	must(t, err)
	for name, call := range map[string]func(ctx context.Context) error{
		"find": func(ctx context.Context) error {
			_, err := c.Find(ctx, store.Query{Association: "north", Limit: 5})
			return err
		},
		"aggregate": func(ctx context.Context) error { _, err := c.Count(ctx, "north", nil); return err },
		"insert":    func(ctx context.Context) error { _, err := c.Insert(ctx, &person{ID: "y", Code: "y"}); return err },
		"delete":    func(ctx context.Context) error { return c.Delete(ctx, "north", "x", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			const within = 300 * time.Millisecond
			var asked atomic.Int64
			goOn := make(chan struct{})
			server.Fail.Store(new(func(command mongowire.Command) *mongowire.Fault {
				if command.Name != name {
					return nil
				}
				asked.Add(1)
				if ms, ok := command.Body.Lookup("maxTimeMS").AsInt64OK(); !ok || ms > within.Milliseconds() {
					t.Errorf("the server may take %d ms", ms)
				}
				<-goOn
				return &mongowire.Fault{} // the connection is closed
			}))
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			began := time.Now()
			err := call(ctx)
			if took := time.Since(began); took > within+time.Second || asked.Load() != 1 || !errors.Is(err, fault.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v after %s and %d commands", err, took, asked.Load())
			}
			server.Fail.Store(nil)
			close(goOn)
			must(t, call(t.Context())) // the next one is served
		})
	}
}
