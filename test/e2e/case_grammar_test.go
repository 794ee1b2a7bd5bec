package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/test/suite"
)

// nulls returns a value once for each optional field of it, wherever it is, with null there.
func (d *document) nulls(s schema, value any) (all []badValue) {
	s = d.Follow(s)
	switch v := value.(type) {
	case []any:
		for _, inner := range d.nulls(object(s["items"]), v[0]) {
			all = append(all, badValue{Pointer: "/0" + inner.Pointer, Value: append([]any{inner.Value}, v[1:]...)})
		}
	case map[string]any:
		with := func(pointer, name string, inner any) {
			changed := maps.Clone(v)
			changed[name] = inner
			all = append(all, badValue{Pointer: pointer, Value: changed})
		}
		for name, field := range v {
			property := object(object(s["properties"])[name])
			if property == nil {
				continue
			}
			if !slices.Contains(texts(s["required"]), name) {
				with("/"+name, name, nil)
			}
			for _, inner := range d.nulls(property, field) {
				with("/"+name+inner.Pointer, name, inner.Value)
			}
		}
	}
	return all
}

// TestCase_C6_C7_C8_C9_C10_C11_EachOperationReadsOtherSpellingsAlike makes a right call of
// each operation of the contract, about what does not exist, and then the same in other
// spellings: none of them is refused for how it is spelt.
func TestCase_C6_C7_C8_C9_C10_C11_EachOperationReadsOtherSpellingsAlike(t *testing.T) {
	t.Parallel()
	k := newCritic(t)
	tried := map[string]int{}
	for _, op := range k.doc.Operations {
		if op.Public || op.Form || op.Tag == "about" {
			continue
		}
		good := k.theUsual(op)
		var body any
		if op.Body != nil {
			body = k.doc.Sample(op.Body, true)
		}
		ask := func(path string, header map[string]string, body any) int {
			t.Helper()
			r := suite.Request{Method: op.Method, Path: path, Token: k.tokens[op.ID], Body: body, Header: maps.Clone(header)}
			delete(r.Header, "Authorization")
			a, err := k.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if slices.Contains([]int{400, 415, 428}, a.Status) {
				return a.Status
			}
			return 0 // how it ended otherwise depends on what was there
		}
		usual := ask(good.path, good.header, body)
		alike := func(id, path string, header map[string]string, body any) {
			t.Helper()
			tried[strings.Fields(id)[0]]++
			if got := ask(path, header, body); got != usual {
				t.Errorf("%s %s: %d, and as usual %d: %s", op.ID, id, got, usual, path)
			}
		}
		if strings.Contains(good.path, nobodys) {
			alike("C6", strings.ReplaceAll(good.path, nobodys, strings.ToUpper(nobodys)), good.header, body)
		}
		if takes(op, "If-Match") {
			for _, tag := range []string{`"99", "1"`, `W/"1"`, ` "1" ,`} {
				alike("C7", good.path, good.with("If-Match", tag).header, body)
			}
		}
		if body != nil {
			alike("C8", good.path, good.with("Content-Type", "Application/JSON; Charset=UTF-8").header, body)
			for _, one := range k.doc.nulls(op.Body, body) {
				alike("C10 "+one.Pointer, good.path, good.header, one.Value)
			}
		}
		for _, p := range op.Params {
			if s := k.doc.Follow(p.Schema); p.In == "query" && s["type"] == "array" {
				value := fmt.Sprint(array(k.doc.Sample(s, true))[0])
				alike("C9", query(good.path, p.Name, value), good.header, body)
				if s["maxItems"] != 1.0 {
					alike("C9 twice", query(query(good.path, p.Name, value), p.Name, value), good.header, body)
				}
			}
		}
		if takes(op, "Idempotency-Key") {
			alike("C11", good.path, good.with("Idempotency-Key", `"8e03978e-40d5-43dd-bc93-6894a57f9324"`).header, body)
		}
	}
	for id, least := range map[string]int{"C6": 40, "C7": 90, "C8": 30, "C9": 10, "C10": 60, "C11": 5} {
		if tried[id] < least {
			t.Errorf("only %d calls of %s", tried[id], id)
		}
	}
}
