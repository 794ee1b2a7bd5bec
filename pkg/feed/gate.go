package feed

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Gate lets the followers of a process rest for a moment: while it is held they
// handle nothing and move no position. A backup of several databases needs that:
// no copy may have handled what another, copied earlier, has not told yet.
type Gate struct {
	mu     sync.Mutex
	inside int           // followers that are handling events
	held   *hold         // nil: open
	left   chan struct{} // closed when the last one inside has left
}

type hold struct {
	open  chan struct{} // closed when it ends
	timer *time.Timer
}

// ErrHeld tells that the gate is held already.
var ErrHeld = errors.New("the followers are held already")

// Gated returns a reader whose followers stop at the gate.
func Gated(r Reader, g *Gate) Reader { return gated{r, g} }

type gated struct {
	Reader
	gate *Gate
}

// Hold keeps followers from handling events, and waits for those that are
// handling one. It ends by release, which tells whether the hold was still in
// force, or by itself after at most so long.
func (g *Gate) Hold(ctx context.Context, most time.Duration) (release func() bool, err error) {
	g.mu.Lock()
	if g.held != nil {
		g.mu.Unlock()
		return nil, ErrHeld
	}
	h := &hold{open: make(chan struct{})}
	h.timer = time.AfterFunc(most, func() { g.end(h) })
	g.held = h
	g.left = make(chan struct{})
	if g.inside == 0 {
		close(g.left)
	}
	left := g.left
	g.mu.Unlock()
	release = func() bool { return g.end(h) }
	select {
	case <-left:
		return release, nil
	case <-ctx.Done():
		release()
		return nil, context.Cause(ctx)
	}
}

func (g *Gate) end(h *hold) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held != h {
		return false
	}
	h.timer.Stop()
	close(h.open)
	g.held = nil
	return true
}

// enter waits until the gate is open; leave must be called. A nil gate is open.
func (g *Gate) enter(ctx context.Context) (leave func(), err error) {
	if g == nil {
		return func() {}, nil
	}
	for {
		g.mu.Lock()
		if g.held == nil {
			g.inside++
			g.mu.Unlock()
			return g.leave, nil
		}
		open := g.held.open
		g.mu.Unlock()
		select {
		case <-open:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 && g.held != nil {
		close(g.left)
	}
}
