package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// issuerKinds are the authorities that have an issuer here, in every association.
var issuerKinds = map[string]string{
	"fk": "social_insurance", "af": "employment_service", "vgr": "region", "molndal": "municipality", "lerum": "municipality", "kalmar": "municipality", "self": "self", "forbundet": "",
}

// tokenAudience is what the tokens are for; any, as long as the trust file says so.
const tokenAudience = "https://finsam.example/finsam/v1"

var tokenRoles = []string{"referrer", "integration", "intake", "coach", "supervisor", "participant", "association_admin", "board", "reviewer", "manager", "planner"}

// issuer issues access tokens as the members' own identity providers would (RFC 9068), for
// every authority of the associations that it was made for. It is written by hand, so that
// it checks the product's reading of them. Unlike the demo's issuer it can say anything: a
// coach of no municipality, an authority of another association.
type issuer struct {
	key    *ecdsa.PrivateKey
	tokens sync.Map // by suite.Caller
}

// newIssuer writes a trust file for the authorities of some associations into a folder,
// in the place of one that is there, with the key set beside it.
func newIssuer(t testing.TB, folder string, associations ...string) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	allRoles := map[string]string{}
	for _, r := range tokenRoles {
		allRoles[r] = r
	}
	var issuers []map[string]any
	scopes := map[string]string{"vgr": "scope"} // which limits its systems
	for _, association := range associations {
		for authority, kind := range issuerKinds {
			issuers = append(issuers, map[string]any{
				"issuer": issuerName(association, authority), "jwks": "test.jwks.json", "audience": tokenAudience, "algorithms": []string{"ES256"},
				"association": association, "authority": authority, "authorityKind": kind, "maxLifetime": "12h",
				"claims": map[string]any{
					"roles": map[string]any{"claim": "roles", "map": allRoles}, "unit": "unit", "municipality": "municipality", "participant": "participant", "scopes": scopes[authority],
				},
			})
		}
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	writeJSON(t, filepath.Join(folder, "test.jwks.json"), map[string]any{"keys": []any{map[string]string{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "test", "x": b64(point[1:33]), "y": b64(point[33:]),
	}}})
	writeJSON(t, filepath.Join(folder, "trust.yaml"), map[string]any{"issuers": issuers}) // JSON is YAML
	return &issuer{key: key}
}

func writeJSON(t testing.TB, path string, v any) {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func issuerName(association, authority string) string {
	return "https://issuer.example/" + association + "/" + authority
}

var b64 = base64.RawURLEncoding.EncodeToString

// Token returns a token with exactly these claims about the caller, valid for an
// hour.
func (i *issuer) Token(t testing.TB, c suite.Caller) string {
	t.Helper()
	if token, ok := i.tokens.Load(c); ok {
		return token.(string)
	}
	association := c.Association
	if association == "" {
		association = "insjoriket"
	}
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": issuerName(association, c.Authority), "aud": tokenAudience, "sub": c.Subject, "client_id": "test", "jti": rand.Text(),
		"iat": now, "exp": now + 3600, "roles": []string{c.Role},
	}
	for claim, value := range map[string]string{"unit": c.Unit, "municipality": c.Municipality, "participant": c.Participant, "scope": c.Scopes} {
		if value != "" {
			claims[claim] = value
		}
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	text := b64([]byte(`{"typ":"at+jwt","alg":"ES256","kid":"test"}`)) + "." + b64(body)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	token := text + "." + b64(signature)
	i.tokens.Store(c, token)
	return token
}
