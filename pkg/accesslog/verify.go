package accesslog

import (
	"context"
	"errors"
	"fmt"

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
	var w walk
	if err := l.walk(ctx, w.step); err != nil {
		return w.report, err
	}
	w.end()
	for _, first := range w.firsts {
		if err := l.hangs(ctx, &w, first); err != nil {
			return w.report, err
		}
	}
	for _, h := range known {
		id := (&Block{Chain: h.Chain, N: h.N}).id()
		if hash, err := l.hashOf(ctx, id); err != nil {
			return w.report, err
		} else if hash != h.Hash {
			w.report.flaw(id, -1, "was in the log when its head was noted, and is not as it was")
		}
	}
	return w.report, nil
}

// Entries returns every entry of the log to a function, in the order of their
// chains, until that fails; who reads them is to be logged by anyone who lets them.
func (l *Log) Entries(ctx context.Context, entry func(Entry) error) error {
	return l.walk(ctx, func(b Block) error {
		for _, e := range b.Entries {
			if err := entry(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// walk passes every block to a function, chain by chain, until that fails.
func (l *Log) walk(ctx context.Context, block func(Block) error) error {
	q := store.Query{
		Association: store.NoAssociation,
		Sort:        []store.Order{{Key: "chain"}, {Key: "n"}},
		Limit:       100,
	}
	for {
		page, err := l.blocks.Find(ctx, q)
		if err != nil {
			return fmt.Errorf("access log: read: %w", err)
		}
		for _, v := range page.Items {
			if err := block(*v.Value); err != nil {
				return err
			}
		}
		if page.Next.ID == "" {
			return nil
		}
		q.After = page.Next
	}
}

// hangs checks that the block which a chain begins behind is still there.
func (l *Log) hangs(ctx context.Context, w *walk, first Block) error {
	if first.Follows == "" {
		return nil
	}
	hash, err := l.hashOf(ctx, first.Follows)
	if err == nil && hash != first.Prev {
		w.report.flaw(first.Follows, -1, "a later chain hangs on it, and it is missing or not as it was")
	}
	return err
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

// walk is the state of one verification.
type walk struct {
	report Report
	last   *Block
	firsts []Block // the head of the first block of each chain
}

func (w *walk) step(b Block) error {
	r := &w.report
	if w.last == nil || w.last.Chain != b.Chain {
		w.end()
		r.Chains++
		w.firsts = append(w.firsts, Block{Chain: b.Chain, N: b.N, Follows: b.Follows, Prev: b.Prev})
		if b.N != 1 {
			r.flaw(b.id(), -1, "blocks before it are missing")
		}
	} else {
		w.linked(b)
	}
	r.Blocks++
	r.Entries += len(b.Entries)
	w.last = &b
	return w.content(b)
}

// linked checks that b is what comes next in its chain.
func (w *walk) linked(b Block) {
	switch before := w.last; {
	case before.Final:
		w.report.flaw(b.id(), -1, "follows the end of its chain")
	case b.N != before.N+1:
		w.report.flaw(b.id(), -1, fmt.Sprintf("follows block %d: what was between is missing", before.N))
	case b.Prev != before.Hash || b.Follows != before.id():
		w.report.flaw(b.id(), -1, "does not hang on the block before it")
	}
}

// content checks the block's own hashes, entry by entry.
func (w *walk) content(b Block) error {
	link := b.Prev
	for i, e := range b.Entries {
		h, err := e.chained(link)
		if err != nil {
			return err
		}
		if h != e.Hash {
			w.report.flaw(b.id(), i, "is not as it was written, or what stood before it is missing")
			return nil // everything behind it hangs on it
		}
		link = h
	}
	h, err := b.sum(link)
	if err != nil {
		return err
	}
	if h != b.Hash {
		w.report.flaw(b.id(), -1, "is not as it was written")
	}
	return nil
}

// end notes the head of the chain that the walk has left.
func (w *walk) end() {
	if w.last != nil {
		w.report.Heads = append(w.report.Heads, Head{Chain: w.last.Chain, N: w.last.N, Hash: w.last.Hash})
	}
}
