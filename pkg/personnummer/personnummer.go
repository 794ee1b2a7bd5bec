// Package personnummer is the one rule of what a Swedish personal identity
// number is: of personal identity numbers (personnummer), of coordination
// numbers (samordningsnummer) and, where it guards, of the interim numbers of
// health care (reservnummer).
//
// Parse reads a number that was asked for. Contains guards every other text: a
// reference, a code, a subject or a request's id is kept and logged in clear, so
// no number may be in it.
package personnummer

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
)

// The faults of numbers. Neither says which part is wrong or repeats the number.
var (
	ErrInvalid = fault.New(fault.Unprocessable, "bad-personal-identity-number",
		"Personnumret eller samordningsnumret är inte giltigt. Kontrollera siffrorna.",
		"The personal identity number or coordination number is not valid. Check the digits.")
	ErrNumberHere = fault.New(fault.Unprocessable, "personal-identity-number-here",
		"Ett personnummer får inte stå här. Skriv något som inte pekar ut någon person.",
		"A personal identity number is not allowed here. Write something that does not identify a person.")
)

// Number is a personal identity number or a coordination number in its canonical
// form, the twelve digits YYYYMMDDNNNN. It is what the vault stores and derives
// its lookup key from. The methods are for numbers that Parse returned.
type Number string

const (
	coordinationDay = 60     // added to the day of birth in a coordination number
	firstYear       = "1800" // nobody alive was born before
)

// Parse reads ten or twelve digits, with "-" or "+" before the last four or
// without; today is the date on which it is written. Of ten digits, "+" says
// that the person turns at least 100 this year and anything else that the person
// does not (Swedish Tax Agency, SKV 704); of twelve, "+" must agree with them.
//
// It returns ErrInvalid for everything else: a wrong check digit, the serial 000,
// a personal identity number whose date does not exist, a date after today, and
// the interim numbers of health care. A coordination number may leave out the
// month or the day of birth (00, 60), or name a day that its month does not have.
func Parse(text string, today civil.Date) (Number, error) {
	digits, sign := text, byte(0)
	if n := len(text) - 5; n == 6 || n == 8 {
		digits, sign = text[:n]+text[n+1:], text[n]
		if sign != '-' && sign != '+' {
			return "", ErrInvalid
		}
	}
	if len(digits) != 10 && len(digits) != 12 || strings.Trim(digits, "0123456789") != "" || !today.Valid() {
		return "", ErrInvalid
	}
	year := number(string(today[:4]))
	if len(digits) == 10 {
		born := year - year%100 + number(digits[:2])
		if born > year {
			born -= 100
		}
		if sign == '+' {
			born -= 100
		}
		digits = strconv.Itoa(born/100) + digits
	} else if sign == '+' && year-number(digits[:4]) < 100 {
		return "", ErrInvalid
	}
	n := Number(digits)
	if !isNumber(digits[2:]) || digits[:4] < firstYear || n.date() > today {
		return "", ErrInvalid
	}
	if !n.IsCoordination() && !n.date().Valid() {
		return "", ErrInvalid
	}
	return n, nil
}

// isNumber reports whether ten digits can be a number: a month, a day, 60 more in
// a coordination number, a serial and a check digit by the Luhn algorithm.
func isNumber(ten string) bool {
	if !isDate(number(ten[2:4]), number(ten[4:6])) || ten[6:9] == "000" {
		return false
	}
	sum := 0
	for i := range len(ten) {
		d := int(ten[i] - '0')
		if i%2 == 0 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return sum%10 == 0
}

// isDate reports whether month and day are those of some number, in whatever
// year. Only coordination numbers leave a part out.
func isDate(month, day int) bool {
	if day >= coordinationDay {
		return month <= 12 && day <= coordinationDay+31
	}
	return month >= 1 && month <= 12 && day >= 1 && day <= 31
}

func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// IsCoordination reports whether it is a coordination number, for a person who
// is not in the population register.
func (n Number) IsCoordination() bool { return n[6:8] >= "60" }

// date is the date of birth as the number has it; month and day may be 00.
func (n Number) date() civil.Date {
	day := number(string(n[6:8]))
	if n.IsCoordination() {
		day -= coordinationDay
	}
	return civil.Date(string(n[:4]) + "-" + string(n[4:6]) + "-" + strconv.Itoa(100 + day)[1:])
}

// BirthDate returns the date of birth. It reports false for a coordination
// number that names none, or a date that does not exist; then the birth date is
// unknown, and every rule about the age has to say so.
func (n Number) BirthDate() (civil.Date, bool) {
	d := n.date()
	if !d.Valid() {
		return "", false
	}
	return d, true
}

// BornFrom returns the first day on which the person can have been born: the birth
// date, or the first day of the year where the number does not name a date.
func (n Number) BornFrom() civil.Date {
	if d, known := n.BirthDate(); known {
		return d
	}
	return civil.Date(string(n[:4]) + "-01-01")
}

// AgeOn returns the age in whole years on a day; false when it is unknown.
func (n Number) AgeOn(day civil.Date) (int, bool) {
	birth, ok := n.BirthDate()
	if !ok {
		return 0, false
	}
	return birth.AgeOn(day), true
}

// Masked returns the number with the last four digits hidden.
func (n Number) Masked() string { return string(n[:8]) + "-****" }

// Contains reports whether a number is anywhere in a text: of ten or twelve
// digits in any script, whole or among other words, and with up to three signs
// or blanks anywhere between the digits. It knows no date of today, so a number
// of the future is one too. Interim numbers have one letter among the last four.
//
// It is made to find too much rather than too little: of invented references
// with ten digits about one in a hundred looks like a number by chance. UUIDs
// are left out, since one in some thousand random ones does. It may be called at
// once by many.
func Contains(text string) bool {
	if countDigits(text) < minDigits || len(text) == 36 && uuid.Validate(text) == nil {
		return false
	}
	plain := simplify(uuids.ReplaceAllString(text, "å"))
	for groups := range strings.FieldsFuncSeq(plain, func(r rune) bool { return r != ' ' && (r < '0' || r > '9') }) {
		if digitsContain(groups) {
			return true
		}
	}
	for match := interim.FindStringSubmatchIndex(plain); match != nil; match = interim.FindStringSubmatchIndex(plain) {
		date := strings.ReplaceAll(plain[match[2]:match[3]], " ", "")
		if monthDay := date[len(date)-4:]; isDate(number(monthDay[:2]), number(monthDay[2:])) {
			return true
		}
		plain = plain[match[1]-1:] // the sign behind one can be that before the next
	}
	return false
}

// centuries are those in which people with a number were born.
var centuries = []string{"18", "19", "20"}

// minDigits is what an interim number of the short form has.
const minDigits = 9

var uuids = regexp.MustCompile(`(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// interim is an interim number in a simplified text; the group is its date. The
// letter can be any of the last four signs: the regions differ.
var interim = regexp.MustCompile(`(?:^|[^0-9])((?:1[89]|20)? ?[0-9]{2} ?[0-9]{2} ?[0-9]{2}) ?` +
	`(?:[A-Z][0-9]{3}|[0-9][A-Z][0-9]{2}|[0-9]{2}[A-Z][0-9]|[0-9]{3}[A-Z])(?:[^0-9A-Z]|$)`)

// digitsContain looks for a number in groups of digits parted by blanks: twelve
// digits anywhere, since their century makes a chance hit rare, and ten where
// they are whole groups.
func digitsContain(groups string) bool {
	digits := strings.ReplaceAll(groups, " ", "")
	borders := make([]bool, len(digits)+1) // where groups begin and end
	borders[0] = true
	end := 0
	for group := range strings.FieldsSeq(groups) {
		end += len(group)
		borders[end] = true
	}
	for i := 0; i+10 <= len(digits); i++ {
		if borders[i] && borders[i+10] && isNumber(digits[i:i+10]) {
			return true
		}
		if i+12 <= len(digits) && slices.Contains(centuries, digits[i:i+2]) && isNumber(digits[i+2:i+12]) {
			return true
		}
	}
	return false
}

// simplify writes digits of every script as 0 to 9, letters of ASCII in upper
// case, other letters as "x", and up to three signs or blanks in a row as one
// blank; more of them as "x" too. Invisible characters are left out.
func simplify(text string) string {
	var b strings.Builder
	signs := 0
	for _, r := range text {
		digit, isDigit := digitOf(r)
		switch {
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Mn, r):
			continue
		case !isDigit && !unicode.IsLetter(r):
			signs++
			continue
		}
		if signs > 3 {
			b.WriteByte('x')
		} else if signs > 0 {
			b.WriteByte(' ')
		}
		signs = 0
		switch {
		case isDigit:
			b.WriteByte(digit)
		case r < unicode.MaxASCII:
			b.WriteRune(unicode.ToUpper(r))
		default:
			b.WriteByte('x')
		}
	}
	return b.String()
}

func countDigits(text string) int {
	n := 0
	for _, r := range text {
		if _, ok := digitOf(r); ok {
			n++
		}
	}
	return n
}

// digitOf returns the ASCII form of a decimal digit of any script: each range of
// them in Unicode begins at a zero.
func digitOf(r rune) (byte, bool) {
	if r < unicode.MaxASCII {
		return byte(r), r >= '0' && r <= '9'
	}
	if !unicode.IsDigit(r) {
		return 0, false
	}
	for _, block := range unicode.Nd.R16 {
		if uint32(r) <= uint32(block.Hi) {
			return '0' + byte((uint32(r)-uint32(block.Lo))%10), true
		}
	}
	for _, block := range unicode.Nd.R32 {
		if uint32(r) <= block.Hi {
			return '0' + byte((uint32(r)-block.Lo)%10), true
		}
	}
	return 0, false
}
