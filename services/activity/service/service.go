// Package service holds the verbs of activity: load and decide, ask the noun, save.
package service

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/jobs"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/balance"
	"github.com/finsam/finsam/services/activity/group"
	"github.com/finsam/finsam/services/activity/placement"
	"github.com/finsam/finsam/services/activity/programme"
)

// Config is what the service is made of. It follows the participant service.
type Config struct {
	parts.Parts

	// Folder is that of the associations' files, which the programmes are loaded from; empty:
	// none is.
	Folder string

	Identities       AskIdentities // of anybody, as far as the caller may know them
	ListedIdentities AskIdentities // of those on a list that is the caller's own
	// Genders returns the gender of at most 200 participants, for figures of the caller's.
	Genders func(ctx context.Context, participants []string) (map[string]string, error)
}

// maxIdentities is how many persons the vault names in one call.
const maxIdentities = 200

// AskIdentities returns who at most 200 participants are, as far as the vault shows them to the
// caller of the context, whom it asks for.
type AskIdentities func(ctx context.Context, participants []string) ([]Identity, error)

// Identity is who a participant is, as far as the vault shows it to the caller.
type Identity struct {
	Participant string
	Name        string  // or the alias of a protected person
	Number      *string // as the vault masks it; nil where the caller may not see it
	Protected   bool
}

// Service holds the verbs. Each takes the caller from the context and decides by
// the access table; its errors are faults. All may be called at once.
type Service struct {
	Config
	Programme  *programme.Service // what the associations offer
	Placements *placement.Service // work training
	Groups     *group.Service     // closed groups, and who waits for one

	bookings       guard.Documents[activity.Booking]
	cancellations  guard.Documents[activity.Cancellation]
	addresses      guard.Documents[activity.Address]
	staffCalendars guard.Documents[activity.Address] // the same ones, of members of staff
	absences       guard.Documents[activity.Absence]
	signals        guard.Documents[activity.Signal]
	enrolments     *store.Collection[activity.Enrolment]
	diaries        *store.Collection[activity.Diary]
	manageable     *store.Collection[balance.Manageable]
	publisher      *feed.Publisher
	followers      []*feed.Follower
	offers         *jobs.Job // of places to those who wait
}

// New opens the service's collections and its positions in the peers' feeds.
func New(ctx context.Context, c Config) (*Service, error) {
	s := &Service{Config: c}
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("activity: %w", err)
	}
	s.offers = jobs.Every(offerInterval, jobs.Config{Service: "activity", Name: "offer-places", Log: c.Log, Do: jobs.ForEach(c.Associations, s.offerPlaces), AtStart: true})
	var err error
	s.Programme, err = programme.New(ctx, programme.Config{
		Parts: c.Parts, Folder: c.Folder, Bookings: s.bookings.Store, Changed: func() { s.publisher.Wake() },
		Impact: s.Impact,
	})
	if err != nil {
		return nil, err
	}
	s.Placements, err = placement.New(ctx, placement.Config{
		Parts: c.Parts, Wake: func() { s.publisher.Wake() }, Diary: s.diary, TakeTime: s.takeTime, ShortenTime: s.shortenTime, Absences: s.absencesOf,
		Enrolment: func(ctx context.Context, association, id string) (*activity.Enrolment, error) {
			v, err := s.enrolments.Get(ctx, association, id)
			return v.Value, err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("activity: %w", err)
	}
	if s.Groups, err = s.newGroups(ctx); err != nil {
		return nil, err
	}
	s.publisher = feed.NewPublisher(c.Feed, c.Log, append(s.Groups.Sources(),
		s.Programme.Source(),
		s.Placements.Source(),
		feed.FromCollection(s.bookings.Store, bookingEvents, bookingEvent),
		feed.FromCollection(s.cancellations.Store, activityEvents, cancellationEvent),
		feed.FromCollection(s.absences.Store, absenceEvents, absenceEvent),
		feed.FromCollection(s.signals.Store, signalEvents, signalEvent))...)
	if err := s.Programme.Start(ctx); err != nil {
		return nil, err
	}
	for name, peer := range c.Peers {
		f, err := feed.NewFollower(ctx, c.Engine, c.Log, name, peer, s.handle)
		if err != nil {
			return nil, fmt.Errorf("activity: follow %s: %w", name, err)
		}
		s.followers = append(s.followers, f.Measured("activity", name))
	}
	own, err := feed.NewFollower(ctx, c.Engine, c.Log, "activity", c.Feed, s.followOwn)
	if err != nil {
		return nil, fmt.Errorf("activity: follow its own feed: %w", err)
	}
	s.followers = append(s.followers, own.Measured("activity", "activity"))
	return s, nil
}

// Run publishes and follows until the context ends.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.publisher.Run(ctx) })
	g.Go(func() error { return s.Programme.Run(ctx) })
	g.Go(func() error { return s.Placements.Run(ctx) })
	g.Go(func() error { return s.offers.Run(ctx) })
	g.Go(func() error { return s.Groups.Job.Run(ctx) })
	g.Go(func() error {
		if err := s.nameInitiatives(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "enrolments stay without their initiative until the next start", "error", err)
		}
		return nil
	})
	for _, f := range s.followers {
		g.Go(func() error { return f.Run(ctx) })
	}
	return g.Wait()
}
