package web

import (
	"context"
	"fmt"
	"maps"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/finsam/finsam/pkg/fault"
)

// each marks an array of a body whose items the handler checks one by one, by a
// Shape, so that one that is wrong does not turn away the others.
const each = "x-each"

// Shape is a schema of a contract, for what the handler checks itself.
type Shape struct{ schema *openapi3.Schema }

// NewShape finds a schema of the contract by its name.
func NewShape(spec []byte, name string) (Shape, error) {
	doc, err := openapi3.NewLoader().LoadFromData(spec)
	if err != nil {
		return Shape{}, fmt.Errorf("read the contract: %w", err)
	}
	ref := doc.Components.Schemas[name]
	if ref == nil {
		return Shape{}, fmt.Errorf("the contract has no schema %s", name)
	}
	return Shape{ref.Value}, compilePatterns(ref.Value, map[*openapi3.Schema]bool{})
}

// Check holds a JSON text against the shape; the fault names the fields that are
// wrong, by pointers into the text.
func (s Shape) Check(text []byte) error {
	v, err := parseJSON(text, maxDepth)
	if err != nil {
		return err
	}
	if wrong := faultsOf(visit(s.schema, v), ""); len(wrong) > 0 {
		return ErrInvalid.At(wrong[:min(len(wrong), maxFields)]...)
	}
	return nil
}

// ProblemOf returns the problem that err is, in the language of the request that
// ctx belongs to, for an answer of several parts.
func ProblemOf(ctx context.Context, err error) Problem {
	return problemOf(ctx, public(err), speak(infoOf(ctx).language))
}

// leftToHandler returns the schema of a body without what the handler checks.
func leftToHandler(s *openapi3.Schema) *openapi3.Schema {
	for name, p := range s.Properties {
		if p.Value == nil || p.Value.Extensions[each] != true {
			continue
		}
		whole, list := *s, *p.Value
		list.Items = openapi3.NewSchemaRef("", openapi3.NewSchema())
		whole.Properties = maps.Clone(s.Properties)
		whole.Properties[name] = openapi3.NewSchemaRef("", &list)
		s = &whole
	}
	return s
}

// mebibyte is what limits of bodies are told in.
const mebibyte = 1 << 20

// TooLarge answers a body of more bytes than an operation takes.
func TooLarge(limit int64) *fault.Error {
	f := *ErrTooLarge
	f.Text = both("Innehållet är för stort. Det får vara högst %s MiB.", "The body is too large. It may be at most %s MiB.", number(uint64(limit/mebibyte)))
	return &f
}
