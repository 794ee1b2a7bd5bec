// Package store keeps documents: one aggregate, one document, one atomic write.
//
// It is as narrow as the services need it, so that it means the same on every
// engine: packages sqlite (the embedded default) and mongo (production). What an
// engine must hold is told by the comments here and proven by package storetest.
//
// A document is a Go struct (its json tags name the fields), found by its
// association and id, or by keys: values derived from it at each write, indexed,
// searched and never read back.
package store

import (
	"context"
	"time"

	"github.com/finsam/finsam/pkg/fault"
)

// Keys are the values a document is found by: string, int64 or bool. A key that
// is absent is not in the index; a unique index binds only documents that have
// all of its keys.
type Keys map[string]any

// Index names keys, in order. The association is always its first part.
type Index []string

// Spec declares a collection to an engine.
type Spec struct {
	Name    string // lower-case letters and "_"
	Keys    []string
	Unique  []Index
	Indexes []Index
}

// Record is a document on its way in.
type Record struct {
	Association string
	ID          string
	Version     int64 // at least 1
	Keys        Keys
	Body        any // pointer to the struct
}

// Found is a document on its way out.
type Document struct {
	Association string
	ID          string
	Version     int64
	Published   int64
	Decode      func(into any) error

	// Unknown decodes as well, but fails on a field that into does not have: the
	// document was written by a newer program. Nil: nothing can be told.
	Unknown func(into any) error
	// Keys are as stored; only Walk gives them. Nil when one of those declared
	// was never written: an older program did not know it.
	Keys Keys
}

// NoAssociation is the Association of documents that belong to the service itself.
const NoAssociation = "-"

// Position is where a walk through a collection stands; zero is before the first.
type Position struct {
	Association string
	ID          string
}

// Op compares a key with a value.
type Op string

// The comparisons that every engine has.
const (
	Eq  Op = "="
	In  Op = "in" // Value is []any
	Lt  Op = "<"
	Lte Op = "<="
	Gt  Op = ">"
	Gte Op = ">="
)

// Cond is one condition on a key.
type Cond struct {
	Key   string
	Op    Op
	Value any
}

// Order sorts by a key; documents without it come last when ascending.
type Order struct {
	Key  string
	Desc bool
}

// Query finds documents of one association; all conditions must hold. Ties of
// Sort are broken by id, ascending, or descending where the last Order is.
type Query struct {
	Association string
	Where       []Cond
	Sort        []Order // at most 2
	After       Cursor  // only documents behind this one in the order
	Skip        int
	Limit       int // 1 to 1000
}

// Group is a count of the documents that share the values of some keys.
type Group struct {
	Keys  Keys
	Count int64
}

// Engine is a database, or the part of one that belongs to one service.
//
// Every method answers within the context's deadline. A write that returned nil
// is durable: it survives the death of the process and of the machine. Reads see
// every write that returned before they began.
type Engine interface {
	// Prepare creates the collection and its indexes be as declared. It may be
	// called by several processes at once and again at each start.
	Prepare(ctx context.Context, s Spec) error

	// Get finds one document, or ErrNotFound.
	Get(ctx context.Context, collection, association, id string) (Document, error)

	// Insert adds a document; ErrExists when the id, or ErrTaken when a
	// unique index's values are there already.
	Insert(ctx context.Context, collection string, r Record) error

	// Replace writes body, keys and version in one step, if the stored version
	// is still from; else ErrStale, or ErrNotFound. The settled number is left
	// as it is. Errors as Insert for unique indexes.
	Replace(ctx context.Context, collection string, r Record, from int64) error

	// Delete removes a document if its version is still from; errors as Replace.
	Delete(ctx context.Context, collection, association, id string, from int64) error

	// Find returns the matching documents in order.
	Find(ctx context.Context, collection string, q Query) ([]Document, error)

	// Count counts the matching documents by the values of the keys in by;
	// without by one group (also when it is zero).
	Count(ctx context.Context, collection, association string, where []Cond, by []string) ([]Group, error)

	// CountUpTo counts the matching documents, and stops at most (1 or more): what
	// it costs is bounded by that, however many there are.
	CountUpTo(ctx context.Context, collection, association string, where []Cond, most int) (int64, error)

	// Unpublished returns documents of any association whose settled number is
	// below their version, in the order of their latest write as far as the
	// engine knows it, at most limit.
	Unpublished(ctx context.Context, collection string, limit int) ([]Document, error)

	// MarkPublished raises the settled numbers of documents to at least the versions
	// given; it never changes a version and never disturbs a Replace under way.
	MarkPublished(ctx context.Context, collection string, marks []PublishedMark) error

	// Walk returns documents of any association behind a place, at most limit (1
	// to 1000), with their keys, in an order of the engine's own that does not
	// change. What is written meanwhile may be given or not.
	Walk(ctx context.Context, collection string, after Position, limit int) ([]Document, error)

	// Rekey writes only the keys of a document, if it is still stored at
	// r.Version; else ErrStale, or ErrNotFound. Body, version and settled number
	// stay, and a Replace under way is not disturbed. ErrTaken as Insert.
	Rekey(ctx context.Context, collection string, r Record) error

	// Ping reports whether the engine can serve.
	Ping(ctx context.Context) error
}

// PublishedMark says up to which version a document's steps have been told.
type PublishedMark struct {
	Association string
	ID          string
	Published   int64
}

// What a store can answer instead.
var (
	ErrNotFound = fault.ErrNotFound
	ErrStale    = fault.ErrStale
	ErrExists   = fault.ErrConflict
	ErrTaken    = fault.New(fault.Conflict, "value-taken",
		"Värdet används redan av något annat.", "The value is already used by something else.")
	// ErrNewer refuses to write over what a newer program has added: while two
	// versions run side by side, the newer one can make the change.
	ErrNewer = fault.New(fault.Unavailable, "written-by-newer-version",
		"Uppgiften har ändrats av en nyare version av systemet, som just håller på att införas. Försök igen om en stund.",
		"This was changed by a newer version of the system, which is being put in place just now. Try again shortly.").After(2 * time.Second)
)
