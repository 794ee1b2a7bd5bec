package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/finsam/finsam/test/suite"
)

// municipalityCode is one of Västra Götaland's, as the example has them.
var municipalityCode = regexp.MustCompile(`"14([0-9]{2})"`)

// twoAssociations is a suite in one process that serves a second association,
// kalmar, with municipalities of its own, beside insjoriket, and an issuer that
// says of a caller whatever a test wants.
func twoAssociations(t *testing.T) (*suite.Suite, *issuer) {
	t.Helper()
	s := suite.OneProcess(t, unlimited...)
	text, err := os.ReadFile(filepath.Join("..", "..", "services", "standalone", "example", "insjoriket.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.NewReplacer("insjoriket", "kalmar", "Insjöriket", "Kalmar").Replace(string(text))
	other = municipalityCode.ReplaceAllString(other, `"08$1"`)
	file := filepath.Join(t.TempDir(), "kalmar.yaml")
	if err := os.WriteFile(file, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	p := s.Processes["finsam"]
	p.Stop()
	s.Finsam(t, "load", "--data", s.Data, file)
	i := newIssuer(t, filepath.Join(s.Data, "demo"), "insjoriket", "kalmar")
	p.Start(t)
	p.WaitReady(t)
	return s, i
}
