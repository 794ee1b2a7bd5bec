package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestWriteReplacesAFileAndLeavesNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.json")
	for _, c := range []struct {
		text string
		perm fs.FileMode
	}{{"first", 0o600}, {"", 0o644}, {strings.Repeat("long ", 100_000), 0o600}} {
		if err := Write(path, []byte(c.text), c.perm); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || string(got) != c.text || info.Mode().Perm() != c.perm {
			t.Errorf("read %d bytes, mode %v, %v, %v", len(got), info.Mode(), err, statErr)
		}
	}
	onlyFile(t, dir, "keys.json")
}

func TestCreateNeverReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "fk.key")
	if err := Create(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, []byte("second"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(path); string(got) != "first" {
		t.Errorf("got %q, %v", got, err)
	}
	onlyFile(t, dir, "fk.key")
}

func TestAFailedWriteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "taken", "inner"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "taken"), []byte("x"), 0o600); err == nil {
		t.Error("a folder was replaced by a file")
	}
	onlyFile(t, dir, "taken")
	if err := Write(filepath.Join(dir, "nowhere", "x"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestReadersNeverSeeHalfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "position")
	texts := []string{strings.Repeat("a", 10_000), strings.Repeat("b", 20_000)}
	if err := Write(path, []byte(texts[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for _, text := range texts {
		writers.Go(func() {
			for range 20 {
				if err := Write(path, []byte(text), 0o600); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 200 {
		if got, err := os.ReadFile(path); err != nil || string(got) != texts[0] && string(got) != texts[1] {
			t.Fatalf("read %d bytes, %v", len(got), err)
		}
	}
	writers.Wait()
}

func onlyFile(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}
