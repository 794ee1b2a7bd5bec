package feed

import (
	"context"
	"encoding/hex"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// within returns a context of the trace of the request that caused the event, so
// that what follows from it in another service is seen where it began. An event
// without one, or with one that cannot be read, leaves the context as it is.
func (e Event) within(ctx context.Context) context.Context {
	parts := strings.Split(e.TraceParent, "-") // W3C Trace Context: version-trace-parent-flags
	if len(parts) != 4 || parts[0] != "00" {
		return ctx
	}
	id, err := trace.TraceIDFromHex(parts[1])
	if err != nil {
		return ctx
	}
	span, err := trace.SpanIDFromHex(parts[2])
	if err != nil {
		return ctx
	}
	flags, err := hex.DecodeString(parts[3])
	if err != nil || len(flags) != 1 {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: span, TraceFlags: trace.TraceFlags(flags[0]), Remote: true,
	}))
}
