package sqlite_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/store/sqlite"
)

// The lock on the database itself is Linux's.
func TestTheFileIsHeldWithoutTheOneBesideIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "held.db")
	db := open(t, path)
	notesOf(t, db)
	if err := os.Remove(path + ".lock"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "is in use by another process: stop that process") {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := sqlite.Open(t.Context(), path); !errors.Is(err, sqlite.ErrInUse) {
		t.Fatal("opened twice in one process: ", err)
	}
	if _, err := notesOf(t, db).Insert(t.Context(), newNote(1)); err != nil {
		t.Fatal("the first one was disturbed:", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}
