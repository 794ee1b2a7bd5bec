package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

// block is a run of events with consecutive sequence numbers, kept as one document.
// Its id is its number in the chain, so of two publishers that write the next block
// the store lets only the first one in. That, and no clock, is the fence.
type block struct {
	Number int64   `json:"number"`
	First  int64   `json:"first"` // sequence of the first event
	Events []Event `json:"events"`
}

func (b block) last() int64 { return b.First + int64(len(b.Events)) - 1 }

const (
	// pollInterval is how often After looks for what another process of the same
	// service has appended; what this one appends wakes it at once.
	pollInterval = 250 * time.Millisecond
	// maxTailBlocks bounds how many of the newest blocks stay in memory.
	maxTailBlocks = 64
	// maxReadBlocks bounds how many blocks one read fetches from the store.
	maxReadBlocks = 16
)

// Log is the event log of one service, kept by its store. It implements Reader and
// may be used at once by many; several processes may have the same log open.
type Log struct {
	source string
	blocks *store.Collection[block]

	mu    sync.Mutex
	grown chan struct{} // closed when this process has appended
	tail  []block       // the newest blocks, for followers that keep up
}

// OpenLog opens the log of a service; source is the Source of its events, such as
// "/services/referral".
func OpenLog(ctx context.Context, e store.Engine, source string) (*Log, error) {
	blocks, err := store.Open(ctx, e, store.Schema[block]{
		Name:    "events",
		Indexes: []store.Index{{"last"}},
		ID:      func(b *block) (string, string) { return store.NoAssociation, fmt.Sprintf("%016d", b.Number) },
		Keys:    func(b *block) store.Keys { return store.Keys{"last": b.last()} },
	})
	if err != nil {
		return nil, err
	}
	return &Log{source: source, blocks: blocks, grown: make(chan struct{})}, nil
}

// After implements Reader.
func (l *Log) After(ctx context.Context, seq int64, limit int, wait time.Duration) ([]Event, error) {
	limit = min(max(limit, 1), MaxLimit)
	deadline := time.NewTimer(min(wait, MaxWait))
	defer deadline.Stop()
	for {
		l.mu.Lock()
		grown := l.grown // taken before the read, so that nothing is appended unnoticed
		l.mu.Unlock()
		events, err := l.read(ctx, seq, limit)
		if err != nil || len(events) > 0 || wait <= 0 {
			return events, err
		}
		poll := time.NewTimer(pollInterval)
		select {
		case <-grown:
		case <-poll.C:
		case <-deadline.C:
			poll.Stop()
			return nil, nil
		case <-ctx.Done():
			poll.Stop()
			return nil, ctx.Err()
		}
		poll.Stop()
	}
}

func (l *Log) read(ctx context.Context, seq int64, limit int) ([]Event, error) {
	var blocks []block
	l.mu.Lock()
	for i, b := range l.tail { // when memory has all of them
		if b.First <= seq+1 && seq < b.last() {
			blocks = slices.Clone(l.tail[i:])
			break
		}
	}
	l.mu.Unlock()
	if blocks == nil {
		page, err := l.blocks.Find(ctx, store.Query{
			Association: store.NoAssociation,
			Where:       []store.Cond{{Key: "last", Op: store.Gt, Value: seq}},
			Sort:        []store.Order{{Key: "last"}},
			Limit:       maxReadBlocks,
		})
		if err != nil {
			return nil, err
		}
		for _, v := range page.Items {
			blocks = append(blocks, *v.Value)
		}
	}
	var events []Event
	for _, b := range blocks {
		for _, e := range b.Events {
			if e.Sequence > seq && len(events) < limit {
				events = append(events, e)
			}
		}
	}
	return events, nil
}

// newest returns the last block; of an empty log one without events and with the
// number 0.
func (l *Log) newest(ctx context.Context) (block, error) {
	page, err := l.blocks.Find(ctx, store.Query{
		Association: store.NoAssociation, Sort: []store.Order{{Key: "last", Desc: true}}, Limit: 1,
	})
	if err != nil || len(page.Items) == 0 {
		return block{First: 1}, err
	}
	return *page.Items[0].Value, nil
}

// errOvertaken says that another publisher has written the next block.
var errOvertaken = errors.New("another publisher was faster")

// append writes events behind the block that the caller knows as the newest;
// errOvertaken when it no longer is.
func (l *Log) append(ctx context.Context, newest block, events []Event) (block, error) {
	b := block{Number: newest.Number + 1, First: newest.last() + 1, Events: events}
	for i := range b.Events {
		b.Events[i].Sequence = b.First + int64(i)
		b.Events[i].Source = l.source
	}
	if _, err := l.blocks.Insert(ctx, &b); errors.Is(err, store.ErrExists) {
		return b, errOvertaken
	} else if err != nil {
		return b, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.tail); n > 0 && l.tail[n-1].Number+1 != b.Number {
		l.tail = nil // another process wrote in between: memory has a hole
	}
	l.tail = append(l.tail, b)
	if len(l.tail) > maxTailBlocks {
		l.tail = slices.Clone(l.tail[len(l.tail)-maxTailBlocks:])
	}
	close(l.grown)
	l.grown = make(chan struct{})
	return b, nil
}
