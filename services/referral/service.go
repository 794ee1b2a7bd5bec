package referral

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
	"github.com/finsam/finsam/pkg/blob"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/tracecontext"
	"github.com/finsam/finsam/services/referral/figures"
	"github.com/finsam/finsam/services/referral/outbound"
)

// People is what the referral needs of the vault, which alone knows who a
// person is. Both ask with the caller's own token.
type People interface {
	// Put files the person and gives the participant's id, the same for the same
	// person, and the age on this day; safe to repeat for the same referral. Its
	// faults name the fields of the person as "/person/<field>".
	Put(ctx context.Context, p PersonInput) (Filed, error)

	// AgeOn returns the participant's age in whole years on a date.
	AgeOn(ctx context.Context, participant, date string) (int, error)

	// Identities returns who the participants are, at most 200 of them, by their ids.
	// Anyone who the caller may not see is left out.
	Identities(ctx context.Context, participants []string) (map[string]Identity, error)
}

// Filed is what the vault tells of a person that it has filed.
type Filed struct {
	Participant string
	Age         *int // in whole years; nil: the vault does not tell
}

// PersonInput is what the vault is told of a referred person.
type PersonInput struct {
	Referral     string
	Authority    string
	Unit         string
	Municipality string // four-digit code of the municipality wished for
	Person       Person
	Consent      Consent
}

// Config is what the service is made of.
type Config struct {
	Engine       store.Engine
	Feed         *feed.Log
	Peers        map[string]feed.Reader // feeds to follow, by service name: "participant"
	AccessLog    *accesslog.Log
	Cipher       *encryption.Cipher
	Associations *association.Registry
	People       People
	Webhooks     outbound.Sender
	Blobs        blob.Store // where attachments are; nil: none are taken or shown
	Now          func() time.Time
	NewID        func() string // unguessable UUIDs
	Log          *slog.Logger
}

// Service holds the verbs. Each takes the caller from the context, decides by
// the access table, and answers with a fault.Error.
type Service struct {
	Config
	referrals *store.Collection[Referral]
	places    *store.Collection[Capacity]
	placing   chan struct{} // held by the one who changes places; see changePlaces
	mover     *waitlistAllocator
	registers *store.Collection[Register]
	drafts    *store.Collection[Draft]

	overdueRounds, draftRounds rotation

	numbers      *numberAllocator
	exporting    chan struct{} // held by the one export that is under way
	mostExported int           // rows
	mostNamed    int           // rows with identities
	notes        *store.Collection[blobNote]
	transfers    chan struct{} // one for each file under way
	publisher    *feed.Publisher
	followers    []*feed.Follower
	projector    *projector

	// Outbound tells the authorities; its verbs are called as they are.
	Outbound *outbound.Service
}

// New opens the service's collections and positions on the engine.
func New(ctx context.Context, d Config) (*Service, error) {
	referrals, err := store.Open(ctx, d.Engine, referralCollection())
	if err != nil {
		return nil, fmt.Errorf("referral: %w", err)
	}
	notes, err := store.Open(ctx, d.Engine, noteCollection())
	if err != nil {
		return nil, fmt.Errorf("referral: %w", err)
	}
	places, err := store.Open(ctx, d.Engine, capacityCollection())
	if err != nil {
		return nil, fmt.Errorf("referral: %w", err)
	}
	registers, err := store.Open(ctx, d.Engine, registerCollection())
	if err != nil {
		return nil, fmt.Errorf("referral: %w", err)
	}
	counters, err := store.Open(ctx, d.Engine, counterCollection())
	if err != nil {
		return nil, fmt.Errorf("referral: %w", err)
	}
	drafts, err := store.Open(ctx, d.Engine, draftCollection())
	if err != nil {
		return nil, fmt.Errorf("referral: %w", err)
	}
	s := &Service{Config: d, referrals: referrals, registers: registers, drafts: drafts, places: places, placing: make(chan struct{}, 1), mover: newWaitlistAllocator(), exporting: make(chan struct{}, 1), mostExported: maxExported, mostNamed: maxNamed}
	s.notes, s.transfers = notes, make(chan struct{}, maxTransfers)
	s.numbers = &numberAllocator{counters: counters, stored: s.registered, now: d.Now, queues: map[string]*queue{}}
	s.publisher = feed.NewPublisher(d.Feed, d.Log,
		feed.FromCollection(referrals, eventPrefix, event), feed.FromCollection(registers, unitsPrefix, changedUnits))
	for name, peer := range d.Peers {
		f, err := feed.NewFollower(ctx, d.Engine, d.Log, name, peer, s.handle)
		if err != nil {
			return nil, fmt.Errorf("referral: follow %s: %w", name, err)
		}
		s.followers = append(s.followers, f.Measured("referral", name))
	}
	if s.projector, err = s.newProjector(ctx, figures.Version); err != nil {
		return nil, fmt.Errorf("referral: %w", err)
	}
	s.Outbound, err = outbound.New(ctx, outbound.Config{
		Engine: d.Engine, Feed: d.Feed, AccessLog: d.AccessLog, Cipher: d.Cipher, Associations: d.Associations,
		Sender: d.Webhooks, Now: d.Now, NewID: d.NewID, Log: d.Log, VisibleStepNumber: s.visibleStepNumber,
	})
	if err != nil {
		return nil, fmt.Errorf("referral: %w", err)
	}
	return s, nil
}

// Run publishes, follows and sweeps until the context ends.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.publisher.Run(ctx) })
	g.Go(func() error { return s.sweep(ctx) })
	g.Go(func() error { return s.allocatePlaces(ctx) })
	g.Go(func() error { return s.tidy(ctx) })
	g.Go(func() error { return s.Outbound.Run(ctx) })
	g.Go(func() error { return s.sweepBlobs(ctx) })
	g.Go(func() error { return s.expire(ctx) })
	for _, f := range append([]*feed.Follower{s.projector.follower}, s.followers...) {
		g.Go(func() error { return f.Run(ctx) })
	}
	return g.Wait()
}

// Get returns a referral as the caller may see it.
func (s *Service) Get(ctx context.Context, id string) (*View, error) {
	r, err := s.load(ctx, "getReferral", id)
	if err != nil {
		return nil, err
	}
	return s.viewWithDuplicates(ctx, r.Value)
}

// viewWithDuplicates returns what the caller may see of the referral as it is now, with the
// person's others where those are shown. The answer to a creation goes without: a
// repeat is to be the same, and they change.
func (s *Service) viewWithDuplicates(ctx context.Context, r *Referral) (*View, error) {
	v, err := s.view(ctx, r)
	if err != nil {
		return nil, err
	}
	v.Duplicates, err = s.duplicates(ctx, r)
	return v, err
}

// load finds a referral that the caller may do this to, and notes the access or
// the refusal. A foreign id takes the same way as one that does not exist.
func (s *Service) load(ctx context.Context, operation, id string) (store.Versioned[Referral], error) {
	return s.loadPart(ctx, operation, id, "referral/"+id)
}

// loadPart is load of a referral of which a part is wanted, as the access log is
// to name it.
func (s *Service) loadPart(ctx context.Context, operation, id, thing string) (store.Versioned[Referral], error) {
	a := actor.From(ctx)
	if !access.MayCall(operation, a) {
		return store.Versioned[Referral]{}, fault.ErrForbidden
	}
	entry := accesslog.Entry{Operation: operation, Thing: thing, Outcome: accesslog.Done}
	r, err := s.referrals.Get(ctx, a.Association, id)
	if err == nil {
		entry.Participants = []string{r.Value.Participant}
		_, err = access.Decide(operation, a, r.Value.ResourceTo(operation, a))
	}
	if errors.Is(err, fault.ErrNotFound) {
		entry.Outcome, entry.Why = accesslog.Refused, "not-related"
		err = fault.ErrNotFound // whatever the cause, so that both answer alike
		if r.Value != nil {
			err = s.handedOver(operation, a, r.Value)
		}
	} else if err != nil {
		return r, err
	}
	if logErr := s.AccessLog.Record(ctx, entry); logErr != nil {
		return r, logErr
	}
	return r, err
}

// loadAt is load for an act on a referral that the caller still sees at ifVersion.
// The relation is decided before the version is compared, so that a foreigner learns
// nothing from a stale one; and the version before the state. What the caller does
// not see may change meanwhile: the write is held against the stored version.
func (s *Service) loadAt(ctx context.Context, operation, id string, ifVersion int64) (store.Versioned[Referral], error) {
	r, err := s.load(ctx, operation, id)
	if err != nil {
		return r, err
	}
	a := actor.From(ctx)
	if r.Value.version(a) != ifVersion {
		return r, store.ErrStale
	}
	return r, r.Value.refusal(operation, a)
}

// change lets the noun take a step, with a sealed text if there is one, on a
// referral that the caller sees at ifVersion, and gives it as the caller may see
// it then.
func (s *Service) change(ctx context.Context, operation, id string, ifVersion int64, text string, take func(*Referral, Hand, []byte) error) (*View, error) {
	r, err := s.loadAt(ctx, operation, id, ifVersion)
	if err != nil {
		return nil, err
	}
	sealed, err := s.sealed(text, id)
	if err != nil {
		return nil, err
	}
	if err := take(r.Value, hand(ctx), sealed); err != nil {
		return nil, err
	}
	return s.save(ctx, r)
}

// save writes a changed referral, if it is still stored at the version that it
// was loaded at, and tells the publisher.
func (s *Service) save(ctx context.Context, r store.Versioned[Referral]) (*View, error) {
	saved, err := s.referrals.Replace(ctx, r)
	if err != nil {
		return nil, err
	}
	s.publisher.Wake()
	s.stepped(saved.Value)
	return s.viewWithDuplicates(ctx, saved.Value)
}

// hand tells whose step it is.
func hand(ctx context.Context) Hand {
	a := actor.From(ctx)
	return Hand{Subject: a.Subject, Authority: a.Authority, Unit: a.Unit, TraceParent: tracecontext.Header(ctx)}
}

// sealed returns a text sealed for its referral; an empty text stays nothing.
func (s *Service) sealed(text, id string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	sealed, err := s.Cipher.Encrypt([]byte(text), sealContext(id))
	if err != nil {
		return nil, fmt.Errorf("referral %s: %w", id, err)
	}
	return sealed, nil
}
