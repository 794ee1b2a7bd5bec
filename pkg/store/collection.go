package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/fault"
)

// Schema declares how documents of one type are stored.
type Schema[T any] struct {
	Name    string  // of the collection: lower-case letters and "_"
	Unique  []Index // no two documents of an association share all these keys
	Indexes []Index
	Sparse  []Index  // as Indexes, for a first key that many lack: a query by it must have a condition on that key
	Narrows []string // keys without an index, which only narrow or order what others find

	// Published says that the documents' steps are published as events: only then are
	// there Unpublished and MarkPublished.
	Published bool

	// Listed returns what List decodes a document into, and the document within it: one
	// with parts that no list shows is not read whole, and cannot be replaced. Nil: it is.
	Listed func() (into any, document *T)

	// ID returns the association and the id of a document.
	ID func(*T) (association, id string)
	// Keys derives the keys of a document. Nil: it is found by its id alone.
	Keys func(*T) Keys
	// Version returns the document's own version, which must grow with each
	// change, such as the number of its steps. Nil: the store counts.
	Version func(*T) int64
}

// Collection stores documents of one type on an engine. Its methods may be called
// at once, and return the errors of the Engine's methods of the same names. A
// document that is returned belongs to the caller.
type Collection[T any] struct {
	engine  Engine
	schema  Schema[T]
	samples sync.Map // association -> *sample
}

// Versioned is a document with the version that it was read at.
type Versioned[T any] struct {
	Value     *T
	Version   int64
	Published int64

	body Body // as read; nil: not read
}

// Open prepares the collection on the engine and returns it.
func Open[T any](ctx context.Context, e Engine, s Schema[T]) (*Collection[T], error) {
	if err := e.Prepare(ctx, s.Spec()); err != nil {
		return nil, fmt.Errorf("prepare collection %s: %w", s.Name, err)
	}
	return &Collection[T]{engine: e, schema: s}, nil
}

// Spec returns what the schema declares to an engine.
func (s Schema[T]) Spec() Spec {
	spec := Spec{Name: s.Name, Unique: s.Unique, Indexes: s.Indexes, Sparse: s.Sparse, Published: s.Published}
	for _, key := range append(slices.Concat(slices.Concat(s.Unique, s.Indexes, s.Sparse)...), s.Narrows...) {
		if key != ID && !slices.Contains(spec.Keys, key) {
			spec.Keys = append(spec.Keys, key)
		}
	}
	return spec
}

// Get returns a document, or ErrNotFound.
func (c *Collection[T]) Get(ctx context.Context, association, id string) (Versioned[T], error) {
	f, err := c.engine.Get(ctx, c.schema.Name, association, id)
	if err != nil {
		return Versioned[T]{}, err
	}
	return c.decode(f)
}

// sample is a document as text, until another one takes its place.
type sample struct {
	text  []byte
	until time.Time
}

// sampleLifetime is how long a document is the sample: one that was changed often takes
// longer to decode than another.
const sampleLifetime = time.Minute

// Sample returns some document of the association, nil without one, and takes as long as Get
// takes longer for a document that is there: so the time of an answer need not show that one is
// missing.
func (c *Collection[T]) Sample(ctx context.Context, association string) *T {
	known, _ := c.samples.Load(association)
	s, _ := known.(*sample)
	if s == nil || time.Now().After(s.until) {
		s = &sample{until: time.Now().Add(sampleLifetime)}
		q := Query{Association: association, Limit: 1, After: Cursor{ID: uuid.NewString()}} // ids begin by chance
		found, err := c.engine.Find(ctx, c.schema.Name, q)
		if q.After = (Cursor{}); err == nil && len(found) == 0 {
			found, err = c.engine.Find(ctx, c.schema.Name, q)
		}
		if err != nil || len(found) == 0 {
			return nil
		}
		v, err := c.decode(found[0])
		if err != nil {
			return nil
		}
		if s.text, err = json.Marshal(v.Value); err != nil {
			return nil
		}
		c.samples.Store(association, s)
	}
	v := new(T)
	if json.Unmarshal(s.text, v, jsonv1.DefaultOptionsV1(), json.RejectUnknownMembers(true)) != nil {
		return nil
	}
	return v
}

// Insert adds a document and returns its version. It returns ErrExists when the id
// is in use, and ErrTaken when a unique index has its values already.
func (c *Collection[T]) Insert(ctx context.Context, v *T) (int64, error) {
	r := c.record(v, 1)
	return r.Version, c.engine.Insert(ctx, c.schema.Name, r)
}

// ErrUnchanged is what a change returns when there is nothing to write. Update then
// returns the document and no error.
var ErrUnchanged = errors.New("unchanged")

// WriteIf returns nil when there is something to write, else ErrUnchanged.
func WriteIf(changed bool) error {
	if !changed {
		return ErrUnchanged
	}
	return nil
}

// maxAttempts bounds how often Update may meet a faster writer.
const maxAttempts = 16

// Update reads the document, lets change alter it, and saves it if it is still
// stored at the version that was read. When another writer was faster it starts
// over with what that one wrote, at most 16 times and then ErrUnavailable, so change
// must depend on nothing but its argument.
//
// With ifVersion > 0 the document must be at that version, else Update returns
// ErrStale, and it does not start over. An error from change ends the update and is
// returned; nothing is written. Beside ErrStale and an error from change it returns
// the document as read, with what change has altered.
func (c *Collection[T]) Update(ctx context.Context, association, id string, ifVersion int64, change func(*T) error) (Versioned[T], error) {
	for range maxAttempts {
		v, err := c.Get(ctx, association, id)
		if err != nil {
			return v, err
		}
		if ifVersion > 0 && v.Version != ifVersion {
			return v, ErrStale
		}
		if err := change(v.Value); errors.Is(err, ErrUnchanged) {
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
	return Versioned[T]{}, fault.ErrUnavailable.Because(fmt.Errorf("%s: %d writers were faster", c.schema.Name, maxAttempts))
}

// Upsert is Update, without a version, of a document that may not exist yet: change then
// alters the zero document of empty, which is inserted. An error from change, ErrUnchanged
// among them, inserts nothing.
func (c *Collection[T]) Upsert(ctx context.Context, association, id string, empty func() *T, change func(*T) error) error {
	_, err := c.Update(ctx, association, id, 0, change)
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	v := empty()
	if err := change(v); errors.Is(err, ErrUnchanged) {
		return nil
	} else if err != nil {
		return err
	}
	if _, err = c.Insert(ctx, v); errors.Is(err, ErrExists) { // another writer was faster
		_, err = c.Update(ctx, association, id, 0, change)
	}
	return err
}

// Replace saves a changed document if it is still stored at v.Version, and returns
// it with its new version; beside an error it returns v. It returns ErrNewer for a
// document with fields that this program does not know, as they would be lost.
func (c *Collection[T]) Replace(ctx context.Context, v Versioned[T]) (Versioned[T], error) {
	if v.body != nil {
		if err := v.body.Unknown(new(T)); err != nil {
			return v, ErrNewer.Because(fmt.Errorf("%s: %w", c.schema.Name, err))
		}
	}
	r := c.record(v.Value, v.Version+1)
	if err := c.engine.Replace(ctx, c.schema.Name, r, v.Version); err != nil {
		return v, err
	}
	v.Version = r.Version
	return v, nil
}

// Delete removes the document if it is stored at that version, else it returns
// ErrStale or ErrNotFound.
func (c *Collection[T]) Delete(ctx context.Context, association, id string, version int64) error {
	return c.engine.Delete(ctx, c.schema.Name, association, id, version)
}

// Page is a part of a list.
type Page[T any] struct {
	Items []Versioned[T]
	Next  Cursor // for Query.After; zero at the end of the list
}

// Find returns a page of at most q.Limit documents. Pages by cursor meet each document
// once that is there throughout; those by Skip may miss or repeat some when documents
// are written meanwhile.
func (c *Collection[T]) Find(ctx context.Context, q Query) (Page[T], error) {
	return c.find(ctx, q, c.decode)
}

func (c *Collection[T]) find(ctx context.Context, q Query, decode func(Document) (Versioned[T], error)) (Page[T], error) {
	limit := q.Limit
	q.Limit++
	found, err := c.engine.Find(ctx, c.schema.Name, q)
	if err != nil {
		return Page[T]{}, err
	}
	more := len(found) > limit
	if more {
		found = found[:limit]
	}
	items, err := decodeAll(found, decode)
	if err != nil || !more || len(items) == 0 {
		return Page[T]{Items: items}, err
	}
	last := items[len(items)-1]
	_, id := c.schema.ID(last.Value)
	next := Cursor{ID: id, Order: q.OrderName}
	keys := c.keys(last.Value)
	for _, o := range q.Sort {
		next.Values = append(next.Values, keys[o.Key])
	}
	return Page[T]{Items: items, Next: next}, nil
}

// Each visits the documents that Find would return, page after page of q.Limit, until
// there are no more or visit returns an error. It may remove or change what it is shown.
func (c *Collection[T]) Each(ctx context.Context, q Query, visit func(Versioned[T]) error) error {
	for {
		page, err := c.Find(ctx, q)
		if err != nil {
			return err
		}
		for _, v := range page.Items {
			if err := visit(v); err != nil {
				return err
			}
		}
		if q.After = page.Next; q.After.ID == "" {
			return nil
		}
	}
}

// Count returns how many documents match.
func (c *Collection[T]) Count(ctx context.Context, association string, where []Cond) (int64, error) {
	groups, err := c.engine.Count(ctx, c.schema.Name, association, where, nil)
	if err != nil || len(groups) == 0 {
		return 0, err
	}
	return groups[0].Count, nil
}

// CountBy returns how many documents match, by the value of a key: string, int64 or
// bool, and nil for those without it.
func (c *Collection[T]) CountBy(ctx context.Context, association string, where []Cond, key string) (map[any]int64, error) {
	groups, err := c.engine.Count(ctx, c.schema.Name, association, where, []string{key})
	if err != nil {
		return nil, err
	}
	all := make(map[any]int64, len(groups))
	for _, g := range groups {
		all[g.Values[0]] = g.Count
	}
	return all, nil
}

// Groups counts the documents that match by the values of several keys.
func (c *Collection[T]) Groups(ctx context.Context, association string, where []Cond, keys ...string) ([]Group, error) {
	return c.engine.Count(ctx, c.schema.Name, association, where, keys)
}

// MaxCounted is where Total stops: counting costs as much as there is to count, and
// nobody turns to page 51 of 20 each.
const MaxCounted = 1000

// Window is the part of a list that is wanted: a page, or what follows a cursor.
type Window struct {
	Limit  int    // 1 to 200
	Page   int    // from 1; 0: the first one, without a total; none with a cursor
	Cursor string // Cursor.String of an earlier page; empty: by page
}

// Total is how many documents a list has.
type Total struct {
	Records int64
	Minimum bool // there are more
}

// List is a part of a list, as it is shown.
type List[T any] struct {
	Items []T
	Next  string // Cursor.String of what follows; empty on the last page
	Total *Total // of the whole list; nil unless a page was asked for
}

// Total counts the documents that match, up to MaxCounted.
func (c *Collection[T]) Total(ctx context.Context, association string, where []Cond) (Total, error) {
	n, err := c.CountUpTo(ctx, association, where, MaxCounted+1)
	return Total{Records: min(n, MaxCounted), Minimum: n > MaxCounted}, err
}

// List returns the part of a list that a window names: where q.Where holds, in the
// order of q.Sort. The total is counted when a page is asked for that does not say it by
// itself. It returns ErrCursor for a cursor that is not of this order, and
// ErrCursorWithPage for a window that is both.
func (c *Collection[T]) List(ctx context.Context, q Query, w Window) (page Page[T], total *Total, err error) {
	text, isOfOrder := strings.CutPrefix(w.Cursor, q.OrderName)
	if w.Cursor != "" && !isOfOrder {
		return page, nil, ErrCursor
	}
	if q.After, err = ParseCursor(text, len(q.Sort)); err != nil {
		return page, nil, err
	}
	if w.Cursor != "" && w.Page > 0 {
		return page, nil, ErrCursorWithPage.AtField("page")
	}
	q.Skip, q.Limit = 0, w.Limit
	if w.Cursor != "" || w.Page <= 1 {
		if page, err = c.find(ctx, q, c.decodeListed); err != nil || w.Cursor != "" || w.Page == 0 {
			return page, nil, err
		}
		if page.Next.ID == "" {
			return page, &Total{Records: int64(len(page.Items))}, nil
		}
	}
	counted, err := c.Total(ctx, q.Association, q.Where)
	if q.Skip = (w.Page - 1) * w.Limit; err != nil || q.Skip == 0 || int64(q.Skip) >= counted.Records && !counted.Minimum {
		return page, &counted, err
	}
	page, err = c.find(ctx, q, c.decodeListed)
	return page, &counted, err
}

// CountUpTo counts the documents that match and stops at limit (at least 1).
func (c *Collection[T]) CountUpTo(ctx context.Context, association string, where []Cond, limit int) (int64, error) {
	return c.engine.CountUpTo(ctx, c.schema.Name, association, where, limit)
}

// Unpublished returns at most limit documents with steps that are not published yet.
func (c *Collection[T]) Unpublished(ctx context.Context, limit int) ([]Versioned[T], error) {
	found, err := c.engine.Unpublished(ctx, c.schema.Name, limit)
	if err != nil {
		return nil, err
	}
	return decodeAll(found, c.decode)
}

// MarkPublished records up to which versions documents are published.
func (c *Collection[T]) MarkPublished(ctx context.Context, marks []PublishedMark) error {
	return c.engine.MarkPublished(ctx, c.schema.Name, marks)
}

func (c *Collection[T]) keys(v *T) Keys {
	if c.schema.Keys == nil {
		return nil
	}
	return c.schema.Keys(v)
}

func (c *Collection[T]) record(v *T, version int64) Record {
	if c.schema.Version != nil {
		version = c.schema.Version(v)
	}
	association, id := c.schema.ID(v)
	return Record{Association: association, ID: id, Version: version, Keys: c.keys(v), Body: v}
}

func (c *Collection[T]) decode(d Document) (Versioned[T], error) {
	v := new(T)
	if d.Decode(v) != nil { // its text may quote a value
		return Versioned[T]{}, fmt.Errorf("%s: document %s has another form than %T", c.schema.Name, d.ID, v)
	}
	return Versioned[T]{Value: v, Version: d.Version, Published: d.Published, body: d.Body}, nil
}

// decodeListed decodes what a list shows of a document.
func (c *Collection[T]) decodeListed(d Document) (Versioned[T], error) {
	if c.schema.Listed == nil {
		return c.decode(d)
	}
	into, v := c.schema.Listed()
	if d.Decode(into) != nil {
		return Versioned[T]{}, fmt.Errorf("%s: document %s has another form than %T", c.schema.Name, d.ID, into)
	}
	return Versioned[T]{Value: v, Version: d.Version, body: unread{}}, nil
}

// unread is the body of a document that was not read whole, and so cannot be replaced.
type unread struct{ Body }

func (unread) Unknown(any) error { return errors.New("only what a list shows of it has been read") }

func decodeAll[T any](found []Document, decode func(Document) (Versioned[T], error)) ([]Versioned[T], error) {
	all := make([]Versioned[T], 0, len(found))
	for _, f := range found {
		v, err := decode(f)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// RekeyResult counts the documents of one batch of Rekey, or of all of RekeyAll.
type RekeyResult struct {
	Next  Position // where the next batch begins; zero after the last
	Seen  int
	Stale int // documents that were stored with other keys than are declared now
}

// rekeyBatch is how many documents RekeyAll reads at a time.
const rekeyBatch = 200

// RekeyAll prepares the collection and applies Rekey to all of its documents. It
// stops when ctx ends, with the cause.
func (s Schema[T]) RekeyAll(ctx context.Context, e Engine) (total RekeyResult, err error) {
	c, err := Open(ctx, e, s)
	if err != nil {
		return total, err
	}
	for {
		r, err := c.Rekey(ctx, total.Next, rekeyBatch)
		if err != nil {
			return total, err
		}
		total = RekeyResult{Next: r.Next, Seen: total.Seen + r.Seen, Stale: total.Stale + r.Stale}
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
// derives now: a key was declared later, or is derived in another way.
//
// It changes neither a version nor a document. One that is written meanwhile is
// left out, because the writer has stored its keys.
func (c *Collection[T]) Rekey(ctx context.Context, after Position, limit int) (RekeyResult, error) {
	found, err := c.engine.Walk(ctx, c.schema.Name, after, limit)
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
		keys := c.keys(v.Value)
		if f.Keys != nil && sameKeys(f.Keys, keys) {
			continue
		}
		r.Stale++
		err = c.engine.Rekey(ctx, c.schema.Name, Record{Association: f.Association, ID: f.ID, Version: f.Version, Keys: keys, Body: v.Value})
		if err != nil && !errors.Is(err, ErrStale) && !errors.Is(err, ErrNotFound) {
			return r, fmt.Errorf("%s: keys of %s/%s: %w", c.schema.Name, f.Association, f.ID, err)
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
		x, err := Scalar(v)
		if s, ok := stored[key]; !ok || err != nil || s != x {
			return false
		}
	}
	return present == len(stored)
}
