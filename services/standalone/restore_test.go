package standalone_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/services/standalone"
)

// newBackupWithAttachment makes a backup of a stopped suite with an attachment, and
// returns it with the folder of the keys.
func newBackupWithAttachment(t *testing.T) (set, keys string) {
	t.Helper()
	data := newStoppedSuite(t)
	put(t, filepath.Join(data.Attachments(), "ab", "abcdef"), []byte("påhittat"))
	return newBackup(t, data, t.TempDir(), 0), data.Keys()
}

// newVolume returns a data folder as in a cluster: a file system of its own with the
// points of two mounts. Only what is in it can be written.
func newVolume(t *testing.T, keys string) standalone.Layout {
	t.Helper()
	data := standalone.Layout(filepath.Join(t.TempDir(), "data"))
	put(t, filepath.Join(string(data), "lost+found", "#12"), []byte("x"))
	if err := os.Mkdir(data.Associations(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(data.Keys(), os.DirFS(keys)); err != nil {
		t.Fatal(err)
	}
	return data
}

// tree lists what is in a folder and below.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if short, e := filepath.Rel(dir, path); e == nil {
			all = append(all, short)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// isAlone fails if anything was made beside the data folder.
func isAlone(t *testing.T, data standalone.Layout) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(string(data)))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the data folder: %v, %v", entries, err)
	}
}

// isRestored fails unless all of the backup is in the folder, and what was in it before.
func isRestored(t *testing.T, data standalone.Layout) {
	t.Helper()
	isAlone(t, data)
	if n := len(open(t, data).list(receiver, "/referrals")); n != storedReferrals {
		t.Errorf("%d referrals of %d", n, storedReferrals)
	}
	if got := string(get(t, filepath.Join(data.Attachments(), "ab", "abcdef"))); got != "påhittat" {
		t.Errorf("the attachment holds %q", got)
	}
	for path, want := range map[string]bool{data.Restoring(): false, filepath.Join(string(data), "lost+found", "#12"): true, filepath.Join(data.Associations(), "insjoriket.yaml"): true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestARestoreIntoAVolumeStaysWithinIt(t *testing.T) {
	set, keys := newBackupWithAttachment(t)
	data := newVolume(t, keys)
	if _, err := standalone.Restore(t.Context(), set, data); err != nil {
		t.Fatal(err)
	}
	isRestored(t, data)
}

// serve starts the suite on a folder that it is to refuse.
func serve(t *testing.T, data standalone.Layout) error {
	t.Helper()
	return standalone.Serve(t.Context(), standalone.Options{Data: data, Addr: "127.0.0.1:0", AdminAddr: "off", TrustFile: "none.yaml", Out: os.Stderr})
}

// TestARestoreThatDiedIsRunAgain lets it die when n of the set's names are in
// their places; with all of them there it is whole, and the next one refuses.
func TestARestoreThatDiedIsRunAgain(t *testing.T) {
	set, keys := newBackupWithAttachment(t)
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.CopyFS(bad, os.DirFS(set)); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(bad, "finsam.db"), []byte("cut off"))
	for n, all := 0, 3; n <= all; n++ {
		data := newVolume(t, keys)
		before := tree(t, string(data))
		total, err := standalone.RestoreAndDie(t.Context(), set, data, n)
		if err != nil || total != all {
			t.Fatalf("%d names of %d, %v", total, all, err)
		}
		isAlone(t, data)
		if n == all {
			if _, err := standalone.Restore(t.Context(), set, data); err == nil || !strings.Contains(err.Error(), "is not empty") {
				t.Errorf("restored over a whole one: %v", err)
			}
			isRestored(t, data)
			return
		}
		if err := serve(t, data); err == nil || !strings.Contains(err.Error(), "was not completed") {
			t.Errorf("%d in their places, and it starts: %v", n, err)
		}
		if _, err := os.Stat(data.Database()); err == nil {
			t.Errorf("%d in their places: there is a database", n)
		}
		if _, err := standalone.Restore(t.Context(), bad, data); err == nil {
			t.Error("a damaged set was restored")
		}
		if after := tree(t, string(data)); !slices.Equal(after, before) {
			t.Errorf("%d in their places: a restore that fails leaves %v of %v", n, after, before)
		}
		if _, err := standalone.RestoreAndDie(t.Context(), set, data, n); err != nil {
			t.Fatal(err)
		}
		if _, err := standalone.Restore(t.Context(), set, data); err != nil {
			t.Errorf("%d in their places: %v", n, err)
		}
		isRestored(t, data)
	}
}

func TestARestoreThatDiedWhileItCopiedLeavesNoData(t *testing.T) {
	set, keys := newBackupWithAttachment(t)
	data := newVolume(t, keys)
	put(t, filepath.Join(data.Restoring(), "files", "finsam.db"), []byte("half"))
	put(t, filepath.Join(data.Restoring(), "plan.json"), nil)
	if _, err := standalone.Restore(t.Context(), set, data); err != nil {
		t.Fatal(err)
	}
	isRestored(t, data)
}
