// Package service has the verbs of the referral service: each loads a referral behind
// the guard, lets the noun take a step, and saves it. What has its own storage or loop
// is a package of its own, which this one composes.
package service

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/blob"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/jobs"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/share"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/attachment"
	"github.com/finsam/finsam/services/referral/draft"
	"github.com/finsam/finsam/services/referral/export"
	"github.com/finsam/finsam/services/referral/figures"
	"github.com/finsam/finsam/services/referral/outbound"
	"github.com/finsam/finsam/services/referral/publication"
	"github.com/finsam/finsam/services/referral/registrynumber"
	"github.com/finsam/finsam/services/referral/waitlist"
)

// People is the vault, which alone knows who a person is. It is asked with the caller's
// own token.
type People interface {
	// Put files the person and returns the participant's id, the same for the same
	// person, and the age on this day. It may be repeated for the same referral. Its
	// faults name the fields of the person as "/person/<field>".
	Put(ctx context.Context, p PersonInput) (Filed, error)

	// AgeOn returns the participant's age in whole years on a date; nil: unknown.
	AgeOn(ctx context.Context, participant, date string) (*int, error)

	// Identities returns who the participants are, at most 200 of them, by their ids.
	// Those that the caller may not see are left out.
	Identities(ctx context.Context, participants []string) (map[string]referral.Identity, error)
}

// Filed is a person that the vault has filed.
type Filed struct {
	Participant string
	Age         *int         // in whole years; nil: unknown
	Protections []Protection // by which the person is protected, in their order
}

// Protection is one step by which a person is protected, with the vault's event of it.
type Protection struct {
	Event     string
	Level     string
	Authority string
	Handlers  []string // subjects at the authority
}

// PersonInput is a referred person on the way to the vault.
type PersonInput struct {
	Referral     string
	Authority    string
	Unit         string
	Municipality string // four-digit code of the municipality wished for
	Person       referral.Person
	Consent      referral.Consent
}

// Config is what the service is made of. It follows the participant service.
type Config struct {
	parts.Parts
	People   People
	Webhooks outbound.Sender
	Blobs    blob.Store // where attachments are; nil: they are neither received nor shown
}

// Service has the verbs. Each takes the caller from the context, decides by the access
// table, and answers with a fault.Error. They may be called at once.
type Service struct {
	Config
	referrals *store.Collection[referral.Referral]
	registers *store.Collection[referral.Register]
	recent    recentRegisters
	documents *guard.Documents[referral.Referral]

	publications         *store.Collection[publication.Publication]
	publicationDocuments *guard.Documents[publication.Publication]

	numbers   *registrynumber.Allocator
	exports   *export.Service
	batches   *share.Places[string] // by authority
	figures   *figures.Rollup
	publisher *feed.Publisher
	followers []*feed.Follower

	// MarkOverdue makes silence an event in all associations, once.
	MarkOverdue func(context.Context) error

	// The verbs of these are called as they are.
	Attachments *attachment.Service
	Drafts      *draft.Service
	Outbound    *outbound.Service
	Waitlist    *waitlist.Service
}

// New opens the service's collections and positions on the engine.
func New(ctx context.Context, c Config) (*Service, error) {
	s := &Service{Config: c, batches: share.NewPlaces[string](share.PlacesConfig{Most: maxBatches, Alone: .25, Queue: maxBatches, Wait: batchTimeout})}
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("referral: %w", err)
	}
	return s, nil
}

func (s *Service) open(ctx context.Context) (err error) {
	if s.referrals, err = store.Open(ctx, s.Engine, Collection); err != nil {
		return err
	}
	if s.registers, err = store.Open(ctx, s.Engine, registerCollection); err != nil {
		return err
	}
	if err := s.openPublications(ctx); err != nil {
		return err
	}
	s.documents = &guard.Documents[referral.Referral]{
		Log: s.AccessLog, Store: s.referrals, Kind: "referral",
		Resource: func(_ context.Context, a actor.Actor, operation string, r *referral.Referral) (access.Resource, error) {
			return r.Status().ResourceTo(operation, a), nil
		},
		Participants: func(r *referral.Referral) []string { return []string{r.Participant} },
		Refusal:      s.handedOver,
	}
	s.MarkOverdue = jobs.ForEach(s.Associations, s.markOverdue)
	s.publisher = feed.NewPublisher(s.Feed, s.Log,
		feed.FromCollection(s.referrals, referral.EventPrefix, func(r *referral.Referral, n int64) feed.Event {
			s.figures.Expect(r)
			return event(r, n)
		}),
		// What is cached of the register ends; what changed is read from it.
		feed.FromCollection(s.registers, unitsPrefix, func(g *referral.Register, _ int64) feed.Event {
			return feed.Event{Type: unitsPrefix + "changed", Subject: g.Association, Time: g.ChangedAt, Association: g.Association}
		}))
	for name, peer := range s.Peers {
		f, err := feed.NewFollower(ctx, s.Engine, s.Log, name, peer, s.Handle)
		if err != nil {
			return fmt.Errorf("follow %s: %w", name, err)
		}
		s.followers = append(s.followers, f.Measured("referral", name))
	}
	s.exports = export.New(export.Config{
		Parts: s.Parts, Referrals: s.referrals, Identities: s.People.Identities,
		Register: func(ctx context.Context, association string) (*referral.Register, error) {
			g, err := s.register(ctx, association)
			return g.Value, err
		},
	})
	var numbers, attachments, counts, drafts, queues, notices error
	s.numbers, numbers = registrynumber.New(ctx, s.Engine, s.Now, s.usedNumbers)
	s.Attachments, attachments = attachment.New(ctx, attachment.Config{Parts: s.Parts, Blobs: s.Blobs, Referrals: s.referrals})
	s.figures, counts = figures.New(ctx, figures.Config{Parts: s.Parts, Referrals: s.referrals}, figures.Version)
	s.Drafts, drafts = draft.New(ctx, draft.Config{Parts: s.Parts, Referrals: s.referrals})
	s.Waitlist, queues = waitlist.New(ctx, waitlist.Config{Parts: s.Parts, Referrals: s.referrals, Changed: s.publisher.Wake})
	s.Outbound, notices = outbound.New(ctx, outbound.Config{Parts: s.Parts, Sender: s.Webhooks, VisibleStepNumber: s.visibleStepNumber})
	return errors.Join(numbers, attachments, counts, drafts, queues, notices)
}

// Run publishes, follows and runs the periodic jobs until the context ends.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{s.publisher.Run, s.figures.Run, s.Outbound.Run} {
		g.Go(func() error { return run(ctx) })
	}
	for _, job := range s.jobs() {
		g.Go(func() error { return job.Run(ctx) })
	}
	for _, f := range s.followers {
		g.Go(func() error { return f.Run(ctx) })
	}
	return g.Wait()
}

// Get returns a referral as the caller may see it.
func (s *Service) Get(ctx context.Context, id string) (*referral.View, error) {
	a := actor.From(ctx)
	r, err := s.documents.Load(ctx, a, guard.Call{Operation: "getReferral", ID: id})
	if err != nil {
		return nil, err
	}
	return s.viewWithDuplicates(ctx, a, r.Value)
}

// change lets the noun take a step, with an encrypted text if there is one, on a
// referral that the caller sees at ifVersion (0: at any), and returns it as the caller may see it
// then. The relation is decided before the version is compared, and the version before
// the state, so that a stranger learns nothing from either. What the caller does not see
// may have changed: the write is held against the stored version.
func (s *Service) change(ctx context.Context, operation, id string, ifVersion int64, text string, take func(a actor.Actor, r store.Versioned[referral.Referral], by history.Author, text []byte) error) (*referral.View, error) {
	a := actor.From(ctx)
	saved, err := s.documents.Change(ctx, a, guard.Call{Operation: operation, ID: id}, func(r store.Versioned[referral.Referral]) error {
		status := r.Value.Status()
		to := status.VisibilityFor(a)
		if ifVersion != 0 && status.VisibleVersion(to) != ifVersion {
			return store.ErrStale
		}
		if err := status.Refuse(operation, to); err != nil {
			return err
		}
		encrypted, err := s.Cipher.EncryptText(text, referral.TextContext(id))
		if err != nil {
			return err
		}
		return take(a, r, guard.Author(ctx), encrypted)
	})
	if err != nil {
		return nil, err
	}
	s.publisher.Wake()
	s.Waitlist.Stepped(saved.Value)
	return s.viewWithDuplicates(ctx, a, saved.Value)
}
