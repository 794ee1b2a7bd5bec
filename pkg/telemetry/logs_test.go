package telemetry_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"

	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/telemetry"
)

// sentTo starts telemetry with a collector, does something with a log, and returns
// what arrived, by its path, and what was written.
func sentTo(t *testing.T, do func(log *slog.Logger)) (sent map[string]string, lines string) {
	t.Helper()
	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	var out bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	sent = withCollector(t, func() {
		log := telemetry.Logger(telemetry.NewOutput(&out), "referral", slog.LevelInfo)
		slog.SetDefault(log)
		do(log)
	})
	return sent, out.String()
}

func TestALineOfTheLogIsSentWithItsTrace(t *testing.T) {
	var trace [16]byte
	sent, lines := sentTo(t, func(log *slog.Logger) {
		ctx, span := otel.Tracer("test").Start(t.Context(), "GET /things/{id}")
		trace = span.SpanContext().TraceID()
		log.With("route", "getThing").WarnContext(ctx, "in a request")
		log.DebugContext(ctx, "below the level")
		span.End()
		otel.Handle(errors.New("nobody listens")) // as an exporter reports it
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
				metrics.Counter("finsam.test.things", "Things.").Add(ctx, 1)
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
