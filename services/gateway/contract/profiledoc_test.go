package contract

import (
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// properties calls f for every property's name.
func (w *walk) properties(f func(place, name string)) {
	w.schemas(func(place string, s *openapi3.Schema) {
		for name := range s.Properties {
			f(place, name)
		}
	})
}

// hal reports whether a name is one of HAL's.
func hal(name string) bool { return name == "_links" || name == "_meta" || name == "_embedded" }

// protocol are the headers that a request may bear: HTTP's own, never payload.
var protocol = []string{"If-Match", "If-None-Match", "Idempotency-Key", "traceparent", "X-Request-Id", "Accept-Language"}

var documentRules = []rule{
	{"AME.01", "bodies are JSON; calendars and files are the exceptions", func(w *walk, broken func(string, ...any)) {
		for _, b := range w.bodies() {
			if b.media != "application/json" && b.media != "application/problem+json" && !isFile(b) && (b.media != "text/calendar" || !strings.Contains(b.place, "/calendars/")) {
				broken("%s is %s", b.place, b.media)
			}
		}
	}},
	{"AME.02", "JSON is UTF-8, so no charset is named", func(w *walk, broken func(string, ...any)) {
		for _, b := range w.bodies() {
			if strings.Contains(b.media, "charset") {
				broken("%s is %s", b.place, b.media)
			}
		}
	}},
	{"AME.03", "one way of writing names throughout", func(w *walk, broken func(string, ...any)) {
		spelt := map[string]string{}
		w.properties(func(place, name string) {
			if before, ok := spelt[strings.ToLower(name)]; ok && before != name {
				broken("%s: %s is also written %s", place, name, before)
			}
			spelt[strings.ToLower(name)] = name
		})
	}},
	{"AME.04", "names are camelCase", func(w *walk, broken func(string, ...any)) {
		w.properties(func(place, name string) {
			if !hal(name) && !camelCase.MatchString(name) {
				broken("%s: %s", place, name)
			}
		})
	}},
	{"AME.05", "names are alphanumeric", func(w *walk, broken func(string, ...any)) {
		form := regexp.MustCompile(`^[A-Za-z0-9]+$`)
		w.properties(func(place, name string) {
			if !hal(name) && !form.MatchString(name) {
				broken("%s: %s", place, name)
			}
		})
	}},
	{"AME.06", "every name in an example is in its schema", func(w *walk, broken func(string, ...any)) {
		names := map[string]bool{}
		w.properties(func(_, name string) { names[name] = true })
		w.values(func(place, name string, _ any) {
			if name != "" && !names[name] && !strings.Contains(place, "openapi.json") && !strings.Contains(place, "api-docs") {
				broken("%s: %s", place, name)
			}
		})
	}},
	{"AME.07", "an object is an object, not a bare list or text", func(w *walk, broken func(string, ...any)) {
		for _, b := range w.bodies() {
			if b.media == "application/json" && !b.Schema.Value.Type.Is("object") && len(b.Schema.Value.AllOf) == 0 {
				broken("%s is %v", b.place, b.Schema.Value.Type)
			}
		}
	}},
	{"ARQ.01", "a request's body is application/json; a form contains a file", func(w *walk, broken func(string, ...any)) {
		for _, b := range w.bodies() {
			if b.request && b.media != "application/json" && !isFile(b) {
				broken("%s is %s", b.place, b.media)
			}
		}
	}},
	{"ARQ.03", "headers bear no payload", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			for _, p := range c.parameters("header") {
				if !slices.Contains(protocol, p.Name) {
					broken("%s takes %s", c.name, p.Name)
				}
			}
		}
	}},
	{"ARQ.05", "headers are optional", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			for _, p := range c.parameters("header") {
				if p.Required {
					broken("%s needs %s", c.name, p.Name)
				}
			}
		}
	}},
	{"DOK.01", "the API has a title", func(w *walk, broken func(string, ...any)) {
		if w.Info.Title == "" {
			broken("info.title")
		}
	}},
	{"DOK.03", "the API has a version major.minor.patch", func(w *walk, broken func(string, ...any)) {
		if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(w.Info.Version) {
			broken("info.version %s", w.Info.Version)
		}
	}},
	{"DOK.06", "the API is described in Swedish and English", func(w *walk, broken func(string, ...any)) {
		d := strings.ToLower(w.Info.Description)
		if !strings.Contains(d, "svenska") || !strings.Contains(d, "english") || !strings.Contains(d, " och ") || !strings.Contains(d, " and ") {
			broken("info.description %s", d)
		}
	}},
	{"DOK.07", "the terms of use are published", func(w *walk, broken func(string, ...any)) {
		if !strings.HasPrefix(w.Info.TermsOfService, "https://") {
			broken("info.termsOfService %s", w.Info.TermsOfService)
		}
	}},
	{"DOK.08", "there is somebody to ask", func(w *walk, broken func(string, ...any)) {
		if c := w.Info.Contact; c == nil || c.Name == "" || c.URL == "" || !strings.Contains(c.Email, "@") {
			broken("info.contact %v", c)
		}
	}},
	{"DOK.09", "there is a licence", func(w *walk, broken func(string, ...any)) {
		if l := w.Info.License; l == nil || l.Name == "" || l.URL == "" {
			broken("info.license %v", l)
		}
	}},
	{"DOK.11", "what may be expected is in x-sla", func(w *walk, broken func(string, ...any)) {
		if w.raw["x-sla"] == nil {
			broken("x-sla")
		}
	}},
	{"DOK.15", "what is limited is in x-limitations", func(w *walk, broken func(string, ...any)) {
		if w.raw["x-limitations"] == nil {
			broken("x-limitations")
		}
	}},
	{"DOK.17", "externalDocs leads to more", func(w *walk, broken func(string, ...any)) {
		if d := w.ExternalDocs; d == nil || d.URL == "" || d.Description == "" {
			broken("externalDocs %v", d)
		}
	}},
	{"DOK.18", "every operation has a summary, and a description in both languages", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			if c.Summary == "" || !strings.Contains(c.Description, "Svenska") || !strings.Contains(c.Description, "English") {
				broken("%s: %q, %q", c.name, c.Summary, c.Description)
			}
			if c.OperationID == "" || len(c.Tags) == 0 {
				broken("%s has no id or no tag", c.name)
			}
		}
	}},
	{"DOK.19", "every response has a description", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			for status, r := range c.responses() {
				if r.Description == nil || *r.Description == "" {
					broken("%s %s", c.name, status)
				}
			}
		}
	}},
	{"DOK.20", "every JSON body has examples", func(w *walk, broken func(string, ...any)) {
		for _, b := range w.bodies() {
			if (len(b.Examples) == 0 || b.Example != nil) && !isFile(b) {
				broken("%s %s", b.place, b.media)
			}
		}
	}},
}

var safetyRules = []rule{
	{"SAK.01", "everything goes over https", func(w *walk, broken func(string, ...any)) {
		for _, s := range w.Servers {
			if !strings.HasPrefix(s.URL, "https://") {
				broken("%s", s.URL)
			}
		}
	}},
	{"SAK.09", "a caller shows a Bearer token", func(w *walk, broken func(string, ...any)) {
		if len(w.Security) != 1 || w.Security[0]["bearer"] == nil {
			broken("security %v", w.Security)
		}
		for name, s := range w.Components.SecuritySchemes {
			if s.Value.Type != "http" || s.Value.Scheme != "bearer" {
				broken("%s is %s %s", name, s.Value.Type, s.Value.Scheme)
			}
		}
	}},
	{"SAK.10", "nobody shows a password", func(w *walk, broken func(string, ...any)) {
		for name, s := range w.Components.SecuritySchemes {
			if strings.EqualFold(s.Value.Scheme, "basic") {
				broken("%s", name)
			}
		}
	}},
	{"SAK.15", "what is open is meant to be", func(w *walk, broken func(string, ...any)) {
		open := []string{"getApiInfo", "getOpenApiJson", "getApiDocs", "readCalendar"}
		for _, c := range w.calls {
			if c.Security != nil && !slices.Contains(open, c.OperationID) {
				broken("%s", c.name)
			}
		}
	}},
	{"SAK.16", "a JSON Web Token, by RFC 9068", func(w *walk, broken func(string, ...any)) {
		for name, s := range w.Components.SecuritySchemes {
			if !strings.Contains(s.Value.BearerFormat, "JWT") {
				broken("%s is %s", name, s.Value.BearerFormat)
			}
		}
	}},
	{"SAK.18", "no key in a query", func(w *walk, broken func(string, ...any)) {
		w.queries(func(c call, p *openapi3.Parameter) {
			for _, word := range []string{"token", "key", "secret", "password"} {
				if strings.Contains(strings.ToLower(p.Name), word) {
					broken("%s: %s", c.name, p.Name)
				}
			}
		})
	}},
	{"SPA.02", "every operation takes traceparent", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			if !slices.ContainsFunc(c.parameters("header"), func(p *openapi3.Parameter) bool { return p.Name == "traceparent" }) {
				broken("%s", c.name)
			}
		}
	}},
	{"SPA.04", "every response has traceparent", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			for status, r := range c.responses() {
				if r.Headers["traceparent"] == nil {
					broken("%s %s", c.name, status)
				}
			}
		}
	}},
}

// isFile reports whether a body is a file as it is, or a form that contains one: what
// JSON has no way to say.
func isFile(b body) bool {
	s := b.Schema.Value
	if b.request && b.media == "multipart/form-data" {
		file := s.Properties["file"]
		return file != nil && file.Value.Format == "binary"
	}
	return s.Format == "binary"
}
