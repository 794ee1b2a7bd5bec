// Package storetest is the conformance suite that every engine of package store must
// pass. Each name of a case is a sentence of the contract.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

// Run tests an engine. open returns a new, empty one at each call, and closes it by
// t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) store.Engine) {
	groups := []struct {
		name  string
		cases []testCase
	}{
		{"prepare", prepareCases},
		{"a round trip keeps", roundTripCases()},
		{"write", writeCases},
		{"unique", uniqueCases()},
		{"collection", collectionCases},
		{"find", findCases()},
		{"page", pageCases()},
		{"count", append(countCases, groupCases()...)},
		{"association", associationCases},
		{"published", publishCases()},
		{"rekey", rekeyCases},
		{"newer", newerCases},
		{"refuse", refuseCases()},
		{"context", contextCases()},
		{"concurrency", concurrencyCases},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			e, library := open(t), new(shelf)
			for i, c := range g.cases {
				t.Run(c.name, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					c.run(&suite{T: t, ctx: ctx, engine: e, name: fmt.Sprintf("things%d", i), shelf: library})
				})
			}
		})
	}
}

type testCase struct {
	name string
	run  func(*suite)
}

// suite is what one case uses: the engine of its group, and a name for a collection of
// its own.
type suite struct {
	*testing.T
	ctx    context.Context
	engine store.Engine
	name   string
	shelf  *shelf
}

// shelf has the library for the cases of a group, which only read it.
type shelf struct{ things *store.Collection[thing] }

// thing is the suite's document. Pointers are keys that may be absent.
type thing struct {
	Association string  `json:"association"`
	ID          string  `json:"id"`
	Unit        *string `json:"unit,omitempty"`
	Rank        *int64  `json:"rank,omitempty"`
	Open        *bool   `json:"open,omitempty"`
	Code        *string `json:"code,omitempty"`
	Serial      *int64  `json:"serial,omitempty"`
	Text        string  `json:"text,omitempty"`
	Count       int64   `json:"count"`
}

// schemaOf declares the suite's collection: keys of every type and two unique indexes,
// one of them on two keys.
func schemaOf(name string) store.Schema[thing] {
	return store.Schema[thing]{
		Name:      name,
		Unique:    []store.Index{{"code"}, {"unit", "serial"}},
		Indexes:   []store.Index{{"unit", "rank", store.ID, "open"}, {"rank"}},
		Sparse:    []store.Index{{"open"}, {"serial", "rank"}},
		Published: true,
		ID:        func(v *thing) (string, string) { return v.Association, v.ID },
		Keys:      thingKeys,
	}
}

func thingKeys(v *thing) store.Keys {
	keys := store.Keys{}
	put(keys, "unit", v.Unit)
	put(keys, "rank", v.Rank)
	put(keys, "open", v.Open)
	put(keys, "code", v.Code)
	put(keys, "serial", v.Serial)
	return keys
}

func put[V any](keys store.Keys, name string, v *V) {
	if v != nil {
		keys[name] = *v
	}
}

// things opens the case's collection.
func (s *suite) things() *store.Collection[thing] {
	s.Helper()
	c, err := store.Open(s.ctx, s.engine, schemaOf(s.name))
	s.ok(err)
	return c
}

// with opens the case's collection and inserts documents.
func (s *suite) with(all ...thing) *store.Collection[thing] {
	s.Helper()
	c := s.things()
	for _, v := range all {
		s.ok(s.insert(c, v))
	}
	return c
}

func (s *suite) get(c *store.Collection[thing], association, id string) store.Versioned[thing] {
	s.Helper()
	v, err := c.Get(s.ctx, association, id)
	s.ok(err)
	return v
}

func (s *suite) insert(c *store.Collection[thing], v thing) error {
	_, err := c.Insert(s.ctx, &v)
	return err
}

func (s *suite) replace(c *store.Collection[thing], v store.Versioned[thing]) error {
	_, err := c.Replace(s.ctx, v)
	return err
}

// missing fails unless north has no document of the id.
func (s *suite) missing(c *store.Collection[thing], id string) {
	s.Helper()
	_, err := c.Get(s.ctx, "north", id)
	s.is(err, store.ErrNotFound)
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) is(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("got %v, want %v", err, want)
	}
}

func (s *suite) equal(what string, got, want any) {
	s.Helper()
	if got != want {
		s.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func newThing(id string) thing { return thing{Association: "north", ID: id} }

func record(id string, version int64) store.Record {
	v := newThing(id)
	return store.Record{Association: "north", ID: id, Version: version, Body: &v}
}

func (s *suite) count(c *store.Collection[thing], key string, v any) int64 {
	s.Helper()
	n, err := c.Count(s.ctx, "north", []store.Cond{{Key: key, Op: store.Eq, Value: v}})
	s.ok(err)
	return n
}
