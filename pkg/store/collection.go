package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/finsam/finsam/pkg/fault"
)

// Schema declares how one type of document is kept.
type Schema[T any] struct {
	Name    string  // lower-case letters and "_"
	Unique  []Index // no two documents of an association share all these keys
	Indexes []Index
	Narrows []string // keys that are in no index, and only narrow or order what one has found

	// ID returns the association and the id of a document.
	ID func(*T) (association, id string)
	// Keys derives what it is found by. Nil: by its id alone.
	Keys func(*T) Keys
	// Version returns the document's own version, which must grow with each
	// change: the number of its steps. Nil: the store counts.
	Version func(*T) int64
}

// Collection keeps documents of one type on an engine.
type Collection[T any] struct {
	engine Engine
	kind   Schema[T]
}

// Versioned is a document with the version that it was read at.
type Versioned[T any] struct {
	Value     *T
	Version   int64
	Published int64

	unknown func(into any) error // Found.Unknown
}

// Open prepares the collection and gives it.
func Open[T any](ctx context.Context, e Engine, k Schema[T]) (*Collection[T], error) {
	if err := e.Prepare(ctx, k.Spec()); err != nil {
		return nil, fmt.Errorf("prepare collection %s: %w", k.Name, err)
	}
	return &Collection[T]{engine: e, kind: k}, nil
}

// Spec returns what the kind declares to an engine.
func (k Schema[T]) Spec() Spec {
	spec := Spec{Name: k.Name, Unique: k.Unique, Indexes: k.Indexes}
	for _, ix := range append(append([]Index{}, k.Unique...), k.Indexes...) {
		for _, key := range ix {
			if !slices.Contains(spec.Keys, key) {
				spec.Keys = append(spec.Keys, key)
			}
		}
	}
	for _, key := range k.Narrows {
		if !slices.Contains(spec.Keys, key) {
			spec.Keys = append(spec.Keys, key)
		}
	}
	return spec
}

// Get finds a document, or ErrNotFound.
func (c *Collection[T]) Get(ctx context.Context, association, id string) (Versioned[T], error) {
	f, err := c.engine.Get(ctx, c.kind.Name, association, id)
	if err != nil {
		return Versioned[T]{}, err
	}
	return c.decode(f)
}

// Insert adds a document and gives its version; ErrExists or ErrTaken when it
// stands in the way of another.
func (c *Collection[T]) Insert(ctx context.Context, v *T) (int64, error) {
	r := c.record(v, 1)
	return r.Version, c.engine.Insert(ctx, c.kind.Name, r)
}

// errUnchanged ends an update that has nothing to write.
var errUnchanged = errors.New("unchanged")

// Unchanged is what a change may return to leave the document as it is; Update
// then answers with the document and no error.
func Unchanged() error { return errUnchanged }

// attempts bounds how often Update meets a faster writer before it gives up.
const attempts = 16

// Update loads the document, lets change alter it, and saves it if nobody else
// has in between; when somebody has, it starts over with what they wrote, so
// change must be pure. With ifVersion > 0 the document must be at that version,
// else ErrStale. An error from change ends the update, nothing written.
func (c *Collection[T]) Update(ctx context.Context, association, id string, ifVersion int64, change func(*T) error) (Versioned[T], error) {
	for range attempts {
		v, err := c.Get(ctx, association, id)
		if err != nil {
			return v, err
		}
		if ifVersion > 0 && v.Version != ifVersion {
			return v, ErrStale
		}
		if err := change(v.Value); errors.Is(err, errUnchanged) {
			return v, nil
		} else if err != nil {
			return v, err
		}
		saved, err := c.Replace(ctx, v)
		if err == nil {
			return saved, nil
		}
		if !errors.Is(err, ErrStale) || ifVersion > 0 {
			return v, err
		}
	}
	return Versioned[T]{}, fault.ErrUnavailable.Because(fmt.Errorf("%s: %d writers were faster", c.kind.Name, attempts))
}

// Replace saves a changed document if it is still stored at v.Version. One that
// a newer program has written fields to that this one does not know is refused
// with ErrNewer: saved from here it would lose them.
func (c *Collection[T]) Replace(ctx context.Context, v Versioned[T]) (Versioned[T], error) {
	if v.unknown != nil {
		if err := v.unknown(new(T)); err != nil {
			return v, ErrNewer.Because(fmt.Errorf("%s: %w", c.kind.Name, err))
		}
	}
	from := v.Version
	r := c.record(v.Value, from+1)
	if err := c.engine.Replace(ctx, c.kind.Name, r, from); err != nil {
		return v, err
	}
	v.Version = r.Version
	return v, nil
}

// Delete removes the document if it is still at that version.
func (c *Collection[T]) Delete(ctx context.Context, association, id string, version int64) error {
	return c.engine.Delete(ctx, c.kind.Name, association, id, version)
}

// Page is a part of a list and the place where it goes on.
type Page[T any] struct {
	Items []Versioned[T]
	Next  Cursor // zero when the list has ended
}

// Find returns a page of documents.
func (c *Collection[T]) Find(ctx context.Context, q Query) (Page[T], error) {
	limit := q.Limit
	q.Limit++
	found, err := c.engine.Find(ctx, c.kind.Name, q)
	if err != nil {
		return Page[T]{}, err
	}
	more := len(found) > limit
	if more {
		found = found[:limit]
	}
	items, err := c.decodeAll(found)
	if err != nil || !more || len(items) == 0 {
		return Page[T]{Items: items}, err
	}
	last := items[len(items)-1]
	_, id := c.kind.ID(last.Value)
	next := Cursor{ID: id}
	keys := c.keys(last.Value)
	for _, o := range q.Sort {
		next.Values = append(next.Values, keys[o.Key])
	}
	return Page[T]{Items: items, Next: next}, nil
}

// Count counts the documents that match.
func (c *Collection[T]) Count(ctx context.Context, association string, where []Cond) (int64, error) {
	groups, err := c.engine.Count(ctx, c.kind.Name, association, where, nil)
	if err != nil || len(groups) == 0 {
		return 0, err
	}
	return groups[0].Count, nil
}

// CountBy counts the documents that match, by the value of a key; those without it
// are under nil.
func (c *Collection[T]) CountBy(ctx context.Context, association string, where []Cond, key string) (map[any]int64, error) {
	groups, err := c.engine.Count(ctx, c.kind.Name, association, where, []string{key})
	if err != nil {
		return nil, err
	}
	all := make(map[any]int64, len(groups))
	for _, g := range groups {
		all[g.Keys[key]] = g.Count
	}
	return all, nil
}

// MaxCounted is how many documents of a list are counted at most: counting costs
// as much as there is to count, and nobody turns to page 51 of 20 each.
const MaxCounted = 1000

// Window is the part of a list that is wanted: a page, or what follows a cursor.
type Window struct {
	Limit  int    // 1 to 200
	Page   int    // from 1; not read when there is a cursor
	Cursor string // as an earlier list gave it; empty: by page
}

// Total is how many documents there are.
type Total struct {
	Records int64
	Minimum bool // there are more than that
}

// Total counts the documents that match, as far as MostCounted.
func (c *Collection[T]) Total(ctx context.Context, association string, where []Cond) (Total, error) {
	n, err := c.CountUpTo(ctx, association, where, MaxCounted+1)
	return Total{Records: min(n, MaxCounted), Minimum: n > MaxCounted}, err
}

// CountUpTo counts the documents that match, and stops at most (1 or more).
func (c *Collection[T]) CountUpTo(ctx context.Context, association string, where []Cond, most int) (int64, error) {
	return c.engine.CountUpTo(ctx, c.kind.Name, association, where, most)
}

// Unpublished returns documents with steps that have not been told yet.
func (c *Collection[T]) Unpublished(ctx context.Context, limit int) ([]Versioned[T], error) {
	found, err := c.engine.Unpublished(ctx, c.kind.Name, limit)
	if err != nil {
		return nil, err
	}
	return c.decodeAll(found)
}

// MarkPublished notes up to which version documents have been told.
func (c *Collection[T]) MarkPublished(ctx context.Context, marks []PublishedMark) error {
	return c.engine.MarkPublished(ctx, c.kind.Name, marks)
}

func (c *Collection[T]) keys(v *T) Keys {
	if c.kind.Keys == nil {
		return nil
	}
	return c.kind.Keys(v)
}

func (c *Collection[T]) record(v *T, version int64) Record {
	if c.kind.Version != nil {
		version = c.kind.Version(v)
	}
	association, id := c.kind.ID(v)
	return Record{Association: association, ID: id, Version: version, Keys: c.keys(v), Body: v}
}

func (c *Collection[T]) decode(f Document) (Versioned[T], error) {
	v := new(T)
	if err := f.Decode(v); err != nil {
		return Versioned[T]{}, fmt.Errorf("%s: read document: %w", c.kind.Name, err)
	}
	return Versioned[T]{Value: v, Version: f.Version, Published: f.Published, unknown: f.Unknown}, nil
}

func (c *Collection[T]) decodeAll(found []Document) ([]Versioned[T], error) {
	all := make([]Versioned[T], 0, len(found))
	for _, f := range found {
		v, err := c.decode(f)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}
