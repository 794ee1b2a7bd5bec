package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"github.com/finsam/finsam/pkg/fault"
)

// parameter is one parameter of an operation. The contract's parameters are
// single values or, in the query, lists (form style, exploded or by commas).
type parameter struct {
	name, in string
	required bool
	explode  bool
	schema   *openapi3.Schema
}

func newParameter(p *openapi3.Parameter) (parameter, error) {
	if p.Schema == nil || p.Schema.Value == nil {
		return parameter{}, fmt.Errorf("parameter %s: only parameters with a schema are known here", p.Name)
	}
	s := p.Schema.Value
	switch {
	case p.In == openapi3.ParameterInCookie:
		return parameter{}, fmt.Errorf("parameter %s: cookies are not taken", p.Name)
	case s.Type.Is("object"), s.Type.Is("array") && (p.In != openapi3.ParameterInQuery || p.Style != "" && p.Style != "form"):
		return parameter{}, fmt.Errorf("parameter %s: only single values, and lists in the query by form style", p.Name)
	}
	return parameter{
		name: p.Name, in: p.In, required: p.Required, schema: s, explode: p.Explode == nil || *p.Explode,
	}, compilePatterns(s, map[*openapi3.Schema]bool{})
}

// checkParameters holds the request's parameters against the contract and gives
// what is wrong with them. A query parameter that the operation does not know is
// wrong too: a filter with a slip in its name must not be passed over in silence.
func (op *operation) checkParameters(c echo.Context) (wrong []fault.Field) {
	var query url.Values
	if raw := c.Request().URL.RawQuery; raw != "" {
		var err error
		if query, err = url.ParseQuery(raw); err != nil {
			return []fault.Field{{Pointer: "?", Code: "not-a-query", Text: texts["not-a-query"]}}
		}
		wrong = op.unknownIn(query)
	}
	for i := range op.params {
		wrong = append(wrong, op.params[i].check(c, query)...)
	}
	return wrong
}

func (op *operation) unknownIn(query url.Values) (wrong []fault.Field) {
	for name := range query {
		if !slices.ContainsFunc(op.params, func(p parameter) bool { return p.in == openapi3.ParameterInQuery && p.name == name }) {
			wrong = append(wrong, fault.Field{Pointer: shown(name), Code: "unknown-field", Text: texts["unknown-parameter"]})
		}
	}
	slices.SortFunc(wrong, func(a, b fault.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	return wrong
}

// values returns the parameter's values as text; none when it is not there.
func (p *parameter) values(c echo.Context, query url.Values) []string {
	switch p.in {
	case openapi3.ParameterInPath:
		return []string{c.Param(p.name)}
	case openapi3.ParameterInHeader:
		return c.Request().Header.Values(p.name)
	}
	return query[p.name]
}

func (p *parameter) check(c echo.Context, query url.Values) []fault.Field {
	texts := p.values(c, query)
	if len(texts) == 0 {
		if p.required {
			return []fault.Field{field(p.name, "required", p.schema)}
		}
		return nil
	}
	if p.schema.Type.Is("array") {
		return p.checkList(texts)
	}
	if len(texts) > 1 {
		return []fault.Field{field(p.name, "repeated", p.schema)}
	}
	v, ok := scalar(texts[0], p.schema)
	if !ok {
		return []fault.Field{field(p.name, "type", p.schema)}
	}
	return faultsOf(visit(p.schema, v), p.name)
}

func (p *parameter) checkList(texts []string) []fault.Field {
	if !p.explode {
		if len(texts) > 1 {
			return []fault.Field{field(p.name, "repeated", p.schema)}
		}
		texts = strings.Split(texts[0], ",")
	}
	list := make([]any, len(texts))
	for i, text := range texts {
		v, ok := scalar(text, p.schema.Items.Value)
		if !ok {
			return []fault.Field{field(p.name, "type", p.schema.Items.Value)}
		}
		list[i] = v
	}
	return faultsOf(visit(p.schema, list), p.name)
}

// scalar reads a single value of the schema's type.
func scalar(text string, s *openapi3.Schema) (any, bool) {
	switch {
	case s.Type.Is("integer"):
		n, err := strconv.ParseInt(text, 10, 53)
		return float64(n), err == nil
	case s.Type.Is("number"):
		f, err := strconv.ParseFloat(text, 64)
		return f, err == nil
	case s.Type.Is("boolean"):
		return text == "true", text == "true" || text == "false"
	}
	return text, true
}
