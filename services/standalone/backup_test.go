package standalone_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/backup"
	"github.com/finsam/finsam/services/standalone"
)

// newBackup makes a backup of a stopped suite and returns its folder.
func newBackup(t *testing.T, data standalone.Layout, to string, keep int) string {
	t.Helper()
	set, err := standalone.Backup(t.Context(), standalone.BackupOptions{Data: data, To: to, Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestAStoppedSuiteIsBackedUpAndRestoredWithoutItsKeys(t *testing.T) {
	data := newStoppedSuite(t)
	set := newBackup(t, data, t.TempDir(), 0)
	var names []string
	for _, dir := range []string{set, filepath.Join(set, "associations")} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	if got := strings.Join(names, " "); got != "associations finsam.db manifest.json insjoriket.yaml" {
		t.Errorf("a backup holds %s", got)
	}
	restored := standalone.Layout(filepath.Join(t.TempDir(), "new"))
	if err := os.CopyFS(restored.Keys(), os.DirFS(data.Keys())); err != nil { // the keys may be there before
		t.Fatal(err)
	}
	if _, err := standalone.Restore(t.Context(), set, restored); err != nil {
		t.Fatal(err)
	}
	if n := len(open(t, restored).list(receiver, "/referrals")); n != storedReferrals {
		t.Errorf("%d referrals of %d", n, storedReferrals)
	}
}

func TestARestoredDatabaseWithoutItsKeysIsNotStarted(t *testing.T) {
	data := newStoppedSuite(t)
	restored := standalone.Layout(filepath.Join(t.TempDir(), "new"))
	if _, err := standalone.Restore(t.Context(), newBackup(t, data, t.TempDir(), 0), restored); err != nil {
		t.Fatal(err)
	}
	err := standalone.Serve(t.Context(), standalone.Options{Data: restored, Addr: "127.0.0.1:0", AdminAddr: "off", Demo: true, Out: os.Stderr})
	if err == nil || !strings.Contains(err.Error(), "put back the keys that belong to it") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(restored.Keys()); !os.IsNotExist(err) {
		t.Errorf("it made new keys: %v", err)
	}
}

func TestOnlyTheNewestBackupsAreKept(t *testing.T) {
	data, to := newStoppedSuite(t), t.TempDir()
	var sets []string
	for range 4 {
		sets = append(sets, filepath.Base(newBackup(t, data, to, 2)))
	}
	kept, err := backup.Sets(to)
	if err != nil || strings.Join(kept, " ") != strings.Join(sets[2:], " ") {
		t.Errorf("kept %v of %v, %v", kept, sets, err)
	}
}

func TestARestoreIsRefusedAndLeavesNothingBehind(t *testing.T) {
	data := newStoppedSuite(t)
	good := newBackup(t, data, t.TempDir(), 0)
	for _, c := range []struct {
		sentence, want string
		spoil          func(t *testing.T, set string, into standalone.Layout)
	}{
		{"into a folder that holds something", "is not empty (note.txt is in it)", func(t *testing.T, _ string, into standalone.Layout) {
			put(t, filepath.Join(string(into), "note.txt"), []byte("x"))
		}},
		{"of a folder without a manifest", "is not a backup: it has no manifest.json", func(t *testing.T, set string, _ standalone.Layout) {
			if err := os.Remove(filepath.Join(set, "manifest.json")); err != nil {
				t.Fatal(err)
			}
		}},
		{"of a database that one byte was changed in", "finsam.db: it is not as the manifest says", func(t *testing.T, set string, _ standalone.Layout) {
			text := get(t, filepath.Join(set, "finsam.db"))
			text[len(text)/2] ^= 1
			put(t, filepath.Join(set, "finsam.db"), text)
		}},
		{"of a database that was cut off", "finsam.db: it is not as the manifest says", func(t *testing.T, set string, _ standalone.Layout) {
			text := get(t, filepath.Join(set, "finsam.db"))
			put(t, filepath.Join(set, "finsam.db"), text[:len(text)-4096])
		}},
		{"of a later format", "it has the format 2", func(t *testing.T, set string, _ standalone.Layout) {
			path := filepath.Join(set, "manifest.json")
			put(t, path, []byte(strings.Replace(string(get(t, path)), `"format": 1`, `"format": 2`, 1)))
		}},
		{"of a manifest that points out of its folder", "cannot be the name of a file in it", func(t *testing.T, set string, _ standalone.Layout) {
			path := filepath.Join(set, "manifest.json")
			put(t, path, []byte(strings.Replace(string(get(t, path)), `"finsam.db"`, `"../finsam.db"`, 1)))
		}},
		{"without the database", "it has no finsam.db", func(t *testing.T, set string, _ standalone.Layout) {
			path := filepath.Join(set, "manifest.json")
			var m backup.Manifest
			if err := json.Unmarshal(get(t, path), &m); err != nil {
				t.Fatal(err)
			}
			m.Files = m.Files[1:]
			text, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			put(t, path, text)
		}},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			set, into := filepath.Join(t.TempDir(), "set"), standalone.Layout(filepath.Join(t.TempDir(), "new"))
			if err := os.CopyFS(set, os.DirFS(good)); err != nil {
				t.Fatal(err)
			}
			c.spoil(t, set, into)
			if _, err := standalone.Restore(t.Context(), set, into); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if _, err := os.Stat(filepath.Join(string(into), "note.txt")); err == nil {
				return
			}
			if _, err := os.Stat(string(into)); !os.IsNotExist(err) {
				t.Errorf("the folder was left behind with %v", tree(t, string(into)))
			}
		})
	}
}

func get(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
