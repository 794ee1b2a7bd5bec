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

var bodyRules = []rule{
	{"AME.01", "a body is JSON", func(w *walk, broken func(string, ...any)) {
		for _, b := range w.bodies() {
			if b.media != "application/json" && (b.request || b.status < "400") {
				broken("%s", b.place)
			}
		}
	}},
	{"AME.02", "a request is JSON", func(w *walk, broken func(string, ...any)) {
		for _, b := range w.bodies() {
			if b.request && b.media != "application/json" {
				broken("%s", b.place)
			}
		}
	}},
	{"AME.04", "names are camelCase, of letters only", func(w *walk, broken func(string, ...any)) {
		form := regexp.MustCompile(`^[a-z]+(?:[A-Z][a-z]*)*$`)
		w.properties(func(_, name string) {
			if !form.MatchString(name) {
				broken("%s", name)
			}
		})
	}},
	{"AME.05", "one way of writing names throughout", func(w *walk, broken func(string, ...any)) {
		spelt := map[string]string{}
		w.properties(func(place, name string) {
			if before, ok := spelt[strings.ToLower(name)]; ok && before != name || strings.Contains(name[1:], "_") {
				broken("%s: %s is also written %s", place, name, before)
			}
			spelt[strings.ToLower(name)] = name
		})
	}},
	{"AME.07", "names are alphanumeric", func(w *walk, broken func(string, ...any)) {
		form := regexp.MustCompile(`^[A-Za-z0-9]+$`)
		w.properties(func(place, name string) {
			if !hal(name) && !form.MatchString(name) {
				broken("%s: %s", place, name)
			}
		})
	}},
	{"ARQ.01", "a request's body is application/json", func(w *walk, broken func(string, ...any)) {
		for _, b := range w.bodies() {
			if b.request && b.media != "application/json" {
				broken("%s", b.place)
			}
		}
	}},
	{"ARQ.03", "headers are the protocol's and bear no payload", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			for _, p := range c.parameters("header") {
				if !slices.Contains(protocol, p.Name) {
					broken("%s takes %s", c.name, p.Name)
				}
			}
			if len(c.parameters("cookie")) > 0 {
				broken("%s takes a cookie", c.name)
			}
		}
	}},
	{"ARQ.05", "a header is no structure and no file", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			for _, p := range c.parameters("header") {
				if p.Schema == nil || p.Schema.Value.Type.Is("object") || p.Schema.Value.Format == "binary" {
					broken("%s takes %s", c.name, p.Name)
				}
			}
		}
	}},
	{"", "bodies are JSON; calendars and files are the exceptions", func(w *walk, broken func(string, ...any)) {
		for _, b := range w.bodies() {
			if b.media != "application/json" && b.media != "application/problem+json" && !isFile(b) && (b.media != "text/calendar" || !strings.Contains(b.place, "/calendars/")) {
				broken("%s is %s", b.place, b.media)
			}
		}
	}},
	{"", "names are camelCase or HAL's", func(w *walk, broken func(string, ...any)) {
		w.properties(func(place, name string) {
			if !hal(name) && !camelCase.MatchString(name) {
				broken("%s: %s", place, name)
			}
		})
	}},
	{"", "every name in an example is in its schema", func(w *walk, broken func(string, ...any)) {
		names := map[string]bool{}
		w.properties(func(_, name string) { names[name] = true })
		w.values(func(place, name string, _ any) {
			if name != "" && !names[name] && !strings.Contains(place, "api-docs") {
				broken("%s: %s", place, name)
			}
		})
	}},
	{"", "a body is an object, not a bare list or text", func(w *walk, broken func(string, ...any)) {
		for _, b := range w.bodies() {
			if b.media == "application/json" && !b.Schema.Value.Type.Is("object") && len(b.Schema.Value.AllOf) == 0 {
				broken("%s is %v", b.place, b.Schema.Value.Type)
			}
		}
	}},
	{"", "JSON is UTF-8, so no charset is named", func(w *walk, broken func(string, ...any)) {
		for _, b := range w.bodies() {
			if strings.Contains(b.media, "charset") {
				broken("%s is %s", b.place, b.media)
			}
		}
	}},
	{"", "a header is required where 428 is answered without it, and nowhere else", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			needs := false
			for _, p := range c.parameters("header") {
				if needs = needs || p.Required; p.Required && p.Name != "If-Match" || !p.Required && p.Name == "If-Match" {
					broken("%s needs %s: %t", c.name, p.Name, p.Required)
				}
			}
			if needs != (c.responses()["428"] != nil) {
				broken("%s needs a version: %t", c.name, needs)
			}
		}
	}},
}

// swedish and english are words of one language only.
var (
	swedish = regexp.MustCompile(`(?i)(^|\PL)(och|att|som|är|för|på|med)(\PL|$)`)
	english = regexp.MustCompile(`(?i)(^|\PL)(and|to|the|is|that|with|of)(\PL|$)`)
)

var documentRules = []rule{
	{"DOK.01", "externalDocs leads to more", func(w *walk, broken func(string, ...any)) {
		if d := w.ExternalDocs; d == nil || d.URL == "" || d.Description == "" {
			broken("externalDocs %v", d)
		}
	}},
	{"DOK.03", "info has title, version, description, terms, contact and licence", func(w *walk, broken func(string, ...any)) {
		i := w.Info
		if i.Title == "" || !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(i.Version) || i.Description == "" || !strings.HasPrefix(i.TermsOfService, "https://") {
			broken("info %v", i)
		}
		if c := i.Contact; c == nil || c.Name == "" || c.URL == "" || !strings.Contains(c.Email, "@") {
			broken("info.contact %v", c)
		}
		if l := i.License; l == nil || l.Name == "" || l.URL == "" {
			broken("info.license %v", l)
		}
	}},
	{"DOK.06", "the API is described in Swedish and English", func(w *walk, broken func(string, ...any)) {
		if d := w.Info.Description; !swedish.MatchString(d) || !english.MatchString(d) || !strings.Contains(d, "Svenska") || !strings.Contains(d, "English") {
			broken("info.description %s", d)
		}
	}},
	{"DOK.07", "there is a description of the whole", func(w *walk, broken func(string, ...any)) {
		if w.Info.Description == "" {
			broken("info.description")
		}
	}},
	{"DOK.08", "what may be expected is published", func(w *walk, broken func(string, ...any)) {
		if w.Info.TermsOfService == "" || w.raw["x-sla"] == nil {
			broken("info.termsOfService, x-sla")
		}
	}},
	{"DOK.09", "known problems and limits are published", func(w *walk, broken func(string, ...any)) {
		d := ""
		if w.ExternalDocs != nil {
			d = w.ExternalDocs.Description
		}
		if text := strings.ToLower(w.Info.Description + d); w.raw["x-limitations"] == nil || !strings.Contains(text, "problem") && !strings.Contains(text, "limit") {
			broken("x-limitations, externalDocs")
		}
	}},
	{"DOK.11", "what the API is for is described", func(w *walk, broken func(string, ...any)) {
		if strings.TrimSpace(w.Info.Description) == "" {
			broken("info.description")
		}
	}},
	{"DOK.15", "every JSON body has examples", func(w *walk, broken func(string, ...any)) {
		for _, b := range w.bodies() {
			if (len(b.Examples) == 0 || b.Example != nil) && !isFile(b) {
				broken("%s %s", b.place, b.media)
			}
		}
	}},
	{"DOK.17", "the document is OpenAPI 3", func(w *walk, broken func(string, ...any)) {
		if !regexp.MustCompile(`^3\.\d+\.\d+$`).MatchString(w.OpenAPI) {
			broken("openapi %s", w.OpenAPI)
		}
	}},
	{"DOK.19", "every member of a path is an operation with summary and description", func(w *walk, broken func(string, ...any)) {
		paths, _ := w.raw["paths"].(map[string]any)
		for path, item := range paths {
			members, _ := item.(map[string]any)
			for name, member := range members {
				op, _ := member.(map[string]any)
				if op["summary"] == nil || op["summary"] == "" || op["description"] == nil || op["description"] == "" {
					broken("%s %s", path, name)
				}
			}
		}
	}},
	{"DOK.20", "every response has a description", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			for status, r := range c.responses() {
				if r.Description == nil || *r.Description == "" {
					broken("%s %s", c.name, status)
				}
			}
		}
	}},
	{"DOK.21", "who may call is part of the document", func(w *walk, broken func(string, ...any)) {
		if len(w.Security) == 0 {
			broken("security")
		}
	}},
	{"", "every operation and response is described in both languages, and has an id and a tag", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			if !strings.Contains(c.Description, "Svenska") || !strings.Contains(c.Description, "English") || !strings.Contains(c.Summary, " / ") {
				broken("%s: %q, %q", c.name, c.Summary, c.Description)
			}
			if c.OperationID == "" || len(c.Tags) == 0 {
				broken("%s has no id or no tag", c.name)
			}
			for status, r := range c.responses() {
				if !strings.Contains(*r.Description, " / ") {
					broken("%s %s: %q", c.name, status, *r.Description)
				}
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
	{"SAK.10", "a caller shows a Bearer token", func(w *walk, broken func(string, ...any)) {
		if len(w.Security) != 1 || w.Security[0]["bearer"] == nil {
			broken("security %v", w.Security)
		}
		for name, s := range w.Components.SecuritySchemes {
			if s.Value.Type != "http" || s.Value.Scheme != "bearer" {
				broken("%s is %s %s", name, s.Value.Type, s.Value.Scheme)
			}
		}
	}},
	{"SAK.09", "nobody shows a password", func(w *walk, broken func(string, ...any)) {
		for name, s := range w.Components.SecuritySchemes {
			if strings.EqualFold(s.Value.Scheme, "basic") || strings.EqualFold(s.Value.Scheme, "digest") {
				broken("%s", name)
			}
		}
	}},
	{"SAK.15", "no key in a query", func(w *walk, broken func(string, ...any)) {
		for name, s := range w.Components.SecuritySchemes {
			if s.Value.In == "query" {
				broken("%s", name)
			}
		}
		w.queries(func(c call, p *openapi3.Parameter) {
			for _, word := range []string{"token", "key", "secret", "password"} {
				if strings.Contains(strings.ToLower(p.Name), word) {
					broken("%s: %s", c.name, p.Name)
				}
			}
		})
	}},
	{"SAK.16", "a key is in a header", func(w *walk, broken func(string, ...any)) {
		for name, s := range w.Components.SecuritySchemes {
			if s.Value.Type == "apiKey" && s.Value.In != "header" {
				broken("%s", name)
			}
		}
	}},
	{"", "what is open is meant to be", func(w *walk, broken func(string, ...any)) {
		open := []string{"getApiInfo", "getApiDocs", "readCalendar"}
		for _, c := range w.calls {
			if c.Security != nil && !slices.Contains(open, c.OperationID) {
				broken("%s", c.name)
			}
		}
	}},
	{"", "a JSON Web Token, by RFC 9068", func(w *walk, broken func(string, ...any)) {
		for name, s := range w.Components.SecuritySchemes {
			if !strings.Contains(s.Value.BearerFormat, "JWT") {
				broken("%s is %s", name, s.Value.BearerFormat)
			}
		}
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
