package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/inprocess"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/client"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/pkg/web/webtest"
)

// peer returns a client of a service that answers by h, over the network.
func peer(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	transport := client.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	return client.New(s.URL+"/", transport, webtest.NewThings(t).Trust.Signers["referral"])
}

func TestACallCarriesWhatTheRequestCameWith(t *testing.T) {
	s := webtest.NewThings(t)
	var got http.Header
	s.GET(web.BasePath+"/echo", func(c echo.Context) error { got = c.Request().Header; return c.JSON(200, map[string]string{"a": "b"}) })
	client := client.New("http://things", inprocess.Transport{Handler: s}, s.Trust.Signers["referral"])
	s.GET(web.BasePath+"/relay", func(c echo.Context) error {
		var out map[string]string
		if err := client.Call(c.Request().Context(), "GET", "/echo", nil, &out); err != nil {
			return err
		}
		return c.JSON(200, out)
	})
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	r := s.Call(t, "GET", "/relay", map[string]string{"X-Request-Id": "r-1", "Traceparent": parent, "Accept-Language": "en"}, nil)
	if r.Status != 200 || string(bytes.TrimSpace(r.Body)) != `{"a":"b"}` {
		t.Fatalf("got %d %s", r.Status, r.Body)
	}
	if got.Get("Authorization") != "Bearer "+s.Trust.Token(t, webtest.Coach) || got.Get("X-Request-Id") != "r-1" ||
		got.Get("Accept-Language") != "en" || !strings.HasPrefix(got.Get("Traceparent"), parent[:36]) {
		t.Fatalf("the other service got %v", got)
	}
}

func TestWithoutARequestTheServiceSpeaksForItself(t *testing.T) {
	s := webtest.NewThings(t)
	var got actor.Actor
	s.GET(web.BasePath+"/who", func(c echo.Context) error { got = actor.From(c.Request().Context()); return c.NoContent(204) })
	client := client.New("http://things", inprocess.Transport{Handler: s}, s.Trust.Signers["referral"])
	ctx := actor.With(context.Background(), actor.ForService("referral", "insjoriket"))
	if err := client.Call(ctx, "GET", "/who", nil, nil); err != nil {
		t.Fatal(err)
	}
	if got.Subject != "service:referral" || got.Association != "insjoriket" {
		t.Fatalf("got %+v", got)
	}
	client.Signer = nil
	if err := client.Call(ctx, "GET", "/who", nil, nil); !errors.Is(err, fault.ErrInternal) {
		t.Fatalf("without a signer: %v", err)
	}
}

func TestWhatIsNotFoundThereIsNotFoundHere(t *testing.T) {
	s := webtest.NewThings(t)
	client := client.New("http://things", inprocess.Transport{Handler: s}, s.Trust.Signers["referral"])
	for how, failure := range map[string]error{
		"not-found": fault.ErrNotFound, "forbidden": fault.ErrForbidden, "stale": fault.ErrStale.Because(errors.New("v7")),
		"plain": errors.New("disk of Anna Andersson is full"), "timeout": context.DeadlineExceeded,
		"unavailable": fault.ErrUnavailable.After(1500 * time.Millisecond),
		"conflict":    fault.ErrConflict.At(fault.Field{Pointer: "/unit", Code: "taken", Text: fault.Text{SV: "Upptaget.", EN: "Taken."}}),
	} {
		s.GET(web.BasePath+"/fails/"+how, func(echo.Context) error { return failure })
	}
	for how, want := range map[string]error{
		"not-found": fault.ErrNotFound, "forbidden": fault.ErrForbidden, "stale": fault.ErrStale,
		"conflict": fault.ErrConflict, "plain": fault.ErrInternal, "timeout": problem.ErrTimeout,
	} {
		if err := client.Call(context.Background(), "GET", "/fails/"+how, nil, nil); !errors.Is(err, want) {
			t.Errorf("%s: %v", how, err)
		}
	}
	err := client.Call(context.Background(), "GET", "/fails/unavailable", nil, nil)
	if f := fault.Of(err); f.Status != fault.Unavailable || f.RetryAfter != 2*time.Second {
		t.Errorf("got %+v", f)
	}
	err = client.Call(context.Background(), "GET", "/fails/conflict", nil, nil)
	if f := fault.Of(err); len(f.Fields) != 1 || f.Fields[0].Pointer != "/unit" || f.Fields[0].Text.SV != "Upptaget." {
		t.Errorf("got %+v", f)
	}
}

func TestAnUnusableAnswerIsAFaultWithoutItsContents(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"a page of a proxy":   {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "Anna", http.StatusServiceUnavailable) }, fault.ErrUnavailable},
		"not what it must be": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"age":"Anna"}`) }, fault.ErrInternal},
		"without end":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat(" ", 9<<20)) }, fault.ErrInternal},
		"cut off":             {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "100") }, fault.ErrUnavailable},
		"a redirect elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.org/", http.StatusFound)
		}, fault.ErrInternal},
		"an empty refusal": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, problem.ErrNoRoute},
	} {
		t.Run(name, func(t *testing.T) {
			var out struct{ Age int }
			err := peer(t, c.answer).Call(context.Background(), "GET", "/x", nil, &out)
			if !errors.Is(err, c.want) || strings.Contains(err.Error(), "Anna") {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestNobodyIsWaitedForWithoutEnd(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"before the answer": func(http.ResponseWriter) {},
		"within the answer": func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			client := peer(t, func(w http.ResponseWriter, r *http.Request) {
				begin(w)
				<-r.Context().Done()
			})
			client.Timeout = 100 * time.Millisecond
			if err := client.Call(context.Background(), "GET", "/x", nil, nil); !errors.Is(err, problem.ErrTimeout) {
				t.Fatalf("got %v", err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(50*time.Millisecond, cancel)
			client.Timeout = time.Minute
			if err := client.Call(ctx, "GET", "/x", nil, nil); !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestAServiceThatIsAwayIsUnavailable(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	client := client.New(s.URL, nil, webtest.NewThings(t).Trust.Signers["referral"])
	if err := client.Call(context.Background(), "GET", "/x", nil, nil); !errors.Is(err, fault.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
}
