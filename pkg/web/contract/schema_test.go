package contract_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web/contract"
	"github.com/finsam/finsam/pkg/web/contract/compile"
	"github.com/finsam/finsam/pkg/web/problem"
)

// itemSpec has a shape of its own for the items of a batch.
const itemSpec = `
openapi: 3.0.3
info: { title: t, version: "1" }
paths: {}
components:
  schemas:
    Item:
      type: object
      additionalProperties: false
      required: [name]
      properties:
        name: { type: string, minLength: 1, maxLength: 5 }
`

func shape(t testing.TB) *contract.Schema {
	t.Helper()
	compiled, err := compile.Contract([]byte(itemSpec), "Item")
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Read(compiled)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Schema("Item")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Schema("Nothing"); err == nil {
		t.Error("a shape that is not in the contract was found")
	}
	return s
}

func TestAShapeNamesWhatIsWrongAndRepeatsNothing(t *testing.T) {
	s := shape(t)
	for text, pointer := range map[string]string{
		`{"name":"a"}`: "", `{}`: "/name", `{"name":""}`: "/name", `{"name":"hemligt"}`: "/name", `{"name":"a","x":1}`: "/x",
		`{"name":"a","name":"b"}`: "/name", `7`: "", `{"name":`: "line 1",
	} {
		err := s.Check([]byte(text))
		if text == `{"name":"a"}` {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		f := fault.Of(err)
		if f == nil || f.Status != fault.Invalid || len(f.Fields) == 0 || f.Fields[0].Pointer != pointer || strings.Contains(f.Fields[0].Text.SV, "hemligt") {
			t.Errorf("%s: got %+v", text, f)
		}
	}
	if f := problem.TooLarge(8 << 20); !errors.Is(f, problem.ErrTooLarge) || !strings.Contains(f.Text.SV, "8 MiB") {
		t.Errorf("got %+v", f)
	}
}

// FuzzShape hands in the content of an item of a batch: it is of the shape, or
// the caller's own fault.
func FuzzShape(f *testing.F) {
	for _, text := range []string{`{"name":"a"}`, `{"name":1}`, `[]`, `"`, `{"name":"\u0000"}`, strings.Repeat("[", 100), `{"name":"a","name":"a"}`, "\xff"} {
		f.Add([]byte(text))
	}
	s := shape(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := s.Check(text); err != nil && fault.Of(err).Status != fault.Invalid && fault.Of(err).Status != fault.Unprocessable {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
