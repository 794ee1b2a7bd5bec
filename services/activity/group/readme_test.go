package group_test

import (
	"os"
	"strings"
	"testing"

	"github.com/finsam/finsam/services/activity/group"
)

// TestTheServicesREADMEHasTheTablesOfGroups: the states of groups and waits are drawn in the
// service's README.
func TestTheServicesREADMEHasTheTablesOfGroups(t *testing.T) {
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"group": group.Table.Drawing(group.States), "group wait": group.WaitTable.Drawing(group.WaitStates)} {
		_, rest, _ := strings.Cut(string(page), "<!-- "+name+" -->\n")
		got, _, _ := strings.Cut(rest, "<!-- /"+name+" -->")
		if got != want {
			t.Errorf("between the marks of %s the README has to have\n%s", name, want)
		}
	}
}
