package gateway

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/gateway/trust"
)

// outsider is a gateway that trusts an issuer whose entry in the trust file, key set and
// tokens the test writes.
type outsider struct {
	*rig
	folder string
	key    *ecdsa.PrivateKey
}

// entry is what the trust file says of the issuer, but for its claims.
const entry = `{issuer: https://op.example, jwks: keys.json, audience: finsam, algorithms: [ES256, PS256, EdDSA], association: insjoriket, authority: fk, authorityKind: social_insurance, `

const claimsOfRoles = `claims: {unit: unit, participant: participant, roles: {claim: roles, map: {referrer: referrer}}}}`

// newOutsider writes the trust file with one issuer, and the key set: the issuer's own key
// "test" and others beside it.
func newOutsider(t *testing.T, issuer string, others ...map[string]any) *outsider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := &outsider{folder: t.TempDir(), key: key}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	o.write(t, "keys.json", map[string]any{"keys": append(others, map[string]any{"kty": "EC", "crv": "P-256", "kid": "test", "x": encode(point[1:33]), "y": encode(point[33:])})})
	o.write(t, "pseudonym.key", strings.Repeat("made up ", 6))
	if err := os.WriteFile(filepath.Join(o.folder, "trust.yaml"), []byte("issuers:\n- "+issuer), 0o600); err != nil {
		t.Fatal(err)
	}
	o.rig = newRig(t, func(c *Config) {
		if c.Trust, err = trust.Open(trust.Config{Path: filepath.Join(o.folder, "trust.yaml"), Log: c.Log}); err != nil {
			t.Fatal(err)
		}
	})
	return o
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (o *outsider) write(t *testing.T, name string, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = os.WriteFile(filepath.Join(o.folder, name), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// sign signs a token by a key: a good one, but for some claims.
func (o *outsider) sign(t *testing.T, m jwt.SigningMethod, key crypto.PrivateKey, kid string, claims map[string]any) string {
	t.Helper()
	now := time.Now().Truncate(time.Second)
	all := jwt.MapClaims{"iss": "https://op.example", "aud": "finsam", "sub": "handlaggare-7", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "roles": []string{"referrer"}}
	maps.Copy(all, claims)
	token := jwt.NewWithClaims(m, all)
	token.Header["typ"], token.Header["kid"] = "at+jwt", kid
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// reads asks for a referral with a token of the issuer's own key.
func (o *outsider) reads(t *testing.T, claims map[string]any) *httptest.ResponseRecorder {
	t.Helper()
	return o.ask("GET", aReferral, "", "Authorization", "Bearer "+o.sign(t, jwt.SigningMethodES256, o.key, "test", claims))
}

// spellings are of one invented person's number, and of others: everyone is refused where a
// token has an id.
var spellings = []string{
	"198001012387", "19800101-2387", "8001012387", "800101+2387", "SE198001012387", "pnr-198001012387", "19800101 2387", "1980 01 01 23 87",
	"19800101–2387", "１９８００１０１２３８７", "198001012387@fk.example", "191500882392", "FK-191500882392", "19800101-T238",
}

func TestCase_A7_NoTokenPutsANumberAnywhere(t *testing.T) {
	o := newOutsider(t, entry+claimsOfRoles)
	for _, claim := range []string{"sub", "unit", "participant"} {
		for _, number := range spellings {
			if w := o.reads(t, map[string]any{claim: number}); w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), number) {
				t.Errorf("%s in %s: %d %s", number, claim, w.Code, w.Body)
			}
			if strings.Contains(o.log.String(), number) {
				t.Errorf("%s in %s is in the log", number, claim)
			}
		}
	}
	if n := o.services["referral"].times(); n != 0 {
		t.Errorf("the service was asked %d times", n)
	}
	if w := o.reads(t, nil); w.Code != http.StatusOK {
		t.Errorf("a good token: %d %s", w.Code, w.Body)
	}
}

func TestCase_A7_APseudonymReplacesASubject(t *testing.T) {
	o := newOutsider(t, entry+`claims: {subject: {claim: sub, pseudonym: true}, roles: {claim: roles, map: {referrer: referrer}}}}`+"\npseudonymKey: pseudonym.key\n")
	subject := func(number string) string {
		if w := o.reads(t, map[string]any{"sub": number}); w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", number, w.Code, w.Body)
		}
		a, _, err := o.internal.Verifier.Verify(strings.TrimPrefix(o.services["referral"].last().Header.Get("Authorization"), "Bearer "))
		if err != nil {
			t.Fatal(err)
		}
		return a.Subject
	}
	first := subject("198001012387")
	if again := subject("19800101-2387"); again != first || strings.ContainsAny(first, "0123456789") || len(first) < 32 {
		t.Errorf("pseudonyms %q and %q", first, again)
	}
	if other := subject("191500882392"); other == first {
		t.Error("two people have one pseudonym")
	}
}

func TestCase_A9_ACallersTraceIsNotWritten(t *testing.T) {
	r := newRig(t)
	const digits = "19900304238"
	w := r.as("fk", actor.Integration, "GET", aReferral, "", "Traceparent", "00-19900304238000000000000000000000-1990030423800000-01")
	r.ask("GET", aReferral, "", "Traceparent", "00-19900304238000000000000000000000-1990030423800000-01") // refused, and so logged
	for place, text := range map[string]string{
		"the answer": w.Header().Get("Traceparent"), "the service's request": r.services["referral"].last().Header.Get("Traceparent"), "the log": r.log.String(),
	} {
		if text == "" || strings.Contains(text, digits) {
			t.Errorf("%s: %q", place, text)
		}
	}
}

func TestCase_C3_AKeyThatIsNotUnderstoodDoesNoHarm(t *testing.T) {
	o := newOutsider(t, entry+claimsOfRoles, map[string]any{"kty": "AKP", "alg": "ML-DSA-65", "kid": "new", "use": "sig", "pub": "AAAA"})
	if w := o.reads(t, nil); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if log := o.log.String(); !strings.Contains(log, `left out keys of an issuer`) || !strings.Contains(log, "AKP") {
		t.Errorf("the log is %s", log)
	}
	if keys := o.config.Trust.KeysByAuthority()["fk"]; keys != (trust.Keys{Known: 1, LeftOut: 1}) {
		t.Errorf("%+v", keys)
	}
}

func TestTheAPISaysWhoIssuesItsTokens(t *testing.T) {
	r := newRig(t)
	const metadata = "https://api.finsam.example/.well-known/oauth-protected-resource/finsam/v1"
	if got := r.ask("GET", aReferral, "").Header().Get("Www-Authenticate"); !strings.Contains(got, `resource_metadata="`+metadata+`"`) {
		t.Errorf("without a token: %s", got)
	}
	w := r.ask("GET", strings.TrimPrefix(metadata, "https://api.finsam.example"), "")
	var got struct {
		Resource string
		Issuers  []string `json:"authorization_servers"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || got.Resource != "https://api.finsam.example/finsam/v1" ||
		!slices.Contains(got.Issuers, "https://fk.example") || !slices.IsSorted(got.Issuers) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := r.ask("GET", "/.well-known/other", ""); w.Code != http.StatusNotFound {
		t.Errorf("another address: %d", w.Code)
	}
	nowhere := newRig(t, func(c *Config) { c.PublicURL = "" })
	if w := nowhere.ask("GET", resourcePath, ""); w.Code != http.StatusNotFound {
		t.Errorf("where the address is not known: %d", w.Code)
	}
	if got := nowhere.ask("GET", aReferral, "").Header().Get("Www-Authenticate"); got != `Bearer realm="finsam"` {
		t.Errorf("where the address is not known: %s", got)
	}
}

func TestCase_G12_WeakSignaturesAreRefused(t *testing.T) {
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	n, e := encode(long.N.Bytes()), encode(big.NewInt(int64(long.E)).Bytes())
	o := newOutsider(t, entry+claimsOfRoles,
		map[string]any{"kty": "RSA", "kid": "rsa", "n": n, "e": e},
		map[string]any{"kty": "RSA", "kid": "rsa-encrypt", "n": n, "e": e, "key_ops": []string{"encrypt"}},
		map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "low", "x": encode(append([]byte{1}, make([]byte, 31)...))})
	pss := func(salt int) jwt.SigningMethod {
		return &jwt.SigningMethodRSAPSS{SigningMethodRSA: jwt.SigningMethodPS256.SigningMethodRSA, Options: &rsa.PSSOptions{SaltLength: salt}}
	}
	neutral := func() string { // R is the neutral point and S is 0: it passes under the neutral key
		token := o.sign(t, jwt.SigningMethodES256, o.key, "low", nil)
		head := encode([]byte(`{"alg":"EdDSA","typ":"at+jwt","kid":"low"}`))
		return head + token[strings.Index(token, "."):strings.LastIndex(token, ".")+1] + encode(append([]byte{1}, make([]byte, 63)...))
	}
	for sentence, c := range map[string]struct {
		token string
		want  int
	}{
		"PS256 with a salt of 32 bytes":      {o.sign(t, pss(32), long, "rsa", nil), http.StatusOK},
		"PS256 with a salt of 20 bytes":      {o.sign(t, pss(20), long, "rsa", nil), http.StatusUnauthorized},
		"PS256 without a salt":               {o.sign(t, pss(0), long, "rsa", nil), http.StatusUnauthorized},
		"PS256 with the longest salt":        {o.sign(t, pss(222), long, "rsa", nil), http.StatusUnauthorized},
		"a key that is for encryption":       {o.sign(t, pss(32), long, "rsa-encrypt", nil), http.StatusUnauthorized},
		"a signature under a low-order key":  {neutral(), http.StatusUnauthorized},
		"a unit that is a number (see A7)":   {o.sign(t, pss(32), long, "rsa", map[string]any{"unit": "198001012387"}), http.StatusUnauthorized},
		"a subject with blanks in a number":  {o.sign(t, pss(32), long, "rsa", map[string]any{"sub": "1980 0101 2387"}), http.StatusUnauthorized},
		"a subject in full-width characters": {o.sign(t, pss(32), long, "rsa", map[string]any{"sub": "１９８００１０１–２３８７"}), http.StatusUnauthorized},
	} {
		if w := o.ask("GET", aReferral, "", "Authorization", "Bearer "+c.token); w.Code != c.want {
			t.Errorf("%s: %d %s", sentence, w.Code, w.Body)
		}
	}
	if log := o.log.String(); !strings.Contains(log, "weak Ed25519 key") {
		t.Errorf("the log does not name the weak key: %s", log)
	}
}

func TestCase_C2_TheNumberGoesToTheVaultOnceAndNowhereElse(t *testing.T) {
	o := newOutsider(t, strings.Replace(entry, "authority: fk, authorityKind: social_insurance", "authority: self, authorityKind: self", 1)+
		`claims: {personalIdentityNumber: ["https://id.oidc.se/claim/personalIdentityNumber"], roles: {claim: roles, map: {person: participant}}}}`)
	const number, id = "198001012387", "3f0c8a52-6a43-4d0e-9d3e-0d8c7a1b2c3d"
	var body string
	o.services["participant"].answer = func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body = string(text)
		_, _ = io.WriteString(w, `{"participant":"`+id+`"}`)
	}
	token := o.sign(t, jwt.SigningMethodES256, o.key, "test", map[string]any{"roles": []string{"person"}, "https://id.oidc.se/claim/personalIdentityNumber": number})
	for range 2 {
		if w := o.ask("GET", aReferral, "", "Authorization", "Bearer "+token); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	vault, referral := o.services["participant"], o.services["referral"].last()
	if vault.times() != 1 || vault.last().URL.Path != "/finsam/v1/internal/persons/own" || body != `{"personalIdentityNumber":"`+number+`"}` {
		t.Errorf("the vault was asked %d times, last %s with %s", vault.times(), vault.last().URL, body)
	}
	a, _, err := o.internal.Verifier.Verify(strings.TrimPrefix(referral.Header.Get("Authorization"), "Bearer "))
	if err != nil || a.Participant != id {
		t.Errorf("the service was asked as %+v, %v", a, err)
	}
	if strings.Contains(o.log.String(), number) || strings.Contains(fmt.Sprintf("%+v %+v %v", a, referral.Header, vault.last().Header), number) {
		t.Error("the number is elsewhere too")
	}
}
