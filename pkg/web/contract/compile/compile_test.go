package compile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/web/contract"
	"github.com/finsam/finsam/pkg/web/contract/compile"
	"github.com/finsam/finsam/pkg/web/webtest"
)

func TestWhatCannotBeCheckedIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"an unreadable contract":           {"openapi: 3.0.3", "openapi: {", "read the contract"},
		"a body that is no JSON":           {"application/json", "text/plain", "application/json"},
		"an invalid pattern":               {"'^[0-9]{12}$'", "'('", "pattern"},
		"a parameter in a cookie":          {"name: limit, in: query", "name: limit, in: cookie", "cookies"},
		"a parameter of an object":         {"name: open, in: query, schema: {type: boolean}", "name: open, in: query, schema: {type: object}", "open"},
		"an operation without id":          {"operationId: listThings", "x-nothing: 1", "operationId"},
		"a format that is not known":       {"format: email", "format: hostname", "hostname"},
		"a keyword that is not known":      {"choice:\n          oneOf:", "choice:\n          anyOf:", "AnyOf"},
		"steps that are not whole":         {"multipleOf: 5", "multipleOf: 0.1", "multipleOf"},
		"objects that may not occur twice": {"{$ref: '#/components/schemas/Reason'}}", "{type: object}}", "uniqueItems"},
		"an enumeration of truths":         {"enum: [open, closed]", "enum: [true]", "enumeration"},
		"a schema that refers to itself":   {"given: {type: boolean}", "given: {$ref: '#/components/schemas/NewThing'}", "itself"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := strings.ReplaceAll(string(webtest.ThingsSpec), c.from, c.to)
			if _, err := compile.Contract([]byte(spec)); spec == string(webtest.ThingsSpec) || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want something of %q", err, c.want)
			}
		})
	}
	if _, err := compile.Contract(webtest.ThingsSpec, "Nothing"); err == nil {
		t.Error("a schema that is not in the contract was found")
	}
}

// TestACompiledSchemaTakesWhatTheContractTakes compares it with kin-openapi, over the
// contracts' examples of bodies, each value in them replaced by others in turn.
func TestACompiledSchemaTakesWhatTheContractTakes(t *testing.T) {
	compared, refused := 0, 0
	for name, api := range map[string]struct{ spec, contract []byte }{
		"activity": {activity.Spec, activity.Contract}, "participant": {participant.Spec, participant.Contract}, "referral": {referral.Spec, referral.Contract},
	} {
		doc, err := openapi3.NewLoader().LoadFromData(api.spec)
		if err != nil {
			t.Fatal(err)
		}
		c, err := contract.Read(api.contract)
		if err != nil {
			t.Fatal(err)
		}
		again, err := compile.Contract(api.spec, slices.Collect(maps.Keys(c.Schemas))...)
		if err != nil || !bytes.Equal(again, api.contract) {
			t.Errorf("%s: contract.json is not current: run make generate (%v)", name, err)
		}
		for _, op := range c.Operations {
			if op.Body == nil || op.ID == "createReferrals" || op.ID == "noteDayAttendances" { // whose items the handler checks
				continue
			}
			schema := doc.Paths.Find(op.Path).GetOperation(op.Method).RequestBody.Value.Content["application/json"].Schema.Value
			for value := range variants(sample(schema, 0)) {
				text, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				got, want := op.Body.Check(text), schema.VisitJSON(withoutNulls(schema, value), openapi3.FailFast(), formats)
				if (got == nil) != (want == nil) {
					t.Errorf("%s %s: %s: got %v, kin-openapi says %v", name, op.ID, text, got, want)
				}
				if compared++; want != nil {
					refused++
				}
			}
		}
	}
	if compared < 2000 || compared-refused < 200 {
		t.Errorf("%d values were compared, %d of them refused", compared, refused)
	}
}

// withoutNulls returns a value without the optional fields that are null: they are taken as
// absent, which OpenAPI cannot say without calling each of them nullable.
func withoutNulls(s *openapi3.Schema, v any) any {
	switch v := v.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, value := range v {
			property := s.Properties[name]
			for _, part := range s.AllOf {
				if property == nil {
					property = part.Value.Properties[name]
				}
			}
			switch {
			case property == nil:
				kept[name] = value
			case value != nil || property.Value.Nullable || slices.Contains(s.Required, name):
				kept[name] = withoutNulls(property.Value, value)
			}
		}
		return kept
	case []any:
		if s.Items == nil {
			return v
		}
		kept := []any{}
		for _, item := range v {
			kept = append(kept, withoutNulls(s.Items.Value, item))
		}
		return kept
	}
	return v
}

// TestEachPatternHasASentence keeps patterns out of what people read.
func TestEachPatternHasASentence(t *testing.T) {
	for name, text := range map[string][]byte{"activity": activity.Contract, "participant": participant.Contract, "referral": referral.Contract} {
		c, err := contract.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		patterns := 0
		var look func(operation string, s *contract.Schema)
		look = func(operation string, s *contract.Schema) {
			if s == nil {
				return
			}
			if _, ok := contract.Patterns[s.Pattern]; s.Pattern != "" {
				if patterns++; !ok && s.Wanted == nil {
					t.Errorf("%s %s: %s has neither x-wanted nor a sentence in contract.Patterns", name, operation, s.Pattern)
				}
			}
			for _, part := range slices.Concat(s.AllOf, s.OneOf, slices.Collect(maps.Values(s.Properties)), []*contract.Schema{s.Items, s.Others}) {
				look(operation, part)
			}
		}
		for _, op := range c.Operations {
			look(op.ID, op.Body)
			for _, p := range op.Parameters {
				look(op.ID, p.Schema)
			}
		}
		if patterns < 5 {
			t.Errorf("%s: %d patterns were found", name, patterns)
		}
	}
}

var formats = openapi3.WithStringFormatValidators(func() map[string]openapi3.StringFormatValidator {
	all := map[string]openapi3.StringFormatValidator{}
	for name, valid := range contract.Formats {
		all[name] = openapi3.NewCallbackValidator(func(s string) error {
			if !valid(s) {
				return fmt.Errorf("not a %s", name)
			}
			return nil
		})
	}
	return all
}())

// sample returns a value that is near what a schema takes.
func sample(s *openapi3.Schema, depth int) any {
	switch {
	case depth > 8:
		return nil
	case s.Example != nil:
		return s.Example
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.AllOf) > 0:
		whole := map[string]any{}
		for _, part := range s.AllOf {
			if object, ok := sample(part.Value, depth+1).(map[string]any); ok {
				maps.Copy(whole, object)
			}
		}
		return whole
	case s.Type.Is("array"):
		return []any{sample(s.Items.Value, depth+1)}
	case s.Type.Is("object"):
		object := map[string]any{}
		for name, p := range s.Properties {
			object[name] = sample(p.Value, depth+1)
		}
		return object
	case s.Type.Is("integer"), s.Type.Is("number"):
		if s.Min != nil {
			return *s.Min
		}
		return 1.0
	case s.Type.Is("boolean"):
		return true
	}
	for _, text := range []string{"a", "1481", "191212121212", "2026-02-28", "2026-02-28T10:00:00Z", "7d444840-9dc0-11d1-b245-5ffdce74fad2", "a@example.org", "0701740605", "10:00", "https://example.org/a"} {
		if s.VisitJSON(text, openapi3.FailFast(), formats) == nil {
			return text
		}
	}
	return ""
}

// others are what each value is replaced by.
var others = []any{
	nil, true, 0.0, 1.5, -1.0, 1e9, "", "a", "1481", "2026-02-30", strings.Repeat("å", 4001), []any{}, []any{"a", "a"}, []any{nil}, []any{1.0, map[string]any{}},
	map[string]any{}, map[string]any{"x": 1.0},
}

// variants yields a value, and the value with one part after another replaced or left out.
func variants(v any) func(func(any) bool) {
	return func(yield func(any) bool) {
		if !yield(v) {
			return
		}
		for _, other := range others {
			if !yield(other) {
				return
			}
		}
		switch v := v.(type) {
		case []any:
			for i := range v {
				for part := range variants(v[i]) {
					list := append([]any{}, v...)
					if list[i] = part; !yield(list) || !yield(append(list, part)) {
						return
					}
				}
			}
		case map[string]any:
			for name := range v {
				less := maps.Clone(v)
				if delete(less, name); !yield(less) {
					return
				}
				for part := range variants(v[name]) {
					object := maps.Clone(v)
					if object[name] = part; !yield(object) {
						return
					}
				}
			}
			more := maps.Clone(v)
			more["unheard"] = 1.0
			yield(more)
		}
	}
}
