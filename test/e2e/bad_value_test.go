package e2e

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// secret is part of every text among the wrong values, so that an answer which repeats the
// input is found. It looks like nothing that the API says itself.
const secret = "zq7Hemligt"

// badValue is a value that the schema forbids, and what is wrong with it.
type badValue struct {
	Why     string
	Pointer string // where in the value, as a JSON pointer
	Value   any
}

// BadValues returns values that the schema forbids, each wrong in one place only.
func (d *document) BadValues(s schema) []badValue {
	s = d.Follow(s)
	otherType, isOther := map[any]any{"array": map[string]any{secret: secret}, "string": map[string]any{"a": secret}}[s["type"]]
	if !isOther {
		otherType = secret
	}
	bad := []badValue{{Why: "of another type", Value: otherType}}
	if s["nullable"] != true {
		bad = append(bad, badValue{Why: "null"})
	}
	if len(array(s["enum"])) > 0 {
		bad = append(bad, badValue{Why: "no value of the enumeration", Value: secret})
	}
	switch s["type"] {
	case "object":
		return append(bad, d.badObjects(s)...)
	case "array":
		return append(bad, d.badArrays(s)...)
	case "integer", "number":
		if least, ok := s["minimum"].(float64); ok {
			bad = append(bad, badValue{Why: "too small", Value: least - 1})
		}
		if most, ok := s["maximum"].(float64); ok {
			bad = append(bad, badValue{Why: "too large", Value: most + 1})
		}
		if s["type"] == "integer" {
			bad = append(bad, badValue{Why: "not whole", Value: 1.5}, badValue{Why: "beyond all bounds", Value: 1e300})
		}
	case "string":
		for _, try := range badTexts {
			if !fits(s, try.text) {
				bad = append(bad, badValue{Why: try.why, Value: try.text})
			}
		}
		if most, ok := s["maxLength"].(float64); ok {
			bad = append(bad, badValue{Why: fmt.Sprintf("longer than %d", int(most)), Value: secret + strings.Repeat("a", int(most))})
		}
	}
	return bad
}

func (d *document) badObjects(s schema) (bad []badValue) {
	good := func() map[string]any { return maps.Clone(object(d.Sample(s, true))) }
	if s["additionalProperties"] == false {
		more := good()
		more["unknownField"] = secret
		odd := good()
		odd[secret+" 191212121212"] = 1
		bad = append(bad, badValue{Why: "an unknown field", Pointer: "/unknownField", Value: more},
			badValue{Why: "an unknown field whose name must not be repeated", Value: odd})
	}
	for _, name := range texts(s["required"]) {
		less := good()
		delete(less, name)
		bad = append(bad, badValue{Why: "the required field is missing", Pointer: "/" + name, Value: less})
	}
	properties := object(s["properties"])
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		for _, b := range d.BadValues(object(properties[name])) {
			if b.Why == "null" && b.Pointer == "" && !slices.Contains(texts(s["required"]), name) {
				continue // is taken as absent
			}
			v := good()
			v[name] = b.Value
			bad = append(bad, badValue{Why: b.Why, Pointer: "/" + name + b.Pointer, Value: v})
		}
	}
	return bad
}

func (d *document) badArrays(s schema) (bad []badValue) {
	items := object(s["items"])
	good := array(d.Sample(s, true))
	if least, ok := s["minItems"].(float64); ok && least > 0 {
		bad = append(bad, badValue{Why: "too few", Value: good[:int(least)-1]})
	}
	if most, ok := s["maxItems"].(float64); ok {
		many := make([]any, int(most)+1)
		for i := range many {
			many[i] = good[0]
		}
		bad = append(bad, badValue{Why: "too many", Value: many})
	}
	if s["uniqueItems"] == true {
		bad = append(bad, badValue{Why: "the same twice", Value: append(slices.Clone(good), good[0])})
	}
	if s["x-each"] == true {
		return bad // an item that is wrong is answered for itself
	}
	for _, b := range d.BadValues(items) {
		v := slices.Clone(good)
		v[0] = b.Value
		bad = append(bad, badValue{Why: b.Why, Pointer: "/0" + b.Pointer, Value: v})
	}
	return bad
}

// badTexts are texts of which those are sent that the schema's pattern, format or
// length forbids.
var badTexts = []struct{ why, text string }{
	{"empty", ""},
	{"a word", secret},
	{"with a control character", secret + "\x01"},
	{"with blanks around", " " + secret + " "},
	{"a day that no calendar has", "2026-02-30"},
	{"an instant in words", "yesterday " + secret},
	{"a script", "<script>" + secret + "</script>"},
	{"a query", "' or 1=1; --" + secret},
	{"with letters of another alphabet", "Ж" + secret},
}

var formatPatterns = map[string]*regexp.Regexp{
	"uuid":      regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`),
	"date":      regexp.MustCompile(`^20[0-9]{2}-(0[1-9]|1[0-2])-([01][0-9]|2[0-8])$`),
	"date-time": regexp.MustCompile(`^20[0-9]{2}-[0-9]{2}-[0-9]{2}T.*Z$`),
	"email":     regexp.MustCompile(`^[^\s@]+@[^\s@]+$`),
}

// fits reports whether the schema allows the text.
func fits(s schema, text string) bool {
	length := float64(utf8.RuneCountInString(text))
	if least, ok := s["minLength"].(float64); ok && length < least {
		return false
	}
	if most, ok := s["maxLength"].(float64); ok && length > most {
		return false
	}
	if enum := array(s["enum"]); len(enum) > 0 {
		return slices.Contains(enum, any(text))
	}
	if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(text) {
		return false
	}
	format, _ := s["format"].(string)
	want, samples := formatPatterns[format]
	return !samples || want.MatchString(text)
}

func TestEveryRuleOfTheSchemaIsBrokenOnce(t *testing.T) {
	d, op := readSmall(t)
	var all []string
	for _, b := range d.BadValues(op.Body) {
		all = append(all, b.Pointer+" "+b.Why)
	}
	for _, want := range []string{
		"/unknownField an unknown field", "/name the required field is missing", "/days the required field is missing",
		"/name of another type", "/name empty", "/name longer than 3", "/name a word", "/kind no value of the enumeration",
		"/days too few", "/days too many", "/days/0 a day that no calendar has", "/weeks too small", "/weeks too large", "/weeks not whole", " null",
	} {
		if !strings.Contains("\n"+strings.Join(all, "\n")+"\n", "\n"+want+"\n") {
			t.Errorf("nothing breaks it: %q among\n%s", want, strings.Join(all, "\n"))
		}
	}
}
