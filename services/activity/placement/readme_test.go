package placement

import (
	"testing"

	"github.com/finsam/finsam/pkg/readmetest"
)

// TestREADMEHasTheTableOfTheCode keeps the drawing in the service's README: go test
// ./placement -run README -update writes it.
func TestREADMEHasTheTableOfTheCode(t *testing.T) {
	t.Chdir("..")
	readmetest.Check(t, map[string]string{"placement": Table.Drawing(States)})
}
