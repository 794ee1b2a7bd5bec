package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/metrics/metricstest"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
)

func TestSpansAndDurationsNameOperationsAndNothingOfTheRequest(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	measured := metricstest.New(t)
	trust := webtest.NewTrust(t, nil)
	o := webtest.ThingsConfig(trust, io.Discard)
	o.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	e, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	e.GET(web.BasePath+"/things/:id", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	e.GET(web.BasePath+"/things", func(echo.Context) error { return fault.ErrInternal })
	for _, path := range []string{"/things/" + id, "/things?from=2026-01-01", "/Anna/191212121212"} {
		trust.Do(t, e, webtest.Request{Method: "GET", Path: path, As: webtest.Coach, Header: map[string]string{
			"Traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}})
	}
	var names []string
	for _, s := range spans.Ended() {
		names = append(names, s.Name()+" "+s.Status().Code.String())
		if s.Parent().SpanID().String() != "00f067aa0ba902b7" || s.SpanContext().TraceID().String() != "4bf92f3577b34da6a3ce929d0e0e4736" {
			t.Errorf("%s does not hang on the caller's span", s.Name())
		}
		for _, a := range s.Attributes() {
			if v := a.Value.String(); strings.Contains(v, id) || strings.Contains(v, "Anna") || strings.Contains(v, "m-7") {
				t.Errorf("%s has %s=%s", s.Name(), a.Key, v)
			}
		}
	}
	if got := strings.Join(names, ", "); got != "GET /things/{id} Unset, GET /things Error, unrouted Unset" {
		t.Errorf("spans %s", got)
	}
	got := measured.Read(t)
	for _, want := range []string{"operation=getThing status_class=2xx", "operation=listThings status_class=5xx", "operation=unrouted status_class=4xx"} {
		if series := "finsam.request.duration{authority=molndal component=things " + want + "}"; got[series] != 1 {
			t.Errorf("no %s in %v", series, got)
		}
	}
}
