package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/finsam/finsam/test/suite"
)

// The lock on the database itself is Linux's.
func TestCase_G14_AFolderServesOneProgramWithoutTheFileBesideTheDatabase(t *testing.T) {
	t.Parallel()
	s := suite.OneProcess(t, unlimited...)
	if err := os.Remove(filepath.Join(s.Data, "finsam.db.lock")); err != nil {
		t.Fatal(err)
	}
	second := exec.Command(filepath.Join(suite.Programs(t), "finsam"), "serve", "--demo", "--empty", "--addr", "127.0.0.1:0", "--admin-addr", "off", "--data", s.Data)
	out, err := second.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "in use by another process: stop that process") {
		t.Errorf("a second one started: %v %s", err, out)
	}
	if set := s.Finsam(t, "backup", "--data", s.Data); !strings.Contains(set, "finsam-") { // which the running one makes
		t.Errorf("backup: %s", set)
	}
	s.Must(t, http.StatusOK, suite.Request{Path: "/municipalities/1481/week", Token: s.Token(t, board)})
}
