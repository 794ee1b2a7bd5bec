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
	"strconv"
	"strings"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
)

// The faults of numbers. Neither says which part is wrong or repeats the number.
var (
	ErrInvalid = fault.New(fault.Unprocessable, "bad-personal-identity-number",
		"Personnumret eller samordningsnumret är inte giltigt. Kontrollera siffrorna.",
		"The personal identity number or coordination number is not valid. Check the digits.")
	ErrNumberHere = fault.New(fault.Unprocessable, "personal-identity-number-here",
		"Ett personnummer får inte stå här. Ange ett id som inte pekar ut någon person.",
		"A personal identity number is not allowed here. Use an identifier that does not identify a person.")
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
