// Package encryption makes what is said about a person unreadable without a key.
//
// Identity and free text are encrypted before they reach a store: authenticated
// encryption (AES-256-GCM by tink) bound to a context, so that a text copied to another
// person's document, or to another field, cannot be decrypted. Values that must be
// found again, such as a personal identity number, are looked up by a keyed
// pseudorandom function (HMAC-SHA256); without its key the some 40 million valid
// numbers cannot be tried out.
//
// The keys are two tink key sets as JSON in clear, the files seal.json and prf.json,
// mode 0600. In a cluster they come from a Kubernetes secret mounted as files; they are
// never in a database, an image or a repository.
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

// ErrDecrypt answers a text that cannot be decrypted: it was altered, belongs to another
// context, or its key is gone. To the caller it is an internal fault.
var ErrDecrypt = fault.New(fault.Internal, "seal-broken",
	"En skyddad uppgift kunde inte läsas. Felet är loggat. Kontakta supporten.", "A protected value could not be read. The error has been logged. Contact support.")

// Cipher encrypts, decrypts and computes look-ups. Its methods may be called at once.
type Cipher struct {
	aead   tink.AEAD
	prefix []byte // of every text that is encrypted with the newest key
	prf    *prf.Set
}

// New creates a Cipher from the two key sets, in the form that Generate returns. Its
// errors repeat no part of them.
func New(aeadKeys, prfKeys []byte) (*Cipher, error) {
	handle, err := read(aeadKeys)
	if err != nil {
		return nil, fmt.Errorf("encryption keys: %w", err)
	}
	a, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("encryption keys: %w", err)
	}
	handle, err = read(prfKeys)
	if err != nil {
		return nil, fmt.Errorf("look-up keys: %w", err)
	}
	p, err := prf.NewPRFSet(handle)
	if err != nil {
		return nil, fmt.Errorf("look-up keys: %w", err)
	}
	for id := range p.PRFs {
		if _, err := p.PRFs[id].ComputePRF(nil, digestSize); err != nil {
			return nil, fmt.Errorf("look-up key %d: %w", id, err)
		}
	}
	sample, err := a.Encrypt(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("encryption keys: %w", err)
	}
	return &Cipher{aead: a, prefix: sample[:cryptofmt.TinkPrefixSize], prf: p}, nil
}

// UsesNewestKey reports whether a text was encrypted with the key that Encrypt uses.
func (c *Cipher) UsesNewestKey(ciphertext []byte) bool { return bytes.HasPrefix(ciphertext, c.prefix) }

// Encrypt encrypts a text for one context: what it is and where it belongs, such as
// "participant/<id>/identity". The result differs each time.
func (c *Cipher) Encrypt(plaintext []byte, context string) ([]byte, error) {
	ciphertext, err := c.aead.Encrypt(plaintext, []byte(context))
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return ciphertext, nil
}

// Decrypt returns what was encrypted for the same context, with whichever key of the
// set, else ErrDecrypt.
func (c *Cipher) Decrypt(ciphertext []byte, context string) ([]byte, error) {
	plaintext, err := c.aead.Decrypt(ciphertext, []byte(context))
	if err != nil {
		return nil, ErrDecrypt.Because(errors.New("cannot be decrypted in its context"))
	}
	return plaintext, nil
}

// EncryptText is Encrypt for a text that may be left out: an empty one becomes nil.
func (c *Cipher) EncryptText(text, context string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	return c.Encrypt([]byte(text), context)
}

// DecryptText returns what EncryptText has encrypted.
func (c *Cipher) DecryptText(ciphertext []byte, context string) (string, error) {
	if len(ciphertext) == 0 {
		return "", nil
	}
	text, err := c.Decrypt(ciphertext, context)
	return string(text), err
}

// The uses of the keyed function; each has its own name, so that a look-up and a
// fingerprint of the same bytes have nothing in common.
const (
	forLookup      = "finsam/lookup/1\x00"
	forFingerprint = "finsam/fingerprint/1\x00"
)

// digestSize is the length of a look-up or fingerprint in bytes, before base64url.
const digestSize = 32

// Lookup returns the key by which a canonical value is found: the same for the same
// value, and revealing nothing about it. It uses the newest key.
func (c *Cipher) Lookup(canonical string) string {
	return c.digest(c.prf.PrimaryID, forLookup, []byte(canonical))
}

// Lookups returns the look-ups under every key of the set, the newest key's first.
// While keys are rotated, a value may still be filed under an older one.
func (c *Cipher) Lookups(canonical string) []string {
	lookups := []string{c.Lookup(canonical)}
	for id := range c.prf.PRFs {
		if id != c.prf.PrimaryID {
			lookups = append(lookups, c.digest(id, forLookup, []byte(canonical)))
		}
	}
	return lookups
}

// Fingerprint returns a keyed digest of b, to compare two texts without keeping either.
func (c *Cipher) Fingerprint(b []byte) string {
	return c.digest(c.prf.PrimaryID, forFingerprint, b)
}

func (c *Cipher) digest(key uint32, use string, b []byte) string {
	out, err := c.prf.PRFs[key].ComputePRF(append([]byte(use), b...), digestSize)
	if err != nil {
		// Only a wrong length fails, and New has tried it with each key.
		panic("encryption: keyed function: " + err.Error())
	}
	var text [43]byte // of digestSize bytes
	base64.RawURLEncoding.Encode(text[:], out)
	return string(text[:])
}
