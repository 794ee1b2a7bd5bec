package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Server serves a handler on one port, and what the platform asks for on another.
type Server struct {
	Handler   http.Handler
	Addr      string                      // such as "127.0.0.1:8080"
	AdminAddr string                      // /livez, /readyz and /metrics; "": not served
	Ready     func(context.Context) error // an error: not ready; it goes to the log. nil: always ready
	Metrics   http.Handler                // nil: no /metrics
	Started   func(addr, admin string)    // called once both listen; may be nil
	Linger    time.Duration               // how long it serves on, no longer ready, before it stops
	Log       *slog.Logger                // nil: slog.Default
}

// Handlers have shorter timeouts (see observe), and those of long polls and transfers
// extend these deadlines.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 120 * time.Second
	drainTimeout      = 25 * time.Second
	readyTimeout      = 2 * time.Second
	maxHeaderBytes    = 16 << 10
)

// Run serves until ctx ends. Then it reports that it is not ready, serves on for Linger
// so that load balancers notice, lets the running requests end, and returns. An address
// that cannot be listened on is an error that says what to do.
func (s Server) Run(ctx context.Context) error {
	if s.Log == nil {
		s.Log = slog.Default()
	}
	public, err := listen(s.Addr, "FINSAM_ADDR")
	if err != nil {
		return err
	}
	draining, drain := context.WithCancel(context.Background())
	defer drain()
	servers := []*running{{server: s.httpServer(closeConnections(ctx, s.Handler), draining), listener: public}}
	adminAddr := ""
	if s.AdminAddr != "" {
		admin, err := listen(s.AdminAddr, "FINSAM_ADMIN_ADDR")
		if err != nil {
			return errors.Join(err, public.Close())
		}
		adminAddr = admin.Addr().String()
		servers = append(servers, &running{server: s.httpServer(s.admin(ctx), draining), listener: admin})
	}
	failed := make(chan error, len(servers))
	for _, r := range servers {
		go func() { failed <- r.server.Serve(r.listener) }()
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
	return errors.Join(err, shutdown(servers))
}

// closeConnections closes callers' connections once ctx has ended, so that no request
// is sent on one at the moment when the server stops.
func closeConnections(ctx context.Context, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

type running struct {
	server   *http.Server
	listener net.Listener
}

func (s *Server) httpServer(h http.Handler, draining context.Context) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), drainKey{}, draining)
		},
	}
}

// shutdown lets the running requests end, and closes the connections of those that do
// not within drainTimeout.
func shutdown(servers []*running) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	var errs []error
	for _, r := range servers {
		if err := r.server.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop serving %s: %w", r.listener.Addr(), err), r.server.Close())
		}
	}
	return errors.Join(errs...)
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

// untilDrained returns a context that ends when the server begins to drain, as a long
// poll must not delay that.
func untilDrained(ctx context.Context) (context.Context, context.CancelFunc) {
	draining, ok := ctx.Value(drainKey{}).(context.Context)
	if !ok {
		return context.WithCancel(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(draining, cancel)
	return ctx, func() { stop(); cancel() }
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
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			writeText(w, http.StatusServiceUnavailable, "stopping")
			return
		}
		timed, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if s.Ready != nil {
			if err := s.Ready(timed); err != nil {
				s.Log.WarnContext(r.Context(), "not ready", "cause", err.Error())
				writeText(w, http.StatusServiceUnavailable, "not ready")
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
