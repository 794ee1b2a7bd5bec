// Package sqlite is the embedded engine of package store: one file, no server.
//
// One goroutine writes. It commits in one transaction, with one flush of the disk,
// all writes that have queued during the commit before, for all services that share
// the file. Readers have a few connections of their own and never wait for the
// writer (write-ahead log). An answered write survives a power cut
// (synchronous=FULL).
//
// A collection is a table: the document as JSON text, and each declared key as a
// column, indexed behind the association. Only one process at a time can open a
// file; a second one is refused with ErrInUse.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	lib "modernc.org/sqlite/lib"

	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

// maxReaders is the number of connections that read: one for each processor, two to four.
// More are slower: each forgets its pages at every commit, and reads them again.
var maxReaders = min(max(runtime.GOMAXPROCS(0), 2), 4)

// closeTimeout is how long Close waits for reads under way.
const closeTimeout = 5 * time.Second

// DB is an open file. Its methods may be called at once.
type DB struct {
	path    string
	writer  *writer
	readers chan *conn   // that are idle
	unused  chan int     // a number for each reader that was not needed yet
	unlock  func() error // lets another process open the file
	closed  chan struct{}
	once    sync.Once
	unwatch func() // removes the gauges

	mu        sync.RWMutex
	tables    map[string]*table
	preparing sync.Mutex // one Prepare at a time
}

// Open opens the file. It creates the file and its folder where they are missing,
// readable by their owner only. It returns ErrInUse when another process has the
// file open.
func Open(ctx context.Context, path string) (*DB, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of the database: %w", err)
	}
	unlock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	// A random page of an index is written for each of some entries of a referral, so small
	// pages write less. The log holds 47 MiB before it is copied into the file, which bounds
	// how often a page is written there; reading it at a start takes some 15 ms.
	c, err := dial(path, "busy_timeout=5000", "page_size=2048", "journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=24000",
		"journal_size_limit=67108864", "cache_size=-16000", "temp_store=MEMORY")
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	err = checkFormat(c, path)
	if err == nil {
		err = c.bufferLog()
	}
	if err != nil {
		return nil, errors.Join(err, c.close(), unlock())
	}
	w := &writer{conn: c, queue: make(chan *write, maxQueued), quit: make(chan struct{}), gone: make(chan struct{})}
	go w.loop()
	d := &DB{path: path, unlock: unlock, writer: w, readers: make(chan *conn, maxReaders), unused: make(chan int, maxReaders), closed: make(chan struct{}), tables: map[string]*table{}}
	for i := range maxReaders {
		d.unused <- i
	}
	d.unwatch = d.watch(path)
	return d, nil
}

// format is the layout of the tables, which the file has as SQLite's user_version. Before
// it, no body was compressed.
const format = 3

// checkFormat refuses a file whose tables have another layout, and lets no program of the
// one before have the file again.
func checkFormat(c *conn, path string) error {
	var found, tables int64
	err := c.query(context.Background(), "SELECT user_version,(SELECT count(*) FROM sqlite_master) FROM pragma_user_version", nil, func(row *statement) error {
		found, tables = row.integer(0), row.integer(1)
		return nil
	})
	switch {
	case err != nil || found == format:
		return err
	case tables == 0, found == format-1: // a new file, or one that needs no change
		return c.exec(fmt.Sprintf("PRAGMA user_version=%d", format))
	}
	return fmt.Errorf("the database file %s has format %d, and this program needs format %d: start the version of the program that wrote it", path, found, format)
}

// ErrInUse says that another process has the file open.
var ErrInUse = errors.New("in use by another process")

// lockFile keeps every other process from opening the same database: the write counter and
// the group commit assume one writer. It creates the database file where it is missing.
//
// One lock is SQLite's own, on an empty file beside the database, which programs of before
// and other systems than Linux know alone. The other is on the database itself, on a byte
// far behind its end that SQLite does not lock, as the file beside it may be removed. Both
// belong to their open file (dial) and end with the process, however that ends.
func lockFile(path string) (unlock func() error, err error) {
	guard, err := dial(path+".lock", "busy_timeout=1000", "journal_mode=MEMORY", "locking_mode=EXCLUSIVE")
	if err == nil {
		if err = guard.exec("BEGIN EXCLUSIVE"); err != nil {
			err = errors.Join(err, guard.close())
		}
	}
	var e *sqliteError
	if errors.As(err, &e) && e.code&0xff == lib.SQLITE_BUSY {
		err = ErrInUse
	}
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
			return nil, errors.Join(fmt.Errorf("create the database file: %w", err), guard.close())
		}
		unlock = func() error { return errors.Join(f.Close(), guard.close()) }
		if isFree(f) {
			return unlock, nil
		}
		err = errors.Join(ErrInUse, unlock())
	}
	if errors.Is(err, ErrInUse) {
		err = fmt.Errorf("the database file %s is %w: stop that process, or use another file", path, err)
	}
	return nil, err
}

// Close ends the writer and the readers, and waits at most five seconds for reads
// under way. Writes that have not begun and later calls return ErrUnavailable. It may
// be called again, and then returns nil.
func (d *DB) Close() error {
	var err error
	d.once.Do(func() {
		d.unwatch()
		close(d.closed)
		limit := time.After(closeTimeout)
		for left := maxReaders; left > 0; left-- {
			select {
			case <-d.unused:
			case c := <-d.readers:
				err = errors.Join(err, c.close())
			case <-limit:
				err, left = errors.Join(err, errors.New("a read was still under way when the database was closed")), 0
			}
		}
		err = errors.Join(err, d.writer.stop(), d.unlock())
	})
	return err
}

// Engine returns the part of the file that belongs to one service.
func (d *DB) Engine(namespace string) store.Engine { return &engine{db: d, namespace: namespace} }

// engine is one service's part of the file: its tables begin with its name.
type engine struct {
	db        *DB
	namespace string
}

// table returns a prepared collection.
func (e *engine) table(collection string) (*table, error) {
	e.db.mu.RLock()
	defer e.db.mu.RUnlock()
	if t, ok := e.db.tables[e.namespace+"/"+collection]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("the collection %s of %s has not been prepared", collection, e.namespace)
}

// Prepare joins what is declared twice in one process, and drops indexes that are no
// longer declared.
func (e *engine) Prepare(ctx context.Context, s store.Spec) error {
	if err := errors.Join(rule.Spec(s), rule.Name("namespace", e.namespace)); err != nil {
		return err
	}
	e.db.preparing.Lock()
	defer e.db.preparing.Unlock()
	earlier, err := e.table(s.Name)
	isPrepared := err == nil
	if isPrepared {
		s = rule.Merge(earlier.spec, s)
	}
	t := newTable(e.namespace, s)
	if err := e.db.writer.do(ctx, func(w *writer) error { return t.prepare(w, isPrepared) }); err != nil {
		return err
	}
	e.db.mu.Lock()
	defer e.db.mu.Unlock()
	e.db.tables[e.namespace+"/"+s.Name] = t
	return nil
}

// watch registers the gauges of the file, its disk and its queue.
func (d *DB) watch(path string) (stop func()) {
	size := func(path string) func() (float64, bool) {
		return func() (float64, bool) {
			info, err := os.Stat(path)
			if err != nil {
				return 0, false
			}
			return float64(info.Size()), true
		}
	}
	return metrics.Watch(nil,
		metrics.Gauge{Name: "finsam.sqlite.size", Unit: "By", Description: "Size of the database file.", Read: size(path)},
		metrics.Gauge{Name: "finsam.sqlite.wal.size", Unit: "By", Description: "Size of its write-ahead log.", Read: size(path + "-wal")},
		metrics.Gauge{Name: "finsam.sqlite.disk.free", Unit: "By", Description: "Space left to this program on the disk of the file.",
			Read: func() (float64, bool) { free, _, ok := disk(path); return free, ok }},
		metrics.Gauge{Name: "finsam.sqlite.disk.size", Unit: "By", Description: "Size of the disk of the file.",
			Read: func() (float64, bool) { _, all, ok := disk(path); return all, ok }},
		metrics.Gauge{Name: "finsam.sqlite.queue", Description: "Writes waiting for the next commit.",
			Read: func() (float64, bool) { return float64(len(d.writer.queue)), true }},
	)
}
