package contract

import (
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web/problem"
)

// hostileSchema is of a body such as those of our contracts: closed, its lists bounded.
func hostileSchema() *Schema {
	three, hundred := 3, 100
	word := &Schema{Type: "string", MaxLength: &hundred}
	colour := &Schema{Type: "string", Enum: []any{"red", "green", "blue"}}
	person := &Schema{Type: "object", Closed: true, Required: []string{"name"}, Properties: map[string]*Schema{"name": word}}
	return &Schema{Type: "object", Closed: true, Required: []string{"name", "colours"}, Properties: map[string]*Schema{
		"name":    word,
		"colour":  colour,
		"colours": {Type: "array", MaxItems: &hundred, Items: colour},
		"people":  {Type: "array", MaxItems: &three, Items: &Schema{AllOf: []*Schema{person}}},
		"items":   {Type: "array", MaxItems: &hundred, Items: &Schema{}}, // a handler checks them
		"open":    {Type: "object"},
		"either":  {OneOf: []*Schema{colour, {Type: "array", Items: colour}}},
	}}
}

// repeated returns so many bytes of a pattern, in which %d is a number, between two texts.
func repeated(before, pattern, after string, bytes int) string {
	var b strings.Builder
	b.WriteString(before)
	for i := 0; b.Len() < bytes; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		if strings.Contains(pattern, "%") {
			fmt.Fprintf(&b, pattern, i)
		} else {
			b.WriteString(pattern)
		}
	}
	return b.String() + after
}

// names returns an object of n unknown names.
func names(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"k%s":1,`, strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprintf("%06d", i)))
	}
	return "{" + strings.TrimSuffix(b.String(), ",") + "}"
}

// hostileBodies are bodies that cost more than they are worth where nothing is bounded.
func hostileBodies() map[string]string {
	const mebibyte = 1 << 20
	return map[string]string{
		"500 unknown names":               names(500),
		"1,400 unknown names":             names(1400),
		"4,000 unknown names":             names(4000),
		"1 MiB of unknown names":          names(mebibyte / 12),
		"1 MiB of numbers as names":       repeated("{", `"%d":1`, "}", mebibyte),
		"1 MiB of wrong enum values":      repeated(`{"colours":[`, `"x%d"`, "]}", mebibyte),
		"1 MiB of wrong values of two":    repeated(`{"either":[`, `"x%d"`, "]}", mebibyte),
		"1 MiB of objects in a list":      repeated(`{"people":[`, `{"x":1}`, "]}", mebibyte),
		"1 MiB of objects":                repeated(`{"open":{`, `"k%d":{}`, "}}", mebibyte),
		"1 MiB of lists":                  repeated(`{"open":{"a":[`, `[]`, "]}}", mebibyte),
		"1 MiB of one unknown name":       `{"` + strings.Repeat("k", mebibyte) + `":1}`,
		"1 MiB of lists within lists":     `{"open":` + strings.Repeat("[", mebibyte),
		"1 MiB within an unknown name":    `{"x":` + strings.Repeat("[", mebibyte),
		"1 MiB within an item":            `{"items":[` + strings.Repeat("[", mebibyte),
		"8 MiB of items that say nothing": repeated(`{"items":[`, `{"a":1}`, "]}", 8*mebibyte),
	}
}

// Before, each of these cost up to 200 times its length.
func TestCase_G1_AHostileBodyIsRefusedWithinConstantMemory(t *testing.T) {
	const most = 5 << 20 // bytes in all, also of what is garbage at once
	op := &Operation{Body: hostileSchema()}
	for name, text := range hostileBodies() {
		in := []byte(text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := op.Body.Check(in)
		runtime.ReadMemStats(&after)
		f := fault.Of(err)
		if f == nil || f.Status != fault.Invalid || len(f.Fields) == 0 || len(f.Fields) > problem.MaxFields {
			t.Errorf("%s: %+v", name, f)
		}
		for _, field := range f.Fields {
			if field.Text.SV == "" || field.Text.EN == "" {
				t.Errorf("%s: no sentence at %s", name, field.Pointer)
			}
		}
		if cost := after.TotalAlloc - before.TotalAlloc; cost > most {
			t.Errorf("%s: %d bytes were allocated for %d", name, cost, len(in))
		}
	}
}

// A head that declares 1 MiB is followed by one byte.
func TestCase_G2_WhatIsOnlyDeclaredCostsNothing(t *testing.T) {
	op := &Operation{Body: hostileSchema(), BodyLimit: 1 << 20}
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("{"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = op.BodyLimit
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := op.checkBody(r)
	runtime.ReadMemStats(&after)
	if cost := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, problem.ErrBodyBroken) || cost > 4*firstRead {
		t.Errorf("%d bytes, %v", cost, err)
	}
}

func TestWhatIsKeptOfABodyIsBoundedBySchemaAndNumber(t *testing.T) {
	s := hostileSchema()
	v, err := parseJSON([]byte(repeated(`{"name":"a","people":[`, `{"name":"a","x":[1,2,3]}`, `],"x":{"y":[1]}}`, 4000)), s, maxDepth)
	if err != nil {
		t.Fatal(err)
	}
	person := map[string]any{"name": "a", "x": nil}
	if want := map[string]any{"name": "a", "x": nil, "people": []any{person, person, person, person}}; !reflect.DeepEqual(v, want) {
		t.Errorf("kept %v", v)
	}
	if v, err = parseJSON([]byte(`{"items":[ {"a": [1, 2]} , "b",null, 7]}`), s, maxDepth); err != nil || fmt.Sprintf("%s", v) != `map[items:[{"a": [1, 2]} "b" <nil> 7]]` {
		t.Errorf("%s %v", v, err)
	}
	_, err = parseJSON([]byte("["+strings.Repeat("1,", maxValues-2)+"1]"), nil, maxDepth)
	if err != nil {
		t.Errorf("as many as may be: %v", err)
	}
	_, err = parseJSON([]byte("["+strings.Repeat("1,", maxValues-1)+"1]"), nil, maxDepth)
	if f := fault.Of(err); f == nil || f.Fields[0].Code != "too-many-values" || !strings.Contains(f.Fields[0].Text.EN, "20,000") {
		t.Errorf("one too many: %v", err)
	}
}

func TestNoSentenceIsTwiceAtOnePlace(t *testing.T) {
	err := fault.Of(hostileSchema().Check([]byte(`{"19121212-1212":1,"19121212-1213":2,"19121212-1214":3,"name":"a","colours":[]}`)))
	if len(err.Fields) != 1 || err.Fields[0].Pointer != "/?" {
		t.Errorf("%+v", err.Fields)
	}
}

// FuzzBounds holds that a body is right or wrong whatever of it is kept.
func FuzzBounds(f *testing.F) {
	f.Add(`{"name":"a","colours":["red"],"people":[{"name":"a"}],"items":[1,{"a":[]}],"open":{"a":{}},"either":"red"}`)
	for _, text := range hostileBodies() {
		f.Add(text[:min(len(text), 2000)])
		f.Add(text[:min(len(text), 2000)] + "]}")
	}
	s := hostileSchema()
	f.Fuzz(func(t *testing.T, text string) {
		all, allErr := parseJSON([]byte(text), nil, maxDepth)
		kept, err := parseJSON([]byte(text), s, maxDepth)
		if err != nil {
			if allErr == nil {
				t.Fatalf("%q: %v, but all of it is read", text, err)
			}
			return
		}
		n := values(kept)
		if n > maxValues || n > 1000 && !strings.Contains(text, "open") && !strings.Contains(text, "either") {
			t.Fatalf("%q: %d values were kept", text, n)
		}
		fields := s.fields(kept, "")
		if len(fields) > problem.MaxFields {
			t.Fatalf("%q: %d fields", text, len(fields))
		}
		if allErr == nil && (len(fields) == 0) != (len(s.fields(all, "")) == 0) {
			t.Fatalf("%q: %+v by what is kept, %+v by all", text, fields, s.fields(all, ""))
		}
	})
}

// values counts a value with what is within it.
func values(v any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			n += values(item)
		}
	case map[string]any:
		for _, field := range v {
			n += values(field)
		}
	}
	return n
}

func BenchmarkHostile(b *testing.B) {
	s := hostileSchema()
	for name, text := range hostileBodies() {
		b.Run(name, func(b *testing.B) {
			in := []byte(text)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if s.Check(in) == nil {
					b.Fatal("it was taken")
				}
			}
		})
	}
}
