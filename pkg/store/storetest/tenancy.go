package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

func south(id string) thing { return thing{Association: "south", ID: id, Text: "south"} }

var associationCases = []testCase{
	{"each has its own ids", func(s *suite) {
		c := s.with(one("a"), south("a"))
		s.equal("north", s.get(c, "north", "a").Value.Text, "")
		s.equal("south", s.get(c, "south", "a").Value.Text, "south")
	}},
	{"another one's document is not found", func(s *suite) {
		_, err := s.with(south("a")).Get(s.ctx, "north", "a")
		s.is(err, store.ErrNotFound)
	}},
	{"another one's document is not replaced", func(s *suite) {
		c := s.with(south("a"))
		s.is(s.engine.Replace(s.ctx, s.name, record("a", 2), 1), store.ErrNotFound)
		s.equal("version", s.get(c, "south", "a").Version, int64(1))
	}},
	{"another one's document is not deleted", func(s *suite) {
		c := s.with(south("a"))
		s.is(c.Delete(s.ctx, "north", "a", 1), store.ErrNotFound)
		s.get(c, "south", "a")
	}},
	{"another one's unique value is free", func(s *suite) {
		v := south("a")
		v.Code = ptr("x")
		s.with(v, coded("b", "x"))
	}},
	{"a list shows its own only", func(s *suite) {
		c := s.with(one("a"), south("b"), one("c"))
		s.equal("north", s.ids(c, whole(store.Query{})), "a c")
		s.equal("south", s.ids(c, whole(store.Query{Association: "south"})), "b")
	}},
	{"a count counts its own only", func(s *suite) {
		n, err := s.with(one("a"), south("b"), south("c")).Count(s.ctx, "south", nil)
		s.ok(err)
		s.equal("count", n, int64(2))
	}},
	{"a name that begins alike is another", func(s *suite) {
		c := s.with(one("a"), thing{Association: "northern", ID: "a"}, thing{Association: "nort", ID: "ha"})
		s.equal("north", s.ids(c, whole(store.Query{})), "a")
	}},
	{"the empty name is one too", func(s *suite) {
		c := s.with(thing{ID: "a", Text: "mine"}, one("a"))
		s.equal("text", s.get(c, "", "a").Value.Text, "mine")
	}},
	{"an id may contain any sign", func(s *suite) {
		c := s.things()
		for _, id := range []string{"a/b", "a b", "å", "$x", "a.b", "'", "\"", "%", "a\\b", "north/a"} {
			_, err := c.Insert(s.ctx, ptr(one(id)))
			s.ok(err)
			s.equal("id", s.get(c, "north", id).Value.ID, id)
		}
	}},
}

// refuseCases are mistakes of a programmer: refused alike by every engine, and
// never taken for an answer of the contract.
func refuseCases() []testCase {
	get := func(s *suite, q store.Query) error {
		s.things()
		_, err := s.engine.Find(s.ctx, s.name, q)
		return err
	}
	broken := []struct {
		name string
		do   func(s *suite) error
	}{
		{"a collection that was never prepared", func(s *suite) error { return s.engine.Insert(s.ctx, "nowhere", record("a", 1)) }},
		{"a collection name that some engine cannot bear", func(s *suite) error { return s.engine.Prepare(s.ctx, store.Spec{Name: "no$ \"name"}) }},
		{"an index over a key that is not declared", func(s *suite) error {
			return s.engine.Prepare(s.ctx, store.Spec{Name: s.name, Indexes: []store.Index{{"x"}}})
		}},
		{"a document without an id", func(s *suite) error { s.things(); return s.engine.Insert(s.ctx, s.name, record("", 1)) }},
		{"a document without a version", func(s *suite) error { s.things(); return s.engine.Insert(s.ctx, s.name, record("a", 0)) }},
		{"a version that does not grow", func(s *suite) error { s.with(one("a")); return s.engine.Replace(s.ctx, s.name, record("a", 1), 1) }},
		{"a key that is not declared", func(s *suite) error {
			s.things()
			r := record("a", 1)
			r.Keys = store.Keys{"other": "x"}
			return s.engine.Insert(s.ctx, s.name, r)
		}},
		{"a key's value of a type that no engine can order", func(s *suite) error {
			s.things()
			r := record("a", 1)
			r.Keys = store.Keys{"rank": 1.5}
			return s.engine.Insert(s.ctx, s.name, r)
		}},
		{"a condition on a key that is not declared", func(s *suite) error { return get(s, whole(store.Query{Where: where("other", store.Eq, "x")})) }},
		{"a comparison that does not exist", func(s *suite) error { return get(s, whole(store.Query{Where: where("unit", "like", "x")})) }},
		{"a condition without a value", func(s *suite) error { return get(s, whole(store.Query{Where: where("unit", store.Eq, nil)})) }},
		{"a list that is none", func(s *suite) error { return get(s, whole(store.Query{Where: where("unit", store.In, "x")})) }},
		{"a sort by a key that is not declared", func(s *suite) error { return get(s, whole(store.Query{Sort: []store.Order{by("other", false)}})) }},
		{"a sort by three keys", func(s *suite) error {
			return get(s, whole(store.Query{Sort: []store.Order{by("unit", false), by("rank", false), by("open", false)}}))
		}},
		{"a cursor of another order", func(s *suite) error {
			return get(s, whole(store.Query{After: store.Cursor{ID: "a", Values: []any{"x"}}}))
		}},
		{"a page without a limit", func(s *suite) error { return get(s, store.Query{Association: "north"}) }},
		{"a page beyond the bound", func(s *suite) error { return get(s, whole(store.Query{Limit: 5000})) }},
		{"a count by a key that is not declared", func(s *suite) error {
			s.things()
			_, err := s.engine.Count(s.ctx, s.name, "north", nil, []string{"other"})
			return err
		}},
		{"an association with the sign that parts it from the id", func(s *suite) error {
			_, err := s.things().Insert(s.ctx, &thing{Association: "a/b", ID: "c"})
			return err
		}},
	}
	var cases []testCase
	for _, b := range broken {
		cases = append(cases, testCase{b.name, func(s *suite) {
			err := b.do(s)
			if err == nil {
				s.Fatal("was not refused")
			}
			for _, answer := range []error{store.ErrNotFound, store.ErrStale, store.ErrExists, store.ErrTaken} {
				if errors.Is(err, answer) {
					s.Fatalf("answered %v", err)
				}
			}
		}})
	}
	return cases
}

var contextCases = []testCase{
	{"a write of a caller that has gone is not written", func(s *suite) {
		c := s.things()
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		_, err := c.Insert(ctx, ptr(one("a")))
		s.is(err, context.Canceled)
		_, err = c.Get(s.ctx, "north", "a")
		s.is(err, store.ErrNotFound)
	}},
	{"a read of a caller that has gone is not answered", func(s *suite) {
		c := s.with(one("a"))
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		_, err := c.Get(ctx, "north", "a")
		s.is(err, context.Canceled)
		_, err = c.Find(ctx, whole(store.Query{}))
		s.is(err, context.Canceled)
		_, err = c.Count(ctx, "north", nil)
		s.is(err, context.Canceled)
		_, err = c.Unpublished(ctx, 1)
		s.is(err, context.Canceled)
		s.is(s.engine.Ping(ctx), context.Canceled)
	}},
	{"a change of a caller that has gone changes nothing", func(s *suite) {
		c := s.with(one("a"))
		v := s.get(c, "north", "a")
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		_, err := c.Replace(ctx, v)
		s.is(err, context.Canceled)
		s.is(c.Delete(ctx, "north", "a", 1), context.Canceled)
		s.is(c.MarkPublished(ctx, []store.PublishedMark{{Association: "north", ID: "a", Published: 1}}), context.Canceled)
		s.equal("version", s.get(c, "north", "a").Version, int64(1))
		s.equal("settled", s.get(c, "north", "a").Published, int64(0))
	}},
	{"a deadline in the past is past", func(s *suite) {
		c := s.things()
		ctx, cancel := context.WithDeadline(s.ctx, time.Now().Add(-time.Second))
		defer cancel()
		_, err := c.Insert(ctx, ptr(one("a")))
		s.is(err, context.DeadlineExceeded)
	}},
	{"the next caller is served as ever", func(s *suite) {
		c := s.things()
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		for range 20 {
			_, err := c.Insert(ctx, ptr(one("a")))
			s.is(err, context.Canceled)
		}
		_, err := c.Insert(s.ctx, ptr(one("a")))
		s.ok(err)
	}},
}
