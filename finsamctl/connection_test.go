package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// serve returns a connection to a server on this machine that answers by a handler.
func serve(t testing.TB, answer http.HandlerFunc) *connection {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	t.Setenv("FINSAM_TOKEN", "a-token")
	c := newConnection()
	if c.url = server.URL; c.check() != nil {
		t.Fatal(c.check())
	}
	return c
}

func TestARedirectIsAnErrorAndNothingIsSentWhereItPoints(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		elsewhere.Add(1)
		fmt.Fprint(w, `{"id":"x","access_token":"x"}`)
	}))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var asked atomic.Int32
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			http.Redirect(w, r, other.URL+r.URL.Path, status)
		})
		var told *problem
		err := c.call(t.Context(), http.MethodPost, "/referrals", nil, []byte(`{"a":"191212121212"}`), &struct{}{})
		if !errors.As(err, &told) || told.Status != status || told.Code != "redirect" || !strings.Contains(err.Error(), "--url") {
			t.Errorf("%d to a call: %v", status, err)
		}
		c.clientID, c.tokenURL, c.secretFile = "x", c.url, filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(c.secretFile, []byte("s"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "a redirect, which is not followed") {
			t.Errorf("%d to the fetching of a token: %v", status, err)
		}
		if asked.Load() != 2 || elsewhere.Load() != 0 {
			t.Errorf("%d: %d calls and %d elsewhere, want 2 and 0", status, asked.Load(), elsewhere.Load())
		}
	}
}

func TestNeitherTokenNorSecretIsSentInClear(t *testing.T) {
	for sentence, c := range map[string]struct {
		url, tokenURL string
		good          bool
	}{
		"https":                             {"https://api.example.se/finsam/v1/", "https://login.example.se/token?p=x", true},
		"this machine":                      {"http://127.0.0.1:8080", "http://localhost:9/token", true},
		"this machine, IPv6":                {"http://[::1]:8080", "http://[::1]:9/token", true},
		"no client credentials":             {"https://api.example.se", "", true},
		"the API in clear":                  {"http://api.example.se", "https://login.example.se", false},
		"the tokens in clear":               {"https://api.example.se", "http://login.example.se/token", false},
		"a name that begins as the machine": {"https://api.example.se", "http://127.0.0.1.example.se/token", false},
		"a password in the tokens' address": {"https://api.example.se", "https://a:b@login.example.se/token", false},
		"no scheme":                         {"https://api.example.se", "login.example.se/token", false},
		"no host":                           {"https://api.example.se", "https://:443/token", false},
		"no address":                        {"https://api.example.se", "https://%zz", false},
		"a query in the API's address":      {"https://api.example.se?x=y", "", false},
	} {
		k := newConnection()
		if k.url, k.tokenURL = c.url, c.tokenURL; c.tokenURL != "" {
			k.clientID, k.secretFile = "x", "y"
		}
		if err := k.check(); (err == nil) != c.good || err != nil && (strings.Contains(err.Error(), "a:b") || strings.Contains(err.Error(), "%zz")) {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}

// away is a server that nobody reaches.
type away struct{}

func (away) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
}

func TestAServerThatIsAwayIsWaitedForWithAWordAndNotForLong(t *testing.T) {
	for name, want := range map[language][]string{
		"sv": {"Servern svarar inte", "Nytt försök, 2 av 8", "gav upp efter 8 försök"},
		"en": {"The server does not answer", "Next attempt, 2 of 8", "gave up after 8 attempts"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var lines bytes.Buffer
			c := newConnection()
			c.url, c.token, c.http.Transport, c.notices, c.language = "http://127.0.0.1", "a-token", away{}, &lines, name
			began := time.Now()
			err := c.call(t.Context(), http.MethodPost, "/referrals/batch", nil, []byte("{}"), &struct{}{})
			if all := lines.String() + fmt.Sprint(err); err == nil || strings.Count(lines.String(), "\n") != maxAttempts-1 || time.Since(began) > maxAway {
				t.Errorf("%v after %s: %s", err, time.Since(began), lines.String())
			} else {
				for _, text := range want {
					if !strings.Contains(all, text) {
						t.Errorf("%q is missing in %s", text, all)
					}
				}
			}
			p := &poster{connection: c}
			if r := p.unanswered(err); r.Code != "not-sent" {
				t.Errorf("nothing was sent, and the report says %+v", r)
			}
		})
	}
}

func TestACallThatMayHaveBeenCarriedOutIsUnsure(t *testing.T) {
	for sentence, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"refused":                  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "no-problem"},
		"failed inside":            {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "no-answer"},
		"cut":                      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "no-answer"},
		"answered with no results": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }, "no-answer"},
		"answered with no JSON":    {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<h1>") }, "no-answer"},
	} {
		p := &poster{connection: serve(t, c.answer)}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // a cut call is attempted again
		_, err := p.post(ctx, []item{{row: 1, key: "k", body: []byte("{}")}})
		cancel()
		if r := p.unanswered(err); err == nil || r.Code != c.want {
			t.Errorf("%s: %v, %+v", sentence, err, r)
		}
	}
}
