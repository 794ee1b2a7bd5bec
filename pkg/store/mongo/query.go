package mongo

import (
	"fmt"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/finsam/finsam/pkg/store"
)

var operators = map[store.Op]string{store.Lt: "$lt", store.Lte: "$lte", store.Gt: "$gt", store.Gte: "$gte"}

// findOf builds the filter and the order of a query that rule.Query has passed. The
// order ends with the id. Behind a cursor, for each column of the order in turn, the
// columns before it are equal and its value is further on.
func findOf(q store.Query) (filter, order bson.D, err error) {
	if filter, err = whereOf(q.Association, q.Where); err != nil {
		return nil, nil, err
	}
	either, equal, desc := bson.A{}, bson.D{}, false
	add := func(path string, at any) {
		direction := 1
		if desc {
			direction = -1
		}
		order = append(order, bson.E{Key: path, Value: direction})
		for _, behind := range valuesBehind(path, desc, at) {
			either = append(either, append(equal[:len(equal):len(equal)], bson.E{Key: path, Value: behind}))
		}
		equal = append(equal, bson.E{Key: path, Value: at})
	}
	for i, o := range q.Sort {
		var at any
		if q.After.ID != "" {
			if at, err = encodeKey(q.After.Values[i]); err != nil {
				return nil, nil, fmt.Errorf("cursor: %w", err)
			}
		}
		desc = o.Desc
		add(path(o.Key), at)
	}
	add("_id", documentID(q.Association, q.After.ID))
	if q.After.ID == "" {
		return filter, order, nil
	}
	// Where one range of the first column has all that is behind, it is named beside the
	// alternatives, so that a server reads no more of the index.
	if first := order[0]; first.Value == -1 && equal[0].Value != absent {
		filter = append(filter, bson.E{Key: first.Key, Value: bson.D{{Key: "$lte", Value: equal[0].Value}}})
	} else if first.Key == "_id" {
		return append(filter, either[0].(bson.D)...), order, nil
	}
	filter = append(filter, bson.E{Key: "$or", Value: either})
	return filter, order, nil
}

// path returns the field that has a key.
func path(key string) string {
	if key == store.ID {
		return "_id"
	}
	return "keys." + key
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
			if c.Key == store.ID {
				v = documentID(association, fmt.Sprint(v))
			}
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
		all = append(all, bson.D{{Key: path(c.Key), Value: condition}})
	}
	filter := bson.D{{Key: "association", Value: association}}
	if len(all) > 0 {
		filter = append(filter, bson.E{Key: "$and", Value: all})
	}
	return filter, nil
}

// valuesBehind returns the conditions of which one holds when a column's value is
// behind the one at the cursor. A comparison matches only values of its own type,
// so absent ones are named.
func valuesBehind(path string, desc bool, at any) []any {
	switch {
	case !desc && at == absent: // the last
		return nil
	case !desc && path == "_id":
		return []any{bson.D{{Key: "$gt", Value: at}}}
	case !desc:
		return []any{bson.D{{Key: "$gt", Value: at}}, absent}
	case at == absent: // the first: whatever is present is behind
		return []any{
			bson.D{{Key: "$gte", Value: ""}},
			bson.D{{Key: "$gte", Value: int64(math.MinInt64)}},
			bson.D{{Key: "$in", Value: bson.A{false, true}}},
		}
	default:
		return []any{bson.D{{Key: "$lt", Value: at}}}
	}
}
