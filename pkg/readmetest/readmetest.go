// Package readmetest keeps the tables in a service's README equal to the code's.
package readmetest

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/access"
)

var update = flag.Bool("update", false, "write the tables in README.md from the code")

// Check compares each part of ./README.md between `<!-- name -->` and `<!-- /name -->`
// with the text of that name, or writes it with -update.
func Check(t *testing.T, parts map[string]string) {
	t.Helper()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := string(page)
	for name, text := range parts {
		before, rest, ok := strings.Cut(want, "<!-- "+name+" -->\n")
		_, after, closed := strings.Cut(rest, "<!-- /"+name+" -->")
		if !ok || !closed {
			t.Fatalf("README.md has no marks for %s", name)
		}
		want = before + "<!-- " + name + " -->\n" + text + "<!-- /" + name + " -->" + after
	}
	if *update {
		err = os.WriteFile("README.md", []byte(want), 0o644)
	} else if want != string(page) {
		t.Error("README.md has other tables than the code: go test . -run README -update")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Rights returns a table of who may call each operation of a contract, and see those
// parts of answers that have rows of their own, such as "getReferral#text".
func Rights(contract []byte, parts ...string) string {
	var rows []string
	for _, name := range append(access.Operations(), parts...) {
		operation, _, _ := strings.Cut(name, "#")
		if !bytes.Contains(contract, []byte("operationId: "+operation+"\n")) {
			continue // of another service
		}
		var cells []string
		for _, c := range access.Row(name) {
			cell := fmt.Sprintf("`%s` (%s", cmp.Or(string(c.Role), "anyone"), c.Relation)
			if c.Consent != "" {
				cell += fmt.Sprintf(", while consent shares the %s", c.Consent)
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
