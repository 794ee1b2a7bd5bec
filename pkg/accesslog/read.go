package accesslog

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/finsam/finsam/pkg/store"
)

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
		r := oldest(open)
		// A chain's name begins with the time it began: none of its entries is older.
		// So it is opened when the next entry of the open ones is not older either.
		service, chain := first(waiting)
		if chain != "" && (r == nil || chain[:14] <= fmt.Sprintf("%014d", r.entry.At.UnixMilli())) {
			n := &reading{service: service}
			n.next, n.stop = iter.Pull2(logs[service].chain(ctx, chain))
			open = append(slices.DeleteFunc(open, func(r *reading) bool { return r.ended }), n)
			if err := n.advance(); err != nil {
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
		if err := entry(r.service, r.entry); err != nil {
			return err
		}
		if err := r.advance(); err != nil {
			return err
		}
	}
}

// reading is one chain under way.
type reading struct {
	service string
	next    func() (Entry, error, bool)
	stop    func()
	entry   Entry // the next to pass on
	ended   bool
}

func (r *reading) advance() error {
	e, err, ok := r.next()
	r.entry, r.ended = e, !ok
	return err
}

func oldest(open []*reading) *reading {
	var first *reading
	for _, r := range open {
		if !r.ended && (first == nil || r.entry.At.Before(first.entry.At)) {
			first = r
		}
	}
	return first
}

// first returns the chain that began first, and its service.
func first(waiting map[string]string) (service, chain string) {
	for s, c := range waiting {
		if chain == "" || c < chain {
			service, chain = s, c
		}
	}
	return service, chain
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

// chain returns the entries of a chain, in order.
func (l *Log) chain(ctx context.Context, chain string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		q := store.Query{
			Association: store.NoAssociation, Where: []store.Cond{{Key: "chain", Op: store.Eq, Value: chain}},
			Sort: []store.Order{{Key: "n"}}, Limit: 100,
		}
		for {
			page, err := l.blocks.Find(ctx, q)
			if err != nil {
				yield(Entry{}, fmt.Errorf("access log: read: %w", err))
				return
			}
			for _, v := range page.Items {
				for _, e := range v.Value.Entries {
					if !yield(e, nil) {
						return
					}
				}
			}
			if page.Next.ID == "" {
				return
			}
			q.After = page.Next
		}
	}
}
