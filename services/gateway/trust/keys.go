package trust

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/MicahParks/keyfunc/v3"
)

// keySet is one version of an issuer's public keys, by key id.
type keySet struct {
	keys map[string]publicKey
}

// publicKey is a key and the one algorithm it may be used with; an empty one
// leaves it to the key's type.
type publicKey struct {
	public    any
	algorithm string
}

// minRSA is the shortest RSA modulus taken, in bits (RFC 7518 section 3.3).
const minRSA = 2048

// fits reports whether the key may verify signatures of the algorithm.
func (k publicKey) fits(algorithm string) bool {
	if k.algorithm != "" && k.algorithm != algorithm {
		return false
	}
	switch key := k.public.(type) {
	case *ecdsa.PublicKey:
		return algorithm == "ES256" && key.Curve == elliptic.P256()
	case *rsa.PublicKey:
		return (algorithm == "RS256" || algorithm == "PS256") && key.N.BitLen() >= minRSA
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}

// members are those of a JWK (RFC 7517) that are read. All else is dropped before
// parsing: private and symmetric parts, and x5u, which a parser would go and fetch.
type members struct {
	Kty string `json:"kty"`
	Kid string `json:"kid"`
	Use string `json:"use,omitempty"`
	Alg string `json:"alg,omitempty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
}

// parseKeys reads a JWKS. Keys that are of no use here (symmetric, for
// encryption, without id) are left out; two keys of one id are an error.
func parseKeys(text []byte) (*keySet, error) {
	var in struct {
		Keys []members `json:"keys"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("not a JWKS: %w", err)
	}
	set := &keySet{keys: map[string]publicKey{}}
	for _, m := range in.Keys {
		if m.Kty == "oct" || m.Kid == "" || m.Use != "" && m.Use != "sig" {
			continue
		}
		key, err := parseKey(m)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", m.Kid, err)
		}
		if _, twice := set.keys[m.Kid]; twice {
			return nil, fmt.Errorf("key id %q stands twice", m.Kid)
		}
		set.keys[m.Kid] = publicKey{public: key, algorithm: m.Alg}
	}
	if len(set.keys) == 0 {
		return nil, errors.New("no key in it can verify a token")
	}
	return set, nil
}

func parseKey(m members) (any, error) {
	text, err := json.Marshal(struct {
		Keys []members `json:"keys"`
	}{[]members{m}})
	if err != nil {
		return nil, err
	}
	parsed, err := keyfunc.NewJWKSetJSON(text)
	if err != nil {
		return nil, err
	}
	all, err := parsed.VerificationKeySet(context.Background())
	if err != nil || len(all.Keys) != 1 {
		return nil, errors.Join(errors.New("not a key of a known kind"), err)
	}
	return all.Keys[0], nil
}
