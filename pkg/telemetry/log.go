package telemetry

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
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
func Logger(o *Output, service string, level slog.Leveler) *slog.Logger {
	h := both{line: slog.NewJSONHandler(o, &slog.HandlerOptions{Level: level}), sent: otelslog.NewHandler("github.com/finsam/finsam"), out: o}
	return slog.New(h).With("service", service)
}

// Buffered returns the handler of log for a line that comes with every request: it has the
// same form as the others, is written by hand in a quarter of the time, and waits for more
// to be written with it (Output.Append). A value that is not a whole number is written as
// a text. The handler of a log that is not of Logger, or that has a group, is returned as
// it is.
func Buffered(log *slog.Logger) slog.Handler {
	h, ok := log.Handler().(both)
	if h.isBuffered = h.out != nil; ok {
		return h
	}
	return log.Handler()
}

var lines = sync.Pool{New: func() any { return new([]byte) }}

// append appends a line to the output.
func (h both) append(sc trace.SpanContext, r slog.Record) {
	p := lines.Get().(*[]byte)
	b := append((*p)[:0], `{"time":"`...)
	b = r.Time.AppendFormat(b, time.RFC3339Nano)
	b = append(append(append(b, `","level":"`...), r.Level.String()...), `","msg":`...)
	b = append(appendText(b, r.Message), h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		b = appendAttr(b, a)
		return true
	})
	if sc.IsValid() {
		t, s := sc.TraceID(), sc.SpanID()
		b = hex.AppendEncode(append(b, `,"trace_id":"`...), t[:])
		b = append(hex.AppendEncode(append(b, `","span_id":"`...), s[:]), '"')
	}
	b = append(b, "}\n"...)
	h.out.Append(b)
	*p = b
	lines.Put(p)
}

func appendAttr(b []byte, a slog.Attr) []byte {
	b = append(appendText(append(b, ','), a.Key), ':')
	if v := a.Value.Resolve(); v.Kind() == slog.KindInt64 {
		return strconv.AppendInt(b, v.Int64(), 10)
	} else {
		return appendText(b, v.String())
	}
}

func appendText(b []byte, text string) []byte {
	b, _ = jsontext.AppendQuote(b, text) // an error: invalid UTF-8 was replaced
	return b
}

// startLogs sends what Logger writes to the collector of logs. The queue has room for
// 2,048 lines (OTEL_BLRP_MAX_QUEUE_SIZE) and then drops the oldest: standard error has
// them all.
func startLogs(ctx context.Context, res *resource.Resource, reach *reach) (shutdown func(context.Context) error, err error) {
	if !collector("LOGS") {
		return func(context.Context) error { return nil }, nil
	}
	exporter, err := otlploghttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("telemetry: OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	p := sdklog.NewLoggerProvider(sdklog.WithResource(res), sdklog.WithProcessor(sdklog.NewBatchProcessor(notedLogs{exporter, reach})))
	otel.SetLoggerProvider(p)
	return p.Shutdown, nil
}

// localKey marks a context whose lines go to standard error only: that the collector
// cannot be reached must not be sent to it, again and again.
type localKey struct{}

// both writes a line with its trace, and sends it.
type both struct {
	line, sent slog.Handler
	out        *Output // nil after WithGroup
	attrs      []byte  // of WithAttrs, as append writes them
	isBuffered bool
}

// Enabled implements slog.Handler; the level is that of the lines.
func (h both) Enabled(ctx context.Context, l slog.Level) bool { return h.line.Enabled(ctx, l) }

// Handle implements slog.Handler.
func (h both) Handle(ctx context.Context, r slog.Record) (err error) {
	if sc := trace.SpanContextFromContext(ctx); h.isBuffered {
		h.append(sc, r)
	} else {
		line := r
		if sc.IsValid() {
			line = r.Clone()
			line.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
		}
		err = h.line.Handle(ctx, line)
	}
	if ctx.Value(localKey{}) == nil && h.sent.Enabled(ctx, r.Level) {
		err = errors.Join(err, h.sent.Handle(ctx, r))
	}
	return err
}

// WithAttrs implements slog.Handler.
func (h both) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.line, h.sent, h.attrs = h.line.WithAttrs(attrs), h.sent.WithAttrs(attrs), slices.Clone(h.attrs)
	for _, a := range attrs {
		h.attrs = appendAttr(h.attrs, a)
	}
	return h
}

// WithGroup implements slog.Handler.
func (h both) WithGroup(name string) slog.Handler {
	h.line, h.sent, h.out = h.line.WithGroup(name), h.sent.WithGroup(name), nil
	return h
}
