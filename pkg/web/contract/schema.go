package contract

import (
	"math"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web/problem"
)

// Schema is what a value must be, in the words of OpenAPI 3.0.3. Package compile refuses
// what is not here. It may be used by many requests at once.
type Schema struct {
	Type     string      `json:"type,omitzero"` // empty: any
	Nullable bool        `json:"nullable,omitzero"`
	Enum     []any       `json:"enum,omitempty"` // texts and numbers
	AllOf    []*Schema   `json:"allOf,omitempty"`
	OneOf    []*Schema   `json:"oneOf,omitempty"`
	Wanted   *fault.Text `json:"x-wanted,omitempty"` // the contract's own sentence on the form of a value

	Minimum          *float64 `json:"minimum,omitempty"`
	Maximum          *float64 `json:"maximum,omitempty"`
	ExclusiveMinimum bool     `json:"exclusiveMinimum,omitzero"`
	ExclusiveMaximum bool     `json:"exclusiveMaximum,omitzero"`
	MultipleOf       float64  `json:"multipleOf,omitzero"` // a whole number

	MinLength int    `json:"minLength,omitzero"` // characters
	MaxLength *int   `json:"maxLength,omitempty"`
	Pattern   string `json:"pattern,omitzero"`
	Format    string `json:"format,omitzero"`

	MinItems    int     `json:"minItems,omitzero"`
	MaxItems    *int    `json:"maxItems,omitempty"`
	UniqueItems bool    `json:"uniqueItems,omitzero"` // of texts, numbers or booleans
	Items       *Schema `json:"items,omitempty"`

	Required   []string           `json:"required,omitempty"`
	Properties map[string]*Schema `json:"properties,omitempty"`
	MinFields  int                `json:"minProperties,omitzero"`
	MaxFields  *int               `json:"maxProperties,omitempty"`
	Closed     bool               `json:"closed,omitzero"`                // `additionalProperties: false`
	Others     *Schema            `json:"additionalProperties,omitempty"` // of the fields beside Properties
}

// Check checks a JSON text. The error is problem.ErrInvalid with pointers into the
// text, or problem.ErrNotJSON.
func (s *Schema) Check(text []byte) error {
	v, err := parseJSON(text, s, maxDepth)
	if err != nil {
		return err
	}
	return invalid(s.fields(v, ""))
}

// fields returns what is wrong with a value, in the order of the pointers, and no sentence
// twice at one. They begin with prefix: the parameter's name, or "" for the body.
func (s *Schema) fields(v any, prefix string) []fault.Field {
	c := checker{prefix: prefix, max: problem.MaxFields}
	return c.fields(s, v)
}

func (c *checker) fields(s *Schema, v any) []fault.Field {
	c.check(s, v)
	slices.SortStableFunc(c.found, func(a, b fault.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	return c.found
}

// isEmpty reports whether a schema says nothing: what it is of, a handler checks.
func (s *Schema) isEmpty() bool {
	return s.Type == "" && s.Enum == nil && s.AllOf == nil && s.OneOf == nil && s.Items == nil && s.Properties == nil && s.Others == nil &&
		!s.Closed && s.Required == nil
}

// checker walks through a value and its schema, until it has found what one answer names.
type checker struct {
	prefix string
	max    int      // of found
	path   []string // of the value that is checked, below prefix
	found  []fault.Field
	// rewritten reports whether a text in the value was brought into its canonical form.
	rewritten bool
}

func (c *checker) add(code string, s *Schema) {
	if len(c.found) == c.max {
		return
	}
	f := newField(c.prefix+pointer(c.path), code, s)
	if !slices.ContainsFunc(c.found, func(o fault.Field) bool { return o.Pointer == f.Pointer && (o.Code == f.Code || o.Text == f.Text) }) {
		c.found = append(c.found, f)
	}
}

// within checks a value at a name or index below the current one.
func (c *checker) within(name string, s *Schema, v any) {
	c.path = append(c.path, name)
	c.check(s, v)
	c.path = c.path[:len(c.path)-1]
}

// check adds what is wrong with v. What is of the wrong kind is not looked into.
func (c *checker) check(s *Schema, v any) {
	if v == nil && s.Nullable || len(c.found) == c.max {
		return
	}
	if !c.checkParts(s, v) {
		return
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		c.add("enum", s)
		return
	}
	kind := "object"
	switch v.(type) {
	case bool:
		kind = "boolean"
	case float64:
		kind = "number"
	case string:
		kind = "string"
	case []any:
		kind = "array"
	}
	switch {
	case v == nil && len(s.AllOf)+len(s.OneOf) > 0:
		return
	case v == nil:
		c.add("not-null", s)
		return
	case s.Type != "" && s.Type != kind && !(s.Type == "integer" && kind == "number"):
		c.add("type", s)
		return
	}
	switch v := v.(type) {
	case float64:
		c.checkNumber(s, v)
	case string:
		c.checkString(s, v)
	case []any:
		c.checkArray(s, v)
	case map[string]any:
		c.checkObject(s, v)
	}
}

// checkParts checks the schemas that s is made of, and reports whether they are kept.
func (c *checker) checkParts(s *Schema, v any) bool {
	before := len(c.found)
	if len(s.OneOf) > 0 {
		kept := 0
		for _, one := range s.OneOf {
			c := checker{max: 1}
			if c.check(one, v); len(c.found) == 0 {
				kept++
			}
		}
		if kept != 1 {
			c.add("shape", s)
			return false
		}
	}
	for _, part := range s.AllOf {
		c.check(part, v)
	}
	return len(c.found) == before
}

func (c *checker) checkNumber(s *Schema, v float64) {
	if s.Type == "integer" && v != math.Trunc(v) {
		c.add("type", s)
	}
	switch {
	case s.Minimum == nil:
	case v < *s.Minimum:
		c.add("minimum", s)
	case v == *s.Minimum && s.ExclusiveMinimum:
		c.add("above", s)
	}
	switch {
	case s.Maximum == nil:
	case v > *s.Maximum:
		c.add("maximum", s)
	case v == *s.Maximum && s.ExclusiveMaximum:
		c.add("below", s)
	}
	if s.MultipleOf != 0 && math.Mod(v, s.MultipleOf) != 0 {
		c.add("step", s)
	}
}

func (c *checker) checkString(s *Schema, v string) {
	if s.MinLength > 0 || s.MaxLength != nil {
		n := utf8.RuneCountInString(v)
		if n < s.MinLength {
			c.add("too-short", s)
		}
		if s.MaxLength != nil && n > *s.MaxLength {
			c.add("too-long", s)
		}
	}
	if s.Pattern != "" && !compiled(s.Pattern).MatchString(v) {
		c.add("pattern", s)
	}
	if valid := Formats[s.Format]; valid != nil && !valid(v) {
		c.add("format", s)
	}
	// What a person must have written says something.
	if s.MinLength > 0 && v != "" && s.Pattern == "" && (s.Format == "" || s.Format == "line") && !saysSomething(v) {
		c.add("says-nothing", s)
	}
}

// saysSomething reports whether a text has a letter or a digit.
func saysSomething(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}

// canonical returns a text in the form in which it is stored, and whether that is another:
// an id in lower case, and a line of text in Unicode's composed form, so that a name is the
// same name however a keyboard makes its letters.
func canonical(s *Schema, text string) (string, bool) {
	c := text
	switch {
	case s.Format == "uuid" && len(text) == 36:
		c = strings.ToLower(text)
	case s.Format == "line" && !norm.NFC.IsNormalString(text):
		c = norm.NFC.String(text)
	}
	return c, c != text
}

func (c *checker) checkArray(s *Schema, v []any) {
	if len(v) < s.MinItems {
		c.add("min-items", s)
	}
	if s.MaxItems != nil && len(v) > *s.MaxItems {
		c.add("max-items", s)
	}
	if s.UniqueItems && !isUnique(v) {
		c.add("not-unique", s)
	}
	if s.Items == nil {
		return
	}
	for i, item := range v {
		if text, ok := item.(string); ok {
			if text, other := canonical(s.Items, text); other {
				v[i], item, c.rewritten = text, text, true
			}
		}
		c.within(strconv.Itoa(i), s.Items, item)
	}
}

// isUnique reports whether no text, number or boolean occurs twice.
func isUnique(items []any) bool {
	seen := make(map[any]bool, len(items))
	for _, item := range items {
		switch item.(type) {
		case string, float64, bool:
			if seen[item] {
				return false
			}
			seen[item] = true
		}
	}
	return true
}

func (c *checker) checkObject(s *Schema, v map[string]any) {
	for name, value := range v {
		switch property := s.Properties[name]; {
		case property != nil && value == nil && !property.Nullable && !slices.Contains(s.Required, name):
			delete(v, name) // an optional field that is null is not there: many programs write all that they know
		case property != nil:
			if text, ok := value.(string); ok {
				if text, other := canonical(property, text); other {
					v[name], value, c.rewritten = text, text, true
				}
			}
			c.within(name, property, value)
		case s.Closed:
			c.path = append(c.path, printable(name))
			c.add("unknown-field", nil)
			c.path = c.path[:len(c.path)-1]
		case s.Others != nil:
			c.within(printable(name), s.Others, value)
		}
	}
	if len(v) < s.MinFields {
		c.add("min-fields", s)
	}
	if s.MaxFields != nil && len(v) > *s.MaxFields {
		c.add("max-fields", s)
	}
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			c.path = append(c.path, name)
			c.add("required", s)
			c.path = c.path[:len(c.path)-1]
		}
	}
}

// patterns holds each pattern that a value has been compared with.
var patterns sync.Map // string -> *regexp.Regexp

// compiled returns a pattern that package compile has compiled before.
func compiled(pattern string) *regexp.Regexp {
	if re, ok := patterns.Load(pattern); ok {
		return re.(*regexp.Regexp)
	}
	re, _ := patterns.LoadOrStore(pattern, regexp.MustCompile(pattern))
	return re.(*regexp.Regexp)
}

// Formats are the forms of a text that are checked, by the name that a contract uses.
var Formats = map[string]func(string) bool{
	"date":      func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil },
	"date-time": func(s string) bool { _, err := time.Parse(time.RFC3339, s); return err == nil },
	"uuid":      func(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil },
	"line":      IsLine,
	"opaque":    func(string) bool { return true }, // made by the API, and sent back as it was
	"email":     func(s string) bool { a, err := mail.ParseAddress(s); return err == nil && a.Address == s },
	"uri":       func(s string) bool { u, err := url.Parse(s); return err == nil && u.IsAbs() },
}

// IsLine reports whether a text is one line of what can be seen: no line break, no sign
// that turns the direction of a line, none that is invisible but for the joiners that some
// scripts need within a word.
func IsLine(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r != '\u200c' && r != '\u200d' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
	})
}

// printable returns a name that the caller has chosen, or "?" unless it looks like a
// name: it could be a personal number, and is not repeated then.
func printable(name string) string {
	if !nameLike.MatchString(name) {
		return "?"
	}
	return name
}

var nameLike = regexp.MustCompile(`^[A-Za-z][A-Za-z_-]{0,39}[0-9]{0,2}$`)

var escape = strings.NewReplacer("~", "~0", "/", "~1")

// pointer returns a JSON pointer (RFC 6901).
func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteByte('/')
		b.WriteString(escape.Replace(p))
	}
	return b.String()
}
