package participant

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// plainLetters are those that Unicode does not write as a letter with a mark.
var plainLetters = strings.NewReplacer("ø", "o", "æ", "ae", "œ", "oe", "ß", "ss", "đ", "d", "ð", "d", "þ", "th", "ł", "l", "ı", "i")

// NameWords returns the words of a name as they are compared: in lower case, without
// marks, so that Åsa and Asa, Kovač and Kovac, are one.
func NameWords(name string) []string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case unicode.IsLetter(r):
			return unicode.ToLower(r)
		}
		return ' '
	}, norm.NFKD.String(strings.ToValidUTF8(name, " ")))
	return strings.Fields(plainLetters.Replace(plain))
}

// shortWord is the length in bytes of a word that is compared whole; a longer one may be
// the beginning of a name.
const shortWord = 2

// MatchesName reports whether each of the words begins a part of the name, another one for
// each.
func (i Identity) MatchesName(words []string) bool {
	parts := NameWords(i.GivenName + " " + i.FamilyName)
	for _, word := range words {
		n := slices.IndexFunc(parts, func(part string) bool {
			return part == word || len(word) > shortWord && strings.HasPrefix(part, word)
		})
		if n < 0 {
			return false
		}
		parts = slices.Delete(parts, n, n+1)
	}
	return len(words) > 0
}

// maxMunicipalities is in how many municipalities at once a person is found by name; the
// store has as many keys.
const maxMunicipalities = 3

// Municipalities returns those that have to do with the person now, the latest first, at
// most maxMunicipalities.
func (s *PersonStatus) Municipalities() []string {
	var all []string
	add := func(code string) {
		if code != "" && !slices.Contains(all, code) {
			all = append(all, code)
		}
	}
	for _, e := range slices.Backward(s.Enrolments) {
		add(e.Municipality)
	}
	for _, tie := range slices.Backward(s.Referrals) {
		if !tie.Mistaken {
			add(tie.Holder)
			add(tie.Candidate)
		}
	}
	return all[:min(len(all), maxMunicipalities)]
}
