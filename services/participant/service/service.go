// Package service holds the verbs of participant: load and decide, ask the noun, save.
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
	"github.com/finsam/finsam/services/participant"
)

// Config is what the service is made of. It follows the referral service.
type Config struct {
	parts.Parts
	Logs []FindAccesses // in the access logs of the other services
}

// Service holds the verbs. Each takes the caller from the context and decides by the
// access table; its errors are faults. All may be called at once.
type Service struct {
	Config
	people     guard.Documents[participant.Person]
	enrolments guard.Documents[participant.Enrolment]
	staff      *store.Collection[participant.Staff]
	publisher  *feed.Publisher
	followers  []*feed.Follower
	dueJob     *jobs.Job
	staffJob   *jobs.Job
	searches   searchLimit
}

// New opens the service's collections and its positions in the peers' feeds.
func New(ctx context.Context, c Config) (*Service, error) {
	s := &Service{Config: c}
	s.dueJob = jobs.Every(dueInterval, jobs.Config{
		Service: "participant", Name: "mark-due", Do: jobs.ForEach(s.Associations, s.markOverdue), AtStart: true, Timeout: dueTimeout, Log: s.Log,
	})
	s.staffJob = jobs.Every(staffInterval, jobs.Config{
		Service: "participant", Name: "forget-staff", Do: jobs.ForEach(s.Associations, s.forgetStaff), AtStart: true, Timeout: dueTimeout, Log: s.Log,
	})
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("participant: %w", err)
	}
	s.publisher = feed.NewPublisher(c.Feed, c.Log,
		feed.FromCollection(s.people.Store, personEvents, personEvent),
		feed.FromCollection(s.enrolments.Store, enrolmentEvents, enrolmentEvent))
	if r := c.Peers["referral"]; r != nil {
		f, err := feed.NewFollower(ctx, c.Engine, c.Log, "participant:referral", r, s.handle)
		if err != nil {
			return nil, fmt.Errorf("participant: %w", err)
		}
		s.followers = append(s.followers, f.Measured("participant", "referral"))
	}
	return s, nil
}

// Run publishes the steps, follows the referrals, and takes the steps that time
// brings, until the context ends.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.publisher.Run(ctx) })
	g.Go(func() error { return s.dueJob.Run(ctx) })
	g.Go(func() error { return s.staffJob.Run(ctx) })
	for _, f := range s.followers {
		g.Go(func() error { return f.Run(ctx) })
	}
	return g.Wait()
}

// wake lets the workers of Run look for what was written of an enrolment. What was
// written of a person is only published: nothing of a person is due.
func (s *Service) wake() {
	s.publisher.Wake()
	s.dueJob.Wake()
}
