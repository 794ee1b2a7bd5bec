package sqlite

import (
	"context"
	"fmt"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

// Walk implements store.Engine.
func (e *engine) Walk(ctx context.Context, collection string, after store.Position, limit int) ([]store.Document, error) {
	t, err := e.table(collection)
	if err != nil {
		return nil, err
	}
	if err := rule.Limit(limit); err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	var all []store.Document
	err = e.db.read(ctx, func(c *conn) error {
		return c.query(ctx, t.sqlWalk, values(after.Association, after.ID, int64(limit)), func(row []value) error {
			f := store.Document{Association: row[0].(string), ID: row[1].(string), Keys: store.Keys{}}
			for i, key := range t.spec.Keys {
				if v, ok := decode(row[2+i]); ok {
					f.Keys[key] = v
				}
			}
			fill(&f, row)
			all = append(all, f)
			return nil
		})
	})
	return all, err
}

// Rekey implements store.Engine.
func (e *engine) Rekey(ctx context.Context, collection string, r store.Record) error {
	t, err := e.table(collection)
	if err != nil {
		return err
	}
	if err := rule.Record(r, 0, t.spec.Keys); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	args, err := t.keyValues(r.Keys)
	if err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	args = append(args, r.Association, r.ID, r.Version)
	return e.db.writer.do(ctx, func(w *writer) error {
		n, err := w.conn.change(t.sqlRekey, args...)
		switch {
		case isUnique(err):
			return store.ErrTaken
		case err == nil && n == 0:
			return w.missed(t, r.Association, r.ID)
		}
		return err
	})
}
