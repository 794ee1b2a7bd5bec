package standalone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/finsam/finsam/pkg/backup"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// Restore puts a set's files into a data folder, which must hold nothing but keys
// and empty folders. Each file is checked against the manifest, each database is
// read whole, and the services' databases are held against each other; only then
// do they get their places, the databases last. What fails leaves the folder as it
// was; what a restore that died has left is removed by the next one. Nothing is
// made outside the folder: it may be the only one that can be written to.
func Restore(ctx context.Context, set string, data Layout) (m backup.Manifest, err error) {
	if m, err = backup.Read(set); err != nil {
		return m, err
	}
	if err := data.abandon(); err != nil { // of a restore that died
		return m, err
	}
	if err := data.isEmpty(); err != nil {
		return m, err
	}
	_, statErr := os.Stat(string(data))
	defer func() {
		err = errors.Join(err, data.abandon())
		if err != nil && errors.Is(statErr, fs.ErrNotExist) {
			_ = os.Remove(string(data)) // made here; one with something in it stays
		}
	}()
	p, err := data.stage(ctx, set, m)
	if err != nil {
		return m, err
	}
	return m, data.take(p, len(p.Names))
}

// stage copies a set into the data folder beside the places of its files, checks
// the copy and plans what is to be moved.
func (l Layout) stage(ctx context.Context, set string, m backup.Manifest) (plan, error) {
	if err := backup.Copy(set, l.staged(), m); err != nil {
		return plan{}, err
	}
	if err := check(ctx, l.staged(), m); err != nil {
		return plan{}, fmt.Errorf("the backup cannot be used: %w", err)
	}
	return l.plan(m)
}

// isEmpty refuses a folder that holds anything but keys and empty folders.
func (l Layout) isEmpty() error {
	entries, err := os.ReadDir(string(l))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(string(l), e.Name())
		if path == l.Keys() || e.Name() == lostAndFound {
			continue
		}
		if e.IsDir() { // where a cluster mounts the associations there is one
			inside, err := os.ReadDir(path)
			if err != nil {
				return err
			}
			if len(inside) == 0 {
				continue
			}
		}
		return fmt.Errorf("%s is not empty (%s is in it): restore into a new folder; only the keys and empty folders may be there before", l, e.Name())
	}
	return nil
}

// lostAndFound is the folder that a new file system on a disk of its own holds.
const lostAndFound = "lost+found"

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

// isWhole refuses a folder that a restore into has not come to its end: what is
// staged is no data, and a new database must not take its place.
func (l Layout) isWhole() error {
	_, err := os.Stat(l.Restoring())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(l.Database()); err == nil {
		return nil // the database comes last: all else has its place
	}
	return errors.Join(err, fmt.Errorf("a restore into %s did not come to its end: run finsam restore again, or remove %s to begin without data", l, l.Restoring()))
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
