package contract

import (
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// What the project promises beyond the national profile, so that what others
// generate from the document is right.

func TestEveryEnumIsANamedSchema(t *testing.T) {
	w := newWalk(t)
	named := map[*openapi3.Schema]bool{}
	for _, s := range w.Components.Schemas {
		named[s.Value] = true
	}
	w.schemas(func(place string, s *openapi3.Schema) {
		if len(s.Enum) > 0 && !named[s] {
			t.Errorf("%s: a generator would make up a name", place)
		}
	})
}

func TestARequestIsBoundedAndClosed(t *testing.T) {
	w := newWalk(t)
	seen := map[*openapi3.Schema]bool{}
	var check func(place string, ref *openapi3.SchemaRef)
	check = func(place string, ref *openapi3.SchemaRef) {
		s := ref.Value
		if seen[s] {
			return
		}
		seen[s] = true
		switch {
		case s.Type.Is("object") && (s.AdditionalProperties.Has == nil || *s.AdditionalProperties.Has):
			t.Errorf("%s takes unknown fields", place)
		case s.Type.Is("string") && s.MaxLength == nil && len(s.Enum) == 0 && s.Format != "uuid":
			t.Errorf("%s is a text without end", place)
		case s.Type.Is("array") && s.MaxItems == nil:
			t.Errorf("%s is a list without end", place)
		}
		for name, p := range s.Properties {
			check(place+"."+name, p)
		}
		if s.Items != nil {
			check(place+"[]", s.Items)
		}
	}
	for _, b := range w.bodies() {
		if b.request {
			check(b.place, b.Schema)
		}
	}
	for _, c := range w.calls {
		for _, in := range []string{"path", "query", "header"} {
			for _, p := range c.parameters(in) {
				check(c.name+" "+p.Name, p.Schema)
			}
		}
	}
}

func TestAResourceThatIsChangedHasAVersion(t *testing.T) {
	w := newWalk(t)
	for _, c := range w.calls {
		takes := false
		for _, p := range c.parameters("header") {
			takes = takes || p.Name == "If-Match" || p.Name == "If-None-Match"
		}
		for status, r := range c.responses() {
			if takes && (status == "200" || status == "304") && r.Headers["ETag"] == nil {
				t.Errorf("%s %s has no ETag", c.name, status)
			}
			if status == "201" && r.Headers["ETag"] == nil {
				t.Errorf("%s 201 has no ETag", c.name)
			}
		}
	}
}

func TestACreationTakesAnIdempotencyKey(t *testing.T) {
	w := newWalk(t)
	for _, c := range w.calls {
		if c.responses()["201"] == nil {
			continue
		}
		found := false
		for _, p := range c.parameters("header") {
			// What is made of a version is made of it once: POST /drafts/{id}/sending.
			found = found || p.Name == "Idempotency-Key" || p.Name == "If-Match"
		}
		if !found {
			t.Errorf("%s may create twice", c.name)
		}
	}
}

func TestEveryOperationListsItsRoles(t *testing.T) {
	w := newWalk(t)
	for _, c := range w.calls {
		if _, ok := c.Extensions["x-roles"]; !ok && len(c.Tags) > 0 && c.Tags[0] != "about" {
			t.Errorf("%s has no x-roles", c.name)
		}
		for name := range c.Extensions {
			if !strings.HasPrefix(name, "x-") {
				t.Errorf("%s has %s", c.name, name)
			}
		}
	}
}
