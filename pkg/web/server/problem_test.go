package server_test

import (
	"encoding/json"
	"maps"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/web/webtest"
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
			req.Header.Set("Authorization", "Bearer "+s.Trust.Token(t, webtest.Coach))
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
		req.Header.Set("Authorization", "Bearer "+s.Trust.Token(t, webtest.Coach))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		if w.Code != 500 || strings.Contains(w.Body.String(), "Anna") {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		if log := s.Log.String(); !strings.Contains(log, want) || strings.Contains(log, "Anna") || strings.Contains(log, "191212121212") {
			t.Fatalf("logged %s", log)
		}
	}
}

func TestWhatEchoSaysOfAnInputIsNotRepeated(t *testing.T) {
	s := newService(t)
	req := httptest.NewRequest("GET", "/fail/echo-400", nil)
	req.Header.Set("Authorization", "Bearer "+s.Trust.Token(t, webtest.Coach))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	if w.Code != 400 || strings.Contains(w.Body.String()+s.Log.String(), "191212121212") {
		t.Fatalf("got %d %s; logged %s", w.Code, w.Body, s.Log)
	}
}

func TestAForeignIDAndAMissingOneAnswerAlike(t *testing.T) {
	s := newService(t)
	answer := func() string {
		req := httptest.NewRequest("GET", "/fail/not-found", nil)
		req.Header.Set("Authorization", "Bearer "+s.Trust.Token(t, webtest.Coach))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		return pretty(t, w.Body.Bytes())
	}
	if a, b := answer(), answer(); a != b {
		t.Fatalf("%s\n%s", a, b)
	}
}
