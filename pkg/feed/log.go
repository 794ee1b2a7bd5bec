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
	// pollInterval is how often the log looks for what another process of the same
	// service has appended, while somebody waits for it; what this process appends
	// wakes them at once.
	pollInterval = 500 * time.Millisecond
	// tailBlocks is how many of the newest blocks stay in memory at least; twice as
	// many at most.
	tailBlocks = 64
	// maxReadBlocks bounds how many blocks one read fetches from the store.
	maxReadBlocks = 16
)

// Log is the event log of one service, kept by its store. It implements Reader and
// may be used at once by many; several processes may have the same log open.
type Log struct {
	source  string
	blocks  *store.Collection[block]
	polling chan struct{} // has room for the one call of After that looks on behalf of all

	mu     sync.Mutex
	grown  chan struct{} // closed when the tail has grown
	tail   []block       // the newest blocks without a gap; empty until the first look
	looked time.Time     // when the last look began
}

// OpenLog opens the log of a service; source is the Source of its events, such as
// "/services/referral".
func OpenLog(ctx context.Context, e store.Engine, source string) (*Log, error) {
	blocks, err := store.Open(ctx, e, store.Schema[block]{
		Name:    "events",
		Indexes: []store.Index{{"last"}},
		ID:      func(b *block) (string, string) { return store.NoAssociation, blockID(b.Number) },
		Keys:    func(b *block) store.Keys { return store.Keys{"last": b.last()} },
	})
	if err != nil {
		return nil, err
	}
	return &Log{source: source, blocks: blocks, polling: make(chan struct{}, 1), grown: make(chan struct{})}, nil
}

func blockID(number int64) string { return fmt.Sprintf("%016d", number) }

// After implements Reader.
func (l *Log) After(ctx context.Context, seq int64, limit int, wait time.Duration) ([]Event, error) {
	limit = min(max(limit, 1), MaxLimit)
	waiting, cancel := context.WithTimeout(ctx, min(wait, MaxWait))
	defer cancel()
	for looked := false; ; looked = true {
		blocks, grown, err := l.behind(ctx, seq, limit)
		if err != nil {
			return nil, err
		}
		var events []Event
		for _, b := range blocks {
			for _, e := range b.Events {
				if e.Sequence > seq && len(events) < limit {
					events = append(events, e)
				}
			}
		}
		if len(events) > 0 {
			return events, nil
		}
		if !looked && (wait < pollInterval || l.untilLook() <= 0) {
			if err := l.look(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if waiting.Err() != nil {
			return nil, ctx.Err()
		}
		select {
		case <-waiting.Done():
		case <-grown:
		case l.polling <- struct{}{}:
			select {
			case <-waiting.Done():
			case <-grown:
			case <-time.After(l.untilLook()):
				err = l.look(ctx)
			}
			<-l.polling
			if err != nil {
				return nil, err
			}
		}
	}
}

// behind returns the blocks that have events behind seq, from memory or, what is
// older, from the store, as many as have limit of them or maxReadBlocks; and the channel
// that is closed when there are more.
func (l *Log) behind(ctx context.Context, seq int64, limit int) ([]block, <-chan struct{}, error) {
	l.mu.Lock()
	tail, grown := l.tail, l.grown
	l.mu.Unlock()
	if len(tail) > 0 && seq >= tail[0].First-1 {
		i := slices.IndexFunc(tail, func(b block) bool { return seq < b.last() })
		if i < 0 {
			return nil, grown, nil
		}
		return tail[i:], grown, nil
	}
	page, err := l.blocks.Find(ctx, store.Query{
		Association: store.NoAssociation,
		Where:       []store.Cond{{Key: "last", Op: store.Gt, Value: seq}},
		Sort:        []store.Order{{Key: "last"}},
		Limit:       min(limit, maxReadBlocks), // each has one at least
	})
	if err != nil {
		return nil, nil, err
	}
	blocks := make([]block, len(page.Items))
	for i, v := range page.Items {
		blocks[i] = *v.Value
	}
	return blocks, grown, nil
}

// untilLook is how long those who wait need not look yet.
func (l *Log) untilLook() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return pollInterval - time.Since(l.looked)
}

// look brings the tail up to the newest block. The next block is read by its id: that
// is the cheapest question that a store can be asked, and mostly there is no next block.
func (l *Log) look(ctx context.Context) error {
	for range maxReadBlocks {
		l.mu.Lock()
		tail := l.tail
		l.looked = time.Now()
		l.mu.Unlock()
		if len(tail) == 0 {
			break
		}
		next, err := l.blocks.Get(ctx, store.NoAssociation, blockID(tail[len(tail)-1].Number+1))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		l.remember(*next.Value)
	}
	newest := block{First: 1} // of an empty log: one without events, number 0
	page, err := l.blocks.Find(ctx, store.Query{
		Association: store.NoAssociation, Sort: []store.Order{{Key: "last", Desc: true}}, Limit: 1,
	})
	if err != nil {
		return err
	}
	if len(page.Items) > 0 {
		newest = *page.Items[0].Value
	}
	l.remember(newest)
	return nil
}

// remember puts a block behind the tail, unless it is there already, and wakes those
// who wait.
func (l *Log) remember(b block) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.tail); n > 0 && b.Number <= l.tail[n-1].Number {
		return
	} else if n > 0 && b.Number > l.tail[n-1].Number+1 {
		l.tail = nil // others wrote in between: memory has no gaps
	}
	if len(l.tail) == 2*tailBlocks {
		l.tail = slices.Clone(l.tail[tailBlocks:])
	}
	l.tail = append(l.tail, b)
	close(l.grown)
	l.grown = make(chan struct{})
}

// newest returns the last block that this process knows; of an empty log one without
// events and with the number 0. That another one has come since is found out by append.
func (l *Log) newest(ctx context.Context) (block, error) {
	l.mu.Lock()
	tail := l.tail
	l.mu.Unlock()
	if len(tail) > 0 {
		return tail[len(tail)-1], nil
	}
	if err := l.look(ctx); err != nil {
		return block{}, err
	}
	return l.newest(ctx)
}

// errOvertaken says that another publisher has written the next block.
var errOvertaken = errors.New("another publisher was faster")

// append writes events behind the block that the caller knows as the newest;
// errOvertaken when it no longer is, and then the log has looked for those behind it.
func (l *Log) append(ctx context.Context, newest block, events []Event) (block, error) {
	b := block{Number: newest.Number + 1, First: newest.last() + 1, Events: events}
	for i := range b.Events {
		b.Events[i].Sequence = b.First + int64(i)
		b.Events[i].Source = l.source
	}
	if _, err := l.blocks.Insert(ctx, &b); errors.Is(err, store.ErrExists) {
		return b, errors.Join(errOvertaken, l.look(ctx))
	} else if err != nil {
		return b, err
	}
	l.remember(b)
	return b, nil
}
