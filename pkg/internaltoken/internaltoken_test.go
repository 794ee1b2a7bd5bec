package internaltoken_test

import (
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/servicetest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

type world struct {
	clock    servicetest.Clock
	private  map[string]ed25519.PrivateKey
	verifier *internaltoken.Verifier
}

func newWorld(t testing.TB, issuers ...string) *world {
	t.Helper()
	w := &world{private: map[string]ed25519.PrivateKey{}}
	w.clock.Set(noon)
	public := map[string]ed25519.PublicKey{}
	for _, issuer := range issuers {
		pub, priv, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		w.private[issuer], public[issuer] = priv, pub
	}
	w.verifier = internaltoken.NewVerifier(public, w.clock.Now)
	return w
}

func (w *world) signer(name, keyOf string) *internaltoken.Signer {
	return internaltoken.NewSigner(name, w.private[keyOf], w.clock.Now)
}

var coach = actor.Actor{
	Subject: "m-7", Association: "insjoriket", Authority: "molndal", AuthorityKind: actor.Municipality,
	Unit: "amc", Municipality: "1481", Participant: "", Roles: []actor.Role{actor.Coach, actor.Intake},
}

func TestTheWholeActorArrives(t *testing.T) {
	w := newWorld(t, "gateway", "referral")
	for name, c := range map[string]struct {
		issuer string
		actor  actor.Actor
	}{
		"a coach by the gateway":               {"gateway", coach},
		"a participant by the gateway":         {"gateway", actor.Actor{Subject: "p", Association: "a", Participant: "p-1", Roles: []actor.Role{actor.Participant}}},
		"the gateway itself":                   {"gateway", actor.ForService("gateway", "")},
		"a service for itself":                 {"referral", actor.ForService("referral", "insjoriket")},
		"nobody, for an operation open to all": {"gateway", actor.Actor{}},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := w.signer(c.issuer, c.issuer).Token(c.actor)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time from memory
				got, issuer, err := w.verifier.Verify(token)
				if err != nil || issuer != c.issuer || !reflect.DeepEqual(got, c.actor) {
					t.Fatalf("got %+v from %q, %v", got, issuer, err)
				}
			}
		})
	}
}

func TestASignerSpeaksOnlyForWhomItMay(t *testing.T) {
	w := newWorld(t, "gateway", "referral")
	system := coach
	system.Roles = append([]actor.Role{actor.System}, coach.Roles...)
	more := actor.ForService("referral", "a")
	more.Municipality = "1481"
	for name, c := range map[string]struct {
		issuer string
		actor  actor.Actor
	}{
		"a service for a coach":             {"referral", coach},
		"a service for another service":     {"referral", actor.ForService("participant", "a")},
		"a service with more than its own":  {"referral", more},
		"the gateway for a service":         {"gateway", actor.ForService("referral", "a")},
		"the gateway for a coach as system": {"gateway", system},
	} {
		t.Run(name, func(t *testing.T) {
			if token, err := w.signer(c.issuer, c.issuer).Token(c.actor); err == nil {
				t.Fatalf("got %s", token)
			}
		})
	}
}

func TestATokenIsGivenOutAgainUntilTwentySecondsBeforeItsEnd(t *testing.T) {
	w := newWorld(t, "gateway")
	s := w.signer("gateway", "gateway")
	first, _ := s.Token(coach)
	w.clock.Advance(39 * time.Second)
	if again, _ := s.Token(coach); again != first {
		t.Fatal("signed again although it is valid for long enough")
	}
	w.clock.Advance(2 * time.Second)
	second, _ := s.Token(coach)
	if second == first {
		t.Fatal("returned although it ends in 19 seconds")
	}
	if _, _, err := w.verifier.Verify(second); err != nil {
		t.Fatal(err)
	}
}

func TestActorsThatDifferInAnyPartGetTokensOfTheirOwn(t *testing.T) {
	w := newWorld(t, "gateway")
	s := w.signer("gateway", "gateway")
	seen := map[string]string{}
	shift := actor.Actor{Subject: "m-7i", Association: "nsjoriket"}
	for name, a := range map[string]actor.Actor{
		"coach": coach, "shifted": shift, "joined": {Subject: "m-7", Association: "insjoriket"},
		"unit": {Unit: "x"}, "municipality": {Municipality: "x"}, "participant": {Participant: "x"}, "authority": {Authority: "x"},
		"role": {Roles: []actor.Role{"x"}}, "two roles": {Roles: []actor.Role{"x", "y"}}, "one long role": {Roles: []actor.Role{"x1:y"}},
	} {
		token, err := s.Token(a)
		if err != nil {
			t.Fatal(err)
		}
		if other, dup := seen[token]; dup {
			t.Fatalf("%s got the token of %s", name, other)
		}
		seen[token] = name
	}
}

func TestExpiryHoldsInMemoryToo(t *testing.T) {
	w := newWorld(t, "gateway")
	token, _ := w.signer("gateway", "gateway").Token(coach)
	if _, _, err := w.verifier.Verify(token); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(internaltoken.Lifetime + 6*time.Second)
	if _, _, err := w.verifier.Verify(token); !errors.Is(err, internaltoken.ErrToken) {
		t.Fatalf("after its end: %v", err)
	}
}

func TestAnIssuersNextKeyIsAcceptedBesideItsOwn(t *testing.T) {
	w := newWorld(t, "gateway", "gateway.next", "referral")
	for _, key := range []string{"gateway", "gateway.next"} {
		token, _ := w.signer("gateway", key).Token(coach)
		if _, issuer, err := w.verifier.Verify(token); err != nil || issuer != "gateway" {
			t.Fatalf("%s: %q, %v", key, issuer, err)
		}
	}
}

func TestAKeyBelongsToItsIssuer(t *testing.T) {
	issuers := []string{"gateway", "referral", "participant", "activity"}
	w := newWorld(t, issuers...)
	for _, issuer := range issuers {
		for _, key := range issuers {
			token, err := w.signer(issuer, key).Token(actor.ForService(issuer, "a"))
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err = w.verifier.Verify(token); (err == nil) != (issuer == key) {
				t.Errorf("issuer %s with the key of %s: %v", issuer, key, err)
			}
		}
	}
}

// forge signs claims by hand, as somebody with a key but without our rules would.
func forge(t *testing.T, key any, method jwt.SigningMethod, header, claims map[string]any) string {
	t.Helper()
	all := jwt.MapClaims{
		"iss": "gateway", "sub": "m-7", "aud": internaltoken.Audience, "asc": "insjoriket", "rol": []string{"coach"},
		"iat": noon.Unix(), "exp": noon.Add(time.Minute).Unix(),
	}
	for k, v := range claims {
		if all[k] = v; v == nil {
			delete(all, k)
		}
	}
	token := jwt.NewWithClaims(method, all)
	token.Header["typ"] = internaltoken.Type
	for k, v := range header {
		token.Header[k] = v
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWhatIsNotAsItMustBeIsRefused(t *testing.T) {
	w := newWorld(t, "gateway", "referral")
	key := w.private["gateway"]
	ed := func(header, claims map[string]any) string {
		return forge(t, key, jwt.SigningMethodEdDSA, header, claims)
	}
	if _, _, err := w.verifier.Verify(ed(nil, nil)); err != nil {
		t.Fatalf("the one that is right: %v", err)
	}
	rsaKey, err := rsa.GenerateKey(nil, 2048)
	if err != nil {
		t.Fatal(err)
	}
	right := ed(nil, nil)
	parts := strings.Split(right, ".")
	for name, token := range map[string]string{
		"nothing":                      "",
		"not a token":                  "hello",
		"too long":                     strings.Repeat("a", 5000),
		"without a signature":          parts[0] + "." + parts[1] + ".",
		"with another's contents":      parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"gateway"}`)) + "." + parts[2],
		"padded":                       right + "=",
		"signed with nothing":          forge(t, jwt.UnsafeAllowNoneSignatureType, jwt.SigningMethodNone, nil, nil),
		"signed by the public key":     forge(t, []byte(key.Public().(ed25519.PublicKey)), jwt.SigningMethodHS256, nil, nil),
		"signed by another method":     forge(t, rsaKey, jwt.SigningMethodRS256, nil, nil),
		"of an ordinary type":          ed(map[string]any{"typ": "JWT"}, nil),
		"an authority's access token":  ed(map[string]any{"typ": "at+jwt"}, nil),
		"for another audience":         ed(nil, map[string]any{"aud": "finsam"}),
		"for no audience":              ed(nil, map[string]any{"aud": nil}),
		"of an unknown issuer":         ed(nil, map[string]any{"iss": "somebody"}),
		"of no issuer":                 ed(nil, map[string]any{"iss": nil}),
		"without an end":               ed(nil, map[string]any{"exp": nil}),
		"without a time of issue":      ed(nil, map[string]any{"iat": nil}),
		"living for an hour":           ed(nil, map[string]any{"exp": noon.Add(time.Hour).Unix()}),
		"long over":                    ed(nil, map[string]any{"iat": noon.Add(-time.Hour).Unix(), "exp": noon.Add(-59 * time.Minute).Unix()}),
		"of the future":                ed(nil, map[string]any{"iat": noon.Add(time.Hour).Unix(), "exp": noon.Add(61 * time.Minute).Unix()}),
		"not valid yet":                ed(nil, map[string]any{"nbf": noon.Add(time.Minute).Unix()}),
		"the gateway's, as system":     ed(nil, map[string]any{"rol": []string{"system"}}),
		"the gateway's, for a service": ed(nil, map[string]any{"sub": "service:referral", "rol": []string{"system"}}),
		"a service's, for a coach":     forge(t, w.private["referral"], jwt.SigningMethodEdDSA, nil, map[string]any{"iss": "referral"}),
		"a service's, for another": forge(t, w.private["referral"], jwt.SigningMethodEdDSA, nil,
			map[string]any{"iss": "referral", "sub": "service:participant", "aut": "finsam", "rol": []string{"system"}}),
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				a, _, err := w.verifier.Verify(token)
				if !errors.Is(err, internaltoken.ErrToken) || a.Subject != "" {
					t.Fatalf("got %+v, %v", a, err)
				}
			}
		})
	}
}

func TestMemoryIsBounded(t *testing.T) {
	w := newWorld(t, "gateway")
	s := w.signer("gateway", "gateway")
	for i := range 9_000 {
		if _, err := s.Token(actor.Actor{Subject: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Remembered(); n > internaltoken.MaxRemembered {
		t.Fatalf("%d tokens are remembered", n)
	}
}

func FuzzVerify(f *testing.F) {
	w := newWorld(f, "gateway")
	token, _ := w.signer("gateway", "gateway").Token(coach)
	parts := strings.Split(token, ".")
	f.Add(token)
	f.Add(parts[0] + "." + parts[1] + ".")
	header, _ := json.Marshal(map[string]any{"alg": "none", "typ": internaltoken.Type})
	f.Add(base64.RawURLEncoding.EncodeToString(header) + "." + parts[1] + ".")
	f.Fuzz(func(t *testing.T, text string) {
		if _, _, err := w.verifier.Verify(text); err == nil && text != token {
			t.Fatalf("accepted %q", text)
		}
	})
}

func BenchmarkSignFromMemory(b *testing.B) {
	s := newWorld(b, "gateway").signer("gateway", "gateway")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Token(coach); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerifyFromMemory(b *testing.B) {
	w := newWorld(b, "gateway")
	token, _ := w.signer("gateway", "gateway").Token(coach)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := w.verifier.Verify(token); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSignAndVerify(b *testing.B) {
	w := newWorld(b, "gateway")
	s := w.signer("gateway", "gateway")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		token, err := s.Token(actor.Actor{Subject: fmt.Sprint(i)})
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := w.verifier.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}
