package web

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/tracecontext"
)

// The headers that every answer bears, and the one it is worded by.
const (
	headerRequestID   = "X-Request-Id"
	headerTraceParent = "Traceparent"
	headerLanguage    = "Accept-Language"
)

// patience is how long a request may take; a long poll has its own.
const patience = 20 * time.Second

// TransferPatience is how long one may take whose operation says x-transfer: for
// 10 MiB at 0.7 Mbit/s.
const TransferPatience = 2 * time.Minute

// TakeTime lets a transfer last longer than the server's own patience, and leaves
// some seconds to tell that it took too long.
func TakeTime(w http.ResponseWriter, until time.Time) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(until) // within a process there is no connection to wait for
	_ = c.SetWriteDeadline(until.Add(5 * time.Second))
}

var w3c propagation.TraceContext

// observe is the outermost middleware: it names, traces, times and bounds the
// request, and turns whatever comes back, a panic too, into an answer.
func (s *server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		r := c.Request()
		op := s.operation(c)
		waits := op.longPoll && Waits(r)
		if waits {
			// The server's own write timeout is shorter than a long poll.
			_ = http.NewResponseController(c.Response()).SetWriteDeadline(start.Add(longPatience + 5*time.Second))
		} else {
			s.meters.under(1)
			defer s.meters.under(-1)
		}
		ctx, cancel := context.WithTimeout(r.Context(), op.patience)
		defer cancel()
		ctx, span := s.begin(ctx, r, op)
		in := &info{requestID: tracecontext.RequestID(r.Header.Get(headerRequestID)), language: r.Header.Get(headerLanguage)}
		ctx = context.WithValue(ctx, infoKey{}, in)
		c.SetRequest(r.WithContext(ctx))
		c.Set(operationKey, op)

		if op.transfer {
			TakeTime(c.Response(), start.Add(op.patience))
		}
		h := c.Response().Header()
		h.Set(headerRequestID, in.requestID)
		h.Set(headerTraceParent, tracecontext.Header(ctx))
		h.Set("Cache-Control", "no-store")

		if err := s.recovered(next, c); err != nil {
			op.drain(c)
			s.fail(err, c)
		}
		s.finish(c, span, op, start, waits)
		return nil
	}
}

// Waits reports whether a request asks a long poll to wait. Such a one does no work
// meanwhile, and how long it takes tells nothing: it is not timed.
func Waits(r *http.Request) bool {
	wait := r.URL.Query().Get("wait")
	return wait != "" && wait != "0"
}

// begin starts the request's span as a child of the caller's. Without a tracer
// the request still gets an identity, so that logs and problems name it.
func (s *server) begin(ctx context.Context, r *http.Request, op *operation) (context.Context, trace.Span) {
	ctx = w3c.Extract(ctx, propagation.HeaderCarrier(r.Header))
	ctx, span := s.tracer.Start(ctx, op.span, trace.WithSpanKind(trace.SpanKindServer), op.attributes)
	return tracecontext.Ensure(ctx), span
}

// finish notes how it went: in the span and in the durations.
func (s *server) finish(c echo.Context, span trace.Span, op *operation, start time.Time, waited bool) {
	status := c.Response().Status
	a := actor.From(c.Request().Context())
	if span.IsRecording() {
		span.SetAttributes(attribute.Int("http.response.status_code", status), attribute.String("finsam.authority", a.Authority))
		if status >= 500 {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
	}
	span.End()
	if waited && status < 500 && op != followed {
		return
	}
	s.meters.record(c.Request().Context(), op, status, a.Authority, time.Since(start))
}

// recovered calls the handler and turns a panic into an internal fault. The
// log gets the kind of the panic and the stack, never a value: it could be
// somebody's name.
func (s *server) recovered(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler {
			panic(p)
		}
		what := fmt.Sprintf("panic of type %T", p)
		if re, ok := p.(runtime.Error); ok {
			what = "panic: " + re.Error()
		}
		s.Log.ErrorContext(c.Request().Context(), what, "stack", string(debug.Stack()))
		err = fault.ErrInternal.Because(fmt.Errorf("%s", what))
	}()
	return next(c)
}

// info is what the request carries besides the actor.
type info struct {
	requestID string
	token     string // the internal token as it came, to be passed on
	issuer    string
	language  string // Accept-Language, so that the next service speaks alike
}

type infoKey struct{}

func infoOf(ctx context.Context) *info {
	in, _ := ctx.Value(infoKey{}).(*info)
	if in == nil {
		return &info{}
	}
	return in
}

// RequestID returns the id of the request that ctx belongs to, or "".
func RequestID(ctx context.Context) string { return infoOf(ctx).requestID }
