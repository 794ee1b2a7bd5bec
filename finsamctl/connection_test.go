package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
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
