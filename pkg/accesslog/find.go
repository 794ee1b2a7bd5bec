package accesslog

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/store"
)

// Query selects the entries of an association from a time on and before another one. An
// empty field selects all.
type Query struct {
	Association string    `json:"association"`
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
	Participant string    `json:"participant,omitempty"`
	Subject     string    `json:"subject,omitempty"`
	Authority   string    `json:"authority,omitempty"`
	Operation   string    `json:"operation,omitempty"`
	Before      *Place    `json:"before,omitempty"` // only entries that come behind this one, newest first
	Limit       int       `json:"limit"`            // at most so many, 1 to MaxFound
}

// MaxFound is how many entries are found at once.
const MaxFound = 1000

// Place is where an entry is among those of all services, newest first.
type Place struct {
	At      time.Time `json:"at"`
	Service string    `json:"service"`
	Block   string    `json:"block"` // "<chain>/<n>"
	Index   int       `json:"index"` // within the block
}

// Found is an entry and its place.
type Found struct {
	Place
	Entry Entry `json:"entry"`
}

// Newest compares two places: what is newer comes first.
func Newest(a, b Place) int {
	return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Service, a.Service), cmp.Compare(b.Block, a.Block), cmp.Compare(b.Index, a.Index))
}

// selects reports whether an entry is one of those that the query is for.
func (q *Query) selects(e *Entry) bool {
	return e.Association == q.Association && !e.At.Before(q.From) && e.At.Before(q.To) &&
		(q.Subject == "" || e.Subject == q.Subject) && (q.Authority == "" || e.Authority == q.Authority) &&
		(q.Operation == "" || e.Operation == q.Operation) && (q.Participant == "" || slices.Contains(e.Participants, q.Participant))
}

const (
	// segment is how many blocks one worker reads at a time.
	segment = 200
	// maxDelay is how much later than its entries a block is written at most.
	maxDelay = time.Minute
)

// Find returns the newest entries that a query selects, newest first. It reads the blocks of
// the time and no others: a chain's blocks are in the order of their times.
func (l *Log) Find(ctx context.Context, service string, q Query) ([]Found, error) {
	found := &newest{limit: q.Limit}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	err := l.chains(ctx, q.From, q.To.Add(maxDelay), func(chain string, first, last int64) {
		for n := first; n <= last; n += segment {
			g.Go(func() error { return l.findIn(ctx, service, chain, n, min(n+segment-1, last), &q, found) })
		}
	})
	if e := g.Wait(); e != nil {
		err = e
	}
	if err != nil {
		return nil, fmt.Errorf("access log of %s: find: %w", service, err)
	}
	return found.sorted(), nil
}

// chains passes on the chains that have blocks of a time, with the first and last of these.
func (l *Log) chains(ctx context.Context, from, to time.Time, visit func(chain string, first, last int64)) error {
	for chain := ""; ; {
		page, err := l.blocks.Find(ctx, store.Query{
			Association: store.NoAssociation, Where: []store.Cond{{Key: "chain", Op: store.Gt, Value: chain}},
			Sort: []store.Order{{Key: "chain"}, {Key: "n"}}, Limit: 1,
		})
		if err != nil || len(page.Items) == 0 {
			return err
		}
		oldest := page.Items[0].Value
		if chain = oldest.Chain; oldest.At.After(to) { // those that began later have later ones
			return nil
		}
		page, err = l.blocks.Find(ctx, store.Query{
			Association: store.NoAssociation, Where: []store.Cond{store.Equals("chain", chain)}, Sort: []store.Order{{Key: "chain", Desc: true}, {Key: "n", Desc: true}}, Limit: 1,
		})
		if err != nil {
			return err
		}
		newest := page.Items[0].Value
		if newest.At.Before(from) {
			continue
		}
		first, err := l.firstSince(ctx, chain, from, oldest.N, newest.N)
		if err != nil {
			return err
		}
		last := newest.N
		if newest.At.After(to) {
			if last, err = l.firstSince(ctx, chain, to, first, newest.N); err != nil {
				return err
			}
		}
		visit(chain, first, last)
	}
}

// firstSince returns the first block of a chain that was written at a time or later, among
// those of two numbers.
func (l *Log) firstSince(ctx context.Context, chain string, at time.Time, first, last int64) (int64, error) {
	for first < last {
		middle := (first + last) / 2
		page, err := l.blocks.Find(ctx, store.Query{
			Association: store.NoAssociation, Where: []store.Cond{store.Equals("chain", chain), store.AtLeast("n", middle)},
			Sort: []store.Order{{Key: "chain"}, {Key: "n"}}, Limit: 1,
		})
		if err != nil {
			return 0, err
		}
		if len(page.Items) == 0 || !page.Items[0].Value.At.Before(at) {
			last = middle
		} else {
			first = page.Items[0].Value.N + 1
		}
	}
	return first, nil
}

// findIn collects what the query selects in the blocks of two numbers and between.
func (l *Log) findIn(ctx context.Context, service, chain string, first, last int64, q *Query, found *newest) error {
	page, err := l.blocks.Find(ctx, store.Query{
		Association: store.NoAssociation, Where: []store.Cond{store.Equals("chain", chain), store.AtLeast("n", first), store.AtMost("n", last)},
		Sort: []store.Order{{Key: "chain"}, {Key: "n"}}, Limit: segment,
	})
	if err != nil {
		return err
	}
	for _, v := range page.Items {
		b := v.Value
		for i := range b.Entries {
			if !q.selects(&b.Entries[i]) {
				continue
			}
			f := Found{Place{b.Entries[i].At, service, chain + "/" + strconv.FormatInt(b.N, 10), i}, b.Entries[i]}
			if q.Before == nil || Newest(*q.Before, f.Place) < 0 {
				found.add(f)
			}
		}
	}
	return nil
}

// newest keeps the newest of what many find at once.
type newest struct {
	mu    sync.Mutex
	limit int
	all   []Found
}

func (n *newest) add(f Found) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all = append(n.all, f); len(n.all) > 4*n.limit {
		n.cut()
	}
}

func (n *newest) cut() {
	slices.SortFunc(n.all, func(a, b Found) int { return Newest(a.Place, b.Place) })
	n.all = n.all[:min(len(n.all), n.limit)]
}

func (n *newest) sorted() []Found {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut()
	return n.all
}
