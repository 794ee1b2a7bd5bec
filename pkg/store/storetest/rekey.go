package storetest

import (
	"fmt"
	"sync"

	"github.com/finsam/finsam/pkg/store"
)

// olderKind is the suite's collection as the release before declared it: without
// the keys rank and serial.
func olderKind(name string) store.Schema[thing] {
	k := kind(name)
	k.Unique, k.Indexes = []store.Index{{"code"}}, []store.Index{{"unit"}, {"open"}}
	keys := k.Keys
	k.Keys = func(v *thing) store.Keys {
		all := keys(v)
		delete(all, "rank")
		delete(all, "serial")
		return all
	}
	return k
}

// laterKind is a kind of which a key was declared later, with nothing unique
// about it: a release may add that while the one before still writes.
func laterKind(name string) store.Schema[thing] {
	k := olderKind(name)
	k.Indexes = append(k.Indexes, store.Index{"rank"})
	k.Keys = func(v *thing) store.Keys {
		all := thingKeys(v)
		delete(all, "serial")
		return all
	}
	return k
}

// aged returns the case's collection as declared later, with documents that the
// older declaration has written.
func (s *suite) aged(all ...thing) *store.Collection[thing] {
	s.Helper()
	old, err := store.Open(s.ctx, s.engine, olderKind(s.name))
	s.ok(err)
	for _, v := range all {
		_, err := old.Insert(s.ctx, &v)
		s.ok(err)
	}
	later, err := store.Open(s.ctx, s.engine, laterKind(s.name))
	s.ok(err)
	return later
}

// rekey looks through the whole collection in batches and tells what it came by.
func (s *suite) rekey(c *store.Collection[thing], batch int, look bool) string {
	s.Helper()
	seen, stale := 0, 0
	for at := (store.Position{}); ; {
		r, err := c.Rekey(s.ctx, at, batch, look)
		s.ok(err)
		seen, stale = seen+r.Seen, stale+r.Stale
		if at = r.Next; at == (store.Position{}) {
			return fmt.Sprintf("%d of %d", stale, seen)
		}
	}
}

func withRank(id string, rank int64) thing {
	v := one(id)
	v.Rank = ptr(rank)
	return v
}

var rekeyCases = []testCase{
	{"a key declared later finds documents written before once they are rekeyed", func(s *suite) {
		c := s.aged(withRank("a", 4), withRank("b", 5), one("c"))
		s.rekey(c, 10, false)
		s.equal("by key", s.count(c, "rank", int64(4)), int64(1))
		s.equal("again", s.rekey(c, 10, false), "0 of 3")
	}},
	{"documents written by the present declaration are left alone", func(s *suite) {
		s.equal("rekeyed", s.rekey(s.with(withRank("a", 4), one("b")), 10, false), "0 of 2")
	}},
	{"looking writes nothing", func(s *suite) {
		c := s.aged(withRank("a", 4))
		s.equal("looked", s.rekey(c, 10, true), "1 of 1")
		s.equal("by key", s.count(c, "rank", int64(4)), int64(0))
	}},
	{"a walk in batches meets every document of every association once", func(s *suite) {
		south := thing{Association: "south", ID: "a", Rank: ptr(int64(1))}
		c := s.aged(withRank("a", 1), withRank("b", 1), withRank("c", 1), south)
		for _, batch := range []int{1, 2, 4} {
			s.equal("seen", s.rekey(c, batch, true), "4 of 4")
		}
	}},
	{"rekeying changes no version, no settled number and no document", func(s *suite) {
		c := s.aged(thing{Association: "north", ID: "a", Text: "x", Rank: ptr(int64(4))}, one("b"))
		s.settle(c, "a", 1)
		before := s.get(c, "north", "a")
		s.rekey(c, 10, false)
		after := s.get(c, "north", "a")
		s.equal("version", after.Version, before.Version)
		s.equal("settled", after.Published, before.Published)
		s.equal("text", after.Value.Text, "x")
		s.equal("unsettled", s.unsettled(c, 10), "b@0/1")
		_, err := c.Replace(s.ctx, before)
		s.ok(err)
	}},
	{"rekeying at a version that is no longer stored is stale", func(s *suite) {
		c := s.with(withRank("a", 4))
		s.touch(c, "a")
		r := store.Record{Association: "north", ID: "a", Version: 1, Keys: store.Keys{"rank": int64(9)}, Body: &thing{}}
		s.is(s.engine.Rekey(s.ctx, s.name, r), store.ErrStale)
		r.ID = "nobody"
		s.is(s.engine.Rekey(s.ctx, s.name, r), store.ErrNotFound)
		s.equal("by key", s.count(c, "rank", int64(4)), int64(1))
	}},
	{"rekeying takes no unique value from another document", func(s *suite) {
		c := s.with(thing{Association: "north", ID: "a", Code: ptr("x")}, one("b"))
		r := store.Record{Association: "north", ID: "b", Version: 1, Keys: store.Keys{"code": "x"}, Body: &thing{}}
		s.is(s.engine.Rekey(s.ctx, s.name, r), store.ErrTaken)
		s.equal("by key", s.count(c, "code", "x"), int64(1))
	}},
	{"writers at work while it is rekeyed lose nothing and are found by their last keys", rekeyUnderWriters},
}

// rekeyUnderWriters lets writers raise the rank of documents while these are
// rekeyed over and over.
func rekeyUnderWriters(s *suite) {
	const documents, raises = 4, 8
	var all []thing
	for i := range documents {
		all = append(all, withRank(fmt.Sprint("d", i), 0))
	}
	c := s.aged(all...)
	var writers sync.WaitGroup
	done := make(chan struct{})
	for _, v := range all {
		writers.Go(func() {
			for range raises {
				if _, err := c.Update(s.ctx, "north", v.ID, 0, func(v *thing) error { *v.Rank++; v.Count++; return nil }); err != nil {
					s.Error(err)
				}
			}
		})
	}
	go func() { writers.Wait(); close(done) }()
	for working := true; working; {
		select {
		case <-done:
			working = false
		default:
			s.rekey(c, 3, false)
		}
	}
	s.rekey(c, 3, false)
	s.equal("by their last keys", s.count(c, "rank", int64(raises)), int64(documents))
	for _, v := range all {
		got := s.get(c, "north", v.ID)
		s.equal("count", got.Value.Count, int64(raises))
		s.equal("version", got.Version, int64(raises+1))
	}
}

// part and later are what a newer program makes of a thing: a field more, here
// and in a list within.
type part struct {
	Name  string `json:"name"`
	Added string `json:"added,omitempty"`
}

type later struct {
	Association string `json:"association"`
	ID          string `json:"id"`
	Parts       []part `json:"parts,omitempty"`
	Added       string `json:"added,omitempty"`
}

// present is what this program makes of it.
type present struct {
	Association string `json:"association"`
	ID          string `json:"id"`
	Parts       []struct {
		Name string `json:"name"`
	} `json:"parts,omitempty"`
}

func (s *suite) newer(v later) *store.Collection[present] {
	s.Helper()
	newer, err := store.Open(s.ctx, s.engine, store.Schema[later]{Name: s.name, ID: func(v *later) (string, string) { return v.Association, v.ID }})
	s.ok(err)
	_, err = newer.Insert(s.ctx, &v)
	s.ok(err)
	older, err := store.Open(s.ctx, s.engine, store.Schema[present]{Name: s.name, ID: func(v *present) (string, string) { return v.Association, v.ID }})
	s.ok(err)
	return older
}

func (s *suite) changing(c *store.Collection[present]) error {
	s.Helper()
	_, err := c.Update(s.ctx, "north", "a", 0, func(*present) error { return nil })
	return err
}

var newerCases = []testCase{
	{"a document with a field of a newer program is read, and not written over", func(s *suite) {
		c := s.newer(later{Association: "north", ID: "a", Added: "x"})
		v, err := c.Get(s.ctx, "north", "a")
		s.ok(err)
		s.equal("id", v.Value.ID, "a")
		s.is(s.changing(c), store.ErrNewer)
	}},
	{"nor is one with such a field in a list within", func(s *suite) {
		s.is(s.changing(s.newer(later{Association: "north", ID: "a", Parts: []part{{Name: "p"}, {Name: "q", Added: "x"}}})), store.ErrNewer)
	}},
	{"one without such a field is written as ever", func(s *suite) {
		s.ok(s.changing(s.newer(later{Association: "north", ID: "a", Parts: []part{{Name: "p"}}})))
	}},
	{"what stood before in what it is decoded into stays", func(s *suite) {
		s.newer(later{Association: "north", ID: "a", Added: "x"})
		f, err := s.engine.Get(s.ctx, s.name, "north", "a")
		s.ok(err)
		v := struct {
			ID    string `json:"id"`
			Other string `json:"other"`
		}{Other: "stays"}
		s.ok(f.Decode(&v))
		s.equal("id and what stood before", v.ID+" "+v.Other, "a stays")
	}},
	{"it may be deleted", func(s *suite) {
		s.ok(s.newer(later{Association: "north", ID: "a", Added: "x"}).Delete(s.ctx, "north", "a", 1))
	}},
}
