package storetest

import (
	"fmt"

	"github.com/finsam/finsam/pkg/store"
)

func (s *suite) unsettled(c *store.Collection[thing], limit int) string {
	s.Helper()
	found, err := c.Unpublished(s.ctx, limit)
	s.ok(err)
	var all []string
	for _, v := range found {
		all = append(all, fmt.Sprintf("%s@%d/%d", v.Value.ID, v.Published, v.Version))
	}
	return join(all)
}

func (s *suite) settle(c *store.Collection[thing], id string, version int64) {
	s.Helper()
	s.ok(c.MarkPublished(s.ctx, []store.PublishedMark{{Association: "north", ID: id, Published: version}}))
}

func (s *suite) touch(c *store.Collection[thing], id string) {
	s.Helper()
	_, err := c.Update(s.ctx, "north", id, 0, func(v *thing) error { v.Count++; return nil })
	s.ok(err)
}

var settleCases = []testCase{
	{"a new document is not settled", func(s *suite) { s.equal("unsettled", s.unsettled(s.with(one("a")), 10), "a@0/1") }},
	{"a settled document is not given", func(s *suite) {
		c := s.with(one("a"), one("b"))
		s.settle(c, "a", 1)
		s.equal("unsettled", s.unsettled(c, 10), "b@0/1")
		s.equal("settled", s.get(c, "north", "a").Published, int64(1))
	}},
	{"it is given again when it is written again", func(s *suite) {
		c := s.with(one("a"))
		s.settle(c, "a", 1)
		s.touch(c, "a")
		s.equal("unsettled", s.unsettled(c, 10), "a@1/2")
	}},
	{"replace leaves the settled number", func(s *suite) {
		c := s.with(one("a"))
		s.settle(c, "a", 1)
		s.touch(c, "a")
		s.touch(c, "a")
		s.equal("settled", s.get(c, "north", "a").Published, int64(1))
	}},
	{"settling a version that is no longer the latest leaves the rest to tell", func(s *suite) {
		c := s.with(one("a"))
		s.touch(c, "a")
		s.settle(c, "a", 1)
		s.equal("unsettled", s.unsettled(c, 10), "a@1/2")
	}},
	{"settling never lowers", func(s *suite) {
		c := s.with(one("a"))
		s.touch(c, "a")
		s.settle(c, "a", 2)
		s.settle(c, "a", 1)
		s.equal("settled", s.get(c, "north", "a").Published, int64(2))
		s.equal("unsettled", s.unsettled(c, 10), "")
	}},
	{"settling twice is settling once", func(s *suite) {
		c := s.with(one("a"))
		s.settle(c, "a", 1)
		s.settle(c, "a", 1)
		s.equal("unsettled", s.unsettled(c, 10), "")
	}},
	{"settling changes no version and no document", func(s *suite) {
		c := s.with(thing{Association: "north", ID: "a", Text: "x", Rank: ptr(int64(4))})
		v := s.get(c, "north", "a")
		s.settle(c, "a", 1)
		s.equal("text", s.get(c, "north", "a").Value.Text, "x")
		s.equal("by key", s.count(c, "rank", int64(4)), int64(1))
		_, err := c.Replace(s.ctx, v)
		s.ok(err)
	}},
	{"settling ahead of the version settles what is to come", func(s *suite) {
		c := s.with(one("a"))
		s.settle(c, "a", 3)
		s.touch(c, "a")
		s.touch(c, "a")
		s.equal("unsettled", s.unsettled(c, 10), "")
		s.touch(c, "a")
		s.equal("unsettled after", s.unsettled(c, 10), "a@3/4")
	}},
	{"settling a missing document does nothing", func(s *suite) {
		c := s.with(one("a"))
		s.settle(c, "nobody", 1)
		s.equal("unsettled", s.unsettled(c, 10), "a@0/1")
	}},
	{"settling nothing does nothing", func(s *suite) { s.ok(s.things().MarkPublished(s.ctx, nil)) }},
	{"settling many at once", func(s *suite) {
		c := s.with(one("a"), one("b"), one("c"))
		s.ok(c.MarkPublished(s.ctx, []store.PublishedMark{{Association: "north", ID: "a", Published: 1}, {Association: "north", ID: "nobody", Published: 1}, {Association: "north", ID: "c", Published: 1}}))
		s.equal("unsettled", s.unsettled(c, 10), "b@0/1")
	}},
	{"given in the order of the latest write", func(s *suite) {
		c := s.with(one("c"), one("a"), one("b"))
		s.touch(c, "c")
		s.equal("unsettled", s.unsettled(c, 10), "a@0/1 b@0/1 c@0/2")
	}},
	{"given up to the limit", func(s *suite) {
		s.equal("unsettled", s.unsettled(s.with(one("c"), one("a"), one("b")), 2), "c@0/1 a@0/1")
	}},
	{"given for every association, with its name", func(s *suite) {
		s.with(one("a"), thing{Association: "south", ID: "a"})
		found, err := s.engine.Unpublished(s.ctx, s.name, 10)
		s.ok(err)
		s.equal("count", len(found), 2)
		s.equal("first", found[0].Association+" "+found[0].ID, "north a")
		s.equal("second", found[1].Association+" "+found[1].ID, "south a")
	}},
	{"of one association only where it is marked", func(s *suite) {
		c := s.with(one("a"), thing{Association: "south", ID: "a"})
		s.settle(c, "a", 1)
		s.equal("south", s.get(c, "south", "a").Published, int64(0))
	}},
	{"a deleted document is not given", func(s *suite) {
		c := s.with(one("a"))
		s.ok(c.Delete(s.ctx, "north", "a", 1))
		s.equal("unsettled", s.unsettled(c, 10), "")
	}},
}
