// Package sqlite is the embedded engine of package store: one file, no server.
//
// One goroutine writes; it commits in one transaction, with one flush of the
// disk, whatever has queued while it committed the last one, for all services
// that share the file. Readers have a few connections of their own and never wait
// for the writer (write-ahead log). An answered write survives a power cut
// (synchronous=FULL).
//
// A collection is a table: the document as JSON text, and each declared key as a
// column of its own, indexed behind the association. A file belongs to one
// process at a time; a second one is refused at Open.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

// readers is the number of connections that read. More do not make it faster:
// measured on two cores, sixteen are slower than two.
const readers = 4

// DB is an open file.
type DB struct {
	path    string
	writer  *writer
	readers chan *conn // those at rest
	pool    int        // how many there are
	guard   *conn      // holds the file for this process
	closed  chan struct{}
	once    sync.Once
	unwatch func() // ends the gauges

	mu     sync.RWMutex
	tables map[string]*table
	making sync.Mutex // one Prepare at a time
}

// Open opens the file, making it and its folder where they are missing, readable
// by their owner only. It fails when another process has the file open.
func Open(ctx context.Context, path string) (*DB, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Locks that belong to the open file: with the usual ones, any other code
	// that opens and closes the file, a backup, would drop ours unnoticed.
	// Where the system has none, or another user of the driver came first, the
	// usual ones serve.
	_, _ = sqlite.OFDLocking(true)
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the database: %w", err)
	}
	guard, err := takeFile(path)
	if err != nil {
		return nil, err
	}
	d, err := open(path, guard)
	if err != nil {
		return nil, errors.Join(err, guard.close())
	}
	return d, nil
}

// open opens the file's connections; the file is taken.
func open(path string, guard *conn) (*DB, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the database file: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("make the database file: %w", err)
	}
	d := &DB{path: path, guard: guard, readers: make(chan *conn, readers), closed: make(chan struct{}), tables: map[string]*table{}}
	wc, err := dial(path, "busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=2000",
		"journal_size_limit=67108864", "cache_size=-16000", "temp_store=MEMORY")
	if err != nil {
		return nil, err
	}
	d.writer = startWriter(wc)
	for range readers {
		c, err := dial(path, "busy_timeout=5000", "query_only=1", "cache_size=-8000", "temp_store=MEMORY")
		if err != nil {
			return nil, errors.Join(err, d.shut())
		}
		d.readers <- c
		d.pool++
	}
	d.unwatch = d.watch(path)
	return d, nil
}

// ErrInUse tells that another process has the file open.
var ErrInUse = errors.New("in use by another process")

// takeFile keeps every other process from opening the same database: the write
// counter and the group commit know of one writer only. The lock is SQLite's own,
// on an empty file beside it, and ends with the process, however that ends.
func takeFile(path string) (*conn, error) {
	c, err := dial(path+".lock", "busy_timeout=1000", "journal_mode=MEMORY", "locking_mode=EXCLUSIVE")
	if err == nil {
		if err = c.exec("BEGIN EXCLUSIVE"); err == nil {
			return c, nil
		}
		err = errors.Join(err, c.close())
	}
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code()&0xff == lib.SQLITE_BUSY {
		return nil, fmt.Errorf("the database file %s is %w: stop that one, or give this one a file of its own", path, ErrInUse)
	}
	return nil, err
}

// Close ends the writer and the readers. Writes that have not begun, and anyone who
// comes later, are answered that the service is not available.
func (d *DB) Close() error {
	var err error
	d.once.Do(func() {
		d.unwatch()
		err = errors.Join(d.shut(), d.guard.close())
	})
	return err
}

func (d *DB) shut() error {
	close(d.closed)
	var err error
	limit := time.After(5 * time.Second)
	for range d.pool {
		select {
		case c := <-d.readers:
			err = errors.Join(err, c.close())
		case <-limit:
			return errors.Join(err, errors.New("a read was still under way at closing"), d.writer.stop())
		}
	}
	return errors.Join(err, d.writer.stop())
}

// Engine returns the part of the file that belongs to one service.
func (d *DB) Engine(namespace string) store.Engine { return &engine{db: d, namespace: namespace} }

// engine is one service's part: its tables bear its name.
type engine struct {
	db        *DB
	namespace string
}

// table finds a collection that Prepare has made.
func (e *engine) table(collection string) (*table, error) {
	e.db.mu.RLock()
	defer e.db.mu.RUnlock()
	if t, ok := e.db.tables[e.namespace+"/"+collection]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("the collection %s of %s has not been prepared", collection, e.namespace)
}

// Prepare implements store.Engine. What is declared twice in one process is
// joined; indexes that nobody declares any more are dropped.
func (e *engine) Prepare(ctx context.Context, s store.Spec) error {
	if err := errors.Join(rule.Spec(s), rule.Name("namespace", e.namespace)); err != nil {
		return err
	}
	e.db.making.Lock()
	defer e.db.making.Unlock()
	earlier, err := e.table(s.Name)
	first := err != nil
	if !first {
		s = rule.Merge(earlier.spec, s)
	}
	t := newTable(e.namespace, s)
	if err := e.db.writer.do(ctx, func(w *writer) error { return t.prepare(w, first) }); err != nil {
		return err
	}
	e.db.mu.Lock()
	defer e.db.mu.Unlock()
	e.db.tables[e.namespace+"/"+s.Name] = t
	return nil
}
