package participant

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestANameIsFoundByTheBeginningsOfItsParts(t *testing.T) {
	asa := Identity{GivenName: "Åsa Britt-Marie", FamilyName: "Påhittad d'Kovač"}
	for search, want := range map[string]bool{
		"Åsa":              true,
		"asa":              true,
		"ÅSA PÅHITT":       true,
		"Marie Britt":      true,
		"kovac":            true,
		"D Kov":            true,
		"Pa":               false, // two letters are a whole part
		"Åsa Åsa":          false, // of which there is one
		"hittad":           false, // no beginning
		"Åsa Annan":        false,
		"A\u030asa":        true, // a letter and its mark apart
		"":                 false,
		"-":                false,
		"Åsa  Britt-Marie": true,
	} {
		if got := asa.MatchesName(NameWords(search)); got != want {
			t.Errorf("%q: %v", search, got)
		}
	}
	if got := NameWords("Bjørn Łęcki Weiß"); !slices.Equal(got, []string{"bjorn", "lecki", "weiss"}) {
		t.Errorf("got %v", got)
	}
}

func FuzzNameWords(f *testing.F) {
	for _, seed := range []string{"Åsa Påhittad", "A\u030asa", "Weiß", "\u202eesrever", "名前", "", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		words := NameWords(name)
		for _, w := range words {
			if w == "" || !utf8.ValidString(w) || strings.ContainsAny(w, " -") {
				t.Errorf("%q has the word %q", name, w)
			}
		}
		if again := NameWords(strings.Join(words, " ")); !slices.Equal(again, words) {
			t.Errorf("%q is %v, and that is %v", name, words, again)
		}
		if who := (Identity{GivenName: name}); len(words) > 0 && !who.MatchesName(words) {
			t.Errorf("%q is not found by itself", name)
		}
	})
}

func TestAPersonIsFoundInEachMunicipalityThatHasToDoWithIt(t *testing.T) {
	p := &Person{Steps: []PersonStep{
		{Kind: Registered}, {Kind: ConsentGiven, Referral: "r1", Municipality: "1481"}, {Kind: ConsentGiven, Referral: "r2", Municipality: "1402"},
		{Kind: TransferAsked, Referral: "r2", Municipality: "1441"},
	}}
	is := func(sentence string, want ...string) {
		t.Helper()
		if got := p.Status().Municipalities(); !slices.Equal(got, want) {
			t.Errorf("%s: %v", sentence, got)
		}
	}
	is("the holders and the one that is asked", "1402", "1441", "1481")
	p.Steps = append(p.Steps, PersonStep{Kind: HandedOver, Referral: "r2", Municipality: "1441"})
	is("it took over", "1441", "1481")
	p.Steps = append(p.Steps, PersonStep{Kind: Released, Referral: "r1", Municipality: "1481"})
	is("the other rejected", "1441")
	p.Steps = append(p.Steps, PersonStep{Kind: Enrolled, Referral: "r2", Enrolment: "e", Municipality: "1441"}, PersonStep{Kind: Mistaken, Referral: "r2"})
	is("an enrolment remains", "1441")
}
