package problem_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web/problem"
)

func TestTheLanguageIsSwedishUnlessEnglishIsPreferred(t *testing.T) {
	for accept, want := range map[string]string{
		"": "sv", "sv": "sv", "en": "en", "en-GB,en;q=0.9": "en", "sv-SE,sv;q=0.9,en;q=0.8": "sv", "en;q=0.5,sv;q=0.6": "sv",
		"de": "sv", "de,en;q=0.5": "en", "*": "sv", "nonsense;;;": "sv", strings.Repeat("en,", 100): "sv",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Language", accept)
		w := httptest.NewRecorder()
		problem.Write(w, r, fault.ErrNotFound)
		if got := w.Header().Get("Content-Language"); got != want {
			t.Errorf("%q is answered in %q, want %q", accept, got, want)
		}
	}
}

func TestEveryKindHasATitleInBothLanguages(t *testing.T) {
	for k := fault.Internal; k <= fault.Timeout; k++ {
		for _, language := range []string{"sv", "en"} {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Accept-Language", language)
			w := httptest.NewRecorder()
			problem.Write(w, r, fault.New(k, "code", "Svenska.", "English."))
			var p problem.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Title == "" || p.Status != k.HTTP() || w.Code != k.HTTP() {
				t.Errorf("kind %d in %s: %s", k, language, w.Body)
			}
		}
	}
}

func FuzzAcceptLanguage(f *testing.F) {
	f.Add("sv-SE,sv;q=0.9,en;q=0.8")
	f.Add("-1-1-1")
	f.Fuzz(func(t *testing.T, accept string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Accept-Language"] = []string{accept}
		w := httptest.NewRecorder()
		problem.Write(w, r, fault.ErrNotFound)
		if got := w.Header().Get("Content-Language"); got != "sv" && got != "en" {
			t.Fatalf("%q is answered in %q", accept, got)
		}
	})
}
