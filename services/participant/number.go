package participant

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/finsam/finsam/pkg/fault"
)

// Number is a personal identity number or a coordination number (day + 60) in
// its canonical form, the twelve digits YYYYMMDDNNNN.
type Number string

// ErrNumber answers what is no personal identity number. It never says which
// part was wrong, nor repeats the number.
var ErrNumber = fault.New(fault.Unprocessable, "bad-personal-identity-number",
	"Personnumret eller samordningsnumret är inte giltigt. Kontrollera siffrorna.",
	"The personal identity number or coordination number is not valid. Check the digits.")

// coordinationDay is what is added to the day of birth in a coordination number.
const coordinationDay = 60

// ParseNumber reads ten or twelve digits, with "-" or "+" before the last four
// or without. Of ten digits, "+" says that the person turns at least 100 this
// year and anything else that the person does not (Tax Agency, SKV 704).
func ParseNumber(text string, today Day) (Number, error) {
	digits, sign, ok := split(text)
	if !ok {
		return "", ErrNumber
	}
	year, err := strconv.Atoi(string(today[:4]))
	if err != nil {
		return "", ErrNumber
	}
	if len(digits) == 10 {
		digits = century(digits, year, sign == '+') + digits
	} else if born, _ := strconv.Atoi(digits[:4]); sign == '+' && year-born < 100 {
		return "", ErrNumber
	}
	n := Number(digits)
	if !luhn(digits[2:]) || digits[8:11] == "000" || digits[:4] < "1800" {
		return "", ErrNumber
	}
	birth, err := ParseDay(n.date())
	if err != nil || birth > today {
		return "", ErrNumber
	}
	return n, nil
}

// split parts the text into its digits and the sign before the last four, 0 if
// there is none.
func split(text string) (digits string, sign byte, ok bool) {
	if len(text) == 11 || len(text) == 13 {
		at := len(text) - 5
		sign = text[at]
		text = text[:at] + text[at+1:]
		if sign != '-' && sign != '+' {
			return "", 0, false
		}
	}
	if len(text) != 10 && len(text) != 12 {
		return "", 0, false
	}
	return text, sign, strings.Trim(text, "0123456789") == ""
}

// century gives the first two digits of the year of birth of a ten-digit number.
func century(digits string, year int, hundred bool) string {
	two, _ := strconv.Atoi(digits[:2])
	born := year - year%100 + two
	if born > year {
		born -= 100
	}
	if hundred {
		born -= 100
	}
	return strconv.Itoa(born / 100)
}

// luhn tells whether the last of ten digits is the check digit of the others
// (the modulus-10 method: every second digit doubled, the first one too).
func luhn(ten string) bool {
	sum := 0
	for i := range ten {
		d := int(ten[i] - '0')
		if i%2 == 0 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return sum%10 == 0
}

// Coordination tells whether it is a coordination number.
func (n Number) Coordination() bool { return n[6:8] > "60" }

// date gives the date of birth, which need not exist, as a Day is written.
func (n Number) date() string {
	day := string(n[6:8])
	if d, _ := strconv.Atoi(day); d > coordinationDay {
		day = strconv.Itoa(100 + d - coordinationDay)[1:]
	}
	return string(n[:4]) + "-" + string(n[4:6]) + "-" + day
}

// Birth gives the date of birth.
func (n Number) Birth() Day { return Day(n.date()) }

// Masked gives the number with the last four digits hidden.
func (n Number) Masked() string { return string(n[:8]) + "-****" }

// ErrNumberHere answers a code or an id in which a personal identity number
// stands: codes are kept and told in clear, so it must not get that far.
var ErrNumberHere = fault.New(fault.Unprocessable, "personal-identity-number-here",
	"Ett personnummer får inte stå här. Ange ett id som inte pekar ut någon.",
	"A personal identity number must not stand here. Give an id that points out nobody.")

var digitsLikeANumber = regexp.MustCompile(`[0-9]{6,8}[-+]?[0-9]{4}`)

// noNumber wants codes without a personal identity number in them.
func noNumber(pointer string, today Day, codes ...string) error {
	for _, code := range codes {
		for _, digits := range digitsLikeANumber.FindAllString(code, -1) {
			if _, err := ParseNumber(digits, today); err == nil {
				return ErrNumberHere.AtField(pointer)
			}
		}
	}
	return nil
}
