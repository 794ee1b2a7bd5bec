package trust

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/actor"
)

// recipe is a provider's entry in the trust file, a token of the shape that it has, and who
// the token is for.
type recipe struct {
	Trust yaml.Node
	Token struct {
		Seconds        int64
		Header, Claims map[string]any
	}
	Actor struct {
		Subject, Unit string
		Roles         []actor.Role
		Scopes        []string
	}
}

func readRecipe(t *testing.T, path string) (r recipe) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// folder writes the recipe's trust file, with a key set in the place of the provider's.
func (r *recipe) folder(t *testing.T, key *rsa.PrivateKey) folder {
	t.Helper()
	text, err := yaml.Marshal(&r.Trust)
	if err != nil {
		t.Fatal(err)
	}
	file, err := ParseFile(text)
	if err != nil {
		t.Fatal(err)
	}
	file.Issuers[0].JWKS = "keys.json"
	if text, err = yaml.Marshal(file); err != nil {
		t.Fatal(err)
	}
	f := folder{t, filepath.Join(t.TempDir(), "trust.yaml")}
	kid, _ := r.Token.Header["kid"].(string)
	f.write("keys.json", marshal(t, map[string]any{"keys": []any{
		jwk(t, key.Public(), kid), map[string]any{"kty": "RSA", "alg": "RSA-OAEP", "use": "enc", "kid": "enc", "n": "AQAB", "e": "AQAB"}}}))
	f.write("pseudonym.key", []byte(strings.Repeat("made up ", 6)))
	f.write("trust.yaml", text)
	return f
}

func (r *recipe) sign(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	claims, now := jwt.MapClaims(r.Token.Claims), time.Now()
	claims["iat"], claims["nbf"], claims["exp"] = now.Unix(), now.Unix(), now.Unix()+r.Token.Seconds
	token := jwt.NewWithClaims(jwt.GetSigningMethod(fmt.Sprint(r.Token.Header["alg"])), claims)
	token.Header = r.Token.Header
	if token.Header["alg"] == "PS256" {
		token.Method = &jwt.SigningMethodRSAPSS{SigningMethodRSA: jwt.SigningMethodPS256.SigningMethodRSA, Options: &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}}
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestCase_C4_TheRecipesOfProvidersTakeTheirTokens(t *testing.T) {
	paths, err := filepath.Glob("testdata/providers/*.yaml")
	if err != nil || len(paths) < 4 {
		t.Fatalf("%d recipes, %v", len(paths), err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			r := readRecipe(t, path)
			a, _, err := r.folder(t, key).open().Verify(t.Context(), r.sign(t, key))
			if err != nil {
				t.Fatal(err)
			}
			isSubject := a.Subject == r.Actor.Subject
			if r.Actor.Subject == "pseudonym" {
				isSubject = len(a.Subject) == 32 && !strings.ContainsAny(a.Subject, "0123456789")
			}
			if !isSubject || a.Unit != r.Actor.Unit || !slices.Equal(a.Roles, r.Actor.Roles) || !slices.Equal(a.Scopes, r.Actor.Scopes) {
				t.Errorf("got %+v, want %+v", a, r.Actor)
			}
			r.Token.Header["typ"] = "at+jwt"
			if _, _, err := r.folder(t, key).open().Verify(t.Context(), r.sign(t, key)); !errors.Is(err, ErrToken) {
				t.Errorf("another typ: %v", err)
			}
		})
	}
}

func TestAClaimIsNamedByATextOrAList(t *testing.T) {
	claims := map[string]any{"a.b": "whole", "a": map[string]any{"b": "nested", "c.d": map[string]any{"e": "dotted"}}, "f": 1}
	for text, want := range map[string]any{
		"a.b": "whole", "[a, b]": "nested", "[a.b]": "whole", "[a, c.d, e]": "dotted", "[f, g]": nil, `""`: nil, "[]": nil, "h": nil, "[h, i, j]": nil,
	} {
		var p Path
		if err := yaml.Unmarshal([]byte(text), &p); err != nil || claim(claims, p) != want {
			t.Errorf("%s: %v, %v", text, claim(claims, p), err)
		}
	}
	for _, text := range []string{"{a: b}", "[[a]]"} {
		var p Path
		if err := yaml.Unmarshal([]byte(text), &p); err == nil {
			t.Errorf("%s was taken as %v", text, p)
		}
	}
	var s SubjectClaim
	if err := yaml.Unmarshal([]byte("{claim: sub, pseudonimous: true}"), &s); err == nil {
		t.Error("a misspelt field was taken")
	}
}

func TestTheKeysAreDiscoveredByTheIssuersName(t *testing.T) {
	fk := newAuthority(t, "fk")
	configuration := map[string]any{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/realm" + discoveryPath:
			_, _ = w.Write(marshal(t, configuration))
		case "/certs":
			_, _ = w.Write(fk.jwks(t))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	name := s.URL + "/realm"
	token := fk.token(t, map[string]any{"iss": name}, nil)
	for sentence, c := range map[string]struct {
		issuer, keys string
		want         error
	}{
		"a configuration that names issuer and keys": {name, s.URL + "/certs", nil},
		"one of another issuer":                      {name + "/", s.URL + "/certs", ErrKeys},
		"one whose keys are not behind https":        {name, "http://keys.example/certs", ErrKeys},
		"one without keys":                           {name, "", ErrKeys},
	} {
		configuration["issuer"], configuration["jwks_uri"] = c.issuer, c.keys
		f := newFolder(t, fk)
		is := fk.issuer()
		is.Issuer, is.JWKS = name, ""
		f.trust(is)
		if _, _, err := f.open().Verify(t.Context(), token); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}

func TestAPseudonymNeedsItsKey(t *testing.T) {
	fk := newAuthority(t, "fk")
	f := newFolder(t, fk)
	is := fk.issuer()
	is.Claims.Subject.Pseudonym = true
	text, err := yaml.Marshal(File{Issuers: []Issuer{is}, PseudonymKey: "pseudonym.key"})
	if err != nil {
		t.Fatal(err)
	}
	f.write("trust.yaml", text)
	if _, err := Open(Config{Path: f.path}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the file: %v", err)
	}
	f.write("pseudonym.key", []byte("short"))
	if _, err := Open(Config{Path: f.path}); err == nil || !strings.Contains(err.Error(), "openssl rand") {
		t.Errorf("with a short key: %v", err)
	}
	subjects := map[string]bool{}
	for _, key := range []string{"a", "b"} {
		f.write("pseudonym.key", []byte(strings.Repeat(key, minPseudonymKey)))
		a, _, err := f.open().Verify(t.Context(), fk.token(t, nil, nil))
		if err != nil {
			t.Fatal(err)
		}
		subjects[a.Subject] = true
	}
	if len(subjects) != 2 || subjects["handlaggare-7"] {
		t.Errorf("%v", subjects)
	}
}

func FuzzParseDiscovery(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://fk.example","jwks_uri":"https://fk.example/jwks"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if location, err := parseDiscovery(text, "https://fk.example"); err == nil && !isFetchable(location) {
			t.Errorf("%q passed", location)
		}
	})
}
