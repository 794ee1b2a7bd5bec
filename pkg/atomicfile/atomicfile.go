// Package atomicfile writes files whole or not at all: a reader, or a process that
// starts after a crash, finds the content before or the content after.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write replaces a file, or creates it. The content is durable when it returns
// without an error; after an error the file is as it was, except when only the
// folder could not be flushed. Two may write the same file at once: the last one
// wins.
func Write(path string, data []byte, perm fs.FileMode) error {
	return write(path, data, perm, os.Rename)
}

// Create is Write for a file that must not be there yet: if it is, it stays and
// the error is fs.ErrExist.
func Create(path string, data []byte, perm fs.FileMode) error {
	return write(path, data, perm, func(temporary, path string) error {
		return errors.Join(os.Link(temporary, path), os.Remove(temporary))
	})
}

// write fills a hidden file beside the path, which publish then renames.
func write(path string, data []byte, perm fs.FileMode, publish func(temporary, path string) error) error {
	dir, name := filepath.Split(path)
	f, err := os.CreateTemp(filepath.Clean(dir), "."+name+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(perm), f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := publish(f.Name(), path); err != nil {
		_ = os.Remove(f.Name()) // gone already, if Create could not link it
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes durable which names a folder has: a rename is lost in a crash
// when its folder is not flushed.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
