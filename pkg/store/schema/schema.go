// Package schema brings a service's database to what the program expects: it
// takes the steps that the database has not taken, and writes the keys anew of
// documents that were stored when other keys were declared.
//
// Steps go forward only, one program takes them at a time (a lease document, by
// compare-and-swap), and each leaves a database that can be worked on, so that a
// program that dies in the middle is followed by one that goes on. While they are
// taken, programs of the version before may serve: a step that they could not
// live with says so (Step.Breaks), and then they end.
//
// The version of a database is the number of steps that it has taken. It stands
// in the collection "schema" of the service's own database.
package schema

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

// Schema is what a program knows of its service's database.
type Schema struct {
	Service     string
	Collections []Collection
	// Steps are all that were ever needed, in their order; a release adds at the
	// end and never changes those before. A change of what a collection declares
	// takes a step as well, be it without Do: it makes the version higher.
	Steps []Step
}

// Version is the version that the program brings a database to.
func (s Schema) Version() int64 { return int64(len(s.Steps)) }

// Step is one change of a database.
type Step struct {
	Name string // what it does, for an operator
	// Breaks says that programs which do not know this step must not work on the
	// database any more: they end, and there is no way back but a backup.
	Breaks bool
	// Do changes documents. It may be begun again after a death in the middle, and
	// it changes by compare-and-swap, as others write meanwhile. Nil: keys only,
	// which are written anew without being asked.
	Do func(ctx context.Context, e store.Engine) error
}

// Collection is one that the service declares; Of makes it.
type Collection struct {
	spec store.Spec
	open func(ctx context.Context, e store.Engine) (rekeyer, error)
}

type rekeyer interface {
	Rekey(ctx context.Context, after store.Position, limit int, look bool) (store.Rekeyed, error)
}

// Of returns the collection of a kind.
func Of[T any](k store.Schema[T]) Collection {
	return Collection{spec: k.Spec(), open: func(ctx context.Context, e store.Engine) (rekeyer, error) { return store.Open(ctx, e, k) }}
}

// Declaration is what a collection declared when its documents were looked
// through last.
type Declaration struct {
	Keys   []string `json:"keys"`
	Unique []string `json:"unique"` // each index as its keys, joined by "+"
}

// Declared returns what the schema declares now, by collection.
func (s Schema) Declared() map[string]Declaration {
	all := map[string]Declaration{}
	for _, c := range s.Collections {
		d := Declaration{Keys: slices.Sorted(slices.Values(c.spec.Keys)), Unique: []string{}}
		for _, ix := range c.spec.Unique {
			d.Unique = append(d.Unique, strings.Join(ix, "+"))
		}
		slices.Sort(d.Unique)
		all[c.spec.Name] = d
	}
	return all
}

func (d Declaration) same(other Declaration) bool {
	return slices.Equal(d.Keys, other.Keys) && slices.Equal(d.Unique, other.Unique)
}

// state is what a database tells of itself.
type state struct {
	Version  int64                  `json:"version"`  // steps taken
	Least    int64                  `json:"least"`    // programs of a lower version must not work on it
	Declared map[string]Declaration `json:"declared"` // by collection
	// Recheck is set while an older program may be writing documents without the
	// newest keys: Unix milliseconds after which they are looked through again.
	Recheck int64  `json:"recheck"`
	Program string `json:"program"` // the one that wrote this
	Writes  int64  `json:"writes"`
}

// nobody is the association of what belongs to the service itself, and the only
// id of what it has one of.
const nobody = "-"

func kind() store.Schema[state] {
	return store.Schema[state]{
		Name:    "schema",
		ID:      func(*state) (string, string) { return nobody, nobody },
		Version: func(s *state) int64 { return s.Writes },
	}
}

// Migration is a schema with the database that it is for.
type Migration struct {
	Schema  Schema
	Engine  store.Engine
	Program string // the program's version, for the operator
	Now     func() time.Time
	Log     *slog.Logger
}
