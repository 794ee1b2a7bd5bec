package outbound

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/store"
)

const (
	// pollInterval is how often the queue is looked at without a wake-up: for what
	// has become due, what another process wrote, or what a dead one left behind.
	pollInterval = time.Second
	// extraDue is how many more due deliveries are read than may be sent, as some
	// wait for an earlier one of their lane.
	extraDue = 16
	// recordTimeout bounds the writing of what an attempt led to.
	recordTimeout = 5 * time.Second
	// countInterval is how often the queue is counted for the metrics.
	countInterval = 15 * time.Second
)

// sendDue begins an attempt for each due delivery, as far as there is room.
func (s *Service) sendDue(ctx context.Context) error {
	s.countQueue(ctx)
	var all []*Webhook
	for _, in := range s.Associations.All() {
		webhooks, err := s.activeWebhooks(ctx, in.ID)
		if err != nil {
			return err
		}
		all = append(all, webhooks...)
	}
	s.attempts.mu.Lock()
	maps.DeleteFunc(s.attempts.receivers, func(id string, r *receiver) bool {
		return r.underWay == 0 && !slices.ContainsFunc(all, func(w *Webhook) bool { return w.ID == id })
	})
	s.attempts.mu.Unlock()
	// By chance: when there is no room for all, none is always the last.
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, w := range all {
		if err := s.sendDueTo(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) sendDueTo(ctx context.Context, w *Webhook) error {
	free := s.attempts.free(w.ID, s.Now())
	if free <= 0 {
		return nil
	}
	due, err := s.deliveries.Find(ctx, store.Query{
		Association: w.Association,
		Where:       []store.Cond{store.Equals(webhookKey, w.ID), {Key: dueKey, Op: store.Lte, Value: s.Now().UnixMilli()}},
		Sort:        []store.Order{{Key: dueKey}}, Limit: free + extraDue,
	})
	if err != nil {
		return err
	}
	for _, d := range due.Items {
		if free == 0 {
			return nil
		}
		isFirst, err := s.isFirst(ctx, d)
		if err != nil {
			return err
		}
		if !isFirst {
			continue
		}
		if _, err := s.attempts.places.Enter(ctx, w.owner()); err != nil {
			return nil // until an attempt has ended
		}
		claimed, err := s.claim(ctx, d)
		if err != nil {
			s.attempts.places.Leave(w.owner(), 0)
		}
		if isOvertaken(err) {
			continue
		}
		if err != nil {
			return err
		}
		free--
		s.attempts.change(w.ID, func(r *receiver) { r.underWay++ })
		s.attempts.underWay.Go(func() {
			defer s.sending.Wake() // there is room again
			defer s.attempts.places.Leave(w.owner(), 0)
			defer s.attempts.change(w.ID, func(r *receiver) { r.underWay-- })
			s.sendLane(ctx, w, claimed)
		})
	}
	return nil
}

// isFirst reports whether a delivery is the first of its lane. One that is not becomes
// due when the first one is, so that it is not read again and again.
func (s *Service) isFirst(ctx context.Context, d store.Versioned[Delivery]) (bool, error) {
	if d.Value.isTest() {
		return true, nil
	}
	first, err := s.firstOfLane(ctx, d.Value.Association, d.Value.lane())
	if err != nil || first == nil || first.Value.ID == d.Value.ID {
		return first != nil, err
	}
	if first.Value.Due.After(d.Value.Due) {
		d.Value.Due = first.Value.Due
		if _, err := s.deliveries.Replace(ctx, d); err != nil && !isOvertaken(err) {
			return false, err
		}
	}
	return false, nil
}

// claim begins an attempt by compare-and-swap: of several processes one wins.
func (s *Service) claim(ctx context.Context, d store.Versioned[Delivery]) (store.Versioned[Delivery], error) {
	d.Value.State, d.Value.Due = Sending, s.Now().Add(leaseTimeout)
	d.Value.Count++
	return s.deliveries.Replace(ctx, d)
}

// sendLane attempts a claimed delivery, and as long as deliveries are settled those
// behind it in its lane.
func (s *Service) sendLane(ctx context.Context, w *Webhook, d store.Versioned[Delivery]) {
	for {
		isSettled, err := s.attempt(ctx, w, d)
		if err != nil {
			s.Log.WarnContext(ctx, "cannot deliver to a webhook", "webhook", w.ID, "error", err)
			return
		}
		if !isSettled || d.Value.isTest() || ctx.Err() != nil {
			return
		}
		v, err := s.webhooks.Get(ctx, w.Association, w.ID)
		if err != nil || !v.Value.IsOn() {
			return
		}
		w = v.Value
		next, err := s.claimNext(ctx, d.Value.Association, d.Value.lane())
		if err != nil || next == nil {
			return
		}
		d = *next
	}
}

// claimNext claims the first delivery of a lane. It returns nil when the lane is empty,
// or its first delivery is being sent or waits to be retried.
func (s *Service) claimNext(ctx context.Context, association, lane string) (*store.Versioned[Delivery], error) {
	for range 3 { // isFirst may postpone it at the same moment
		first, err := s.firstOfLane(ctx, association, lane)
		if err != nil || first == nil || first.Value.State != Queued && first.Value.Due.After(s.Now()) {
			return nil, err
		}
		claimed, err := s.claim(ctx, *first)
		if err == nil {
			return &claimed, nil
		}
		if !errors.Is(err, store.ErrStale) {
			return nil, err
		}
	}
	return nil, nil
}

// attempt makes one attempt and records it. A delivery whose event may not be seen any
// more is dropped instead. isSettled reports whether the next one of the lane may go.
func (s *Service) attempt(ctx context.Context, w *Webhook, d store.Versioned[Delivery]) (isSettled bool, err error) {
	ids, err := s.visibleDeliveries(ctx, w, []store.Versioned[Delivery]{d})
	if err != nil {
		return false, err
	}
	if ids[0] == "" {
		return true, s.drop(ctx, d)
	}
	at, began := s.now(), time.Now()
	m, err := s.message(w, d.Value, ids[0], at)
	if err != nil {
		return false, err
	}
	answer := s.Sender.Send(ctx, m)
	if ctx.Err() != nil && answer.Outcome != OK {
		answer = Answer{Outcome: Interrupted}
	}
	// Recorded also when this process is ending, else it would be sent once more.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	took := time.Since(began)
	isSilent := answer.Status == 0 && answer.Outcome != Interrupted
	s.attempts.change(w.ID, func(r *receiver) {
		if !isSilent {
			r.silent = 0
			return
		}
		r.silent++
		r.until = s.Now().Add(silencePauses.After(r.silent))
	})
	d.Value.end(Attempt{At: at, Status: answer.Status, Outcome: answer.Outcome, Millis: took.Milliseconds()}, answer.RetryAfter, s.now(), rand.Float64())
	s.metrics.attempts.Add(ctx, 1, s.metrics.seriesOf(answer.Outcome).Add...)
	s.metrics.duration.Record(ctx, took.Seconds(), s.metrics.noLabels)
	if d.Value.State == Dead {
		s.metrics.dead.Add(ctx, 1, s.metrics.noLabels)
	}
	if _, err := s.deliveries.Replace(ctx, d); isOvertaken(err) {
		return false, nil // the lease had ended, or the webhook is gone
	} else if err != nil {
		return false, err
	}
	if answer.Outcome != OutcomeGone {
		return d.Value.State.Listed() != Waiting && !isSilent, nil
	}
	_, err = s.webhooks.Update(ctx, w.Association, w.ID, 0, func(v *Webhook) error {
		if !v.IsOn() || v.URL != w.URL {
			return store.ErrUnchanged // the owner has changed it meanwhile
		}
		v.Off, v.ChangedAt = OffGone, s.now()
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return false, err
}

// instruments measure the webhooks. They never say whose a webhook is.
type instruments struct {
	depth, oldest, off atomic.Int64 // oldest: Unix milliseconds; 0: nothing waits
	countedAt          atomic.Int64 // Unix nanoseconds

	attempts metric.Int64Counter
	dead     metric.Int64Counter
	duration metric.Float64Histogram
	labels   metrics.Sets[Outcome]
	noLabels metric.MeasurementOption
}

func newInstruments() *instruments {
	m := &instruments{
		attempts: metrics.Counter("finsam.webhook.tries", "Attempts to deliver to a webhook, by outcome."),
		dead:     metrics.Counter("finsam.webhook.dead.letters", "Deliveries given up, because attempts failed for 24 hours or the receiver is gone."),
		duration: metrics.Seconds("finsam.webhook.try.duration", "Duration of attempts to deliver to a webhook."),
		noLabels: metrics.Labels{}.Option(),
	}
	ctx := context.Background()
	for _, o := range []Outcome{OK, Refused, OutcomeGone, TimedOut, Unreachable, Untrusted, AddressClosed, Interrupted} {
		m.attempts.Add(ctx, 0, m.seriesOf(o).Add...)
	}
	m.dead.Add(ctx, 0, m.noLabels)
	return m
}

func (m *instruments) seriesOf(o Outcome) metrics.Series {
	return m.labels.Get(o, func() metrics.Labels { return metrics.Labels{"outcome": string(o)} })
}

// countQueue counts the queue for the gauges, at most every countInterval. When it
// fails, the gauges stay as they were.
func (s *Service) countQueue(ctx context.Context) {
	m := s.metrics
	if time.Since(time.Unix(0, m.countedAt.Load())) < countInterval {
		return
	}
	m.countedAt.Store(time.Now().UnixNano())
	var depth, oldest, off int64
	for _, in := range s.Associations.All() {
		webhooks, err := s.webhooks.Find(ctx, store.Query{Association: in.ID, Limit: 1000})
		if err != nil {
			return
		}
		for _, w := range webhooks.Items {
			if w.Value.Off == OffGone {
				off++
			}
			if !w.Value.IsOn() {
				continue
			}
			where := []store.Cond{store.Equals(webhookKey, w.Value.ID), store.Equals(stateKey, string(Waiting))}
			n, err := s.deliveries.Count(ctx, in.ID, where)
			if err != nil {
				return
			}
			if n == 0 {
				continue
			}
			first, err := s.deliveries.Find(ctx, store.Query{Association: in.ID, Where: where, Sort: []store.Order{{Key: atKey}}, Limit: 1})
			if err != nil {
				return
			}
			depth += n
			for _, d := range first.Items {
				if created := d.Value.CreatedAt.UnixMilli(); oldest == 0 || created < oldest {
					oldest = created
				}
			}
		}
	}
	m.depth.Store(depth)
	m.oldest.Store(oldest)
	m.off.Store(off)
}
