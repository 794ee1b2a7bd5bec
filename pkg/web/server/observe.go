package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/feed/feedhttp"
	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/tracecontext"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/contract"
)

const (
	requestTimeout  = 20 * time.Second
	longPollTimeout = feed.MaxWait + 5*time.Second
	// TransferTimeout is how long a request may take whose operation says x-transfer: for
	// 10 MiB at 0.7 Mbit/s.
	TransferTimeout = 2 * time.Minute
	// answerGrace is what a write deadline leaves for the answer that it took too long.
	answerGrace = 5 * time.Second
)

// operation is a route, prepared once at start.
type operation struct {
	*contract.Operation
	inContract bool
	span       string // "GET /referrals/{id}"
	start      []trace.SpanStartOption
	timeout    time.Duration
}

var (
	// unrouted names every route that no contract has: a stranger's path must not
	// become a label.
	unrouted = newOperation(&contract.Operation{ID: "unrouted", Method: "unrouted"}, false)
	readFeed = newOperation(&contract.Operation{ID: "readFeed", Method: "GET", Path: feedhttp.Path, LongPoll: true}, false)
)

func newOperation(o *contract.Operation, inContract bool) *operation {
	op := &operation{
		Operation: o, inContract: inContract, span: strings.TrimSpace(o.Method + " " + o.Path), timeout: requestTimeout,
		start: []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("http.request.method", o.Method), attribute.String("http.route", o.Path),
			attribute.String("finsam.operation", o.ID))},
	}
	switch {
	case o.LongPoll:
		op.timeout = longPollTimeout
	case o.Transfer:
		op.timeout = TransferTimeout
	}
	return op
}

// observe is the middleware: it names, traces, times and bounds the request, lets it
// through to the handler once its token and its shape are right, and turns every error, a
// panic too, into an answer.
func (s *middleware) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		r := c.Request()
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		op, ok := s.operations[method+" "+c.Path()]
		if !ok {
			op = unrouted
			if c.Path() == feedhttp.Path {
				op = readFeed
			}
		}
		waits := op.LongPoll && Waits(r)
		if waits {
			_ = http.NewResponseController(c.Response()).SetWriteDeadline(start.Add(op.timeout + answerGrace))
		} else {
			s.inFlight.Add(1)
			defer s.inFlight.Add(-1)
		}
		if op.Transfer {
			ExtendDeadline(c.Response(), start.Add(op.timeout))
		}
		ctx, limit := r.Context(), start.Add(op.timeout)
		if sooner, ok := ctx.Deadline(); !ok || limit.Before(sooner) {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, limit)
			defer cancel()
		}
		ctx = tracecontext.Within(ctx, r.Header.Get(web.HeaderTraceParent))
		ctx, span := s.tracer.Start(ctx, op.span, op.start...)
		ctx = tracecontext.Ensure(ctx)
		in := web.Request{ID: tracecontext.RequestID(r.Header.Get(web.HeaderRequestID)), Language: r.Header.Get(web.HeaderLanguage)}
		a, refused := s.authenticate(r.Header.Get(echo.HeaderAuthorization), op, &in)
		c.SetRequest(r.WithContext(actor.With(web.With(ctx, in), a)))
		h := c.Response().Header()
		values := []string{in.ID, tracecontext.Header(ctx), "no-store"}
		h[web.HeaderRequestID], h[web.HeaderTraceParent], h["Cache-Control"] = values[:1:1], values[1:2:2], values[2:]

		if err := func() (err error) {
			defer func() {
				if p := recover(); p != nil {
					err = Recovered(c.Request().Context(), s.Log, p)
				}
			}()
			if refused != nil {
				return refused
			}
			if in := c.Request(); in.ContentLength != 0 && (op.Body != nil || op.Form) {
				b := Pace(c.Response(), in, limit)
				defer b.End()
				if !op.Form { // whose parts are never in memory together
					b.budget, b.owner = s.Bodies, actor.From(in.Context()).Owner()
				}
				in.Body = b
			}
			if err = s.check(c, op); err != nil {
				return err
			}
			return next(c)
		}(); err != nil {
			s.fail(err, c, op)
		}
		status, authority := c.Response().Status, a.Authority
		EndSpan(span, status, authority)
		if !waits || status >= 500 || op == readFeed {
			key := durationKey{op.ID, authority, status / 100}
			s.duration.Record(c.Request().Context(), time.Since(start).Seconds(), s.labels.Get(key, func() metrics.Labels {
				return metrics.Labels{
					"component": s.Service, "operation": op.ID, "status_class": strconv.Itoa(key.class) + "xx", "authority": authority,
				}
			}).Record...)
		}
		return nil
	}
}

// Recovered turns what a handler panicked with into an internal fault. The log gets
// the type of the panic and the stack, never its value: it could be somebody's name.
// http.ErrAbortHandler goes on to the server.
func Recovered(ctx context.Context, log *slog.Logger, p any) error {
	if p == http.ErrAbortHandler {
		panic(p)
	}
	what := fmt.Sprintf("panic of type %T", p)
	if re, ok := p.(runtime.Error); ok {
		what = "panic: " + re.Error()
	}
	log.ErrorContext(ctx, what, "stack", string(debug.Stack()))
	return fault.ErrInternal.Because(errors.New(what))
}

// EndSpan ends the span of a request that was answered with the status.
func EndSpan(span trace.Span, status int, authority string) {
	if span.IsRecording() {
		span.SetAttributes(attribute.Int("http.response.status_code", status), attribute.String("finsam.authority", authority))
		if status >= 500 {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
	}
	span.End()
}

// Waits reports whether a request asks a long poll to wait. A waiting request does no
// work, so it is neither timed nor counted as under way.
func Waits(r *http.Request) bool {
	wait := r.URL.Query().Get("wait")
	return wait != "" && wait != "0"
}

// ExtendDeadline lets a transfer last longer than the server's own timeouts, and leaves
// some seconds for the answer that it took too long.
func ExtendDeadline(w http.ResponseWriter, deadline time.Time) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(deadline) // an error: the call stays in this process, without a connection
	_ = c.SetWriteDeadline(deadline.Add(answerGrace))
}
