package registrynumber

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// Allocator allocates the numbers of this process's referrals. Those who ask while a
// counter is being written share its next write, as the settlements do: one small write
// for each batch.
type Allocator struct {
	counters *store.Collection[Counter]
	used     func(ctx context.Context, association string, numbers []string) (map[string]bool, error)
	now      func() time.Time

	mu      sync.Mutex
	batches map[string]*batcher // by association and year
}

// New opens the counters on the engine. used reports which of some numbers are on
// stored referrals.
func New(ctx context.Context, e store.Engine, now func() time.Time, used func(ctx context.Context, association string, numbers []string) (map[string]bool, error)) (*Allocator, error) {
	counters, err := store.Open(ctx, e, Collection)
	if err != nil {
		return nil, fmt.Errorf("registry numbers: %w", err)
	}
	return &Allocator{counters: counters, used: used, now: now, batches: map[string]*batcher{}}, nil
}

// batcher is what waits for one counter. The first to find it idle writes.
type batcher struct {
	association string
	year        int

	mu      sync.Mutex
	pending []*Reservation
	settled []func(*Counter)
	writing bool

	// Only who writes uses these.
	stored *store.Versioned[Counter] // the counter as this process wrote it last; nil: not known
	shared time.Time                 // when another process was last found to write the counter
}

// Reservation is a number reserved for a referral.
type Reservation struct {
	batcher  *batcher
	referral string
	number   int
	err      error
	done     chan struct{}

	isWritten bool  // under the batcher's mutex, as the next
	used      *bool // settled before it was written; nil: it was not
}

const (
	MaxBatch     = 512  // numbers that one write reserves, and that used is asked about at once
	maxWaiting   = 4096 // reservations that may wait for one counter
	maxRaces     = 24   // tries of a write that other processes were faster than
	batchTimeout = 10 * time.Second

	// sharedTime is how long the counter is read before each write once another process
	// has been found to write it; else the write alone finds that out.
	sharedTime = 10 * time.Second
)

// errBusy answers when more wait for a number than may.
var errBusy = fault.ErrUnavailable.Because(errors.New("too many wait for a registry number")).After(time.Second)

// Reserve begins to reserve a number for a referral received now; Wait returns it.
func (a *Allocator) Reserve(association, referral string, received time.Time) (*Reservation, error) {
	year := civil.DateOf(received).MidnightUTC().Year()
	key := association + "/" + strconv.Itoa(year)
	a.mu.Lock()
	b := a.batches[key]
	if b == nil {
		b = &batcher{association: association, year: year}
		a.batches[key] = b
	}
	a.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.pending) >= maxWaiting {
		return nil, errBusy
	}
	r := &Reservation{batcher: b, referral: referral, done: make(chan struct{})}
	b.pending = append(b.pending, r)
	if !b.writing {
		b.writing = true
		go a.write(b)
	}
	return r, nil
}

// Wait returns the number when its reservation is durable.
func (r *Reservation) Wait(ctx context.Context) (string, error) {
	select {
	case <-r.done:
		return r.Number(), r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Number returns the number; call it only after Wait.
func (r *Reservation) Number() string { return Format(r.batcher.year, r.number) }

// Settle ends the reservation with the next write: the number is used, or free again.
// It may be called before Wait.
func (r *Reservation) Settle(used bool) {
	r.batcher.mu.Lock()
	defer r.batcher.mu.Unlock()
	if r.used = &used; r.isWritten {
		r.settle()
	}
}

// settle lets the next write settle a reservation that is written. The batcher's mutex is held.
func (r *Reservation) settle() {
	if used := *r.used; r.err == nil {
		r.batcher.settled = append(r.batcher.settled, func(c *Counter) { c.Settle(r.number, r.referral, used) })
	}
}

// write serves a batcher until nobody waits.
func (a *Allocator) write(b *batcher) {
	for {
		b.mu.Lock()
		batch := b.pending[:min(len(b.pending), MaxBatch)]
		if len(batch) == 0 {
			b.writing = false
			b.mu.Unlock()
			return
		}
		b.pending = b.pending[len(batch):]
		b.mu.Unlock()
		a.writeBatch(b, batch)
	}
}

// Flush writes what is settled while nobody asks for a number, and settles what crashed
// processes have left. It is for the times when no referral is received.
func (a *Allocator) Flush() {
	a.mu.Lock()
	batches := slices.Collect(maps.Values(a.batches))
	a.mu.Unlock()
	for _, b := range batches {
		b.mu.Lock()
		idle := !b.writing
		b.writing = true
		b.mu.Unlock()
		if idle {
			a.writeBatch(b, nil)
			a.write(b)
		}
	}
}

// writeBatch reserves a number for each of the batch, and settles what has been
// settled, in one write.
func (a *Allocator) writeBatch(b *batcher, batch []*Reservation) {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	b.mu.Lock()
	settled := b.settled
	b.settled = nil
	b.mu.Unlock()
	ids := make([]string, len(batch))
	for i, r := range batch {
		ids[i] = r.referral
	}
	numbers, err := a.change(ctx, b, ids, settled)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil { // settle these next time; settling a number twice is harmless
		b.settled = append(settled, b.settled...)
	}
	for i, r := range batch {
		if r.err = err; err == nil {
			r.number = numbers[i]
		}
		if r.isWritten = true; r.used != nil {
			r.settle()
		}
		close(r.done)
	}
}

// change writes the counter, by compare-and-swap against other processes.
func (a *Allocator) change(ctx context.Context, b *batcher, ids []string, settled []func(*Counter)) (numbers []int, err error) {
	for range maxRaces {
		numbers, err = a.changeOnce(ctx, b, ids, settled)
		if !errors.Is(err, store.ErrStale) && !errors.Is(err, store.ErrExists) {
			return numbers, err
		}
		b.shared = a.now()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(rand.N(10 * time.Millisecond)):
		}
	}
	return nil, fault.ErrUnavailable.Because(fmt.Errorf("registry of %d: other processes were faster %d times", b.year, maxRaces))
}

func (a *Allocator) changeOnce(ctx context.Context, b *batcher, ids []string, settled []func(*Counter)) ([]int, error) {
	var c store.Versioned[Counter]
	var err error
	if b.stored != nil { // an old one is harmless: it cannot be replaced
		c, b.stored = *b.stored, nil
	} else if c, err = a.counters.Get(ctx, b.association, strconv.Itoa(b.year)); errors.Is(err, store.ErrNotFound) {
		c, err = store.Versioned[Counter]{Value: &Counter{Association: b.association, Year: b.year}}, nil
	}
	if err != nil || c.Version == 0 && len(ids) == 0 {
		return nil, err
	}
	expired := c.Value.Expired(a.now())
	if len(ids) == 0 && len(settled) == 0 && len(expired) == 0 {
		return nil, nil
	}
	for _, settle := range settled {
		settle(c.Value)
	}
	// A number of a crashed process that is on a referral is used. Should its insert be
	// under way after all, the unique index rejects whichever comes second, and that one
	// asks for another number.
	if expired = expired[:min(len(expired), MaxBatch)]; len(expired) > 0 {
		names := make([]string, len(expired))
		for i, p := range expired {
			names[i] = Format(b.year, p.Number)
		}
		used, err := a.used(ctx, b.association, names)
		if err != nil {
			return nil, err
		}
		for i, p := range expired {
			c.Value.Settle(p.Number, p.Referral, used[names[i]])
		}
	}
	if len(c.Value.Pending)+len(ids) > maxPending {
		return nil, errBusy
	}
	numbers := c.Value.Reserve(a.now(), ids)
	if c.Version == 0 {
		c.Version, err = a.counters.Insert(ctx, c.Value)
	} else {
		c, err = a.counters.Replace(ctx, c)
	}
	if err == nil && a.now().Sub(b.shared) > sharedTime {
		b.stored = &store.Versioned[Counter]{Value: c.Value, Version: c.Version}
	}
	return numbers, err
}
