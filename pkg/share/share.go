// Package share divides what is scarce among those who ask for it: so much in all, and at
// most so much for each of them, however much that one asks for. With a share of a quarter
// one who asks for all it can get leaves three quarters to the others.
//
// Units are places, or bytes. An owner is what a share belongs to, such as the authority
// of a token (actor.Actor.Owner).
package share

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// Units are units that are taken and put back. Its methods may be called at once.
type Units struct {
	each  int64
	all   *semaphore.Weighted
	taken atomic.Int64

	mu     sync.Mutex
	owners map[string]*owner // those who have units, or ask for some
}

type owner struct {
	units *semaphore.Weighted
	uses  int64 // units that it has or asks for
}

// New returns so many units in all, and at most so many for each owner.
func New(all, each int64) *Units {
	return &Units{each: each, all: semaphore.NewWeighted(all), owners: map[string]*owner{}}
}

// Take takes n units for an owner at once, and reports whether it did: not when that is
// more than is left of its share, or of all, or when others wait. Put puts them back.
func (u *Units) Take(who string, n int64) bool {
	own := u.use(who, n)
	if own.TryAcquire(n) {
		if u.all.TryAcquire(n) {
			u.taken.Add(n)
			return true
		}
		own.Release(n)
	}
	u.use(who, -n)
	return false
}

// Wait takes n units as Take does, and waits for them. It reports false when the time is
// up, when the context has ended, and at once for more than a share. Those who wait for
// one owner wait for its share first, one behind the other, so that only as many as a
// share come before others.
func (u *Units) Wait(ctx context.Context, who string, n int64, atMost time.Duration) bool {
	if n > u.each || u.Take(who, n) {
		return n <= u.each
	}
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	own := u.use(who, n)
	if own.Acquire(ctx, n) == nil {
		if u.all.Acquire(ctx, n) == nil {
			u.taken.Add(n)
			return true
		}
		own.Release(n)
	}
	u.use(who, -n)
	return false
}

// Put puts back n of the units that the owner has taken.
func (u *Units) Put(who string, n int64) {
	u.taken.Add(-n)
	u.all.Release(n)
	u.use(who, 0).Release(n)
	u.use(who, -n)
}

// Taken returns how many units are taken in all.
func (u *Units) Taken() int64 { return u.taken.Load() }

// use counts n more units that an owner has or asks for, and returns those of its share.
func (u *Units) use(who string, n int64) *semaphore.Weighted {
	u.mu.Lock()
	defer u.mu.Unlock()
	o := u.owners[who]
	if o == nil {
		o = &owner{units: semaphore.NewWeighted(u.each)}
		u.owners[who] = o
	}
	if o.uses += n; o.uses == 0 {
		delete(u.owners, who)
	}
	return o.units
}
