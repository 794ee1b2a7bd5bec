// Package server answers the requests of a service: one order of work for each
// request, and one way to serve and to stop.
//
// A request is traced, named and timed; its internal token becomes the actor, whose
// roles must admit the operation; parameters and body are checked against the
// contract; then the handler decides. Every error becomes a problem in one place.
package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/accesslog/loghttp"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/feed/feedhttp"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/memory"
	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/personnummer"
	"github.com/finsam/finsam/pkg/share"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/contract"
	"github.com/finsam/finsam/pkg/web/problem"
)

// Config is what the handler of a service is made of.
type Config struct {
	Service   string // its name, such as "referral"
	Contract  *contract.Contract
	Verifier  *internaltoken.Verifier // whose tokens it accepts
	AccessLog *accesslog.Log          // for Gate; New does not use it
	Admit     Admit                   // nil: the verbs alone decide
	Bodies    *Budget                 // of memory for the bodies of requests; nil: that of the process
	Feed      *feed.Log               // served at GET /internal/feed; nil: not served
	Internal  map[string]http.Handler // what else only services may read, by path
	Prefix    string                  // where the links lead, before web.BasePath; New does not use it
	Log       *slog.Logger            // nil: slog.Default
	Tracer    trace.TracerProvider    // nil: the global one
}

// Admit decides whether the roles of the actor in ctx may call an operation, before
// anything of the request is checked or its body is read. thing is what the path names,
// as the access log writes it: "referral/<id>", or "referrals" for a list. The error
// is the answer.
type Admit func(ctx context.Context, operation, thing string) error

// middleware is what the stages of one service share.
type middleware struct {
	Config
	tracer     trace.Tracer
	operations map[string]*operation // by method and echo's route, with and without the base path

	// Rate, errors and durations are one histogram.
	duration metric.Float64Histogram
	labels   metrics.Sets[durationKey]
	inFlight atomic.Int64 // without requests that wait for events
}

type durationKey struct {
	operation, authority string
	class                int // of the status
}

// scope names this package in traces.
const scope = "github.com/finsam/finsam/pkg/web"

// New returns an echo that does everything but the handlers. Register those with the
// base path web.BasePath. An error means that the contract cannot be used.
func New(c Config) (*echo.Echo, error) {
	if c.Verifier == nil {
		return nil, errors.New("web: a service without a verifier of tokens would be open to anybody")
	}
	if c.Contract == nil {
		return nil, errors.New("web: a service without a contract would take anything")
	}
	c.Log = cmp.Or(c.Log, slog.Default())
	c.Tracer, c.Bodies = cmp.Or(c.Tracer, otel.GetTracerProvider()), cmp.Or(c.Bodies, Bodies)
	s := &middleware{Config: c, tracer: c.Tracer.Tracer(scope), operations: map[string]*operation{}}
	s.duration = metrics.Seconds("finsam.request.duration", "How long requests took, by service, operation, status class and authority.")
	metrics.Watch(metrics.Labels{"component": c.Service}, metrics.Gauge{
		Name: "finsam.requests.in_flight", Description: "Requests under way in the service, without those that wait for events.",
		Read: func() (float64, bool) { return float64(s.inFlight.Load()), true },
	})
	for _, o := range c.Contract.Operations {
		op, route := newOperation(o, true), web.Route(o.Path)
		s.operations[o.Method+" "+route], s.operations[o.Method+" "+strings.TrimPrefix(route, web.BasePath)] = op, op
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = func(err error, c echo.Context) { s.fail(err, c, unrouted) } // what observe has not answered
	e.JSONSerializer = bodies{}
	e.Use(s.observe)
	if c.Feed != nil {
		s.serveServices(e, feedhttp.Path, feedhttp.Handler(c.Feed))
	}
	internal := map[string]http.Handler{loghttp.Path: loghttp.Handler(c.AccessLog, c.Service)}
	maps.Copy(internal, c.Internal)
	for path, h := range internal {
		s.operations["GET "+path] = newOperation(&contract.Operation{ID: "readInternal", Method: "GET", Path: path}, false)
		s.serveServices(e, path, h)
	}
	return e, nil
}

// Routes registers handlers with echo: those of GET also answer HEAD, whose body net/http
// leaves out.
type Routes struct{ *echo.Echo }

// GET registers a handler for GET and HEAD.
func (r Routes) GET(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route {
	r.HEAD(path, h, m...)
	return r.Echo.GET(path, h, m...)
}

// bodies reads the bodies that the contract has let through, as package encoding/json does
// and in a third of its time.
type bodies struct{ echo.DefaultJSONSerializer }

var asEncodingJSON = jsonv1.DefaultOptionsV1()

// Deserialize implements echo.JSONSerializer.
func (bodies) Deserialize(c echo.Context, into any) error {
	return json.UnmarshalRead(c.Request().Body, into, asEncodingJSON)
}

// authenticate returns the actor of a valid internal token, which it notes in the request. A
// public operation may be called without a token, by nobody; one that is sent must be valid
// all the same.
func (s *middleware) authenticate(header string, op *operation, in *web.Request) (a actor.Actor, err error) {
	if header == "" && op.Public {
		return a, nil
	}
	const scheme = "Bearer "
	token := ""
	if len(header) > len(scheme) && strings.EqualFold(header[:len(scheme)], scheme) {
		token = header[len(scheme):]
	}
	if a, in.Issuer, err = s.Verifier.Verify(token); err == nil {
		in.Token = token
	}
	return a, err
}

// check asks Admit about the public API (internal operations are for services alone,
// which have no roles), and then checks the request of an operation of the contract.
func (s *middleware) check(c echo.Context, op *operation) error {
	if !op.inContract {
		return nil
	}
	if op.Body == nil && !op.Form {
		LeaveBody(c.Response(), c.Request())
	}
	for i, name := range c.ParamNames() {
		c.ParamValues()[i] = op.Canonical(name, c.ParamValues()[i])
	}
	if s.Admit != nil && !op.Public && !strings.HasPrefix(op.Path, "/internal/") {
		if err := s.Admit(c.Request().Context(), op.ID, thingOf(op.Path, c.Param)); err != nil {
			return err
		}
	}
	r, err := op.Check(c.Response(), c.Request(), c.Param)
	c.SetRequest(r)
	if known := r.Header["If-None-Match"]; len(known) > 0 && slices.ContainsFunc(op.Parameters, func(p contract.Parameter) bool { return p.Name == "If-None-Match" }) {
		c.Response().Writer = &web.Conditional{ResponseWriter: c.Response().Writer, IfNoneMatch: strings.Join(known, ",")}
	}
	return err
}

// thingOf returns what a path names: its first segment, and the parameter that follows
// it. What the caller wrote there has not been checked: it is left out when it is too
// long for an id or could be a person's.
func thingOf(path string, param func(name string) string) string {
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	second, _, _ := strings.Cut(rest, "/")
	if !strings.HasPrefix(second, "{") {
		return first
	}
	id := param(strings.Trim(second, "{}"))
	if len(id) > 64 || personnummer.Contains(id) {
		id = "?"
	}
	kind := strings.TrimSuffix(first, "s")
	if stem, ok := strings.CutSuffix(first, "ies"); ok {
		kind = stem + "y"
	}
	return kind + "/" + id
}

// fail is the one place where an error becomes an answer. What is not the caller's mistake
// is logged with its cause.
func (s *middleware) fail(err error, c echo.Context, op *operation) {
	r := c.Request()
	if f := problem.Public(err); f.Status.HTTP() >= 500 {
		level := slog.LevelError
		if errors.Is(r.Context().Err(), context.Canceled) || errors.Is(err, share.ErrFull) {
			level = slog.LevelDebug // the caller has gone and nobody reads the answer, or there is more than can be served
		}
		s.Log.Log(r.Context(), level, "request failed", "operation", op.ID, "code", f.Code, "cause", err.Error())
	}
	LeaveBody(c.Response(), r)
	op.Drain(r)
	if !c.Response().Committed {
		problem.Write(c.Response(), r, err)
	}
}

// serveServices lets the other services read what a handler has, such as this one's feed. It
// takes a token of a service, never of a user.
func (s *middleware) serveServices(e *echo.Echo, path string, handler http.Handler) {
	h := echo.WrapHandler(handler)
	e.GET(path, func(c echo.Context) error {
		ctx, cancel := context.WithCancel(c.Request().Context())
		defer cancel()
		if draining, ok := ctx.Value(drainKey{}).(context.Context); ok {
			stop := context.AfterFunc(draining, cancel) // a long poll must not delay the end
			defer stop()
		}
		a := actor.From(ctx)
		if a.Subject != actor.ForService(web.From(ctx).Issuer, a.Association).Subject {
			return fault.ErrForbidden
		}
		c.SetRequest(c.Request().WithContext(ctx))
		return h(c)
	})
}

// Gate holds every answer back until the access-log entries of its handler are
// durable: no entry, no read. If they cannot be, the answer is 503 and carries no
// data. Refused attempts wait too. H is the handler type of the generated code.
func Gate[H ~func(echo.Context, any) (any, error)](l *accesslog.Log) func(next H, _ string) H {
	return func(next H, _ string) H {
		return func(c echo.Context, request any) (any, error) {
			r := c.Request()
			ctx := accesslog.Begin(r.Context())
			c.SetRequest(r.WithContext(ctx))
			response, err := next(c, request)
			if logErr := l.Wait(ctx); logErr != nil {
				if open, ok := response.(io.Closer); ok { // it will not be sent
					_ = open.Close()
				}
				return nil, logErr
			}
			return response, err
		}
	}
}

// Server serves a handler on one port, and what the platform asks for on another.
type Server struct {
	Handler   http.Handler
	Addr      string                      // such as "127.0.0.1:8080"
	AdminAddr string                      // /livez, /readyz and /metrics; "": not served
	Ready     func(context.Context) error // an error: not ready; it goes to the log. nil: always ready
	Metrics   http.Handler                // nil: no /metrics
	Started   func(addr, admin string)    // called once both listen; may be nil
	TLS       *tls.Config                 // of Addr; nil: plain HTTP. AdminAddr is always plain
	Linger    time.Duration               // how long it serves on, no longer ready, before it stops
	Log       *slog.Logger                // nil: slog.Default
}

// Handlers have shorter timeouts (see observe), and those of long polls and transfers
// extend these deadlines.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 30 * time.Second
	drainTimeout      = 25 * time.Second
	readyTimeout      = 2 * time.Second
	maxHeaderBytes    = 16 << 10
)

// Run serves until ctx ends. Then it reports that it is not ready, serves on for Linger
// so that load balancers notice, lets the running requests end, and returns. An address
// that cannot be listened on is an error that says what to do.
func (s Server) Run(ctx context.Context) error {
	s.Log = cmp.Or(s.Log, slog.Default())
	public, err := listen(s.Addr, "FINSAM_ADDR")
	if err != nil {
		return err
	}
	draining, drain := context.WithCancel(context.Background())
	defer drain()
	newServer := func(h http.Handler, addr net.Addr) *http.Server {
		return &http.Server{
			Addr: addr.String(), Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
			IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
			ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
			ConnState: func(c net.Conn, state http.ConnState) {
				if c := connectionOf(c); c != nil {
					c.become(state)
				}
			},
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				return context.WithValue(ctx, connectionKey{}, connectionOf(c))
			},
			BaseContext: func(net.Listener) context.Context {
				return context.WithValue(context.Background(), drainKey{}, draining)
			},
		}
	}
	bounded := newConnections(public, mostConnections())
	stopWatch := metrics.Watch(nil,
		metrics.Gauge{Name: "finsam.connections", Description: "Connections of callers, idle ones included.",
			Read: func() (float64, bool) { _, n, _ := bounded.places.State(); return float64(n), true }},
		metrics.Gauge{Name: "finsam.connections.limit", Description: "How many connections of callers the memory allows.",
			Read: func() (float64, bool) { n, _, _ := bounded.places.State(); return float64(n), true }})
	defer stopWatch()
	public = bounded
	if s.TLS != nil {
		public = tls.NewListener(public, s.TLS)
	}
	servers := []*http.Server{newServer(s.shedding(ctx), public.Addr())}
	listeners, adminAddr := []net.Listener{public}, ""
	if s.AdminAddr != "" {
		admin, err := listen(s.AdminAddr, "FINSAM_ADMIN_ADDR")
		if err != nil {
			return errors.Join(err, public.Close())
		}
		adminAddr = admin.Addr().String()
		servers, listeners = append(servers, newServer(s.admin(ctx), admin.Addr())), append(listeners, admin)
	}
	failed := make(chan error, len(servers))
	for i, l := range listeners {
		go func() { failed <- servers[i].Serve(l) }()
	}
	if s.Started != nil {
		s.Started(public.Addr().String(), adminAddr)
	}
	select {
	case err = <-failed:
	case <-ctx.Done():
		time.Sleep(s.Linger)
	}
	drain()
	// The running requests end; what has not ended within drainTimeout is cut off.
	ending, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	for _, h := range servers {
		if stopErr := h.Shutdown(ending); stopErr != nil {
			err = errors.Join(err, fmt.Errorf("stop serving %s: %w", h.Addr, stopErr), h.Close())
		}
	}
	return err
}

// shedding is the handler, but for what must not or cannot be served: when the memory is
// used up nobody is, and from the end of ctx on the server stops soon, so that no request
// may be sent on the connection at that moment.
func (s *Server) shedding(ctx context.Context) http.Handler {
	shed := metrics.Counter("finsam.requests.shed", "Requests refused because the memory is used up.")
	shed.Add(ctx, 0)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, _ := r.Context().Value(connectionKey{}).(*connection); c != nil {
			if c.isServed.Store(true); c.isLast.Load() {
				panic(http.ErrAbortHandler)
			}
		}
		isFull := memory.IsFull()
		if isFull || ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		if isFull {
			shed.Add(r.Context(), 1)
			LeaveBody(w, r)
			problem.Write(w, r, fault.ErrUnavailable)
			return
		}
		s.Handler.ServeHTTP(w, r)
	})
}

type drainKey struct{}

// Draining returns a channel that is closed when the server of the request begins to
// drain: nil, which is never closed, without such a server.
func Draining(ctx context.Context) <-chan struct{} {
	if draining, ok := ctx.Value(drainKey{}).(context.Context); ok {
		return draining.Done()
	}
	return nil
}

func listen(addr, variable string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: another program already listens on %s; stop it or choose another address", variable, addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: this user may not listen on %s; choose a port above 1023", variable, addr)
	case err != nil:
		return nil, fmt.Errorf("%s: cannot listen on %q; write it as host:port: %w", variable, addr, err)
	}
	return l, nil
}

func (s *Server) admin(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	var cause atomic.Value // string: why it was not ready at the last probe; empty: it was
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			writeText(w, http.StatusServiceUnavailable, "stopping")
			return
		}
		timed, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if s.Ready != nil {
			err, text := s.Ready(timed), ""
			if err != nil {
				text = err.Error()
			}
			if was, _ := cause.Swap(text).(string); was != text && text != "" { // once, not at each probe
				s.Log.WarnContext(r.Context(), "not ready", "cause", text)
			}
			if err != nil {
				reason := "not ready"
				if known := (*fault.Error)(nil); errors.As(err, &known) {
					reason += ": " + known.Text.EN
				}
				writeText(w, http.StatusServiceUnavailable, reason)
				return
			}
		}
		writeText(w, http.StatusOK, "ok")
	})
	if s.Metrics != nil {
		mux.Handle("GET /metrics", s.Metrics)
	}
	return mux
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
