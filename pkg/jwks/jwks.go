// Package jwks reads and writes sets of public keys that verify signatures (JWKS,
// RFC 7517). It reads the public members of a key only: no private part, and no
// address (x5u, jku) from which somebody else's key could be fetched.
package jwks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// Key is a public key: *ecdsa.PublicKey on P-256, P-384 or P-521, *rsa.PublicKey of
// any length, or ed25519.PublicKey.
type Key struct {
	Public    crypto.PublicKey
	Algorithm string // the only one that it is for, such as "ES256"; empty: any that fits
}

// member is a key as the set has it.
type member struct {
	Type      string   `json:"kty"`
	Curve     string   `json:"crv,omitempty"`
	Algorithm string   `json:"alg,omitempty"`
	Use       string   `json:"use,omitempty"`
	For       []string `json:"key_ops,omitempty"`
	ID        string   `json:"kid"`
	X         string   `json:"x,omitempty"`
	Y         string   `json:"y,omitempty"`
	N         string   `json:"n,omitempty"`
	E         string   `json:"e,omitempty"`
}

type set struct {
	Keys []json.RawMessage `json:"keys"`
}

// Parse reads a set and returns its keys by id. Keys that are not meant to verify the
// signature of a token that names its key are left out: symmetric ones, those for
// encryption, those without an id. A key that is meant to and cannot be used is left out
// too, so that the others hold (RFC 7517 section 5): one of an unknown kind or with a wrong
// value, a weak one, and all keys of an id that is in the set twice. Of each of those
// leftOut has a sentence, which names the key's id and no value. A set without any key that
// is of use is an error.
func Parse(text []byte) (keys map[string]Key, leftOut []string, err error) {
	var in set
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, nil, errors.New("not a set of public keys (JWKS)")
	}
	keys = map[string]Key{}
	seen := map[string]bool{}
	for i, raw := range in.Keys {
		var m member
		if err := json.Unmarshal(raw, &m); err != nil {
			leftOut = append(leftOut, fmt.Sprintf("key %d: a member has another type than RFC 7517 says", i+1))
			continue
		}
		if m.Type == "oct" || m.ID == "" || m.Use != "" && m.Use != "sig" || m.For != nil && !slices.Contains(m.For, "verify") {
			continue
		}
		public, err := m.public()
		switch {
		case seen[m.ID]:
			delete(keys, m.ID)
			err = errors.New("its id is in the set twice")
		case err == nil:
			keys[m.ID] = Key{Public: public, Algorithm: m.Algorithm}
		}
		seen[m.ID] = true
		if err != nil {
			leftOut = append(leftOut, fmt.Sprintf("key %.64q: %s", m.ID, err))
		}
	}
	if len(keys) == 0 {
		return nil, leftOut, errors.New(strings.Join(append([]string{"no key in it can verify a token"}, leftOut...), "; "))
	}
	return keys, leftOut, nil
}

var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

// public decodes the key (RFC 7518 section 6, RFC 8037).
func (m member) public() (crypto.PublicKey, error) {
	values := map[string][]byte{}
	for name, text := range map[string]string{"x": m.X, "y": m.Y, "n": m.N, "e": m.E} {
		value, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("%s is not base64url", name)
		}
		values[name] = value
	}
	x, y := values["x"], values["y"]
	switch curve := curves[m.Curve]; {
	case m.Type == "OKP" && m.Curve == "Ed25519":
		if len(x) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("an Ed25519 key has %d bytes", ed25519.PublicKeySize)
		}
		if hasLowOrder(x) {
			return nil, errors.New("a weak Ed25519 key: anybody can sign for it")
		}
		return ed25519.PublicKey(x), nil
	case m.Type == "EC" && curve != nil:
		if size := (curve.Params().BitSize + 7) / 8; len(x) != size || len(y) != size {
			return nil, fmt.Errorf("x and y of %s have %d bytes each", m.Curve, size)
		}
		return ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y))
	case m.Type == "RSA":
		n, e := new(big.Int).SetBytes(values["n"]), new(big.Int).SetBytes(values["e"])
		if n.Sign() == 0 || e.BitLen() > 31 || e.Int64() < 3 || e.Bit(0) == 0 {
			return nil, errors.New("n or e is not that of an RSA key")
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
	}
	return nil, fmt.Errorf("unknown kind of key: kty %.20q, crv %.20q", m.Type, m.Curve)
}

// lowOrder are the encodings, without the sign bit, of the points of Ed25519 whose order
// divides 8. Under such a key a signature that anybody can make passes.
var lowOrder = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

func hasLowOrder(x []byte) bool {
	y := slices.Clone(x)
	y[len(y)-1] &= 0x7f
	return slices.Contains(lowOrder, hex.EncodeToString(y))
}

// Marshal writes a set of keys for signatures, ordered by id. It takes Ed25519 and
// P-256 keys; they are for EdDSA and ES256.
func Marshal(keys map[string]crypto.PublicKey) ([]byte, error) {
	out := struct {
		Keys []member `json:"keys"`
	}{[]member{}}
	encode := base64.RawURLEncoding.EncodeToString
	for _, id := range slices.Sorted(maps.Keys(keys)) {
		switch key := keys[id].(type) {
		case ed25519.PublicKey:
			out.Keys = append(out.Keys, member{Type: "OKP", Curve: "Ed25519", Algorithm: "EdDSA", Use: "sig", ID: id, X: encode(key)})
		case *ecdsa.PublicKey:
			point, err := key.Bytes() // 4, then x and y of one length
			if err != nil || key.Curve != elliptic.P256() {
				return nil, fmt.Errorf("key %q is not on P-256", id)
			}
			out.Keys = append(out.Keys, member{Type: "EC", Curve: "P-256", Algorithm: "ES256", Use: "sig", ID: id, X: encode(point[1:33]), Y: encode(point[33:])})
		default:
			return nil, fmt.Errorf("key %q is a %T", id, key)
		}
	}
	return json.MarshalIndent(out, "", "  ")
}
