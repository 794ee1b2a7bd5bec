package gateway

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/services/gateway/contract"
)

// operation is an operation of the contract, made ready for the way of a request.
type operation struct {
	contract.Operation
	upstream *upstream
	span     string // "GET /referrals/{id}"
	start    trace.SpanStartEventOption
}

func newOperation(o contract.Operation, u *upstream) *operation {
	return &operation{
		Operation: o, upstream: u, span: o.Method + " " + o.Path,
		start: trace.WithAttributes(
			attribute.String("http.request.method", o.Method), attribute.String("http.route", o.Path),
			attribute.String("finsam.operation", o.ID)),
	}
}

// door creates the routes: every operation of the contract, by its own path and
// method. Whatever else is asked for is taken as no operation.
func (g *Gateway) door() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	allow := map[string]string{}
	for _, op := range g.operations {
		path := BasePath + parameters.Replace(op.Path)
		for _, method := range methods(op) {
			e.Add(method, path, func(c echo.Context) error {
				g.take(c.Response(), c.Request(), op, "")
				return nil
			})
			allow[path] += ", " + method
		}
	}
	for path, all := range allow { // else echo would answer, and know nothing of origins
		e.OPTIONS(path, func(c echo.Context) error {
			g.take(c.Response(), c.Request(), nil, "OPTIONS"+all)
			return nil
		})
	}
	// Operations answer for themselves, so an error is one of the router.
	e.HTTPErrorHandler = func(_ error, c echo.Context) {
		allow, _ := c.Get(echo.ContextKeyHeaderAllow).(string)
		g.take(c.Response(), c.Request(), nil, allow)
	}
	return e
}

// methods returns the methods that an operation answers: what can be read can be
// asked for without its body.
func methods(op *operation) []string {
	if op.Method == http.MethodGet {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{op.Method}
}

// parameters writes a path of the contract as echo does: {id} becomes :id.
var parameters = strings.NewReplacer("{", ":", "}", "")

// plainPath reports whether a path can mean only one thing to everybody who reads
// it: written with letters, digits and "-._~" alone, nothing escaped, no empty
// segment, none that begins with a dot, no slash at the end. So the path that is
// authorised here is the path that is served there.
func plainPath(path string) bool {
	if path == "" || path[0] != '/' || path[len(path)-1] == '/' {
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
