// Package compile makes what package contract reads from an openapi.yaml (OpenAPI 3.0.3),
// when the program is made. It refuses what package contract could not check, so that
// nothing of a contract is silently left out.
package compile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web/contract"
)

const (
	maxBody  = 1 << 20 // bytes, unless the operation's x-body-limit says otherwise
	maxDepth = 16      // schemas within one another
)

// Contract returns the contract that spec describes as JSON, with the schemas that have
// one of the names.
func Contract(spec []byte, names ...string) ([]byte, error) {
	doc, err := openapi3.NewLoader().LoadFromData(spec)
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	var c contract.Contract
	paths := doc.Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := paths[path]
		operations := item.Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			op := &contract.Operation{ID: operations[method].OperationID, Method: method, Path: path, BodyLimit: maxBody}
			if err := readOperation(op, item, operations[method]); err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			c.Operations = append(c.Operations, op)
		}
	}
	c.Schemas = map[string]*contract.Schema{}
	for _, name := range names {
		ref := doc.Components.Schemas[name]
		if ref == nil {
			return nil, fmt.Errorf("the contract has no schema %s", name)
		}
		if c.Schemas[name], err = schema(ref.Value, maxDepth); err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
	}
	compiled, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	// An operation a line, for those who read what has changed.
	return append(bytes.ReplaceAll(compiled, []byte(`{"operationId"`), []byte("\n"+`{"operationId"`)), '\n'), nil
}

func readOperation(op *contract.Operation, item *openapi3.PathItem, o *openapi3.Operation) error {
	if op.ID == "" {
		return errors.New("no operationId")
	}
	op.Public = o.Security != nil && len(*o.Security) == 0
	op.LongPoll = o.Extensions["x-long-poll"] == true
	if v, ok := o.Extensions["x-transfer"]; ok && v != true {
		return errors.New("x-transfer is true, or left out")
	}
	op.Transfer = o.Extensions["x-transfer"] == true
	if limit, ok := o.Extensions["x-body-limit"].(float64); ok {
		op.BodyLimit = int64(limit)
	}
	for _, ref := range slices.Concat(item.Parameters, o.Parameters) {
		p, err := parameter(ref.Value)
		if err != nil {
			return fmt.Errorf("parameter %s: %w", ref.Value.Name, err)
		}
		op.Parameters = append(op.Parameters, p)
	}
	if o.RequestBody == nil {
		return nil
	}
	body := o.RequestBody.Value
	if op.Form = body.Content[contract.FormType] != nil && len(body.Content) == 1; op.Form {
		return nil
	}
	media := body.Content["application/json"]
	if media == nil || media.Schema == nil || len(body.Content) != 1 {
		return errors.New("the body must be application/json with a schema or multipart/form-data, and nothing else")
	}
	var err error
	op.Required = body.Required
	op.Body, err = schema(media.Schema.Value, maxDepth)
	return err
}

func parameter(p *openapi3.Parameter) (contract.Parameter, error) {
	if p.Schema == nil || p.Schema.Value == nil {
		return contract.Parameter{}, errors.New("only parameters with a schema are supported")
	}
	s := p.Schema.Value
	switch {
	case p.In == openapi3.ParameterInCookie:
		return contract.Parameter{}, errors.New("cookies are not supported")
	case s.Type.Is("object"), s.Type.Is("array") && (p.In != openapi3.ParameterInQuery || p.Style != "" && p.Style != "form"):
		return contract.Parameter{}, errors.New("only single values, and lists in the query by form style")
	}
	compiled, err := schema(s, maxDepth)
	return contract.Parameter{Name: p.Name, In: p.In, Required: p.Required, Schema: compiled, Explode: p.Explode == nil || *p.Explode}, err
}

// itemsByHandler marks an array of a body whose items the handler checks one by one by a
// schema of the contract, so that a wrong one does not refuse the others.
const itemsByHandler = "x-each"

// schema compiles a schema with what it refers to; depth is how many more levels there
// may be.
func schema(s *openapi3.Schema, depth int) (*contract.Schema, error) {
	if depth == 0 {
		return nil, errors.New("the schema is nested too deep, or refers to itself")
	}
	if err := check(s); err != nil {
		return nil, err
	}
	out := &contract.Schema{
		Nullable: s.Nullable, Enum: s.Enum, Required: s.Required, UniqueItems: s.UniqueItems,
		Minimum: s.Min, Maximum: s.Max, ExclusiveMinimum: isTrue(s.ExclusiveMin.Bool), ExclusiveMaximum: isTrue(s.ExclusiveMax.Bool),
		MinLength: int(s.MinLength), MaxLength: intOf(s.MaxLength), Pattern: s.Pattern,
		MinItems: int(s.MinItems), MaxItems: intOf(s.MaxItems), MinFields: int(s.MinProps), MaxFields: intOf(s.MaxProps),
		Closed: s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has,
	}
	if s.Type != nil {
		out.Type = (*s.Type)[0]
	}
	if s.MultipleOf != nil {
		out.MultipleOf = *s.MultipleOf
	}
	if out.Type == "string" {
		out.Format = s.Format
	}
	if text, ok := s.Extensions["x-wanted"].(map[string]any); ok {
		sv, _ := text["sv"].(string)
		en, _ := text["en"].(string)
		out.Wanted = &fault.Text{SV: sv, EN: en}
	}
	var errs []error
	compile := func(ref *openapi3.SchemaRef) *contract.Schema {
		if ref == nil {
			return nil
		}
		part, err := schema(ref.Value, depth-1)
		errs = append(errs, err)
		return part
	}
	if s.Extensions[itemsByHandler] == true {
		out.Items = &contract.Schema{}
	} else {
		out.Items = compile(s.Items)
	}
	out.Others = compile(s.AdditionalProperties.Schema)
	for _, ref := range s.AllOf {
		out.AllOf = append(out.AllOf, compile(ref))
	}
	for _, ref := range s.OneOf {
		out.OneOf = append(out.OneOf, compile(ref))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if out.Properties == nil {
			out.Properties = map[string]*contract.Schema{}
		}
		out.Properties[name] = compile(s.Properties[name])
	}
	return out, errors.Join(errs...)
}

// described are the fields of a schema that check nothing, and those that schema reads.
var described = []string{
	"Title", "Description", "Default", "Example", "Deprecated", "ExternalDocs", "Extensions", "Origin", "ReadOnly", "WriteOnly",
	"Type", "Nullable", "Enum", "AllOf", "OneOf", "Min", "Max", "ExclusiveMin", "ExclusiveMax", "MultipleOf",
	"MinLength", "MaxLength", "Pattern", "Format", "MinItems", "MaxItems", "UniqueItems", "Items",
	"Required", "Properties", "MinProps", "MaxProps", "AdditionalProperties",
}

// check refuses what package contract does not check.
func check(s *openapi3.Schema) error {
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; !v.Field(i).IsZero() && !slices.Contains(described, name) {
			return fmt.Errorf("the schema has %s, which is not supported", name)
		}
	}
	if _, err := regexp.Compile(s.Pattern); err != nil {
		return fmt.Errorf("pattern of a field: %w", err)
	}
	for _, value := range s.Enum {
		if _, isText := value.(string); !isText && reflect.TypeOf(value) != reflect.TypeFor[float64]() {
			return fmt.Errorf("a value of an enumeration is %v, neither a text nor a number", value)
		}
	}
	switch {
	case s.Format != "" && s.Type.Is("string") && contract.Formats[s.Format] == nil:
		return fmt.Errorf("the format %q is not supported", s.Format)
	case s.MultipleOf != nil && *s.MultipleOf != math.Trunc(*s.MultipleOf):
		return errors.New("multipleOf is supported for whole numbers")
	case s.UniqueItems && (s.Items == nil || s.Items.Value.Type.Is("object") || s.Items.Value.Type.Is("array")):
		return errors.New("uniqueItems is supported for texts, numbers and booleans")
	}
	return nil
}

func isTrue(b *bool) bool { return b != nil && *b }

func intOf(n *uint64) *int {
	if n == nil {
		return nil
	}
	i := int(*n)
	return &i
}
