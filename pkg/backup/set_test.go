package backup_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/backup"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// set creates a set of one file.
func set(t *testing.T, dir string, at time.Time) string {
	t.Helper()
	name := backup.NewName(at)
	folder, err := backup.Unfinished(dir, name)
	if err == nil {
		err = os.MkdirAll(folder, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "a.db"), []byte("invented"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := backup.Sums(folder, []string{"a.db"})
	if err != nil {
		t.Fatal(err)
	}
	done, err := backup.Finish(dir, name, backup.Manifest{Program: "1.2.3", Began: at, Ended: at.Add(time.Second), Files: f})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestASetHasItsNameOnlyWhenItIsComplete(t *testing.T) {
	dir := t.TempDir()
	folder, err := backup.Unfinished(dir, backup.NewName(noon))
	if err != nil || os.MkdirAll(folder, 0o700) != nil {
		t.Fatal(err)
	}
	if names, err := backup.Sets(dir); err != nil || len(names) != 0 {
		t.Errorf("an unfinished set is a set: %v, %v", names, err)
	}
	done := set(t, dir, noon.Add(time.Hour))
	names, err := backup.Sets(dir)
	if err != nil || len(names) != 1 || names[0] != filepath.Base(done) || names[0] != "finsam-20261122T130000.000Z" {
		t.Errorf("%v, %v", names, err)
	}
	m, err := backup.Read(done)
	if err != nil || m.Program != "1.2.3" || !m.Began.Equal(noon.Add(time.Hour)) || len(m.Files) != 1 || m.Files[0].Bytes != 8 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestACopyThatIsNotAsTheManifestSaysIsRefused(t *testing.T) {
	for sentence, text := range map[string]string{"changed": "Invented", "longer": "invented!", "shorter": "invente", "empty": ""} {
		t.Run(sentence, func(t *testing.T) {
			done := set(t, t.TempDir(), noon)
			m, err := backup.Read(done)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(done, "a.db"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := backup.Copy(done, t.TempDir(), m); err == nil || !strings.Contains(err.Error(), "a.db: it is not as the manifest says") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestWhatBackupsThatDiedLeftBehindIsRemovedInTime(t *testing.T) {
	dir := t.TempDir()
	set(t, dir, noon)
	for name, age := range map[string]time.Duration{"finsam-20261120T120000.000Z.unfinished": 48 * time.Hour, "finsam-20261122T115900.000Z.unfinished": time.Minute} {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, noon.Add(-age), noon.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Prune(dir, 1, noon); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if got := strings.Join(left, " "); err != nil || got != "finsam-20261122T115900.000Z.unfinished finsam-20261122T120000.000Z notes.txt" {
		t.Errorf("left: %s, %v", got, err)
	}
}

func TestAnUnfinishedSetIsInItsFolderOnly(t *testing.T) {
	for _, name := range []string{"", "..", "../finsam-20261122T120000.000Z", "finsam-20261122T120000.000Z/..", "finsam-20261122T120000.000Z\n", "finsam"} {
		if folder, err := backup.Unfinished("/backups", name); err == nil {
			t.Errorf("%q became %s", name, folder)
		}
	}
}

func FuzzManifest(f *testing.F) {
	dir := f.TempDir()
	f.Add([]byte(`{"format":1,"files":[{"name":"a.db","bytes":8,"sha256":"00"}]}`))
	f.Add([]byte(`{"format":1,"files":[{"name":"../a.db"}]}`))
	f.Add([]byte(`{"format":1,"files":[{"name":"/a.db"},{"name":"manifest.json"},{"name":"a/../../b"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := backup.Read(dir)
		if err != nil {
			return
		}
		for _, file := range m.Files {
			if path := filepath.Join("/root", filepath.FromSlash(file.Name)); !strings.HasPrefix(path, "/root/") {
				t.Fatalf("%q leads out of the folder", file.Name)
			}
		}
	})
}
