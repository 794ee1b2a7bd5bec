package rest_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/participant/internal/testservice"
	"github.com/finsam/finsam/services/participant/rest"
)

// suite is the real router over a real service; every answer that it gives is
// held against the contract.
type suite struct {
	*testservice.Fixture
	trust   *webtest.Trust
	handler http.Handler
	t       testing.TB
}

func newSuite(t testing.TB) *suite {
	t.Helper()
	f := testservice.New(t, true)
	trust := webtest.NewTrust(t, nil)
	e, err := rest.New(f.Service, server.Config{Verifier: trust.Verifier, AccessLog: f.Deps.AccessLog, Feed: f.Deps.Feed, Log: f.Deps.Log})
	if err != nil {
		t.Fatal(err)
	}
	return &suite{Fixture: f, trust: trust, handler: e, t: t}
}

// contract is the service's document, as a router of requests.
var contract = sync.OnceValue(func() routers.Router {
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		panic(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		panic(err)
	}
	r, err := legacy.NewRouter(doc)
	if err != nil {
		panic(err)
	}
	return r
})

// do creates a request and checks a successful answer against the contract.
func (s *suite) do(r webtest.Request) *webtest.Response {
	s.t.Helper()
	got := s.trust.Do(s.t, s.handler, r)
	if got.Status >= 400 {
		return got
	}
	if cc := got.Header.Get("Cache-Control"); cc != "no-store" {
		s.t.Errorf("%s %s: Cache-Control %q on personal data", r.Method, r.Path, cc)
	}
	req, err := http.NewRequest(r.Method, web.BasePath+r.Path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	route, params, err := contract().FindRoute(req)
	if err != nil {
		s.t.Fatalf("%s %s is not in the contract: %v", r.Method, r.Path, err)
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 got.Status, Header: got.Header, Body: io.NopCloser(bytes.NewReader(got.Body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	if err := openapi3filter.ValidateResponse(context.Background(), in); err != nil {
		s.t.Errorf("%s %s answers outside the contract: %v\n%s", r.Method, r.Path, err, got.Body)
	}
	return got
}

func (s *suite) get(a actor.Actor, path string) *webtest.Response {
	s.t.Helper()
	return s.do(webtest.Request{Method: http.MethodGet, Path: path, As: a})
}

// post creates a change based on a version; an empty one sends no If-Match.
func (s *suite) post(a actor.Actor, path, version string, body any) *webtest.Response {
	s.t.Helper()
	r := webtest.Request{Method: http.MethodPost, Path: path, As: a, Body: body}
	if version != "" {
		r.Header = map[string]string{"If-Match": version}
	}
	return s.do(r)
}
