// Package codelist has the words, in Swedish and English, for every code that the contracts
// let a body have. It is the one place for them: what the service writes into a file or a
// sentence is worded as front ends read it.
package codelist

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/finsam/finsam/pkg/fault"
)

// List is what one enumeration can say.
type List struct {
	ID    string // the name of its schema in the contract
	Label fault.Text
	Codes []Code
}

// Code is one value of a list.
type Code struct {
	ID    string // as bodies have it
	Label fault.Text
}

func list(id, sv, en string, codes []Code, more ...Code) List {
	return List{id, fault.Text{SV: sv, EN: en}, append(slices.Clone(codes), more...)}
}

func code(id, sv, en string) Code { return Code{id, fault.Text{SV: sv, EN: en}} }

// prefixed returns codes under longer ids, without some.
func prefixed(prefix string, codes []Code, without ...string) (all []Code) {
	for _, c := range codes {
		if !slices.Contains(without, c.ID) {
			all = append(all, Code{prefix + c.ID, c.Label})
		}
	}
	return all
}

// only returns some of the codes.
func only(codes []Code, ids ...string) (some []Code) {
	for _, c := range codes {
		if slices.Contains(ids, c.ID) {
			some = append(some, c)
		}
	}
	return some
}

// Labels returns the words for the codes of a list, as they begin a line; nil when there is
// no such list.
func Labels[T ~string](id string) map[T]fault.Text {
	i := slices.IndexFunc(Lists, func(l List) bool { return l.ID == id })
	if i < 0 {
		return nil
	}
	labels := make(map[T]fault.Text, len(Lists[i].Codes))
	for _, c := range Lists[i].Codes {
		labels[T(c.ID)] = c.Label
	}
	return labels
}

// Phrases returns the words for the codes of a list as they are within a sentence.
func Phrases[T ~string](id string) map[T]fault.Text {
	phrases := Labels[T](id)
	for c, l := range phrases {
		phrases[c] = fault.Text{SV: lowered(l.SV), EN: lowered(l.EN)}
	}
	return phrases
}

func lowered(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(first)) + s[size:]
}
