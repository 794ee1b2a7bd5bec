package referral

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

func counterCollection() store.Schema[Counter] {
	return store.Schema[Counter]{
		Name: "registry_counters",
		ID:   func(c *Counter) (string, string) { return c.Association, strconv.Itoa(c.Year) },
	}
}

// numberAllocator returns this process's referrals their registry numbers. Those who ask
// while a counter is being written share its next write, as those whose referrals
// are stored or refused do: one small write per group.
type numberAllocator struct {
	counters *store.Collection[Counter]
	stored   func(ctx context.Context, association string, numbers []string) (map[string]bool, error)
	now      func() time.Time

	mu     sync.Mutex
	queues map[string]*queue // by association and year
}

// queue is what waits for one counter. Anyone who finds it idle writes.
type queue struct {
	association string
	year        int

	mu      sync.Mutex
	asked   []*reservation
	settled []settlement
	writing bool
}

// reservation is a number asked for a referral.
type reservation struct {
	queue    *queue
	referral string
	number   int
	err      error
	done     chan struct{}
}

type settlement struct {
	number   int
	referral string
	used     bool
}

// The bounds of a reserver: how many numbers one write lends, how many may wait,
// how often a write that another process was faster than is tried again, and how
// long one group of writes may take.
const (
	maxGroup      = 512
	maxAsked      = 4096
	maxRaces      = 24
	groupPatience = 10 * time.Second
)

// errBusyRegistry answers when more wait for a number than may.
var errBusyRegistry = fault.ErrUnavailable.Because(errors.New("too many wait for a registry number")).After(time.Second)

// queueOf returns the queue of a counter.
func (v *numberAllocator) queueOf(association string, year int) *queue {
	v.mu.Lock()
	defer v.mu.Unlock()
	key := association + "/" + strconv.Itoa(year)
	q := v.queues[key]
	if q == nil {
		q = &queue{association: association, year: year}
		v.queues[key] = q
	}
	return q
}

// reserve begins to lend a number to a referral received now; wait gives it.
func (v *numberAllocator) reserve(association, referral string, received time.Time) (*reservation, error) {
	l := &reservation{queue: v.queueOf(association, civil.DateOf(received).Year()), referral: referral, done: make(chan struct{})}
	q := l.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.asked) >= maxAsked {
		return nil, errBusyRegistry
	}
	q.asked = append(q.asked, l)
	if !q.writing {
		q.writing = true
		go v.write(q)
	}
	return l, nil
}

// wait returns the number when it is lent durably.
func (l *reservation) wait(ctx context.Context) (string, error) {
	select {
	case <-l.done:
		return registryNumber(l.queue.year, l.number), l.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// settle ends the loan with the next write. A loan that nobody waited for is
// settled once it is made.
func (l *reservation) settle(used bool) {
	select {
	case <-l.done:
		l.queue.settle(l, used)
	default:
		go func() { // ends with the write, which has an end of its own
			<-l.done
			l.queue.settle(l, used)
		}()
	}
}

func (q *queue) settle(l *reservation, used bool) {
	if l.err != nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settled = append(q.settled, settlement{l.number, l.referral, used})
}

// write serves the queue until nobody asks any more.
func (v *numberAllocator) write(q *queue) {
	for {
		q.mu.Lock()
		asked := q.asked[:min(len(q.asked), maxGroup)]
		if len(asked) == 0 {
			q.writing = false
			q.mu.Unlock()
			return
		}
		q.asked = q.asked[len(asked):]
		q.mu.Unlock()
		v.group(q, asked)
	}
}

// flush writes what is settled while nobody asks for a number, and settles what
// the dead have left. It is for the times when nothing comes in.
func (v *numberAllocator) flush() {
	v.mu.Lock()
	queues := make([]*queue, 0, len(v.queues))
	for _, q := range v.queues {
		queues = append(queues, q)
	}
	v.mu.Unlock()
	for _, q := range queues {
		q.mu.Lock()
		idle := !q.writing
		q.writing = true
		q.mu.Unlock()
		if idle {
			v.group(q, nil)
			v.write(q)
		}
	}
}

// group lends a number to each of those who asked, and settles what has been
// settled, in one write.
func (v *numberAllocator) group(q *queue, asked []*reservation) {
	ctx, cancel := context.WithTimeout(context.Background(), groupPatience)
	defer cancel()
	q.mu.Lock()
	settled := q.settled
	q.settled = nil
	q.mu.Unlock()
	ids := make([]string, len(asked))
	for i, l := range asked {
		ids[i] = l.referral
	}
	numbers, err := v.change(ctx, q, ids, settled)
	if err != nil { // what is settled stays so: it is told again, and a loan that was told is not there
		q.mu.Lock()
		q.settled = append(settled, q.settled...)
		q.mu.Unlock()
	}
	for i, l := range asked {
		if l.err = err; err == nil {
			l.number = numbers[i]
		}
		close(l.done)
	}
}

// change writes the counter, by compare-and-swap against other processes.
func (v *numberAllocator) change(ctx context.Context, q *queue, ids []string, settled []settlement) (numbers []int, err error) {
	for range maxRaces {
		numbers, err = v.try(ctx, q, ids, settled)
		if !errors.Is(err, store.ErrStale) && !errors.Is(err, store.ErrExists) {
			return numbers, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(rand.N(10 * time.Millisecond)):
		}
	}
	return nil, fault.ErrUnavailable.Because(fmt.Errorf("registry of %d: other processes were faster %d times", q.year, maxRaces))
}

func (v *numberAllocator) try(ctx context.Context, q *queue, ids []string, settled []settlement) ([]int, error) {
	c, err := v.counters.Get(ctx, q.association, strconv.Itoa(q.year))
	isNew := errors.Is(err, store.ErrNotFound)
	switch {
	case isNew && len(ids) == 0:
		return nil, nil
	case isNew:
		c.Value = &Counter{Association: q.association, Year: q.year}
	case err != nil:
		return nil, err
	}
	old := c.Value.Overdue(v.now())
	if len(ids) == 0 && len(settled) == 0 && len(old) == 0 {
		return nil, nil
	}
	for _, s := range settled {
		c.Value.Settle(s.number, s.referral, s.used)
	}
	if err := v.reclaimExpired(ctx, c.Value, old); err != nil {
		return nil, err
	}
	if len(c.Value.Pending)+len(ids) > maxReserved {
		return nil, errBusyRegistry
	}
	numbers := c.Value.Reserve(v.now(), ids)
	if isNew {
		_, err = v.counters.Insert(ctx, c.Value)
	} else {
		_, err = v.counters.Replace(ctx, c)
	}
	return numbers, err
}

// reclaimExpired settles the loans of those who died: whether a referral bears the number
// tells whether it is used. Should its insert be under way all the same, the
// unique index turns away whichever comes second, who then asks for another.
func (v *numberAllocator) reclaimExpired(ctx context.Context, c *Counter, old []Pending) error {
	if len(old) == 0 {
		return nil
	}
	old = old[:min(len(old), maxGroup)]
	names := make([]string, len(old))
	for i, p := range old {
		names[i] = registryNumber(c.Year, p.Number)
	}
	used, err := v.stored(ctx, c.Association, names)
	if err != nil {
		return err
	}
	for i, p := range old {
		c.Settle(p.Number, p.Referral, used[names[i]])
	}
	return nil
}

// registered returns which of the registry numbers stand on referrals.
func (s *Service) registered(ctx context.Context, association string, numbers []string) (map[string]bool, error) {
	among := make([]any, len(numbers))
	for i, n := range numbers {
		among[i] = n
	}
	page, err := s.referrals.Find(ctx, store.Query{
		Association: association, Where: []store.Cond{{Key: keyNumber, Op: store.In, Value: among}}, Limit: maxGroup,
	})
	used := map[string]bool{}
	for _, r := range page.Items {
		used[r.Value.RegistryNumber] = true
	}
	return used, err
}
