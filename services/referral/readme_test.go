package referral

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/access"
	api "github.com/finsam/finsam/pkg/api/referral"
)

var update = flag.Bool("update", false, "write the drawings in README.md again")

// rights returns the rows of the access table that are this service's.
func rights() string {
	var rows []string
	for _, name := range append(access.Operations(), "getReferral#progress", "getReferral#duplicates", "getReferral#text") {
		operation, _, _ := strings.Cut(name, "#")
		if !bytes.Contains(api.Spec, []byte("operationId: "+operation+"\n")) {
			continue // of another service
		}
		var cells []string
		for _, c := range access.Row(name) {
			cell := fmt.Sprintf("`%s` (%s", c.Role, c.Relation)
			if c.Consent {
				cell += ", while consent holds"
			}
			if c.Named {
				cell += ", of a protected person only if named"
			}
			cells = append(cells, cell+")")
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", name, strings.Join(cells, "; ")))
	}
	slices.Sort(rows)
	return "| operation | who, in which relation |\n|---|---|\n" + strings.Join(rows, "")
}

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
	want := between(t, between(t, string(text), "states", transitions.Drawing(States)), "access", rights())
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
