// Package folder keeps blobs as files of one folder.
//
// A blob is written beside its place, flushed, and linked to its name: a file
// with the name of a blob is a whole one. One process has the folder; what its
// death leaves half written is removed at the next start.
package folder

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/finsam/finsam/pkg/blob"
)

// unfinished is the folder of what is being written; no blob is called so.
const unfinished = ".unfinished"

// buffer is what of a blob is in memory, in bytes.
const buffer = 64 << 10

// Store keeps blobs in a folder.
type Store struct {
	dir string

	mu   sync.Mutex
	held int             // copies under way
	gone map[string]bool // deleted meanwhile, and still there
}

var _ blob.Store = (*Store)(nil)

// Open creates the folder if there is none, and removes what an earlier process
// has left half written.
func Open(dir string) (*Store, error) {
	half := filepath.Join(dir, unfinished)
	if err := os.RemoveAll(half); err != nil {
		return nil, fmt.Errorf("blob folder: %w", err)
	}
	if err := os.MkdirAll(half, 0o700); err != nil {
		return nil, fmt.Errorf("blob folder: %w", err)
	}
	return &Store{dir: dir, gone: map[string]bool{}}, nil
}

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, name string, fill func(io.Writer) error) error {
	if err := blob.CheckName(name); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Join(s.dir, unfinished), "*") // mode 0600
	if err != nil {
		return fmt.Errorf("blob folder: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // what is left of it is removed at the next start
	if err := write(ctx, f, fill); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("blob folder: %w", err)
	}
	to := s.path(name)
	if err := makeDir(s.dir, filepath.Dir(to)); err != nil {
		return fmt.Errorf("blob folder: %w", err)
	}
	// Not renamed: a link does not take the place of another blob.
	if err := os.Link(f.Name(), to); errors.Is(err, fs.ErrExist) {
		return blob.ErrExists
	} else if err != nil {
		return fmt.Errorf("blob folder: %w", err)
	}
	return syncDir(filepath.Dir(to))
}

// write fills the file and flushes it to the disk.
func write(ctx context.Context, f *os.File, fill func(io.Writer) error) error {
	w := bufio.NewWriterSize(blob.Until(ctx, f), buffer)
	if err := fill(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("blob folder: %w", err)
	}
	return nil
}

// Get implements blob.Store.
func (s *Store) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := errors.Join(blob.CheckName(name), ctx.Err()); err != nil {
		return nil, err
	}
	if s.isGone(name) {
		return nil, blob.ErrNotFound
	}
	f, err := os.Open(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, blob.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("blob folder: %w", err)
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
	held := s.held > 0
	if held {
		s.gone[name] = true
	}
	s.mu.Unlock()
	if held {
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
		return fmt.Errorf("blob folder: %w", err)
	}
	return syncDir(filepath.Dir(s.path(name)))
}

func (s *Store) isGone(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone[name]
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// makeDir creates a folder below root, and flushes the names on the way to it.
func makeDir(root, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for dir != root {
		dir = filepath.Dir(dir)
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// syncDir flushes which names a folder has.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("blob folder: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("blob folder: %w", err)
	}
	return nil
}
