// Package tracecontext names a request: by its trace, as W3C Trace Context writes
// it (https://www.w3.org/TR/trace-context/), and by the id that a caller chose.
package tracecontext

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/personnummer"
)

// Header returns the traceparent header of the span that is in progress, and "" without
// one. A span's bytes are random, so it identifies no person.
func Header(ctx context.Context) string {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return ""
	}
	b := [55]byte{0: '0', 1: '0', 2: '-', 35: '-', 52: '-', 53: '0', 54: '0'}
	t, s := sc.TraceID(), sc.SpanID()
	hex.Encode(b[3:], t[:])
	hex.Encode(b[36:], s[:])
	if sc.IsSampled() {
		b[54] = '1'
	}
	return string(b[:])
}

// Within returns a context of the trace that a traceparent header of our own names, so
// that what follows is seen where it began; FromCaller reads a caller's. A header that
// cannot be read leaves the context as it is.
func Within(ctx context.Context, header string) context.Context {
	if header == "" {
		return ctx
	}
	// The usual form needs no map of headers.
	if len(header) == 55 && strings.HasPrefix(header, "00-") && header[35] == '-' && (header[52:] == "-00" || header[52:] == "-01") {
		t, errTrace := trace.TraceIDFromHex(header[3:35])
		s, errSpan := trace.SpanIDFromHex(header[36:52])
		if errTrace == nil && errSpan == nil {
			return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: t, SpanID: s, TraceFlags: trace.TraceFlags(header[54] - '0')}))
		}
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": header})
}

// FromCaller returns a context of a trace that follows from the one that a caller's
// traceparent header names: the same for the same, as long as the process runs, and
// sampled as that is. A caller chooses the digits of its ids, and a personal identity
// number among them would be in every log (https://www.w3.org/TR/trace-context/#privacy-considerations),
// so ours are made from them by a key that nobody knows. A header that cannot be read
// leaves the context as it is.
func FromCaller(ctx context.Context, header string) context.Context {
	if header == "" {
		return ctx
	}
	theirs := trace.SpanContextFromContext(Within(context.Background(), header))
	if !theirs.IsValid() {
		return ctx
	}
	t, s := theirs.TraceID(), theirs.SpanID()
	ids := hmac.New(sha256.New, callersKey)
	_, _ = ids.Write(t[:])
	ours := trace.SpanContextConfig{TraceID: trace.TraceID(ids.Sum(nil)[:16]), TraceFlags: theirs.TraceFlags(), Remote: true}
	_, _ = ids.Write(s[:])
	ours.SpanID = trace.SpanID(ids.Sum(nil)[:8])
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(ours))
}

// callersKey is the key of FromCaller.
var callersKey = func() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}()

// Ensure returns a context with a trace: the one that it has or, without a tracer, a
// new one that is not recorded. So logs and problems can name every request.
func Ensure(ctx context.Context) context.Context {
	if trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(b[:16]), SpanID: trace.SpanID(b[16:]),
	}))
}

const (
	// maxRequestID bounds the id that a caller may choose, in bytes.
	maxRequestID = 128
	unreserved   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
)

// RequestID returns the id that a caller chose (X-Request-Id), or a new one. It is
// logged, so it may only have unreserved characters of a URL (RFC 3986 section 2.3)
// and no personal identity number in it.
func RequestID(chosen string) string {
	if len(chosen) == 36 && uuid.Validate(chosen) == nil {
		return chosen
	}
	if len(chosen) == 0 || len(chosen) > maxRequestID || strings.Trim(chosen, unreserved) != "" || personnummer.Contains(chosen) {
		var id uuid.UUID        // of version 4, in no memory but its text's
		_, _ = rand.Read(id[:]) // never fails (crypto/rand)
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		return id.String()
	}
	return chosen
}
