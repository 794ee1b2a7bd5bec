// Package folder stores blobs as files of one folder.
//
// A blob is written to a temporary file, flushed, and linked to its name: a file with
// the name of a blob is a whole one. One process has the folder; what it leaves half
// written when it dies is removed at the next start.
package folder

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/finsam/finsam/pkg/atomicfile"
	"github.com/finsam/finsam/pkg/blob"
)

const (
	unfinishedDir = ".unfinished" // for what is being written; no blob has this name
	bufferSize    = 64 << 10      // what of a blob is in memory, in bytes
)

// Store stores blobs in a folder.
type Store struct {
	dir string

	mu      sync.Mutex
	copying int             // copies under way
	deleted map[string]bool // during a copy; their files are still there
}

var _ blob.Store = (*Store)(nil)

// Open opens the folder, which it creates if needed, and removes what an
// earlier process has left half written.
func Open(dir string) (*Store, error) {
	half := filepath.Join(dir, unfinishedDir)
	if err := os.RemoveAll(half); err != nil {
		return nil, wrap(err)
	}
	if err := os.MkdirAll(half, 0o700); err != nil {
		return nil, wrap(err)
	}
	return &Store{dir: dir, deleted: map[string]bool{}}, nil
}

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, name string, fill func(io.Writer) error) error {
	if err := blob.CheckName(name); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Join(s.dir, unfinishedDir), "*") // mode 0600
	if err != nil {
		return wrap(err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // what is left of it is removed at the next start
	w := bufio.NewWriterSize(writer{ctx, f}, bufferSize)
	err = fill(w)
	if err == nil {
		err = errors.Join(w.Flush(), ctx.Err())
	}
	if err == nil {
		err = wrap(f.Sync())
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return wrap(err)
	}
	to := s.path(name)
	if err := makeDir(s.dir, filepath.Dir(to)); err != nil {
		return wrap(err)
	}
	// Not renamed: a link does not replace another blob.
	if err := os.Link(f.Name(), to); errors.Is(err, fs.ErrExist) {
		return blob.ErrExists
	} else if err != nil {
		return wrap(err)
	}
	return wrap(atomicfile.SyncDir(filepath.Dir(to)))
}

// writer writes to a file until the context ends.
type writer struct {
	ctx context.Context
	to  io.Writer
}

// Write implements io.Writer.
func (w writer) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.to.Write(b)
}

// Get implements blob.Store.
func (s *Store) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := errors.Join(blob.CheckName(name), ctx.Err()); err != nil {
		return nil, err
	}
	s.mu.Lock()
	deleted := s.deleted[name]
	s.mu.Unlock()
	if deleted {
		return nil, blob.ErrNotFound
	}
	f, err := os.Open(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, blob.ErrNotFound
	}
	if err != nil {
		return nil, wrap(err)
	}
	return f, nil
}

// Delete implements blob.Store. While a copy is made the file stays; the blob is
// gone all the same.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := errors.Join(blob.CheckName(name), ctx.Err()); err != nil {
		return err
	}
	s.mu.Lock()
	copying := s.copying > 0
	if copying {
		s.deleted[name] = true
	}
	s.mu.Unlock()
	if copying {
		return nil
	}
	return s.remove(name)
}

func (s *Store) remove(name string) error {
	err := os.Remove(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return wrap(err)
	}
	return wrap(atomicfile.SyncDir(filepath.Dir(s.path(name))))
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("blob folder: %w", err)
}

// makeDir creates a folder below root and makes the names on the way to it durable.
func makeDir(root, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for dir != root {
		dir = filepath.Dir(dir)
		if err := atomicfile.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// Copy copies the blobs into another folder, in step with a database that names them,
// and returns their names. It first calls database, which copies that; from then until
// the end no file is removed, so every blob that the copied database names is among
// those copied. Where both folders are on one file system the files are linked, and
// take no room. A blob that is put meanwhile may be copied as well; the copied database
// does not name it. Several copies may be made at once.
func (s *Store) Copy(ctx context.Context, into string, database func() error) (names []string, err error) {
	s.mu.Lock()
	s.copying++
	s.mu.Unlock()
	defer func() { err = errors.Join(err, s.endCopy()) }()
	if err := database(); err != nil {
		return nil, err
	}
	err = filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.Name() == unfinishedDir:
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

// endCopy removes what was deleted during the copies, after the last of them.
func (s *Store) endCopy() error {
	s.mu.Lock()
	var deleted []string
	if s.copying--; s.copying == 0 {
		deleted = slices.Collect(maps.Keys(s.deleted))
	}
	s.mu.Unlock()
	var errs []error
	for _, name := range deleted {
		errs = append(errs, s.remove(name))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range deleted {
		delete(s.deleted, name)
	}
	return errors.Join(errs...)
}

// link links a file to a second name, or copies it to another file system.
func link(from, to string) (err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := os.Link(from, to); err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
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
