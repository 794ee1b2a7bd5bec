package accesslog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/carry"
	"github.com/finsam/finsam/pkg/metrics"
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

	newest Block     // what the chain hangs on; only the writer uses it, as the next two
	many   bool      // the last block had so many entries that more are about to come
	ended  time.Time // when the last block was written

	head Head // of newest, for other goroutines, under mu
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
	blocks, err := store.Open(ctx, e, blockSchema)
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
		blocks: blocks, now: now, next: &batch{taken: make(chan struct{}), written: make(chan struct{})}, measured: newMeasured(service),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if len(page.Items) > 0 {
		before := page.Items[0].Value
		l.begin(before.id(), before.Hash)
	} else {
		l.begin("", "")
	}
	l.unwatch = metrics.Watch(metrics.Labels{"component": service}, metrics.Gauge{
		Name: "finsam.access_log.queued", Description: "Entries that wait for the next block.",
		Read: func() (float64, bool) {
			l.mu.Lock()
			defer l.mu.Unlock()
			return float64(len(l.next.entries)), true
		},
	})
	go func() { // writes block after block until Close
		defer close(l.done)
		for {
			select {
			case <-l.wake:
				l.pause()
				l.write(false)
			case <-l.stop:
				l.write(true) // nothing is let in any more; what queued is still written
				return
			}
		}
	}()
	return l, nil
}

// While many ask, a block is written pace after the last one at the earliest: fewer blocks
// have more entries each. A caller that asks alone does not wait.
const (
	pace   = 3 * time.Millisecond
	maxFew = 2 // entries of a block after which the next one is not waited for
)

func (l *Log) pause() {
	wait := pace - time.Since(l.ended)
	if !l.many || wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.stop:
	}
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
	b, err := l.enqueue(ctx, e)
	if err != nil {
		l.measured.failures.Add(context.Background(), 1, l.measured.own.Add...)
	}
	if p := carry.From[pending](ctx); p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if err != nil {
			p.err = err
		} else if !slices.Contains(p.batches, b) {
			p.batches = append(p.batches, b)
		}
		return err
	}
	if err != nil {
		return err
	}
	defer l.measured.waited(time.Now())
	return b.wait(ctx)
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

// pending is what one request waits for.
type pending struct {
	mu      sync.Mutex
	batches []*batch
	room    [2]*batch // for the usual number
	err     error
}

// Begin returns a context in which Record does not wait: the entry is written while
// the request's other work goes on. Anyone who begins calls Wait before the answer
// leaves.
func Begin(ctx context.Context) context.Context {
	ctx = carry.With(ctx, pending{})
	p := carry.From[pending](ctx)
	p.batches = p.room[:0]
	return ctx
}

// Wait returns when every entry recorded since Begin is durable, else
// ErrNotLogged; without a Begin there is nothing to wait for.
func (l *Log) Wait(ctx context.Context) error {
	p := carry.From[pending](ctx)
	if p == nil {
		return nil
	}
	p.mu.Lock()
	batches, err := p.batches, p.err
	p.mu.Unlock()
	if len(batches) > 0 {
		defer l.measured.waited(time.Now())
	}
	for _, b := range batches {
		if werr := b.wait(ctx); err == nil {
			err = werr
		}
	}
	return err
}

// How often and how long the writer tries to make one block durable.
const (
	tries   = 3
	timeout = 5 * time.Second
)

// write makes what has queued durable as one block and wakes those who wait for it.
func (l *Log) write(final bool) {
	l.mu.Lock()
	b := l.next
	l.next = &batch{taken: make(chan struct{}), written: make(chan struct{})}
	close(b.taken)
	l.mu.Unlock()
	defer close(b.written)
	before := l.newest
	if len(b.entries) == 0 && !(final && before.N > 0) {
		return
	}
	follows := before.Follows
	if before.N > 0 {
		follows = before.id()
	}
	block := Block{
		Chain: before.Chain, N: before.N + 1, Prev: before.Hash, Follows: follows,
		At: l.now().UTC().Truncate(time.Millisecond), Entries: b.entries, Final: final,
	}
	hashes, own, err := block.hashes()
	if err != nil {
		b.err = ErrNotLogged.Because(err)
		return
	}
	for i, h := range hashes {
		block.Entries[i].Hash = h
	}
	block.Hash = own
	if err := l.insert(&block); err != nil {
		b.err = ErrNotLogged.Because(err)
		l.measured.failures.Add(context.Background(), int64(len(b.entries)), l.measured.own.Add...)
		// Nobody knows whether the block is stored, so nothing may hang on it,
		// and its place may not be used again: a new chain goes on from the
		// last block that is certain.
		l.begin(follows, before.Hash)
		return
	}
	l.newest = block
	l.many, l.ended = len(b.entries) > maxFew, time.Now()
	l.measured.written(b.entries)
	l.mu.Lock()
	l.head = Head{Chain: block.Chain, N: block.N, Hash: block.Hash}
	l.mu.Unlock()
}

// insert stores the block. A try whose outcome is unknown is repeated: only this
// process writes to its chain, so a block that is there already is this one.
func (l *Log) insert(b *Block) error {
	var err error
	for i := range tries {
		if i > 0 {
			time.Sleep(time.Duration(50+mathrand.IntN(100)) * time.Millisecond << i)
		}
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		_, err = l.blocks.Insert(ctx, b)
		cancel()
		if err == nil || errors.Is(err, store.ErrExists) {
			return nil
		}
	}
	return err
}
