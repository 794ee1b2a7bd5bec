package web_test

import (
	"encoding/json"
	"maps"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web"
)

// varying is what differs from one answer to the next.
var varying = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|"traceId": "[0-9a-f]{32}"`)

// pretty returns a problem in lines, without what varies.
func pretty(t *testing.T, body []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	text, _ := json.MarshalIndent(v, "", "  ")
	return varying.ReplaceAllStringFunc(string(text), func(s string) string {
		if strings.HasPrefix(s, `"traceId"`) {
			return `"traceId": "…"`
		}
		return "…"
	}) + "\n"
}

func TestEachFailureHasItsProblemInBothLanguages(t *testing.T) {
	s := newService(t)
	for _, language := range []string{"sv", "en"} {
		var all strings.Builder
		for _, how := range slices.Sorted(maps.Keys(failures)) {
			req := httptest.NewRequest("GET", "/fail/"+how, nil)
			req.Header.Set("Authorization", "Bearer "+s.trust.Token(t, coach))
			req.Header.Set("Accept-Language", language)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, req)
			all.WriteString("# " + how + " " + w.Header().Get("Retry-After") + "\n" + pretty(t, w.Body.Bytes()))
			if w.Header().Get("Content-Language") != language || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: %v", how, w.Header())
			}
			if got := w.Header().Get("Vary"); got != "Accept-Language" {
				t.Errorf("%s: vary %q", how, got)
			}
		}
		golden(t, "problems."+language+".txt", all.String())
	}
}

func TestAPanicIsAnInternalProblemAndIsLoggedWithoutItsValue(t *testing.T) {
	s := newService(t)
	for how, want := range map[string]string{"panic": "panic of type string", "index": "index out of range"} {
		req := httptest.NewRequest("GET", "/fail/"+how, nil)
		req.Header.Set("Authorization", "Bearer "+s.trust.Token(t, coach))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		if w.Code != 500 || strings.Contains(w.Body.String(), "Anna") {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		if log := s.log.String(); !strings.Contains(log, want) || strings.Contains(log, "Anna") || strings.Contains(log, "191212121212") {
			t.Fatalf("logged %s", log)
		}
	}
}

func TestWhatEchoSaysOfAnInputIsNotRepeated(t *testing.T) {
	s := newService(t)
	req := httptest.NewRequest("GET", "/fail/echo-400", nil)
	req.Header.Set("Authorization", "Bearer "+s.trust.Token(t, coach))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	if w.Code != 400 || strings.Contains(w.Body.String()+s.log.String(), "191212121212") {
		t.Fatalf("got %d %s; logged %s", w.Code, w.Body, s.log)
	}
}

func TestTheLanguageIsSwedishUnlessEnglishIsPreferred(t *testing.T) {
	for accept, want := range map[string]string{
		"": "sv", "sv": "sv", "en": "en", "en-GB,en;q=0.9": "en", "sv-SE,sv;q=0.9,en;q=0.8": "sv", "en;q=0.5,sv;q=0.6": "sv",
		"de": "sv", "de,en;q=0.5": "en", "*": "sv", "nonsense;;;": "sv", strings.Repeat("en,", 100): "sv",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Language", accept)
		w := httptest.NewRecorder()
		web.WriteProblem(w, r, fault.ErrNotFound)
		if got := w.Header().Get("Content-Language"); got != want {
			t.Errorf("%q gives %q, want %q", accept, got, want)
		}
	}
}

func TestEveryKindHasATitleInBothLanguages(t *testing.T) {
	for k := fault.Internal; k <= fault.Timeout; k++ {
		for _, language := range []string{"sv", "en"} {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Accept-Language", language)
			w := httptest.NewRecorder()
			web.WriteProblem(w, r, fault.New(k, "code", "Svenska.", "English."))
			var p web.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Title == "" || p.Status != k.Status() || w.Code != k.Status() {
				t.Errorf("kind %d in %s: %s", k, language, w.Body)
			}
		}
	}
}

func TestAForeignIDAndAMissingOneAnswerAlike(t *testing.T) {
	s := newService(t)
	answer := func() string {
		req := httptest.NewRequest("GET", "/fail/not-found", nil)
		req.Header.Set("Authorization", "Bearer "+s.trust.Token(t, coach))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		return pretty(t, w.Body.Bytes())
	}
	if a, b := answer(), answer(); a != b {
		t.Fatalf("%s\n%s", a, b)
	}
}

func FuzzAcceptLanguage(f *testing.F) {
	f.Add("sv-SE,sv;q=0.9,en;q=0.8")
	f.Add("-1-1-1")
	f.Fuzz(func(t *testing.T, accept string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Accept-Language"] = []string{accept}
		w := httptest.NewRecorder()
		web.WriteProblem(w, r, fault.ErrNotFound)
		if got := w.Header().Get("Content-Language"); got != "sv" && got != "en" {
			t.Fatalf("%q gives %q", accept, got)
		}
	})
}
