package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/feed/feedhttp"
)

// operation is what the contract says of one route, made ready once at start.
type operation struct {
	id         string // operationId; a fixed word for what is in no contract
	span       string // "GET /referrals/{id}"
	attributes trace.SpanStartEventOption
	patience   time.Duration
	contract   bool // it is in the contract, so its parameters and body are checked
	public     bool // `security: []`: no token is needed
	longPoll   bool // `x-long-poll: true`: its answer may wait for what is new
	params     []parameter
	body       *openapi3.Schema // nil: no JSON body is taken
	bodyNeeded bool
	bodyLimit  int64 // bytes
	form       bool  // the body is multipart/form-data, which the handler reads as it comes
	transfer   bool  // `x-transfer`: what comes or goes is long, and takes its time
}

const operationKey = "finsam.operation"

// operationOf returns the operation that observe has found.
func operationOf(c echo.Context) *operation {
	if op, ok := c.Get(operationKey).(*operation); ok {
		return op
	}
	return unknown
}

// unknown stands for routes that no contract names, one for all of them: a
// stranger's path must not become a label.
var unknown = newOperation("unrouted", "unrouted", "")

// operation finds what the contract says of echo's matched route.
func (s *server) operation(c echo.Context) *operation {
	method, route := c.Request().Method, c.Path()
	if op, ok := s.operations[method+" "+route]; ok {
		return op
	}
	if route == feedhttp.Path {
		return followed
	}
	return unknown
}

// followed is the feed, whose answer waits for events.
var followed = func() *operation {
	op := newOperation("readFeed", "GET", feedhttp.Path)
	op.patience, op.longPoll = longPatience, true
	return op
}()

// longPatience is how long a call may take that waits for what is new.
const longPatience = feed.MaxWait + 5*time.Second

func newOperation(id, method, path string) *operation {
	return &operation{
		id: id, span: strings.TrimSpace(method + " " + path), patience: patience, bodyLimit: maxBody,
		attributes: trace.WithAttributes(
			attribute.String("http.request.method", method), attribute.String("http.route", path),
			attribute.String("finsam.operation", id)),
	}
}

// operationsOf reads the contract. Paths are found with and without BasePath,
// as echo knows them.
func operationsOf(spec []byte) (map[string]*operation, error) {
	ops := map[string]*operation{}
	if len(spec) == 0 {
		return ops, nil
	}
	doc, err := openapi3.NewLoader().LoadFromData(spec)
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			op, err := prepare(doc, item, o, method, path)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			route := strings.NewReplacer("{", ":", "}", "").Replace(path)
			ops[method+" "+BasePath+route], ops[method+" "+route] = op, op
		}
	}
	return ops, nil
}

func prepare(doc *openapi3.T, item *openapi3.PathItem, o *openapi3.Operation, method, path string) (*operation, error) {
	if o.OperationID == "" {
		return nil, fmt.Errorf("no operationId")
	}
	op := newOperation(o.OperationID, method, path)
	op.contract = true
	security := o.Security
	if security == nil {
		security = &doc.Security
	}
	op.public = o.Security != nil && len(*security) == 0
	if op.longPoll = o.Extensions["x-long-poll"] == true; op.longPoll {
		op.patience = longPatience
	}
	for _, refs := range []openapi3.Parameters{item.Parameters, o.Parameters} {
		for _, ref := range refs {
			p, err := newParameter(ref.Value)
			if err != nil {
				return nil, err
			}
			op.params = append(op.params, p)
		}
	}
	if err := op.extend(o.Extensions); err != nil || o.RequestBody == nil {
		return op, err
	}
	body := o.RequestBody.Value
	if op.form = body.Content[formType] != nil && len(body.Content) == 1; op.form {
		return op, nil
	}
	media := body.Content["application/json"]
	if media == nil || media.Schema == nil || len(body.Content) != 1 {
		return nil, fmt.Errorf("the body must be application/json with a schema or multipart/form-data, and nothing else")
	}
	op.body, op.bodyNeeded = leftToHandler(media.Schema.Value), body.Required
	return op, compilePatterns(op.body, map[*openapi3.Schema]bool{})
}

// formType is the media type of a form that bears a file.
const formType = "multipart/form-data"

// extend takes what the operation says of what comes and goes.
func (op *operation) extend(extensions map[string]any) error {
	if v, given := extensions["x-transfer"]; given {
		if op.transfer = v == true; !op.transfer {
			return fmt.Errorf("x-transfer is true, or left out")
		}
		op.patience = TransferPatience
	}
	if limit, ok := extensions["x-body-limit"].(float64); ok {
		op.bodyLimit = int64(limit)
	}
	return nil
}
