// Package idempotency makes creation safe to repeat: the same Idempotency-Key
// returns the same document, stored once.
//
// The id of what is created follows from who asks and the key, so the store's own
// "this id exists" is the memory. A receipt in the document shows
// whether the repeat is the same request, and when the key may be used again.
package idempotency

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// KeyLifetime is how long a key names what it created; after that it is free.
const KeyLifetime = 24 * time.Hour

// ErrKeyReused is returned for a key that was used for another request.
var ErrKeyReused = fault.New(fault.Unprocessable, "idempotency-key-reused",
	"Idempotency-Key har redan använts för en annan begäran. Välj en ny nyckel.",
	"The Idempotency-Key has already been used for another request. Choose a new key.")

// Receipt is what a created document keeps of the request that created it.
type Receipt struct {
	Fingerprint string    `json:"fingerprint"` // keyed, so the body cannot be guessed from it
	At          time.Time `json:"at"`
}

// Request is a creation that may be a repeat.
type Request struct {
	Actor       actor.Actor
	Operation   string
	Key         string // the Idempotency-Key; empty: never a repeat
	Fingerprint string // keyed fingerprint of the body
	Now         time.Time
	NewID       func() string
}

// namespace is the name space of ids made from keys (RFC 9562, version 5).
var namespace = uuid.MustParse("6f1f7c0e-6a5b-4a3e-9d52-5f1de0a0f8c1")

// id returns the id of the n-th document that the key names; n grows every time the key
// is used again after its lifetime.
func (r Request) id(n int) string {
	if r.Key == "" {
		return r.NewID()
	}
	name := r.Actor.Association + "\x00" + r.Actor.Authority + "\x00" + r.Operation + "\x00" + r.Key + "\x00" + strconv.Itoa(n)
	return uuid.NewSHA1(namespace, []byte(name)).String()
}

// maxGenerations bounds how often a key can be used again, a day apart each.
const maxGenerations = 1000

// Create inserts the document that build makes under the id passed to it, or finds the
// one that an earlier, equal request made (replayed). It returns ErrKeyReused, beside the
// document, when the key was used for another request. build must be safe to repeat: it
// runs again when two equal requests race.
func Create[T any](ctx context.Context, c *store.Collection[T], r Request, receipt func(*T) Receipt, build func(id string) (*T, error)) (v store.Versioned[T], replayed bool, err error) {
	for n := range maxGenerations {
		id := r.id(n)
		if r.Key != "" {
			old, err := c.Get(ctx, r.Actor.Association, id)
			if err == nil {
				if r.expired(receipt(old.Value)) {
					continue
				}
				return old, true, r.Same(receipt(old.Value))
			}
			if !errors.Is(err, store.ErrNotFound) {
				return v, false, err
			}
		}
		made, err := build(id)
		if err != nil {
			return v, false, err
		}
		version, err := c.Insert(ctx, made)
		if errors.Is(err, store.ErrExists) && r.Key != "" {
			old, err := c.Get(ctx, r.Actor.Association, id)
			if err != nil {
				return v, false, err
			}
			return old, true, r.Same(receipt(old.Value))
		}
		return store.Versioned[T]{Value: made, Version: version}, false, err
	}
	return v, false, ErrKeyReused
}

// Find returns the id of what the request creates where that is a part of a document.
// receipt returns the receipt of the part with that id, if the document has it; if found,
// the caller must check Same.
func (r Request) Find(receipt func(id string) (Receipt, bool)) (id string, found bool, err error) {
	for n := range maxGenerations {
		id := r.id(n)
		was, ok := receipt(id)
		if !ok {
			return id, false, nil
		}
		if !r.expired(was) {
			return id, true, nil
		}
	}
	return "", false, ErrKeyReused
}

func (r Request) expired(was Receipt) bool { return r.Now.Sub(was.At) > KeyLifetime }

// Same returns ErrKeyReused unless the receipt is of this request.
func (r Request) Same(was Receipt) error {
	if was.Fingerprint != r.Fingerprint {
		return ErrKeyReused
	}
	return nil
}
