package rest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/rest"
)

// front is the service behind its real router, and the contract that every one
// of its answers is held against.
type front struct {
	*referraltest.World
	trust    *webtest.Trust
	handler  http.Handler
	contract routers.Router
}

func newFront(t *testing.T) *front {
	t.Helper()
	f := &front{World: referraltest.New(t), trust: webtest.NewTrust(t, nil)}
	e, err := rest.New(f.Service, server.Config{
		Verifier: f.trust.Verifier, AccessLog: f.AccessLog, Feed: f.Feed, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.handler = e
	if f.contract, err = contractOf(); err != nil {
		t.Fatal(err)
	}
	return f
}

// contractOf reads the contract, once for all tests.
var contractOf = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc, openapi3.EnableExamplesValidation())
})

// do asks as the actor. No answer may be the service's own fault, and each one is
// what the contract says, or a whole problem.
func (f *front) do(t *testing.T, r webtest.Request) *webtest.Response {
	t.Helper()
	a := f.trust.Do(t, f.handler, r)
	if a.Status >= 500 {
		t.Errorf("%s %s: %d: %s", r.Method, r.Path, a.Status, a.Body)
	}
	if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("X-Request-Id") == "" || a.Header.Get("Traceparent") == "" {
		t.Errorf("%s %s: lacks a header: %v", r.Method, r.Path, a.Header)
	}
	if a.Status >= 400 {
		wholeProblem(t, a)
		return a
	}
	f.asContracted(t, r, a)
	return a
}

func wholeProblem(t *testing.T, a *webtest.Response) {
	t.Helper()
	p := a.Problem(t, a.Status)
	if !strings.HasSuffix(p.Type, "/docs/problems/"+p.Code) || p.Title == "" || p.Detail == "" || p.Status != a.Status || p.Instance == "" || p.TraceID == "" {
		t.Errorf("not a whole problem: %s", a.Body)
	}
}

// asContracted holds the answer against the operation's response.
func (f *front) asContracted(t *testing.T, r webtest.Request, a *webtest.Response) {
	t.Helper()
	req := httptest.NewRequest(r.Method, web.BasePath+r.Path, nil)
	route, params, err := f.contract.FindRoute(req)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 a.Status, Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		t.Errorf("%s %s: not as contracted: %v\n%s", r.Method, r.Path, err, a.Body)
	}
	servicetest.VersionIsTag(t, r.Method+" "+r.Path, a.Header, a.Body)
}

// newReferral is the body of a referral without fault.
func newReferral() map[string]any {
	return map[string]any{
		"person": map[string]any{
			"personalIdentityNumber": "19121212-1212", "givenName": "Tolvan", "familyName": "Kanariefågelsson",
			"gender": "male", "email": "tolvan@example.se", "phone": "0709990000",
		},
		"unit":               "fk-molndal",
		"targetGroup":        map[string]any{"reasons": []any{"long_absence"}, "authoritiesConcerned": []any{"social_insurance", "region"}},
		"consent":            map[string]any{"given": true, "givenOn": "2026-02-27", "textVersion": "2026-1", "authorities": []any{"fk", "molndal"}, "dataCategories": []any{"progress", "outcome"}},
		"wishedMunicipality": "1481",
		"reason":             "Påhittad kanarieorsak.",
		"externalReference":  "FK-2026-004711",
	}
}

// post creates a referral and returns the answer.
func (f *front) post(t *testing.T, reference, key string) *webtest.Response {
	t.Helper()
	body := newReferral()
	body["externalReference"] = reference
	return f.do(t, webtest.Request{
		Method: "POST", Path: "/referrals", As: referraltest.FK, Body: body, Header: map[string]string{"Idempotency-Key": key},
	})
}

// act does something to a referral at a version.
func (f *front) act(t *testing.T, a actor.Actor, id, action, etag string, body any) *webtest.Response {
	t.Helper()
	r := webtest.Request{Method: "POST", Path: "/referrals/" + id + "/" + action, As: a, Body: body}
	if etag != "" {
		r.Header = map[string]string{"If-Match": etag}
	}
	return f.do(t, r)
}

// read returns the answer's body.
func read(t *testing.T, a *webtest.Response, status int) api.Referral {
	t.Helper()
	var r api.Referral
	a.Into(t, status, &r)
	return r
}

// indented returns JSON as a person reads it.
func indented(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheYearSoFarIsTheSwedishOne(t *testing.T) {
	f := newFront(t)
	f.Clock.Advance(time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC).Sub(f.Now())) // 00:30 in Sweden
	a := f.do(t, webtest.Request{Method: "GET", Path: "/referral-figures", As: referraltest.Intake})
	var got api.ReferralFigures
	if err := json.Unmarshal(a.Body, &got); err != nil || got.From != "2027-01" || got.To != "2027-01" {
		t.Errorf("got %s to %s, %v", got.From, got.To, err)
	}
}
