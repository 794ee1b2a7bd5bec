package rest_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// spoilt returns every way to spoil one field of a body that the schema allows to
// be checked: unknown, missing, of another type, too long, outside the enum.
func spoilt(schema *openapi3.Schema, good object, at string) map[string]object {
	all := map[string]object{"unknown field " + at + "/extra": with(good, "extra", 1)}
	for _, name := range schema.Required {
		all["missing "+at+"/"+name] = without(good, name)
	}
	for name, ref := range schema.Properties {
		where := at + "/" + name
		for what, value := range spoiltValues(ref.Value) {
			if what == "null" && !slices.Contains(schema.Required, name) {
				continue // is taken as absent
			}
			all[what+" "+where] = with(good, name, value)
		}
		inner, ok := good[name].(object)
		if !ok {
			continue
		}
		for what, body := range spoilt(ref.Value, inner, where) {
			all[what] = with(good, name, body)
		}
	}
	return all
}

func spoiltValues(s *openapi3.Schema) map[string]any {
	all := map[string]any{"null": nil}
	switch {
	case s.Type.Is("string"):
		all["wrong type"] = 17
		all["empty"] = ""
		all["too long"] = strings.Repeat("å", 4001)
		if s.MinLength > 0 && s.Pattern == "" && s.Format == "" && len(s.Enum) == 0 {
			all["says nothing"] = " \u200b\n"
		}
		if len(s.Enum) > 0 {
			all["outside the enum"] = "mauve"
		}
		if s.Format == "date" {
			all["no such day"] = "2026-02-30"
		}
	case s.Type.Is("integer"):
		all["wrong type"] = "17"
		all["too small"] = 0
		all["too large"] = 1_000_000
	case s.Type.Is("array"):
		all["wrong type"] = "17"
		all["wrong type within"] = []any{17}
		if s.MaxItems != nil {
			all["too many"] = slices.Repeat([]any{"x"}, int(*s.MaxItems)+1)
		}
		if s.MinItems > 0 {
			all["none"] = []any{}
		}
	case s.Type.Is("object"):
		all["wrong type"] = "17"
	}
	return all
}

func with(body object, name string, value any) object {
	c := maps.Clone(body)
	if c == nil {
		c = object{}
	}
	c[name] = value
	return c
}

func without(body object, name string) object {
	c := maps.Clone(body)
	delete(c, name)
	return c
}
