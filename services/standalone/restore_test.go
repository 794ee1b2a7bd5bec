package standalone_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/standalone"
)

// attached creates a backup of the first release's data with an attachment.
func attached(t *testing.T) string {
	t.Helper()
	data := frozen(t, "release-0")
	put(t, filepath.Join(data.Attachments(), "ab", "abcdef"), []byte("påhittat"))
	return saved(t, data, t.TempDir(), 0)
}

// volume is a data folder as a cluster gives it: a file system of its own with the
// points of two mounts. Only what is in it can be written.
func volume(t *testing.T) standalone.Layout {
	t.Helper()
	data := standalone.Layout(filepath.Join(t.TempDir(), "data"))
	put(t, filepath.Join(string(data), "lost+found", "#12"), []byte("x"))
	if err := os.Mkdir(data.Associations(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(data.Keys(), os.DirFS(filepath.Join("testdata", "release-0", "keys"))); err != nil {
		t.Fatal(err)
	}
	if err := launch.WriteKeys(data.Keys()); err != nil { // the signing keys are new in every run
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

// isRestored fails unless all of attached is in the folder, and what was there.
func isRestored(t *testing.T, data standalone.Layout) {
	t.Helper()
	isAlone(t, data)
	if n := len(open(t, data).list(receiver, "/referrals")); n != 7 {
		t.Errorf("%d referrals of 7", n)
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
	data := volume(t)
	if _, err := standalone.Restore(t.Context(), attached(t), data); err != nil {
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
	set, bad := attached(t), filepath.Join(t.TempDir(), "bad")
	if err := os.CopyFS(bad, os.DirFS(set)); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(bad, "finsam.db"), []byte("cut off"))
	for n, all := 0, 3; n <= all; n++ {
		data := volume(t)
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
		if err := serve(t, data); err == nil || !strings.Contains(err.Error(), "did not come to its end") {
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
	data := volume(t)
	put(t, filepath.Join(data.Restoring(), "files", "finsam.db"), []byte("half"))
	put(t, filepath.Join(data.Restoring(), "plan.json"), nil)
	if _, err := standalone.Restore(t.Context(), attached(t), data); err != nil {
		t.Fatal(err)
	}
	isRestored(t, data)
}
