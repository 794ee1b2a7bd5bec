package telemetry

import (
	"context"
	"log/slog"
	"sync"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// reach knows which signals do not reach the collector. It logs once that one does not, and
// once that all do again. What waits meanwhile is bounded by the queues of the exporters,
// which drop the rest; no request waits for them.
type reach struct {
	mu      sync.Mutex
	failing map[string]bool
}

// note notes how an export of the signal ended, and handles its error.
func (r *reach) note(signal string, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx, before := context.WithValue(context.Background(), localKey{}, true), len(r.failing)
	switch {
	case err == nil:
		if delete(r.failing, signal); before == 1 && len(r.failing) == 0 {
			slog.InfoContext(ctx, "telemetry is sent again")
		}
	case before == 0:
		slog.WarnContext(ctx, "telemetry could not be sent; it is lost until the collector answers", "signal", signal, "cause", err.Error())
		fallthrough
	default:
		r.failing[signal] = true
	}
	return nil
}

type notedSpans struct {
	sdktrace.SpanExporter
	*reach
}

// ExportSpans implements sdktrace.SpanExporter.
func (n notedSpans) ExportSpans(ctx context.Context, s []sdktrace.ReadOnlySpan) error {
	return n.note("traces", n.SpanExporter.ExportSpans(ctx, s))
}

type notedMetrics struct {
	metric.Exporter
	*reach
}

// Export implements metric.Exporter.
func (n notedMetrics) Export(ctx context.Context, m *metricdata.ResourceMetrics) error {
	return n.note("metrics", n.Exporter.Export(ctx, m))
}

type notedLogs struct {
	sdklog.Exporter
	*reach
}

// Export implements sdklog.Exporter.
func (n notedLogs) Export(ctx context.Context, r []sdklog.Record) error {
	return n.note("logs", n.Exporter.Export(ctx, r))
}
