package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// Rekeyed is what one batch of Rekey came by.
type Rekeyed struct {
	Next  Position // where the next batch begins; zero when the walk has ended
	Seen  int
	Stale int // documents whose keys are not as declared now
	Newer int // documents with fields that this program does not know; counted when looking only
}

// Rekey looks through a batch of documents, of all associations, and writes the
// keys anew of those that are stored with others than the kind derives now: a
// key that was declared later, or is derived otherwise. With look only, nothing
// is written. A document that is changed by somebody else meanwhile is left to
// them.
func (c *Collection[T]) Rekey(ctx context.Context, after Position, limit int, look bool) (Rekeyed, error) {
	found, err := c.engine.Walk(ctx, c.kind.Name, after, limit)
	if err != nil {
		return Rekeyed{}, err
	}
	r := Rekeyed{Seen: len(found)}
	if len(found) == limit {
		last := found[len(found)-1]
		r.Next = Position{Association: last.Association, ID: last.ID}
	}
	for _, f := range found {
		v, err := c.decode(f)
		if err != nil {
			return r, err
		}
		if look && v.unknown != nil && v.unknown(new(T)) != nil {
			r.Newer++
		}
		keys := c.keys(v.Value)
		if f.Keys != nil && sameKeys(f.Keys, keys) {
			continue
		}
		r.Stale++
		if look {
			continue
		}
		err = c.engine.Rekey(ctx, c.kind.Name, Record{Association: f.Association, ID: f.ID, Version: f.Version, Keys: keys, Body: v.Value})
		if err != nil && !errors.Is(err, ErrStale) && !errors.Is(err, ErrNotFound) {
			return r, fmt.Errorf("%s: keys of %s/%s: %w", c.kind.Name, f.Association, f.ID, err)
		}
	}
	return r, nil
}

// sameKeys compares keys as stored with keys as derived, whose values may be of
// named types.
func sameKeys(stored, derived Keys) bool {
	present := 0
	for key, v := range derived {
		if v == nil {
			continue
		}
		present++
		if s, ok := stored[key]; !ok || s != plain(v) {
			return false
		}
	}
	return present == len(stored)
}

// plain returns a value as string, int64 or bool, which is what engines store.
func plain(v any) any {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String:
		return r.String()
	case reflect.Bool:
		return r.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int()
	default:
		return v
	}
}
