// Package backup makes, keeps and checks backups of databases on SQLite.
//
// A backup is a set: a folder named by its time, with the databases, what else
// belongs to them, and a manifest that bears the size and SHA-256 of each file.
// It is written beside its place, and gets its name when all of it is there and
// on the disk: a folder with the name of a set is a whole one. Keys are never in
// it; without them the databases name nobody.
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
)

// Blobs is the folder of a set, and of a data folder, that holds the attachments.
const Blobs = "attachments"

// maxManifest bounds a manifest, in bytes: 200 for each attachment.
const maxManifest = 256 << 20

// manifestFile is the file of a set that tells of the others.
const manifestFile = "manifest.json"

// format is the version of the manifest; a program refuses those it is too old for.
const format = 1

// Manifest returns what is in a set.
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

// setName is the form of a set's name; unfinished is behind those under way.
var setName = regexp.MustCompile(`^finsam-\d{8}T\d{6}\.\d{3}Z$`)

const unfinished = ".unfinished"

// NewName names a set by its time.
func NewName(now time.Time) string { return "finsam-" + now.UTC().Format("20060102T150405.000Z") }

// Unfinished is the folder that a set is written into until Finish.
func Unfinished(dir, name string) (string, error) {
	if !setName.MatchString(name) {
		return "", fmt.Errorf("%q is not the name of a backup", name)
	}
	return filepath.Join(dir, name+unfinished), nil
}

// Sum reads a file of the folder for the manifest.
func Sum(folder, name string) (File, error) {
	f, err := os.Open(filepath.Join(folder, filepath.FromSlash(name)))
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return File{Name: name, Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}

// Sums is Sum of several files.
func Sums(folder string, names []string) ([]File, error) {
	files := make([]File, 0, len(names))
	for _, name := range names {
		f, err := Sum(folder, name)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// Finish writes the manifest and gives the set its name; it gives the folder.
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
		return m, fmt.Errorf("%s is no backup: it has no %s", folder, manifestFile)
	}
	if err != nil {
		return m, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err == nil {
		m, err = parse(text)
	}
	if err != nil {
		return m, fmt.Errorf("%s of %s: %w", manifestFile, folder, err)
	}
	return m, nil
}

func parse(text []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return m, errors.New("it cannot be read as JSON")
	}
	if m.Format != format {
		return m, fmt.Errorf("it has the format %d, and this program (which reads %d) cannot read it: use the program that made it, %q", m.Format, format, m.Program)
	}
	if len(m.Files) == 0 {
		return m, errors.New("it names no files")
	}
	for _, f := range m.Files {
		if !fs.ValidPath(f.Name) || f.Name == "." || f.Name == manifestFile {
			return m, fmt.Errorf("%q cannot be the name of a file in it", f.Name)
		}
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

// Sets returns the finished sets of a folder, the oldest first.
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

// abandonedAfter is when an unfinished set is nobody's any more.
const abandonedAfter = 24 * time.Hour

// Prune removes all but the newest sets of a folder, and what backups that died
// have left behind; it gives the names of the sets removed. With keep 0 all
// sets stay.
func Prune(dir string, keep int, now time.Time) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name, ending, _ := strings.Cut(e.Name(), "Z.")
		left := slices.Contains([]string{unfinished, request, reply}, "."+ending)
		if info, err := e.Info(); left && setName.MatchString(name+"Z") && err == nil && now.Sub(info.ModTime()) > abandonedAfter {
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
	// Out of the way first: half a set must not bear the name of a whole one.
	gone, err := Unfinished(dir, name)
	if err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, name), gone); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}
