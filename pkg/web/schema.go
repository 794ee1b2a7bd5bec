package web

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

// maxFields is how many wrong fields one answer names.
const maxFields = 20

// how tells the validator what to check: everything, and all of it.
var how = []openapi3.SchemaValidationOption{
	openapi3.MultiErrors(),
	openapi3.WithStringFormatValidators(map[string]openapi3.StringFormatValidator{
		"date":      openapi3.NewCallbackValidator(isDate),
		"date-time": openapi3.NewCallbackValidator(isInstant),
		"uuid":      openapi3.NewCallbackValidator(isUUID),
		"email":     openapi3.NewCallbackValidator(isEmail),
		"uri":       openapi3.NewCallbackValidator(isURI),
	}),
}

var errFormat = errors.New("not of the format")

func isDate(s string) error {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return errFormat
	}
	return nil
}

func isInstant(s string) error {
	if _, err := time.Parse(time.RFC3339, s); err != nil {
		return errFormat
	}
	return nil
}

func isUUID(s string) error {
	if len(s) != 36 || uuid.Validate(s) != nil {
		return errFormat
	}
	return nil
}

func isEmail(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return errFormat
	}
	return nil
}

func isURI(s string) error {
	if u, err := url.Parse(s); err != nil || !u.IsAbs() {
		return errFormat
	}
	return nil
}

func visit(s *openapi3.Schema, v any) error { return s.VisitJSON(v, how...) }

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

// faultsOf turns the validator's error into fields. Pointers begin with prefix:
// the parameter's name, or "" for the body.
func faultsOf(err error, prefix string) []fault.Field {
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
		*fields = append(*fields, field(prefix, "shape", nil))
		return
	}
	at := prefix + pointer(e.JSONPointer())
	switch e.SchemaField {
	case "allOf":
		var parts openapi3.MultiError
		if errors.As(e.Origin, &parts) {
			collect(parts, prefix, fields) // the parts know the whole path themselves
			return
		}
	case "properties":
		*fields = append(*fields, unknownFields(e, at)...)
		return
	}
	*fields = append(*fields, field(at, codeOf(e.SchemaField), e.Schema))
}

// unknownFields names the fields of an object that its schema does not have.
func unknownFields(e *openapi3.SchemaError, at string) (fields []fault.Field) {
	object, _ := e.Value.(map[string]any)
	for name := range object {
		if e.Schema.Properties[name] == nil {
			fields = append(fields, field(at+pointer([]string{shown(name)}), "unknown-field", nil))
		}
	}
	return fields
}

// shown returns a name that the caller made up, if it looks like a name: it could
// be anything, a personal number too, and is not repeated then.
func shown(name string) string {
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
