package sqlite

import (
	"context"
	"fmt"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

// read borrows a connection of the pool.
func (d *DB) read(ctx context.Context, use func(*conn) error) error {
	if ctx.Err() != nil {
		return gaveUp(ctx, "before its read began")
	}
	select {
	case c := <-d.readers:
		defer func() { d.readers <- c }()
		err := use(c)
		if err != nil && ctx.Err() != nil {
			return gaveUp(ctx, "while its read was under way")
		}
		return err
	case <-ctx.Done():
		return gaveUp(ctx, "before its read began")
	case <-d.closed:
		return errClosed
	}
}

// Get implements store.Engine.
func (e *engine) Get(ctx context.Context, collection, association, id string) (store.Document, error) {
	t, err := e.table(collection)
	if err != nil {
		return store.Document{}, err
	}
	found := store.Document{Association: association, ID: id}
	err = e.db.read(ctx, func(c *conn) error {
		// By its key a document is found in microseconds: not worth watching ctx.
		return c.query(context.Background(), t.sqlGet, values(association, id), func(row []value) error {
			fill(&found, row)
			return nil
		})
	})
	if err == nil && found.Decode == nil {
		err = store.ErrNotFound
	}
	return found, err
}

// fill takes version, settled and body from the end of a row.
func fill(f *store.Document, row []value) {
	row = row[len(row)-3:]
	f.Version, f.Published = row[0].(int64), row[1].(int64)
	d := &document{text: row[2].(string)}
	f.Decode, f.Unknown = d.decode, d.unknown
}

// find returns the statement that reads what a query asks for.
func (e *engine) find(collection string, q store.Query) (*sqlText, error) {
	t, err := e.table(collection)
	if err != nil {
		return nil, err
	}
	if err := rule.Query(q, t.spec.Keys); err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	s, err := t.find(q)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	return s, nil
}

// Find implements store.Engine.
func (e *engine) Find(ctx context.Context, collection string, q store.Query) ([]store.Document, error) {
	s, err := e.find(collection, q)
	if err != nil {
		return nil, err
	}
	var all []store.Document
	err = e.db.read(ctx, func(c *conn) error {
		return c.query(ctx, s.String(), s.args, func(row []value) error {
			f := store.Document{Association: q.Association, ID: row[0].(string)}
			fill(&f, row)
			all = append(all, f)
			return nil
		})
	})
	return all, err
}

// Count implements store.Engine.
func (e *engine) Count(ctx context.Context, collection, association string, where []store.Cond, by []string) ([]store.Group, error) {
	t, err := e.table(collection)
	if err != nil {
		return nil, err
	}
	s, err := t.count(association, where, by)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	var all []store.Group
	err = e.db.read(ctx, func(c *conn) error {
		return c.query(ctx, s.String(), s.args, func(row []value) error {
			g := store.Group{Keys: store.Keys{}, Count: row[len(by)].(int64)}
			for i, key := range by {
				if v, ok := decode(row[i]); ok {
					g.Keys[key] = v
				}
			}
			all = append(all, g)
			return nil
		})
	})
	return all, err
}

// CountUpTo implements store.Engine.
func (e *engine) CountUpTo(ctx context.Context, collection, association string, where []store.Cond, most int) (n int64, err error) {
	t, err := e.table(collection)
	if err != nil {
		return 0, err
	}
	s, err := t.countUpTo(association, where, most)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", t.name, err)
	}
	err = e.db.read(ctx, func(c *conn) error {
		return c.query(ctx, s.String(), s.args, func(row []value) error {
			n = row[0].(int64)
			return nil
		})
	})
	return n, err
}

// Unpublished implements store.Engine.
func (e *engine) Unpublished(ctx context.Context, collection string, limit int) ([]store.Document, error) {
	t, err := e.table(collection)
	if err != nil {
		return nil, err
	}
	if err := rule.Limit(limit); err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	var all []store.Document
	err = e.db.read(ctx, func(c *conn) error {
		return c.query(ctx, t.sqlUnsettled, values(int64(limit)), func(row []value) error {
			f := store.Document{Association: row[0].(string), ID: row[1].(string)}
			fill(&f, row)
			all = append(all, f)
			return nil
		})
	})
	return all, err
}

// Ping implements store.Engine: a reader answers and the writer still runs.
func (e *engine) Ping(ctx context.Context) error {
	select {
	case <-e.db.writer.gone:
		return errClosed
	default:
	}
	return e.db.read(ctx, func(c *conn) error {
		return c.query(ctx, "SELECT 1", nil, func([]value) error { return nil })
	})
}
