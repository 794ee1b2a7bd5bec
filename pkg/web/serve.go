package web

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

// Server is what Serve serves.
type Server struct {
	Handler   http.Handler
	Addr      string                      // where callers come, such as "127.0.0.1:8080"
	AdminAddr string                      // /livez, /readyz and /metrics; "": not served
	Ready     func(context.Context) error // nil when the service can serve; its error goes to the log
	Metrics   http.Handler                // nil: no /metrics
	Backup    http.Handler                // serves what is below /backup on the admin port; nil: no backup
	Started   func(addr, admin string)    // called once both listen; may be nil
	Linger    time.Duration               // how long it serves on, no longer ready, before it stops
	Log       *slog.Logger                // nil: slog.Default
}

// The server's patience. Handlers have their own, shorter one (see observe); the
// feed's handler extends the write deadline for itself.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 120 * time.Second
	drainTimeout      = 25 * time.Second
	maxHeaderBytes    = 16 << 10
)

// Serve serves until ctx ends. Then it is no longer ready, serves on for Linger
// so that anyone who sends it requests learns of that, lets the running requests
// end, and returns. An address that cannot be listened on is an error that says
// what to do.
func Serve(ctx context.Context, s Server) error {
	if s.Log == nil {
		s.Log = slog.Default()
	}
	main, err := listen(s.Addr, "FINSAM_ADDR")
	if err != nil {
		return err
	}
	draining, drain := context.WithCancel(context.Background())
	defer drain()
	servers := []*running{{server: s.http(closeConnections(ctx, s.Handler), draining), listener: main}}
	adminAddr := ""
	if s.AdminAddr != "" {
		admin, err := listen(s.AdminAddr, "FINSAM_ADMIN_ADDR")
		if err != nil {
			return errors.Join(err, main.Close())
		}
		adminAddr = admin.Addr().String()
		servers = append(servers, &running{server: s.http(s.admin(ctx), draining), listener: admin})
	}
	failed := make(chan error, len(servers))
	for _, r := range servers {
		go func() { failed <- r.server.Serve(r.listener) }()
	}
	if s.Started != nil {
		s.Started(main.Addr().String(), adminAddr)
	}
	select {
	case err = <-failed:
	case <-ctx.Done():
		time.Sleep(s.Linger)
	}
	drain()
	return errors.Join(err, shutdown(servers))
}

// closeConnections lets go of callers' connections once ctx has ended: none is kept that a
// request could be sent on in the moment in which the server stops.
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

func (s *Server) http(h http.Handler, draining context.Context) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), drainKey{}, draining)
		},
	}
}

// shutdown lets the running requests end, and closes what has not by then.
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

// Draining returns what is closed when the server of a request begins to drain; nil,
// which is never closed, where no server of ours is above.
func Draining(ctx context.Context) <-chan struct{} {
	if draining, ok := ctx.Value(drainKey{}).(context.Context); ok {
		return draining.Done()
	}
	return nil
}

// untilDrained returns a context that ends when the server begins to drain: a long
// poll must not hold it up.
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

// admin serves what the platform asks: does it live, may it be sent requests.
func (s *Server) admin(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			say(w, http.StatusServiceUnavailable, "stopping")
			return
		}
		limited, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if s.Ready != nil {
			if err := s.Ready(limited); err != nil {
				s.Log.WarnContext(r.Context(), "not ready", "cause", err.Error())
				say(w, http.StatusServiceUnavailable, "not ready")
				return
			}
		}
		say(w, http.StatusOK, "ok")
	})
	if s.Backup != nil {
		mux.Handle("POST /backup/", s.Backup)
	}
	if s.Metrics != nil {
		mux.Handle("GET /metrics", s.Metrics)
	}
	return mux
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
