package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// call is one operation of the joined document, as the tests walk it.
type call struct {
	name   string // "GET /referrals/{id}"
	method string
	path   string
	*openapi3.Operation
}

// walk is the joined document, read by an independent reader of OpenAPI.
type walk struct {
	*openapi3.T
	calls []call
	raw   map[string]any
}

func newWalk(t testing.TB) *walk {
	t.Helper()
	text, err := JSON("https://api.finsam.example")
	if err != nil {
		t.Fatal(err)
	}
	w := walkOf(t, text)
	if len(w.calls) < 40 {
		t.Fatalf("only %d operations", len(w.calls))
	}
	return w
}

// walkOf reads a document.
func walkOf(t testing.TB, text []byte) *walk {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	w := &walk{T: doc}
	if err := json.Unmarshal(text, &w.raw); err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		item := doc.Paths.Value(path)
		for _, method := range slices.Sorted(maps.Keys(item.Operations())) {
			w.calls = append(w.calls, call{method + " " + path, method, path, item.GetOperation(method)})
		}
	}
	return w
}

// parameters returns an operation's parameters; those of a path break DOK.19.
func (c call) parameters(in string) []*openapi3.Parameter {
	var all []*openapi3.Parameter
	for _, p := range c.Parameters {
		if p.Value.In == in {
			all = append(all, p.Value)
		}
	}
	return all
}

// responses returns an operation's responses by their status.
func (c call) responses() map[string]*openapi3.Response {
	all := map[string]*openapi3.Response{}
	for status, r := range c.Responses.Map() {
		all[status] = r.Value
	}
	return all
}

// body is a request's or a response's content of one media type.
type body struct {
	place, media string
	request      bool
	status       string
	*openapi3.MediaType
}

func (w *walk) bodies() []body {
	var all []body
	for _, c := range w.calls {
		if c.RequestBody != nil {
			for media, m := range c.RequestBody.Value.Content {
				all = append(all, body{c.name + " request", media, true, "", m})
			}
		}
		for status, r := range c.responses() {
			for media, m := range r.Content {
				all = append(all, body{c.name + " " + status, media, false, status, m})
			}
		}
	}
	return all
}

// components calls f for every schema that a component reaches, once, with the place where
// it was met.
func (w *walk) components(f func(place string, s *openapi3.Schema)) {
	down := reach(f)
	for name, s := range w.Components.Schemas {
		down(name, s)
	}
}

// schemas calls f for every schema that a component, body or parameter reaches, once.
func (w *walk) schemas(f func(place string, s *openapi3.Schema)) {
	down := reach(f)
	for name, s := range w.Components.Schemas {
		down(name, s)
	}
	for _, b := range w.bodies() {
		down(b.place, b.Schema)
	}
	for _, c := range w.calls {
		for _, in := range []string{"path", "query", "header"} {
			for _, p := range c.parameters(in) {
				down(c.name+" "+p.Name, p.Schema)
			}
		}
	}
}

// reach returns a function that calls f for a schema and every schema below it, each once.
func reach(f func(place string, s *openapi3.Schema)) func(place string, ref *openapi3.SchemaRef) {
	seen := map[*openapi3.Schema]bool{}
	var down func(place string, ref *openapi3.SchemaRef)
	down = func(place string, ref *openapi3.SchemaRef) {
		if ref == nil || ref.Value == nil || seen[ref.Value] {
			return
		}
		s := ref.Value
		seen[s] = true
		f(place, s)
		for name, p := range s.Properties {
			down(place+"."+name, p)
		}
		for _, refs := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
			for i, r := range refs {
				down(fmt.Sprintf("%s[%d]", place, i), r)
			}
		}
		down(place+"[]", s.Items)
		down(place+"{}", s.AdditionalProperties.Schema)
	}
	return down
}

// values calls f for every scalar of every example, with its name.
func (w *walk) values(f func(place, name string, v any)) {
	var down func(place, name string, v any)
	down = func(place, name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, inner := range v {
				down(place, k, inner)
			}
		case []any:
			for _, inner := range v {
				down(place, name, inner)
			}
		default:
			f(place, name, v)
		}
	}
	for _, b := range w.bodies() {
		for name, e := range b.Examples {
			down(b.place+" example "+name, "", e.Value.Value)
		}
	}
}

// property finds a property of a schema, also of what it is made of.
func property(s *openapi3.Schema, name string) *openapi3.Schema {
	if s == nil {
		return nil
	}
	if p := s.Properties[name]; p != nil {
		return p.Value
	}
	for _, refs := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
		for _, r := range refs {
			if p := property(r.Value, name); p != nil {
				return p
			}
		}
	}
	return nil
}
