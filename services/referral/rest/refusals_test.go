package rest_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral/referraltest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// refusal is one bad request, described by a sentence.
type refusal struct {
	sentence string
	request  webtest.Request
}

// operation is what the bad requests of one operation are made from.
type operation struct {
	id     string
	method string
	path   func(id string) string
	who    actor.Actor // who may
	body   map[string]any
	spoilt string // a state that forbids it: the action and body that lead there
	by     actor.Actor
	with   map[string]any
	may    []string // the fields that may be left out
	nobody bool     // every role may: none lacks a row
	header map[string]string
	form   []byte    // sent instead of a body, as multipart/form-data
	free   bool      // it takes no If-Match: nobody's change is overwritten by it
	more   []refusal // those of its own; a path of "" is the operation's

	// For what is no referral: made makes the thing that the path is about, at
	// version 2; matched: If-Match is wanted; foreign may, but not this.
	made    func(*testing.T, *front) string
	matched bool
	foreign actor.Actor
}

func TestEveryRefusalIsExactlyAsWritten(t *testing.T) {
	for _, op := range operations() {
		t.Run(op.id, func(t *testing.T) {
			f := newFront(t)
			var page strings.Builder
			for _, c := range f.refusals(t, op) {
				page.WriteString(f.answered(t, c))
			}
			golden(t, op.id, page.String())
		})
	}
}

// refusals lists what is tried: first what every operation refuses alike.
func (f *front) refusals(t *testing.T, op operation) []refusal {
	t.Helper()
	id := read(t, f.post(t, "FK-A", "a"), 201).Id
	read(t, f.post(t, "FK-C", "c"), 201)
	good := webtest.Request{Method: op.method, Path: op.path(id), As: op.who, Header: map[string]string{}}
	if op.body != nil {
		good.Body = op.body
	}
	for k, v := range op.header {
		good.Header[k] = v
	}
	if op.form != nil {
		good.Body, good.Header["Content-Type"] = op.form, formType
	}
	changes := op.made == nil && (op.method == "POST" || op.method == "DELETE") && op.path("x") != op.path("y")
	if changes && !op.free {
		good.Header["If-Match"] = `"1"`
	}
	if op.made != nil {
		good.Path = op.path(op.made(t, f))
	}
	if op.matched {
		good.Header["If-Match"] = `"2"`
	}
	var all []refusal
	try := func(sentence string, change func(*webtest.Request)) {
		r := good
		r.Header = map[string]string{}
		for k, v := range good.Header {
			r.Header[k] = v
		}
		change(&r)
		all = append(all, refusal{sentence, r})
	}
	try("without a token", func(r *webtest.Request) { r.As = actor.Actor{} })
	try("with a token that is not valid", func(r *webtest.Request) {
		r.As, r.Header["Authorization"] = actor.Actor{}, "Bearer eyJhbGciOiJub25lIn0.e30."
	})
	if !op.nobody {
		try("by a role that has no row", func(r *webtest.Request) {
			r.As = referraltest.Board
			if access.MayCall(op.id, r.As) { // which a board member may ask for
				r.As.Roles = []actor.Role{actor.Reviewer}
			}
		})
	}
	if op.path("x") != op.path("y") {
		try("of something that does not exist", func(r *webtest.Request) { r.Path = op.path("00000000-0000-4000-8000-000000000000") })
		try("by another authority, municipality or unit", func(r *webtest.Request) { r.As = foreigner(op) })
		try("by the same authority in another association", func(r *webtest.Request) { r.As.Association = "elsewhere" })
		try("with what is no id", func(r *webtest.Request) { r.Path = op.path("19121212-1212") })
	}
	if op.free {
		spoilt := read(t, f.post(t, "FK-B", "b"), 201).Id
		read(t, f.act(t, op.by, spoilt, op.spoilt, `"1"`, op.with), 200)
		try("in a state that forbids it", func(r *webtest.Request) { r.Path = op.path(spoilt) })
	} else if changes {
		spoilt := read(t, f.post(t, "FK-B", "b"), 201).Id
		read(t, f.act(t, op.by, spoilt, op.spoilt, `"1"`, op.with), 200)
		try("without If-Match", func(r *webtest.Request) { delete(r.Header, "If-Match") })
		try("with If-Match of an old version", func(r *webtest.Request) { r.Path = op.path(spoilt) })
		try("with If-Match that is no version of ours", func(r *webtest.Request) { r.Header["If-Match"] = `"abc"` })
		try("in a state that forbids it", func(r *webtest.Request) { r.Path, r.Header["If-Match"] = op.path(spoilt), `"2"` })
	}
	if op.matched {
		try("without If-Match", func(r *webtest.Request) { delete(r.Header, "If-Match") })
		try("with If-Match of an old version", func(r *webtest.Request) { r.Header["If-Match"] = `"1"` })
		try("with If-Match that is no version of ours", func(r *webtest.Request) { r.Header["If-Match"] = `"abc"` })
	}
	if op.body != nil {
		all = append(all, badBodies(good, op)...)
	}
	for _, c := range op.more {
		try(c.sentence, func(r *webtest.Request) {
			if c.request.Path != "" {
				r.Path = c.request.Path
			}
			if c.request.Body != nil {
				r.Body = c.request.Body
			}
			if c.request.As.Subject != "" {
				r.As = c.request.As
			}
			for k, v := range c.request.Header {
				r.Header[k] = v
			}
		})
	}
	return all
}

func foreigner(op operation) actor.Actor {
	if op.foreign.Subject != "" {
		return op.foreign
	}
	if op.who.Has(actor.Intake) {
		return referraltest.Partille
	}
	return referraltest.AF
}

// badBodies spoils a body in every way that the contract forbids, field by field.
func badBodies(good webtest.Request, op operation) []refusal {
	with := func(sentence string, body any) refusal {
		r := good
		r.Body = body
		return refusal{sentence, r}
	}
	media := good
	media.Header = map[string]string{"Content-Type": "text/plain"}
	for k, v := range good.Header {
		media.Header[k] = v
	}
	all := []refusal{
		with("with an empty body", ""),
		with("with what is no JSON", `{"text": `),
		with("with a list for an object", []any{}),
		with("nested too deep", strings.Repeat(`{"a":`, 40)+"1"+strings.Repeat("}", 40)),
		with("larger than allowed", `"`+strings.Repeat("x", 1<<20)+`"`),
		{"of another media type", media},
	}
	walk(op.body, "", func(pointer string, value any, put func(change any) map[string]any) {
		name := strings.TrimPrefix(pointer, "/")
		if !slices.Contains(op.may, name) {
			all = append(all, with("without "+name, put(nil)))
		}
		all = append(all, with("with a wrong type of "+name, put(wrongType(value))))
		if s, ok := value.(string); ok {
			all = append(all, with("with a too long "+name, put(s+strings.Repeat("x", 5000))), with("with an empty "+name, put("")))
		}
	})
	unknown := clone(op.body)
	unknown["personnummer"] = "x"
	return append(all, with("with an unknown field", unknown))
}

// walk visits every field of the body; put returns the body with another value of
// the field, or without it.
func walk(body map[string]any, at string, visit func(pointer string, value any, put func(any) map[string]any)) {
	keys := make([]string, 0, len(body))
	for k := range body {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		put := func(change any) map[string]any {
			c := clone(body)
			if change == nil {
				delete(c, k)
			} else {
				c[k] = change
			}
			return c
		}
		visit(at+"/"+k, body[k], put)
		if inner, ok := body[k].(map[string]any); ok {
			walk(inner, at+"/"+k, func(pointer string, value any, inside func(any) map[string]any) {
				visit(pointer, value, func(change any) map[string]any { return put(inside(change)) })
			})
		}
	}
}

func wrongType(v any) any {
	if _, ok := v.(string); ok {
		return 7
	}
	return "seven"
}

func clone(m map[string]any) map[string]any {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	c := map[string]any{}
	if err := json.Unmarshal(text, &c); err != nil {
		panic(err)
	}
	return c
}

// answered asks in both languages and writes what came, the parts that differ
// from run to run left out.
func (f *front) answered(t *testing.T, c refusal) string {
	t.Helper()
	var texts []string
	for _, language := range []string{"sv", "en"} {
		r := c.request
		r.Header = map[string]string{"Accept-Language": language}
		for k, v := range c.request.Header {
			r.Header[k] = v
		}
		a := f.do(t, r)
		if a.Status < 400 {
			t.Errorf("%s: was let through with %d", c.sentence, a.Status)
			continue
		}
		p := a.Problem(t, a.Status)
		p.TraceID, p.Instance = "…", "urn:uuid:…"
		if a.Header.Get("Content-Language") != language {
			t.Errorf("%s: answered in %s", c.sentence, a.Header.Get("Content-Language"))
		}
		texts = append(texts, problemText(t, p, language))
	}
	for _, word := range []string{"Tolvan", "Kanarie", "1212-1212", "kanarieorsak"} {
		if strings.Contains(strings.Join(texts, ""), word) {
			t.Errorf("%s: the answer repeats %q", c.sentence, word)
		}
	}
	return fmt.Sprintf("## %s\n\n%s\n", c.sentence, strings.Join(texts, "\n"))
}

// problem writes the whole problem in Swedish, and on one line in English.
func problemText(t *testing.T, p problem.Problem, language string) string {
	t.Helper()
	if language == "sv" {
		return indented(t, p)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

// golden compares with the file, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test ./rest -update writes it", err)
	}
	if got != string(want) {
		t.Errorf("%s differs; see what changed with git diff after go test ./rest -update", file)
	}
}
