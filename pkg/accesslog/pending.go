package accesslog

import (
	"context"
	"sync"
	"time"
)

// pending is what one request waits for.
type pending struct {
	mu      sync.Mutex
	batches []*batch
	err     error
}

type pendingKey struct{}

// Begin returns a context in which Record does not wait: the entry is written while
// the request's other work goes on. Anyone who begins calls Wait before the answer
// leaves.
func Begin(ctx context.Context) context.Context {
	return context.WithValue(ctx, pendingKey{}, &pending{})
}

func pendingOf(ctx context.Context) *pending {
	p, _ := ctx.Value(pendingKey{}).(*pending)
	return p
}

// add remembers a ticket, or the error instead of one.
func (p *pending) add(b *batch, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch n := len(p.batches); {
	case err != nil:
		p.err = err
	case n == 0 || p.batches[n-1] != b:
		p.batches = append(p.batches, b)
	}
}

// Wait returns when every entry touched since Begin is durable, else
// ErrNotLogged; without a Begin there is nothing to wait for.
func (l *Log) Wait(ctx context.Context) error {
	p := pendingOf(ctx)
	if p == nil {
		return nil
	}
	p.mu.Lock()
	batches, err := p.batches, p.err
	p.mu.Unlock()
	if len(batches) > 0 {
		defer l.measured.waiting(time.Now())
	}
	for _, b := range batches {
		if werr := b.wait(ctx); err == nil {
			err = werr
		}
	}
	return err
}
