package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// RekeyResult counts the documents of one batch of Rekey, or of all of RekeyAll.
type RekeyResult struct {
	Next  Position // where the next batch begins; zero after the last
	Seen  int
	Stale int // documents stored with other keys than are declared now
	Newer int // documents with fields that this program does not know; counted by checkOnly
}

// rekeyBatch is how many documents RekeyAll reads at a time.
const rekeyBatch = 200

// RekeyAll prepares the collection and applies Rekey to all of its documents. It
// stops when ctx ends, with the cause.
func (k Schema[T]) RekeyAll(ctx context.Context, e Engine, checkOnly bool) (total RekeyResult, err error) {
	c, err := Open(ctx, e, k)
	if err != nil {
		return total, err
	}
	for {
		r, err := c.Rekey(ctx, total.Next, rekeyBatch, checkOnly)
		if err != nil {
			return total, err
		}
		total = RekeyResult{Next: r.Next, Seen: total.Seen + r.Seen, Stale: total.Stale + r.Stale, Newer: total.Newer + r.Newer}
		if r.Next == (Position{}) {
			return total, nil
		}
		if ctx.Err() != nil {
			return total, context.Cause(ctx)
		}
	}
}

// Rekey examines the documents behind a position, of all associations and at most
// limit, and rewrites the keys of those whose stored keys are not what the schema
// derives now: a key was declared later, or is derived in another way. With
// checkOnly it writes nothing.
//
// It changes neither a version nor a document. One that is written meanwhile is
// left out, because the writer has stored its keys.
func (c *Collection[T]) Rekey(ctx context.Context, after Position, limit int, checkOnly bool) (RekeyResult, error) {
	found, err := c.engine.Walk(ctx, c.kind.Name, after, limit)
	if err != nil {
		return RekeyResult{}, err
	}
	r := RekeyResult{Seen: len(found)}
	if len(found) == limit {
		last := found[len(found)-1]
		r.Next = Position{Association: last.Association, ID: last.ID}
	}
	for _, f := range found {
		v, err := c.decode(f)
		if err != nil {
			return r, err
		}
		if checkOnly && v.unknown != nil && v.unknown(new(T)) != nil {
			r.Newer++
		}
		keys := c.keys(v.Value)
		if f.Keys != nil && sameKeys(f.Keys, keys) {
			continue
		}
		r.Stale++
		if checkOnly {
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
