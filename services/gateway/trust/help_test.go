package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/actor"
)

// authority is an invented member authority that issues tokens.
type authority struct {
	name string
	kid  string
	key  crypto.Signer
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{name: name, kid: name + "-1", key: key}
}

func (a *authority) iss() string { return "https://" + a.name + ".example" }

// issuer is the authority's entry in a trust file; its keys are in a file.
func (a *authority) issuer() Issuer {
	return Issuer{
		Issuer: a.iss(), JWKS: a.name + ".json", Audience: "https://finsam.example", Algorithms: []string{"ES256"},
		Association: "insjoriket", Authority: a.name, AuthorityKind: actor.SocialInsurance,
		Claims: Claims{
			Roles: RoleClaim{Claim: Path{"roles"}, Map: map[string]actor.Role{
				"remittent": actor.Referrer, "system": actor.Integration, "coach": actor.Coach,
				"admin": actor.AssociationAdmin, "styrelse": actor.Board, "granskare": actor.Reviewer}},
			Unit: Path{"unit"}, Municipality: Path{"municipality"}, Participant: Path{"participant"},
		},
	}
}

func (a *authority) jwks(t testing.TB) []byte {
	return marshal(t, map[string]any{"keys": []any{jwk(t, a.key.Public(), a.kid)}})
}

// claims are those of a good token; change may spoil them, nil deletes.
func (a *authority) claims(change map[string]any) jwt.MapClaims {
	now := time.Now()
	c := jwt.MapClaims{
		"iss": a.iss(), "aud": "https://finsam.example", "sub": "handlaggare-7", "roles": []string{"remittent"},
		"unit": "molndal", "iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// token signs a good token, changed in its claims and its header.
func (a *authority) token(t testing.TB, claims, header map[string]any) string {
	t.Helper()
	return a.sign(t, jwt.SigningMethodES256, a.key, claims, header)
}

func (a *authority) sign(t testing.TB, m jwt.SigningMethod, key any, claims, header map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(m, a.claims(claims))
	token.Header["typ"], token.Header["kid"] = "at+jwt", a.kid
	maps.Copy(token.Header, header)
	maps.DeleteFunc(token.Header, func(_ string, v any) bool { return v == nil })
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func jwk(t testing.TB, public crypto.PublicKey, kid string) map[string]any {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		half := (len(point) - 1) / 2
		return map[string]any{"kty": "EC", "crv": k.Curve.Params().Name, "kid": kid, "use": "sig",
			"x": b64(point[1 : 1+half]), "y": b64(point[1+half:])}
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA", "kid": kid, "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}
	case ed25519.PublicKey:
		return map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(k)}
	}
	t.Fatalf("no JWK for %T", public)
	return nil
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// folder is a trust file and the key files beside it.
type folder struct {
	t    testing.TB
	path string
}

func newFolder(t testing.TB, as ...*authority) folder {
	f := folder{t, filepath.Join(t.TempDir(), "trust.yaml")}
	var issuers []Issuer
	for _, a := range as {
		f.write(a.name+".json", a.jwks(t))
		issuers = append(issuers, a.issuer())
	}
	f.trust(issuers...)
	return f
}

func (f folder) write(name string, text []byte) {
	f.t.Helper()
	path := filepath.Join(filepath.Dir(f.path), name)
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		f.t.Fatal(err)
	}
}

func (f folder) trust(issuers ...Issuer) {
	f.t.Helper()
	text, err := yaml.Marshal(File{Issuers: issuers})
	if err != nil {
		f.t.Fatal(err)
	}
	f.write(filepath.Base(f.path), text)
}

func (f folder) open() *Verifier {
	f.t.Helper()
	v, err := Open(Config{Path: f.path})
	if err != nil {
		f.t.Fatal(err)
	}
	return v
}

// soon waits for what must come true within a second.
func soon(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Errorf("not within a second: %s", what)
}

// part replaces one part of a token by the JSON of v.
func part(t testing.TB, token string, n int, v any) string {
	parts := strings.Split(token, ".")
	parts[n] = base64.RawURLEncoding.EncodeToString(marshal(t, v))
	return strings.Join(parts, ".")
}

func numbered(n int) string { return fmt.Sprintf("made-up-%d", n) }
