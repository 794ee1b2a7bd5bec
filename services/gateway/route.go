package gateway

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/client"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/services/gateway/contract"
	"github.com/finsam/finsam/services/gateway/hop"
)

// operation is an operation of the contract, with the service that has it.
type operation struct {
	contract.Operation
	upstream *upstream // nil: the gateway answers by itself
	class    class     // unless it waits
	span     string
	start    []trace.SpanStartOption // of span
}

// waits reports whether a request is a long poll that asks to wait. It does no work while
// it waits, so it has places of its own and is not timed.
func (op *operation) waits(r *http.Request) bool { return op.LongPoll && server.Waits(r) }

// upstream is a service as the gateway calls it.
type upstream struct {
	name, scheme, host string
	span               string // of a call
	transport          http.RoundTripper
	calls              *places

	isFailing atomic.Bool  // the last call brought no whole answer
	timeouts  atomic.Int32 // calls in a row that timed out
	tryAt     atomic.Int64 // when a silent service is called again, Unix nanoseconds
}

// isSilent reports whether a service has kept so many callers waiting in vain that the next
// ones are answered at once. One call in a while tries.
func (u *upstream) isSilent(now time.Time) bool {
	if u.timeouts.Load() < maxTimeouts {
		return false
	}
	due := u.tryAt.Load()
	return now.UnixNano() < due || !u.tryAt.CompareAndSwap(due, now.Add(tryInterval).UnixNano())
}

// newOperations connects the contract's operations with the services.
func newOperations(all []contract.Operation, services []Service, secure func() *tls.Config, inFlight int) ([]*operation, error) {
	upstreams := map[string]*upstream{}
	for _, s := range services {
		base := s.Base
		if base == "" && s.Transport != nil {
			base = "http://" + s.Name
		}
		u, err := url.Parse(base)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" && u.Path != "/" {
			return nil, fmt.Errorf("the address of %s must be like http://127.0.0.1:8081, without a path", s.Name)
		}
		if s.Transport == nil {
			s.Transport = newTransport(u, secure)
		}
		if upstreams[s.Name] != nil {
			return nil, fmt.Errorf("the service %s is configured twice", s.Name)
		}
		upstreams[s.Name] = &upstream{name: s.Name, span: "call " + s.Name, scheme: u.Scheme, host: u.Host, transport: s.Transport, calls: newPlaces(inFlight, classCall)}
	}
	var operations []*operation
	for _, o := range all {
		if o.Service == contract.Own && o.Public {
			continue // a page
		}
		u := upstreams[o.Service]
		if u == nil && o.Service != contract.Own {
			return nil, fmt.Errorf("the contract has %s of the service %s, which is not configured", o.ID, o.Service)
		}
		kind := classCall
		switch {
		case o.Transfer:
			kind = classTransfer
		case o.Cost >= dear && o.Body:
			kind = classBatch
		case o.Cost >= dear:
			kind = classExport
		}
		operations = append(operations, &operation{Operation: o, upstream: u, class: kind, span: o.Method + " " + o.Path, start: spanStart(
			attribute.String("http.request.method", o.Method), attribute.String("http.route", o.Path), attribute.String("finsam.operation", o.ID))})
	}
	return operations, nil
}

// newTransport creates the pool of connections to one service.
func newTransport(u *url.URL, secure func() *tls.Config) *hop.Transport {
	port, dial := "80", client.Dial
	if u.Scheme == "https" {
		port, dial = "443", client.DialTLS(secure)
	}
	return hop.New(net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port)), dial)
}

// newRouter routes every operation of the contract by its path and method to serve. All
// else is served as no operation, with the methods that its path has: echo would answer
// by itself, and knows nothing of origins.
func newRouter(operations []*operation, serve func(w http.ResponseWriter, r *http.Request, op *operation, allow string)) http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	allow := map[string]string{}
	for _, op := range operations {
		path := web.Route(op.Path)
		methods := []string{op.Method}
		if op.Method == http.MethodGet {
			methods = []string{http.MethodGet, http.MethodHead}
		}
		for _, method := range methods {
			e.Add(method, path, func(c echo.Context) error {
				serve(c.Response(), c.Request(), op, "")
				return nil
			})
			allow[path] += ", " + method
		}
	}
	for path, methods := range allow {
		e.OPTIONS(path, func(c echo.Context) error {
			serve(c.Response(), c.Request(), nil, "OPTIONS"+methods)
			return nil
		})
	}
	e.HTTPErrorHandler = func(_ error, c echo.Context) { // only the router itself has errors
		allow, _ := c.Get(echo.ContextKeyHeaderAllow).(string)
		serve(c.Response(), c.Request(), nil, allow)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isPlain(r.URL) {
			serve(w, r, nil, "")
			return
		}
		e.ServeHTTP(w, r)
	})
}

// isPlain reports whether a path can mean only one thing to everybody who reads it:
// letters, digits and "-._~" alone, nothing escaped, no empty segment, none that begins
// with a dot, no slash at the end. So the path that is authorised here is the path that
// is served there.
func isPlain(u *url.URL) bool {
	path := u.Path
	if u.RawPath != "" || path == "" || path[0] != '/' || path[len(path)-1] == '/' {
		return false
	}
	for i := range len(path) {
		switch c := path[i]; {
		case c == '/':
			if next := path[i+1]; next == '/' || next == '.' {
				return false
			}
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}
