package contract

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

var (
	camelCase = regexp.MustCompile(`^[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)*$`)
	hyphened  = regexp.MustCompile(`^[a-z0-9]+(?:-[a-z0-9]+)*$`)
	segments  = regexp.MustCompile(`[^/]+`)
	instant   = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T`)
	day       = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	number    = regexp.MustCompile(`(?:^|\D)(?:\d{8}|\d{6})[-+]?\d{4}(?:\D|$)`)
)

// rule is a rule of the national REST API profile under the number that the profile's own
// linter has for it (RAP-LP, github.com/diggsweden/rest-api-profil-lint-processor), and
// finds at least what that finds. A rule without a number is the project's own.
type rule struct {
	id, says string
	check    func(w *walk, broken func(format string, args ...any))
}

var allRules = slices.Concat(addressRules, nameRules, contentRules, documentRules, bodyRules, safetyRules)

// warned are the rules whose warnings are accepted, each with what it warns of: files are
// no JSON, and HAL's names, a digest's and a percentile's are what their readers know.
var warned = map[string][]string{
	"AME.01": {"POST /referrals/{id}/attachments request", "GET /referrals/{id}/attachments/{attachment} 200", "GET /referral-exports 200", "GET /activity-figures 200", "GET /calendars/{token} 200"},
	"AME.02": {"POST /referrals/{id}/attachments request"},
	"AME.04": {"_links", "_meta", "p90Days", "sha256"},
	"ARQ.01": {"POST /referrals/{id}/attachments request"},
}

// findings returns what breaks a rule, without repetition.
func (r rule) findings(w *walk) (all []string) {
	r.check(w, func(format string, args ...any) {
		if f := fmt.Sprintf(format, args...); !slices.Contains(all, f) {
			all = append(all, f)
		}
	})
	return all
}

// TestCase_F_TheOutsideJudgeFindsOnlyWarnings: the national profile's own linter warns of
// what is in warned, and of no more.
func TestCase_F_TheOutsideJudgeFindsOnlyWarnings(t *testing.T) {
	w := newWalk(t)
	for _, r := range allRules {
		found := r.findings(w)
		for _, f := range found {
			if r.id == "" || !slices.Contains(warned[r.id], f) {
				t.Errorf("%s %s: %s", r.id, r.says, f)
			}
		}
		for _, f := range warned[r.id] {
			if !slices.Contains(found, f) {
				t.Errorf("%s no longer warns of %s: remove it from the list", r.id, f)
			}
		}
	}
}

// server is the first server's address.
func (w *walk) server(broken func(string, ...any)) *url.URL {
	if len(w.Servers) == 0 {
		broken("there is no server")
		return &url.URL{}
	}
	u, err := url.Parse(w.Servers[0].URL)
	if err != nil {
		broken("%v", err)
	}
	return u
}

// parts returns each segment of each path; parameters without their braces.
func (w *walk) parts(f func(path, segment string, parameter bool)) {
	for _, c := range w.calls {
		for _, s := range segments.FindAllString(c.path, -1) {
			bare := strings.Trim(s, "{}")
			f(c.path, bare, bare != s)
		}
	}
}

var addressRules = []rule{
	{"UFN.01", "an address is https://host/api/version/resource", func(w *walk, broken func(string, ...any)) {
		if u := w.server(broken); u.Scheme != "https" || u.Host == "" || u.Path != "/finsam/v1" || u.RawQuery != "" {
			broken("the server is %s", u)
		}
	}},
	{"UFN.02", "https on port 443, or none written", func(w *walk, broken func(string, ...any)) {
		if p := w.server(broken).Port(); p != "" && p != "443" {
			broken("port %s", p)
		}
	}},
	{"UFN.05", "an address is at most 2048 characters", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			length := len(w.Servers[0].URL) + len(c.path)
			for _, p := range c.parameters("path") {
				most := 36
				if p.Schema.Value.MaxLength != nil {
					most = int(*p.Schema.Value.MaxLength)
				}
				length += most
			}
			for _, p := range c.parameters("query") {
				length += len(p.Name) + 2
				if p.Schema.Value.MaxLength != nil {
					length += int(*p.Schema.Value.MaxLength)
				}
			}
			if length > 2048 {
				broken("%s may need %d", c.name, length)
			}
		}
	}},
	{"UFN.07", "a path is of a-z, 0-9, '-', '.', '~'", func(w *walk, broken func(string, ...any)) {
		form := regexp.MustCompile(`^[a-z0-9.~-]+$`)
		if u := w.server(broken); !regexp.MustCompile(`^[a-z0-9/.~-]+$`).MatchString(u.Host + u.Path) {
			broken("the server is %s", u)
		}
		w.parts(func(path, s string, parameter bool) {
			if !parameter && !form.MatchString(s) {
				broken("%s", path)
			}
		})
	}},
	{"UFN.08", "words are parted by '-' and by nothing else", func(w *walk, broken func(string, ...any)) {
		w.parts(func(path, s string, parameter bool) {
			if !parameter && !hyphened.MatchString(s) {
				broken("%s", path)
			}
		})
	}},
	{"UFN.09", "no '_' and no blank, in parameters' names either", func(w *walk, broken func(string, ...any)) {
		if u := w.server(broken); strings.ContainsAny(u.String(), "_ ") {
			broken("the server is %s", u)
		}
		w.parts(func(path, s string, _ bool) {
			if strings.ContainsAny(s, "_ +%") {
				broken("%s", path)
			}
		})
	}},
	{"RES.02", "no personal number in a path or query", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			for _, p := range append(c.parameters("path"), c.parameters("query")...) {
				name := strings.ToLower(p.Name)
				if strings.Contains(name, "person") && strings.Contains(name, "number") || strings.Contains(name, "personnummer") || strings.Contains(name, "pnr") {
					broken("%s has %s", c.name, p.Name)
				}
				if s, ok := p.Example.(string); ok && number.MatchString(s) {
					broken("%s shows %s", c.name, s)
				}
			}
		}
	}},
	{"RES.06", "segments are lower-case and no verbs", func(w *walk, broken func(string, ...any)) {
		verb := regexp.MustCompile(`^(get|post|put|delete|patch)-`)
		w.parts(func(path, s string, parameter bool) {
			if s != strings.ToLower(s) || !parameter && (!hyphened.MatchString(s) || verb.MatchString(s)) {
				broken("%s", path)
			}
		})
	}},
	{"VER.05", "the major version is in the address", func(w *walk, broken func(string, ...any)) {
		major, _, _ := strings.Cut(w.Info.Version, ".")
		if !strings.HasSuffix(w.server(broken).Path, "/v"+major) {
			broken("%s with version %s", w.Servers[0].URL, w.Info.Version)
		}
	}},
	{"VER.06", "/api-info describes the API", func(w *walk, broken func(string, ...any)) {
		item := w.Paths.Value("/api-info")
		if item == nil || item.Get == nil {
			broken("there is no GET /api-info")
			return
		}
		s := item.Get.Responses.Value("200").Value.Content.Get("application/json").Schema.Value
		for _, name := range []string{"apiName", "apiVersion", "apiReleased", "apiDocumentation", "apiStatus"} {
			if property(s, name) == nil || !slices.Contains(s.Required, name) {
				broken("%s is missing", name)
			}
		}
	}},
}

// queries calls f for every query parameter.
func (w *walk) queries(f func(c call, p *openapi3.Parameter)) {
	for _, c := range w.calls {
		for _, p := range c.parameters("query") {
			f(c, p)
		}
	}
}

// paging calls f for every list's parameter of that name.
func (w *walk) paging(name string, broken func(string, ...any), f func(c call, s *openapi3.Schema)) {
	found := 0
	w.queries(func(c call, p *openapi3.Parameter) {
		if p.Name == name {
			found++
			f(c, p.Schema.Value)
		}
	})
	if found == 0 {
		broken("no operation takes %s", name)
	}
}

// days calls f for every date and instant of a component, with its example.
func (w *walk) days(f func(place string, s *openapi3.Schema, example string)) {
	w.components(func(place string, s *openapi3.Schema) {
		if s.Format == "date" || s.Format == "date-time" {
			example, _ := s.Example.(string) // none: empty
			f(place, s, example)
		}
	})
}

// isList reports whether an operation answers with a list.
func (c call) isList() bool {
	ok := c.responses()["200"]
	if c.method != "GET" || ok == nil || ok.Content.Get("application/json") == nil {
		return false
	}
	s := ok.Content.Get("application/json").Schema.Value
	return property(s, "items") != nil && property(s, "_meta") != nil
}

var nameRules = []rule{
	{"FNS.01", "query names are camelCase", func(w *walk, broken func(string, ...any)) {
		w.queries(func(c call, p *openapi3.Parameter) {
			if !camelCase.MatchString(p.Name) {
				broken("%s: %s", c.name, p.Name)
			}
		})
	}},
	{"FNS.03", "query names begin with a letter", func(w *walk, broken func(string, ...any)) {
		w.queries(func(c call, p *openapi3.Parameter) {
			if p.Name[0] < 'a' || p.Name[0] > 'z' {
				broken("%s: %s", c.name, p.Name)
			}
		})
	}},
	{"FNS.05", "query parameters are optional", func(w *walk, broken func(string, ...any)) {
		w.queries(func(c call, p *openapi3.Parameter) {
			if p.Required {
				broken("%s: %s", c.name, p.Name)
			}
		})
	}},
	{"FNS.06", "query names need no escaping", func(w *walk, broken func(string, ...any)) {
		w.queries(func(c call, p *openapi3.Parameter) {
			if !regexp.MustCompile(`^[a-zA-Z0-9._~-]+$`).MatchString(p.Name) {
				broken("%s: %s", c.name, p.Name)
			}
		})
	}},
	{"FNS.07", "a list is paged by limit and page", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			var names []string
			for _, p := range c.parameters("query") {
				names = append(names, p.Name)
			}
			if (c.isList() || slices.Contains(names, "page")) && (!slices.Contains(names, "limit") || !slices.Contains(names, "page")) {
				broken("%s takes %v", c.name, names)
			}
		}
	}},
	{"FNS.08", "page is a whole number from 1, 1 by default", func(w *walk, broken func(string, ...any)) {
		w.paging("page", broken, func(c call, s *openapi3.Schema) {
			if !s.Type.Is("integer") || s.Default != 1.0 || s.Min == nil || *s.Min != 1 {
				broken("%s: %v", c.name, s)
			}
		})
	}},
	{"FNS.09", "limit is a whole number, 20 by default", func(w *walk, broken func(string, ...any)) {
		w.paging("limit", broken, func(c call, s *openapi3.Schema) {
			if !s.Type.Is("integer") || s.Default != 20.0 || s.Max == nil || *s.Max > 200 {
				broken("%s: %v", c.name, s)
			}
		})
	}},
}

var contentRules = []rule{
	{"DOT.02", "a date or instant shows an example by RFC 3339", func(w *walk, broken func(string, ...any)) {
		w.days(func(place string, s *openapi3.Schema, example string) {
			form := map[string]string{"date": time.DateOnly, "date-time": time.RFC3339Nano}[s.Format]
			if _, err := time.Parse(form, example); err != nil {
				broken("%s: %q", place, example)
			}
		})
	}},
	{"DOT.04", "the example of an instant names its zone, and it is Z", func(w *walk, broken func(string, ...any)) {
		w.days(func(place string, s *openapi3.Schema, example string) {
			if example == "" || s.Format == "date-time" && !strings.HasSuffix(example, "Z") {
				broken("%s: %q", place, example)
			}
		})
	}},
	{"", "an instant in an example is RFC 3339, in UTC with Z", func(w *walk, broken func(string, ...any)) {
		w.values(func(place, name string, v any) {
			if s, ok := v.(string); ok && instant.MatchString(s) {
				if _, err := time.Parse(time.RFC3339Nano, s); err != nil || !strings.HasSuffix(s, "Z") {
					broken("%s: %s is %s", place, name, s)
				}
			}
		})
		w.schemas(func(place string, s *openapi3.Schema) {
			if name := place[strings.LastIndexByte(place, '.')+1:]; strings.HasSuffix(name, "At") && s.Format != "date-time" {
				broken("%s is no date-time", place)
			}
		})
	}},
	{"", "a day is a date", func(w *walk, broken func(string, ...any)) {
		w.values(func(place, name string, v any) {
			if s, ok := v.(string); ok && day.MatchString(s) {
				if _, err := time.Parse(time.DateOnly, s); err != nil {
					broken("%s: %s is %s", place, name, s)
				}
			}
		})
		w.schemas(func(place string, s *openapi3.Schema) {
			name := place[strings.LastIndexByte(place, '.')+1:]
			if (strings.HasSuffix(name, "Date") || strings.HasSuffix(name, "On") || name == "date") && s.Type.Is("string") && s.Format != "date" {
				broken("%s is no date", place)
			}
		})
	}},
	{"FEL.01", "a problem has type, title, status, detail and instance", func(w *walk, broken func(string, ...any)) {
		for _, b := range w.bodies() {
			for _, name := range []string{"type", "title", "status", "detail", "instance"} {
				if b.media == "application/problem+json" && property(b.Schema.Value, name) == nil {
					broken("%s lacks %s", b.place, name)
				}
			}
		}
	}},
	{"FEL.02", "every failure is application/problem+json", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			all := c.responses()
			if all["default"] == nil {
				broken("%s has no default", c.name)
			}
			for status, r := range all {
				if (status == "default" || status >= "400") && (len(r.Content) != 1 || r.Content["application/problem+json"] == nil) {
					broken("%s %s", c.name, status)
				}
			}
		}
	}},
	{"FOR.02", "GET has no body", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			if (c.method == "GET" || c.method == "DELETE") && c.RequestBody != nil {
				broken("%s", c.name)
			}
		}
	}},
	{"MOG.01", "verbs mean what HTTP says", func(w *walk, broken func(string, ...any)) {
		for _, c := range w.calls {
			all := c.responses()
			if !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, c.method) {
				broken("%s", c.name)
			}
			if c.method == "GET" && (all["200"] == nil || all["201"] != nil) {
				broken("%s answers without 200, or creates", c.name)
			}
			if created := all["201"]; created != nil && (c.method != "POST" || created.Headers["Location"] == nil) {
				broken("%s creates without saying where", c.name)
			}
		}
	}},
	{"MOG.02", "resources have _links", func(w *walk, broken func(string, ...any)) {
		for _, b := range w.bodies() {
			// The contract is no resource of ours, nor is the answer to a question
			// that is asked by POST because its ids must not stand in an address.
			about := strings.Contains(b.place, "/api-docs ") ||
				strings.HasPrefix(b.place, "POST ") && b.status == "200" && property(b.Schema.Value, "items") != nil
			if b.media == "application/json" && strings.HasPrefix(b.status, "2") && !about && property(b.Schema.Value, "_links") == nil {
				broken("%s", b.place)
			}
		}
	}},
}
