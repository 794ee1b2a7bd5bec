package storetest

import (
	"math/rand/v2"
	"slices"

	"github.com/finsam/finsam/pkg/store"
)

func where(key string, op store.Op, v any) []store.Cond {
	return []store.Cond{{Key: key, Op: op, Value: v}}
}

func by(key string, desc bool) store.Order { return store.Order{Key: key, Desc: desc} }

type namedQuery struct {
	name string
	q    store.Query
}

// queries are asked of the library; the model knows the answers.
func queries() []namedQuery {
	return []namedQuery{
		{"everything by id", store.Query{}},
		{"text that equals", store.Query{Where: where("unit", store.Eq, "unit1")}},
		{"a number that equals", store.Query{Where: where("rank", store.Eq, int64(2))}},
		{"a negative number", store.Query{Where: where("rank", store.Eq, int64(-1))}},
		{"zero, which is not absent", store.Query{Where: where("rank", store.Eq, int64(0))}},
		{"true", store.Query{Where: where("open", store.Eq, true)}},
		{"false, which is not absent", store.Query{Where: where("open", store.Eq, false)}},
		{"a value that nobody has", store.Query{Where: where("unit", store.Eq, "unit9")}},
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
		{"sorted by a number, absent last", store.Query{Sort: []store.Order{by("rank", false)}}},
		{"sorted by a number downwards, absent first", store.Query{Sort: []store.Order{by("rank", true)}}},
		{"sorted by text", store.Query{Sort: []store.Order{by("unit", false)}}},
		{"sorted by text downwards", store.Query{Sort: []store.Order{by("unit", true)}}},
		{"sorted by bool", store.Query{Sort: []store.Order{by("open", false)}}},
		{"sorted by bool downwards", store.Query{Sort: []store.Order{by("open", true)}}},
		{"sorted by two keys", store.Query{Sort: []store.Order{by("unit", false), by("rank", false)}}},
		{"sorted by two keys downwards", store.Query{Sort: []store.Order{by("unit", true), by("rank", true)}}},
		{"sorted up, then down", store.Query{Sort: []store.Order{by("unit", false), by("rank", true)}}},
		{"sorted down, then up", store.Query{Sort: []store.Order{by("unit", true), by("rank", false)}}},
		{"filtered and sorted by the same key", store.Query{Where: where("rank", store.Gte, int64(0)), Sort: []store.Order{by("rank", true)}}},
		{"filtered by one key and sorted by another", store.Query{Where: where("unit", store.Eq, "unit1"), Sort: []store.Order{by("rank", true)}}},
		{"filtered by a list and sorted by two keys", store.Query{Where: where("unit", store.In, []any{"unit0", "unit1"}), Sort: []store.Order{by("open", true), by("rank", false)}}},
		{"of another association", store.Query{Association: "south", Sort: []store.Order{by("rank", false)}}},
		{"of an association that nobody has", store.Query{Association: "west"}},
	}
}

// whole fills in what the queries leave out.
func whole(q store.Query) store.Query {
	if q.Association == "" {
		q.Association = "north"
	}
	if q.Limit == 0 {
		q.Limit = 1000
	}
	return q
}

func findCases() []testCase {
	var cases []testCase
	for _, n := range queries() {
		cases = append(cases, testCase{n.name, func(s *suite) { s.asks(s.library(), whole(n.q)) }})
	}
	return append(cases,
		testCase{"as many as the limit", func(s *suite) { s.asks(s.library(), whole(store.Query{Limit: 3})) }},
		testCase{"behind some that are skipped", func(s *suite) {
			s.asks(s.library(), whole(store.Query{Skip: 5, Limit: 3, Sort: []store.Order{by("rank", true)}}))
		}},
		testCase{"nothing when all are skipped", func(s *suite) { s.asks(s.library(), whole(store.Query{Skip: 500})) }},
		testCase{"whatever is asked at random", func(s *suite) {
			c, r := s.library(), rand.New(rand.NewPCG(1, 2))
			for range 150 {
				s.asks(c, whole(randomQuery(r)))
			}
		}},
		testCase{"a value of a named type", func(s *suite) {
			n, err := s.library().Count(s.ctx, "north", where("unit", store.Eq, state("unit1")))
			s.ok(err)
			s.equal("found", n, int64(len(library().find(whole(store.Query{Where: where("unit", store.Eq, "unit1")})))))
		}},
		testCase{"numbers beyond what a double holds", func(s *suite) {
			const big = int64(1) << 53
			c := s.with(thing{Association: "north", ID: "a", Rank: ptr(big)}, thing{Association: "north", ID: "b", Rank: ptr(big + 1)})
			s.equal("found", s.count(c, "rank", big+1), int64(1))
		}},
		testCase{"ids in the order of their bytes", func(s *suite) {
			c := s.with(one("b"), one("B"), one("ö"), one("a-1"), one("a"), one("10"), one("9"))
			s.equal("order", s.ids(c, whole(store.Query{})), "10 9 B a a-1 b ö")
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

// asks compares the engine's answer with the model's.
func (s *suite) asks(c *store.Collection[thing], q store.Query) {
	s.Helper()
	s.equal("ids", s.ids(c, q), join(library().find(q)))
}

func (s *suite) ids(c *store.Collection[thing], q store.Query) string {
	s.Helper()
	page, err := c.Find(s.ctx, q)
	s.ok(err)
	var ids []string
	for _, v := range page.Items {
		ids = append(ids, v.Value.ID)
	}
	return join(ids)
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
		q.Sort = append(q.Sort, by(keys[(i+r.IntN(2))%3], r.IntN(2) == 0))
	}
	if len(q.Sort) == 2 && q.Sort[0].Key == q.Sort[1].Key {
		q.Sort = q.Sort[:1]
	}
	return q
}
