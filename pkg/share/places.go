// Package share divides what is scarce among those who ask for it: an owner who asks for
// much does not keep it from the others. The caller says what an owner is: an authority
// (actor.Actor.Owner), or the network of an address.
package share

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/fault"
)

// Places lets in as many as can be served well at once, and divides the places among their
// owners. One owner alone may have a part of them, and each further owner the same part of
// what is left then (the dynamic threshold of Choudhury and Hahne): while places are free no
// fixed share holds anybody back, and the last ones are for owners who have few.
//
// Who finds no place waits. The next place is for the owner who has fewest, so that places
// are divided evenly among owners who wait, and one who asks for little is served first.
// While only one owner waits, its first in the queue is served first. When several do, the
// last of a queue is: it has not waited long, and the first of it would soon give
// up (Facebook's adaptive LIFO). Once some have always waited while as many were served as
// there are places, it is an overload and no stall that is over: then one who is late
// already is sent away instead, and later one whose owner asks for no more than the others.
// When too many wait, the longest queue loses its first.
//
// With Least the number of places follows how long it takes to serve: beyond what the
// machine can do at once, more places only make everything slower. There are hardly more
// than are needed, so that few come at once when all do. Its methods may be called at once.
type Places[K comparable] struct {
	c PlacesConfig

	mu      sync.Mutex
	limit   int // places there are now
	taken   int
	waiting int
	queue   int // turn when somebody began to wait: since then there always was one who waits
	owners  map[K]*holder
	sweep   int // how many owners there are when the idle ones are forgotten
	turn    int // counts the places given, so that equal ones take turns

	// What was learnt of the places that were put back since began.
	began  time.Time
	peak   int  // of taken
	queued bool // somebody waited
	n      int
	sum    time.Duration
	usual  time.Duration // that it takes to serve one, while there is room
}

// PlacesConfig is what NewPlaces takes; Most and Alone are required.
type PlacesConfig struct {
	Most   int           // places
	Alone  float64       // the part of the places that one alone may have, above 0 and below 1
	Least  int           // places that stay however slow it is; zero: Most
	Queue  int           // how many may wait
	Wait   time.Duration // how long, at most
	IsFull func() bool   // reports whether memory is used up: then nobody waits; nil: it never is
}

// The reasons why somebody gets no place.
var (
	ErrShare = fault.New(fault.TooMany, "share-used",
		"Er myndighet har redan så mycket på gång som den får ha på en gång. Vänta en stund och försök igen.",
		"Your authority already has as much under way as it may have at once. Wait a while and try again.").After(5 * time.Second)
	ErrFull = errors.New("all places are taken")
)

const (
	// minSweep is how many owners are remembered at least, whether they have a place or not.
	// There are never more than that, or than twice as many as had one at the last sweep.
	minSweep = 1024
	// learnInterval and minLearn are of how long, and of how many, a mean is taken.
	learnInterval = 100 * time.Millisecond
	minLearn      = 32
	// slack is how much longer than twice the usual time is not yet slow.
	slack = 10 * time.Millisecond
	// forget is how slowly the usual time follows: by a part for each mean.
	forget = 64
	// forgetFast is that while few places do not help, as the slowness is not theirs.
	forgetFast = 8
)

// holder is who has places, or waits for some.
type holder struct {
	held  int
	turn  int       // when it got the last one
	queue []*waiter // who waits, the first first
}

type waiter struct {
	ready chan error // receives nil with a place
	since time.Time
}

// NewPlaces returns places of which none is taken.
func NewPlaces[K comparable](c PlacesConfig) *Places[K] {
	c.Least = cmp.Or(min(c.Least, c.Most), c.Most)
	if c.IsFull == nil {
		c.IsFull = func() bool { return false }
	}
	return &Places[K]{c: c, limit: c.Least, sweep: minSweep, owners: map[K]*holder{}}
}

// Enter takes a place for an owner, and returns how long it waited for one. The error is
// ErrShare, ErrFull or that of the context; without one Leave puts the place back.
func (p *Places[K]) Enter(ctx context.Context, who K) (waited time.Duration, err error) {
	p.mu.Lock()
	h := p.owners[who]
	if h == nil {
		if len(p.owners) >= p.sweep {
			for k, other := range p.owners {
				if other.held == 0 && len(other.queue) == 0 {
					delete(p.owners, k)
				}
			}
			p.sweep = max(minSweep, 2*len(p.owners)) // so that no newcomer pays for all who are here
		}
		h = &holder{}
		p.owners[who] = h
	}
	if len(h.queue) == 0 && p.admits(h) {
		p.give(h)
		p.mu.Unlock()
		return 0, nil
	}
	if p.c.Wait == 0 || p.c.IsFull() {
		defer p.mu.Unlock()
		return 0, p.refusal(h)
	}
	began := time.Now()
	w := &waiter{make(chan error, 1), began}
	h.queue = append(h.queue, w)
	p.queued = true
	if p.waiting == 0 {
		p.queue = p.turn
	}
	if p.waiting++; p.waiting > p.c.Queue {
		most := h
		for _, other := range p.owners {
			if len(other.queue) > len(most.queue) {
				most = other
			}
		}
		most.queue[0].ready <- p.refusal(most)
		most.queue = slices.Delete(most.queue, 0, 1)
		p.waiting--
	}
	p.mu.Unlock()
	timer := time.NewTimer(p.c.Wait)
	defer timer.Stop()
	select {
	case err := <-w.ready:
		return time.Since(began), err
	case <-timer.C:
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case err := <-w.ready: // meanwhile
		return time.Since(began), err
	default:
	}
	i := slices.Index(h.queue, w)
	h.queue = slices.Delete(h.queue, i, i+1)
	p.waiting--
	if ctx.Err() != nil {
		return time.Since(began), ctx.Err()
	}
	return time.Since(began), p.refusal(h)
}

// admits reports whether there is a place for an owner. However few places there are while
// it is slow, everybody may have one.
func (p *Places[K]) admits(h *holder) bool {
	return h.held == 0 && p.taken < p.c.Most || float64(h.held)*(1-p.c.Alone) < float64(p.limit-p.taken)*p.c.Alone
}

// give lets an owner have a place.
func (p *Places[K]) give(h *holder) {
	p.turn++
	p.taken++
	h.held++
	h.turn = p.turn
	p.peak = max(p.peak, p.taken)
}

// shareOf returns how much an owner asks for, as a part of what each of those who ask for
// something asks for on average.
func (p *Places[K]) shareOf(h *holder) float64 {
	asking := 0
	for _, other := range p.owners {
		if other.held+len(other.queue) > 0 {
			asking++
		}
	}
	if asking <= 1 { // alone with all there is
		return float64(2 * min(asking, h.held+len(h.queue)))
	}
	return float64((h.held+len(h.queue))*asking) / float64(p.taken+p.waiting)
}

// refusal returns why an owner gets no other place: because of itself, if it asks for more
// than the others.
func (p *Places[K]) refusal(h *holder) error {
	if p.shareOf(h) > 1 {
		return ErrShare
	}
	return ErrFull
}

// Leave puts a place back. took is how long it took to serve its owner; zero: that says
// nothing, as it was for the owner to be fast.
func (p *Places[K]) Leave(who K, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.owners[who]
	h.held--
	p.taken--
	if took > 0 && p.c.Least < p.c.Most {
		p.learn(took)
	}
	for p.waiting > 0 {
		var next *holder
		asking := 0
		for _, other := range p.owners {
			if len(other.queue) == 0 {
				continue
			}
			asking++
			if p.admits(other) && (next == nil || other.held < next.held || other.held == next.held && other.turn < next.turn) {
				next = other
			}
		}
		if next == nil {
			return
		}
		i := 0
		if asking > 1 {
			i = len(next.queue) - 1
		}
		w := next.queue[i]
		next.queue = slices.Delete(next.queue, i, i+1)
		p.waiting--
		waited, late := time.Since(w.since), 2*p.usual+slack
		if asking > 1 && p.turn-p.queue > p.limit && p.usual > 0 && (waited > 2*late || waited > late && p.shareOf(next) > 1) {
			w.ready <- p.refusal(next) // it would be served late, and the next one too
			continue
		}
		w.ready <- nil
		p.give(next)
	}
}

// learn lets the number of places follow the time that it takes to serve, and memory.
func (p *Places[K]) learn(took time.Duration) {
	p.sum += took
	p.n++
	if p.n%minLearn != 0 { // a look at the clock costs as much as the rest
		return
	}
	now := time.Now()
	if now.Sub(p.began) < learnInterval {
		return
	}
	mean := p.sum / time.Duration(p.n)
	if p.usual == 0 || mean < p.usual {
		p.usual = mean
	}
	isSlow := mean > 2*p.usual+slack
	switch {
	case isSlow && p.limit == p.c.Least: // so few do not make it slow: it is what it takes now
		p.usual += (mean - p.usual) / forgetFast
	case !isSlow && !p.queued:
		p.usual += (mean - p.usual) / forget
	}
	switch {
	case isSlow || p.c.IsFull():
		p.limit = max(p.c.Least, min(p.limit, p.peak)*3/4)
	case p.peak > p.limit/2: // what nobody needs would be too many when all come at once
		p.limit = min(p.c.Most, p.limit+p.limit/8+1)
	}
	p.began, p.peak, p.queued, p.n, p.sum = now, p.taken, p.waiting > 0, 0, 0
}

// State returns how many places there are now, how many are taken, and how many wait.
func (p *Places[K]) State() (limit, taken, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limit, p.taken, p.waiting
}
