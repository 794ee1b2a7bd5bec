// Package encryption keeps what is said about a person unreadable without a key.
//
// Identity and free text are sealed before they reach a store: authenticated
// encryption (AES-256-GCM by tink) bound to a context, so that a sealed text
// copied to another person's document, or to another field, does not open.
// Values that must be found again, such as a personal identity number, are
// looked up by a keyed pseudorandom function (HMAC-SHA256); without its key the
// about 40 million valid numbers cannot be tried out.
//
// The keys are two tink key sets as JSON in clear, seal.json and prf.json, mode
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

// ErrOpen answers a sealed text that does not open: it was altered, belongs to
// another context, or its key is gone. To the caller it is an internal fault.
var ErrOpen = fault.New(fault.Internal, "seal-broken",
	"En skyddad uppgift kunde inte läsas. Felet är noterat.", "A protected value could not be read. It has been noted.")

// Cipher seals, opens and looks up. It is safe for concurrent use.
type Cipher struct {
	aead   tink.AEAD
	prefix []byte // what all that is sealed with the newest key begins with
	prf    *prf.Set
}

// New creates a sealer of the two key sets that Generate gives.
func New(aeadKeys, prfKeys []byte) (*Cipher, error) {
	sealing, err := read(aeadKeys)
	if err != nil {
		return nil, fmt.Errorf("sealing keys: %w", err)
	}
	a, err := aead.New(sealing)
	if err != nil {
		return nil, fmt.Errorf("sealing keys: %w", err)
	}
	looking, err := read(prfKeys)
	if err != nil {
		return nil, fmt.Errorf("look-up keys: %w", err)
	}
	p, err := prf.NewPRFSet(looking)
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
		return nil, fmt.Errorf("sealing keys: %w", err)
	}
	return &Cipher{aead: a, prefix: sample[:cryptofmt.TinkPrefixSize], prf: p}, nil
}

// Newest reports whether a sealed text was sealed with the key that seals now.
func (s *Cipher) Newest(sealed []byte) bool { return bytes.HasPrefix(sealed, s.prefix) }

// Encrypt encrypts clear for one context: what is sealed and where it belongs, such
// as "participant/<id>/identity". The same text seals differently each time.
func (s *Cipher) Encrypt(clear []byte, context string) ([]byte, error) {
	sealed, err := s.aead.Encrypt(clear, []byte(context))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, nil
}

// Decrypt returns what was sealed for the same context, else ErrOpen.
func (s *Cipher) Decrypt(sealed []byte, context string) ([]byte, error) {
	clear, err := s.aead.Decrypt(sealed, []byte(context))
	if err != nil {
		return nil, ErrOpen.Because(errors.New("does not open in its context"))
	}
	return clear, nil
}

// What the keyed function is used for; each use has its own name, so that a
// look-up and a fingerprint of the same bytes have nothing in common.
const (
	forLookup      = "finsam/lookup/1\x00"
	forFingerprint = "finsam/fingerprint/1\x00"
)

// size is the length of a look-up or fingerprint in bytes, before base64url.
const size = 32

// Lookup returns what a canonical value is found by: the same for the same value
// and key, and telling nothing about it. It uses the newest key.
func (s *Cipher) Lookup(canonical string) string {
	return s.keyed(s.prf.PrimaryID, forLookup, []byte(canonical))
}

// Lookups returns the look-ups under every key of the set, the newest key's first.
// While keys are rotated, a value may still be filed under an older one.
func (s *Cipher) Lookups(canonical string) []string {
	all := []string{s.Lookup(canonical)}
	for id := range s.prf.PRFs {
		if id != s.prf.PrimaryID {
			all = append(all, s.keyed(id, forLookup, []byte(canonical)))
		}
	}
	return all
}

// Fingerprint returns a keyed digest of b, to tell whether two texts are the same
// without keeping either.
func (s *Cipher) Fingerprint(b []byte) string {
	return s.keyed(s.prf.PrimaryID, forFingerprint, b)
}

func (s *Cipher) keyed(key uint32, use string, b []byte) string {
	out, err := s.prf.PRFs[key].ComputePRF(append([]byte(use), b...), size)
	if err != nil {
		// Only a wrong length fails, and New has tried it with each key: no
		// caller's input leads here.
		panic("seal: keyed function: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(out)
}
