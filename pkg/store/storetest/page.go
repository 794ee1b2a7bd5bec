package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/store"
)

func join(ids []string) string { return strings.Join(ids, " ") }

// pageCases walk each query of find page by page, the cursor going through its
// text as it does through a client, and compare with the answer in one piece.
func pageCases() []testCase {
	var cases []testCase
	for _, n := range queries() {
		cases = append(cases, testCase{n.name, func(s *suite) {
			c, q := s.library(), whole(n.q)
			for _, size := range []int{2, 7} {
				s.equal(fmt.Sprint("pages of ", size), s.walk(c, q, size), join(library().find(q)))
			}
		}})
	}
	return append(cases,
		testCase{"the last page has no cursor", func(s *suite) {
			page, err := s.with(one("a"), one("b")).Find(s.ctx, whole(store.Query{Limit: 2}))
			s.ok(err)
			s.equal("cursor", page.Next.String(), "")
		}},
		testCase{"a page may be as large as the bound", func(s *suite) {
			page, err := s.with(one("a"), one("b")).Find(s.ctx, whole(store.Query{Limit: 1000}))
			s.ok(err)
			s.equal("items", len(page.Items), 2)
		}},
		testCase{"a document added behind the cursor is seen, one before is not", func(s *suite) {
			c := s.with(one("b"), one("d"), one("f"))
			page, err := c.Find(s.ctx, whole(store.Query{Limit: 2}))
			s.ok(err)
			for _, id := range []string{"a", "e"} {
				_, err := c.Insert(s.ctx, ptr(one(id)))
				s.ok(err)
			}
			s.equal("rest", s.ids(c, whole(store.Query{After: page.Next})), "e f")
		}},
		testCase{"the document at the cursor may be gone", func(s *suite) {
			c := s.with(one("a"), one("b"), one("c"))
			page, err := c.Find(s.ctx, whole(store.Query{Limit: 2}))
			s.ok(err)
			s.ok(c.Delete(s.ctx, "north", "b", 1))
			s.equal("rest", s.ids(c, whole(store.Query{After: page.Next})), "c")
		}},
	)
}

// walk returns the ids of all pages.
func (s *suite) walk(c *store.Collection[thing], q store.Query, size int) string {
	s.Helper()
	q.Limit = size
	var ids []string
	for range 100 {
		page, err := c.Find(s.ctx, q)
		s.ok(err)
		for _, v := range page.Items {
			ids = append(ids, v.Value.ID)
		}
		text := page.Next.String()
		if text == "" {
			return join(ids)
		}
		q.After, err = store.ParseCursor(text, len(q.Sort))
		s.ok(err)
	}
	s.Fatal("the list does not end")
	return ""
}

// groups returns counts as one text, in order.
func (s *suite) groups(cond []store.Cond, by ...string) string {
	s.Helper()
	groups, err := s.engine.Count(s.ctx, s.name, "north", cond, by)
	s.ok(err)
	var all []string
	for _, g := range groups {
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(g.Keys)) {
			parts = append(parts, fmt.Sprintf("%s=%v(%T)", key, g.Keys[key], g.Keys[key]))
		}
		all = append(all, fmt.Sprintf("{%s}:%d", strings.Join(parts, ","), g.Count))
	}
	slices.Sort(all)
	return join(all)
}

func ranked(id string, unit *string, rank *int64, open *bool) thing {
	return thing{Association: "north", ID: id, Unit: unit, Rank: rank, Open: open}
}

var countCases = []testCase{
	{"up to a number and no further", func(s *suite) {
		c := s.library()
		for most, want := range map[int]int64{1: 1, 29: 29, 30: 30, 31: 30, 1000: 30} {
			n, err := s.engine.CountUpTo(s.ctx, "library", "north", nil, most)
			s.ok(err)
			s.equal(fmt.Sprintf("up to %d", most), n, want)
		}
		total, err := c.Total(s.ctx, "north", where("rank", store.Gte, int64(1)))
		s.ok(err)
		s.equal("total", total, store.Total{Records: int64(len(library().find(whole(store.Query{Where: where("rank", store.Gte, int64(1))}))))})
		n, err := s.engine.CountUpTo(s.ctx, "library", "nowhere", nil, 5)
		s.ok(err)
		s.equal("of another association", n, int64(0))
		if _, err := s.engine.CountUpTo(s.ctx, "library", "north", nil, 0); err == nil {
			s.Error("a count up to nothing was let through")
		}
	}},
	{"all", func(s *suite) {
		n, err := s.library().Count(s.ctx, "north", nil)
		s.ok(err)
		s.equal("count", n, int64(30))
	}},
	{"none is a group of zero", func(s *suite) {
		s.things()
		s.equal("groups", s.groups(nil), "{}:0")
	}},
	{"those that match", func(s *suite) {
		n, err := s.library().Count(s.ctx, "north", where("rank", store.Gte, int64(1)))
		s.ok(err)
		s.equal("count", n, int64(len(library().find(whole(store.Query{Where: where("rank", store.Gte, int64(1))})))))
	}},
	{"those of an empty list are none", func(s *suite) {
		s.with(library()...)
		s.equal("groups", s.groups(where("unit", store.In, []any{})), "{}:0")
	}},
	{"by text", func(s *suite) {
		s.with(ranked("a", ptr("u"), nil, nil), ranked("b", ptr("u"), nil, nil), ranked("c", ptr("v"), nil, nil))
		s.equal("groups", s.groups(nil, "unit"), "{unit=u(string)}:2 {unit=v(string)}:1")
	}},
	{"by number", func(s *suite) {
		s.with(ranked("a", nil, ptr(int64(1)), nil), ranked("b", nil, ptr(int64(1)<<60), nil), ranked("c", nil, ptr(int64(1)), nil))
		s.equal("groups", s.groups(nil, "rank"), "{rank=1(int64)}:2 {rank=1152921504606846976(int64)}:1")
	}},
	{"by bool", func(s *suite) {
		s.with(ranked("a", nil, nil, ptr(true)), ranked("b", nil, nil, ptr(false)), ranked("c", nil, nil, ptr(true)))
		s.equal("groups", s.groups(nil, "open"), "{open=false(bool)}:1 {open=true(bool)}:2")
	}},
	{"those without the key are a group without it", func(s *suite) {
		s.with(ranked("a", ptr("u"), nil, nil), one("b"), one("c"))
		s.equal("groups", s.groups(nil, "unit"), "{unit=u(string)}:1 {}:2")
	}},
	{"by two keys", func(s *suite) {
		s.with(ranked("a", ptr("u"), ptr(int64(1)), nil), ranked("b", ptr("u"), ptr(int64(2)), nil), ranked("c", ptr("u"), ptr(int64(2)), nil), ranked("d", nil, ptr(int64(2)), nil))
		s.equal("groups", s.groups(nil, "unit", "rank"), "{rank=1(int64),unit=u(string)}:1 {rank=2(int64),unit=u(string)}:2 {rank=2(int64)}:1")
	}},
	{"by a key among those that match", func(s *suite) {
		s.with(ranked("a", ptr("u"), ptr(int64(1)), nil), ranked("b", ptr("v"), ptr(int64(2)), nil), ranked("c", ptr("v"), ptr(int64(1)), nil))
		s.equal("groups", s.groups(where("rank", store.Eq, int64(1)), "unit"), "{unit=u(string)}:1 {unit=v(string)}:1")
	}},
	{"by a key when nothing matches gives no group", func(s *suite) {
		s.with(library()...)
		s.equal("groups", s.groups(where("rank", store.Eq, int64(99)), "unit"), "")
	}},
}
