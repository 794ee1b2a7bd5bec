package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
)

func TestSpansAndDurationsNameOperationsAndNothingOfTheRequest(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	reader := sdkmetric.NewManualReader()
	trust := webtest.NewTrust(t, nil)
	o := webtest.ThingsConfig(trust, io.Discard)
	o.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	o.Meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
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
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range data.ScopeMetrics[0].Metrics[0].Data.(metricdata.Histogram[float64]).DataPoints {
		op, _ := p.Attributes.Value("operation")
		class, _ := p.Attributes.Value("status_class")
		authority, _ := p.Attributes.Value("authority")
		seen[op.String()+" "+class.String()+" "+authority.String()] = true
	}
	for _, want := range []string{"getThing 2xx molndal", "listThings 5xx molndal", "unrouted 4xx molndal"} {
		if !seen[want] {
			t.Errorf("no duration of %q in %v", want, seen)
		}
	}
}
