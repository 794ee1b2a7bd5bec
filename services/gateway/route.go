package gateway

import (
	"slices"
	"strings"
	"sync/atomic"

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
	emptied  atomic.Int64 // how often events have emptied what is kept of it
}

func newOperation(o contract.Operation, u *upstream) *operation {
	return &operation{
		Operation: o, upstream: u, span: o.Method + " " + o.Path,
		start: trace.WithAttributes(
			attribute.String("http.request.method", o.Method), attribute.String("http.route", o.Path),
			attribute.String("finsam.operation", o.ID)),
	}
}

// tree is the routes, one level for each segment of a path. A segment that is
// written out goes before a parameter.
type tree struct {
	static    map[string]*tree
	parameter *tree
	methods   map[string]*operation
}

func (t *tree) add(o *operation) {
	for segment := range strings.SplitSeq(strings.TrimPrefix(o.Path, "/"), "/") {
		t = t.down(segment)
	}
	if t.methods == nil {
		t.methods = map[string]*operation{}
	}
	t.methods[o.Method] = o
}

func (t *tree) down(segment string) *tree {
	if strings.HasPrefix(segment, "{") {
		if t.parameter == nil {
			t.parameter = &tree{}
		}
		return t.parameter
	}
	if t.static == nil {
		t.static = map[string]*tree{}
	}
	if t.static[segment] == nil {
		t.static[segment] = &tree{}
	}
	return t.static[segment]
}

// find gives the methods of a path below BasePath, nil when there is no such
// path. The path must be safe: see plainPath.
func (t *tree) find(path string) map[string]*operation {
	for path != "" {
		segment, rest, _ := strings.Cut(path[1:], "/")
		next := t.static[segment]
		if next == nil {
			next = t.parameter
		}
		if next == nil {
			return nil
		}
		if t = next; rest == "" {
			return t.methods
		}
		path = path[len(path)-len(rest)-1:]
	}
	return nil
}

// allowed lists the methods of a path for the header Allow.
func allowed(methods map[string]*operation) string {
	all := []string{"OPTIONS"}
	for m := range methods {
		all = append(all, m)
		if m == "GET" {
			all = append(all, "HEAD")
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// plainPath tells whether a path can mean only one thing to everybody who reads
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
