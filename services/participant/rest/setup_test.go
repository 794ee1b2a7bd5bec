package rest_test

import (
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/participant/participanttest"
	"github.com/finsam/finsam/services/participant/rest"
)

// face is the service behind its real router, asked as clients ask.
type face struct {
	*participanttest.Suite
	api *servicetest.API
	t   testing.TB
}

func newFace(t testing.TB) *face {
	t.Helper()
	s := participanttest.Start(t)
	return &face{Suite: s, t: t, api: servicetest.NewAPI(t, s.World, api.Spec, func(c server.Config) (*echo.Echo, error) { return rest.New(s.Service, c) })}
}

// do sends a request. No answer about a person may be cached.
func (f *face) do(r webtest.Request) *webtest.Response {
	f.t.Helper()
	got := f.api.Do(f.t, r)
	if cc := got.Header.Get("Cache-Control"); got.Status < 400 && cc != "no-store" {
		f.t.Errorf("%s %s: Cache-Control %q on personal data", r.Method, r.Path, cc)
	}
	return got
}

func (f *face) get(a actor.Actor, path string) *webtest.Response {
	f.t.Helper()
	return f.do(webtest.Request{Method: http.MethodGet, Path: path, As: a})
}

// post makes a change based on a version; an empty one sends no If-Match.
func (f *face) post(a actor.Actor, path, version string, body any) *webtest.Response {
	f.t.Helper()
	r := webtest.Request{Method: http.MethodPost, Path: path, As: a, Body: body}
	if version != "" {
		r.Header = map[string]string{"If-Match": version}
	}
	return f.do(r)
}

// protection returns the version that a removal of the person's protection names.
func (f *face) protection(participant string) string {
	f.t.Helper()
	return f.get(participanttest.Reviewer, "/participants/"+participant+"/protection").Header.Get("ETag")
}
