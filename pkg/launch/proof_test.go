package launch_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// starts opens the parts with the keys of a folder, and closes them.
func starts(ctx context.Context, environ map[string]string, keys string) error {
	with := maps.Clone(environ)
	with["FINSAM_KEYS_DIR"] = keys
	p, err := launch.Open(ctx, all, with)
	if err != nil {
		return err
	}
	return p.Close()
}

// copied is a folder of keys with the files of another, save those named, which
// are of a third.
func copied(t *testing.T, from, other string, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files(t, from) {
		if strings.Contains(strings.Join(names, " "), name) {
			content = files(t, other)[name]
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestADatabaseIsOpenedWithTheKeysThatItWasEncryptedWith(t *testing.T) {
	environ := whole(t)
	right, other := environ["FINSAM_KEYS_DIR"], t.TempDir()
	if err := launch.WriteKeys(other); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := starts(t.Context(), environ, right); err != nil {
			t.Fatal(err)
		}
	}
	unrotated := copied(t, right, right)
	for _, stage := range []string{launch.Announce, launch.Switch, launch.Retire} {
		if err := launch.RotateKeys(right, stage); err != nil {
			t.Fatal(err)
		}
		if err := starts(t.Context(), environ, right); err != nil {
			t.Fatalf("%s: %v", stage, err)
		}
	}
	for name, c := range map[string]struct{ keys, want string }{
		"another encryption key":          {copied(t, right, other, "seal.json"), "FINSAM_KEYS_DIR: seal.json is not what the database of the referral service was encrypted with"},
		"another look-up key":             {copied(t, right, other, "prf.json"), "FINSAM_KEYS_DIR: prf.json is not what"},
		"those of before the last switch": {unrotated, "FINSAM_KEYS_DIR: seal.json is not what"},
	} {
		if err := starts(t.Context(), environ, c.keys); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := starts(t.Context(), environ, right); err != nil {
		t.Errorf("the right keys, after the wrong ones were refused: %v", err)
	}
}

func TestProgramsThatStartAtOnceOnAnEmptyDatabaseAgreeOnItsKeys(t *testing.T) {
	environ := whole(t)
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			err := starts(t.Context(), environ, environ["FINSAM_KEYS_DIR"])
			for range 30 { // one file serves one program at a time: the others wait their turn
				if !errors.Is(err, sqlite.ErrInUse) {
					break
				}
				err = starts(t.Context(), environ, environ["FINSAM_KEYS_DIR"])
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}
