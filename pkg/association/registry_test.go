package association

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/fault"
)

func TestWhatIsSavedIsLoaded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "associations")
	saved, err := Save(dir, realFile(t))
	if err != nil {
		t.Fatal(err)
	}
	// Saving again replaces; what is not YAML is left alone.
	if _, err := Save(dir, realFile(t)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Get("insjoriket")
	if err != nil || got.Version != saved.Version || len(r.All()) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 2 {
		t.Errorf("want no left-overs, got %v", entries)
	}
}

func TestAnAssociationThatIsNotServedIsNotFound(t *testing.T) {
	r, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get("elsewhere"); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestABadFileIsNotSaved(t *testing.T) {
	dir := t.TempDir()
	if _, err := Save(dir, []byte("association: {}")); err == nil {
		t.Error("want an error")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("got %v", entries)
	}
}

func TestLoadingNamesTheFilesThatAreWrong(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one.yaml", "two.yml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("association: {}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := LoadDir(dir)
	if err == nil || !strings.Contains(err.Error(), "one.yaml: ") || !strings.Contains(err.Error(), "two.yml: ") {
		t.Errorf("got %v", err)
	}
	if _, err := LoadDir(filepath.Join(dir, "missing")); err == nil {
		t.Error("want an error for a folder that is not there")
	}
}

func TestTheSameAssociationTwiceIsRefused(t *testing.T) {
	a, err := Parse(realFile(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewRegistry(a, a); err == nil {
		t.Error("want an error")
	}
}
