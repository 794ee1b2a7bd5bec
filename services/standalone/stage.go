package standalone

import (
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
)

// staged is where a restore copies the set to.
func (l Layout) staged() string { return filepath.Join(l.Restoring(), "files") }

// planFile is where a restore writes its plan before it follows it.
func (l Layout) planFile() string { return filepath.Join(l.Restoring(), "plan.json") }

// plan is what a restore moves from its stage into the data folder.
type plan struct {
	Names   []string `json:"names"`   // files and folders, in this order: databases last
	Folders []string `json:"folders"` // those of them that an empty folder stood in the place of
}

// plan writes down what take is to move, so that it can be taken back by abandon
// even after a death.
func (l Layout) plan(m backup.Manifest) (plan, error) {
	p := plan{Names: names(m)}
	for _, name := range p.Names {
		if info, err := os.Lstat(filepath.Join(string(l), name)); err == nil && info.IsDir() {
			p.Folders = append(p.Folders, name)
		}
	}
	text, err := json.Marshal(p)
	if err == nil {
		err = os.WriteFile(l.planFile(), text, 0o600)
	}
	if err == nil {
		err = atomicfile.SyncDir(l.planFile())
	}
	if err == nil {
		err = syncFolders(l.Restoring())
	}
	if err != nil {
		return p, fmt.Errorf("plan the restore: %w", err)
	}
	return p, nil
}

// names returns what a set holds at its top, databases last: a folder with all of
// them in it has all else.
func names(m backup.Manifest) []string {
	var first, last []string
	for _, f := range m.Files {
		top, _, _ := strings.Cut(f.Name, "/")
		switch {
		case isDatabase(f.Name):
			last = append(last, top)
		case !slices.Contains(first, top):
			first = append(first, top)
		}
	}
	return append(first, last...)
}

// take moves what is staged into its places, the first n names of the plan. A
// folder is moved as one, in the place of an empty one: a cluster makes that for a
// mount and as root, so that nothing could be put into it.
func (l Layout) take(p plan, n int) error {
	for _, name := range p.Names[:n] {
		to := filepath.Join(string(l), name)
		if slices.Contains(p.Folders, name) {
			if err := os.Remove(to); err != nil {
				return err
			}
		}
		if err := os.Rename(filepath.Join(l.staged(), name), to); err != nil {
			return err
		}
	}
	return atomicfile.SyncDir(string(l))
}

// abandon removes what a restore has staged and, unless all of it had got its
// place, what it had moved. After a restore that is whole only the stage goes.
func (l Layout) abandon() error {
	p, err := l.planned()
	if err != nil {
		return err
	}
	moved := slices.DeleteFunc(slices.Clone(p.Names), func(name string) bool {
		_, err := os.Lstat(filepath.Join(l.staged(), name))
		return err == nil
	})
	if len(moved) < len(p.Names) {
		if err := l.takeBack(moved, p.Folders); err != nil {
			return err
		}
	}
	// The plan goes first: without it nothing outside the stage is the restore's.
	if err := os.Remove(l.planFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(l.Restoring())
}

func (l Layout) takeBack(moved, folders []string) error {
	for _, name := range slices.Backward(moved) {
		if err := os.RemoveAll(filepath.Join(string(l), name)); err != nil {
			return err
		}
	}
	for _, name := range folders {
		if err := os.MkdirAll(filepath.Join(string(l), name), 0o755); err != nil {
			return err
		}
	}
	return atomicfile.SyncDir(string(l))
}

// planned reads the plan of the restore under way; none: it has moved nothing.
func (l Layout) planned() (plan, error) {
	var p plan
	text, err := os.ReadFile(l.planFile())
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	if json.Unmarshal(text, &p) != nil {
		return plan{}, nil // it died while it wrote the plan: nothing was moved
	}
	return p, nil
}

// syncFolders flushes which names the folders of a tree have.
func syncFolders(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return atomicfile.SyncDir(path)
	})
}
