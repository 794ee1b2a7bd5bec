package contract

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/fault"
)

// Schema is a schema of a contract, for what a handler checks itself. It may be used
// by many requests at once.
type Schema struct{ schema *openapi3.Schema }

// NewSchema finds a schema of the contract by its name.
func NewSchema(spec []byte, name string) (Schema, error) {
	doc, err := document(spec)
	if err != nil {
		return Schema{}, err
	}
	ref := doc.Components.Schemas[name]
	if ref == nil {
		return Schema{}, fmt.Errorf("the contract has no schema %s", name)
	}
	return Schema{ref.Value}, compilePatterns(ref.Value, map[*openapi3.Schema]bool{})
}

// Check checks a JSON text. The error is problem.ErrInvalid with pointers into the
// text, or problem.ErrNotJSON.
func (s Schema) Check(text []byte) error {
	v, err := parseJSON(text, maxDepth)
	if err != nil {
		return err
	}
	return invalid(schemaFields(s.schema, v, ""))
}

// validation makes the validator report every violation, not the first one.
var validation = []openapi3.SchemaValidationOption{
	openapi3.MultiErrors(),
	openapi3.WithStringFormatValidators(map[string]openapi3.StringFormatValidator{
		"date":      format(func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil }),
		"date-time": format(func(s string) bool { _, err := time.Parse(time.RFC3339, s); return err == nil }),
		"uuid":      format(func(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }),
		"email":     format(func(s string) bool { a, err := mail.ParseAddress(s); return err == nil && a.Address == s }),
		"uri":       format(func(s string) bool { u, err := url.Parse(s); return err == nil && u.IsAbs() }),
	}),
}

var errFormat = errors.New("not of the format")

// format reports errFormat for a text that is not valid.
func format(valid func(string) bool) openapi3.StringFormatValidator {
	return openapi3.NewCallbackValidator(func(s string) error {
		if !valid(s) {
			return errFormat
		}
		return nil
	})
}

// compilePatterns finds a pattern that does not compile at start, not in the
// first request that meets it.
func compilePatterns(s *openapi3.Schema, seen map[*openapi3.Schema]bool) error {
	if s == nil || seen[s] {
		return nil
	}
	seen[s] = true
	if s.Pattern != "" {
		if _, err := regexp.Compile(s.Pattern); err != nil {
			return fmt.Errorf("pattern of a field: %w", err)
		}
	}
	refs := slices.Concat(openapi3.SchemaRefs{s.Items, s.AdditionalProperties.Schema, s.Not}, s.AllOf, s.AnyOf, s.OneOf)
	for _, p := range s.Properties {
		refs = append(refs, p)
	}
	for _, ref := range refs {
		if ref == nil {
			continue
		}
		if err := compilePatterns(ref.Value, seen); err != nil {
			return err
		}
	}
	return nil
}

// schemaFields returns what is wrong with a value, in the order of the pointers. They
// begin with prefix: the parameter's name, or "" for the body.
func schemaFields(s *openapi3.Schema, v any, prefix string) []fault.Field {
	err := s.VisitJSON(v, validation...)
	if err == nil {
		return nil
	}
	var fields []fault.Field
	collect(err, prefix, &fields)
	slices.SortStableFunc(fields, func(a, b fault.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	return slices.CompactFunc(fields, func(a, b fault.Field) bool { return a.Pointer == b.Pointer && a.Code == b.Code })
}

func collect(err error, prefix string, fields *[]fault.Field) {
	if many, ok := err.(openapi3.MultiError); ok {
		for _, e := range many {
			collect(e, prefix, fields)
		}
		return
	}
	var e *openapi3.SchemaError
	if !errors.As(err, &e) {
		*fields = append(*fields, newField(prefix, "shape", nil))
		return
	}
	at := prefix + pointer(e.JSONPointer())
	switch e.SchemaField {
	case "allOf":
		var parts openapi3.MultiError
		if errors.As(e.Origin, &parts) {
			collect(parts, prefix, fields) // the parts have the whole path
			return
		}
	case "properties":
		object, _ := e.Value.(map[string]any)
		for name := range object {
			if e.Schema.Properties[name] == nil {
				*fields = append(*fields, newField(at+pointer([]string{printable(name)}), "unknown-field", nil))
			}
		}
		return
	}
	code, ok := fieldCodes[e.SchemaField]
	if !ok {
		code = "shape"
	}
	*fields = append(*fields, newField(at, code, e.Schema))
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
