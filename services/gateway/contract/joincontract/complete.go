package main

import (
	"encoding/json"
	"net/http/httptest"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/services/gateway/contract"
)

const components = "#/components/"

// complete adds to an operation what a service does not write: the parameters and
// headers of every call, and the problems that it can meet.
func complete(all *openapi3.Components, o contract.Operation, op *openapi3.Operation) {
	hasVersion := false
	for _, p := range op.Parameters {
		if p.Value.In == "header" {
			p.Value.Example = nil // the documentation page would send it with each call
		}
		if p.Value.Name == "If-Match" {
			// Required for the caller, and not in a service's own document: the service takes
			// a request without, to answer 428 and not 400.
			hasVersion, p.Value.Required = true, true
		}
	}
	for _, name := range []string{"TraceParent", "RequestId", "AcceptLanguage"} {
		op.Parameters = append(op.Parameters, &openapi3.ParameterRef{Ref: components + "parameters/" + name})
	}
	for _, r := range op.Responses.Map() {
		if name, ok := strings.CutPrefix(r.Ref, components+"responses/"); ok {
			r = all.Responses[name]
		}
		addHeaders(r.Value, !o.Public)
	}
	applies := map[condition]bool{
		always: true, isServed: o.Service != contract.Own, isSecured: !o.Public, hasBody: o.Body,
		isChange: o.Method != "GET", isVersioned: hasVersion,
	}
	for _, p := range problems {
		if applies[p.condition] {
			status := strconv.Itoa(p.example.Status.HTTP())
			if p.example == fault.ErrInternal {
				status = "default" // whatever has no status of its own
			}
			op.Responses.Set(status, &openapi3.ResponseRef{Ref: components + "responses/" + p.name})
		}
	}
}

// addHeaders adds to a response those of every answer, and the limit where one applies.
func addHeaders(r *openapi3.Response, isLimited bool) {
	names := map[string]string{"traceparent": "TraceParent", "X-Request-Id": "RequestId"}
	if isLimited {
		names["RateLimit"], names["RateLimit-Policy"] = "RateLimit", "RateLimitPolicy"
	}
	if r.Headers == nil {
		r.Headers = openapi3.Headers{}
	}
	for header, name := range names {
		r.Headers[header] = &openapi3.HeaderRef{Ref: components + "headers/" + name}
	}
}

// refusal is a response other than success.
type refusal struct {
	name      string // of the component
	example   *fault.Error
	condition condition
	meaning   string // in both languages
}

// condition is which operations can meet a problem.
type condition int

const (
	always condition = iota
	isServed
	isSecured
	hasBody
	isChange
	isVersioned
)

// problems are those of the API, each where it applies, in order of status.
var problems = []refusal{
	{"BadRequest", problem.ErrInvalid, always, "Anropet har fel form; errors visar var. / The request has the wrong form; errors shows where."},
	{"Unauthorized", problem.ErrToken, isSecured, "Giltig åtkomsttoken saknas. / A valid access token is missing."},
	{"Forbidden", fault.ErrForbidden, isSecured, "Rollen får inte göra detta. / The role may not do this."},
	{"NotFound", fault.ErrNotFound, isServed, "Finns inte, eller får inte ses av den som frågar. / Does not exist, or may not be seen by the caller."},
	{"Conflict", fault.ErrConflict, isChange, "Läget tillåter det inte. / The state does not allow it."},
	{"PreconditionFailed", fault.ErrStale, isVersioned, "If-Match anger en gammal version. / If-Match names an old version."},
	{"ContentTooLarge", problem.ErrTooLarge, hasBody, "Innehållet är större än 1 MiB. / The content is larger than 1 MiB."},
	{"UnsupportedMediaType", problem.ErrMediaType, hasBody, "Innehållet är inte application/json. / The content is not application/json."},
	{"UnprocessableContent", idempotency.ErrKeyReused, isChange, "Rätt form, men bryter mot en regel. / The right form, but not allowed by a rule."},
	{"PreconditionRequired", rest.ErrNoVersion, isVersioned, "If-Match saknas. / If-Match is missing."},
	{"TooManyRequests", problem.ErrTooMany, isServed, "Gränsen är nådd; Retry-After anger när det går att försöka igen. / The limit is reached; Retry-After says when to try again."},
	{"ServiceUnavailable", fault.ErrUnavailable, isServed, "Tjänsten kan inte svara just nu. / The service cannot answer right now."},
	{"GatewayTimeout", problem.ErrTimeout, isServed, "Tjänsten svarade inte i tid. / The service did not answer in time."},
	{"Problem", fault.ErrInternal, always, "Något annat gick fel. / Something else went wrong."},
}

// addProblems adds the components of the problem responses. Their examples are what the
// gateway writes, with made-up ids.
func addProblems(all *openapi3.Components) error {
	for _, p := range problems {
		w := httptest.NewRecorder()
		problem.Write(w, httptest.NewRequest("GET", "/", nil), p.example)
		var example problem.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &example); err != nil {
			return err
		}
		example.Instance, example.TraceID = "urn:uuid:2f1d6c1e-4a0b-4c1d-9f6e-0a7b3c5d9e11", "4bf92f3577b34da6a3ce929d0e0e4736"
		r := openapi3.NewResponse().WithDescription(p.meaning).WithContent(openapi3.Content{"application/problem+json": {
			Schema:   &openapi3.SchemaRef{Ref: components + "schemas/Problem"},
			Examples: openapi3.Examples{"problem": {Value: &openapi3.Example{Summary: example.Title, Value: example}}},
		}})
		addHeaders(r, w.Code != 400 && w.Code != 401 && w.Code != 500)
		switch w.Code {
		case 401:
			r.Headers["WWW-Authenticate"] = &openapi3.HeaderRef{Ref: components + "headers/WwwAuthenticate"}
		case 429, 503:
			r.Headers["Retry-After"] = &openapi3.HeaderRef{Ref: components + "headers/RetryAfter"}
		}
		all.Responses[p.name] = &openapi3.ResponseRef{Value: r}
	}
	return nil
}
