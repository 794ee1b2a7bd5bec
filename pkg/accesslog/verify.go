package accesslog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/finsam/finsam/pkg/store"
)

// Flaw is a place where the log is not as it was written.
type Flaw struct {
	Block string // "<chain>/<n>"
	Entry int    // index within the block; -1: the block itself
	What  string // what is wrong, for an operator
}

// String returns the flaw as one line.
func (f Flaw) String() string {
	if f.Entry < 0 {
		return fmt.Sprintf("block %s: %s", f.Block, f.What)
	}
	return fmt.Sprintf("block %s, entry %d: %s", f.Block, f.Entry, f.What)
}

// Report is what Verify found.
type Report struct {
	Chains  int
	Blocks  int
	Entries int
	Heads   []Head // the end of each chain, to be kept elsewhere
	Flaws   []Flaw // at most maxFlaws
}

// maxFlaws bounds a report; one flaw is reason enough to look.
const maxFlaws = 100

func (r *Report) flaw(block string, entry int, what string) {
	if len(r.Flaws) < maxFlaws {
		r.Flaws = append(r.Flaws, Flaw{Block: block, Entry: entry, What: what})
	}
}

// Verify walks the whole log and checks every link. Known heads, kept elsewhere
// since an earlier time, must still be in it: that finds a truncated end, or
// a chain rewritten from some block on, which the links alone cannot.
func (l *Log) Verify(ctx context.Context, known ...Head) (Report, error) {
	var r Report
	var last *Block
	for b, err := range l.stored(ctx, nil) {
		if err != nil {
			return r, err
		}
		if last != nil && last.Chain == b.Chain {
			switch { // b must be what comes next in its chain
			case last.Final:
				r.flaw(b.id(), -1, "follows the end of its chain")
			case b.N != last.N+1:
				r.flaw(b.id(), -1, fmt.Sprintf("follows block %d: what was between is missing", last.N))
			case b.Prev != last.Hash || b.Follows != last.id():
				r.flaw(b.id(), -1, "does not hang on the block before it")
			}
			r.Heads = r.Heads[:len(r.Heads)-1]
		} else {
			r.Chains++
			if b.N != 1 {
				r.flaw(b.id(), -1, "blocks before it are missing")
			}
			if b.Follows != "" { // the block that the chain begins behind must still be there
				hash, err := l.hashOf(ctx, b.Follows)
				if err != nil {
					return r, err
				}
				if hash != b.Prev {
					r.flaw(b.Follows, -1, "a later chain hangs on it, and it is missing or not as it was")
				}
			}
		}
		r.Blocks++
		r.Entries += len(b.Entries)
		r.Heads = append(r.Heads, Head{Chain: b.Chain, N: b.N, Hash: b.Hash})
		hashes, own, err := b.hashes()
		if err != nil {
			return r, err
		}
		whole := 0
		for whole < len(b.Entries) && b.Entries[whole].Hash == hashes[whole] {
			whole++
		}
		if whole < len(b.Entries) { // everything behind this entry hangs on it
			r.flaw(b.id(), whole, "is not as it was written, or what was before it is missing")
		} else if b.Hash != own {
			r.flaw(b.id(), -1, "is not as it was written")
		}
		last = b
	}
	for _, h := range known {
		now, err := l.HeadAt(ctx, h.Chain, h.N)
		if err != nil {
			return r, err
		}
		if now != h {
			r.flaw((&Block{Chain: h.Chain, N: h.N}).id(), -1, "was in the log when its head was noted, and is not as it was")
		}
	}
	return r, nil
}

// stored returns the blocks that match, chain by chain.
func (l *Log) stored(ctx context.Context, where []store.Cond) iter.Seq2[*Block, error] {
	return func(yield func(*Block, error) bool) {
		q := store.Query{Association: store.NoAssociation, Where: where, Sort: []store.Order{{Key: "chain"}, {Key: "n"}}, Limit: 100}
		for {
			page, err := l.blocks.Find(ctx, q)
			if err != nil {
				yield(nil, fmt.Errorf("access log: read: %w", err))
				return
			}
			for _, v := range page.Items {
				if !yield(v.Value, nil) {
					return
				}
			}
			if page.Next.ID == "" {
				return
			}
			q.After = page.Next
		}
	}
}

// HeadAt returns a block's place and hash, as they are now; without a hash when the
// log has no such block.
func (l *Log) HeadAt(ctx context.Context, chain string, n int64) (Head, error) {
	hash, err := l.hashOf(ctx, (&Block{Chain: chain, N: n}).id())
	return Head{Chain: chain, N: n, Hash: hash}, err
}

// hashOf returns the hash of a block, "" when it is missing.
func (l *Log) hashOf(ctx context.Context, id string) (string, error) {
	v, err := l.blocks.Get(ctx, store.NoAssociation, id)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("access log: read: %w", err)
	}
	return v.Value.Hash, nil
}

// Read passes every entry of several services' logs to a function, in the order of
// their times, until that returns an error. It holds a page of blocks of each process
// that ran at the time, and no more. That somebody reads the log is for the caller to
// enter.
func Read(ctx context.Context, logs map[string]*Log, entry func(service string, e Entry) error) error {
	var open []*reading
	defer func() {
		for _, r := range open {
			r.stop()
		}
	}()
	waiting := map[string]string{} // by service: its oldest chain that is not yet open
	for service, l := range logs {
		if err := l.nextChain(ctx, service, "", waiting); err != nil {
			return err
		}
	}
	for {
		var r *reading // with the oldest entry
		for _, o := range open {
			if len(o.entries) > 0 && (r == nil || o.entries[0].At.Before(r.entries[0].At)) {
				r = o
			}
		}
		// A chain's name begins with the time it began: none of its entries is older.
		// So it is opened when the next entry of the open ones is not older either.
		service, chain := "", "" // that began first
		for s, c := range waiting {
			if chain == "" || c < chain {
				service, chain = s, c
			}
		}
		if chain != "" && (r == nil || chain[:14] <= fmt.Sprintf("%014d", r.entries[0].At.UnixMilli())) {
			n := &reading{service: service}
			n.next, n.stop = iter.Pull2(logs[service].stored(ctx, []store.Cond{store.Equals("chain", chain)}))
			open = append(slices.DeleteFunc(open, func(r *reading) bool { return len(r.entries) == 0 }), n)
			if err := n.fill(); err != nil {
				return err
			}
			if err := logs[service].nextChain(ctx, service, chain, waiting); err != nil {
				return err
			}
			continue
		}
		if r == nil {
			return nil
		}
		if err := entry(r.service, r.entries[0]); err != nil {
			return err
		}
		r.entries = r.entries[1:]
		if err := r.fill(); err != nil {
			return err
		}
	}
}

// reading is one chain under way.
type reading struct {
	service string
	next    func() (*Block, error, bool)
	stop    func()
	entries []Entry // the next to pass on; empty: the chain has ended
}

// fill reads on until there is an entry to pass on.
func (r *reading) fill() error {
	for len(r.entries) == 0 {
		b, err, ok := r.next()
		if err != nil || !ok {
			return err
		}
		r.entries = b.Entries
	}
	return nil
}

// nextChain puts the chain after one into waiting, and removes the service after
// its last one.
func (l *Log) nextChain(ctx context.Context, service, after string, waiting map[string]string) error {
	delete(waiting, service)
	page, err := l.blocks.Find(ctx, store.Query{
		Association: store.NoAssociation, Where: []store.Cond{{Key: "chain", Op: store.Gt, Value: after}},
		Sort: []store.Order{{Key: "chain"}, {Key: "n"}}, Limit: 1,
	})
	if err != nil {
		return fmt.Errorf("access log of %s: read: %w", service, err)
	}
	if len(page.Items) > 0 {
		waiting[service] = page.Items[0].Value.Chain
	}
	return nil
}
