package trust

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/jwks"
)

func TestAGoodTokenSpeaksForItsActor(t *testing.T) {
	fk := newAuthority(t, "fk")
	v := newFolder(t, fk).open()
	token := fk.token(t, map[string]any{"roles": []string{"remittent", "unknown"}, "municipality": "1481"}, nil)
	want := actor.Actor{Subject: "handlaggare-7", Association: "insjoriket", Authority: "fk",
		AuthorityKind: actor.SocialInsurance, Unit: "molndal", Municipality: "1481", Roles: []actor.Role{actor.Referrer}}
	for _, round := range []string{"by its signature", "from memory"} {
		got, issuer, err := v.Verify(t.Context(), token)
		if err != nil || issuer != fk.iss() {
			t.Fatalf("%s: %q, %v", round, issuer, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", round, d)
		}
	}
	if !known(v, token) || known(v, token+"x") {
		t.Error("only a verified token is known")
	}
}

func TestATokenIsRefused(t *testing.T) {
	fk, af := newAuthority(t, "fk"), newAuthority(t, "af")
	v := newFolder(t, fk, af).open()
	good := fk.token(t, nil, nil)
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	public, err := x509.MarshalPKIXPublicKey(fk.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	lured := jwk(t, other.Public(), fk.kid)
	for sentence, c := range map[string]struct {
		token string
		want  error
	}{
		"no text at all":                                   {"", ErrToken},
		"not three parts":                                  {"a.b", ErrToken},
		"four parts":                                       {good + ".x", ErrToken},
		"a flood of dots (CVE-2025-30204)":                 {strings.Repeat(".", 8000), ErrToken},
		"over eight KiB":                                   {good + strings.Repeat("A", 8<<10), ErrToken},
		"a header over one KiB":                            {fk.token(t, nil, map[string]any{"x": strings.Repeat("A", 1200)}), ErrToken},
		"padding in the base64":                            {strings.Replace(good, ".", "=.", 1), ErrToken},
		"a header that is no object":                       {part(t, good, 0, "text"), ErrToken},
		"claims that are no object":                        {part(t, good, 1, []int{1}), ErrToken},
		"algorithm none":                                   {fk.sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, nil) + "AA", ErrToken},
		"algorithm none, no signature":                     {fk.sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, nil), ErrToken},
		"algorithm nOnE":                                   {part(t, good, 0, map[string]any{"alg": "nOnE", "typ": "at+jwt", "kid": fk.kid}), ErrToken},
		"HS256 by the public key as secret":                {fk.sign(t, jwt.SigningMethodHS256, public, nil, nil), ErrToken},
		"an algorithm the issuer does not use":             {part(t, good, 0, map[string]any{"alg": "RS256", "typ": "at+jwt", "kid": fk.kid}), ErrToken},
		"no kid":                                           {fk.token(t, nil, map[string]any{"kid": nil}), ErrToken},
		"a kid that is a number":                           {fk.token(t, nil, map[string]any{"kid": 1}), ErrToken},
		"an unknown kid":                                   {fk.token(t, nil, map[string]any{"kid": "fk-9"}), ErrToken},
		"a kid that is a path":                             {fk.token(t, nil, map[string]any{"kid": "../../etc/passwd"}), ErrToken},
		"no typ":                                           {fk.token(t, nil, map[string]any{"typ": nil}), ErrToken},
		"an id token's typ":                                {fk.token(t, nil, map[string]any{"typ": "JWT"}), ErrToken},
		"crit":                                             {fk.token(t, nil, map[string]any{"crit": []string{"exp"}}), ErrToken},
		"an empty crit":                                    {fk.token(t, nil, map[string]any{"crit": []string{}}), ErrToken},
		"a key in the header":                              {fk.sign(t, jwt.SigningMethodES256, other, nil, map[string]any{"jwk": lured}), ErrToken},
		"a key's address in the header":                    {fk.sign(t, jwt.SigningMethodES256, other, nil, map[string]any{"jku": "https://evil.example/jwks", "x5u": "https://evil.example/x"}), ErrToken},
		"a changed claim":                                  {part(t, good, 1, fk.claims(map[string]any{"unit": "lerum"})), ErrToken},
		"no signature":                                     {good[:strings.LastIndex(good, ".")+1], ErrToken},
		"another key of the same id":                       {fk.sign(t, jwt.SigningMethodES256, other, nil, nil), ErrToken},
		"no issuer":                                        {fk.token(t, map[string]any{"iss": nil}, nil), ErrToken},
		"an issuer that nobody knows":                      {fk.token(t, map[string]any{"iss": "https://evil.example"}, nil), ErrIssuer},
		"an issuer that differs by a slash":                {fk.token(t, map[string]any{"iss": fk.iss() + "/"}, nil), ErrIssuer},
		"an issuer under a name of other case":             {fk.token(t, map[string]any{"iss": nil, "ISS": fk.iss()}, nil), ErrToken},
		"no audience":                                      {fk.token(t, map[string]any{"aud": nil}, nil), ErrToken},
		"another audience":                                 {fk.token(t, map[string]any{"aud": "https://other.example"}, nil), ErrToken},
		"no expiry":                                        {fk.token(t, map[string]any{"exp": nil}, nil), ErrToken},
		"an expiry that is a text":                         {fk.token(t, map[string]any{"exp": "tomorrow"}, nil), ErrToken},
		"expired":                                          {fk.token(t, map[string]any{"iat": ago(time.Hour), "exp": ago(time.Minute)}, nil), ErrExpired},
		"not valid yet":                                    {fk.token(t, map[string]any{"nbf": ago(-2 * time.Minute)}, nil), ErrToken},
		"issued in the future":                             {fk.token(t, map[string]any{"iat": ago(-2 * time.Minute)}, nil), ErrToken},
		"no time of issue":                                 {fk.token(t, map[string]any{"iat": nil}, nil), ErrToken},
		"made to live longer than the issuer may":          {fk.token(t, map[string]any{"exp": ago(-2 * time.Hour)}, nil), ErrToken},
		"no subject":                                       {fk.token(t, map[string]any{"sub": nil}, nil), ErrSubject},
		"an empty subject":                                 {fk.token(t, map[string]any{"sub": ""}, nil), ErrSubject},
		"a subject that is a personal number":              {fk.token(t, map[string]any{"sub": "19121212-1212"}, nil), ErrSubject},
		"a subject that is a personal number in short":     {fk.token(t, map[string]any{"sub": "1212121212"}, nil), ErrSubject},
		"a personal number after a prefix":                 {fk.token(t, map[string]any{"sub": "pnr-198001012387"}, nil), ErrSubject},
		"a personal number after a country":                {fk.token(t, map[string]any{"sub": "SE198001012387"}, nil), ErrSubject},
		"a personal number with a blank":                   {fk.token(t, map[string]any{"sub": "19800101 2387"}, nil), ErrSubject},
		"a personal number in full-width digits":           {fk.token(t, map[string]any{"sub": "１９８００１０１２３８７"}, nil), ErrSubject},
		"a coordination number without a month":            {fk.token(t, map[string]any{"sub": "fk-191500882392"}, nil), ErrSubject},
		"an interim number":                                {fk.token(t, map[string]any{"sub": "19800101-T238"}, nil), ErrSubject},
		"a personal number as the unit":                    {fk.token(t, map[string]any{"unit": "unit 19800101 2387"}, nil), ErrToken},
		"a personal number as the participant":             {fk.token(t, map[string]any{"participant": "SE198001012387"}, nil), ErrToken},
		"a subject with a line break":                      {fk.token(t, map[string]any{"sub": "a\nb"}, nil), ErrSubject},
		"a municipality that is not a code":                {fk.token(t, map[string]any{"municipality": "Mölndal"}, nil), ErrToken},
		"a unit without end":                               {fk.token(t, map[string]any{"unit": strings.Repeat("u", 200)}, nil), ErrToken},
		"the association's staff that also sees persons":   {fk.token(t, map[string]any{"roles": []string{"admin", "coach"}}, nil), ErrRoles},
		"a reviewer that may be reviewed":                  {fk.token(t, map[string]any{"roles": []string{"granskare", "coach"}}, nil), ErrReviewer},
		"a board member that also sees persons":            {fk.token(t, map[string]any{"roles": []string{"styrelse", "remittent"}}, nil), ErrRoles},
		"another issuer's key under its id":                {af.token(t, map[string]any{"iss": fk.iss()}, nil), ErrToken},
		"another issuer's key under the right issuer's id": {af.token(t, map[string]any{"iss": fk.iss()}, map[string]any{"kid": fk.kid}), ErrToken},
	} {
		t.Run(sentence, func(t *testing.T) {
			for range 2 { // the second time nothing must come from memory
				if a, _, err := v.Verify(t.Context(), c.token); !errors.Is(err, c.want) {
					t.Errorf("got %v, %v; want %v", a, err, c.want)
				}
			}
		})
	}
}

func TestAKeyPassesOnlyForTheIssuerItBelongsTo(t *testing.T) {
	var all []*authority
	for _, name := range []string{"fk", "af", "vgr", "molndal", "lerum"} {
		all = append(all, newAuthority(t, name))
	}
	v := newFolder(t, all...).open()
	for _, signer := range all {
		for _, claimed := range all {
			token := signer.token(t, map[string]any{"iss": claimed.iss()}, map[string]any{"kid": claimed.kid})
			_, _, err := v.Verify(t.Context(), token)
			if passes := err == nil; passes != (signer == claimed) {
				t.Errorf("signed by %s, said to be of %s: %v", signer.name, claimed.name, err)
			}
		}
	}
}

func TestEachAlgorithmPassesWithItsOwnKeyOnly(t *testing.T) {
	ec := newAuthority(t, "fk").key
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]jwks.Key{
		"P-256": {Public: ec.Public()}, "P-384": {Public: p384.Public()}, "RSA": {Public: long.Public()}, "Ed25519": {Public: public},
		"RSA for PS256": {Public: long.Public(), Algorithm: "PS256"},
	}
	fit := map[string][]string{"P-256": {"ES256"}, "RSA": {"RS256", "PS256"}, "Ed25519": {"EdDSA"}, "RSA for PS256": {"PS256"}}
	for name, key := range keys {
		for _, alg := range append(algorithms, "HS256", "none") {
			if got, want := fits(key, alg), slices.Contains(fit[name], alg); got != want {
				t.Errorf("%s with %s: %v", name, alg, got)
			}
		}
	}
	a := &authority{name: "vgr", kid: "vgr-1", key: ed}
	f := newFolder(t, a)
	is := a.issuer()
	is.Algorithms = []string{"EdDSA"}
	f.trust(is)
	if _, _, err := f.open().Verify(t.Context(), a.sign(t, jwt.SigningMethodEdDSA, ed, nil, nil)); err != nil {
		t.Error(err)
	}
}

func TestAMunicipalitysIssuerSpeaksForNoOther(t *testing.T) {
	m := newAuthority(t, "molndal")
	f := newFolder(t, m)
	is := m.issuer()
	is.AuthorityKind, is.Municipality = actor.Municipality, "1481"
	f.trust(is)
	v := f.open()
	if a, _, err := v.Verify(t.Context(), m.token(t, nil, nil)); err != nil || a.Municipality != "1481" {
		t.Errorf("without the claim: %v, %v", a, err)
	}
	if _, _, err := v.Verify(t.Context(), m.token(t, map[string]any{"municipality": "1402"}, nil)); !errors.Is(err, ErrToken) {
		t.Errorf("for Partille: %v", err)
	}
}

func TestRolesAreReadFromNestedClaimsAndFromWords(t *testing.T) {
	fk := newAuthority(t, "fk")
	for _, c := range []struct {
		claim  string
		claims map[string]any
	}{
		{"realm_access.roles", map[string]any{"realm_access": map[string]any{"roles": []string{"coach"}}}},
		{"scope", map[string]any{"scope": "openid coach"}},
		{"https://fk.example/roles", map[string]any{"https://fk.example/roles": []string{"coach"}}},
	} {
		f := newFolder(t, fk)
		is := fk.issuer()
		is.Claims.Roles.Claim = Path{c.claim}
		f.trust(is)
		a, _, err := f.open().Verify(t.Context(), fk.token(t, c.claims, nil))
		if err != nil || !slices.Equal(a.Roles, []actor.Role{actor.Coach}) {
			t.Errorf("%s: %v, %v", c.claim, a.Roles, err)
		}
	}
}

func TestARememberedTokenExpires(t *testing.T) {
	fk := newAuthority(t, "fk")
	f := newFolder(t, fk)
	now := time.Now()
	v, err := Open(Config{Path: f.path, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	token := fk.token(t, nil, nil)
	if _, _, err := v.Verify(t.Context(), token); err != nil || !known(v, token) {
		t.Fatal(err)
	}
	now = now.Add(11 * time.Minute)
	if _, _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrExpired) || known(v, token) {
		t.Error(err)
	}
}

func known(v *Verifier, token string) bool {
	_, _, ok := v.Recall(token)
	return ok
}

func BenchmarkVerify(b *testing.B) {
	fk := newAuthority(b, "fk")
	v := newFolder(b, fk).open()
	token := fk.token(b, nil, nil)
	b.Run("from memory", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := v.Verify(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("by signature", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v.tokens.Purge()
			if _, _, err := v.Verify(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
}
