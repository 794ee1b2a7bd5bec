package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

func keysOf[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

// encodeRecord returns the body and the key columns. It runs on the caller's
// goroutine: the writer has enough to do, and a Body must not be read after the
// caller has its answer.
func encodeRecord(t *table, r store.Record, from int64) (body string, keys []value, err error) {
	if err := rule.Record(r, from, t.spec.Keys); err != nil {
		return "", nil, fmt.Errorf("%s: %w", t.name, err)
	}
	b, err := json.Marshal(r.Body)
	if err != nil {
		return "", nil, fmt.Errorf("%s: write document: %w", t.name, err)
	}
	keys, err = t.keyValues(r.Keys)
	return string(b), keys, err
}

// Insert implements store.Engine.
func (e *engine) Insert(ctx context.Context, collection string, r store.Record) error {
	t, err := e.table(collection)
	if err != nil {
		return err
	}
	body, keys, err := encodeRecord(t, r, 0)
	if err != nil {
		return err
	}
	args := append(values(r.Association, r.ID, r.Version, int64(0), body), keys...)
	return e.db.writer.do(ctx, func(w *writer) error {
		w.written++
		args[3] = w.written
		err := w.conn.exec(t.sqlInsert, args...)
		if !isUnique(err) {
			return err
		}
		// Which one it was: the id goes before other unique values.
		switch _, err := w.version(t, r.Association, r.ID); {
		case err == nil:
			return store.ErrExists
		case errors.Is(err, store.ErrNotFound):
			return store.ErrTaken
		default:
			return err
		}
	})
}

// Replace implements store.Engine.
func (e *engine) Replace(ctx context.Context, collection string, r store.Record, from int64) error {
	t, err := e.table(collection)
	if err != nil {
		return err
	}
	body, keys, err := encodeRecord(t, r, from)
	if err != nil {
		return err
	}
	args := append(values(r.Version, int64(0), body), keys...)
	args = append(args, r.Association, r.ID, from)
	return e.db.writer.do(ctx, func(w *writer) error {
		w.written++
		args[1] = w.written
		n, err := w.conn.change(t.sqlReplace, args...)
		switch {
		case isUnique(err):
			return store.ErrTaken
		case err == nil && n == 0:
			return w.missed(t, r.Association, r.ID)
		}
		return err
	})
}

// Delete implements store.Engine.
func (e *engine) Delete(ctx context.Context, collection, association, id string, from int64) error {
	t, err := e.table(collection)
	if err != nil {
		return err
	}
	return e.db.writer.do(ctx, func(w *writer) error {
		n, err := w.conn.change(t.sqlDelete, association, id, from)
		if err == nil && n == 0 {
			return w.missed(t, association, id)
		}
		return err
	})
}

// missed tells why a write found no document at its version.
func (w *writer) missed(t *table, association, id string) error {
	if _, err := w.version(t, association, id); err != nil {
		return err
	}
	return store.ErrStale
}

// MarkPublished implements store.Engine.
func (e *engine) MarkPublished(ctx context.Context, collection string, marks []store.PublishedMark) error {
	t, err := e.table(collection)
	if err != nil || len(marks) == 0 {
		return err
	}
	marks = slices.Clone(marks)
	return e.db.writer.do(ctx, func(w *writer) error {
		for _, m := range marks {
			if err := w.conn.exec(t.sqlSettle, m.Published, m.Association, m.ID, m.Published); err != nil {
				return err
			}
		}
		return nil
	})
}

func isUnique(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code() == lib.SQLITE_CONSTRAINT_UNIQUE || e.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY)
}
