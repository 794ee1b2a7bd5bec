package folder_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/blob"
	"github.com/finsam/finsam/pkg/blob/blobtest"
	"github.com/finsam/finsam/pkg/blob/folder"
)

func open(t *testing.T, dir string) *folder.Store {
	t.Helper()
	s, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s blob.Store, name, text string) {
	t.Helper()
	err := s.Put(t.Context(), name, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheFolderFulfilsTheContract(t *testing.T) {
	dir := t.TempDir()
	blobtest.Run(t, open(t, dir))
	left, err := os.ReadDir(filepath.Join(dir, ".unfinished"))
	if err != nil || len(left) != 0 {
		t.Errorf("%v left behind, %v", left, err)
	}
}

func TestFilesAreTheOwnersOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "attachments")
	put(t, open(t, dir), "a/one", "x")
	for _, path := range []string{dir, filepath.Join(dir, "a"), filepath.Join(dir, "a", "one")} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestWhatADeathLeavesHalfWrittenIsRemovedAtTheNextStart(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	half := filepath.Join(dir, ".unfinished", "123")
	if err := os.WriteFile(half, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestACopyHasWhatItsDatabaseNamesWhateverIsDeletedMeanwhile(t *testing.T) {
	dir, into := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	s := open(t, dir)
	put(t, s, "a/one", "1")
	put(t, s, "a/two", "2")
	names, err := s.Copy(t.Context(), into, func() error {
		put(t, s, "a/three", "3")
		if err := s.Delete(t.Context(), "a/one"); err != nil {
			return err
		}
		if _, err := s.Get(t.Context(), "a/one"); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("deleted during a copy, it was still shown: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(names, []string{"a/one", "a/three", "a/two"}) {
		t.Errorf("copied %v", names)
	}
	for name, want := range map[string]string{"a/one": "1", "a/two": "2", "a/three": "3"} {
		if got, err := os.ReadFile(filepath.Join(into, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "a", "one")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the copy the deleted blob is still there: %v", err)
	}
}

func TestACopyWhoseDatabaseFailsReturnsItsErrorAndLetsDeletesGoOn(t *testing.T) {
	s, broken := open(t, t.TempDir()), errors.New("no room")
	put(t, s, "a/one", "1")
	if _, err := s.Copy(t.Context(), t.TempDir(), func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := s.Delete(t.Context(), "a/one"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), "a/one"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
