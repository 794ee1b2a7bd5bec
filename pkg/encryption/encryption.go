// Package encryption makes what is said about a person unreadable without a key.
//
// Identity and free text are encrypted before they reach a store, with authenticated
// encryption (AES-256-GCM by tink) bound to a context: a ciphertext copied to another
// person's document, or to another field, cannot be decrypted.
// Values that must be found again, such as a personal identity number, are
// looked up by a keyed pseudorandom function (HMAC-SHA256); without its key the
// 40 million or so valid numbers cannot be tried out.
//
// The keys are two tink key sets as unencrypted JSON, seal.json and prf.json, mode
// 0600. In a cluster they come from a Kubernetes secret mounted as files; they
// are never in a database, an image or a repository.
package encryption

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/core/cryptofmt"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/finsam/finsam/pkg/fault"
)

// ErrOpen is returned for a ciphertext that cannot be decrypted: it was altered, belongs
// to another context, or its key is gone. To the caller it is an internal fault.
var ErrOpen = fault.New(fault.Internal, "seal-broken",
	"En skyddad uppgift kunde inte läsas. Felet är noterat.", "A protected value could not be read. It has been noted.")

// Cipher encrypts, decrypts, and makes look-up values. It is safe for concurrent use.
type Cipher struct {
	aead   tink.AEAD
	prefix []byte // how every ciphertext of the newest key begins
	prf    *prf.Set
}

// New creates a cipher from two key sets as Generate returns them. Its errors contain
// nothing of the keys.
func New(aeadKeys, prfKeys []byte) (*Cipher, error) {
	encryption, err := read(aeadKeys)
	if err != nil {
		return nil, fmt.Errorf("encryption keys: %w", err)
	}
	a, err := aead.New(encryption)
	if err != nil {
		return nil, fmt.Errorf("encryption keys: %w", err)
	}
	lookup, err := read(prfKeys)
	if err != nil {
		return nil, fmt.Errorf("look-up keys: %w", err)
	}
	p, err := prf.NewPRFSet(lookup)
	if err != nil {
		return nil, fmt.Errorf("look-up keys: %w", err)
	}
	for id := range p.PRFs {
		if _, err := p.PRFs[id].ComputePRF(nil, size); err != nil {
			return nil, fmt.Errorf("look-up key %d: %w", id, err)
		}
	}
	sample, err := a.Encrypt(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("encryption keys: %w", err)
	}
	return &Cipher{aead: a, prefix: sample[:cryptofmt.TinkPrefixSize], prf: p}, nil
}

// Newest reports whether a ciphertext was made with the key that Encrypt uses now.
func (s *Cipher) Newest(ciphertext []byte) bool { return bytes.HasPrefix(ciphertext, s.prefix) }

// Encrypt encrypts a text for one context: what it is and where it belongs, such as
// "participant/<id>/identity". The same text has another ciphertext each time.
func (s *Cipher) Encrypt(plaintext []byte, context string) ([]byte, error) {
	ciphertext, err := s.aead.Encrypt(plaintext, []byte(context))
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return ciphertext, nil
}

// Decrypt returns what was encrypted for the same context, else ErrOpen.
func (s *Cipher) Decrypt(ciphertext []byte, context string) ([]byte, error) {
	plaintext, err := s.aead.Decrypt(ciphertext, []byte(context))
	if err != nil {
		return nil, ErrOpen.Because(errors.New("cannot be decrypted in its context"))
	}
	return plaintext, nil
}

// Each use of the keyed function has its own prefix, so that a look-up value and a
// fingerprint of the same bytes have nothing in common.
const (
	forLookup      = "finsam/lookup/1\x00"
	forFingerprint = "finsam/fingerprint/1\x00"
)

// size is the length of a look-up or fingerprint in bytes, before base64url.
const size = 32

// Lookup returns the value that a canonical value is found by: the same for the same
// value and key, and revealing nothing about it. It uses the newest key.
func (s *Cipher) Lookup(canonical string) string {
	return s.keyed(s.prf.PrimaryID, forLookup, []byte(canonical))
}

// Lookups returns the look-up values under every key of the set, the newest key's first:
// a value may still be indexed under an older one.
func (s *Cipher) Lookups(canonical string) []string {
	all := []string{s.Lookup(canonical)}
	for id := range s.prf.PRFs {
		if id != s.prf.PrimaryID {
			all = append(all, s.keyed(id, forLookup, []byte(canonical)))
		}
	}
	return all
}

// Fingerprint returns a keyed digest of b, to compare two texts without keeping either.
func (s *Cipher) Fingerprint(b []byte) string {
	return s.keyed(s.prf.PrimaryID, forFingerprint, b)
}

func (s *Cipher) keyed(key uint32, use string, b []byte) string {
	out, err := s.prf.PRFs[key].ComputePRF(append([]byte(use), b...), size)
	if err != nil {
		// Only a wrong length fails, and New has tried it with each key: no
		// caller's input leads here.
		panic("encryption: keyed function: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(out)
}
