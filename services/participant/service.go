package participant

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/jobs"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/tracecontext"
)

// Config is what the service is made of.
type Config struct {
	Engine       store.Engine
	Feed         *feed.Log              // its own
	Peers        map[string]feed.Reader // feeds to follow, by service name: "referral"
	AccessLog    *accesslog.Log
	Cipher       *encryption.Cipher
	Associations *association.Registry
	Now          func() time.Time
	NewID        func() string // unguessable UUIDs
	Log          *slog.Logger
}

// Service holds the verbs. Each takes the caller from the context, decides by the
// access table, and answers with a fault.Error.
type Service struct {
	Config
	people     *store.Collection[Person]
	enrolments *store.Collection[Enrolment]
	publisher  *feed.Publisher
	followers  []*feed.Follower
	dueJob     *jobs.Job
}

// New opens the service's collections and positions on the engine.
func New(ctx context.Context, d Config) (*Service, error) {
	s := &Service{Config: d}
	s.dueJob = s.newDueJob()
	var err error
	if s.people, err = store.Open(ctx, d.Engine, personCollection()); err != nil {
		return nil, fmt.Errorf("participant: %w", err)
	}
	if s.enrolments, err = store.Open(ctx, d.Engine, enrolmentCollection()); err != nil {
		return nil, fmt.Errorf("participant: %w", err)
	}
	s.publisher = feed.NewPublisher(d.Feed, d.Log,
		feed.FromCollection(s.people, personEvents, personEvent),
		feed.FromCollection(s.enrolments, enrolmentEvents, enrolmentEvent))
	if r := d.Peers["referral"]; r != nil {
		f, err := feed.NewFollower(ctx, d.Engine, d.Log, "participant:referral", r, s.handle)
		if err != nil {
			return nil, fmt.Errorf("participant: %w", err)
		}
		s.followers = append(s.followers, f.Measured("participant", "referral"))
	}
	return s, nil
}

// Run publishes the steps, follows the referrals, and lets time do its part,
// until the context ends.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.publisher.Run(ctx) })
	g.Go(func() error { return s.dueJob.Run(ctx) })
	for _, f := range s.followers {
		g.Go(func() error { return f.Run(ctx) })
	}
	return g.Wait()
}

// wrote tells those who work behind the answers that there is something new.
func (s *Service) wrote() {
	s.publisher.Wake()
	s.dueJob.Wake()
}

// touch notes whose data is read or changed, before it is shown.
func (s *Service) touch(ctx context.Context, operation, thing string, err error, participants ...string) error {
	outcome := accesslog.Done
	if err != nil {
		outcome = accesslog.Refused
	}
	return s.AccessLog.Record(ctx, accesslog.Entry{
		Operation: operation, Thing: thing, Participants: participants, Outcome: outcome, Why: why(operation, actor.From(ctx)),
	})
}

// why names the relations by which the caller's roles reach the operation.
func why(operation string, a actor.Actor) string {
	var relations []string
	for _, c := range access.Row(operation) {
		if r := string(c.Relation); a.Has(c.Role) && !slices.Contains(relations, r) {
			relations = append(relations, r)
		}
	}
	return strings.Join(relations, " ")
}

// decide asks the access table and notes the try, also a refused one.
func (s *Service) decide(ctx context.Context, operation, thing string, t access.Resource) error {
	_, err := access.Decide(operation, actor.From(ctx), t)
	if logErr := s.touch(ctx, operation, thing, err, t.Participant); logErr != nil {
		return logErr
	}
	return err
}

// hand returns who takes a step.
func hand(ctx context.Context) Who {
	a := actor.From(ctx)
	return Who{By: a.Subject, Authority: a.Authority, TraceParent: tracecontext.Header(ctx)}
}

// save writes a document changed by one verb, if it is still at the version that
// the caller has read.
func save[T any](ctx context.Context, s *Service, c *store.Collection[T], v store.Versioned[T], ifVersion int64, change func(*T) error) (store.Versioned[T], error) {
	if v.Version != ifVersion {
		return v, fault.ErrStale
	}
	if err := change(v.Value); err != nil {
		return v, err
	}
	saved, err := c.Replace(ctx, v)
	if err == nil {
		s.wrote()
	}
	return saved, err
}

// sealed seals a text that may be empty, for one place.
func (s *Service) sealed(text, place string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	return s.Cipher.Encrypt([]byte(text), place)
}

// opened returns a text that may be empty.
func (s *Service) opened(sealed []byte, place string) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	clear, err := s.Cipher.Decrypt(sealed, place)
	return string(clear), err
}
