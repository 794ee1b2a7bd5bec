package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/gateway/contract"
	"github.com/finsam/finsam/services/gateway/docs"
)

// someone returns an authority that has the role in the demo.
func someone(role actor.Role) string {
	switch role {
	case actor.Intake, actor.Coach, actor.Supervisor, actor.Planner:
		return "molndal"
	case actor.AssociationAdmin, actor.Board, actor.Reviewer:
		return "forbundet"
	case actor.Participant:
		return "self"
	}
	return "fk"
}

var parameter = regexp.MustCompile(`\{([a-z]+)\}`)

// filled writes an operation's path with values for its parameters.
func filled(path string) string {
	return BasePath + parameter.ReplaceAllStringFunc(path, func(p string) string {
		switch p {
		case "{number}":
			return "1"
		case "{code}":
			return "1481"
		case "{date}":
			return "2026-11-24"
		}
		return "5b7c1c0e-52f4-5a0a-9d3e-6f0a4f6d2c11"
	})
}

func TestEveryOperationReachesItsServiceAsItsActor(t *testing.T) {
	r := newRig(t)
	for _, op := range operations(t) {
		if op.Service == contract.Own {
			continue
		}
		for _, role := range actor.Roles {
			s := r.services[op.Service]
			before := s.times()
			body := ""
			if op.Body {
				body = "{}"
			}
			kind := "application/json"
			if op.Form {
				kind = "multipart/form-data; boundary=grans"
			}
			w := r.as(someone(role), role, op.Method, filled(op.Path), body, "Content-Type", kind)
			if w.Code != http.StatusOK || s.times() != before+1 { // the service decides about roles
				t.Fatalf("%s as %s: %d %s", op.ID, role, w.Code, w.Body)
			}
			got := s.last()
			if got.URL.Path != filled(op.Path) || got.Method != op.Method {
				t.Errorf("%s became %s %s", op.ID, got.Method, got.URL.Path)
			}
			if op.Public {
				if got.Header.Get("Authorization") != "" {
					t.Errorf("%s: a public operation was called with a token", op.ID)
				}
				continue
			}
			a, issuer, err := r.internal.Verifier.Verify(strings.TrimPrefix(got.Header.Get("Authorization"), "Bearer "))
			if err != nil || issuer != "gateway" || !slices.Equal(a.Roles, []actor.Role{role}) || a.Association != "insjoriket" {
				t.Errorf("%s as %s arrived as %+v of %s, %v", op.ID, role, a, issuer, err)
			}
		}
	}
}

func TestEveryOperationWithoutTokenIsRefused(t *testing.T) {
	r := newRig(t)
	for _, op := range operations(t) {
		if op.Public {
			continue
		}
		w := r.ask(op.Method, filled(op.Path), "")
		if w.Code != http.StatusUnauthorized || !strings.HasPrefix(w.Header().Get("Www-Authenticate"), "Bearer") {
			t.Errorf("%s: %d %v", op.ID, w.Code, w.Header())
		}
	}
	for name, s := range r.services {
		if s.times() > 0 {
			t.Errorf("%s was asked", name)
		}
	}
	if len(access.Operations()) < 40 {
		t.Error("the access table is not whole")
	}
}

func TestThePagesAreServed(t *testing.T) {
	r := newRig(t)
	for path, media := range map[string]string{
		"/finsam/v1/api-info": "application/json", "/finsam/v1/openapi.json": "application/json", "/finsam/v1/api-docs": "application/json",
		"/finsam/v1/openapi.yaml": "application/yaml", "/openapi.json": "application/json", "/finsam/v1/asyncapi.json": "application/json", "/finsam/v1/docs/openapi.json": "application/json",
		"/finsam/v1/docs": "text/html", "/docs": "text/html", "/finsam/v1/docs/swagger-ui.css": "text/css", "/docs/swagger-ui-bundle.js": "javascript",
		"/finsam/v1/docs/problems": "text/html", "/finsam/v1/docs/problems/token-missing": "text/html", "/docs/problems/not-found": "text/html",
	} {
		w := r.ask("GET", path, "")
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Content-Type"), media) || w.Body.Len() == 0 {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
		if tag := w.Header().Get("Etag"); tag != "" {
			if again := r.ask("GET", path, "", "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
				t.Errorf("%s again: %d", path, again.Code)
			}
		}
		if head := r.ask("HEAD", path, ""); head.Code != http.StatusOK {
			t.Errorf("HEAD %s: %d", path, head.Code)
		}
	}
	for _, path := range []string{"/finsam/v1/docs/none.js", "/docs/problems/none", "/docsx", "/finsam/v1/docs/problemsx", "/internal/feed", "/finsam/v1/internal/persons", "/finsam", "/docs//"} {
		if w := r.ask("GET", path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestWhoLooksForTheDocumentationIsLedThere(t *testing.T) {
	r := newRig(t)
	for path, want := range map[string]string{
		"/": "/finsam/v1/docs", "/finsam/v1": "/finsam/v1/docs", "/finsam/v1/": "/finsam/v1/docs", "/finsam/v1/docs/": "/finsam/v1/docs", "/docs/": "/docs",
	} {
		for _, prefix := range []string{"", "/behind/a/prefix"} {
			w := r.ask("GET", path, "")
			from, err := url.Parse("https://api.example.se" + prefix + path)
			if err != nil {
				t.Fatal(err)
			}
			to, err := from.Parse(w.Header().Get("Location"))
			if err != nil || w.Code != http.StatusFound || to.Path != prefix+want {
				t.Errorf("%s leads to %s with %d, %v", from.Path, to, w.Code, err)
			}
		}
		if w := r.ask("POST", path, ""); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
}

func TestTheServedDocumentIsTheContract(t *testing.T) {
	r := newRig(t)
	want, err := contract.JSON(r.config.PublicURL)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/finsam/v1/openapi.json", "/finsam/v1/api-docs"} {
		if got := r.ask("GET", path, "").Body.Bytes(); !bytes.Equal(got, want) {
			t.Errorf("%s differs from the contract", path)
		}
	}
}

// TestEveryPageKnowsThePrefix reads what names addresses of the gateway itself.
func TestEveryPageKnowsThePrefix(t *testing.T) {
	r := newRig(t, func(c *Config) { c.PublicURL = "https://kommun.example/samverkan/" })
	for path, want := range map[string]string{
		"/finsam/v1/api-info":          `"self":{"href":"/samverkan/finsam/v1/api-info"}`,
		"/finsam/v1/openapi.json":      `"url":"https://kommun.example/samverkan/finsam/v1"`,
		"/finsam/v1/docs/openapi.json": `"url":"/samverkan/finsam/v1"`,
		"/finsam/v1/asyncapi.json":     `"pathname": "/samverkan/finsam/v1"`,
		resourcePath:                   `"resource":"https://kommun.example/samverkan/finsam/v1"`,
	} {
		if w := r.ask("GET", path, ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d, without %s", path, w.Code, want)
		}
	}
}

func TestAPIInfoHasWhatTheProfileRequires(t *testing.T) {
	var info map[string]any
	if err := json.Unmarshal(newRig(t).ask("GET", "/finsam/v1/api-info", "").Body.Bytes(), &info); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"apiName", "apiVersion", "apiReleased", "apiDocumentation", "apiStatus", "_links", "softwareVersion", "softwareRevision"} {
		if info[name] == nil || info[name] == "" {
			t.Errorf("%s is missing in %v", name, info)
		}
	}
}

func TestTheTokenEndpointExistsInADemoOnly(t *testing.T) {
	token := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	r := newRig(t, func(o *Config) {
		o.Token, o.Clients, o.Unauthenticated = token, []docs.Client{{ID: "fk-integration", Secret: "demo"}}, strangers(t, 1, 4)
	})
	if page := r.ask("GET", "/docs", "").Body.String(); !strings.Contains(page, "fk-integration") {
		t.Error("the page does not name the demo's clients")
	}
	codes := map[int]int{}
	for range 5 {
		codes[r.ask("POST", "/finsam/v1/token", "a=b").Code]++
	}
	if codes[http.StatusUnauthorized] != 3 || codes[http.StatusTooManyRequests] != 2 {
		t.Errorf("in a demo, by somebody who guesses: %v", codes)
	}
	if w := r.ask("GET", "/token", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
	if code := newRig(t).ask("POST", "/finsam/v1/token", "a=b").Code; code != http.StatusNotFound {
		t.Errorf("without: %d", code)
	}
}

func TestAnInvalidConfigStopsTheStart(t *testing.T) {
	good := newRig(t)
	for sentence, change := range map[string]func(*Config){
		"nobody to trust":                   func(o *Config) { o.Trust = nil },
		"no signer":                         func(o *Config) { o.Signer = nil },
		"a service's signer":                func(o *Config) { o.Signer = good.internal.Signers["referral"] },
		"a service without address":         func(o *Config) { o.Services[0] = Service{Name: "referral"} },
		"a service's address with a path":   func(o *Config) { o.Services[0] = Service{Name: "referral", Base: "http://x/y"} },
		"a service that is not there":       func(o *Config) { o.Services = o.Services[1:] },
		"a contract that two services have": func(o *Config) { o.Services = append(o.Services, o.Services[0]) },
	} {
		o := good.config
		o.Services = slices.Clone(o.Services)
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: it started", sentence)
		}
	}
}
