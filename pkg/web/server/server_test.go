package server_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"go.uber.org/goleak"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newService returns a service of webtest.ThingsSpec with handlers, some of which fail.
func newService(t testing.TB) *webtest.Things {
	t.Helper()
	s := webtest.NewThings(t)
	ok := func(c echo.Context) error { return c.String(http.StatusOK, actor.From(c.Request().Context()).Subject) }
	s.GET(web.BasePath+"/things", ok)
	s.GET(web.BasePath+"/calendars/:token", ok)
	s.PUT(web.BasePath+"/things/:id", ok)
	s.POST(web.BasePath+"/things", func(c echo.Context) error {
		b, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		return c.Blob(http.StatusCreated, "application/json", b)
	})
	s.GET(web.BasePath+"/things/:id", func(c echo.Context) error { return failures[c.QueryParam("")] })
	s.GET("/fail/:how", func(c echo.Context) error {
		if c.Param("how") == "panic" {
			panic("Anna Andersson 191212121212")
		}
		if c.Param("how") == "index" {
			var none []int
			return c.JSON(200, none[len(c.Param("how"))])
		}
		return failures[c.Param("how")]
	})
	return s
}

var failures = map[string]error{
	"plain":       errors.New("disk of Anna Andersson is full"),
	"internal":    fault.New(fault.Internal, "seal-broken", "hemligt", "secret"),
	"not-found":   fault.ErrNotFound,
	"forbidden":   fault.ErrForbidden,
	"stale":       fault.ErrStale.Because(errors.New("v7")),
	"unavailable": fault.ErrUnavailable.After(1500e6),
	"conflict":    fault.ErrConflict.At(fault.Field{Pointer: "/unit", Code: "taken", Text: fault.Text{SV: "Upptaget.", EN: "Taken."}}),
	"timeout":     context.DeadlineExceeded,
	"echo-400":    echo.NewHTTPError(http.StatusBadRequest, "Invalid format for parameter id: 191212121212"),
	"canceled":    context.Canceled,
	"echo-401":    echo.ErrUnauthorized,
	"echo-403":    echo.ErrForbidden,
	"echo-404":    echo.ErrNotFound,
	"echo-413":    echo.ErrStatusRequestEntityTooLarge,
	"echo-415":    echo.ErrUnsupportedMediaType,
	"echo-418":    echo.NewHTTPError(http.StatusTeapot),
	"echo-429":    echo.ErrTooManyRequests,
	"echo-503":    echo.ErrServiceUnavailable,
	"echo-504":    echo.NewHTTPError(http.StatusGatewayTimeout),
	"wrapped":     fmt.Errorf("load: %w", fault.ErrStale),
	"echo-502":    echo.NewHTTPError(http.StatusBadGateway, "Anna"),
}

// golden holds text against a file of testdata/golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update if it should.\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

func TestNewRefusesWhatWouldBeOpenOrUnusable(t *testing.T) {
	trust := webtest.NewTrust(t, nil)
	for name, c := range map[string]struct {
		change func(*server.Config)
		want   string
	}{
		"no verifier": {func(o *server.Config) { o.Verifier = nil }, "open to anybody"},
		"no contract": {func(o *server.Config) { o.Contract = nil }, "take anything"},
	} {
		t.Run(name, func(t *testing.T) {
			o := webtest.ThingsConfig(trust, io.Discard)
			c.change(&o)
			_, err := server.New(o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want something of %q", err, c.want)
			}
		})
	}
}

func TestOnlyAValidTokenIsLetIn(t *testing.T) {
	s := newService(t)
	other := webtest.NewTrust(t, nil)
	for name, c := range map[string]struct {
		path, authorization string
		status              int
	}{
		"none":                               {"/things", "", 401},
		"of a stranger":                      {"/things", "Bearer " + other.Token(t, webtest.Coach), 401},
		"basic":                              {"/things", "Basic Zm9vOmJhcg==", 401},
		"empty":                              {"/things", "Bearer ", 401},
		"valid":                              {"/things", "Bearer " + s.Trust.Token(t, webtest.Coach), 200},
		"valid, in small letters":            {"/things", "bearer " + s.Trust.Token(t, webtest.Coach), 200},
		"none, where none is needed":         {"/calendars/x", "", 200},
		"invalid, where none is needed":      {"/calendars/x", "Bearer x", 401},
		"none, at an unknown address":        {"/nothing", "", 401},
		"valid, at an unknown address":       {"/nothing", "Bearer " + s.Trust.Token(t, webtest.Coach), 404},
		"none, with an empty query":          {"/calendars/x?", "", 200},
		"a service's own, as a user's would": {"/things", "Bearer " + s.Trust.Token(t, actor.ForService("referral", "a")), 200},
	} {
		t.Run(name, func(t *testing.T) {
			header := map[string]string{}
			if c.authorization != "" {
				header["Authorization"] = c.authorization
			}
			r := s.Trust.Do(t, s, webtest.Request{Method: "GET", Path: c.path, Header: header})
			if r.Status != c.status {
				t.Fatalf("got %d %s", r.Status, r.Body)
			}
			if c.status == 401 && (r.Problem(t, 401).Code != internaltoken.ErrToken.Code || r.Header.Get("WWW-Authenticate") != "Bearer") {
				t.Fatalf("got %s", r.Body)
			}
		})
	}
}

func TestAMethodThatAnAddressDoesNotHaveIsAProblemToo(t *testing.T) {
	s := newService(t)
	r := s.Call(t, "DELETE", "/things", nil, nil)
	if p := r.Problem(t, 405); p.Code != "method-not-allowed" || !strings.Contains(r.Header.Get("Allow"), "POST") {
		t.Fatalf("got %s %q", r.Body, r.Header.Get("Allow"))
	}
}

func TestEveryAnswerIsNamedTracedAndNotKept(t *testing.T) {
	s := newService(t)
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for name, c := range map[string]struct{ path, id, wantID string }{
		"a good one":        {"/things", "caller-1", "caller-1"},
		"a bad one":         {"/things?limit=0", "caller-2", "caller-2"},
		"an unknown one":    {"/nothing", "caller-3", "caller-3"},
		"one too long":      {"/things", strings.Repeat("a", 129), ""},
		"one with a blank":  {"/things", "a b", ""},
		"one with a line":   {"/things", "a\tb", ""},
		"one without an id": {"/things", "", ""},
		"a person's number": {"/things", "19121212-1212", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.Call(t, "GET", c.path, map[string]string{"Traceparent": parent, "X-Request-Id": c.id}, nil)
			if id := r.Header.Get("X-Request-Id"); id != c.wantID && !(c.wantID == "" && len(id) == 36) {
				t.Errorf("request id %q", id)
			}
			if got := r.Header.Get("Traceparent"); !strings.HasPrefix(got, parent[:36]) || len(got) != len(parent) {
				t.Errorf("traceparent %q", got)
			}
			if r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("cache-control %q", r.Header.Get("Cache-Control"))
			}
		})
	}
	r := s.Call(t, "GET", "/things", nil, nil)
	if got := r.Header.Get("Traceparent"); len(got) != len(parent) || strings.Contains(got, strings.Repeat("0", 32)) {
		t.Errorf("without a parent: traceparent %q", got)
	}
}

func TestARoleIsRefusedBeforeTheRequestIsChecked(t *testing.T) {
	trust := webtest.NewTrust(t, nil)
	o := webtest.ThingsConfig(trust, io.Discard)
	var asked []string
	o.Admit = func(ctx context.Context, operation, thing string) error {
		asked = append(asked, operation+" "+thing+" "+actor.From(ctx).Subject)
		if operation == "createThing" {
			return fault.ErrForbidden
		}
		return nil
	}
	e, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/things", "/things/:id", "/calendars/:token"} {
		e.Any(web.BasePath+path, func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	}
	for _, c := range []struct {
		method, path string
		as           actor.Actor
		status       int
		asked        string
	}{
		{"POST", "/things", webtest.Coach, 403, "createThing things m-7"},
		{"POST", "/things", actor.Actor{}, 401, ""},
		{"GET", "/things?limit=0", webtest.Coach, 400, "listThings things m-7"},
		{"GET", "/things/no-id", webtest.Coach, 400, "getThing thing/no-id m-7"},
		{"GET", "/things/19121212-1212", webtest.Coach, 400, "getThing thing/? m-7"},
		{"GET", "/calendars/x", webtest.Coach, 200, ""},
		{"GET", "/nothing", webtest.Coach, 404, ""},
	} {
		asked = nil
		r := trust.Do(t, e, webtest.Request{Method: c.method, Path: c.path, As: c.as, Body: "no JSON"})
		if r.Status != c.status || strings.Join(asked, ", ") != c.asked {
			t.Errorf("%s %s: %d %s, asked %q", c.method, c.path, r.Status, r.Body, asked)
		}
		if c.status == 403 && r.Problem(t, 403).Code != fault.ErrForbidden.Code {
			t.Errorf("%s", r.Body)
		}
	}
}
