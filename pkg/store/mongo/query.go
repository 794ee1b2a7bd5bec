package mongo

import (
	"fmt"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/finsam/finsam/pkg/store"
)

var operators = map[store.Op]string{store.Lt: "$lt", store.Lte: "$lte", store.Gt: "$gt", store.Gte: "$gte"}

// filterOf builds the filter of a query that rule.Query has passed.
func filterOf(q store.Query) (bson.D, error) {
	filter, err := whereOf(q.Association, q.Where)
	if err != nil || q.After.ID == "" {
		return filter, err
	}
	after, err := afterOf(q)
	return append(filter, bson.E{Key: "$or", Value: after}), err
}

// whereOf builds conditions. They are in an $and of their own, because servers differ
// in how they treat a key that is named twice.
func whereOf(association string, where []store.Cond) (bson.D, error) {
	all := bson.A{}
	for _, c := range where {
		list := []any{c.Value}
		if c.Op == store.In {
			list = c.Value.([]any)
		}
		values := bson.A{}
		for _, v := range list {
			x, err := encodeKey(v)
			if err != nil {
				return nil, fmt.Errorf("condition on %s: %w", c.Key, err)
			}
			if x != absent {
				values = append(values, x)
			}
		}
		var condition any
		switch c.Op {
		case store.In:
			condition = bson.D{{Key: "$in", Value: values}}
		case store.Eq:
			condition = values[0]
		default:
			condition = bson.D{{Key: operators[c.Op], Value: values[0]}}
		}
		all = append(all, bson.D{{Key: "keys." + c.Key, Value: condition}})
	}
	filter := bson.D{{Key: "association", Value: association}}
	if len(all) > 0 {
		filter = append(filter, bson.E{Key: "$and", Value: all})
	}
	return filter, nil
}

// part is one column of the order and its value at the cursor.
type part struct {
	path string
	desc bool
	v    any
}

func partsOf(q store.Query) ([]part, error) {
	var parts []part
	desc := false
	for i, o := range q.Sort {
		desc = o.Desc
		p := part{path: "keys." + o.Key, desc: desc}
		if q.After.ID != "" {
			v, err := encodeKey(q.After.Values[i])
			if err != nil {
				return nil, fmt.Errorf("cursor: %w", err)
			}
			p.v = v
		}
		parts = append(parts, p)
	}
	return append(parts, part{path: "_id", desc: desc, v: documentID(q.Association, q.After.ID)}), nil
}

// sortOf returns the order of a query, which ends with the id.
func sortOf(q store.Query) bson.D {
	parts, _ := partsOf(store.Query{Sort: q.Sort}) // without a cursor nothing can be wrong
	order := bson.D{}
	for _, p := range parts {
		direction := 1
		if p.desc {
			direction = -1
		}
		order = append(order, bson.E{Key: p.path, Value: direction})
	}
	return order
}

// afterOf builds the condition "behind the cursor": for each column in turn, the
// columns before it are equal and its value is further on.
func afterOf(q store.Query) (bson.A, error) {
	parts, err := partsOf(q)
	if err != nil {
		return nil, err
	}
	either, equal := bson.A{}, bson.D{}
	for _, p := range parts {
		for _, further := range p.valuesBehind() {
			either = append(either, append(equal[:len(equal):len(equal)], bson.E{Key: p.path, Value: further}))
		}
		equal = append(equal, bson.E{Key: p.path, Value: p.v})
	}
	return either, nil
}

// valuesBehind returns the conditions of which one holds when a column's value is
// behind the one at the cursor. A comparison matches only values of its own type,
// so absent ones are named.
func (p part) valuesBehind() []any {
	switch {
	case !p.desc && p.v == absent: // the last
		return nil
	case !p.desc && p.path == "_id":
		return []any{bson.D{{Key: "$gt", Value: p.v}}}
	case !p.desc:
		return []any{bson.D{{Key: "$gt", Value: p.v}}, absent}
	case p.v == absent: // the first: whatever is present is behind
		return []any{
			bson.D{{Key: "$gte", Value: ""}},
			bson.D{{Key: "$gte", Value: int64(math.MinInt64)}},
			bson.D{{Key: "$in", Value: bson.A{false, true}}},
		}
	default:
		return []any{bson.D{{Key: "$lt", Value: p.v}}}
	}
}
