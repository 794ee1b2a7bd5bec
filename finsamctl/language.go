package main

import "fmt"

// language is what the sentences for case workers are written in: "sv" or "en".
type language string

// say returns a sentence in the language, with its values.
func (l language) say(sv, en string, values ...any) string {
	if l == "en" {
		return fmt.Sprintf(en, values...)
	}
	return fmt.Sprintf(sv, values...)
}
