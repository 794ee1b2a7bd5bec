package outbound

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
)

// Config is what the service is made of.
type Config struct {
	Engine       store.Engine
	Feed         *feed.Log // of the referral service itself
	AccessLog    *accesslog.Log
	Cipher       *encryption.Cipher
	Associations *association.Registry
	Sender       Sender
	Now          func() time.Time
	NewID        func() string // unguessable UUIDs
	Log          *slog.Logger

	// VisibleStepNumber returns the number by which the sender of a referral may be told of a step now,
	// by the step's own; 0: not at all, as of a referral that is not there.
	VisibleStepNumber func(ctx context.Context, association, referral string) (func(step int64) int64, error)
}

// Sender calls webhooks.
type Sender interface {
	// Check holds an address against what the installation sends to, as far as
	// that can be known now: ErrAddress, ErrAddressClosed.
	Check(ctx context.Context, url string) error

	// Send posts a message once and tells what came of it, within the lease.
	Send(ctx context.Context, m Message) Answer
}

// Message is what is posted.
type Message struct {
	URL       string
	ID        string // webhook-id: that of the event, the same at each try
	At        time.Time
	Signature string // webhook-signature
	Body      []byte
}

// Answer is what came of a message.
type Answer struct {
	Outcome    Outcome
	Status     int           // HTTP; 0: none
	RetryAfter time.Duration // what the receiver asked to wait; 0: nothing
}

// Service holds the verbs. Each takes the caller from the context, decides by
// the access table, and answers with a fault.Error.
type Service struct {
	Config
	blocks     *store.Collection[block]
	swept      *store.Collection[swept]
	webhooks   *store.Collection[Webhook]
	deliveries *store.Collection[Delivery]
	follower   *feed.Follower
	waiting    *waiting
	queue      *queue
	measured   *measured
}

// New opens the collections and the follower's position on the engine.
func New(ctx context.Context, d Config) (*Service, error) {
	s := &Service{Config: d, waiting: newWaiting(), queue: newQueue(), measured: newMeasured()}
	var err1, err2, err3, err4, err5 error
	s.blocks, err1 = store.Open(ctx, d.Engine, blockKind())
	s.swept, err2 = store.Open(ctx, d.Engine, sweptKind())
	s.webhooks, err4 = store.Open(ctx, d.Engine, webhookKind())
	s.deliveries, err5 = store.Open(ctx, d.Engine, deliveryKind())
	// Named as a follower of the own service is, so that a backup agrees with it.
	s.follower, err3 = feed.NewPageFollower(ctx, d.Engine, d.Log, "notices:referral", d.Feed, s.tell)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return nil, fmt.Errorf("outbound: %w", err)
	}
	s.follower.Measured("notices", "referral")
	return s, nil
}

// Run tells, watches and disposes until the context ends.
func (s *Service) Run(ctx context.Context) error {
	defer s.watch()()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.follower.Run(ctx) })
	g.Go(func() error { s.waiting.watch(ctx, s.follower.Position); return nil })
	g.Go(func() error { s.deliver(ctx); return nil })
	g.Go(func() error { s.sweepNowAndThen(ctx); return nil })
	return g.Wait()
}

// tell keeps what a page of the feed tells each recipient. All of it is kept
// before the follower's position moves, so up to that position nothing is
// missing for anybody.
func (s *Service) tell(ctx context.Context, events []feed.Event) error {
	kept := blocks(events, s.Now())
	lanes, err := s.lanes(ctx, kept)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(writesAtOnce)
	for _, b := range kept {
		g.Go(func() error {
			if _, err := s.blocks.Insert(ctx, b); err != nil && !errors.Is(err, store.ErrExists) {
				return fmt.Errorf("keep notices: %w", err)
			}
			return nil
		})
	}
	for _, lane := range lanes {
		g.Go(func() error { return s.queueUp(ctx, lane) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	s.waiting.wake()
	if len(lanes) > 0 {
		s.queue.wake()
	}
	return nil
}

// lanes returns the deliveries that follow from notices, each lane in the order of
// the feed. A webhook of several recipients gets an event once.
func (s *Service) lanes(ctx context.Context, kept []*block) (map[string][]*Delivery, error) {
	lanes := map[string][]*Delivery{}
	webhooks := map[string][]*Webhook{}
	seen := map[string]bool{}
	for _, b := range kept {
		if _, ok := webhooks[b.Association]; !ok {
			all, err := s.webhooksOn(ctx, b.Association)
			if err != nil {
				return nil, err
			}
			webhooks[b.Association] = all
		}
		for _, w := range webhooks[b.Association] {
			if !slices.Contains(w.Recipients, b.Recipient) {
				continue
			}
			for _, n := range b.Notices {
				if d := newDelivery(w, n, s.Now()); w.wants(n) && !seen[d.ID] {
					seen[d.ID] = true
					lanes[d.lane()] = append(lanes[d.lane()], d)
				}
			}
		}
	}
	for _, lane := range lanes { // an event of one block can come before one of another
		slices.SortFunc(lane, func(a, b *Delivery) int { return int(a.Sequence - b.Sequence) })
	}
	return lanes, nil
}

// queueUp lets the deliveries of a lane wait, the earlier before the later.
func (s *Service) queueUp(ctx context.Context, lane []*Delivery) error {
	for _, d := range lane {
		if _, err := s.deliveries.Insert(ctx, d); err != nil && !errors.Is(err, store.ErrExists) {
			return fmt.Errorf("queue a delivery: %w", err)
		}
	}
	return nil
}

// writesAtOnce is how many writes of a page are under way together, so that a
// store that commits in groups can.
const writesAtOnce = 16
