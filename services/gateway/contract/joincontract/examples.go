package main

import (
	"cmp"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// defaults are the examples of a format that no body shows.
var defaults = map[string]string{"date": "2026-03-02", "date-time": "2026-03-02T08:15:00Z"}

// addExamples adds an example to each date and instant of a schema (DOT.02, DOT.04): the
// first that a body shows there, otherwise its format's default.
func addExamples(doc *openapi3.T) {
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		operations := doc.Paths.Value(path).Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			op := operations[method]
			if op.RequestBody != nil {
				addShown(op.RequestBody.Value.Content)
			}
			for _, status := range slices.Sorted(maps.Keys(op.Responses.Map())) {
				addShown(op.Responses.Value(status).Value.Content)
			}
		}
	}
	for _, s := range doc.Components.Schemas {
		addDefaults(s, map[*openapi3.Schema]bool{})
	}
}

// addShown adds to the schemas of a body what its examples show.
func addShown(content openapi3.Content) {
	for _, media := range slices.Sorted(maps.Keys(content)) {
		m := content[media]
		for _, name := range slices.Sorted(maps.Keys(m.Examples)) {
			addValue(m.Schema, m.Examples[name].Value.Value)
		}
	}
}

// addValue adds a value to the schema that it is an example of, or its parts to the parts
// of the schema.
func addValue(ref *openapi3.SchemaRef, value any) {
	if ref == nil || ref.Value == nil {
		return
	}
	s := ref.Value
	for _, refs := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
		for _, r := range refs {
			addValue(r, value)
		}
	}
	switch v := value.(type) {
	case string:
		if defaults[s.Format] != "" && s.Example == nil {
			s.Example = v
		}
	case []any:
		for _, item := range v {
			addValue(s.Items, item)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) { // the same at each run
			addValue(cmp.Or(s.Properties[name], s.AdditionalProperties.Schema), v[name])
		}
	}
}

// addDefaults adds the default to each date and instant that a schema reaches and that has
// no example.
func addDefaults(ref *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	if ref == nil || ref.Value == nil || seen[ref.Value] {
		return
	}
	s := ref.Value
	seen[s] = true
	if d := defaults[s.Format]; d != "" && s.Example == nil {
		s.Example = d
	}
	for _, p := range s.Properties {
		addDefaults(p, seen)
	}
	for _, r := range slices.Concat(s.AllOf, s.AnyOf, s.OneOf, openapi3.SchemaRefs{s.Items, s.AdditionalProperties.Schema}) {
		addDefaults(r, seen)
	}
}
