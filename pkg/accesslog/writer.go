package accesslog

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

// How often and how long the writer tries to make one block durable.
const (
	tries   = 3
	timeout = 5 * time.Second
)

// run writes block after block until Close.
func (l *Log) run() {
	defer close(l.done)
	for {
		select {
		case <-l.wake:
			l.write(l.take(), false)
		case <-l.stop:
			// Nothing is let in any more; what queued is still written.
			l.write(l.take(), true)
			return
		}
	}
}

// take returns what has queued and opens the next batch.
func (l *Log) take() *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.next
	l.next = newBatch()
	close(b.taken)
	return b
}

// write makes a batch durable as one block and wakes those who wait for it.
func (l *Log) write(b *batch, final bool) {
	defer close(b.written)
	if len(b.entries) == 0 && !(final && l.newest.N > 0) {
		return
	}
	block := l.following(b.entries, final)
	if b.err = asFault(block.seal()); b.err != nil {
		return
	}
	if b.err = asFault(l.insert(&block)); b.err != nil {
		l.measured.lost(len(b.entries))
		// Nobody knows whether the block is stored, so nothing may hang on it,
		// and its place may not be used again: a new chain goes on from the
		// last block that is certain.
		if l.newest.N > 0 {
			l.begin(l.newest.id(), l.newest.Hash)
		} else {
			l.begin(l.newest.Follows, l.newest.Hash)
		}
		return
	}
	l.newest = block
	l.measured.written(b.entries)
	l.mu.Lock()
	l.head = Head{Chain: block.Chain, N: block.N, Hash: block.Hash}
	l.mu.Unlock()
}

// following creates the next block of the chain.
func (l *Log) following(entries []Entry, final bool) Block {
	b := Block{
		Chain: l.newest.Chain, N: l.newest.N + 1, Prev: l.newest.Hash, Follows: l.newest.Follows,
		At: l.now().UTC().Truncate(time.Millisecond), Entries: entries, Final: final,
	}
	if l.newest.N > 0 {
		b.Follows = l.newest.id()
	}
	return b
}

// insert stores the block. A try whose outcome is unknown is repeated: only this
// process writes to its chain, so a block that is there already is this one.
func (l *Log) insert(b *Block) error {
	var err error
	for i := range tries {
		if i > 0 {
			time.Sleep(time.Duration(50+rand.IntN(100)) * time.Millisecond << i)
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
