package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/finsam/finsam/pkg/measure"
	"github.com/finsam/finsam/pkg/telemetry"
)

// sentTo starts telemetry with a collector, does something with a log that was
// made before, as programs make it, and gives what came by its path.
func sentTo(t *testing.T, do func(log *slog.Logger)) (sent map[string]string, lines string) {
	t.Helper()
	c := &collector{sent: map[string]string{}}
	s := httptest.NewServer(c)
	defer s.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	shutdown, err := telemetry.Start(t.Context(), telemetry.Program{Service: "finsam-test", Version: "v1", Revision: "abc"})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := telemetry.Logger(&out, "referral", slog.LevelInfo)
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(log)
	do(log)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	return c.sent, out.String() // nobody sends any more
}

func TestALineOfTheLogIsSentWithItsTrace(t *testing.T) {
	var trace [16]byte
	sent, lines := sentTo(t, func(log *slog.Logger) {
		ctx, span := otel.Tracer("test").Start(t.Context(), "GET /things/{id}")
		trace = span.SpanContext().TraceID()
		log.With("route", "getThing").WarnContext(ctx, "in a request")
		log.DebugContext(ctx, "below the level")
		span.End()
		otel.Handle(errors.New("nobody listens")) // as an exporter tells it
	})
	got := sent["/v1/logs"]
	for _, want := range []string{"in a request", "getThing", "finsam-test", "referral", "WARN", string(trace[:])} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in what was sent: %q", want, got)
		}
	}
	for _, never := range []string{"below the level", "nobody listens"} {
		if strings.Contains(got, never) {
			t.Errorf("%q was sent", never)
		}
	}
	if !strings.Contains(lines, "in a request") || !strings.Contains(lines, "nobody listens") {
		t.Errorf("the lines are %s", lines)
	}
}

func TestASignalCanBeSwitchedOff(t *testing.T) {
	for signal, path := range map[string]string{"LOGS": "/v1/logs", "TRACES": "/v1/traces", "METRICS": "/v1/metrics"} {
		t.Run(signal, func(t *testing.T) {
			t.Setenv("OTEL_"+signal+"_EXPORTER", "none")
			sent, _ := sentTo(t, func(log *slog.Logger) {
				ctx, span := otel.Tracer("test").Start(t.Context(), "x")
				measure.Counter("finsam.test.things", "Things.").Add(ctx, 1)
				log.InfoContext(ctx, "a line")
				span.End()
			})
			if _, there := sent[path]; there || len(sent) != 2 {
				t.Errorf("%d signals were sent, of this one %q", len(sent), sent[path])
			}
		})
	}
}

func TestTheRuntimesAndTheProcesssOwnSeriesAreSent(t *testing.T) {
	sent, _ := sentTo(t, func(*slog.Logger) {})
	for _, want := range []string{"go_goroutines", "go_memstats_heap_alloc_bytes", "process_resident_memory_bytes", "process_cpu_seconds_total", "finsam.build.info"} {
		if strings.Count(sent["/v1/metrics"], want) != 1 {
			t.Errorf("%s was not sent once", want)
		}
	}
}
