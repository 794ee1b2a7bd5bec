package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Backup writes a copy of the file to path, where no file may exist, while reads and
// writes continue. It is one read transaction: it contains every write that was
// answered before it began, of all services that share the file. When Backup returns
// nil, the copy is checked and flushed to the disk, has no write-ahead log, and
// contains no traces of what was deleted. Beside an error there is no file.
func (d *DB) Backup(ctx context.Context, path string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create the folder of the backup: %w", err)
	}
	// Created first, empty and for its owner only: SQLite accepts an empty file.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create the file of the backup: %w", err)
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	c, err := dial(d.path, "busy_timeout=5000", "cache_size=-8000", "temp_store=MEMORY")
	if err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	err = c.query(ctx, "VACUUM INTO ?", []value{path}, nil)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err := errors.Join(err, c.close()); err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("flush the backup: %w", err)
	}
	return Check(ctx, path)
}

// Check reads all of a file that no process has open, and returns an error when it
// is not a whole SQLite database.
func Check(ctx context.Context, path string) (err error) {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	c, err := dial(path, "query_only=1", "cache_size=-8000")
	if err != nil {
		return fmt.Errorf("check %s: %w", filepath.Base(path), err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	err = c.query(ctx, "PRAGMA integrity_check(1)", nil, func(row *statement) error {
		if text := row.text(0); text != "ok" {
			return errors.New("it is damaged: " + text)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("check %s: %w", filepath.Base(path), err)
	}
	return nil
}
