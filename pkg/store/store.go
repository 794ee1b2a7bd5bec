// Package store is the document store of the services: one aggregate, one document,
// one atomic write.
//
// A document is a Go struct whose json tags name its fields. It is found by its
// association and id, or by keys: values that are derived from it at each write,
// indexed and searched, but never read back into it.
//
// Services use a Collection; databases implement Engine. It offers only what the
// services need, so that it means the same on each: package sqlite is the embedded
// default and mongo is for production. The comments of Engine are its contract and
// package storetest is the proof that both keep it.
package store

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/finsam/finsam/pkg/fault"
)

// Keys are the values that a document is found by: string, int64 or bool, or named
// types of these. An absent or nil key is not in the index.
type Keys map[string]any

// Scalar returns a key's value as string, int64 or bool, also that of a named type;
// nil for an absent one.
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
		return nil, fmt.Errorf("a key's value must be a string, an int64 or a bool, not %T", v)
	}
}

// Index names keys, in order; the association is always its first part, and the id its
// last. Keys behind ID only narrow what the others find, without the documents being
// read. A unique index has no ID, and binds only documents that have all of its keys.
type Index []string

// Spec declares a collection to an engine. A name consists of 1 to 48 ASCII letters,
// digits and "_", and begins with a letter; that of a collection is in lower case.
type Spec struct {
	Name      string
	Keys      []string
	Unique    []Index
	Indexes   []Index
	Sparse    []Index // see Schema.Sparse
	Published bool    // see Schema.Published
}

// Record is a document to be written.
type Record struct {
	Association string // without "/"
	ID          string // 1 to 512 bytes, unique in the association and collection
	Version     int64  // at least 1
	Keys        Keys
	Body        any // pointer to the struct; not read after the call has returned
}

// Document is a stored document.
type Document struct {
	Association string
	ID          string
	Version     int64
	Published   int64 // see Engine.MarkPublished; set by Unpublished only
	Body
	// Keys are the stored keys; set by Walk only. Nil when a declared key was never
	// written, because an older program did not know it.
	Keys Keys
}

// Body is the content of a document.
type Body interface {
	// Decode fills in the struct that it is given a pointer to. Fields that the
	// struct does not have are ignored.
	Decode(into any) error
	// Unknown decodes too, but fails on a field that the struct does not have: a
	// newer program wrote the document.
	Unknown(into any) error
}

// NoAssociation is the association of documents that belong to the service itself.
const NoAssociation = "-"

// Position is a place in a walk through a collection; zero is before the first
// document.
type Position struct {
	Association string
	ID          string
}

// Op compares a key with a value.
type Op string

// The comparisons of every engine. Each finds only documents that have the key. The
// values of one key are all of one type.
const (
	Eq  Op = "="
	In  Op = "in" // Value is a []any of at most 1,000 values
	Lt  Op = "<"
	Lte Op = "<="
	Gt  Op = ">"
	Gte Op = ">="
)

// ID may be compared as a key is, by Eq and In: the documents of these ids. No
// collection declares a key of this name.
const ID = "id"

// Cond is one condition on a declared key, or on ID.
type Cond struct {
	Key   string
	Op    Op
	Value any
}

// Equals returns the condition that a key has a value.
func Equals(key string, value any) Cond { return Cond{Key: key, Op: Eq, Value: value} }

// AtLeast returns the condition that a key is not below a value.
func AtLeast(key string, value any) Cond { return Cond{Key: key, Op: Gte, Value: value} }

// AtMost returns the condition that a key is not above a value.
func AtMost(key string, value any) Cond { return Cond{Key: key, Op: Lte, Value: value} }

// IsAmong returns the condition that a key has one of the values.
func IsAmong[T any](key string, values []T) Cond {
	among := make([]any, len(values))
	for i, v := range values {
		among[i] = v
	}
	return Cond{Key: key, Op: In, Value: among}
}

// Order sorts by a declared key; documents without it come last, or first when Desc.
type Order struct {
	Key  string
	Desc bool
}

// Query finds documents of one association; all conditions must hold. Documents
// that Sort leaves equal are in the order of their ids, descending where the last
// Order is.
type Query struct {
	Association string
	Where       []Cond
	Sort        []Order // at most 2
	OrderName   string  // which of a list's orders it is; the list's cursors begin with it
	After       Cursor  // only documents behind this one in the order
	Skip        int
	Limit       int // 1 to 1,000
}

// Group is a number of documents that share the values of some keys.
type Group struct {
	Values []any // of the keys, in the order in which they were asked for; nil: the documents lack it
	Count  int64
}

// Engine is a database, or the part of one that belongs to one service. Its methods
// may be called at once from any number of goroutines and processes.
//
// A write that returned nil is durable: it survives the death of the process and of
// the machine. Reads see every write that returned before they began. Each write is
// one document, written whole or not at all; there are no transactions.
//
// ErrUnavailable means that the database did not answer, or not before the context
// ended. Whether a write happened is then unknown, except where the method says
// that it can be repeated. An error that is no fault is a mistake of the program,
// such as a key that is not declared. Beside an error the results are zero.
type Engine interface {
	// Prepare creates the collection and its indexes. It must return before the
	// collection is used, and may be repeated: at each start, by several
	// processes at once, and with more keys than before. Documents stored earlier
	// are found by a new key once they are written again or rekeyed.
	Prepare(ctx context.Context, s Spec) error

	// Get returns one document, or ErrNotFound.
	Get(ctx context.Context, collection, association, id string) (Document, error)

	// Insert adds a document. It returns ErrExists when the association has the id
	// already, else ErrTaken when another document has the values of a unique
	// index; nothing is written then.
	Insert(ctx context.Context, collection string, r Record) error

	// Replace writes body, keys and version of a document that is stored at version
	// from, which must be below r.Version. It returns ErrStale at any other version,
	// ErrNotFound without a document, and ErrTaken as Insert; nothing is written
	// then. The published number stays.
	Replace(ctx context.Context, collection string, r Record, from int64) error

	// Delete removes a document that is stored at version from, else it returns
	// ErrStale or ErrNotFound.
	Delete(ctx context.Context, collection, association, id string, from int64) error

	// Find returns the documents that match, in order, at most q.Limit. Each is
	// whole, but what is written meanwhile may be in the list or not.
	Find(ctx context.Context, collection string, q Query) ([]Document, error)

	// Count counts the documents that match, by the values of the keys in by. With
	// no keys in by it returns exactly one group, also when nothing matches. It
	// reads every index entry that matches.
	Count(ctx context.Context, collection, association string, where []Cond, by []string) ([]Group, error)

	// CountUpTo counts the documents that match and stops at limit (at least 1),
	// which bounds its cost.
	CountUpTo(ctx context.Context, collection, association string, where []Cond, limit int) (int64, error)

	// Unpublished returns documents of any association whose published number is
	// below their version, at most limit (1 to 1,000), the longest unwritten first
	// as far as the engine knows the order of several processes' writes. Only a
	// collection that declares Published has such numbers.
	Unpublished(ctx context.Context, collection string, limit int) ([]Document, error)

	// MarkPublished raises the published numbers of documents to at least those
	// given: the steps up to there have been published as events. It changes no
	// version and so disturbs no Replace; documents that are gone are ignored. It
	// is not atomic over several marks, and may be repeated.
	MarkPublished(ctx context.Context, collection string, marks []PublishedMark) error

	// Walk returns documents of any association behind a position, with their keys,
	// at most limit (1 to 1,000), in an order of the engine's own that does not
	// change. What is written meanwhile may be met or not.
	Walk(ctx context.Context, collection string, after Position, limit int) ([]Document, error)

	// Rekey writes only the keys of a document that is stored at r.Version, else it
	// returns ErrStale or ErrNotFound; ErrTaken as Insert. Body, version and
	// published number stay, so it disturbs no Replace. It may be repeated.
	Rekey(ctx context.Context, collection string, r Record) error

	// Ping reports whether the engine can serve: nil, or ErrUnavailable.
	Ping(ctx context.Context) error
}

// PublishedMark says up to which version the steps of a document are published.
type PublishedMark struct {
	Association string
	ID          string
	Published   int64
}

// The answers of a store that are no documents.
var (
	ErrNotFound    = fault.ErrNotFound
	ErrStale       = fault.ErrStale
	ErrExists      = fault.ErrConflict
	ErrUnavailable = fault.ErrUnavailable
	ErrTaken       = fault.New(fault.Conflict, "value-taken",
		"Värdet används redan. Ange ett annat.", "The value is already in use. Give another one.")
	// ErrNewer refuses to write over what a newer program has added: while two
	// versions run side by side, the newer one can make the change.
	ErrNewer = fault.New(fault.Unavailable, "written-by-newer-version",
		"Uppgiften har ändrats av en nyare version av systemet, som håller på att införas. Försök igen om en stund.",
		"This was changed by a newer version of the system, which is being introduced right now. Try again shortly.").After(2 * time.Second)
)
