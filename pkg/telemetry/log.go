package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

// Level reads a level of the log: debug, info (also ""), warn or error.
func Level(text string) (slog.Level, error) {
	if text == "" {
		return slog.LevelInfo, nil
	}
	var l slog.Level
	if err := l.UnmarshalText([]byte(text)); err != nil {
		return l, fmt.Errorf("%q is not a level of the log; use debug, info, warn or error", text)
	}
	return l, nil
}

// Logger returns a log of JSON lines of at least that level. Lines of a request have its
// trace_id and span_id. After Start the same lines are sent to the collector of logs, if
// there is one.
func Logger(w io.Writer, service string, level slog.Leveler) *slog.Logger {
	h := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})
	return slog.New(both{h, otelslog.NewHandler("github.com/finsam/finsam")}).With("service", service)
}

// startLogs sends what Logger writes to the collector of logs. The queue has room for
// 2,048 lines (OTEL_BLRP_MAX_QUEUE_SIZE) and then drops the oldest: standard error has
// them all.
func startLogs(ctx context.Context, res *resource.Resource) (shutdown func(context.Context) error, err error) {
	if !collector("LOGS") {
		return func(context.Context) error { return nil }, nil
	}
	exporter, err := otlploghttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("telemetry: OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	p := sdklog.NewLoggerProvider(sdklog.WithResource(res), sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)))
	otel.SetLoggerProvider(p)
	return p.Shutdown, nil
}

// localKey marks a context whose lines go to standard error only: that the collector
// cannot be reached must not be sent to it, again and again.
type localKey struct{}

// both writes a line with its trace, and sends it.
type both struct{ line, sent slog.Handler }

// Enabled implements slog.Handler; the level is that of the lines.
func (h both) Enabled(ctx context.Context, l slog.Level) bool { return h.line.Enabled(ctx, l) }

// Handle implements slog.Handler.
func (h both) Handle(ctx context.Context, r slog.Record) error {
	line := r
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		line = r.Clone()
		line.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	err := h.line.Handle(ctx, line)
	if ctx.Value(localKey{}) == nil && h.sent.Enabled(ctx, r.Level) {
		err = errors.Join(err, h.sent.Handle(ctx, r))
	}
	return err
}

// WithAttrs implements slog.Handler.
func (h both) WithAttrs(attrs []slog.Attr) slog.Handler {
	return both{h.line.WithAttrs(attrs), h.sent.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h both) WithGroup(name string) slog.Handler {
	return both{h.line.WithGroup(name), h.sent.WithGroup(name)}
}
