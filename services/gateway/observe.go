package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/personnummer"
)

var w3c propagation.TraceContext

// unroutedStart are the attributes of a span of what the contract does not know.
var unroutedStart = trace.WithAttributes(attribute.String("finsam.operation", unrouted))

// begin names and traces the request; the answer bears both.
func (x *request) begin() {
	name, start := unrouted, unroutedStart
	if x.op != nil {
		name, start = x.op.span, x.op.start
	}
	ctx := withoutState(w3c.Extract(x.r.Context(), propagation.HeaderCarrier(x.r.Header)))
	x.ctx, x.span = x.g.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), start)
	if !x.span.SpanContext().IsValid() {
		x.ctx = trace.ContextWithSpanContext(x.ctx, newSpanContext())
	}
	x.requestID = requestID(x.r.Header.Get("X-Request-Id"))
	h := x.Header()
	h["X-Request-Id"] = []string{x.requestID}
	h["Traceparent"] = []string{traceParent(trace.SpanContextFromContext(x.ctx))}
}

// withoutState drops the caller's tracestate: it would be exported with every
// span, and whatever a stranger writes into it with it.
func withoutState(ctx context.Context) context.Context {
	sc := trace.SpanContextFromContext(ctx)
	if sc.TraceState().Len() == 0 {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, sc.WithTraceState(trace.TraceState{}))
}

func newSpanContext() trace.SpanContext {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID(b[:16]), SpanID: trace.SpanID(b[16:])})
}

// traceParent writes a span's context as W3C Trace Context has it.
func traceParent(sc trace.SpanContext) string {
	b := [55]byte{0: '0', 1: '0', 2: '-', 35: '-', 52: '-', 53: '0', 54: '0'}
	t, s := sc.TraceID(), sc.SpanID()
	hex.Encode(b[3:], t[:])
	hex.Encode(b[36:], s[:])
	if sc.IsSampled() {
		b[54] = '1'
	}
	return string(b[:])
}

// requestID takes the caller's id when it is plain, at most 128 characters long
// and no personal number, for it is logged; else it makes one.
func requestID(given string) string {
	if len(given) == 36 && uuid.Validate(given) == nil {
		return given
	}
	if len(given) == 0 || len(given) > 128 || personnummer.Contains(given) {
		return uuid.NewString()
	}
	for i := range len(given) {
		switch c := given[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return uuid.NewString()
		}
	}
	return given
}

// end notes what was decided and how it went: one line in the security log, one
// value in the metrics. Neither names a person, nor what was asked for.
func (x *request) end() {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	if x.span.IsRecording() {
		x.span.SetAttributes(attribute.Int("http.response.status_code", x.status), attribute.String("finsam.authority", x.actor.Authority))
		if x.status >= 500 {
			x.span.SetStatus(codes.Error, http.StatusText(x.status))
		}
	}
	x.span.End()
	x.g.meters.record(x.ctx, x)
	level, outcome := slog.LevelInfo, outcomeOf(x.status)
	if outcome != allowedOutcome {
		level = slog.LevelWarn
	}
	if !x.g.Log.Enabled(x.ctx, level) {
		return
	}
	x.g.Log.LogAttrs(x.ctx, level, "access",
		slog.String("operation", x.route), slog.String("outcome", outcome), slog.Int("status", x.status),
		slog.String("association", x.actor.Association), slog.String("authority", x.actor.Authority), slog.String("role", roles(x.actor)),
		slog.String("issuer", x.issuer), slog.String("request", x.requestID), slog.String("cache", x.kept),
		slog.Int64("micros", x.g.Now().Sub(x.begun).Microseconds()))
}

const allowedOutcome = "allowed"

// outcomeOf says in a word what the status decided about access.
func outcomeOf(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "unauthenticated"
	case status == http.StatusForbidden:
		return "forbidden"
	case status == http.StatusNotFound:
		return "not-found"
	case status == http.StatusTooManyRequests:
		return "limited"
	case status >= 500:
		return "failed"
	case status >= 400:
		return "refused"
	}
	return allowedOutcome
}

// roles writes an actor's roles in one text.
func roles(a actor.Actor) string {
	switch len(a.Roles) {
	case 0:
		return ""
	case 1:
		return string(a.Roles[0])
	}
	text := string(a.Roles[0])
	for _, r := range a.Roles[1:] {
		text += " " + string(r)
	}
	return text
}
