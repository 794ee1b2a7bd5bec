package storetest

import (
	"errors"

	"github.com/finsam/finsam/pkg/store"
)

func (s *suite) is(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("got %v, want %v", err, want)
	}
}

func (s *suite) equal(what string, got, want any) {
	s.Helper()
	if got != want {
		s.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func one(id string) thing { return thing{Association: "north", ID: id} }

func record(id string, version int64) store.Record {
	v := one(id)
	return store.Record{Association: "north", ID: id, Version: version, Body: &v}
}

var prepareCases = []testCase{
	{"twice changes nothing", func(s *suite) {
		c := s.with(one("a"))
		again := s.things()
		s.get(c, "north", "a")
		s.get(again, "north", "a")
	}},
	{"by several at once", func(s *suite) {
		s.race(8, func(int) error {
			_, err := store.Open(s.ctx, s.engine, kind(s.name))
			return err
		})
		s.with(one("a"))
	}},
	{"a collection without any key", func(s *suite) {
		k := kind(s.name)
		k.Keys, k.Unique, k.Indexes = nil, nil, nil
		c, err := store.Open(s.ctx, s.engine, k)
		s.ok(err)
		v := one("a")
		_, err = c.Insert(s.ctx, &v)
		s.ok(err)
		s.get(c, "north", "a")
	}},
	{"a key that is declared later finds what is written from then on", func(s *suite) {
		k := kind(s.name)
		k.Keys, k.Unique, k.Indexes = nil, nil, nil
		old, err := store.Open(s.ctx, s.engine, k)
		s.ok(err)
		v := thing{Association: "north", ID: "a", Rank: ptr(int64(7))}
		_, err = old.Insert(s.ctx, &v)
		s.ok(err)
		c := s.things()
		_, err = c.Update(s.ctx, "north", "a", 0, func(v *thing) error { v.Text = "new"; return nil })
		s.ok(err)
		n, err := c.Count(s.ctx, "north", []store.Cond{{Key: "rank", Op: store.Eq, Value: int64(7)}})
		s.ok(err)
		s.equal("found", n, int64(1))
	}},
	{"ping answers", func(s *suite) { s.ok(s.engine.Ping(s.ctx)) }},
}

var writeCases = []testCase{
	{"an inserted document is there at once", func(s *suite) {
		v := s.get(s.with(thing{Association: "north", ID: "a", Text: "hej"}), "north", "a")
		s.equal("text", v.Value.Text, "hej")
		s.equal("version", v.Version, int64(1))
		s.equal("settled", v.Published, int64(0))
	}},
	{"a missing document is not found", func(s *suite) {
		_, err := s.things().Get(s.ctx, "north", "nobody")
		s.is(err, store.ErrNotFound)
	}},
	{"the same id again exists, and the first one stays", func(s *suite) {
		c := s.with(thing{Association: "north", ID: "a", Text: "first"})
		_, err := c.Insert(s.ctx, &thing{Association: "north", ID: "a", Text: "second"})
		s.is(err, store.ErrExists)
		s.equal("text", s.get(c, "north", "a").Value.Text, "first")
	}},
	{"a document may begin at a later version", func(s *suite) {
		s.things()
		s.ok(s.engine.Insert(s.ctx, s.name, record("a", 5)))
		f, err := s.engine.Get(s.ctx, s.name, "north", "a")
		s.ok(err)
		s.equal("version", f.Version, int64(5))
		s.equal("association", f.Association, "north")
		s.equal("id", f.ID, "a")
	}},
	{"replace writes body, keys and version", func(s *suite) {
		c := s.with(thing{Association: "north", ID: "a", Rank: ptr(int64(1))})
		v := s.get(c, "north", "a")
		v.Value.Rank, v.Value.Text = ptr(int64(2)), "new"
		saved, err := c.Replace(s.ctx, v)
		s.ok(err)
		s.equal("version told", saved.Version, int64(2))
		v = s.get(c, "north", "a")
		s.equal("version", v.Version, int64(2))
		s.equal("text", v.Value.Text, "new")
		s.equal("by the old key", s.count(c, "rank", int64(1)), int64(0))
		s.equal("by the new key", s.count(c, "rank", int64(2)), int64(1))
	}},
	{"replace can take a key away", func(s *suite) {
		c := s.with(thing{Association: "north", ID: "a", Rank: ptr(int64(1))})
		v := s.get(c, "north", "a")
		v.Value.Rank = nil
		_, err := c.Replace(s.ctx, v)
		s.ok(err)
		s.equal("by the key", s.count(c, "rank", int64(1)), int64(0))
	}},
	{"replace may skip versions", func(s *suite) {
		s.with(one("a"))
		s.ok(s.engine.Replace(s.ctx, s.name, record("a", 9), 1))
		f, err := s.engine.Get(s.ctx, s.name, "north", "a")
		s.ok(err)
		s.equal("version", f.Version, int64(9))
	}},
	{"replace of an old version is stale, and nothing changes", func(s *suite) {
		c := s.with(one("a"))
		old := s.get(c, "north", "a")
		_, err := c.Replace(s.ctx, old)
		s.ok(err)
		old.Value.Text = "too late"
		_, err = c.Replace(s.ctx, old)
		s.is(err, store.ErrStale)
		s.equal("text", s.get(c, "north", "a").Value.Text, "")
	}},
	{"replace of a version to come is stale", func(s *suite) {
		s.with(one("a"))
		s.is(s.engine.Replace(s.ctx, s.name, record("a", 9), 8), store.ErrStale)
	}},
	{"replace of a missing document is not found", func(s *suite) {
		s.things()
		s.is(s.engine.Replace(s.ctx, s.name, record("a", 2), 1), store.ErrNotFound)
	}},
	{"delete removes the document and its keys", func(s *suite) {
		c := s.with(thing{Association: "north", ID: "a", Rank: ptr(int64(1)), Code: ptr("x")})
		s.ok(c.Delete(s.ctx, "north", "a", 1))
		_, err := c.Get(s.ctx, "north", "a")
		s.is(err, store.ErrNotFound)
		s.equal("by key", s.count(c, "rank", int64(1)), int64(0))
		_, err = c.Insert(s.ctx, &thing{Association: "north", ID: "b", Code: ptr("x")})
		s.ok(err)
	}},
	{"delete of an old version is stale", func(s *suite) {
		c := s.with(one("a"))
		_, err := c.Replace(s.ctx, s.get(c, "north", "a"))
		s.ok(err)
		s.is(c.Delete(s.ctx, "north", "a", 1), store.ErrStale)
		s.get(c, "north", "a")
	}},
	{"delete of a missing document is not found", func(s *suite) {
		s.is(s.things().Delete(s.ctx, "north", "a", 1), store.ErrNotFound)
	}},
	{"a deleted id can be used again", func(s *suite) {
		c := s.with(one("a"))
		s.ok(c.Delete(s.ctx, "north", "a", 1))
		_, err := c.Insert(s.ctx, &thing{Association: "north", ID: "a", Text: "again"})
		s.ok(err)
		s.equal("text", s.get(c, "north", "a").Value.Text, "again")
	}},
	{"collections do not share ids", func(s *suite) {
		s.with(one("a"))
		other := *s
		other.name += "b"
		other.with(one("a"))
	}},
}

func (s *suite) count(c *store.Collection[thing], key string, v any) int64 {
	s.Helper()
	n, err := c.Count(s.ctx, "north", []store.Cond{{Key: key, Op: store.Eq, Value: v}})
	s.ok(err)
	return n
}

func ptr[V any](v V) *V { return &v }
