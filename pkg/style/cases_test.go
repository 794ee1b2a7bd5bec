package style

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// cases are the ids of what was once tried through the front door and answered wrongly. A
// letter is a kind: what somebody must not see, the access log, what is refused or taken
// wrongly, front ends, finsamctl, the national profile, one caller who takes the whole down.
var cases = strings.Fields(`
	A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14
	B1 B2 B3 B4 B5
	C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C16 C17 C18 C19 C20 C21 C22 C23 C24 C25 C26 C27 C28
	D1 D2 D3 D4 D5 D6 D7 D8 D9 D10
	E F
	G1 G2 G3 G4 G5 G6 G7 G8 G9 G10 G11 G12 G13 G14 G15`)

var caseID = regexp.MustCompile(`^[A-Z][0-9]*$`)

// TestEachCaseHasATestThatNamesIt wants a test TestCase_<id>_Sentence for each case, and a
// sentence in the name of each test of a case.
func TestEachCaseHasATestThatNamesIt(t *testing.T) {
	var named []string
	for _, s := range sources(t) {
		s.functions(func(d *ast.FuncDecl, _ int) {
			words, is := strings.CutPrefix(d.Name.Name, "TestCase_")
			if !is || !s.test {
				return
			}
			ids := strings.Split(words, "_")
			if last := ids[len(ids)-1]; caseID.MatchString(last) {
				report(t, s.path, "%s:%d: %s does not say what is right", s.path, s.line(d.Pos()), d.Name.Name)
			}
			named = append(named, ids[:len(ids)-1]...)
		})
	}
	for _, id := range cases {
		if !slices.Contains(named, id) {
			t.Errorf("no test shows case %s: write TestCase_%s_… through the front door, or give back the one that was there", id, id)
		}
	}
}
