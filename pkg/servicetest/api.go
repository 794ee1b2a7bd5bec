package servicetest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
)

// API is a service's real router, asked as clients ask. Every response is compared
// with the contract.
type API struct {
	*webtest.Trust
	Handler  http.Handler
	contract routers.Router
}

// NewAPI builds the router on the world and reads the contract.
func NewAPI[H http.Handler](t testing.TB, w *World, spec []byte, build func(server.Config) (H, error)) *API {
	t.Helper()
	a := &API{Trust: webtest.NewTrust(t, nil)}
	h, err := build(server.Config{Verifier: a.Verifier, AccessLog: w.AccessLog, Feed: w.Feed, Log: w.Log})
	Must(t, err)
	a.Handler = h
	read, _ := contracts.LoadOrStore(&spec[0], sync.OnceValues(func() (routers.Router, error) {
		doc, err := openapi3.NewLoader().LoadFromData(spec)
		if err != nil {
			return nil, err
		}
		return legacy.NewRouter(doc, openapi3.EnableExamplesValidation())
	}))
	a.contract, err = read.(func() (routers.Router, error))()
	Must(t, err)
	return a
}

// contracts holds the contracts that were read, by the address of the first byte.
var contracts sync.Map // *byte -> func() (routers.Router, error)

func init() { openapi3filter.RegisterBodyDecoder("text/calendar", openapi3filter.FileBodyDecoder) }

// Do sends a request. The response must not be a server error; it must be what the
// contract says of the operation, or else a complete problem.
func (a *API) Do(t testing.TB, r webtest.Request) *webtest.Response {
	t.Helper()
	got := a.Trust.Do(t, a.Handler, r)
	if got.Status >= 500 {
		t.Errorf("%s %s: %d: %s", r.Method, r.Path, got.Status, got.Body)
	}
	if got.Header.Get("Cache-Control") == "" || got.Header.Get("X-Request-Id") == "" || got.Header.Get("Traceparent") == "" {
		t.Errorf("%s %s: a header is missing: %v", r.Method, r.Path, got.Header)
	}
	if got.Status >= 400 {
		p := got.Problem(t, got.Status)
		if !strings.HasSuffix(p.Type, "/docs/problems/"+p.Code) || p.Title == "" || p.Detail == "" || p.Status != got.Status || p.Instance == "" || p.TraceID == "" {
			t.Errorf("%s %s: not a complete problem: %s", r.Method, r.Path, got.Body)
		}
		return got
	}
	req := httptest.NewRequest(r.Method, web.BasePath+r.Path, nil)
	route, params, err := a.contract.FindRoute(req)
	if err != nil {
		t.Fatalf("%s %s is not in the contract: %v", r.Method, r.Path, err)
	}
	if err := openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 got.Status, Header: got.Header, Body: io.NopCloser(bytes.NewReader(got.Body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}); err != nil {
		t.Errorf("%s %s: %d breaks the contract: %v\n%s", r.Method, r.Path, got.Status, err, got.Body)
	}
	VersionIsTag(t, r.Method+" "+r.Path, got.Header, got.Body)
	return got
}

// VersionIsTag wants that a thing which is answered with an entity tag has its version in
// the body too. A thing is what has links; a problem and a document of the API are none.
func VersionIsTag(t testing.TB, what string, header http.Header, body []byte) {
	t.Helper()
	var thing struct {
		Version json.Number
		APIName string         `json:"apiName"`
		Links   map[string]any `json:"_links"`
	}
	tag := header.Get("ETag")
	if tag == "" || json.Unmarshal(body, &thing) != nil || thing.Links == nil || thing.APIName != "" {
		return
	}
	if want := `"` + thing.Version.String() + `"`; Version(header) != want {
		t.Errorf("%s: the version is %q and the entity tag %s: %s", what, thing.Version, tag, body)
	}
}

// Version returns the entity tag of an answer without what is of the body: the version that
// was read, as a change names it.
func Version(header http.Header) string {
	version, _, _ := strings.Cut(strings.TrimSuffix(header.Get("ETag"), `"`), "-")
	return version + `"`
}

// Get reads a path as the actor.
func (a *API) Get(t testing.TB, as actor.Actor, path string) *webtest.Response {
	t.Helper()
	return a.Do(t, webtest.Request{Method: http.MethodGet, Path: path, As: as})
}

// Post posts a change of what has this version; an empty version sends no If-Match.
func (a *API) Post(t testing.TB, as actor.Actor, path, version string, body any) *webtest.Response {
	t.Helper()
	r := webtest.Request{Method: http.MethodPost, Path: path, As: as, Body: body}
	if version != "" {
		r.Header = map[string]string{"If-Match": version}
	}
	return a.Do(t, r)
}

// PathOf returns where a link leads, after web.BasePath.
func PathOf(t testing.TB, href string) string {
	t.Helper()
	path, ok := strings.CutPrefix(href, web.BasePath)
	if !ok {
		t.Fatalf("%q does not begin with %s", href, web.BasePath)
	}
	return path
}
