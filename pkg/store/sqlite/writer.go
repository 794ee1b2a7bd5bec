package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	lib "modernc.org/sqlite/lib"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

const (
	maxQueued = 4096 // writes that wait; further callers wait to join them
	maxGroup  = 512  // writes of one commit, which costs one flush of the disk
	maxFew    = 4    // writes of a commit after which the next one begins at once
	yields    = 4    // how often the writer lets others run before another
)

// errClosed answers every call after Close.
var errClosed = fault.ErrUnavailable.Because(errors.New("the database is closed"))

// writer is the only goroutine that writes to the file. It commits in one
// transaction what has queued during the commit before.
type writer struct {
	conn  *conn
	queue chan *write
	quit  chan struct{} // closed: it must stop
	gone  chan struct{} // closed: it has stopped
	once  sync.Once
	full  atomic.Bool // a commit found no room on the disk, until Ping finds some

	// written counts writes, so that Unpublished can return them in their order.
	// Only the goroutine itself uses it.
	written int64
}

// write is one queued change. run makes it inside the group's transaction, and may be called
// again in another one. When run returns a fault (stale, taken) it must have changed nothing.
// That is so because only the first statement that changes something leads to a fault, and
// SQLite undoes a failed statement whole.
type write struct {
	run   func(*writer) error
	state atomic.Int32
	done  chan error // has room for the answer when nobody waits any more
}

// writes are answered ones, for the next.
var writes = sync.Pool{New: func() any { return &write{done: make(chan error, 1)} }}

// The states of a write, which can be abandoned only until it has begun.
const (
	waiting int32 = iota
	begun
	abandoned
)

// do queues a change and waits until it is durable. When the context ends before the
// change has begun, nothing is written; later the outcome is unknown. Both are
// ErrUnavailable.
func (w *writer) do(ctx context.Context, run func(*writer) error) error {
	if ctx.Err() != nil {
		return abandonedBecause(ctx, "before its write began")
	}
	o := writes.Get().(*write)
	o.run = run
	o.state.Store(waiting)
	select {
	case w.queue <- o:
	case <-ctx.Done():
		return abandonedBecause(ctx, "before its write began")
	case <-w.gone:
		return errClosed
	}
	select {
	case err := <-o.done: // nobody else has it any more
		o.run = nil
		writes.Put(o)
		return err
	case <-ctx.Done():
		if o.state.CompareAndSwap(waiting, abandoned) {
			return abandonedBecause(ctx, "before its write began")
		}
	case <-w.gone:
	}
	select { // prefer the answer to what else happened at the same time
	case err := <-o.done:
		return err
	default:
	}
	if ctx.Err() != nil {
		return abandonedBecause(ctx, "while its write was under way")
	}
	return errClosed
}

func abandonedBecause(ctx context.Context, when string) error {
	return fault.ErrUnavailable.Because(fmt.Errorf("the caller gave up %s: %w", when, context.Cause(ctx)))
}

func (w *writer) loop() {
	defer close(w.gone)
	group := make([]*write, 0, maxGroup) // what has queued and is not abandoned
	many := false
	for {
		var next *write
		select {
		case <-w.quit:
			return
		case next = <-w.queue:
		}
		if many { // who was answered by the last commit may be about to write: where nobody is, this takes a microsecond
			for range yields {
				runtime.Gosched()
			}
		}
		for isMore := true; isMore; {
			if next.state.CompareAndSwap(waiting, begun) {
				group = append(group, next)
			}
			if isMore = len(group) < maxGroup; isMore {
				select {
				case next = <-w.queue:
				default:
					isMore = false
				}
			}
		}
		w.commit(group)
		many = len(group) > maxFew
		clear(group)
		group = group[:0]
	}
}

// commit writes a group in one transaction and answers each of its callers. A write
// on which the database fails is taken out with that error, and the others are tried
// again without it, so that no write can spoil its neighbours. No caller is answered
// before the commit, because the answer to one write (stale, taken) may depend on
// another of the same group.
func (w *writer) commit(group []*write) {
	answers := make([]error, len(group))
	out := make([]bool, len(group))
	for left := len(group); left > 0; left-- {
		bad, err := w.attempt(group, out, answers)
		var e *sqliteError
		if errors.As(err, &e) && e.code&0xff == lib.SQLITE_FULL {
			w.full.Store(true)
		}
		if err == nil {
			break
		}
		// Its error says only that SQLite has rolled back already, as it does after
		// some failures.
		_ = w.conn.exec("ROLLBACK")
		if bad < 0 { // the transaction itself failed: nothing is written
			for i := range answers {
				if !out[i] {
					answers[i] = err
				}
			}
			break
		}
		out[bad], answers[bad] = true, err
	}
	for i, o := range group {
		o.done <- answers[i]
	}
}

// attempt runs all writes that are not out. Beside an error it returns the index of
// the write that the database failed on, or -1 when begin or commit failed.
func (w *writer) attempt(group []*write, out []bool, answers []error) (int, error) {
	if err := w.conn.exec("BEGIN IMMEDIATE"); err != nil {
		return -1, fmt.Errorf("begin: %w", err)
	}
	for i, o := range group {
		if out[i] {
			continue
		}
		err := o.run(w)
		var known *fault.Error
		if err != nil && !errors.As(err, &known) {
			return i, err
		}
		answers[i] = err
	}
	if err := w.conn.exec("COMMIT"); err != nil {
		return -1, fmt.Errorf("commit: %w", err)
	}
	return 0, nil
}

// version returns the version of a stored document, or ErrNotFound.
func (w *writer) version(t *table, association, id string) (int64, error) {
	version, found := int64(0), false
	err := w.conn.query(context.Background(), t.sqlVersion, []value{association, id}, func(row *statement) error {
		version, found = row.integer(0), true
		return nil
	})
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return version, err
}

// stop ends the writer. Writes that have not begun return errClosed.
func (w *writer) stop() error {
	w.once.Do(func() { close(w.quit) })
	<-w.gone
	return w.conn.close()
}
