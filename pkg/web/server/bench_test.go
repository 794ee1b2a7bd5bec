package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/finsam/finsam/pkg/inprocess"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/client"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
)

// discard is an answer that nobody reads.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// benchmark measures one request through the whole chain to a handler that does
// nothing, on every core.
func benchmark(b *testing.B, method, path, body string, want int) {
	trust := webtest.NewTrust(b, nil)
	e, err := server.New(webtest.ThingsConfig(trust, io.Discard))
	if err != nil {
		b.Fatal(err)
	}
	nothing := func(c echo.Context) error { return c.NoContent(http.StatusOK) }
	e.POST(web.BasePath+"/things", nothing)
	e.GET(web.BasePath+"/things", nothing)
	e.GET(web.BasePath+"/things/:id", nothing)
	token := "Bearer " + trust.Token(b, webtest.Coach)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequest(method, web.BasePath+path, strings.NewReader(body))
			r.Header["Authorization"] = []string{token}
			r.Header["Content-Type"] = []string{"application/json"}
			r.Header["Idempotency-Key"] = []string{"k-1"}
			w := &discard{header: http.Header{}}
			e.ServeHTTP(w, r)
			if w.status != want {
				b.Errorf("status %d", w.status)
				return
			}
		}
	})
}

// long is a good body of 1.5 KB.
var long = strings.Replace(good, `Hej`, strings.Repeat("Hej på dig. ", 90), 1)

func BenchmarkPost(b *testing.B) { benchmark(b, "POST", "/things", long, 200) }
func BenchmarkGet(b *testing.B)  { benchmark(b, "GET", "/things/"+id, "", 200) }
func BenchmarkList(b *testing.B) {
	benchmark(b, "GET", "/things?limit=20&state=open&code=1481", "", 200)
}
func BenchmarkBadPost(b *testing.B) { benchmark(b, "POST", "/things", `{"x":1}`, 400) }

// BenchmarkHop measures a call from one service to the next in one process: the
// client, the token, inproc, the chain, and the way back.
func BenchmarkHop(b *testing.B) {
	s := newService(b)
	client := client.New("http://things", inprocess.Transport{Handler: s}, s.Trust.Signers[internaltoken.Gateway])
	ctx := web.With(b.Context(), web.Request{Token: s.Trust.Token(b, webtest.Coach)})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := client.Call(ctx, "PUT", "/things/"+id, map[string]string{"text": "x"}, nil); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
