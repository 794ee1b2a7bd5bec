package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web/problem"
)

// request is one request on its way.
type request struct {
	answer
	g         *Gateway
	r         *http.Request
	ctx       context.Context
	span      trace.Span
	begun     time.Time
	requestID string
	op        *operation // nil for own pages and for what is no path of ours
	allow     string     // the methods of a path that has not this one
	route     string     // for the log and the metrics: never the path itself
	actor     actor.Actor
	issuer    string
	kept      string // what the cache said: hit, miss, or nothing
}

// answer is the caller's ResponseWriter, which notes the status.
type answer struct {
	http.ResponseWriter
	status    int
	challenge string // WWW-Authenticate of a 401
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 {
		return
	}
	a.status = status
	if status == http.StatusUnauthorized && a.challenge != "" {
		a.Header().Set("WWW-Authenticate", a.challenge)
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer itself.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// unrouted is the route of what the contract does not know.
const unrouted = "unrouted"

// ServeHTTP implements http.Handler. A path that could be read in two ways is no
// path, before anything is matched.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawPath != "" || !plainPath(r.URL.Path) {
		g.take(w, r, nil, "")
		return
	}
	g.echo.ServeHTTP(w, r)
}

// take takes a request that asks for op its whole way; nil: for what is no
// operation, with the methods that its path has.
func (g *Gateway) take(w http.ResponseWriter, r *http.Request, op *operation, allow string) {
	x := &request{answer: answer{ResponseWriter: w}, g: g, r: r, begun: g.Now(), op: op, allow: allow, route: unrouted}
	if op != nil {
		x.route = op.ID
	}
	x.begin()
	defer x.end()
	defer x.recovered()
	g.headers(x.Header())
	if err := x.serve(); err != nil {
		x.fail(err)
	}
}

// serve takes the request its whole way.
func (x *request) serve() error {
	if x.cors() {
		return nil
	}
	if x.op == nil {
		return x.unmatched()
	}
	if err := x.admit(); err != nil {
		return err
	}
	if err := x.limited(); err != nil {
		return err
	}
	if x.op.Cache.Seconds > 0 && x.g.Cache != nil && x.g.fresh() {
		return x.fromCache()
	}
	return x.forward()
}

// unmatched answers for own pages, for a method that a path does not have, and
// for what is no path of ours.
func (x *request) unmatched() error {
	if x.r.URL.RawPath != "" || !plainPath(x.r.URL.Path) {
		return problem.ErrNoRoute
	}
	if done, err := x.g.own.serve(x); done || err != nil {
		return err
	}
	if x.allow == "" {
		return problem.ErrNoRoute
	}
	return x.methodNotAllowed(x.allow)
}

func (x *request) methodNotAllowed(allow string) error {
	x.Header().Set("Allow", allow)
	if x.r.Method == http.MethodOptions {
		x.WriteHeader(http.StatusNoContent)
		return nil
	}
	return problem.ErrMethod
}

// fail answers with the problem that err is; what is ours is logged with its
// cause.
func (x *request) fail(err error) {
	if x.status != 0 { // too late for another answer
		x.g.Log.WarnContext(x.ctx, "an answer broke off", "operation", x.route, "error", err)
		return
	}
	f := fault.Of(err)
	if f.Status == fault.Internal || f.Status == fault.Unavailable || f.Status == fault.Timeout {
		x.g.Log.ErrorContext(x.ctx, "request failed", "operation", x.route, "code", f.Code, "error", err)
	}
	if errors.Is(x.r.Context().Err(), context.Canceled) {
		x.Header().Set("Connection", "close")
		x.WriteHeader(statusGone)
		return
	}
	problem.Write(x, x.r.WithContext(x.ctx), err)
}

// statusGone is for a caller who did not wait. It is sent, as a caller who only says
// nothing more looks like one who has gone, and must not take nothing for a success.
const statusGone = 499

// recovered turns a panic into an internal fault. The log gets its kind and the
// stack, never a value: it could be somebody's name.
func (x *request) recovered() {
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
	x.g.Log.ErrorContext(x.ctx, what, "stack", string(debug.Stack()))
	x.fail(fault.ErrInternal.Because(errors.New(what)))
}
