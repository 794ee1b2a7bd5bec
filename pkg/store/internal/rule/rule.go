// Package rule checks the input of every engine, so that a mistake has the same
// error on each of them. Its errors are for programmers: no user of the system can
// cause one.
package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/store"
)

const (
	// MaxLimit bounds a page: 1,000 documents, and the one more by which
	// Collection.Find sees that the list continues.
	MaxLimit = 1001
	// MaxIn bounds the values of one In condition.
	MaxIn = 1000
	// Separator is between association and id where an engine joins them; an
	// association must not contain it.
	Separator = "/"
)

// Name refuses what is no name of a table, a collection or a field on every engine.
func Name(what, name string) error {
	if name == "" || len(name) > 48 {
		return fmt.Errorf("%s %q: a name has 1 to 48 letters", what, name)
	}
	for i, r := range name {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r != '_' && (r < '0' || r > '9')) {
			return fmt.Errorf("%s %q: a name consists of letters, digits and _, and begins with a letter", what, name)
		}
	}
	return nil
}

// Spec refuses a declaration that some engine cannot follow.
func Spec(s store.Spec) error {
	if err := Name("collection", s.Name); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, key := range s.Keys {
		if err := Name("key of "+s.Name, key); err != nil {
			return err
		}
		if low := strings.ToLower(key); seen[low] || low == store.ID {
			return fmt.Errorf("collection %s declares the key %s twice", s.Name, key)
		} else {
			seen[low] = true
		}
	}
	for i, ix := range slices.Concat(s.Unique, s.Indexes, s.Sparse) {
		if len(ix) == 0 {
			return fmt.Errorf("collection %s declares an index without keys", s.Name)
		}
		for _, key := range ix {
			if !slices.Contains(s.Keys, key) && (key != store.ID || i < len(s.Unique)) {
				return fmt.Errorf("collection %s indexes the key %s, which it does not declare", s.Name, key)
			}
		}
	}
	return nil
}

// Merge returns the union of two declarations of one collection.
func Merge(a, b store.Spec) store.Spec {
	m := store.Spec{
		Name: b.Name, Keys: slices.Clone(a.Keys), Published: a.Published || b.Published,
		Unique: slices.Clone(a.Unique), Indexes: slices.Clone(a.Indexes), Sparse: slices.Clone(a.Sparse),
	}
	for _, key := range b.Keys {
		if !slices.Contains(m.Keys, key) {
			m.Keys = append(m.Keys, key)
		}
	}
	union := func(have *[]store.Index, more []store.Index) {
		for _, ix := range more {
			if !slices.ContainsFunc(*have, func(h store.Index) bool { return slices.Equal(h, ix) }) {
				*have = append(*have, ix)
			}
		}
	}
	union(&m.Unique, b.Unique)
	union(&m.Indexes, b.Indexes)
	union(&m.Sparse, b.Sparse)
	return m
}

// ID refuses what cannot identify a document on every engine.
func ID(association, id string) error {
	if id == "" || len(id) > 512 {
		return fmt.Errorf("an id must have 1 to 512 bytes, not %d", len(id))
	}
	if strings.Contains(association, Separator) {
		return fmt.Errorf("the association %q contains %q", association, Separator)
	}
	return nil
}

// Record refuses a document without an id, with a version that does not grow, or
// with keys that the collection does not declare. from is 0 for a new one.
func Record(r store.Record, from int64, declared []string) error {
	if err := ID(r.Association, r.ID); err != nil {
		return err
	}
	if r.Version <= from {
		return fmt.Errorf("version %d must be above %d", r.Version, from)
	}
	for key := range r.Keys {
		if !slices.Contains(declared, key) {
			return fmt.Errorf("the key %s is not declared by any index of the collection", key)
		}
	}
	return nil
}

// Query refuses a query on keys that are not declared, or without a limit.
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

// Limit refuses a page that is empty or above MaxLimit.
func Limit(n int) error {
	if n < 1 || n > MaxLimit {
		return fmt.Errorf("a limit must be 1 to %d, not %d", MaxLimit-1, n)
	}
	return nil
}

// Unpublished refuses to look into a collection that publishes nothing.
func Unpublished(s store.Spec) error {
	if !s.Published {
		return fmt.Errorf("the collection %s does not declare that it is published", s.Name)
	}
	return nil
}

// CountLimit refuses to count up to nothing.
func CountLimit(n int) error {
	if n < 1 {
		return fmt.Errorf("the limit of a count must be at least 1, not %d", n)
	}
	return nil
}

// Where refuses conditions on keys or by comparisons that do not exist.
func Where(where []store.Cond, declared []string) error {
	for _, c := range where {
		if c.Key == store.ID && c.Op != store.Eq && c.Op != store.In {
			return fmt.Errorf("an id is not compared by %q", c.Op)
		} else if c.Key != store.ID && !slices.Contains(declared, c.Key) {
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
				return fmt.Errorf("condition on %s: In needs a []any of at most %d values", c.Key, MaxIn)
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
