// Package webtest helps to test the routes of a service: tokens for any actor, and
// requests as one.
package webtest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/problem"
)

// Issuers are the names that a Trust has keys for.
var Issuers = []string{internaltoken.Gateway, "referral", "participant", "activity"}

// Trust is a set of signers and the verifier that accepts them.
type Trust struct {
	Verifier *internaltoken.Verifier
	Signers  map[string]*internaltoken.Signer // by issuer
}

// NewTrust creates new keys for every issuer. A nil clock is time.Now.
func NewTrust(t testing.TB, now func() time.Time) *Trust {
	t.Helper()
	if now == nil {
		now = time.Now
	}
	keys := map[string]ed25519.PublicKey{}
	trust := &Trust{Signers: map[string]*internaltoken.Signer{}}
	for _, issuer := range Issuers {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		keys[issuer] = public
		trust.Signers[issuer] = internaltoken.NewSigner(issuer, private, now)
	}
	trust.Verifier = internaltoken.NewVerifier(keys, now)
	return trust
}

// Token returns a token of the gateway for the actor, and for a service's own actor a
// token of that service.
func (tr *Trust) Token(t testing.TB, a actor.Actor) string {
	t.Helper()
	signer := tr.Signers[internaltoken.Gateway]
	for issuer, s := range tr.Signers {
		if a.Subject == actor.ForService(issuer, a.Association).Subject {
			signer = s
		}
	}
	token, err := signer.Token(a)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Request is one request to a handler.
type Request struct {
	Method string
	Path   string // after web.BasePath, with its query
	As     actor.Actor
	Header map[string]string // beside the token and the content type
	Body   any               // sent as JSON; a string or []byte is sent as it is
}

// Do sends the request as the actor. An actor without a subject sends no token.
func (tr *Trust) Do(t testing.TB, h http.Handler, r Request) *Response {
	t.Helper()
	var text []byte
	switch v := r.Body.(type) {
	case nil:
	case string:
		text = []byte(v)
	case []byte:
		text = v
	default:
		var err error
		if text, err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	req := httptest.NewRequest(r.Method, web.BasePath+r.Path, bytes.NewReader(text))
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.As.Subject != "" {
		req.Header.Set("Authorization", "Bearer "+tr.Token(t, r.As))
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return &Response{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
}

// Response is an answer, read in full.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Into reads the body of the answer, which must have the status.
func (r *Response) Into(t testing.TB, status int, v any) {
	t.Helper()
	if r.Status != status {
		t.Fatalf("status %d, want %d: %s", r.Status, status, r.Body)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal(r.Body, v); err != nil {
		t.Fatalf("read %s: %v", r.Body, err)
	}
}

// Problem reads the answer as a problem, which must have the status.
func (r *Response) Problem(t testing.TB, status int) problem.Problem {
	t.Helper()
	if got := r.Header.Get("Content-Type"); got != problem.MediaType {
		t.Fatalf("content type %q of %d: %s", got, r.Status, r.Body)
	}
	var p problem.Problem
	r.Into(t, status, &p)
	return p
}
