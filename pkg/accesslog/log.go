package accesslog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// A block, and with it the queue, is bounded: while one block is written, so
// many entries may wait for the next, and so many participants in them.
const (
	maxEntries = 512
	maxPeople  = 20_000
)

// Log is the access log of one service in one process. It is safe for
// concurrent use; one goroutine writes.
type Log struct {
	blocks *store.Collection[Block]
	now    func() time.Time

	mu     sync.Mutex
	next   *batch        // what queues for the next block
	wake   chan struct{} // of capacity 1: there is something to write
	closed bool
	stop   chan struct{}
	done   chan struct{} // the writer has ended

	measured *measured
	unwatch  func() // ends the gauges

	newest Block // what the chain hangs on; only the writer uses it
	head   Head  // the same for other goroutines, under mu
}

// batch is the entries of one block to come. Anyone who has put one in holds the
// batch as a ticket and waits for written.
type batch struct {
	entries []Entry
	people  int           // participants in all entries
	taken   chan struct{} // closed when the writer has taken it: there is room again
	written chan struct{} // closed when it is durable, or lost
	err     error         // valid once written is closed
}

func newBatch() *batch {
	return &batch{taken: make(chan struct{}), written: make(chan struct{})}
}

// Head is the end of a chain. Kept elsewhere, it lets Verify find out that
// blocks were cut off at the end.
type Head struct {
	Chain string `json:"chain"`
	N     int64  `json:"n"`
	Hash  string `json:"hash"`
}

// Open opens the service's log, begins a chain of its own behind the newest
// block that it finds, and starts the writer; Close ends it.
func Open(ctx context.Context, e store.Engine, service string, now func() time.Time) (*Log, error) {
	blocks, err := store.Open(ctx, e, kind())
	if err != nil {
		return nil, fmt.Errorf("access log of %s: %w", service, err)
	}
	page, err := blocks.Find(ctx, store.Query{
		Association: store.NoAssociation,
		Sort:        []store.Order{{Key: "chain", Desc: true}, {Key: "n", Desc: true}},
		Limit:       1,
	})
	if err != nil {
		return nil, fmt.Errorf("access log of %s: newest block: %w", service, err)
	}
	l := &Log{
		blocks: blocks, now: now, next: newBatch(), measured: newMeasured(service),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if len(page.Items) > 0 {
		before := page.Items[0].Value
		l.begin(before.id(), before.Hash)
	} else {
		l.begin("", "")
	}
	l.unwatch = l.measured.watch(l.queued)
	go l.run()
	return l, nil
}

// begin starts a new chain that hangs on the block of that id and hash. Chains
// sort by the time they began.
func (l *Log) begin(follows, prev string) {
	var random [6]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	chain := fmt.Sprintf("%014d-%s", l.now().UnixMilli(), hex.EncodeToString(random[:]))
	l.newest = Block{Chain: chain, Follows: follows, Hash: prev}
}

// Record logs one access. Within Begin it queues the entry and returns at once; Wait then
// reports whether it is durable. Elsewhere it returns when it is durable. Both return
// ErrNotLogged when it cannot be written.
func (l *Log) Record(ctx context.Context, e Entry) error {
	if len(e.Participants) > maxParticipants {
		return ErrNotLogged.Because(fmt.Errorf("%d participants in one entry", len(e.Participants)))
	}
	e.fill(ctx, l.now())
	t, err := l.enqueue(ctx, e)
	if err != nil {
		l.measured.lost(1)
	}
	if p := pendingOf(ctx); p != nil {
		p.add(t, err)
		return err
	}
	if err != nil {
		return err
	}
	defer l.measured.waiting(time.Now())
	return t.wait(ctx)
}

// enqueue puts the entry into the next block. When that is full it waits until
// the writer has taken it, at most until ctx ends.
func (l *Log) enqueue(ctx context.Context, e Entry) (*batch, error) {
	for {
		l.mu.Lock()
		if l.closed {
			l.mu.Unlock()
			return nil, ErrNotLogged.Because(errors.New("the log is closed"))
		}
		b := l.next
		if len(b.entries) < maxEntries && b.people < maxPeople {
			b.entries = append(b.entries, e)
			b.people += len(e.Participants)
			l.mu.Unlock()
			select {
			case l.wake <- struct{}{}:
			default:
			}
			return b, nil
		}
		l.mu.Unlock()
		select {
		case <-b.taken:
		case <-ctx.Done():
			return nil, ErrNotLogged.Because(fmt.Errorf("queue full: %w", ctx.Err()))
		}
	}
}

// wait returns when the batch is durable, or why it is not.
func (b *batch) wait(ctx context.Context) error {
	select {
	case <-b.written:
		return b.err
	default:
	}
	select {
	case <-b.written:
		return b.err
	case <-ctx.Done():
		return ErrNotLogged.Because(ctx.Err())
	}
}

// Head returns the end of this process's chain, as far as it is durable.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Close writes what has queued, ends the chain and stops the writer.
func (l *Log) Close() error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.stop)
	}
	l.mu.Unlock()
	<-l.done
	l.unwatch()
	return nil
}

// queued is how many entries wait for the next block.
func (l *Log) queued() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.next.entries)
}

// asFault keeps a fault of the store's and hides nothing from the log.
func asFault(err error) error {
	if err == nil {
		return nil
	}
	return ErrNotLogged.Because(fault.Of(err))
}
