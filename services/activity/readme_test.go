package activity

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the drawings in README.md from the tables")

// between puts text between a pair of marks.
func between(t *testing.T, page, mark, text string) string {
	t.Helper()
	before, rest, ok := strings.Cut(page, "<!-- "+mark+" -->\n")
	_, behind, closed := strings.Cut(rest, "<!-- /"+mark+" -->")
	if !ok || !closed {
		t.Fatalf("README.md has no marks for %s", mark)
	}
	return before + "<!-- " + mark + " -->\n" + text + "<!-- /" + mark + " -->" + behind
}

func TestREADMEDrawsTheTablesAsTheyAre(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for mark, drawing := range map[string]string{
		"booking":      bookingTable.Drawing(bookingStates),
		"cancellation": cancellationTable.Drawing(cancellationStates),
		"address":      addressTable.Drawing(addressStates),
	} {
		want = between(t, want, mark, drawing)
	}
	if *update {
		if err := os.WriteFile("README.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(text) {
		t.Error("README.md draws other tables than the code has: go test . -run README -update")
	}
}
