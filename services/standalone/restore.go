package standalone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/atomicfile"
	"github.com/finsam/finsam/pkg/backup"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// lostAndFound is the folder that a new file system on a disk of its own holds.
const lostAndFound = "lost+found"

// Restore moves a set's files into a data folder, which must hold nothing but keys
// and empty folders. Each file is checked against the manifest and the database is
// read whole before any file gets its place, the database last. A restore that fails
// leaves the folder as it was; what one that died has left is removed by the next.
// Nothing is created outside the folder: no other may be writable.
func Restore(ctx context.Context, set string, data Layout) (m backup.Manifest, err error) {
	if m, err = backup.Read(set); err != nil {
		return m, err
	}
	if err := data.abandonRestore(); err != nil { // one that died
		return m, err
	}
	if err := data.checkEmpty(); err != nil {
		return m, err
	}
	_, statErr := os.Stat(string(data))
	defer func() {
		err = errors.Join(err, data.abandonRestore())
		if err != nil && errors.Is(statErr, fs.ErrNotExist) {
			_ = os.Remove(string(data)) // created here; it stays if something is in it
		}
	}()
	p, err := data.stage(ctx, set, m)
	if err != nil {
		return m, err
	}
	return m, data.move(p, len(p.Names))
}

// checkEmpty refuses a folder that holds anything but keys and empty folders.
func (l Layout) checkEmpty() error {
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
		if e.IsDir() { // such as the mount point of the associations in a cluster
			inside, err := os.ReadDir(path)
			if err != nil {
				return err
			}
			if len(inside) == 0 {
				continue
			}
		}
		return fmt.Errorf("%s is not empty (%s is in it): restore into a new folder; only the keys and empty folders may be in it", l, e.Name())
	}
	return nil
}

// check refuses a folder into which a restore has not been completed: what is staged is
// not data, and a new database must not take its place. It also refuses to begin with new
// encryption keys on a database that was encrypted with others: no person in it could be
// named again.
func (l Layout) check() error {
	_, err := os.Stat(l.Database())
	if errors.Is(err, fs.ErrNotExist) { // the database comes last: without it a restore is not complete
		if _, err := os.Stat(l.Restoring()); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, fmt.Errorf("a restore into %s was not completed: run finsam restore again, or remove %s to begin without data", l, l.Restoring()))
		}
		return nil
	}
	for _, name := range []string{"seal.json", "prf.json"} {
		if _, err := os.Stat(filepath.Join(l.Keys(), name)); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is a database in %s, but its keys are missing (%s): put back the keys that belong to it; they are not in a backup", l, filepath.Join(l.Keys(), name))
		}
	}
	return err
}

// staging is where a restore copies the set to.
func (l Layout) staging() string { return filepath.Join(l.Restoring(), "files") }

// planFile is where a restore writes its plan before it follows it.
func (l Layout) planFile() string { return filepath.Join(l.Restoring(), "plan.json") }

// plan is what a restore moves from its staging folder into the data folder.
type plan struct {
	Names   []string `json:"names"`   // files and folders, in this order: the database last
	Folders []string `json:"folders"` // those of them in whose place there is an empty folder
}

// stage copies a set into the data folder beside the places of its files, checks the
// copy, and writes down what move is to move, so that abandonRestore can undo it even
// after a death.
func (l Layout) stage(ctx context.Context, set string, m backup.Manifest) (plan, error) {
	var p plan
	if err := backup.Copy(set, l.staging(), m); err != nil {
		return p, err
	}
	if !slices.ContainsFunc(m.Files, func(f backup.File) bool { return f.Name == databaseFile }) {
		return p, fmt.Errorf("the backup cannot be used: it has no %s", databaseFile)
	}
	if err := sqlite.Check(ctx, filepath.Join(l.staging(), databaseFile)); err != nil {
		return p, fmt.Errorf("the backup cannot be used: %w", err)
	}
	for _, f := range m.Files {
		name, _, _ := strings.Cut(f.Name, "/")
		if name == databaseFile || slices.Contains(p.Names, name) {
			continue
		}
		p.Names = append(p.Names, name)
		if info, err := os.Lstat(filepath.Join(string(l), name)); err == nil && info.IsDir() {
			p.Folders = append(p.Folders, name)
		}
	}
	p.Names = append(p.Names, databaseFile)
	text, err := json.Marshal(p)
	if err == nil {
		err = atomicfile.Write(l.planFile(), text, 0o600)
	}
	if err == nil {
		err = filepath.WalkDir(l.Restoring(), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			return atomicfile.SyncDir(path)
		})
	}
	if err != nil {
		return p, fmt.Errorf("plan the restore: %w", err)
	}
	return p, nil
}

// move moves the first n names of the plan into their places. A folder is moved whole,
// into the place of an empty one: a cluster creates that for a mount and as root, so
// that nothing could be written into it.
func (l Layout) move(p plan, n int) error {
	for _, name := range p.Names[:n] {
		to := filepath.Join(string(l), name)
		if slices.Contains(p.Folders, name) {
			if err := os.Remove(to); err != nil {
				return err
			}
		}
		if err := os.Rename(filepath.Join(l.staging(), name), to); err != nil {
			return err
		}
	}
	return atomicfile.SyncDir(string(l))
}

// abandonRestore removes what a restore has staged and, unless everything had got its
// place, what it had moved. After a completed restore only the staging folder goes.
func (l Layout) abandonRestore() error {
	text, err := os.ReadFile(l.planFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var p plan
	if json.Unmarshal(text, &p) != nil {
		p = plan{} // without a plan, or with one that is cut short, nothing has been moved
	}
	moved := slices.DeleteFunc(slices.Clone(p.Names), func(name string) bool {
		_, err := os.Lstat(filepath.Join(l.staging(), name))
		return err == nil
	})
	if len(moved) < len(p.Names) {
		for _, name := range slices.Backward(moved) {
			if err := os.RemoveAll(filepath.Join(string(l), name)); err != nil {
				return err
			}
		}
		for _, name := range p.Folders {
			if err := os.MkdirAll(filepath.Join(string(l), name), 0o755); err != nil {
				return err
			}
		}
		if err := atomicfile.SyncDir(string(l)); err != nil {
			return err
		}
	}
	// The plan goes first: without it nothing outside the staging folder is the restore's.
	if err := os.Remove(l.planFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(l.Restoring())
}
