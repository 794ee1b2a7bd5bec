package folder

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Copy copies the blobs into a folder of their own, in step with a database that
// names them, and gives their names. First it lets database be copied; from then
// until the end nothing is removed, so every blob that the copied database names
// is among those copied. Blobs never change: where both folders are on one file
// system they are linked, and take no room of their own. What is put meanwhile may
// be copied as well; no database names it, and nothing has its key.
func (s *Store) Copy(ctx context.Context, into string, database func() error) (names []string, err error) {
	s.hold()
	defer func() { err = errors.Join(err, s.release()) }()
	if err := database(); err != nil {
		return nil, err
	}
	err = filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.Name() == unfinished:
			return filepath.SkipDir
		case d.IsDir() || strings.HasPrefix(d.Name(), "."):
			return nil
		}
		name, err := filepath.Rel(s.dir, path)
		if err != nil {
			return err
		}
		err = link(path, filepath.Join(into, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // its removal had begun before the copy did: the database does not name it
		}
		names = append(names, filepath.ToSlash(name))
		return err
	})
	return names, err
}

func (s *Store) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held++
}

// release removes what was deleted during the copies, after the last of them.
func (s *Store) release() error {
	s.mu.Lock()
	var gone []string
	if s.held--; s.held == 0 {
		for name := range s.gone {
			gone = append(gone, name)
		}
	}
	s.mu.Unlock()
	var errs []error
	for _, name := range gone {
		errs = append(errs, s.remove(name))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range gone {
		delete(s.gone, name)
	}
	return errors.Join(errs...)
}

// link returns a file a second name, or copies it to another file system.
func link(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return duplicate(from, to)
}

func duplicate(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Sync()
}
