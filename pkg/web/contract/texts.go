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
	"says-nothing":      {SV: "Texten måste innehålla minst en bokstav eller siffra.", EN: "The text must have at least one letter or digit."},
	"not-a-character":   {SV: "Texten innehåller ett tecken som inte finns (noll eller ett halvt surrogatpar). Ta bort det.", EN: "The text holds a character that does not exist (NUL or half a surrogate pair). Remove it."},
	"personal-identity-number-here": {SV: "Värdet ser ut som ett personnummer, och ett sådant får inte stå i en adress. Ange ett id som inte pekar ut någon person.",
		EN: "The value looks like a personal identity number, which is not allowed in an address. Use an identifier that does not identify a person."},
	"not-unique":      {SV: "Samma värde får bara finnas en gång.", EN: "The same value may occur only once."},
	"read-only":       {SV: "Fältet kan läsas men inte skickas. Ta bort det.", EN: "The field is read-only. Remove it."},
	"not-a-query":     {SV: "Det som står efter frågetecknet i adressen går inte att läsa. Rätta adressen.", EN: "The part of the address after the question mark cannot be read. Correct the address."},
	"shape":           {SV: "Värdet har inte den form som beskrivs i dokumentationen. Rätta det.", EN: "The value does not have the form that the documentation describes. Correct it."},
	"duplicate-field": {SV: "Fältet finns två gånger i samma objekt. Skicka det en gång.", EN: "The field occurs twice in the same object. Send it once."},
	"too-deep":        {SV: "Objekt och listor får vara nästlade i högst 32 nivåer.", EN: "Objects and arrays may be nested at most 32 levels deep."},
	"not-json":        {SV: "Innehållet är inte giltig JSON från det här stället. Rätta det.", EN: "The body is not valid JSON from this point on. Correct it."},
	"too-many-values": {SV: "Innehållet får ha högst 20 000 värden. Skicka färre.", EN: "The body may hold at most 20,000 values. Send fewer."},
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
	"line":      {SV: "Skriv texten på en rad, utan radbrytningar och osynliga tecken.", EN: "Write the text on one line, without line breaks and invisible characters."},
	"uri":       {SV: "Skriv en fullständig webbadress, så här: https://exempel.se/sida.", EN: "Write a complete web address, like this: https://example.org/page."},
}

// Patterns are the sentences on the patterns of the contracts, for those that have none of
// their own (x-wanted): nobody should have to read a pattern.
var Patterns = map[string]fault.Text{
	`^[0-9]{4}$`:                             {SV: "Skriv kommunkoden med fyra siffror, som 1481.", EN: "Write the municipality's code with four digits, such as 1481."},
	`^[0-9]{4}-(0[1-9]|1[0-2])$`:             {SV: "Skriv månaden så här: 2026-01.", EN: "Write the month like this: 2026-01."},
	`^[a-z0-9][a-z0-9-]*$`:                   {SV: "Skriv insatsens id med små bokstäver, siffror och bindestreck, som activera.", EN: "Write the initiative's id with lower-case letters, digits and hyphens, such as activera."},
	`^[a-z][a-z0-9-]{0,39}$`:                 {SV: "Skriv insatsens id med små bokstäver, siffror och bindestreck, som activera.", EN: "Write the initiative's id with lower-case letters, digits and hyphens, such as activera."},
	`^[a-z0-9][a-z0-9_-]*$`:                  {SV: "Skriv myndighetens id med små bokstäver, siffror, bindestreck och understreck, som molndal.", EN: "Write the authority's id with lower-case letters, digits, hyphens and underscores, such as molndal."},
	`^[a-z][a-z_]*$`:                         {SV: "Skriv frågans id så som checklistan har det, med små bokstäver och understreck.", EN: "Write the question's id as the checklist has it, with lower-case letters and underscores."},
	`^[a-z_]+(\.[A-Za-z0-9_-]+){0,2}$`:       {SV: "Skriv objektets id så som listan har det, som plan.activera.1441.", EN: "Write the object's id as the list has it, such as plan.activera.1441."},
	`^site\.[0-9]{4}\.[a-z][a-z0-9-]{0,39}$`: {SV: "Skriv platsens id så som /programme-objects har det, som site.1481.neon-resurscenter.", EN: "Write the site's id as /programme-objects has it, such as site.1481.neon-resurscenter."},
	`^[^\x00-\x1f\x7f]+$`:                    {SV: "Skriv ledarens id så som inloggningen visar det, eller me för din egen vecka.", EN: "Write the leader's id as the login shows it, or me for your own week."},
	`^[a-z][a-z_]{0,39}$`:                    {SV: "Skriv koden med små bokstäver och understreck.", EN: "Write the code with lower-case letters and underscores."},
	`^[A-Za-z]+$`:                            {SV: "Skriv kodlistans namn så som /code-lists har det, som EndReason.", EN: "Write the code list's name as /code-lists has it, such as EndReason."},
	`^[A-Za-z0-9-]+$`:                        {SV: "Använd bara bokstäver a till z, siffror och bindestreck.", EN: "Use only the letters a to z, digits and hyphens."},
	`^[0-9a-f]+$`:                            {SV: "Skriv planens version så som /plans har den.", EN: "Write the plan's version as /plans has it."},
	`^[A-Za-z0-9_-]+$`:                       {SV: "Använd värdet precis som det stod i ett tidigare svar.", EN: "Use the value exactly as an earlier answer had it."},
	`^[A-Za-z0-9._~-]+$`:                     {SV: "Använd bara bokstäver a till z, siffror och tecknen . _ ~ -", EN: "Use only the letters a to z, digits and the signs . _ ~ -"},
	`^[A-Za-z0-9._-]+$`:                      {SV: "Använd bara bokstäver a till z, siffror, punkt, bindestreck och understreck.", EN: "Use only the letters a to z, digits, full stops, hyphens and underscores."},
	`^[A-Za-z0-9][A-Za-z0-9._:/-]*$`:         {SV: "Börja med en bokstav eller siffra, och använd bara a till z, siffror och tecknen . _ : / -", EN: "Begin with a letter or digit, and use only a to z, digits and the signs . _ : / -"},
	`^[^\x00-\x20\x7f]+$`:                    {SV: "Skriv den inloggades id utan mellanslag, så som inloggningen visar det.", EN: "Write the user's id without blanks, as the login shows it."},
	`^[^\x00-\x20,\x7f]+$`:                   {SV: "Skriv den inloggades id utan mellanslag och komma, så som inloggningen visar det.", EN: "Write the user's id without blanks and commas, as the login shows it."},
	`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`: formatMessages["uuid"],
	`^[0-9a-f]{64}$`: {SV: "Använd värdet precis som det stod i ett tidigare svar.", EN: "Use the value exactly as an earlier answer had it."},
	`^20[0-9]{2}-W(0[1-9]|[1-4][0-9]|5[0-3])$`: {SV: "Skriv veckan så här: 2026-W05.", EN: "Write the week like this: 2026-W05."},
	`^([01][0-9]|2[0-3]):[0-5][0-9]$`:          {SV: "Skriv klockslaget så här: 13:45.", EN: "Write the time of day like this: 13:45."},
	`^[0-9]{4}-[0-9]{6,}$`:                     {SV: "Skriv diarienumret så här: 2026-000123.", EN: "Write the registry number like this: 2026-000123."},
	`^[+0-9][0-9 ()-]*$`:                       {SV: "Skriv telefonnumret med siffror, gärna med +46 först.", EN: "Write the phone number with digits, preferably with +46 first."},
	`^[0-9]{6}([0-9]{2})?[-+]?[0-9]{4}$`:       {SV: "Skriv personnumret eller samordningsnumret som ÅÅÅÅMMDD-NNNN.", EN: "Write the personal identity number or coordination number as YYYYMMDD-NNNN."},
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
	"too-long":   {"Texten får ha högst %v tecken.", "The text may have at most %v characters.", func(s *Schema) any { return *s.MaxLength }},
	"too-short":  {"Texten ska ha minst %v tecken.", "The text must have at least %v characters.", func(s *Schema) any { return s.MinLength }},
	"min-items":  {"Listan ska ha minst %v värden.", "The array must have at least %v values.", func(s *Schema) any { return s.MinItems }},
	"max-items":  {"Listan får ha högst %v värden.", "The array may have at most %v values.", func(s *Schema) any { return *s.MaxItems }},
	"min-fields": {"Ange minst %v av fälten.", "Give at least %v of the fields.", func(s *Schema) any { return s.MinFields }},
	"max-fields": {"Ange högst %v fält.", "Give at most %v fields.", func(s *Schema) any { return *s.MaxFields }},
	"minimum":    {"Värdet ska vara minst %v.", "The value must be at least %v.", func(s *Schema) any { return decimal(s.Minimum) }},
	"above":      {"Värdet ska vara större än %v.", "The value must be more than %v.", func(s *Schema) any { return decimal(s.Minimum) }},
	"maximum":    {"Värdet får vara högst %v.", "The value may be at most %v.", func(s *Schema) any { return decimal(s.Maximum) }},
	"below":      {"Värdet ska vara mindre än %v.", "The value must be less than %v.", func(s *Schema) any { return decimal(s.Maximum) }},
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
		return *s.Wanted
	}
	if text, ok := Patterns[s.Pattern]; ok && code == "pattern" {
		return text
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
	case code == "min-fields" && s.MinFields == 1:
		return fault.Text{SV: "Ange minst ett av fälten.", EN: "Give at least one of the fields."}
	case hasValue:
		return fault.Text{SV: fmt.Sprintf(texts.sv, texts.value(s)), EN: fmt.Sprintf(texts.en, texts.value(s))}
	}
	return messages["shape"]
}
