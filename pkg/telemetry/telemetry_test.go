package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/telemetry"
)

func TestLogLinesHaveTheTrace(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.Logger(telemetry.NewOutput(&out), "referral", slog.LevelInfo).With("a", 1).WithGroup("g")
	id, _ := trace.TraceIDFromHex("4bf92f3577b34da6a3ce929d0e0e4736")
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: trace.SpanID{1}}))
	log.DebugContext(ctx, "not wanted")
	log.InfoContext(ctx, "in a request")
	log.Info("elsewhere")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], id.String()) || strings.Contains(lines[1], "trace_id") {
		t.Fatalf("got %s", out.String())
	}
	for _, line := range lines {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil || v["service"] != "referral" || v["a"] != 1.0 {
			t.Fatalf("%s: %v", line, err)
		}
	}
}

func TestALevelIsOneOfFour(t *testing.T) {
	for text, want := range map[string]slog.Level{
		"": slog.LevelInfo, "debug": slog.LevelDebug, "info": slog.LevelInfo, "WARN": slog.LevelWarn, "error": slog.LevelError,
	} {
		if got, err := telemetry.Level(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if _, err := telemetry.Level("loud"); err == nil || !strings.Contains(err.Error(), "debug, info, warn or error") {
		t.Errorf("got %v", err)
	}
}

func TestWithoutACollectorThereAreMetricsAndTraceIDsAndNoSpans(t *testing.T) {
	shutdown, err := telemetry.Start(t.Context(), telemetry.Program{Service: "finsam-test", Version: "v1", Revision: "abc"})
	if err != nil {
		t.Fatal(err)
	}
	_, span := otel.Tracer("test").Start(t.Context(), "x")
	if !span.SpanContext().IsValid() || span.IsRecording() {
		t.Error("a request needs an id, and nothing need be recorded")
	}
	theirs := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, Remote: true})
	_, span = otel.Tracer("test").Start(trace.ContextWithSpanContext(t.Context(), theirs), "y")
	if c := span.SpanContext(); c.TraceID() != theirs.TraceID() || c.SpanID() == theirs.SpanID() || !c.HasSpanID() || c.IsSampled() {
		t.Errorf("%v: a trace goes on by spans of its own, which nobody needs to record", c)
	}
	count, err := otel.Meter("test").Int64Counter("finsam.test.things")
	if err != nil {
		t.Fatal(err)
	}
	count.Add(t.Context(), 3)
	w := httptest.NewRecorder()
	telemetry.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{"finsam_test_things_total", "go_goroutines", "process_resident_memory_bytes"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	if err := shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// collector notes what is sent to it over OTLP.
type collector struct {
	mu   sync.Mutex
	sent map[string]string
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent[r.URL.Path] += string(b)
}

// withCollector starts telemetry with a collector, does something, and returns by
// its path what the collector was sent.
func withCollector(t *testing.T, do func()) (sent map[string]string) {
	t.Helper()
	c := &collector{sent: map[string]string{}}
	s := httptest.NewServer(c)
	defer s.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
	shutdown, err := telemetry.Start(t.Context(), telemetry.Program{Service: "finsam-test", Version: "v1", Revision: "abc"})
	if err != nil {
		t.Fatal(err)
	}
	do()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	return c.sent // nobody sends any more
}

func TestWithACollectorSpansAndMetricsAreSentToIt(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	sent := withCollector(t, func() {
		_, span := otel.Tracer("test").Start(t.Context(), "GET /things/{id}")
		span.End()
	})
	if got := sent["/v1/traces"]; !strings.Contains(got, "GET /things/{id}") || !strings.Contains(got, "finsam-test") {
		t.Errorf("traces: %q", got)
	}
}

func TestATraceThatIsRecordedIsTheExemplarOfItsTime(t *testing.T) {
	c := &collector{sent: map[string]string{}}
	s := httptest.NewServer(c)
	defer s.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
	shutdown, err := telemetry.Start(t.Context(), telemetry.Program{Service: "finsam-test", Version: "v1", Revision: "abc"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := otel.Tracer("test").Start(t.Context(), "x")
	metrics.Seconds("finsam.test.time", "Time.").Record(ctx, .2)
	span.End()
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	w := httptest.NewRecorder()
	telemetry.Metrics().ServeHTTP(w, r)
	for _, want := range []string{`trace_id="` + span.SpanContext().TraceID().String() + `"`,
		`finsam_build_info{component="finsam-test",revision="abc",version="v1"} 1`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	if err := shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := c.sent["/v1/metrics"]; !strings.Contains(got, "finsam.test.time") {
		t.Error("the metrics were not sent to the collector")
	}
}

func TestTheSamplerIsTheStandardVariables(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	shutdown, err := telemetry.Start(t.Context(), telemetry.Program{Service: "finsam-test", Version: "v1", Revision: "abc"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	defer func() { _ = shutdown(ctx) }() // nobody listens there
	if _, span := otel.Tracer("test").Start(t.Context(), "x"); span.IsRecording() {
		t.Error("sampled although turned off")
	}
}
