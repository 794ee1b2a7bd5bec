// Package idempotency makes creation safe to repeat: requests with the same
// Idempotency-Key create one document.
//
// The document's id follows from the caller's authority, the operation and the key, so
// the store's own "this id exists" is the memory, in every process and after a crash.
// A receipt in the document says whether a repeat is the same request, and when the
// key is free again.
package idempotency

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/retention"
	"github.com/finsam/finsam/pkg/store"
)

// ErrKeyReused answers a key that belongs to another request.
var ErrKeyReused = fault.New(fault.Unprocessable, "idempotency-key-reused",
	"Samma Idempotency-Key har redan använts för ett annat anrop. Välj en ny nyckel.",
	"The Idempotency-Key has already been used for another request. Choose a new key.")

// Receipt is what a document keeps of the request that created it.
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

// namespace is that of the ids made from keys (RFC 9562, version 5).
var namespace = uuid.MustParse("6f1f7c0e-6a5b-4a3e-9d52-5f1de0a0f8c1")

// id returns the id of the n-th document that is created with the key; n grows when
// the key is used again after its lifetime.
func (r Request) id(n int) string {
	if r.Key == "" {
		return r.NewID()
	}
	name := r.Actor.Association + "\x00" + r.Actor.Authority + "\x00" + r.Operation + "\x00" + r.Key + "\x00" + strconv.Itoa(n)
	return uuid.NewSHA1(namespace, []byte(name)).String()
}

// maxReuses bounds how often a key can be used again, a day apart each.
const maxReuses = 1000

// Create inserts the document that build makes for an id, or returns the one that an
// earlier, same request created; replayed reports which. A key that belongs to another
// request is ErrKeyReused, and the document of that request is returned beside it;
// beside any other error v is of no use. receipt returns the receipt of a document.
//
// Of several same requests at once one inserts and the others get its document. build
// runs in each of them, so it must be safe to repeat. A process that dies before the
// insert leaves nothing; after it a repeat returns what was created.
func Create[T any](ctx context.Context, c *store.Collection[T], r Request, receipt func(*T) Receipt, build func(id string) (*T, error)) (v store.Versioned[T], replayed bool, err error) {
	for n := range maxReuses {
		id := r.id(n)
		if r.Key != "" {
			old, err := c.Get(ctx, r.Actor.Association, id)
			if err == nil {
				if r.Now.Sub(receipt(old.Value).At) > retention.IdempotencyKey {
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

// Find returns the id of what the request creates where that is a part of a document,
// which the caller reads and writes by itself. receipt returns the receipt of the part
// with that id, if there is one. found reports that the part was created with this
// key; the caller then compares the request by Same.
func (r Request) Find(receipt func(id string) (Receipt, bool)) (id string, found bool, err error) {
	for n := range maxReuses {
		id := r.id(n)
		was, ok := receipt(id)
		if !ok {
			return id, false, nil
		}
		if r.Now.Sub(was.At) <= retention.IdempotencyKey {
			return id, true, nil
		}
	}
	return "", false, ErrKeyReused
}

// Same returns ErrKeyReused unless the receipt is that of this request.
func (r Request) Same(was Receipt) error {
	if was.Fingerprint != r.Fingerprint {
		return ErrKeyReused
	}
	return nil
}
