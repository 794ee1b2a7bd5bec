package trust

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"

	"github.com/finsam/finsam/pkg/jwks"
)

// keySet is one version of an issuer's public keys, by key id.
type keySet struct {
	keys map[string]jwks.Key
}

// minRSA is the shortest RSA modulus taken, in bits (RFC 7518 section 3.3).
const minRSA = 2048

// fits reports whether a key may verify signatures of the algorithm.
func fits(k jwks.Key, algorithm string) bool {
	if k.Algorithm != "" && k.Algorithm != algorithm {
		return false
	}
	switch key := k.Public.(type) {
	case *ecdsa.PublicKey:
		return algorithm == "ES256" && key.Curve == elliptic.P256()
	case *rsa.PublicKey:
		return (algorithm == "RS256" || algorithm == "PS256") && key.N.BitLen() >= minRSA
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}
