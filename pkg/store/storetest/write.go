package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

var prepareCases = []testCase{
	{"twice changes nothing", func(s *suite) {
		c := s.with(newThing("a"))
		again := s.things()
		s.get(c, "north", "a")
		s.get(again, "north", "a")
	}},
	{"by several at once", func(s *suite) {
		s.race(8, func(int) error {
			_, err := store.Open(s.ctx, s.engine, schemaOf(s.name))
			return err
		})
		s.with(newThing("a"))
	}},
	{"a collection without any key", func(s *suite) {
		c := s.withoutKeys()
		s.ok(s.insert(c, newThing("a")))
		s.get(c, "north", "a")
	}},
	{"a key that is declared later finds what is written from then on", func(s *suite) {
		s.ok(s.insert(s.withoutKeys(), withRank("a", 7)))
		c := s.things()
		write("a")(s, c)
		s.equal("found", s.count(c, "rank", int64(7)), int64(1))
	}},
	{"ping answers", func(s *suite) { s.ok(s.engine.Ping(s.ctx)) }},
}

// withoutKeys opens the case's collection as one that is found by its ids alone.
func (s *suite) withoutKeys() *store.Collection[thing] {
	s.Helper()
	k := schemaOf(s.name)
	k.Keys, k.Unique, k.Indexes, k.Sparse = nil, nil, nil, nil
	c, err := store.Open(s.ctx, s.engine, k)
	s.ok(err)
	return c
}

var writeCases = []testCase{
	{"an inserted document is there at once", func(s *suite) {
		v := s.get(s.with(thing{Association: "north", ID: "a", Text: "hej"}), "north", "a")
		s.equal("text", v.Value.Text, "hej")
		s.equal("version", v.Version, int64(1))
	}},
	{"a missing document is not found", func(s *suite) {
		_, err := s.things().Get(s.ctx, "north", "nobody")
		s.is(err, store.ErrNotFound)
	}},
	{"the same id again exists, and the first one stays", func(s *suite) {
		c := s.with(thing{Association: "north", ID: "a", Text: "first"})
		s.is(s.insert(c, thing{Association: "north", ID: "a", Text: "second"}), store.ErrExists)
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
		c := s.with(withRank("a", 1))
		v := s.get(c, "north", "a")
		v.Value.Rank, v.Value.Text = new(int64(2)), "new"
		saved, err := c.Replace(s.ctx, v)
		s.ok(err)
		s.equal("returned version", saved.Version, int64(2))
		v = s.get(c, "north", "a")
		s.equal("version", v.Version, int64(2))
		s.equal("text", v.Value.Text, "new")
		s.equal("by the old key", s.count(c, "rank", int64(1)), int64(0))
		s.equal("by the new key", s.count(c, "rank", int64(2)), int64(1))
	}},
	{"replace can take a key away", func(s *suite) {
		c := s.with(withRank("a", 1))
		v := s.get(c, "north", "a")
		v.Value.Rank = nil
		s.ok(s.replace(c, v))
		s.equal("by the key", s.count(c, "rank", int64(1)), int64(0))
	}},
	{"replace may skip versions", func(s *suite) {
		s.with(newThing("a"))
		s.ok(s.engine.Replace(s.ctx, s.name, record("a", 9), 1))
		f, err := s.engine.Get(s.ctx, s.name, "north", "a")
		s.ok(err)
		s.equal("version", f.Version, int64(9))
	}},
	{"replace of an old version is stale, and nothing changes", func(s *suite) {
		c := s.with(newThing("a"))
		old := s.get(c, "north", "a")
		s.ok(s.replace(c, old))
		old.Value.Text = "too late"
		s.is(s.replace(c, old), store.ErrStale)
		s.equal("text", s.get(c, "north", "a").Value.Text, "")
	}},
	{"replace of a version to come is stale", func(s *suite) {
		s.with(newThing("a"))
		s.is(s.engine.Replace(s.ctx, s.name, record("a", 9), 8), store.ErrStale)
	}},
	{"replace of a missing document is not found", func(s *suite) {
		s.things()
		s.is(s.engine.Replace(s.ctx, s.name, record("a", 2), 1), store.ErrNotFound)
	}},
	{"delete removes the document and its keys", func(s *suite) {
		c := s.with(thing{Association: "north", ID: "a", Rank: new(int64(1)), Code: new("x")})
		s.ok(c.Delete(s.ctx, "north", "a", 1))
		s.missing(c, "a")
		s.equal("by key", s.count(c, "rank", int64(1)), int64(0))
		s.ok(s.insert(c, thing{Association: "north", ID: "b", Code: new("x")}))
	}},
	{"delete of an old version is stale", func(s *suite) {
		c := s.with(newThing("a"))
		s.ok(s.replace(c, s.get(c, "north", "a")))
		s.is(c.Delete(s.ctx, "north", "a", 1), store.ErrStale)
		s.get(c, "north", "a")
	}},
	{"delete of a missing document is not found", func(s *suite) {
		s.is(s.things().Delete(s.ctx, "north", "a", 1), store.ErrNotFound)
	}},
	{"a deleted id can be used again", func(s *suite) {
		c := s.with(newThing("a"))
		s.ok(c.Delete(s.ctx, "north", "a", 1))
		s.ok(s.insert(c, thing{Association: "north", ID: "a", Text: "again"}))
		s.equal("text", s.get(c, "north", "a").Value.Text, "again")
	}},
	{"collections do not share ids", func(s *suite) {
		s.with(newThing("a"))
		other := *s
		other.name += "b"
		other.with(newThing("a"))
	}},
}

func coded(id, code string) thing { return thing{Association: "north", ID: id, Code: &code} }

func numbered(id, unit string, serial int64) thing {
	return thing{Association: "north", ID: id, Unit: &unit, Serial: &serial}
}

// uniqueCases insert one more document beside those stored; nil: it is stored too.
func uniqueCases() []testCase {
	onlyUnit, onlySerial := newThing("a"), newThing("b")
	onlyUnit.Unit, onlySerial.Serial = new("u"), new(int64(1))
	otherUnit, otherSerial := onlyUnit, onlySerial
	otherUnit.ID, otherSerial.ID = "c", "d"
	var cases []testCase
	for _, u := range []struct {
		name   string
		stored []thing
		one    thing
		want   error
	}{
		{"a second document with the value is taken, and is not stored", []thing{coded("a", "x")}, coded("b", "x"), store.ErrTaken},
		{"the id comes before the value", []thing{coded("a", "x")}, coded("a", "x"), store.ErrExists},
		{"any number of documents may lack the key", []thing{newThing("a"), newThing("b")}, newThing("c"), nil},
		{"any number may lack one of two keys", []thing{onlyUnit, onlySerial, otherUnit}, otherSerial, nil},
		{"two keys are taken only together", []thing{numbered("a", "u", 1), numbered("b", "u", 2), numbered("c", "v", 1)}, numbered("d", "u", 2), store.ErrTaken},
		{"values that only look alike when joined differ", []thing{numbered("a", "u", 11), numbered("b", "u/1", 1), numbered("c", "u|1", 1)}, numbered("d", "u\",1", 1), nil},
		{"upper and lower case differ", []thing{coded("a", "x")}, coded("b", "X"), nil},
		{"the empty text is a value", []thing{coded("a", "")}, coded("b", ""), store.ErrTaken},
	} {
		cases = append(cases, testCase{u.name, func(s *suite) {
			c := s.with(u.stored...)
			s.is(s.insert(c, u.one), u.want)
			if u.want == store.ErrTaken {
				s.missing(c, u.one.ID)
			}
		}})
	}
	return append(cases,
		testCase{"replace into a taken value is taken, and nothing changes", func(s *suite) {
			c := s.with(coded("a", "x"), coded("b", "y"))
			v := s.get(c, "north", "b")
			v.Value.Code = new("x")
			s.is(s.replace(c, v), store.ErrTaken)
			v = s.get(c, "north", "b")
			s.equal("code", *v.Value.Code, "y")
			s.equal("version", v.Version, int64(1))
		}},
		testCase{"replace with its own value is no conflict", func(s *suite) {
			c := s.with(coded("a", "x"))
			s.ok(s.replace(c, s.get(c, "north", "a")))
		}},
		testCase{"a value that is no longer used is free", func(s *suite) {
			c := s.with(coded("a", "x"))
			v := s.get(c, "north", "a")
			v.Value.Code = nil
			s.ok(s.replace(c, v))
			s.ok(s.insert(c, coded("b", "x")))
		}},
		testCase{"a stale replace is stale even where its value is taken", func(s *suite) {
			c := s.with(coded("a", "x"), coded("b", "y"))
			v := s.get(c, "north", "b")
			s.ok(s.replace(c, v))
			v.Value.Code = new("x")
			s.is(s.replace(c, v), store.ErrStale)
		}},
	)
}

var collectionCases = []testCase{
	{"update saves what the change made", func(s *suite) {
		c := s.with(newThing("a"))
		v, err := c.Update(s.ctx, "north", "a", 0, func(v *thing) error { v.Count = 3; return nil })
		s.ok(err)
		s.equal("returned version", v.Version, int64(2))
		s.equal("count", s.get(c, "north", "a").Value.Count, int64(3))
	}},
	{"update at the expected version", func(s *suite) {
		_, err := s.with(newThing("a")).Update(s.ctx, "north", "a", 1, func(v *thing) error { v.Count++; return nil })
		s.ok(err)
	}},
	{"update at another version is stale and does not call change", func(s *suite) {
		_, err := s.with(newThing("a")).Update(s.ctx, "north", "a", 2, func(*thing) error { s.Error("was called"); return nil })
		s.is(err, store.ErrStale)
	}},
	{"a refused change writes nothing", func(s *suite) {
		no := errors.New("no")
		c := s.with(newThing("a"))
		_, err := c.Update(s.ctx, "north", "a", 0, func(v *thing) error { v.Count++; return no })
		s.is(err, no)
		s.equal("version", s.get(c, "north", "a").Version, int64(1))
	}},
	{"an unchanged document keeps its version", func(s *suite) {
		c := s.with(newThing("a"))
		v, err := c.Update(s.ctx, "north", "a", 0, func(*thing) error { return store.ErrUnchanged })
		s.ok(err)
		s.equal("returned version", v.Version, int64(1))
		s.equal("version", s.get(c, "north", "a").Version, int64(1))
	}},
	{"update of a missing document is not found", func(s *suite) {
		_, err := s.things().Update(s.ctx, "north", "a", 0, func(*thing) error { return nil })
		s.is(err, store.ErrNotFound)
	}},
	{"update starts over with what the faster writer wrote", func(s *suite) {
		c := s.with(newThing("a"))
		first := true
		v, err := c.Update(s.ctx, "north", "a", 0, func(v *thing) error {
			if first {
				first = false
				_, err := c.Update(s.ctx, "north", "a", 0, func(v *thing) error { v.Count = 10; return nil })
				s.ok(err)
			}
			v.Count++
			return nil
		})
		s.ok(err)
		s.equal("count", v.Value.Count, int64(11))
		s.equal("version", v.Version, int64(3))
	}},
	{"a document that counts its own steps has their number as version", func(s *suite) {
		k := schemaOf(s.name)
		k.Version = func(v *thing) int64 { return v.Count }
		c, err := store.Open(s.ctx, s.engine, k)
		s.ok(err)
		version, err := c.Insert(s.ctx, &thing{Association: "north", ID: "a", Count: 2})
		s.ok(err)
		s.equal("version at insert", version, int64(2))
		v, err := c.Update(s.ctx, "north", "a", 2, func(v *thing) error { v.Count += 3; return nil })
		s.ok(err)
		s.equal("version", v.Version, int64(5))
	}},
}

func south(id string) thing { return thing{Association: "south", ID: id, Text: "south"} }

var associationCases = []testCase{
	{"each has its own ids", func(s *suite) {
		c := s.with(newThing("a"), south("a"))
		s.equal("north", s.get(c, "north", "a").Value.Text, "")
		s.equal("south", s.get(c, "south", "a").Value.Text, "south")
	}},
	{"another association's document is not found", func(s *suite) {
		_, err := s.with(south("a")).Get(s.ctx, "north", "a")
		s.is(err, store.ErrNotFound)
	}},
	{"another association's document is not replaced", func(s *suite) {
		c := s.with(south("a"))
		s.is(s.engine.Replace(s.ctx, s.name, record("a", 2), 1), store.ErrNotFound)
		s.equal("version", s.get(c, "south", "a").Version, int64(1))
	}},
	{"another association's document is not deleted", func(s *suite) {
		c := s.with(south("a"))
		s.is(c.Delete(s.ctx, "north", "a", 1), store.ErrNotFound)
		s.get(c, "south", "a")
	}},
	{"another association's unique value is free", func(s *suite) {
		v := south("a")
		v.Code = new("x")
		s.with(v, coded("b", "x"))
	}},
	{"a list returns only its own", func(s *suite) {
		c := s.with(newThing("a"), south("b"), newThing("c"))
		s.equal("north", s.ids(c, withDefaults(store.Query{})), "a c")
		s.equal("south", s.ids(c, withDefaults(store.Query{Association: "south"})), "b")
	}},
	{"a count counts only its own", func(s *suite) {
		n, err := s.with(newThing("a"), south("b"), south("c")).Count(s.ctx, "south", nil)
		s.ok(err)
		s.equal("count", n, int64(2))
	}},
	{"a name that begins alike is another association", func(s *suite) {
		c := s.with(newThing("a"), thing{Association: "northern", ID: "a"}, thing{Association: "nort", ID: "ha"})
		s.equal("north", s.ids(c, withDefaults(store.Query{})), "a")
	}},
	{"the empty name is an association too", func(s *suite) {
		c := s.with(thing{ID: "a", Text: "mine"}, newThing("a"))
		s.equal("text", s.get(c, "", "a").Value.Text, "mine")
	}},
	{"an id may contain any character", func(s *suite) {
		c := s.things()
		for _, id := range []string{"a/b", "a b", "å", "$x", "a.b", "'", "\"", "%", "a\\b", "north/a"} {
			s.ok(s.insert(c, newThing(id)))
			s.equal("id", s.get(c, "north", id).Value.ID, id)
		}
	}},
}

// refuseCases are mistakes of a programmer. Every engine refuses them, with an error
// that is no answer of the contract.
func refuseCases() []testCase {
	find := func(q store.Query) func(*suite) error {
		return func(s *suite) error {
			s.things()
			_, err := s.engine.Find(s.ctx, s.name, withDefaults(q))
			return err
		}
	}
	insert := func(r store.Record) func(*suite) error {
		return func(s *suite) error { s.things(); return s.engine.Insert(s.ctx, s.name, r) }
	}
	prepare := func(spec store.Spec) func(*suite) error {
		return func(s *suite) error { spec.Name = s.name; return s.engine.Prepare(s.ctx, spec) }
	}
	keyed := func(key string, v any) store.Record {
		r := record("a", 1)
		r.Keys = store.Keys{key: v}
		return r
	}
	broken := []struct {
		name string
		do   func(s *suite) error
	}{
		{"a collection that was never prepared", func(s *suite) error { return s.engine.Insert(s.ctx, "nowhere", record("a", 1)) }},
		{"a collection name that some engine cannot use", func(s *suite) error { return s.engine.Prepare(s.ctx, store.Spec{Name: "no$ \"name"}) }},
		{"an index over a key that is not declared", prepare(store.Spec{Indexes: []store.Index{{"x"}}})},
		{"a key that is named as the id", prepare(store.Spec{Keys: []string{"id"}, Indexes: []store.Index{{"id"}}})},
		{"an order of ids", find(store.Query{Where: where("id", store.Lt, "x")})},
		{"what is unpublished of a collection that publishes nothing", func(s *suite) error {
			s.ok(s.engine.Prepare(s.ctx, store.Spec{Name: s.name}))
			if err := s.engine.MarkPublished(s.ctx, s.name, nil); err == nil {
				return nil
			}
			_, err := s.engine.Unpublished(s.ctx, s.name, 1)
			return err
		}},
		{"a document without an id", insert(record("", 1))},
		{"a document without a version", insert(record("a", 0))},
		{"a version that does not grow", func(s *suite) error { s.with(newThing("a")); return s.engine.Replace(s.ctx, s.name, record("a", 1), 1) }},
		{"a key that is not declared", insert(keyed("other", "x"))},
		{"a key's value of a type that no engine can order", insert(keyed("rank", 1.5))},
		{"a condition on a key that is not declared", find(store.Query{Where: where("other", store.Eq, "x")})},
		{"a comparison that does not exist", find(store.Query{Where: where("unit", "like", "x")})},
		{"a condition without a value", find(store.Query{Where: where("unit", store.Eq, nil)})},
		{"a list that is not one", find(store.Query{Where: where("unit", store.In, "x")})},
		{"a sort by a key that is not declared", find(store.Query{Sort: []store.Order{{Key: "other"}}})},
		{"a sort by three keys", find(store.Query{Sort: []store.Order{{Key: "unit"}, {Key: "rank"}, {Key: "open"}}})},
		{"a cursor of another order", find(store.Query{After: store.Cursor{ID: "a", Values: []any{"x"}}})},
		{"a page without a limit", func(s *suite) error {
			s.things()
			_, err := s.engine.Find(s.ctx, s.name, store.Query{Association: "north"})
			return err
		}},
		{"a page beyond the bound", find(store.Query{Limit: 5000})},
		{"a count by a key that is not declared", func(s *suite) error {
			s.things()
			_, err := s.engine.Count(s.ctx, s.name, "north", nil, []string{"other"})
			return err
		}},
		{"an association with the separator of association and id", func(s *suite) error {
			_, err := s.things().Insert(s.ctx, &thing{Association: "a/b", ID: "c"})
			return err
		}},
	}
	var cases []testCase
	for _, b := range broken {
		cases = append(cases, testCase{b.name, func(s *suite) {
			err := b.do(s)
			for _, answer := range []error{nil, store.ErrNotFound, store.ErrStale, store.ErrExists, store.ErrTaken} {
				if errors.Is(err, answer) {
					s.Fatalf("answered %v", err)
				}
			}
		}})
	}
	return cases
}

// contextCases call with a context that has ended.
func contextCases() []testCase {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	return []testCase{
		{"a write of a caller that has gone is not written", func(s *suite) {
			c := s.things()
			_, err := c.Insert(ended, new(newThing("a")))
			s.is(err, context.Canceled)
			s.missing(c, "a")
		}},
		{"a read of a caller that has gone is not answered", func(s *suite) {
			c := s.with(newThing("a"))
			_, err := c.Get(ended, "north", "a")
			s.is(err, context.Canceled)
			_, err = c.Find(ended, withDefaults(store.Query{}))
			s.is(err, context.Canceled)
			_, err = c.Count(ended, "north", nil)
			s.is(err, context.Canceled)
			_, err = c.Unpublished(ended, 1)
			s.is(err, context.Canceled)
			s.is(s.engine.Ping(ended), context.Canceled)
		}},
		{"a change of a caller that has gone changes nothing", func(s *suite) {
			c := s.with(newThing("a"))
			v := s.get(c, "north", "a")
			_, err := c.Replace(ended, v)
			s.is(err, context.Canceled)
			s.is(c.Delete(ended, "north", "a", 1), context.Canceled)
			s.is(c.MarkPublished(ended, []store.PublishedMark{{Association: "north", ID: "a", Published: 1}}), context.Canceled)
			s.equal("version", s.get(c, "north", "a").Version, int64(1))
			s.equal("unpublished", s.unpublished(c, 10), "a@0/1")
		}},
		{"a deadline in the past has ended", func(s *suite) {
			late, cancel := context.WithDeadline(s.ctx, time.Now().Add(-time.Second))
			defer cancel()
			_, err := s.things().Insert(late, new(newThing("a")))
			s.is(err, context.DeadlineExceeded)
		}},
		{"the next caller is served", func(s *suite) {
			c := s.things()
			for range 20 {
				_, err := c.Insert(ended, new(newThing("a")))
				s.is(err, context.Canceled)
			}
			s.ok(s.insert(c, newThing("a")))
		}},
	}
}
