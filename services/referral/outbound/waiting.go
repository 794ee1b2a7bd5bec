package outbound

import (
	"context"
	"sync"
	"time"
)

// maxWaiters bounds how many callers wait for events in one process.
const maxWaiters = 256

// look is how often a process with waiters looks whether another one has kept
// notices: one small question for all of them together.
const look = 500 * time.Millisecond

// waiting are the callers that wait for notices.
type waiting struct {
	mu    sync.Mutex
	n     int
	grow  chan struct{} // closed when there are more notices
	begun chan struct{} // has room for one: somebody waits
}

func newWaiting() *waiting { return &waiting{grow: make(chan struct{}), begun: make(chan struct{}, 1)} }

// enter takes a place; false when there is none.
func (w *waiting) enter() (leave func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n >= maxWaiters {
		return nil, false
	}
	w.n++
	select {
	case w.begun <- struct{}{}:
	default:
	}
	return func() {
		w.mu.Lock()
		w.n--
		w.mu.Unlock()
	}, true
}

func (w *waiting) any() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n > 0
}

func (w *waiting) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

// grown returns what is closed when notices have been kept from now on.
func (w *waiting) grown() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.grow
}

// wake wakes all that wait.
func (w *waiting) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.grow)
	w.grow = make(chan struct{})
}

// watch wakes the waiters when the follower, here or in another process, has
// come further. With nobody waiting it asks nothing.
func (w *waiting) watch(ctx context.Context, at func(context.Context) (int64, error)) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for last := int64(-1); ; {
		select {
		case <-ctx.Done():
			return
		case <-w.begun:
		}
		for w.any() {
			limited, cancel := context.WithTimeout(ctx, 5*time.Second)
			if n, err := at(limited); err == nil && n != last {
				last = n
				w.wake()
			}
			cancel()
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}
