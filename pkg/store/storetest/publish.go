package storetest

import (
	"fmt"
	"strings"

	"github.com/finsam/finsam/pkg/store"
)

func (s *suite) unpublished(c *store.Collection[thing], limit int) string {
	s.Helper()
	found, err := c.Unpublished(s.ctx, limit)
	s.ok(err)
	var all []string
	for _, v := range found {
		all = append(all, fmt.Sprintf("%s@%d/%d", v.Value.ID, v.Published, v.Version))
	}
	return strings.Join(all, " ")
}

// change is one thing that happens to the case's collection.
type change func(s *suite, c *store.Collection[thing])

func publish(id string, version int64) change {
	return func(s *suite, c *store.Collection[thing]) {
		s.Helper()
		s.ok(c.MarkPublished(s.ctx, []store.PublishedMark{{Association: "north", ID: id, Published: version}}))
	}
}

func write(id string) change {
	return func(s *suite, c *store.Collection[thing]) {
		s.Helper()
		_, err := c.Update(s.ctx, "north", id, 0, func(v *thing) error { v.Count++; return nil })
		s.ok(err)
	}
}

// publishCases let changes happen to documents that have just been inserted; what is
// unpublished then reads "id@published/version".
func publishCases() []testCase {
	var cases []testCase
	for _, p := range []struct {
		name    string
		ids     string
		changes []change
		want    string
	}{
		{"a new document is not published", "a", nil, "a@0/1"},
		{"a published document is not returned", "ab", []change{publish("a", 1)}, "b@0/1"},
		{"it is returned again when it is written again", "a", []change{publish("a", 1), write("a")}, "a@1/2"},
		{"replace leaves the published number", "a", []change{publish("a", 1), write("a"), write("a")}, "a@1/3"},
		{"marking a version that is no longer the latest leaves the rest unpublished", "a", []change{write("a"), publish("a", 1)}, "a@1/2"},
		{"marking never lowers the number", "a", []change{write("a"), publish("a", 2), publish("a", 1)}, ""},
		{"marking twice is marking once", "a", []change{publish("a", 1), publish("a", 1)}, ""},
		{"marking ahead of the version marks what is written later", "a", []change{publish("a", 3), write("a"), write("a")}, ""},
		{"and no more", "a", []change{publish("a", 3), write("a"), write("a"), write("a")}, "a@3/4"},
		{"marking a missing document does nothing", "a", []change{publish("nobody", 1)}, "a@0/1"},
		{"marking nothing does nothing", "a", []change{func(s *suite, c *store.Collection[thing]) { s.ok(c.MarkPublished(s.ctx, nil)) }}, "a@0/1"},
		{"marking many at once", "abc", []change{func(s *suite, c *store.Collection[thing]) {
			s.ok(c.MarkPublished(s.ctx, []store.PublishedMark{{Association: "north", ID: "a", Published: 1}, {Association: "north", ID: "nobody", Published: 1}, {Association: "north", ID: "c", Published: 1}}))
		}}, "b@0/1"},
		{"returned in the order of the latest write", "cab", []change{write("c")}, "a@0/1 b@0/1 c@0/2"},
		{"a deleted document is not returned", "a", []change{func(s *suite, c *store.Collection[thing]) { s.ok(c.Delete(s.ctx, "north", "a", 1)) }}, ""},
	} {
		cases = append(cases, testCase{p.name, func(s *suite) {
			c := s.things()
			for _, id := range p.ids {
				s.ok(s.insert(c, newThing(string(id))))
			}
			for _, happen := range p.changes {
				happen(s, c)
			}
			s.equal("unpublished", s.unpublished(c, 10), p.want)
		}})
	}
	return append(cases,
		testCase{"marking changes no version and no document", func(s *suite) {
			c := s.with(thing{Association: "north", ID: "a", Text: "x", Rank: new(int64(4))})
			v := s.get(c, "north", "a")
			publish("a", 1)(s, c)
			s.equal("unpublished", s.unpublished(c, 10), "")
			s.equal("text", s.get(c, "north", "a").Value.Text, "x")
			s.equal("by key", s.count(c, "rank", int64(4)), int64(1))
			s.ok(s.replace(c, v))
		}},
		testCase{"returned up to the limit", func(s *suite) {
			s.equal("unpublished", s.unpublished(s.with(newThing("c"), newThing("a"), newThing("b")), 2), "c@0/1 a@0/1")
		}},
		testCase{"returned for every association, with its name", func(s *suite) {
			s.with(newThing("a"), south("a"))
			found, err := s.engine.Unpublished(s.ctx, s.name, 10)
			s.ok(err)
			s.equal("count", len(found), 2)
			s.equal("first", found[0].Association+" "+found[0].ID, "north a")
			s.equal("second", found[1].Association+" "+found[1].ID, "south a")
		}},
		testCase{"of a collection that is published later, everything is", func(s *suite) {
			k := schemaOf(s.name)
			k.Published = false
			c, err := store.Open(s.ctx, s.engine, k)
			s.ok(err)
			s.ok(s.insert(c, newThing("a")))
			s.equal("unpublished", s.unpublished(s.things(), 10), "a@0/1")
		}},
		testCase{"only the association that is named is marked", func(s *suite) {
			c := s.with(newThing("a"), south("a"))
			publish("a", 1)(s, c)
			s.equal("south", s.get(c, "south", "a").Published, int64(0))
		}},
	)
}

// schemaWithout is the suite's collection as an older release declared it: without
// some keys, and without the unique index on two.
func schemaWithout(name string, indexes []store.Index, keys ...string) store.Schema[thing] {
	k := schemaOf(name)
	k.Unique, k.Indexes, k.Sparse = []store.Index{{"code"}}, indexes, nil
	k.Keys = func(v *thing) store.Keys {
		all := thingKeys(v)
		for _, key := range keys {
			delete(all, key)
		}
		return all
	}
	return k
}

// aged returns the case's collection with the key rank, and documents that were written
// before it was declared.
func (s *suite) aged(all ...thing) *store.Collection[thing] {
	s.Helper()
	old, err := store.Open(s.ctx, s.engine, schemaWithout(s.name, []store.Index{{"unit"}, {"open"}}, "rank", "serial"))
	s.ok(err)
	for _, v := range all {
		_, err := old.Insert(s.ctx, &v)
		s.ok(err)
	}
	later, err := store.Open(s.ctx, s.engine, schemaWithout(s.name, []store.Index{{"unit"}, {"open"}, {"rank"}}, "serial"))
	s.ok(err)
	return later
}

// rekey rekeys the whole collection in batches; the result reads "2 of 5".
func (s *suite) rekey(c *store.Collection[thing], batch int) string {
	s.Helper()
	seen, stale := 0, 0
	for at := (store.Position{}); ; {
		r, err := c.Rekey(s.ctx, at, batch)
		s.ok(err)
		seen, stale = seen+r.Seen, stale+r.Stale
		if at = r.Next; at == (store.Position{}) {
			return fmt.Sprintf("%d of %d", stale, seen)
		}
	}
}

func withRank(id string, rank int64) thing {
	v := newThing(id)
	v.Rank = new(rank)
	return v
}

var rekeyCases = []testCase{
	{"a key declared later finds documents written before once they are rekeyed", func(s *suite) {
		c := s.aged(withRank("a", 4), withRank("b", 5), newThing("c"))
		s.rekey(c, 10)
		s.equal("by key", s.count(c, "rank", int64(4)), int64(1))
		s.equal("again", s.rekey(c, 10), "0 of 3")
	}},
	{"documents written by the present declaration are left alone", func(s *suite) {
		s.equal("rekeyed", s.rekey(s.with(withRank("a", 4), newThing("b")), 10), "0 of 2")
	}},
	{"a walk in batches meets every document of every association once", func(s *suite) {
		south := thing{Association: "south", ID: "a", Rank: new(int64(1))}
		c := s.aged(withRank("a", 1), withRank("b", 1), withRank("c", 1), south)
		s.equal("rekeyed", s.rekey(c, 2), "4 of 4")
		for _, batch := range []int{1, 2, 4} {
			s.equal("seen", s.rekey(c, batch), "0 of 4")
		}
	}},
	{"rekeying changes no version, no published number and no document", func(s *suite) {
		c := s.aged(thing{Association: "north", ID: "a", Text: "x", Rank: new(int64(4))}, newThing("b"))
		publish("a", 1)(s, c)
		before := s.get(c, "north", "a")
		s.rekey(c, 10)
		after := s.get(c, "north", "a")
		s.equal("version", after.Version, before.Version)
		s.equal("text", after.Value.Text, "x")
		s.equal("unpublished", s.unpublished(c, 10), "b@0/1")
		s.ok(s.replace(c, before))
	}},
	{"rekeying at a version that is no longer stored is stale", func(s *suite) {
		c := s.with(withRank("a", 4))
		write("a")(s, c)
		r := store.Record{Association: "north", ID: "a", Version: 1, Keys: store.Keys{"rank": int64(9)}, Body: &thing{}}
		s.is(s.engine.Rekey(s.ctx, s.name, r), store.ErrStale)
		r.ID = "nobody"
		s.is(s.engine.Rekey(s.ctx, s.name, r), store.ErrNotFound)
		s.equal("by key", s.count(c, "rank", int64(4)), int64(1))
	}},
	{"rekeying takes no unique value from another document", func(s *suite) {
		c := s.with(thing{Association: "north", ID: "a", Code: new("x")}, newThing("b"))
		r := store.Record{Association: "north", ID: "b", Version: 1, Keys: store.Keys{"code": "x"}, Body: &thing{}}
		s.is(s.engine.Rekey(s.ctx, s.name, r), store.ErrTaken)
		s.equal("by key", s.count(c, "code", "x"), int64(1))
	}},
	{"writers at work while it is rekeyed lose nothing and are found by their last keys", func(s *suite) {
		// Writers raise the rank of documents that are rekeyed again and
		// again.
		const documents, raises = 4, 8
		var all []thing
		for i := range documents {
			all = append(all, withRank(fmt.Sprint("d", i), 0))
		}
		c := s.aged(all...)
		s.during(len(all), func(i int) error {
			for range raises {
				if _, err := c.Update(s.ctx, "north", all[i].ID, 0, func(v *thing) error { *v.Rank++; v.Count++; return nil }); err != nil {
					return err
				}
			}
			return nil
		}, func() { s.rekey(c, 3) })
		s.rekey(c, 3)
		s.equal("by their last keys", s.count(c, "rank", int64(raises)), int64(documents))
		for _, v := range all {
			got := s.get(c, "north", v.ID)
			s.equal("count", got.Value.Count, int64(raises))
			s.equal("version", got.Version, int64(raises+1))
		}
	}},
}

// part and later are a thing as a newer program declares it: with one more field, and
// with one in a nested list.
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

// present is the same as this program declares it.
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
	{"nor is one with such a field in a nested list", func(s *suite) {
		s.is(s.changing(s.newer(later{Association: "north", ID: "a", Parts: []part{{Name: "p"}, {Name: "q", Added: "x"}}})), store.ErrNewer)
	}},
	{"one without such a field is written", func(s *suite) {
		s.ok(s.changing(s.newer(later{Association: "north", ID: "a", Parts: []part{{Name: "p"}}})))
	}},
	{"what the target contained before it is decoded stays", func(s *suite) {
		s.newer(later{Association: "north", ID: "a", Added: "x"})
		f, err := s.engine.Get(s.ctx, s.name, "north", "a")
		s.ok(err)
		v := struct {
			ID    string `json:"id"`
			Other string `json:"other"`
		}{Other: "stays"}
		s.ok(f.Decode(&v))
		s.equal("id and what was there before", v.ID+" "+v.Other, "a stays")
	}},
	{"it may be deleted", func(s *suite) {
		s.ok(s.newer(later{Association: "north", ID: "a", Added: "x"}).Delete(s.ctx, "north", "a", 1))
	}},
}
