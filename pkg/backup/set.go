// Package backup makes, lists and checks backups of a data folder on SQLite.
//
// A backup is a set: a folder named by its time, with the database, what else belongs
// to it, and a manifest with the size and SHA-256 of each file. It is written under
// another name, and renamed when all of it is on the disk: a folder with the name of a
// set is complete. Keys are never in it; without them the database names no person.
package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/atomicfile"
	"github.com/finsam/finsam/pkg/metrics"
)

// Blobs is the folder of a set, and of a data folder, that holds the attachments.
const Blobs = "attachments"

const (
	manifestFile = "manifest.json"
	maxManifest  = 256 << 20 // bytes: 200 for each attachment

	// format is the version of the manifest; a program refuses those that it is too
	// old for.
	format = 1
)

// Manifest lists the files of a set.
type Manifest struct {
	Format  int       `json:"format"`
	Program string    `json:"program"` // the version that made it
	Began   time.Time `json:"began"`   // what was acknowledged before is in it
	Ended   time.Time `json:"ended"`   // nothing that was done after is
	Files   []File    `json:"files"`
}

// File is one file of a set.
type File struct {
	Name   string `json:"name"` // path within the set, with slashes
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hexadecimal
}

var setName = regexp.MustCompile(`^finsam-\d{8}T\d{6}\.\d{3}Z$`)

// unfinishedSuffix ends the names of sets that are being written.
const unfinishedSuffix = ".unfinished"

// NewName returns the name of a set that is begun now.
func NewName(now time.Time) string { return "finsam-" + now.UTC().Format("20060102T150405.000Z") }

// Unfinished returns the folder that a set is written into until Finish.
func Unfinished(dir, name string) (string, error) {
	if !setName.MatchString(name) {
		return "", fmt.Errorf("%q is not the name of a backup", name)
	}
	return filepath.Join(dir, name+unfinishedSuffix), nil
}

// Sums reads files of the folder for the manifest.
func Sums(folder string, names []string) ([]File, error) {
	files := make([]File, 0, len(names))
	for _, name := range names {
		f, err := os.Open(filepath.Join(folder, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		h := sha256.New()
		n, err := io.Copy(h, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		files = append(files, File{Name: name, Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))})
	}
	return files, nil
}

// Finish writes the manifest, renames the set, and returns its folder.
func Finish(dir, name string, m Manifest) (string, error) {
	folder, err := Unfinished(dir, name)
	if err != nil {
		return "", err
	}
	m.Format = format
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return "", err
	}
	if err := atomicfile.Write(filepath.Join(folder, manifestFile), append(text, '\n'), 0o600); err != nil {
		return "", fmt.Errorf("write the manifest: %w", err)
	}
	done := filepath.Join(dir, name)
	if err := os.Rename(folder, done); err != nil {
		return "", fmt.Errorf("finish the backup: %w", err)
	}
	return done, atomicfile.SyncDir(dir)
}

// Read reads a set's manifest.
func Read(folder string) (Manifest, error) {
	var m Manifest
	f, err := os.Open(filepath.Join(folder, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s is not a backup: it has no %s", folder, manifestFile)
	}
	if err != nil {
		return m, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest))
	switch {
	case err != nil:
	case json.Unmarshal(text, &m) != nil:
		err = errors.New("it cannot be read as JSON")
	case m.Format != format:
		err = fmt.Errorf("it has the format %d, and this program (which reads %d) cannot read it: use the program that made it, %q", m.Format, format, m.Program)
	case len(m.Files) == 0:
		err = errors.New("it names no files")
	}
	for _, f := range m.Files {
		if err == nil && (!fs.ValidPath(f.Name) || f.Name == "." || f.Name == manifestFile) {
			err = fmt.Errorf("%q cannot be the name of a file in it", f.Name)
		}
	}
	if err != nil {
		return m, fmt.Errorf("%s of %s: %w", manifestFile, folder, err)
	}
	return m, nil
}

// Copy copies the files of a set into a folder, flushed to the disk, and checks
// each against the manifest on the way.
func Copy(set, into string, m Manifest) error {
	for _, f := range m.Files {
		if err := copyFile(set, into, f); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

func copyFile(set, into string, want File) (err error) {
	from, err := os.Open(filepath.Join(set, filepath.FromSlash(want.Name)))
	if err != nil {
		return err
	}
	defer from.Close()
	path := filepath.Join(into, filepath.FromSlash(want.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, h), io.LimitReader(from, want.Bytes+1))
	switch {
	case err != nil:
		return err
	case n != want.Bytes || hex.EncodeToString(h.Sum(nil)) != want.SHA256:
		return errors.New("it is not as the manifest says: the backup is damaged or was changed; use another one")
	}
	return to.Sync()
}

// Sets returns the names of the finished sets in a folder, the oldest first.
func Sets(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && setName.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names) // the name is the time
	return names, nil
}

// abandonedAge is the age from which an unfinished set is taken to be left by a
// backup that died.
const abandonedAge = 24 * time.Hour

// Prune removes all but the newest sets of a folder, and what backups that died
// have left behind; it returns the names of the removed sets. With keep 0 all
// sets stay.
func Prune(dir string, keep int, now time.Time) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name, ending, _ := strings.Cut(e.Name(), "Z.")
		left := slices.Contains([]string{unfinishedSuffix, requestSuffix, answerSuffix}, "."+ending)
		if info, err := e.Info(); left && setName.MatchString(name+"Z") && err == nil && now.Sub(info.ModTime()) > abandonedAge {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	names, err := Sets(dir)
	if err != nil || keep <= 0 || len(names) <= keep {
		return nil, err
	}
	old := names[:len(names)-keep]
	for _, name := range old {
		if err := Remove(dir, name); err != nil {
			return nil, err
		}
	}
	return old, nil
}

// Remove removes a set.
func Remove(dir, name string) error {
	// Renamed first: a folder with the name of a set must be complete.
	gone, err := Unfinished(dir, name)
	if err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, name), gone); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}

// newestFile records in a folder of backups when the last one began that was
// completed and put where it was wanted, which may be another folder.
const newestFile = "newest"

// RecordNewest records in the folder that a backup which began then is complete.
func RecordNewest(dir string, began time.Time) error {
	if err := atomicfile.Write(filepath.Join(dir, newestFile), []byte(began.UTC().Format(time.RFC3339)+"\n"), 0o600); err != nil {
		return fmt.Errorf("record that the backup is complete: %w", err)
	}
	return nil
}

// Age returns the age in seconds of the newest backup recorded in the folder; without
// one it is the time since the program started.
func Age(dir string, started, now time.Time) float64 {
	if text, err := os.ReadFile(filepath.Join(dir, newestFile)); err == nil {
		if began, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text))); err == nil {
			started = began
		}
	}
	return now.Sub(started).Seconds()
}

// Watch measures the age of the newest backup until stop is called.
func Watch(dir, component string) (stop func()) {
	started := time.Now()
	return metrics.Watch(metrics.Labels{"component": component}, metrics.Gauge{
		Name: "finsam.backup.age", Unit: "s", Description: "Age of the newest backup that finsam backup has completed; without one, time since the start.",
		Read: func() (float64, bool) { return Age(dir, started, time.Now()), true },
	})
}
