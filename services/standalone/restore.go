package standalone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/backup"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// Restore puts a set's files into a data folder, which must be empty but for the
// keys. Each file is checked against the manifest, each database is read whole,
// and the services' databases are held against each other; only then do they get
// their places, the databases last. What fails leaves the folder as it was.
func Restore(ctx context.Context, set string, data Layout) (backup.Manifest, error) {
	m, err := backup.Read(set)
	if err != nil {
		return m, err
	}
	if err := data.isEmpty(); err != nil {
		return m, err
	}
	beside := filepath.Clean(string(data)) + ".restoring"
	if err := os.RemoveAll(beside); err != nil { // of a restore that died
		return m, err
	}
	defer os.RemoveAll(beside) //nolint:errcheck // what is left of it is removed by the next one
	if err := backup.Copy(set, beside, m); err != nil {
		return m, err
	}
	if err := check(ctx, beside, m); err != nil {
		return m, fmt.Errorf("the backup cannot be used: %w", err)
	}
	return m, data.take(beside, m)
}

// isEmpty refuses a folder that holds anything but keys.
func (l Layout) isEmpty() error {
	entries, err := os.ReadDir(string(l))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if filepath.Join(string(l), e.Name()) != l.Keys() {
			return fmt.Errorf("%s is not empty (%s is in it): restore into a new folder; only the keys may be there before", l, e.Name())
		}
	}
	return nil
}

// take moves checked files into their places.
func (l Layout) take(from string, m backup.Manifest) error {
	files := slices.Clone(m.Files)
	slices.SortStableFunc(files, func(a, b backup.File) int { return rank(a) - rank(b) })
	for _, f := range files {
		to := filepath.Join(string(l), filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(from, filepath.FromSlash(f.Name)), to); err != nil {
			return err
		}
	}
	return backup.Sync(string(l))
}

// rank puts databases last: a folder with one in it has all else.
func rank(f backup.File) int {
	if isDatabase(f.Name) {
		return 1
	}
	return 0
}

func isDatabase(name string) bool { return strings.HasSuffix(name, ".db") }

// check reads every database of the folder and holds the services against each
// other.
func check(ctx context.Context, folder string, m backup.Manifest) (err error) {
	engines := map[string]store.Engine{}
	for _, f := range m.Files {
		if !isDatabase(f.Name) {
			continue
		}
		path := filepath.Join(folder, filepath.FromSlash(f.Name))
		if err := sqlite.Check(ctx, path); err != nil {
			return err
		}
		db, err := sqlite.Open(ctx, path)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		for name := range schemas {
			if f.Name == databaseFile || f.Name == name+".db" {
				engines[name] = db.Engine(name)
			}
		}
	}
	if len(engines) != len(schemas) {
		return fmt.Errorf("it has the databases of %d services, and the suite has %d", len(engines), len(schemas))
	}
	return feed.Agree(ctx, engines)
}

// keysBelong refuses to begin with new sealing keys on a database that has been
// sealed with others: nobody in it could be named again.
func (l Layout) keysBelong() error {
	_, err := os.Stat(l.Database())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range []string{"seal.json", "prf.json"} {
		if _, err := os.Stat(filepath.Join(l.Keys(), name)); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is a database in %s, but its keys are missing (%s): put the keys back that belong to it; they are not in a backup", l, filepath.Join(l.Keys(), name))
		}
	}
	return err
}
