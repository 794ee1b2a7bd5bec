// Package outbound publishes to the authorities what has happened to their referrals:
// in an event feed of their own (GET /events), and by calling their webhooks.
//
// A follower reads the service's own feed and stores, for each recipient, the notices
// that the recipient may see. Both ways out read the notices and nothing else, so the
// rule of who may see what is in one file, notice.go. What leaves contains ids and
// codes, never a name, a number or a text.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/jobs"
	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/retention"
	"github.com/finsam/finsam/pkg/share"
	"github.com/finsam/finsam/pkg/store"
)

// Config is what New takes; all of it is required.
type Config struct {
	parts.Parts
	Sender Sender

	// VisibleStepNumber returns a function that maps the number of a referral's step
	// to the number by which a municipality that was asked to take over or, when asked
	// is empty, the sender may see it now, or to 0 when it may not: the rule of consent
	// is the referral's. A referral that does not exist is no error.
	VisibleStepNumber func(ctx context.Context, association, referral string) (func(step int64, asked string) int64, error)
}

// Sender calls webhooks. Its methods may be called at once.
type Sender interface {
	// Check returns ErrAddress or ErrAddressClosed for an address that the
	// installation does not send to, as far as that can be known now.
	Check(ctx context.Context, url string) error

	// Send posts a message once and returns the result, always before the lease of
	// a delivery ends.
	Send(ctx context.Context, m Message) Answer
}

// Message is one request to a webhook.
type Message struct {
	URL       string
	ID        string // webhook-id: the event's, the same at each attempt
	At        time.Time
	Signature string // webhook-signature
	Body      []byte
}

// Answer is the result of sending a message.
type Answer struct {
	Outcome    Outcome
	Status     int           // of HTTP; 0: no answer
	RetryAfter time.Duration // that the receiver asks for; 0: none
}

// Service has the verbs. Each takes the caller from the context, decides by the access
// table, enters the access in the log, and returns a fault.Error. They may be called at
// once.
type Service struct {
	Config
	notices    *store.Collection[noticeBlock]
	disposals  *store.Collection[disposal]
	webhooks   *store.Collection[Webhook]
	deliveries *store.Collection[Delivery]
	documents  *guard.Documents[Webhook]
	follower   *feed.Follower
	waiters    *waiters
	attempts   *attempts
	sending    *jobs.Job
	metrics    *instruments

	// Disposal disposes of the notices and deliveries that are older than retention.Notice;
	// Run runs it.
	Disposal *jobs.Job
}

// New opens the collections and the follower's position on the engine.
func New(ctx context.Context, c Config) (s *Service, err error) {
	s = &Service{
		Config: c, metrics: newInstruments(),
		attempts: &attempts{places: share.NewPlaces[string](share.PlacesConfig{Most: maxAttemptsUnderWay, Alone: .25}), receivers: map[string]*receiver{}},
		waiters:  &waiters{places: share.NewPlaces[string](share.PlacesConfig{Most: maxWaiters, Alone: .25}), entered: make(chan struct{}, 1), grow: make(chan struct{})},
	}
	var notices, disposals, webhooks, deliveries error
	s.notices, notices = store.Open(ctx, c.Engine, noticeCollection)
	s.disposals, disposals = store.Open(ctx, c.Engine, disposalCollection)
	s.webhooks, webhooks = store.Open(ctx, c.Engine, webhookCollection)
	s.deliveries, deliveries = store.Open(ctx, c.Engine, deliveryCollection)
	// Named like a follower of the own service, so that a backup agrees with it.
	s.follower, err = feed.NewPageFollower(ctx, c.Engine, c.Log, "notices:referral", c.Feed, s.store)
	if err := errors.Join(notices, disposals, webhooks, deliveries, err); err != nil {
		return nil, fmt.Errorf("outbound: %w", err)
	}
	s.follower.Measured("notices", "referral")
	s.documents = &guard.Documents[Webhook]{
		Log: c.AccessLog, Store: s.webhooks, Kind: "webhook",
		Resource: func(_ context.Context, _ actor.Actor, _ string, w *Webhook) (access.Resource, error) {
			return access.Resource{Association: w.Association, Relationships: []access.Relationship{{Authority: w.Authority, Municipality: w.Municipality}}}, nil
		},
		Participants: func(*Webhook) []string { return nil },
	}
	s.sending = jobs.Every(pollInterval, jobs.Config{
		Service: "referral", Name: "send-deliveries", Do: s.sendDue, AtStart: true, Log: c.Log,
		Retry: backoff.Backoff{First: 2 * pollInterval, Max: 30 * time.Second},
	})
	s.Disposal = jobs.Every(sweepInterval, jobs.Config{
		Service: "referral", Name: "dispose-of-notices", Do: jobs.ForEach(c.Associations, s.sweepAssociation), Log: c.Log,
	})
	return s, nil
}

// Run follows the feed, sends and disposes until the context ends, and returns when the
// attempts under way have ended too; they do at once.
func (s *Service) Run(ctx context.Context) error {
	defer metrics.Watch(metrics.Labels{},
		metrics.Gauge{Name: "finsam.events.waiters", Description: "Callers waiting for events.",
			Read: func() (float64, bool) { _, n, _ := s.waiters.places.State(); return float64(n), true }},
		metrics.Gauge{Name: "finsam.webhook.queue.depth", Description: "Deliveries waiting for webhooks that are on.",
			Read: func() (float64, bool) { return float64(s.metrics.depth.Load()), true }},
		metrics.Gauge{Name: "finsam.webhook.queue.age", Unit: "s", Description: "Age of the oldest delivery that waits for a webhook that is on; 0 when none waits.",
			Read: func() (float64, bool) { return metrics.Age(s.metrics.oldest.Load()), true }},
		metrics.Gauge{Name: "finsam.webhook.off", Description: "Webhooks that are off because their receiver answered 410 Gone.",
			Read: func() (float64, bool) { return float64(s.metrics.off.Load()), true }},
	)()
	defer s.attempts.underWay.Wait()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.follower.Run(ctx) })
	g.Go(func() error { s.waiters.watch(ctx, s.follower.Position); return nil })
	g.Go(func() error { return s.sending.Run(ctx) })
	g.Go(func() error { return s.Disposal.Run(ctx) })
	return g.Wait()
}

// maxWrites is how many writes of a page are under way together, so that a store that
// commits in groups can do so.
const maxWrites = 16

// store stores the notices of a page of the feed and the deliveries that follow from
// them. All of it is stored before the follower's position moves, so that up to its
// position nothing is missing for any recipient. A repeated page stores nothing twice.
func (s *Service) store(ctx context.Context, events []feed.Event) error {
	blocks := blocksOf(events, s.now())
	lanes, err := s.newDeliveries(ctx, blocks)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxWrites)
	for _, b := range blocks {
		g.Go(func() error {
			if _, err := s.notices.Insert(ctx, b); err != nil && !errors.Is(err, store.ErrExists) {
				return fmt.Errorf("store notices: %w", err)
			}
			return nil
		})
	}
	for _, lane := range lanes {
		g.Go(func() error {
			for _, d := range lane { // the earlier before the later
				if _, err := s.deliveries.Insert(ctx, d); err != nil && !errors.Is(err, store.ErrExists) {
					return fmt.Errorf("store a delivery: %w", err)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	s.waiters.wake()
	if len(lanes) > 0 {
		s.sending.Wake()
	}
	return nil
}

// newDeliveries returns the deliveries that follow from notices, each lane in the order
// of the feed. A webhook of several recipients gets an event once.
func (s *Service) newDeliveries(ctx context.Context, blocks []*noticeBlock) (map[string][]*Delivery, error) {
	lanes := map[string][]*Delivery{}
	webhooks := map[string][]*Webhook{}
	added := map[string]bool{}
	for _, b := range blocks {
		if _, ok := webhooks[b.Association]; !ok {
			active, err := s.activeWebhooks(ctx, b.Association)
			if err != nil {
				return nil, err
			}
			webhooks[b.Association] = active
		}
		for _, w := range webhooks[b.Association] {
			if !slices.Contains(w.Recipients, b.Recipient) {
				continue
			}
			for _, n := range b.Notices {
				if len(w.Kinds) > 0 && !slices.Contains(w.Kinds, n.Kind()) {
					continue
				}
				if d := newDelivery(w, n, s.now()); !added[d.ID] {
					added[d.ID] = true
					lanes[d.lane()] = append(lanes[d.lane()], d)
				}
			}
		}
	}
	for _, lane := range lanes { // an event of one block can come before one of another
		slices.SortFunc(lane, func(a, b *Delivery) int { return int(a.Notice.Sequence - b.Notice.Sequence) })
	}
	return lanes, nil
}

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

const (
	sweepInterval = time.Hour
	// sweepBatch and maxSweepBatches bound what one sweep disposes of, per
	// association and collection.
	sweepBatch      = 200
	maxSweepBatches = 50
)

func (s *Service) sweepAssociation(ctx context.Context, in *association.Association) error {
	before := s.now().Add(-retention.Notice).UnixMilli()
	return errors.Join(
		sweep(ctx, s.notices, in.ID, before, func(v store.Versioned[noticeBlock]) error {
			// Recorded first: a reader gets an error rather than a gap.
			b := v.Value
			empty := func() *disposal { return &disposal{Association: b.Association, Recipient: b.Recipient} }
			err := s.disposals.Upsert(ctx, in.ID, string(b.Recipient), empty, func(d *disposal) error {
				before := d.Through
				d.Through = max(before, b.Notices[len(b.Notices)-1].Sequence)
				return store.WriteIf(d.Through > before)
			})
			if err != nil {
				return err
			}
			return s.notices.Delete(ctx, in.ID, b.id(), v.Version)
		}),
		sweep(ctx, s.deliveries, in.ID, before, func(v store.Versioned[Delivery]) error {
			return s.deliveries.Delete(ctx, in.ID, v.Value.ID, v.Version)
		}))
}

// sweep removes the documents that are older than before, in Unix milliseconds.
func sweep[T any](ctx context.Context, c *store.Collection[T], association string, before int64, remove func(store.Versioned[T]) error) error {
	for range maxSweepBatches {
		page, err := c.Find(ctx, store.Query{
			Association: association, Where: []store.Cond{{Key: atKey, Op: store.Lt, Value: before}},
			Sort: []store.Order{{Key: atKey}}, Limit: sweepBatch,
		})
		if err != nil {
			return err
		}
		for _, v := range page.Items {
			if err := remove(v); err != nil && !isOvertaken(err) {
				return err
			}
		}
		if page.Next.ID == "" {
			return nil
		}
	}
	return nil
}

// isOvertaken reports whether a write failed because another process was faster.
func isOvertaken(err error) bool {
	return errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrStale)
}
