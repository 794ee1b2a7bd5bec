package contract

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/finsam/finsam/pkg/fault"
)

// messages are the sentences that need nothing from the schema.
var messages = map[string]fault.Text{
	"required":          {SV: "Fältet är obligatoriskt.", EN: "The field is required."},
	"not-null":          {SV: "Fältet måste ha ett värde; null är inte tillåtet.", EN: "The field must have a value; null is not allowed."},
	"unknown-field":     {SV: "Fältet är inte känt här. Ta bort det eller rätta namnet.", EN: "The field is not known here. Remove it or correct its name."},
	"unknown-parameter": {SV: "Parametern är inte känd här. Ta bort den eller rätta namnet.", EN: "The parameter is not known here. Remove it or correct its name."},
	"repeated":          {SV: "Värdet finns mer än en gång. Ange det en gång.", EN: "The value occurs more than once. Give it once."},
	"not-unique":        {SV: "Samma värde får bara finnas en gång.", EN: "The same value may occur only once."},
	"read-only":         {SV: "Fältet kan läsas men inte skickas. Ta bort det.", EN: "The field is read-only. Remove it."},
	"not-a-query":       {SV: "Det som står efter frågetecknet i adressen går inte att läsa. Rätta adressen.", EN: "The part of the address after the question mark cannot be read. Correct the address."},
	"shape":             {SV: "Värdet har inte den form som beskrivs i dokumentationen. Rätta det.", EN: "The value does not have the form that the documentation describes. Correct it."},
	"duplicate-field":   {SV: "Fältet finns två gånger i samma objekt. Skicka det en gång.", EN: "The field occurs twice in the same object. Send it once."},
	"too-deep":          {SV: "Objekt och listor får vara nästlade i högst 32 nivåer.", EN: "Objects and arrays may be nested at most 32 levels deep."},
	"not-json":          {SV: "Innehållet är inte giltig JSON från det här stället. Rätta det.", EN: "The body is not valid JSON from this point on. Correct it."},
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
	"date":      {SV: "Skriv ett datum som finns, så här: 2026-01-31.", EN: "Write a date that exists, like this: 2026-01-31."},
	"date-time": {SV: "Skriv datum och klockslag så här: 2026-01-31T13:45:00Z.", EN: "Write a date and time like this: 2026-01-31T13:45:00Z."},
	"uuid":      {SV: "Värdet ska vara ett id (UUID) från ett tidigare svar.", EN: "The value must be an id (UUID) from an earlier answer."},
	"email":     {SV: "Skriv en e-postadress så här: namn@exempel.se.", EN: "Write an e-mail address like this: name@example.org."},
	"uri":       {SV: "Skriv en fullständig webbadress, så här: https://exempel.se/sida.", EN: "Write a complete web address, like this: https://example.org/page."},
}

// newField returns what is expected at a place. It never repeats what was sent there.
func newField(at, code string, s *Schema) fault.Field {
	return fault.Field{Pointer: at, Code: code, Text: message(code, s)}
}

// textsWithValue are the sentences that name something of the schema.
var textsWithValue = map[string]struct {
	sv, en string
	value  func(*Schema) any
}{
	"pattern":   {"Värdet ska följa mönstret %v.", "The value must match the pattern %v.", func(s *Schema) any { return s.Pattern }},
	"too-long":  {"Texten får ha högst %v tecken.", "The text may have at most %v characters.", func(s *Schema) any { return *s.MaxLength }},
	"too-short": {"Texten ska ha minst %v tecken.", "The text must have at least %v characters.", func(s *Schema) any { return s.MinLength }},
	"min-items": {"Listan ska ha minst %v värden.", "The array must have at least %v values.", func(s *Schema) any { return s.MinItems }},
	"max-items": {"Listan får ha högst %v värden.", "The array may have at most %v values.", func(s *Schema) any { return *s.MaxItems }},
	"minimum":   {"Värdet ska vara minst %v.", "The value must be at least %v.", func(s *Schema) any { return decimal(s.Minimum) }},
	"above":     {"Värdet ska vara större än %v.", "The value must be more than %v.", func(s *Schema) any { return decimal(s.Minimum) }},
	"maximum":   {"Värdet får vara högst %v.", "The value may be at most %v.", func(s *Schema) any { return decimal(s.Maximum) }},
	"below":     {"Värdet ska vara mindre än %v.", "The value must be less than %v.", func(s *Schema) any { return decimal(s.Maximum) }},
	"enum": {"Värdet ska vara ett av: %v.", "The value must be one of: %v.", func(s *Schema) any {
		var names []string
		for _, v := range s.Enum[:min(len(s.Enum), 30)] {
			names = append(names, fmt.Sprint(v))
		}
		return strings.Join(names, ", ")
	}},
}

func decimal(limit *float64) string {
	if limit == nil {
		return "?"
	}
	return strconv.FormatFloat(*limit, 'f', -1, 64)
}

func message(code string, s *Schema) fault.Text {
	if text, ok := messages[code]; ok || s == nil {
		return text
	}
	if s.Wanted != nil && (code == "pattern" || code == "format" || code == "shape") {
		return *s.Wanted // a case worker cannot read a pattern
	}
	texts, hasValue := textsWithValue[code]
	format, hasFormat := formatMessages[s.Format]
	switch {
	case code == "type":
		return typeMessages[s.Type]
	case code == "format" && hasFormat:
		return format
	case code == "too-short" && s.MinLength == 1:
		return fault.Text{SV: "Texten får inte vara tom.", EN: "The text must not be empty."}
	case code == "min-items" && s.MinItems == 1:
		return fault.Text{SV: "Listan får inte vara tom.", EN: "The array must not be empty."}
	case hasValue:
		return fault.Text{SV: fmt.Sprintf(texts.sv, texts.value(s)), EN: fmt.Sprintf(texts.en, texts.value(s))}
	}
	return messages["shape"]
}
