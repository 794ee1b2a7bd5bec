package contract

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/finsam/finsam/pkg/fault"
)

// fieldCodes are the stable codes of what can be wrong with a field, by the keyword of
// the schema.
var fieldCodes = map[string]string{
	"required": "required", "type": "type", "format": "format", "pattern": "pattern", "enum": "enum",
	"maxLength": "too-long", "minLength": "too-short", "minimum": "minimum", "maximum": "maximum",
	"exclusiveMinimum": "above", "exclusiveMaximum": "below", "multipleOf": "step",
	"minItems": "min-items", "maxItems": "max-items", "uniqueItems": "not-unique",
	"minProperties": "min-fields", "maxProperties": "max-fields", "readOnly": "read-only", "nullable": "not-null",
}

func codeOf(keyword string) string {
	if code, ok := fieldCodes[keyword]; ok {
		return code
	}
	return "shape"
}

// messages are the sentences that need nothing from the schema.
var messages = map[string]fault.Text{
	"required":          {SV: "Fältet måste finnas.", EN: "The field is required."},
	"not-null":          {SV: "Fältet måste ha ett värde; null går inte.", EN: "The field must have a value; null is not one."},
	"unknown-field":     {SV: "Fältet är inte känt här. Ta bort det eller rätta namnet.", EN: "The field is not known here. Remove it or correct its name."},
	"unknown-parameter": {SV: "Parametern är inte känd här. Ta bort den eller rätta namnet.", EN: "The parameter is not known here. Remove it or correct its name."},
	"repeated":          {SV: "Ange värdet en gång.", EN: "Give the value once."},
	"not-unique":        {SV: "Samma värde får bara finnas en gång.", EN: "The same value may occur only once."},
	"read-only":         {SV: "Fältet kan bara läsas. Ta bort det.", EN: "The field can only be read. Remove it."},
	"not-a-query":       {SV: "Det som kommer efter frågetecknet i adressen går inte att läsa.", EN: "What follows the question mark in the address cannot be read."},
	"shape":             {SV: "Värdet har inte den form som beskrivs i dokumentationen.", EN: "The value does not have the shape that the documentation describes."},
	"duplicate-field":   {SV: "Fältet finns två gånger i samma objekt. Skicka det en gång.", EN: "The field occurs twice in the same object. Send it once."},
	"too-deep":          {SV: "Objekt och listor får stå i varandra i högst 32 nivåer.", EN: "Objects and arrays may be nested at most 32 levels deep."},
	"not-json":          {SV: "Här slutar innehållet att vara giltig JSON.", EN: "Here the body stops being valid JSON."},
}

var typeMessages = map[string]fault.Text{
	"string":  {SV: "Värdet ska vara en text.", EN: "The value must be a string."},
	"integer": {SV: "Värdet ska vara ett heltal.", EN: "The value must be a whole number."},
	"number":  {SV: "Värdet ska vara ett tal.", EN: "The value must be a number."},
	"boolean": {SV: "Värdet ska vara true eller false.", EN: "The value must be true or false."},
	"array":   {SV: "Värdet ska vara en lista.", EN: "The value must be an array."},
	"object":  {SV: "Värdet ska vara ett objekt.", EN: "The value must be an object."},
}

var formatMessages = map[string]fault.Text{
	"date":      {SV: "Skriv ett datum som finns, så här: 2026-01-31.", EN: "Write an existing date like this: 2026-01-31."},
	"date-time": {SV: "Skriv en tidpunkt så här: 2026-01-31T13:45:00Z.", EN: "Write an instant like this: 2026-01-31T13:45:00Z."},
	"uuid":      {SV: "Värdet ska vara ett id (UUID) som du har fått härifrån.", EN: "The value must be an id (UUID) that you were given here."},
	"email":     {SV: "Skriv en e-postadress, så här: namn@exempel.se.", EN: "Write an e-mail address like this: name@example.org."},
	"uri":       {SV: "Skriv en fullständig webbadress.", EN: "Write a complete web address."},
}

// newField returns what is expected at a place. It never repeats what was sent there.
func newField(at, code string, s *openapi3.Schema) fault.Field {
	return fault.Field{Pointer: at, Code: code, Text: message(code, s)}
}

func message(code string, s *openapi3.Schema) fault.Text {
	if text, ok := messages[code]; ok || s == nil {
		return text
	}
	if text, ok := expected(s); ok && (code == "pattern" || code == "format" || code == "shape") {
		return text
	}
	switch code {
	case "type":
		if len(s.Type.Slice()) > 0 {
			return typeMessages[s.Type.Slice()[0]]
		}
	case "format":
		if text, ok := formatMessages[s.Format]; ok {
			return text
		}
	case "enum":
		return textWith("Värdet ska vara ett av: %s.", "The value must be one of: %s.", enumList(s.Enum))
	case "pattern":
		return textWith("Värdet ska skrivas enligt mönstret %s.", "The value must be written by the pattern %s.", s.Pattern)
	case "too-long":
		return textWith("Texten får ha högst %s tecken.", "The text may have at most %s characters.", formatUint(*s.MaxLength))
	case "too-short":
		if s.MinLength == 1 {
			return fault.Text{SV: "Texten får inte vara tom.", EN: "The text must not be empty."}
		}
		return textWith("Texten ska ha minst %s tecken.", "The text must have at least %s characters.", formatUint(s.MinLength))
	case "min-items":
		if s.MinItems == 1 {
			return fault.Text{SV: "Listan får inte vara tom.", EN: "The array must not be empty."}
		}
		return textWith("Listan ska ha minst %s värden.", "The array must have at least %s values.", formatUint(s.MinItems))
	case "max-items":
		return textWith("Listan får ha högst %s värden.", "The array may have at most %s values.", formatUint(*s.MaxItems))
	case "minimum":
		return textWith("Värdet ska vara minst %s.", "The value must be at least %s.", formatBound(s.Min))
	case "above":
		return textWith("Värdet ska vara större än %s.", "The value must be more than %s.", formatBound(s.Min))
	case "maximum":
		return textWith("Värdet får vara högst %s.", "The value may be at most %s.", formatBound(s.Max))
	case "below":
		return textWith("Värdet ska vara mindre än %s.", "The value must be less than %s.", formatBound(s.Max))
	}
	return messages["shape"]
}

func textWith(sv, en, value string) fault.Text {
	return fault.Text{SV: fmt.Sprintf(sv, value), EN: fmt.Sprintf(en, value)}
}

func formatUint(n uint64) string { return strconv.FormatUint(n, 10) }

func formatBound(limit *float64) string {
	if limit == nil {
		return "?"
	}
	return strconv.FormatFloat(*limit, 'f', -1, 64)
}

// expected returns the contract's own sentence on what a value must look like, where
// the schema has one: x-wanted: {sv: …, en: …}. A case worker cannot read a pattern.
func expected(s *openapi3.Schema) (fault.Text, bool) {
	text, _ := s.Extensions["x-wanted"].(map[string]any)
	sv, _ := text["sv"].(string)
	en, _ := text["en"].(string)
	return fault.Text{SV: sv, EN: en}, sv != "" && en != ""
}

// enumList returns the first 30 allowed values.
func enumList(enum []any) string {
	var names []string
	for _, v := range enum[:min(len(enum), 30)] {
		names = append(names, fmt.Sprint(v))
	}
	return strings.Join(names, ", ")
}
