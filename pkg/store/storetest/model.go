package storetest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/finsam/finsam/pkg/store"
)

// model answers queries over documents in memory, as plainly as can be: what an
// engine answers is compared with it.
type model []thing

// library is what the cases of find, page and count look through: ties of every
// sort, absent keys, and the same ids in another association.
func library() model {
	var m model
	for i := range 30 {
		v := thing{Association: "north", ID: fmt.Sprintf("n%02d", (i*7)%30), Count: int64(i)}
		if i%5 != 0 {
			v.Unit = ptr(fmt.Sprintf("unit%d", i%3))
		}
		if i%7 != 0 {
			v.Rank = ptr(int64(i%4) - 1)
		}
		if i%3 != 0 {
			v.Open = ptr(i%2 == 0)
		}
		m = append(m, v)
	}
	for i := range 6 {
		m = append(m, thing{Association: "south", ID: fmt.Sprintf("n%02d", i), Unit: ptr("unit1"), Rank: ptr(int64(1)), Open: ptr(true)})
	}
	return m
}

// find returns the ids that a query must give.
func (m model) find(q store.Query) []string {
	var hits []thing
	for _, v := range m {
		if v.Association == q.Association && matches(thingKeys(&v), q.Where) {
			hits = append(hits, v)
		}
	}
	slices.SortFunc(hits, func(a, b thing) int { return compareThings(q.Sort, &a, &b) })
	ids := make([]string, 0, len(hits))
	for _, v := range hits {
		ids = append(ids, v.ID)
	}
	ids = ids[min(q.Skip, len(ids)):]
	return ids[:min(q.Limit, len(ids))]
}

func compareThings(sort []store.Order, a, b *thing) int {
	ka, kb := thingKeys(a), thingKeys(b)
	desc := false
	for _, o := range sort {
		desc = o.Desc
		if c := compareKeys(ka[o.Key], kb[o.Key]); c != 0 {
			return turn(c, desc)
		}
	}
	return turn(cmp.Compare(a.ID, b.ID), desc)
}

func turn(c int, desc bool) int {
	if desc {
		return -c
	}
	return c
}

// compareKeys orders the values of one key, an absent one last.
func compareKeys(a, b any) int {
	switch x := a.(type) {
	case nil:
		if b == nil {
			return 0
		}
		return 1
	case string:
		if y, ok := b.(string); ok {
			return cmp.Compare(x, y)
		}
	case int64:
		if y, ok := b.(int64); ok {
			return cmp.Compare(x, y)
		}
	case bool:
		if y, ok := b.(bool); ok {
			return cmp.Compare(number(x), number(y))
		}
	}
	return -1
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func matches(keys store.Keys, where []store.Cond) bool {
	for _, c := range where {
		v, ok := keys[c.Key]
		if !ok || !holds(v, c) {
			return false
		}
	}
	return true
}

func holds(v any, c store.Cond) bool {
	if c.Op == store.In {
		return slices.Contains(c.Value.([]any), v)
	}
	d := compareKeys(v, c.Value)
	switch c.Op {
	case store.Eq:
		return d == 0
	case store.Lt:
		return d < 0
	case store.Lte:
		return d <= 0
	case store.Gt:
		return d > 0
	default:
		return d >= 0
	}
}
