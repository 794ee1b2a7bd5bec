package gateway

import (
	"context"
	"log/slog"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/tracecontext"
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
	x.ctx = tracecontext.Ensure(x.ctx)
	x.requestID = tracecontext.RequestID(x.r.Header.Get("X-Request-Id"))
	h := x.Header()
	h["X-Request-Id"] = []string{x.requestID}
	h["Traceparent"] = []string{tracecontext.Header(x.ctx)}
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
