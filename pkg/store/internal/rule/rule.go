// Package rule holds what every engine asks of the input, so that a mistake is
// answered alike on each of them. Its errors are for programmers: none of them
// can be caused by a user of the system.
package rule

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/store"
)

// MaxLimit bounds a page: what a caller may ask for, and the one document more
// by which Collection.Find sees that the list goes on.
const MaxLimit = 1001

// MaxIn bounds how many values one In condition may name.
const MaxIn = 1000

// Separator parts association and id where an engine joins them; an association
// must not contain it.
const Separator = "/"

// Name refuses what cannot be the name of a table, a collection or a field on
// every engine.
func Name(what, name string) error {
	if name == "" || len(name) > 48 {
		return fmt.Errorf("%s %q: a name has 1 to 48 letters", what, name)
	}
	for i, r := range name {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r != '_' && (r < '0' || r > '9')) {
			return fmt.Errorf("%s %q: a name has only letters, digits and _, a letter first", what, name)
		}
	}
	return nil
}

// Spec refuses a declaration that some engine could not hold.
func Spec(s store.Spec) error {
	if err := Name("collection", s.Name); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, key := range s.Keys {
		if err := Name("key of "+s.Name, key); err != nil {
			return err
		}
		if low := strings.ToLower(key); seen[low] {
			return fmt.Errorf("collection %s declares the key %s twice", s.Name, key)
		} else {
			seen[low] = true
		}
	}
	for _, ix := range slices.Concat(s.Unique, s.Indexes) {
		if len(ix) == 0 {
			return fmt.Errorf("collection %s declares an index without keys", s.Name)
		}
		for _, key := range ix {
			if !slices.Contains(s.Keys, key) {
				return fmt.Errorf("collection %s indexes the key %s, which it does not declare", s.Name, key)
			}
		}
	}
	return nil
}

// Merge joins a declaration with an earlier one of the same collection.
func Merge(a, b store.Spec) store.Spec {
	m := store.Spec{Name: b.Name, Keys: slices.Clone(a.Keys), Unique: slices.Clone(a.Unique), Indexes: slices.Clone(a.Indexes)}
	for _, key := range b.Keys {
		if !slices.Contains(m.Keys, key) {
			m.Keys = append(m.Keys, key)
		}
	}
	m.Unique = union(m.Unique, b.Unique)
	m.Indexes = union(m.Indexes, b.Indexes)
	return m
}

func union(have, more []store.Index) []store.Index {
	for _, ix := range more {
		if !slices.ContainsFunc(have, func(h store.Index) bool { return slices.Equal(h, ix) }) {
			have = append(have, ix)
		}
	}
	return have
}

// ID refuses what cannot name a document on every engine.
func ID(association, id string) error {
	if id == "" || len(id) > 512 {
		return fmt.Errorf("an id has 1 to 512 bytes, not %d", len(id))
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

// Scalar returns a key's value as string, int64 or bool; nil for an absent one.
// Named types of these kinds are taken for what they are.
func Scalar(v any) (any, error) {
	switch x := v.(type) {
	case nil, string, int64, bool:
		return x, nil
	case int:
		return int64(x), nil
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String:
		return r.String(), nil
	case reflect.Bool:
		return r.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int(), nil
	default:
		return nil, fmt.Errorf("a key's value is a string, an int64 or a bool, not %T", v)
	}
}
