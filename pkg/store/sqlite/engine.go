package sqlite

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"

	jsonx "github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
	lib "modernc.org/sqlite/lib"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

// read borrows a connection of the pool.
func (d *DB) read(ctx context.Context, use func(*conn) error) error {
	c, err := d.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { d.readers <- c }()
	err = use(c)
	if err != nil && ctx.Err() != nil {
		return abandonedBecause(ctx, "while its read was under way")
	}
	return err
}

// reader returns a connection that is idle, or a new one while there are few: each reads
// the whole schema, a millisecond of a start.
func (d *DB) reader(ctx context.Context) (*conn, error) {
	if ctx.Err() != nil {
		return nil, abandonedBecause(ctx, "before its read began")
	}
	select {
	case c := <-d.readers:
		return c, nil
	default:
	}
	select {
	case c := <-d.readers:
		return c, nil
	case i := <-d.unused:
		c, err := dial(d.path, "busy_timeout=5000", "query_only=1", "cache_size=-4000", "temp_store=MEMORY")
		if err != nil {
			d.unused <- i
		}
		return c, err
	case <-ctx.Done():
		return nil, abandonedBecause(ctx, "before its read began")
	case <-d.closed:
		return nil, errClosed
	}
}

// query reads rows and hands each to row.
func (e *engine) query(ctx context.Context, sql string, args []value, row func(*statement) error) error {
	return e.db.read(ctx, func(c *conn) error { return c.query(ctx, sql, args, row) })
}

func (e *engine) Get(ctx context.Context, collection, association, id string) (store.Document, error) {
	t, err := e.table(collection)
	if err != nil {
		return store.Document{}, err
	}
	var d store.Document
	err = e.db.read(ctx, func(c *conn) error {
		// A document is found by its key in microseconds: not worth watching ctx.
		return c.query(context.Background(), t.sqlGet, []value{association, id}, func(row *statement) error {
			d = document(association, id, row)
			return nil
		})
	})
	if err == nil && d.Body == nil {
		err = store.ErrNotFound
	}
	return d, err
}

// document takes version and body from the end of a row.
func document(association, id string, row *statement) store.Document {
	return store.Document{Association: association, ID: id, Version: row.integer(row.columns - 2), Body: &body{text: row.bytes(row.columns - 1), isCompressed: row.isBlob(row.columns - 1)}}
}

// strict reads JSON as the standard library does, but refuses unknown fields. The
// standard library's own decoder takes three times as long (docs/performance.md).
var strict = jsonx.JoinOptions(jsonv1.DefaultOptionsV1(), jsonx.RejectUnknownMembers(true))

// body is the text of a document, of one caller as the document is. It implements store.Body.
type body struct {
	text         []byte
	isCompressed bool // as it was stored; text is to be expanded
	isKnown      bool // it has been decoded without an unknown field
}

// Decode tries the strict way first: mostly that is all, and Unknown has its answer
// at no cost. What a failed attempt has filled in is undone.
func (b *body) Decode(into any) error {
	target := reflect.ValueOf(into).Elem()
	before := reflect.Zero(target.Type())
	if !target.IsZero() {
		before = reflect.New(target.Type()).Elem()
		before.Set(target)
	}
	err := b.Unknown(into)
	if b.isKnown = err == nil; b.isKnown || b.isCompressed { // it could not be expanded
		return err
	}
	target.Set(before)
	return jsonv1.Unmarshal(b.text, into)
}

func (b *body) Unknown(into any) error {
	if b.isKnown {
		return nil
	}
	if b.isCompressed {
		plain := bytes.NewBuffer(make([]byte, 0, 6*len(b.text)))
		e := expanders.Get().(*expander)
		defer expanders.Put(e)
		e.from.Reset(b.text)
		err := e.flate.(flate.Resetter).Reset(&e.from, nil)
		if err == nil {
			_, err = plain.ReadFrom(e.flate)
		}
		if e.from.Reset(nil); err != nil {
			return fmt.Errorf("expand document: %w", err)
		}
		b.text, b.isCompressed = plain.Bytes(), false
	}
	return jsonx.Unmarshal(b.text, into, strict)
}

func (e *engine) Find(ctx context.Context, collection string, q store.Query) (all []store.Document, err error) {
	s, err := e.find(collection, q)
	if err != nil {
		return nil, err
	}
	all = make([]store.Document, 0, min(q.Limit, 32))
	err = e.query(ctx, s.String(), s.args, func(row *statement) error {
		all = append(all, document(q.Association, row.text(0), row))
		return nil
	})
	return all, err
}

// Explain returns how SQLite would find what a query asks for, line by line (EXPLAIN
// QUERY PLAN), for tests that compare a service's lists with its indexes.
func (e *engine) Explain(ctx context.Context, collection string, q store.Query) (plan []string, err error) {
	s, err := e.find(collection, q)
	if err != nil {
		return nil, err
	}
	err = e.query(ctx, "EXPLAIN QUERY PLAN "+s.String(), s.args, func(row *statement) error {
		plan = append(plan, row.text(row.columns-1))
		return nil
	})
	return plan, err
}

func (e *engine) Count(ctx context.Context, collection, association string, where []store.Cond, by []string) (groups []store.Group, err error) {
	t, err := e.table(collection)
	if err != nil {
		return nil, err
	}
	cols := ""
	for _, key := range by {
		cols += column(key) + ","
	}
	s := newText()
	s.add("SELECT "+cols+"count(*) FROM "+quote(t.name)+" WHERE association=?", association)
	if err := errors.Join(rule.By(by, t.spec.Keys), s.where(t, where)); err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	if cols != "" {
		s.add(" GROUP BY " + strings.TrimSuffix(cols, ","))
	}
	values := make([]any, 0, 32) // of all groups
	err = e.query(ctx, s.String(), s.args, func(row *statement) error {
		for i := range by {
			values = append(values, row.key(i))
		}
		groups = append(groups, store.Group{Values: values[len(values)-len(by):], Count: row.integer(len(by))})
		return nil
	})
	return groups, err
}

// key returns a column as encodeKey was given it; nil: absent.
func (s *statement) key(column int) any {
	v := s.value(column)
	if b, isBlob := v.([]byte); isBlob {
		if len(b) == 1 && b[0] <= 1 {
			return b[0] == 1
		}
		return nil
	}
	return v
}

// keysOf reads the values of keys from a row, from a column on, without the absent ones.
func keysOf(keys []string, row *statement, from int) store.Keys {
	all := make(store.Keys, len(keys))
	for i, key := range keys {
		if v := row.key(from + i); v != nil {
			all[key] = v
		}
	}
	return all
}

func (e *engine) CountUpTo(ctx context.Context, collection, association string, where []store.Cond, limit int) (n int64, err error) {
	t, err := e.table(collection)
	if err != nil {
		return 0, err
	}
	s := newText()
	s.add("SELECT count(*) FROM (SELECT 1 FROM "+quote(t.name)+" WHERE association=?", association)
	if err := errors.Join(rule.CountLimit(limit), s.where(t, where)); err != nil {
		return 0, fmt.Errorf("%s: %w", t.name, err)
	}
	s.add(sqlLimit+")", int64(limit))
	err = e.query(ctx, s.String(), s.args, func(row *statement) error {
		n = row.integer(0)
		return nil
	})
	return n, err
}

func (e *engine) Unpublished(ctx context.Context, collection string, limit int) (all []store.Document, err error) {
	t, err := e.table(collection)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(rule.Unpublished(t.spec), rule.Limit(limit)); err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	err = e.query(ctx, t.sqlUnpublished, []value{int64(limit)}, func(row *statement) error {
		d := document(row.text(0), row.text(1), row)
		d.Published = row.integer(2)
		all = append(all, d)
		return nil
	})
	return all, err
}

func (e *engine) Walk(ctx context.Context, collection string, after store.Position, limit int) (all []store.Document, err error) {
	t, err := e.table(collection)
	if err != nil {
		return nil, err
	}
	if err := rule.Limit(limit); err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	err = e.query(ctx, t.sqlWalk, []value{after.Association, after.ID, int64(limit)}, func(row *statement) error {
		d := document(row.text(0), row.text(1), row)
		d.Keys = keysOf(t.spec.Keys, row, 2)
		all = append(all, d)
		return nil
	})
	return all, err
}

// errFull is that of Ping while the disk is full.
var errFull = fault.ErrUnavailable.WithText("Databasens disk är full.", "The disk of the database is full.")

// minFree is the room from which a disk that was full is no longer: into the last bytes a
// small write fits, and a larger one does not.
const minFree = 1 << 20

// Ping returns nil when a reader answers and the writer still runs, and has room on the
// disk. While it had none, Ping itself writes: a service that is not ready is asked for
// nothing else.
func (e *engine) Ping(ctx context.Context) error {
	w := e.db.writer
	select {
	case <-w.gone:
		return errClosed
	default:
	}
	if w.full.Load() {
		if free, _, ok := disk(e.db.path); ok && free < minFree {
			return errFull
		}
		err := w.do(ctx, func(w *writer) error { return w.conn.exec(fmt.Sprintf("PRAGMA user_version=%d", format)) })
		if err != nil {
			return errFull.Because(err)
		}
		w.full.Store(false)
	}
	return e.query(ctx, "SELECT 1", nil, func(*statement) error { return nil })
}

// minCompressed is from how many bytes on a body is stored compressed, as a BLOB: the blocks
// of events, notices and entries of the access log, which become a fifth of their size.
const minCompressed = 4 << 10

// expander is a reader of flate, which is large, with what it reads from.
type expander struct {
	from  bytes.Reader
	flate io.ReadCloser
}

var expanders = sync.Pool{New: func() any {
	e := &expander{}
	e.flate = flate.NewReader(&e.from)
	return e
}}

// compressors are idle *flate.Writers, which are large.
var compressors = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // the level is valid
	return w
}}

func compress(plain []byte) []byte {
	var b bytes.Buffer
	w := compressors.Get().(*flate.Writer)
	w.Reset(&b)
	_, err := w.Write(plain)
	if err = errors.Join(err, w.Close()); err != nil {
		panic("sqlite: a buffer takes everything: " + err.Error())
	}
	compressors.Put(w)
	return b.Bytes()
}

// encodeRecord returns the body and the key columns in the declared order, with room
// for the other arguments of a statement. It runs on the caller's goroutine, because the
// writer has enough to do, and because a Body must not be read after the call has returned.
func encodeRecord(t *table, r store.Record, from int64) (body value, keys []value, err error) {
	if err := rule.Record(r, from, t.spec.Keys); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", t.name, err)
	}
	plain, err := jsonx.Marshal(r.Body, jsonv1.DefaultOptionsV1())
	if err != nil {
		return nil, nil, fmt.Errorf("%s: encode document: %w", t.name, err)
	}
	if body = text(plain); len(plain) >= minCompressed {
		body = compress(plain)
	}
	keys = make([]value, len(t.spec.Keys), len(t.spec.Keys)+5)
	for i, key := range t.spec.Keys {
		if keys[i], err = encodeKey(r.Keys[key]); err != nil {
			return nil, nil, fmt.Errorf("%s: key %s: %w", t.name, key, err)
		}
	}
	return body, keys, nil
}

func (e *engine) Insert(ctx context.Context, collection string, r store.Record) error {
	t, err := e.table(collection)
	if err != nil {
		return err
	}
	body, keys, err := encodeRecord(t, r, 0)
	if err != nil {
		return err
	}
	args := append(keys, body, r.Version, r.Association, r.ID)
	return e.db.writer.do(ctx, func(w *writer) error {
		err := w.conn.exec(t.sqlInsert, args...)
		if err == nil {
			return w.wrote(t, r, 0)
		}
		if !isUnique(err) {
			return err
		}
		// The id comes before other unique values.
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

func (e *engine) Replace(ctx context.Context, collection string, r store.Record, from int64) error {
	t, err := e.table(collection)
	if err != nil {
		return err
	}
	body, keys, err := encodeRecord(t, r, from)
	if err != nil {
		return err
	}
	args := append(keys, body, r.Version, r.Association, r.ID, from)
	return e.db.writer.do(ctx, func(w *writer) error {
		err := w.changeOne(t, r.Association, r.ID, t.sqlReplace, args)
		if err == nil {
			err = w.wrote(t, r, from)
		}
		return err
	})
}

func (e *engine) Delete(ctx context.Context, collection, association, id string, from int64) error {
	t, err := e.table(collection)
	if err != nil {
		return err
	}
	return e.db.writer.do(ctx, func(w *writer) error {
		err := w.changeOne(t, association, id, t.sqlDelete, []value{association, id, from})
		if err == nil && t.spec.Published {
			err = w.conn.exec(t.sqlForget, association, id)
		}
		return err
	})
}

func (e *engine) Rekey(ctx context.Context, collection string, r store.Record) error {
	t, err := e.table(collection)
	if err != nil {
		return err
	}
	_, args, err := encodeRecord(t, r, 0)
	if err != nil {
		return err
	}
	args = append(args, r.Association, r.ID, r.Version)
	return e.db.writer.do(ctx, func(w *writer) error { return w.changeOne(t, r.Association, r.ID, t.sqlRekey, args) })
}

// changeOne runs a statement that changes a document at one version. It returns
// ErrTaken, or ErrStale or ErrNotFound when there is no document at that version.
func (w *writer) changeOne(t *table, association, id, sql string, args []value) error {
	switch n, err := w.conn.change(sql, args...); {
	case isUnique(err):
		return store.ErrTaken
	case err != nil || n > 0:
		return err
	}
	if _, err := w.version(t, association, id); err != nil {
		return err
	}
	return store.ErrStale
}

// wrote notes that a document of a published collection has steps behind from that are
// not published.
func (w *writer) wrote(t *table, r store.Record, from int64) error {
	if !t.spec.Published {
		return nil
	}
	w.written++
	return w.conn.exec(t.sqlWrote, r.Association, r.ID, r.Version, from, w.written)
}

func (e *engine) MarkPublished(ctx context.Context, collection string, marks []store.PublishedMark) error {
	t, err := e.table(collection)
	if err == nil {
		err = rule.Unpublished(t.spec)
	}
	if err != nil || len(marks) == 0 {
		return err
	}
	marks = slices.Clone(marks)
	return e.db.writer.do(ctx, func(w *writer) error {
		for _, m := range marks {
			for _, sql := range t.sqlMark {
				if n, err := w.conn.change(sql, m.Association, m.ID, m.Published); err != nil {
					return err
				} else if n > 0 {
					break
				}
			}
		}
		return nil
	})
}

func isUnique(err error) bool {
	var e *sqliteError
	return errors.As(err, &e) && (e.code == lib.SQLITE_CONSTRAINT_UNIQUE || e.code == lib.SQLITE_CONSTRAINT_PRIMARYKEY)
}
