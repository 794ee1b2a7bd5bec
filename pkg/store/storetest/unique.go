package storetest

import (
	"errors"

	"github.com/finsam/finsam/pkg/store"
)

func coded(id, code string) thing { return thing{Association: "north", ID: id, Code: &code} }

func numbered(id, unit string, serial int64) thing {
	return thing{Association: "north", ID: id, Unit: &unit, Serial: &serial}
}

var uniqueCases = []testCase{
	{"a second document with the value is taken, and is not stored", func(s *suite) {
		c := s.with(coded("a", "x"))
		_, err := c.Insert(s.ctx, ptr(coded("b", "x")))
		s.is(err, store.ErrTaken)
		_, err = c.Get(s.ctx, "north", "b")
		s.is(err, store.ErrNotFound)
	}},
	{"the id goes before the value", func(s *suite) {
		_, err := s.with(coded("a", "x")).Insert(s.ctx, ptr(coded("a", "x")))
		s.is(err, store.ErrExists)
	}},
	{"any number of documents may lack the key", func(s *suite) { s.with(one("a"), one("b"), one("c")) }},
	{"any number may lack one of two keys", func(s *suite) {
		a, b := one("a"), one("b")
		a.Unit, b.Unit = ptr("u"), ptr("u")
		c, d := one("c"), one("d")
		c.Serial, d.Serial = ptr(int64(1)), ptr(int64(1))
		s.with(a, b, c, d)
	}},
	{"two keys are taken only together", func(s *suite) {
		c := s.with(numbered("a", "u", 1), numbered("b", "u", 2), numbered("c", "v", 1))
		_, err := c.Insert(s.ctx, ptr(numbered("d", "u", 2)))
		s.is(err, store.ErrTaken)
	}},
	{"values that only look alike when joined differ", func(s *suite) {
		s.with(numbered("a", "u", 11), numbered("b", "u/1", 1), numbered("c", "u|1", 1), numbered("d", "u\",1", 1))
	}},
	{"upper and lower case differ", func(s *suite) { s.with(coded("a", "x"), coded("b", "X")) }},
	{"the empty text is a value", func(s *suite) {
		_, err := s.with(coded("a", "")).Insert(s.ctx, ptr(coded("b", "")))
		s.is(err, store.ErrTaken)
	}},
	{"replace into a taken value is taken, and nothing changes", func(s *suite) {
		c := s.with(coded("a", "x"), coded("b", "y"))
		v := s.get(c, "north", "b")
		v.Value.Code = ptr("x")
		_, err := c.Replace(s.ctx, v)
		s.is(err, store.ErrTaken)
		v = s.get(c, "north", "b")
		s.equal("code", *v.Value.Code, "y")
		s.equal("version", v.Version, int64(1))
	}},
	{"replace with its own value is no conflict", func(s *suite) {
		c := s.with(coded("a", "x"))
		_, err := c.Replace(s.ctx, s.get(c, "north", "a"))
		s.ok(err)
	}},
	{"a value that was given up is free", func(s *suite) {
		c := s.with(coded("a", "x"))
		v := s.get(c, "north", "a")
		v.Value.Code = nil
		_, err := c.Replace(s.ctx, v)
		s.ok(err)
		_, err = c.Insert(s.ctx, ptr(coded("b", "x")))
		s.ok(err)
	}},
	{"a stale replace is stale even where its value is taken", func(s *suite) {
		c := s.with(coded("a", "x"), coded("b", "y"))
		v := s.get(c, "north", "b")
		_, err := c.Replace(s.ctx, v)
		s.ok(err)
		v.Value.Code = ptr("x")
		_, err = c.Replace(s.ctx, v)
		s.is(err, store.ErrStale)
	}},
}

var collectionCases = []testCase{
	{"update saves what the change made", func(s *suite) {
		c := s.with(one("a"))
		v, err := c.Update(s.ctx, "north", "a", 0, func(v *thing) error { v.Count = 3; return nil })
		s.ok(err)
		s.equal("version told", v.Version, int64(2))
		s.equal("count", s.get(c, "north", "a").Value.Count, int64(3))
	}},
	{"update at the expected version", func(s *suite) {
		_, err := s.with(one("a")).Update(s.ctx, "north", "a", 1, func(v *thing) error { v.Count++; return nil })
		s.ok(err)
	}},
	{"update at another version is stale and asks no change", func(s *suite) {
		_, err := s.with(one("a")).Update(s.ctx, "north", "a", 2, func(*thing) error { s.Error("was asked"); return nil })
		s.is(err, store.ErrStale)
	}},
	{"a refused change writes nothing", func(s *suite) {
		no := errors.New("no")
		c := s.with(one("a"))
		_, err := c.Update(s.ctx, "north", "a", 0, func(v *thing) error { v.Count++; return no })
		s.is(err, no)
		s.equal("version", s.get(c, "north", "a").Version, int64(1))
	}},
	{"an unchanged document keeps its version", func(s *suite) {
		c := s.with(one("a"))
		v, err := c.Update(s.ctx, "north", "a", 0, func(*thing) error { return store.Unchanged() })
		s.ok(err)
		s.equal("version told", v.Version, int64(1))
		s.equal("version", s.get(c, "north", "a").Version, int64(1))
	}},
	{"update of a missing document is not found", func(s *suite) {
		_, err := s.things().Update(s.ctx, "north", "a", 0, func(*thing) error { return nil })
		s.is(err, store.ErrNotFound)
	}},
	{"update starts over with what the faster writer wrote", func(s *suite) {
		c := s.with(one("a"))
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
		k := kind(s.name)
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
