package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// The bounds of the queue: how many writes may wait, and how many of them one
// commit takes. A commit costs one flush of the disk, whatever it holds.
const (
	maxQueued = 4096
	maxGroup  = 512
)

// errClosed answers anyone who comes after Close.
var errClosed = fault.ErrUnavailable.Because(errors.New("the database is closed"))

// writer is the only one that writes to the file: one goroutine, which commits
// in one transaction what has queued while it committed the last one.
type writer struct {
	conn  *conn
	queue chan *write
	quit  chan struct{} // closed: stop
	gone  chan struct{} // closed: has stopped
	once  sync.Once

	// written counts writes, so that Unsettled can give them in their order.
	// Only the goroutine itself touches it.
	written int64
}

// write is one queued change. run does it inside the group's transaction; a
// fault that it returns (stale, taken) must have left nothing behind, which holds
// as each write is one statement and SQLite undoes a failed statement whole.
type write struct {
	run   func(*writer) error
	state atomic.Int32
	done  chan error // takes one answer without a reader
}

// The states of a write: it can be abandoned only until it has begun.
const (
	waiting int32 = iota
	begun
	abandoned
)

func startWriter(c *conn) *writer {
	w := &writer{conn: c, queue: make(chan *write, maxQueued), quit: make(chan struct{}), gone: make(chan struct{})}
	go w.loop()
	return w
}

// do queues a change and waits until it is durable. A caller whose context ends
// before the change began can be sure that nothing is written; later it is told
// that the outcome is not known.
func (w *writer) do(ctx context.Context, run func(*writer) error) error {
	if ctx.Err() != nil {
		return gaveUp(ctx, "before its write began")
	}
	o := &write{run: run, done: make(chan error, 1)}
	select {
	case w.queue <- o:
	case <-ctx.Done():
		return gaveUp(ctx, "before its write began")
	case <-w.gone:
		return errClosed
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		if o.state.CompareAndSwap(waiting, abandoned) {
			return gaveUp(ctx, "before its write began")
		}
	case <-w.gone:
	}
	select { // the answer goes before whatever else came at the same time
	case err := <-o.done:
		return err
	default:
	}
	if ctx.Err() != nil {
		return gaveUp(ctx, "while its write was under way")
	}
	return errClosed
}

func gaveUp(ctx context.Context, when string) error {
	return fault.ErrUnavailable.Because(fmt.Errorf("the caller gave up %s: %w", when, context.Cause(ctx)))
}

func (w *writer) loop() {
	defer close(w.gone)
	group := make([]*write, 0, maxGroup)
	for {
		select {
		case <-w.quit:
			return
		case first := <-w.queue:
			group = w.gather(append(group[:0], first))
			w.commit(group)
			clear(group)
		}
	}
}

// gather takes what else has queued, as far as its callers still want it.
func (w *writer) gather(group []*write) []*write {
	if !group[0].state.CompareAndSwap(waiting, begun) {
		group = group[:0]
	}
	for len(group) < maxGroup {
		select {
		case o := <-w.queue:
			if o.state.CompareAndSwap(waiting, begun) {
				group = append(group, o)
			}
		default:
			return group
		}
	}
	return group
}

// commit writes a group in one transaction and answers each of its callers. A
// write that fails by a fault of the database, not of its own, is taken out with
// that error and the rest is tried again without it, so that no write can spoil
// its neighbours. Nobody is answered before the commit: what one write was told
// (stale, taken) may rest on another of the same group.
func (w *writer) commit(group []*write) {
	answers := make([]error, len(group))
	out := make([]bool, len(group))
	for left := len(group); left > 0; left-- {
		bad, err := w.attempt(group, out, answers)
		if err == nil {
			break
		}
		w.rollback()
		if bad < 0 { // the transaction itself failed: nobody's write is there
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

// attempt runs all writes that are not out. It gives the index of the one that
// the database failed on, or -1 with an error when that was begin or commit.
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

// rollback ends a failed transaction. Its own error tells only that SQLite has
// rolled back already, which some failures make it do.
func (w *writer) rollback() { _ = w.conn.exec("ROLLBACK") }

// version tells at which version a document is stored, or ErrNotFound.
func (w *writer) version(t *table, association, id string) (int64, error) {
	version, found := int64(0), false
	err := w.conn.query(context.Background(), t.sqlVersion, values(association, id), func(row []value) error {
		version, found = row[0].(int64), true
		return nil
	})
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return version, err
}

// stop ends the writer; writes that have not begun are answered errClosed.
func (w *writer) stop() error {
	w.once.Do(func() { close(w.quit) })
	<-w.gone
	return w.conn.close()
}
