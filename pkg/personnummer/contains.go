package personnummer

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

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
	if countDigits(text) < minDigits {
		return false
	}
	plain := simplify(uuids.ReplaceAllString(text, "å"))
	for groups := range strings.FieldsFuncSeq(plain, func(r rune) bool { return r != ' ' && (r < '0' || r > '9') }) {
		if digitsContain(groups) {
			return true
		}
	}
	for _, match := range interim.FindAllStringSubmatch(plain, -1) {
		date := strings.ReplaceAll(match[1], " ", "")
		if monthDay := date[len(date)-4:]; isDate(number(monthDay[:2]), number(monthDay[2:])) {
			return true
		}
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
