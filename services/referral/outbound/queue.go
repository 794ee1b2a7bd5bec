package outbound

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

// The bounds of what one process delivers at once.
const (
	// triesAtOnce is for one webhook, so that a slow receiver holds up nobody else.
	triesAtOnce = 4
	// triesInAll is for all webhooks together.
	triesInAll = 64
	// pollQueue is how often the queue is looked at unasked: for what has become
	// due, what another process wrote, or what one that died left behind.
	pollQueue = time.Second
	// beyond is how many due deliveries more than there are places are looked at,
	// as some wait for an earlier one of their referral.
	beyond = 16
	// settleTime bounds the writing of what came of a try.
	settleTime = 5 * time.Second
)

// queue counts the tries under way in this process.
type queue struct {
	mu    sync.Mutex
	under map[string]int // tries by webhook
	all   int
	woken chan struct{} // has room for one
	tries sync.WaitGroup
}

func newQueue() *queue { return &queue{under: map[string]int{}, woken: make(chan struct{}, 1)} }

// wake tells that there is something to deliver; it never blocks.
func (q *queue) wake() {
	select {
	case q.woken <- struct{}{}:
	default:
	}
}

// free returns how many more tries a webhook may have under way.
func (q *queue) free(webhook string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return min(triesAtOnce-q.under[webhook], triesInAll-q.all)
}

func (q *queue) count(webhook string, change int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all += change
	if q.under[webhook] += change; q.under[webhook] == 0 {
		delete(q.under, webhook)
	}
}

// deliver delivers what is due until the context ends, and then waits for the
// tries under way to end as well; they do at once.
func (s *Service) deliver(ctx context.Context) {
	defer s.queue.tries.Wait()
	for failures := 0; ; {
		err := s.dispatch(ctx)
		pause := pollQueue
		if err != nil && ctx.Err() == nil {
			failures++
			s.Log.WarnContext(ctx, "look at the queue of webhooks", "error", err, "failures", failures)
			pause = min(pollQueue<<min(failures, 5), 30*time.Second)
		} else {
			failures = 0
		}
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.queue.woken:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// dispatch begins tries for all that is due, as far as there are places.
func (s *Service) dispatch(ctx context.Context) error {
	s.measure(ctx)
	for _, a := range s.Associations.All() {
		webhooks, err := s.webhooksOn(ctx, a.ID)
		if err != nil {
			return err
		}
		for _, w := range webhooks {
			if err := s.dispatchTo(ctx, w); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) dispatchTo(ctx context.Context, w *Webhook) error {
	free := s.queue.free(w.ID)
	if free <= 0 {
		return nil
	}
	due, err := s.due(ctx, w, s.Now(), free+beyond)
	if err != nil {
		return err
	}
	for _, d := range due {
		if free == 0 {
			break
		}
		first, err := s.first(ctx, d)
		if err != nil {
			return err
		}
		if !first {
			continue
		}
		claimed, err := s.claim(ctx, d)
		if errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) {
			continue // another process was faster
		}
		if err != nil {
			return err
		}
		free--
		s.queue.count(w.ID, 1)
		s.queue.tries.Go(func() {
			defer s.queue.wake() // the place is free
			defer s.queue.count(w.ID, -1)
			s.walk(ctx, w, claimed)
		})
	}
	return nil
}

// first reports whether a delivery is the first of its lane. One that is not waits
// as long as that one does, so that it is not looked at all the time.
func (s *Service) first(ctx context.Context, d store.Versioned[Delivery]) (bool, error) {
	if d.Value.Referral == "" {
		return true, nil
	}
	ahead, err := s.ahead(ctx, d.Value.Association, d.Value.lane())
	if err != nil || ahead == nil || ahead.Value.ID == d.Value.ID {
		return ahead != nil, err
	}
	if ahead.Value.Due.After(d.Value.Due) {
		d.Value.Due = ahead.Value.Due
		if _, err := s.deliveries.Replace(ctx, d); err != nil && !errors.Is(err, store.ErrStale) && !errors.Is(err, store.ErrNotFound) {
			return false, err
		}
	}
	return false, nil
}

// claim takes a delivery by compare-and-swap: of several processes one wins.
func (s *Service) claim(ctx context.Context, d store.Versioned[Delivery]) (store.Versioned[Delivery], error) {
	d.Value.begin(s.Now())
	return s.deliveries.Replace(ctx, d)
}

// walk tries a delivery, and when it is settled those behind it in its lane.
func (s *Service) walk(ctx context.Context, w *Webhook, d store.Versioned[Delivery]) {
	for {
		on, err := s.try(ctx, w, d)
		if err != nil {
			s.Log.WarnContext(ctx, "deliver to a webhook", "webhook", w.ID, "error", err)
			return
		}
		if !on || d.Value.Referral == "" || ctx.Err() != nil {
			return
		}
		v, err := s.webhooks.Get(ctx, w.Association, w.ID)
		if err != nil || !v.Value.On() {
			return
		}
		w = v.Value
		next, err := s.next(ctx, d.Value.Association, d.Value.lane())
		if err != nil || next == nil {
			return
		}
		d = *next
	}
}

// next claims the first of a lane, unless somebody tries it or it waits to be
// tried again; nil: there is none.
func (s *Service) next(ctx context.Context, association, lane string) (*store.Versioned[Delivery], error) {
	for range 3 { // it may be put off at this moment, as not the first; see first
		ahead, err := s.ahead(ctx, association, lane)
		if err != nil || ahead == nil || ahead.Value.later(s.Now()) {
			return nil, err
		}
		claimed, err := s.claim(ctx, *ahead)
		if err == nil {
			return &claimed, nil
		}
		if !errors.Is(err, store.ErrStale) {
			return nil, err
		}
	}
	return nil, nil
}

// try makes one try and notes it, unless the delivery may not be told any more: then
// it is dropped. on tells whether the next of the lane may go.
func (s *Service) try(ctx context.Context, w *Webhook, d store.Versioned[Delivery]) (on bool, err error) {
	ids, err := s.deliveryIDs(ctx, w, d.Value)
	if err != nil {
		return false, err
	}
	id := ids[0]
	if id == "" {
		return true, s.drop(ctx, d)
	}
	at := s.Now()
	body, err := d.Value.body(id)
	if err != nil {
		return false, err
	}
	signature, err := s.signatures(w, id, at, body)
	if err != nil {
		return false, err
	}
	begun := time.Now()
	a := s.Sender.Send(ctx, Message{URL: w.URL, ID: id, At: at, Signature: signature, Body: body})
	if ctx.Err() != nil && a.Outcome != OK {
		a = Answer{Outcome: Interrupted}
	}
	// Noted also when this process is ending: else it would be sent once more.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	t := Try{At: at.UTC().Truncate(time.Millisecond), Status: a.Status, Outcome: a.Outcome, Millis: time.Since(begun).Milliseconds()}
	d.Value.ended(t, a.RetryAfter, s.Now().UTC().Truncate(time.Millisecond), spread())
	s.measured.tried(ctx, a.Outcome, d.Value.State, time.Since(begun))
	if _, err := s.deliveries.Replace(ctx, d); err != nil {
		if errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) {
			return false, nil // the lease had ended, or the webhook is gone
		}
		return false, err
	}
	if a.Outcome == OutcomeGone {
		return false, s.turnOff(ctx, w)
	}
	return d.Value.State != Waiting, nil
}

// drop removes a delivery that may not be told any more. It was neither delivered
// nor given up.
func (s *Service) drop(ctx context.Context, d store.Versioned[Delivery]) error {
	err := s.deliveries.Delete(ctx, d.Value.Association, d.Value.ID, d.Version)
	if gone(err) {
		return nil
	}
	return err
}

// turnOff turns a webhook off whose receiver says that it is gone for good.
func (s *Service) turnOff(ctx context.Context, w *Webhook) error {
	_, err := s.webhooks.Update(ctx, w.Association, w.ID, 0, func(v *Webhook) error {
		if !v.On() || v.URL != w.URL {
			return store.Unchanged() // the owner has changed it meanwhile
		}
		v.Off, v.ChangedAt = OffGone, s.Now().UTC().Truncate(time.Millisecond)
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
