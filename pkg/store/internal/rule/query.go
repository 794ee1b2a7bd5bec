package rule

import (
	"fmt"
	"slices"

	"github.com/finsam/finsam/pkg/store"
)

// Query refuses what an engine could answer only by guessing.
func Query(q store.Query, declared []string) error {
	if err := Limit(q.Limit); err != nil {
		return err
	}
	if q.Skip < 0 {
		return fmt.Errorf("cannot skip %d documents", q.Skip)
	}
	if len(q.Sort) > 2 {
		return fmt.Errorf("a query sorts by at most 2 keys, not %d", len(q.Sort))
	}
	for _, o := range q.Sort {
		if !slices.Contains(declared, o.Key) {
			return fmt.Errorf("sort by %s: no index declares this key", o.Key)
		}
	}
	if q.After.ID != "" && len(q.After.Values) != len(q.Sort) {
		return fmt.Errorf("a cursor of %d values for a query sorted by %d keys", len(q.After.Values), len(q.Sort))
	}
	return Where(q.Where, declared)
}

// Limit refuses a page that is empty or without bound.
func Limit(n int) error {
	if n < 1 || n > MaxLimit {
		return fmt.Errorf("a limit is 1 to %d, not %d", MaxLimit-1, n)
	}
	return nil
}

// Most refuses a count without bound, or of nothing.
func Most(n int) error {
	if n < 1 {
		return fmt.Errorf("a count goes to at least 1, not %d", n)
	}
	return nil
}

// Where refuses conditions on keys or by comparisons that do not exist.
func Where(where []store.Cond, declared []string) error {
	for _, c := range where {
		if !slices.Contains(declared, c.Key) {
			return fmt.Errorf("condition on %s: no index declares this key", c.Key)
		}
		switch c.Op {
		case store.Eq, store.Lt, store.Lte, store.Gt, store.Gte:
			if c.Value == nil {
				return fmt.Errorf("condition on %s: no value", c.Key)
			}
		case store.In:
			values, ok := c.Value.([]any)
			if !ok || len(values) > MaxIn {
				return fmt.Errorf("condition on %s: In wants a []any of at most %d values", c.Key, MaxIn)
			}
		default:
			return fmt.Errorf("condition on %s: no comparison %q", c.Key, c.Op)
		}
	}
	return nil
}

// By refuses to group by keys that do not exist.
func By(by, declared []string) error {
	for _, key := range by {
		if !slices.Contains(declared, key) {
			return fmt.Errorf("count by %s: no index declares this key", key)
		}
	}
	return nil
}
