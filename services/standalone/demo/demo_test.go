package demo

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/gateway/trust"
)

func open(t *testing.T, folder string) *Issuer {
	t.Helper()
	i, err := Open(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func verifier(t *testing.T, i *Issuer) *trust.Verifier {
	t.Helper()
	v, err := trust.Open(trust.Config{Path: i.TrustFile()})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestATokenOfTheDemoPassesTheRealVerifier(t *testing.T) {
	i := open(t, t.TempDir())
	token, err := i.Token(Claims{Authority: "molndal", Roles: []actor.Role{actor.Coach}})
	if err != nil {
		t.Fatal(err)
	}
	a, _, err := verifier(t, i).Verify(t.Context(), token)
	if err != nil || a.Subject != "coach-molndal-1" || a.Municipality != "1481" || a.Association != "insjoriket" || !a.Has(actor.Coach) {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAnAuthorityNobodyKnewPassesAtOnce(t *testing.T) {
	i := open(t, t.TempDir())
	v := verifier(t, i)
	token, err := i.Token(Claims{Authority: "ungdomsmottagningen", Roles: []actor.Role{actor.Referrer}})
	if err != nil {
		t.Fatal(err)
	}
	if a, _, err := v.Verify(t.Context(), token); err != nil || a.Authority != "ungdomsmottagningen" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestATokenForAnotherAssociationSpeaksForThatOne(t *testing.T) {
	folder := t.TempDir()
	ours := open(t, folder)
	theirs, err := Open(folder, "kalmar")
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(t, ours)
	for i, want := range map[*Issuer]string{ours: "insjoriket", theirs: "kalmar"} {
		token, err := i.Token(Claims{Authority: "fk", Roles: []actor.Role{actor.Integration}})
		if err != nil {
			t.Fatal(err)
		}
		if a, _, err := v.Verify(t.Context(), token); err != nil || a.Association != want || a.Authority != "fk" {
			t.Errorf("%+v, %v, want %s", a, err, want)
		}
	}
	if _, err := Open(folder, "../elsewhere"); err == nil {
		t.Error("an association that is a path was taken")
	}
}

func TestAFolderOpenedAgainIsTheSameIssuer(t *testing.T) {
	folder := t.TempDir()
	v := verifier(t, open(t, folder))
	var wg sync.WaitGroup
	for range 4 { // the server and the command line, side by side
		wg.Go(func() {
			token, err := open(t, folder).Token(Claims{Authority: "fk", Roles: []actor.Role{actor.Integration}})
			if err != nil {
				t.Error(err)
			}
			if _, _, err := v.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestAnIssuerDisabledByHandStaysSo(t *testing.T) {
	folder := t.TempDir()
	i := open(t, folder)
	text, err := os.ReadFile(i.TrustFile())
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "authority: fk\n", "authority: fk\n      disabled: true\n", 1))
	if err := os.WriteFile(i.TrustFile(), text, 0o600); err != nil {
		t.Fatal(err)
	}
	i = open(t, folder)
	token, err := i.Token(Claims{Authority: "fk", Roles: []actor.Role{actor.Integration}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := verifier(t, i).Verify(t.Context(), token); !errors.Is(err, trust.ErrIssuer) {
		t.Error(err)
	}
}

func TestAClaimNoTokenCouldMakeIsRefusedWithASentence(t *testing.T) {
	i := open(t, t.TempDir())
	for sentence, c := range map[string]Claims{
		"no role":                           {Authority: "fk"},
		"a role that nobody has":            {Authority: "fk", Roles: []actor.Role{"boss"}},
		"the services' role":                {Authority: "fk", Roles: []actor.Role{actor.System}},
		"an authority in capitals":          {Authority: "FK", Roles: []actor.Role{actor.Referrer}},
		"a path as authority":               {Authority: "../fk", Roles: []actor.Role{actor.Referrer}},
		"another municipality than its own": {Authority: "molndal", Municipality: "1402", Roles: []actor.Role{actor.Coach}},
		"no authority at all":               {Roles: []actor.Role{actor.Coach}},
	} {
		if token, err := i.Token(c); err == nil {
			t.Errorf("%s: %s", sentence, token)
		}
	}
}

func TestKeysAreForTheirOwnerAlone(t *testing.T) {
	folder := t.TempDir()
	open(t, folder)
	keys, err := filepath.Glob(filepath.Join(folder, "*.key"))
	if err != nil || len(keys) != len(authorities) {
		t.Fatal(keys, err)
	}
	for _, k := range keys {
		if info, err := os.Stat(k); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(k, info.Mode(), err)
		}
	}
}

func TestTheDemoIsForThisMachineAlone(t *testing.T) {
	for addr, ok := range map[string]bool{
		"127.0.0.1:8080": true, "[::1]:0": true, "localhost:80": true, "127.9.9.9:1": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "192.0.2.1:80": false, "finsam.example:80": false, "127.0.0.1": false,
	} {
		if err := CheckAddr(addr); (err == nil) != ok {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestTheTokenEndpoint(t *testing.T) {
	i := open(t, t.TempDir())
	const form = "application/x-www-form-urlencoded"
	for sentence, c := range map[string]struct {
		media, body, query, user string
		status                   int
		code                     string
	}{
		"a client with its secret":         {form, "grant_type=client_credentials&client_id=fk-integration&client_secret=demo", "", "", 200, ""},
		"a client by Basic":                {form, "grant_type=client_credentials", "", "molndal-coach", 200, ""},
		"another secret":                   {form, "grant_type=client_credentials&client_id=fk-integration&client_secret=x", "", "", 401, "invalid_client"},
		"a client that does not exist":     {form, "grant_type=client_credentials&client_id=x&client_secret=demo", "", "", 401, "invalid_client"},
		"no client":                        {form, "grant_type=client_credentials", "", "", 400, "invalid_request"},
		"the secret in the body and Basic": {form, "grant_type=client_credentials&client_secret=demo", "", "fk-integration", 400, "invalid_request"},
		"no grant type":                    {form, "client_id=fk-integration&client_secret=demo", "", "", 400, "invalid_request"},
		"another grant type":               {form, "grant_type=password&client_id=fk-integration&client_secret=demo", "", "", 400, "unsupported_grant_type"},
		"a scope":                          {form, "grant_type=client_credentials&scope=all&client_id=fk-integration&client_secret=demo", "", "", 400, "invalid_scope"},
		"a parameter twice":                {form, "grant_type=client_credentials&grant_type=client_credentials&client_id=fk-integration&client_secret=demo", "", "", 400, "invalid_request"},
		"the secret in the address":        {form, "grant_type=client_credentials", "?client_id=fk-integration&client_secret=demo", "", 400, "invalid_request"},
		"a body in JSON":                   {"application/json", "{}", "", "", 400, "invalid_request"},
		"a body without end":               {form, strings.Repeat("a", 5000), "", "", 400, "invalid_request"},
	} {
		t.Run(sentence, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/token"+c.query, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.media)
			if c.user != "" {
				r.SetBasicAuth(c.user, Secret)
			}
			w := httptest.NewRecorder()
			i.ServeHTTP(w, r)
			var got struct {
				Token string `json:"access_token"`
				Error string `json:"error"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if w.Code != c.status || got.Error != c.code || (got.Token != "") != (c.status == 200) || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
			}
		})
	}
}

func FuzzToken(f *testing.F) {
	i, err := Open(f.TempDir(), "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("grant_type=client_credentials&client_id=fk-integration&client_secret=demo")
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/token", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		i.ServeHTTP(w, r)
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
