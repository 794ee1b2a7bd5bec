package trust

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/actor"
)

func TestAnInvalidTrustFileIsRefusedAndThePlaceNamed(t *testing.T) {
	fk := newAuthority(t, "fk")
	for sentence, c := range map[string]struct {
		change func(*Issuer)
		want   string
	}{
		"no issuer name":                   {func(i *Issuer) { i.Issuer = "" }, "issuer is missing"},
		"no keys":                          {func(i *Issuer) { i.Issuer, i.JWKS = "fk", "" }, "jwks is missing"},
		"a configuration over plain http":  {func(i *Issuer) { i.Issuer, i.JWKS = "http://fk.example", "" }, "jwks is missing"},
		"a pseudonym without a key":        {func(i *Issuer) { i.Claims.Subject.Pseudonym = true }, "needs pseudonymKey"},
		"keys over plain http":             {func(i *Issuer) { i.JWKS = "http://fk.example/jwks" }, "must be https"},
		"keys by an unknown scheme":        {func(i *Issuer) { i.JWKS = "ftp://fk.example/jwks" }, "must be https"},
		"keys behind a password":           {func(i *Issuer) { i.JWKS = "https://u:p@fk.example/jwks" }, "must be https"},
		"no audience":                      {func(i *Issuer) { i.Audience = "" }, "audience is missing"},
		"no algorithm":                     {func(i *Issuer) { i.Algorithms = nil }, "algorithms is missing"},
		"a symmetric algorithm":            {func(i *Issuer) { i.Algorithms = []string{"HS256"} }, `algorithm "HS256"`},
		"the algorithm none":               {func(i *Issuer) { i.Algorithms = []string{"none"} }, `algorithm "none"`},
		"no association":                   {func(i *Issuer) { i.Association = "" }, "association"},
		"an authority in capitals":         {func(i *Issuer) { i.Authority = "FK" }, `authority "FK"`},
		"an unknown kind":                  {func(i *Issuer) { i.AuthorityKind = "church" }, `authorityKind "church"`},
		"a municipality by name":           {func(i *Issuer) { i.Municipality = "Lerum" }, `municipality "Lerum"`},
		"a lifetime of a month":            {func(i *Issuer) { i.MaxLifetime = 30 * 24 * 60 * 60 * 1e9 }, "maxLifetime"},
		"no roles":                         {func(i *Issuer) { i.Claims.Roles.Map = nil }, "claims.roles"},
		"a role that nobody has":           {func(i *Issuer) { i.Claims.Roles.Map = map[string]actor.Role{"a": "boss"} }, `maps to "boss"`},
		"a role that only services may be": {func(i *Issuer) { i.Claims.Roles.Map = map[string]actor.Role{"a": actor.System} }, `maps to "system"`},
	} {
		t.Run(sentence, func(t *testing.T) {
			is := fk.issuer()
			c.change(&is)
			text, err := yaml.Marshal(File{Issuers: []Issuer{is}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ParseFile(text); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "issuer 1") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestATrustFileNeedsIssuersEachOnce(t *testing.T) {
	fk := newAuthority(t, "fk")
	twice, err := yaml.Marshal(File{Issuers: []Issuer{fk.issuer(), fk.issuer()}})
	if err != nil {
		t.Fatal(err)
	}
	for sentence, text := range map[string]string{"empty": "", "no issuer": "issuers: []", "one twice": string(twice), "not YAML": "\t:"} {
		if _, err := ParseFile([]byte(text)); err == nil {
			t.Errorf("%s was taken", sentence)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add([]byte("issuers:\n- issuer: https://fk.example\n  jwks: fk.json\n"))
	f.Fuzz(func(_ *testing.T, text []byte) { _, _ = ParseFile(text) })
}

func FuzzParseForm(f *testing.F) {
	f.Add("eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJhIn0.c2ln")
	f.Fuzz(func(t *testing.T, token string) {
		if form, err := parseToken(token); err == nil && (form.kid == "" || form.issuer == "" || len(token) > maxToken) {
			t.Errorf("%q passed as %v", token, form)
		}
	})
}
