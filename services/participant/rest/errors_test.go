package rest_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/pkg/web/webtest"
	. "github.com/finsam/finsam/services/participant/participanttest"
)

var update = flag.Bool("update", false, "write the golden files")

// wrong is one request that must be refused.
type wrong struct {
	Case string
	webtest.Request
}

// refused is how it is written in the golden file.
type refused struct {
	Case    string          `json:"case"`
	Status  int             `json:"status"`
	Problem problem.Problem `json:"problem"`
}

const nobody = "5b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11"

// TestEveryRefusalHasItsExactProblem makes, for every operation of the contract,
// every mistake that its schema allows and those of its rules, and compares the
// problems with the golden file of the operation.
func TestEveryRefusalHasItsExactProblem(t *testing.T) {
	s := newFace(t)
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	targets := targets(s)
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			target, ok := targets[op.OperationID]
			if !ok {
				t.Errorf("%s has no table of bad inputs", op.OperationID)
				continue
			}
			t.Run(op.OperationID, func(t *testing.T) {
				target.method, target.spec = method, op
				if err := target.fits(path); err != nil {
					t.Fatal(err)
				}
				s.t = t
				compare(t, op.OperationID, s, target.mistakes())
			})
		}
	}
}

func compare(t *testing.T, operation string, s *face, all []wrong) {
	t.Helper()
	var got []refused
	for _, w := range all {
		answer := s.do(w.Request)
		if answer.Status < 400 || answer.Status >= 500 {
			t.Errorf("%s: status %d: %s", w.Case, answer.Status, answer.Body)
			continue
		}
		p := answer.Problem(t, answer.Status)
		if p.Instance == "" || p.TraceID == "" || p.Detail == "" || p.Title == "" || !strings.HasSuffix(p.Type, "/"+p.Code) {
			t.Errorf("%s: the problem is not whole: %s", w.Case, answer.Body)
		}
		p.Instance, p.TraceID = "urn:uuid:…", "…"
		got = append(got, refused{w.Case, answer.Status, p})
	}
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", operation+".golden.json")
	if *update {
		if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(text)+"\n" {
		t.Errorf("answers differ from %s (see with: go test ./rest -update; git diff)\n%s", file, text)
	}
}

// target is one operation with a request that would succeed, on a thing in the
// right state.
type target struct {
	path    string // of the thing in the right state
	missing string // the same with an id that does not exist
	as      actor.Actor
	tag     string // its version; empty: no If-Match is wanted
	body    object
	rules   []wrong

	method string
	spec   *openapi3.Operation
}

// fits returns an error when the target's path is not one of the contract's template.
func (g *target) fits(template string) error {
	form := "^" + regexp.MustCompile(`\{\w+\}`).ReplaceAllString(template, "[^/]+") + "$"
	if path, _, _ := strings.Cut(g.path, "?"); !regexp.MustCompile(form).MatchString(path) {
		return fmt.Errorf("%s is not %s", path, template)
	}
	return nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (g *target) with(name string, change func(*webtest.Request)) wrong {
	r := webtest.Request{Method: g.method, Path: g.path, As: g.as, Header: map[string]string{}}
	if g.body != nil {
		r.Body = g.body
	}
	if g.tag != "" {
		r.Header["If-Match"] = g.tag
	}
	change(&r)
	return wrong{name, r}
}

// mistakes lists everything that can be wrong with the request.
func (g *target) mistakes() []wrong {
	all := []wrong{
		g.with("no token", func(r *webtest.Request) { r.As = actor.Actor{} }),
		g.with("a role that may not", func(r *webtest.Request) { r.As = Board }),
		g.with("an unknown query parameter", func(r *webtest.Request) { r.Path += query(r.Path) + "colour=red" }),
	}
	if g.missing != "" {
		all = append(all,
			g.with("missing", func(r *webtest.Request) { r.Path = g.missing }),
			g.with("another association's", func(r *webtest.Request) { r.As.Association = "kalmar" }),
			g.with("not an id", func(r *webtest.Request) { r.Path = strings.Replace(g.missing, nobody, "17", 1) }))
	}
	if g.tag != "" {
		all = append(all,
			g.with("without If-Match", func(r *webtest.Request) { delete(r.Header, "If-Match") }),
			g.with("a stale version", func(r *webtest.Request) { r.Header["If-Match"] = `"999"` }),
			g.with("a version without quotes", func(r *webtest.Request) { r.Header["If-Match"] = "1" }))
	}
	if g.spec.RequestBody != nil {
		all = append(all, g.badBodies()...)
	}
	for _, w := range g.rules {
		all = append(all, g.with(w.Case, func(r *webtest.Request) { overlay(r, w.Request) }))
	}
	return all
}

func query(path string) string {
	if strings.Contains(path, "?") {
		return "&"
	}
	return "?"
}

// overlay lays what a rule's case changes over the request that would succeed.
func overlay(r *webtest.Request, with webtest.Request) {
	if with.Path != "" {
		r.Path = with.Path
	}
	if with.As.Subject != "" {
		r.As = with.As
	}
	if with.Body != nil {
		r.Body = with.Body
	}
	for name, value := range with.Header {
		r.Header[name] = value
	}
}

func (g *target) badBodies() []wrong {
	raw := func(name, text string) wrong {
		return g.with(name, func(r *webtest.Request) { r.Body = text })
	}
	all := []wrong{
		g.with("no body", func(r *webtest.Request) { r.Body = nil }),
		raw("not JSON", "{"), raw("not an object", "[]"), raw("too deep", strings.Repeat("[", 40)), raw("a name twice", `{"a":1,"a":2}`),
		g.with("not said to be JSON", func(r *webtest.Request) { r.Header["Content-Type"] = "text/plain" }),
	}
	schema := g.spec.RequestBody.Value.Content["application/json"].Schema.Value
	for name, body := range spoilt(schema, g.body, "") {
		all = append(all, g.with(name, func(r *webtest.Request) { r.Body = body }))
	}
	slices.SortFunc(all[6:], func(a, b wrong) int { return strings.Compare(a.Case, b.Case) })
	return all
}
