package activity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/tracecontext"
)

// Config is what the service is made of.
type Config struct {
	Engine       store.Engine
	Feed         *feed.Log
	Peers        map[string]feed.Reader // feeds to follow, by service name: "participant"
	AccessLog    *accesslog.Log
	Cipher       *encryption.Cipher
	Associations *association.Registry
	Now          func() time.Time
	NewID        func() string // unguessable UUIDs
	Log          *slog.Logger
}

// Service holds the verbs. Each takes the caller from the context, decides by
// the access table, and answers with a fault.Error.
type Service struct {
	Config
	bookings      *store.Collection[Booking]
	cancellations *store.Collection[Cancellation]
	enrolments    *store.Collection[Enrolment]
	diaries       *store.Collection[Diary]
	addresses     *store.Collection[Address]
	publisher     *feed.Publisher
	followers     []*feed.Follower
}

// New opens the service's collections and positions on the engine.
func New(ctx context.Context, d Config) (*Service, error) {
	s := &Service{Config: d}
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("activity: %w", err)
	}
	s.publisher = feed.NewPublisher(d.Feed, d.Log,
		feed.FromCollection(s.bookings, bookingEvents, bookingEvent),
		feed.FromCollection(s.cancellations, activityEvents, cancellationEvent))
	for name, peer := range d.Peers {
		f, err := feed.NewFollower(ctx, d.Engine, d.Log, name, peer, s.handle)
		if err != nil {
			return nil, fmt.Errorf("activity: follow %s: %w", name, err)
		}
		s.followers = append(s.followers, f.Measured("activity", name))
	}
	return s, nil
}

func (s *Service) open(ctx context.Context) (err error) {
	if s.bookings, err = store.Open(ctx, s.Engine, bookingCollection()); err != nil {
		return err
	}
	if s.cancellations, err = store.Open(ctx, s.Engine, cancellationCollection()); err != nil {
		return err
	}
	if s.enrolments, err = store.Open(ctx, s.Engine, enrolmentCollection()); err != nil {
		return err
	}
	if s.diaries, err = store.Open(ctx, s.Engine, diaryCollection()); err != nil {
		return err
	}
	s.addresses, err = store.Open(ctx, s.Engine, addressCollection())
	return err
}

// Run publishes and follows until the context ends.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.publisher.Run(ctx) })
	for _, f := range s.followers {
		g.Go(func() error { return f.Run(ctx) })
	}
	return g.Wait()
}

// hand tells whose step it is.
func hand(ctx context.Context) Hand {
	a := actor.From(ctx)
	return Hand{Subject: a.Subject, Authority: a.Authority, TraceParent: tracecontext.Header(ctx)}
}

// may is the first question of each verb: has the caller a role for it at all.
func may(ctx context.Context, operation string) (actor.Actor, error) {
	a := actor.From(ctx)
	if !access.MayCall(operation, a) {
		return a, fault.ErrForbidden
	}
	return a, nil
}

// decide asks the access table about a thing of a participant that was looked
// for, found or not, and notes the access or the refusal. A foreign thing takes
// the same way as one that does not exist, and answers alike.
func (s *Service) decide(ctx context.Context, operation, name string, t access.Resource, found error) error {
	entry := accesslog.Entry{Operation: operation, Thing: name, Outcome: accesslog.Done}
	err := found
	if err == nil {
		entry.Participants = []string{t.Participant}
		_, err = access.Decide(operation, actor.From(ctx), t)
	}
	if errors.Is(err, fault.ErrNotFound) {
		entry.Outcome, entry.Why = accesslog.Refused, "not-related"
		err = fault.ErrNotFound // whatever the cause, so that both answer alike
	} else if err != nil {
		return err
	}
	return errors.Join(s.AccessLog.Record(ctx, entry), err)
}

// programme returns what the caller's association has decided.
func (s *Service) programme(a actor.Actor) (*association.Association, error) {
	return s.Associations.Get(a.Association)
}
