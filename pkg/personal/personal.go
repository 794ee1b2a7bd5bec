// Package personal knows what a personal identity number looks like, so that
// none gets to where it may not stand: a reference, a code or a request's id is
// kept, logged and told in clear.
package personal

import (
	"regexp"
	"strings"
)

// digits are runs of them, with the signs between that people write in numbers.
var digits = regexp.MustCompile(`[0-9]+(?:[-+./:_ ][0-9]+)*`)

// uuids are left out: one in some thousand random ones has such digits in it.
var uuids = regexp.MustCompile(`(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// Number tells whether a text holds what could be a Swedish personal identity or
// coordination number, whole or among other words: ten or twelve digits, signs
// aside, with a month and a day (60 more for a coordination number), whose last
// ten pass the check (Luhn). One in some hundred invented numbers does by chance.
func Number(text string) bool {
	for _, run := range digits.FindAllString(uuids.ReplaceAllString(text, "x"), -1) {
		if isNumber(signs.Replace(run)) {
			return true
		}
	}
	return false
}

var signs = strings.NewReplacer("-", "", "+", "", ".", "", "/", "", ":", "", "_", "", " ", "")

func isNumber(run string) bool {
	if len(run) == 12 {
		run = run[2:]
	}
	if len(run) != 10 {
		return false
	}
	day := int(run[4]-'0')*10 + int(run[5]-'0')
	month := int(run[2]-'0')*10 + int(run[3]-'0')
	if month < 1 || month > 12 || day%60 < 1 || day%60 > 31 || day > 91 {
		return false
	}
	sum := 0
	for i, r := range run {
		d := int(r - '0')
		if i%2 == 0 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return sum%10 == 0
}
