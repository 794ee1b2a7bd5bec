// Package trusttest issues access tokens for tests, with a trust file that accepts
// them.
package trusttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/jwks"
	"github.com/finsam/finsam/services/gateway/trust"
)

// authorities are the members that have an issuer, all of the association insjoriket.
var authorities = []trust.Issuer{
	{Authority: "fk", AuthorityKind: actor.SocialInsurance},
	{Authority: "af", AuthorityKind: actor.EmploymentService},
	{Authority: "molndal", AuthorityKind: actor.Municipality, Municipality: "1481"},
	{Authority: "forbundet"},
	{Authority: "self", AuthorityKind: actor.Self},
}

// Issuer signs for every authority with one key.
type Issuer struct {
	TrustFile string // path

	key *ecdsa.PrivateKey
}

// New writes a trust file and a key set into a folder of the test.
func New(tb testing.TB) *Issuer {
	tb.Helper()
	folder := tb.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := jwks.Marshal(map[string]crypto.PublicKey{"test": key.Public()})
	if err != nil {
		tb.Fatal(err)
	}
	roles := map[string]actor.Role{}
	for _, r := range actor.Roles {
		roles[string(r)] = r
	}
	var file trust.File
	for _, is := range authorities {
		is.Issuer, is.JWKS, is.Audience, is.Algorithms, is.Association = "https://"+is.Authority+".example", "jwks.json", "finsam", []string{"ES256"}, "insjoriket"
		is.Claims = trust.Claims{Roles: trust.RoleClaim{Claim: trust.Path{"roles"}, Map: roles}, Participant: trust.Path{"participant"}}
		file.Issuers = append(file.Issuers, is)
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		tb.Fatal(err)
	}
	i := &Issuer{TrustFile: filepath.Join(folder, "trust.yaml"), key: key}
	for path, text := range map[string][]byte{filepath.Join(folder, "jwks.json"): keys, i.TrustFile: text} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return i
}

// Token returns a token of somebody such as "coach-molndal-1"; one with the role
// participant names a participant. A negative lifetime is of a token that has expired.
func (i *Issuer) Token(tb testing.TB, authority string, lifetime time.Duration, roles ...actor.Role) string {
	tb.Helper()
	now := time.Now().Truncate(time.Second)
	claims := jwt.MapClaims{
		"iss": "https://" + authority + ".example", "aud": "finsam", "sub": strings.ReplaceAll(string(roles[0]), "_", "-") + "-" + authority + "-1",
		"iat": now.Unix(), "exp": now.Add(lifetime).Unix(), "roles": roles,
	}
	if roles[0] == actor.Participant {
		claims["participant"] = "0f0e2a9c-6c1d-4a57-8e0e-3d0f6c1b7a52"
	}
	t := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	t.Header["typ"], t.Header["kid"] = "at+jwt", "test"
	token, err := t.SignedString(i.key)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}
