package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/store"
)

func where(key string, op store.Op, v any) []store.Cond {
	return []store.Cond{{Key: key, Op: op, Value: v}}
}

type namedQuery struct {
	name string
	q    store.Query
}

// queries are asked of the library; the model has the answers.
var queries = []namedQuery{
	{"everything by id", store.Query{}},
	{"text that equals", store.Query{Where: where("unit", store.Eq, "unit1")}},
	{"a number that equals", store.Query{Where: where("rank", store.Eq, int64(2))}},
	{"a negative number", store.Query{Where: where("rank", store.Eq, int64(-1))}},
	{"zero, which is not absent", store.Query{Where: where("rank", store.Eq, int64(0))}},
	{"true", store.Query{Where: where("open", store.Eq, true)}},
	{"false, which is not absent", store.Query{Where: where("open", store.Eq, false)}},
	{"a value that no document has", store.Query{Where: where("unit", store.Eq, "unit9")}},
	{"a value of another case", store.Query{Where: where("unit", store.Eq, "UNIT1")}},
	{"the beginning of a value", store.Query{Where: where("unit", store.Eq, "unit")}},
	{"below a number", store.Query{Where: where("rank", store.Lt, int64(1))}},
	{"up to a number", store.Query{Where: where("rank", store.Lte, int64(1))}},
	{"above a number", store.Query{Where: where("rank", store.Gt, int64(0))}},
	{"from a number on", store.Query{Where: where("rank", store.Gte, int64(0))}},
	{"below a text", store.Query{Where: where("unit", store.Lt, "unit1")}},
	{"from a text on", store.Query{Where: where("unit", store.Gte, "unit1")}},
	{"above false", store.Query{Where: where("open", store.Gt, false)}},
	{"between two numbers", store.Query{Where: append(where("rank", store.Gte, int64(0)), where("rank", store.Lt, int64(2))...)}},
	{"one of a list", store.Query{Where: where("unit", store.In, []any{"unit0", "unit2", "unit9"})}},
	{"one of a list of one", store.Query{Where: where("rank", store.In, []any{int64(2)})}},
	{"one of a list of three numbers", store.Query{Where: where("rank", store.In, []any{int64(2), int64(0), int64(-1)})}},
	{"one of an empty list", store.Query{Where: where("unit", store.In, []any{})}},
	{"several conditions", store.Query{Where: slices.Concat(where("unit", store.Eq, "unit1"), where("open", store.Eq, true), where("rank", store.Gt, int64(0)))}},
	{"conditions that exclude each other", store.Query{Where: append(where("rank", store.Gt, int64(1)), where("rank", store.Lt, int64(1))...)}},
	{"sorted by a number, absent last", store.Query{Sort: []store.Order{{Key: "rank"}}}},
	{"sorted by a number downwards, absent first", store.Query{Sort: []store.Order{{Key: "rank", Desc: true}}}},
	{"sorted by text", store.Query{Sort: []store.Order{{Key: "unit"}}}},
	{"sorted by text downwards", store.Query{Sort: []store.Order{{Key: "unit", Desc: true}}}},
	{"sorted by bool", store.Query{Sort: []store.Order{{Key: "open"}}}},
	{"sorted by bool downwards", store.Query{Sort: []store.Order{{Key: "open", Desc: true}}}},
	{"sorted by two keys", store.Query{Sort: []store.Order{{Key: "unit"}, {Key: "rank"}}}},
	{"sorted by two keys downwards", store.Query{Sort: []store.Order{{Key: "unit", Desc: true}, {Key: "rank", Desc: true}}}},
	{"sorted up, then down", store.Query{Sort: []store.Order{{Key: "unit"}, {Key: "rank", Desc: true}}}},
	{"sorted down, then up", store.Query{Sort: []store.Order{{Key: "unit", Desc: true}, {Key: "rank"}}}},
	{"filtered and sorted by the same key", store.Query{Where: where("rank", store.Gte, int64(0)), Sort: []store.Order{{Key: "rank", Desc: true}}}},
	{"filtered by one key and sorted by another", store.Query{Where: where("unit", store.Eq, "unit1"), Sort: []store.Order{{Key: "rank", Desc: true}}}},
	{"filtered by a list and sorted by two keys", store.Query{Where: where("unit", store.In, []any{"unit0", "unit1"}), Sort: []store.Order{{Key: "open", Desc: true}, {Key: "rank"}}}},
	{"of another association", store.Query{Association: "south", Sort: []store.Order{{Key: "rank"}}}},
	{"of an association that does not exist", store.Query{Association: "west"}},
}

// withDefaults fills in what the queries leave out.
func withDefaults(q store.Query) store.Query {
	q.Association = cmp.Or(q.Association, "north")
	q.Limit = cmp.Or(q.Limit, 1000)
	return q
}

func findCases() []testCase {
	var cases []testCase
	for _, n := range queries {
		cases = append(cases, testCase{n.name, func(s *suite) { s.compare(s.library(), withDefaults(n.q)) }})
	}
	return append(cases,
		testCase{"as many as the limit", func(s *suite) { s.compare(s.library(), withDefaults(store.Query{Limit: 3})) }},
		testCase{"behind some skipped documents", func(s *suite) {
			s.compare(s.library(), withDefaults(store.Query{Skip: 5, Limit: 3, Sort: []store.Order{{Key: "rank", Desc: true}}}))
		}},
		testCase{"nothing when all are skipped", func(s *suite) { s.compare(s.library(), withDefaults(store.Query{Skip: 500})) }},
		testCase{"random queries", func(s *suite) {
			c, r := s.library(), rand.New(rand.NewPCG(1, 2))
			for range 150 {
				s.compare(c, withDefaults(randomQuery(r)))
			}
		}},
		testCase{"a value of a named type", func(s *suite) {
			n, err := s.library().Count(s.ctx, "north", where("unit", store.Eq, state("unit1")))
			s.ok(err)
			s.equal("found", n, int64(len(library().find(withDefaults(store.Query{Where: where("unit", store.Eq, "unit1")})))))
		}},
		testCase{"numbers beyond what a double holds", func(s *suite) {
			const big = int64(1) << 53
			c := s.with(thing{Association: "north", ID: "a", Rank: new(big)}, thing{Association: "north", ID: "b", Rank: new(big + 1)})
			s.equal("found", s.count(c, "rank", big+1), int64(1))
		}},
		testCase{"documents by their ids", func(s *suite) {
			c := s.with(newThing("b"), newThing("a/1"), newThing("c"), south("a/1"))
			s.equal("two", s.ids(c, withDefaults(store.Query{Where: []store.Cond{store.IsAmong(store.ID, []string{"c", "a/1", "nobody"})}})), "a/1 c")
			s.equal("one", s.ids(c, withDefaults(store.Query{Where: where(store.ID, store.Eq, "b")})), "b")
			s.equal("none", s.ids(c, withDefaults(store.Query{Where: []store.Cond{store.IsAmong(store.ID, []string{})}})), "")
			s.equal("counted", s.count(c, store.ID, "a/1"), int64(1))
		}},
		testCase{"ids in the order of their bytes", func(s *suite) {
			c := s.with(newThing("b"), newThing("B"), newThing("ö"), newThing("a-1"), newThing("a"), newThing("10"), newThing("9"))
			s.equal("order", s.ids(c, withDefaults(store.Query{})), "10 9 B a a-1 b ö")
		}},
	)
}

// library opens the collection that holds the model's documents.
func (s *suite) library() *store.Collection[thing] {
	s.Helper()
	if s.shelf.things == nil {
		c := *s
		c.name = "library"
		s.shelf.things = c.with(library()...)
	}
	return s.shelf.things
}

// compare compares the engine's answer with the model's.
func (s *suite) compare(c *store.Collection[thing], q store.Query) {
	s.Helper()
	s.equal("ids", s.ids(c, q), strings.Join(library().find(q), " "))
}

func (s *suite) ids(c *store.Collection[thing], q store.Query) string {
	s.Helper()
	page, err := c.Find(s.ctx, q)
	s.ok(err)
	var ids []string
	for _, v := range page.Items {
		ids = append(ids, v.Value.ID)
	}
	return strings.Join(ids, " ")
}

func randomQuery(r *rand.Rand) store.Query {
	values := map[string][]any{"unit": {"unit0", "unit1", "unit2"}, "rank": {int64(-1), int64(0), int64(1), int64(2)}, "open": {false, true}}
	keys := []string{"unit", "rank", "open"}
	ops := []store.Op{store.Eq, store.Lt, store.Lte, store.Gt, store.Gte}
	q := store.Query{Limit: 1 + r.IntN(12), Skip: r.IntN(3)}
	for range r.IntN(3) {
		key := keys[r.IntN(3)]
		q.Where = append(q.Where, store.Cond{Key: key, Op: ops[r.IntN(len(ops))], Value: values[key][r.IntN(len(values[key]))]})
	}
	for i := range r.IntN(3) {
		q.Sort = append(q.Sort, store.Order{Key: keys[(i+r.IntN(2))%3], Desc: r.IntN(2) == 0})
	}
	if len(q.Sort) == 2 && q.Sort[0].Key == q.Sort[1].Key {
		q.Sort = q.Sort[:1]
	}
	return q
}

// pageCases read each query of find page by page, with the cursor as text between, as
// a client has it, and compare with the model's whole answer.
func pageCases() []testCase {
	var cases []testCase
	for _, n := range queries {
		cases = append(cases, testCase{n.name, func(s *suite) {
			c, q := s.library(), withDefaults(n.q)
			for _, size := range []int{2, 7} {
				s.equal(fmt.Sprint("pages of ", size), s.walk(c, q, size), strings.Join(library().find(q), " "))
			}
		}})
	}
	return append(cases,
		testCase{"the last page has no cursor", func(s *suite) {
			page, err := s.with(newThing("a"), newThing("b")).Find(s.ctx, withDefaults(store.Query{Limit: 2}))
			s.ok(err)
			s.equal("cursor", page.Next.String(), "")
		}},
		testCase{"a page may be as large as the bound", func(s *suite) {
			page, err := s.with(newThing("a"), newThing("b")).Find(s.ctx, withDefaults(store.Query{Limit: 1000}))
			s.ok(err)
			s.equal("items", len(page.Items), 2)
		}},
		testCase{"a document added behind the cursor is seen, one before is not", func(s *suite) {
			c := s.with(newThing("b"), newThing("d"), newThing("f"))
			page, err := c.Find(s.ctx, withDefaults(store.Query{Limit: 2}))
			s.ok(err)
			for _, id := range []string{"a", "e"} {
				s.ok(s.insert(c, newThing(id)))
			}
			s.equal("rest", s.ids(c, withDefaults(store.Query{After: page.Next})), "e f")
		}},
		testCase{"a list by page has its total, and one from the beginning or by cursor has none", func(s *suite) {
			c := s.with(newThing("a"), newThing("b"), newThing("c"))
			q := store.Query{Association: "north", Sort: []store.Order{{Key: "rank", Desc: true}}}
			page, total, err := c.List(s.ctx, q, store.Window{Limit: 2, Page: 1})
			s.ok(err)
			s.equal("items", len(page.Items), 2)
			s.equal("total", *total, store.Total{Records: 3})
			cursor := page.Next.String()
			rest, none, err := c.List(s.ctx, q, store.Window{Limit: 2, Cursor: cursor})
			s.ok(err)
			s.equal("rest", len(rest.Items), 1)
			s.equal("has a total", none != nil, false)
			page, none, err = c.List(s.ctx, q, store.Window{Limit: 2})
			s.ok(err)
			s.equal("from the beginning", len(page.Items), 2)
			s.equal("has a total", none != nil, false)
			_, total, err = c.List(s.ctx, q, store.Window{Limit: 3, Page: 1})
			s.ok(err)
			s.equal("total of the only page", *total, store.Total{Records: 3})
			page, total, err = c.List(s.ctx, q, store.Window{Limit: 2, Page: 3})
			s.ok(err)
			s.equal("behind the end", len(page.Items), 0)
			s.equal("total", *total, store.Total{Records: 3})
			_, _, err = c.List(s.ctx, q, store.Window{Limit: 2, Cursor: "x"})
			s.is(err, store.ErrCursor)
			_, _, err = c.List(s.ctx, q, store.Window{Limit: 2, Page: 2, Cursor: cursor})
			s.is(err, store.ErrCursorWithPage)
		}},
		testCase{"the document at the cursor may be gone", func(s *suite) {
			c := s.with(newThing("a"), newThing("b"), newThing("c"))
			page, err := c.Find(s.ctx, withDefaults(store.Query{Limit: 2}))
			s.ok(err)
			s.ok(c.Delete(s.ctx, "north", "b", 1))
			s.equal("rest", s.ids(c, withDefaults(store.Query{After: page.Next})), "c")
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
			return strings.Join(ids, " ")
		}
		q.After, err = store.ParseCursor(text, len(q.Sort))
		s.ok(err)
	}
	s.Fatal("the list does not end")
	return ""
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
		s.equal("total", total, store.Total{Records: int64(len(library().find(withDefaults(store.Query{Where: where("rank", store.Gte, int64(1))}))))})
		n, err := s.engine.CountUpTo(s.ctx, "library", "nowhere", nil, 5)
		s.ok(err)
		s.equal("of another association", n, int64(0))
		if _, err := s.engine.CountUpTo(s.ctx, "library", "north", nil, 0); err == nil {
			s.Error("a count up to nothing was accepted")
		}
	}},
	{"all", func(s *suite) {
		n, err := s.library().Count(s.ctx, "north", nil)
		s.ok(err)
		s.equal("count", n, int64(30))
	}},
	{"those that match", func(s *suite) {
		n, err := s.library().Count(s.ctx, "north", where("rank", store.Gte, int64(1)))
		s.ok(err)
		s.equal("count", n, int64(len(library().find(withDefaults(store.Query{Where: where("rank", store.Gte, int64(1))})))))
	}},
}

// groupCases count documents by keys.
func groupCases() []testCase {
	ranked := func(id string, unit any, rank int64, open any) thing {
		v := newThing(id)
		if u, ok := unit.(string); ok {
			v.Unit = &u
		}
		if rank != 0 {
			v.Rank = &rank
		}
		if o, ok := open.(bool); ok {
			v.Open = &o
		}
		return v
	}
	var cases []testCase
	for _, g := range []struct {
		name   string
		stored []thing
		where  []store.Cond
		by     []string
		want   string
	}{
		{"without documents there is a group of zero", nil, nil, nil, "{}:0"},
		{"an empty list matches nothing", library(), where("unit", store.In, []any{}), nil, "{}:0"},
		{"by text", []thing{ranked("a", "u", 0, nil), ranked("b", "u", 0, nil), ranked("c", "v", 0, nil)}, nil, []string{"unit"}, "{unit=u(string)}:2 {unit=v(string)}:1"},
		{"by number", []thing{ranked("a", nil, 1, nil), ranked("b", nil, 1<<60, nil), ranked("c", nil, 1, nil)}, nil, []string{"rank"}, "{rank=1(int64)}:2 {rank=1152921504606846976(int64)}:1"},
		{"by bool", []thing{ranked("a", nil, 0, true), ranked("b", nil, 0, false), ranked("c", nil, 0, true)}, nil, []string{"open"}, "{open=false(bool)}:1 {open=true(bool)}:2"},
		{"those without the key are a group without it", []thing{ranked("a", "u", 0, nil), newThing("b"), newThing("c")}, nil, []string{"unit"}, "{unit=u(string)}:1 {}:2"},
		{
			"by two keys", []thing{ranked("a", "u", 1, nil), ranked("b", "u", 2, nil), ranked("c", "u", 2, nil), ranked("d", nil, 2, nil)}, nil,
			[]string{"unit", "rank"}, "{rank=1(int64),unit=u(string)}:1 {rank=2(int64),unit=u(string)}:2 {rank=2(int64)}:1",
		},
		{"by a key among those that match", []thing{ranked("a", "u", 1, nil), ranked("b", "v", 2, nil), ranked("c", "v", 1, nil)}, where("rank", store.Eq, int64(1)), []string{"unit"}, "{unit=u(string)}:1 {unit=v(string)}:1"},
		{"by a key when nothing matches there is no group", library(), where("rank", store.Eq, int64(99)), []string{"unit"}, ""},
	} {
		cases = append(cases, testCase{g.name, func(s *suite) {
			s.with(g.stored...)
			groups, err := s.engine.Count(s.ctx, s.name, "north", g.where, g.by)
			s.ok(err)
			var all []string
			for _, group := range groups {
				var parts []string
				for i, key := range g.by {
					if v := group.Values[i]; v != nil {
						parts = append(parts, fmt.Sprintf("%s=%v(%T)", key, v, v))
					}
				}
				slices.Sort(parts)
				all = append(all, fmt.Sprintf("{%s}:%d", strings.Join(parts, ","), group.Count))
			}
			slices.Sort(all)
			s.equal("groups", strings.Join(all, " "), g.want)
		}})
	}
	return cases
}

// model answers queries over documents in memory, in the plainest way.
type model []thing

// library returns the documents of the cases of find, page and count: with equal values
// for every order, absent keys, and the same ids in another association.
func library() model {
	var m model
	for i := range 30 {
		v := thing{Association: "north", ID: fmt.Sprintf("n%02d", (i*7)%30), Count: int64(i)}
		if i%5 != 0 {
			v.Unit = new(fmt.Sprintf("unit%d", i%3))
		}
		if i%7 != 0 {
			v.Rank = new(int64(i%4) - 1)
		}
		if i%3 != 0 {
			v.Open = new(i%2 == 0)
		}
		m = append(m, v)
	}
	for i := range 6 {
		m = append(m, thing{Association: "south", ID: fmt.Sprintf("n%02d", i), Unit: new("unit1"), Rank: new(int64(1)), Open: new(true)})
	}
	return m
}

// find returns the ids that a query must return.
func (m model) find(q store.Query) []string {
	var hits []thing
	for _, v := range m {
		if v.Association == q.Association && matches(thingKeys(&v), q.Where) {
			hits = append(hits, v)
		}
	}
	slices.SortFunc(hits, func(a, b thing) int {
		ka, kb, direction := thingKeys(&a), thingKeys(&b), 1
		for _, o := range q.Sort {
			direction = 1
			if o.Desc {
				direction = -1
			}
			if c := compareKeys(ka[o.Key], kb[o.Key]); c != 0 {
				return direction * c
			}
		}
		return direction * cmp.Compare(a.ID, b.ID)
	})
	ids := make([]string, 0, len(hits))
	for _, v := range hits {
		ids = append(ids, v.ID)
	}
	ids = ids[min(q.Skip, len(ids)):]
	return ids[:min(q.Limit, len(ids))]
}

// compareKeys orders the values of one key, an absent one last.
func compareKeys(a, b any) int {
	switch {
	case a == b:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	switch x := a.(type) {
	case int64:
		return cmp.Compare(x, b.(int64))
	default: // a text, or "false" and "true"
		return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
	}
}

func matches(keys store.Keys, where []store.Cond) bool {
	for _, c := range where {
		v, ok := keys[c.Key]
		if !ok {
			return false
		}
		if list, isList := c.Value.([]any); isList {
			ok = slices.Contains(list, v)
		} else {
			d := compareKeys(v, c.Value)
			ok = map[store.Op]bool{store.Eq: d == 0, store.Lt: d < 0, store.Lte: d <= 0, store.Gt: d > 0, store.Gte: d >= 0}[c.Op]
		}
		if !ok {
			return false
		}
	}
	return true
}
