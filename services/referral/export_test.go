package referral

import (
	"context"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral/figures"
)

// Handle takes an event of a peer, as the follower does.
func (s *Service) Handle(ctx context.Context, e feed.Event) error { return s.handle(ctx, e) }

// MoveDue does what the steps of this process have woken the mover for.
func (s *Service) MoveDue(ctx context.Context) error { return s.moveDue(ctx) }

// Recount counts the whole feed by a projector of that version, in small pages.
// When dies says so it dies in the middle of a page, or before it has noted the
// position, and the page comes again, as it also does to a twin.
func (s *Service) Recount(ctx context.Context, version int, dies func() bool) error {
	p, err := s.newProjector(ctx, version)
	if err != nil {
		return err
	}
	for seq := int64(0); ; {
		events, err := s.Feed.After(ctx, seq, 7, 0)
		if err != nil || len(events) == 0 {
			return err
		}
		if dies() {
			if err := s.count(ctx, p, events[:len(events)/2]); err != nil {
				return err
			}
		}
		if err := s.count(ctx, p, events); err != nil {
			return err
		}
		if !dies() {
			seq = events[len(events)-1].Sequence
		}
	}
}

// Months returns what a version has counted in an association.
func (s *Service) Months(ctx context.Context, version int, association string) ([]*figures.Month, error) {
	page, err := s.projector.months.Find(ctx, store.Query{
		Association: association, Where: []store.Cond{{Key: "version", Op: store.Eq, Value: version}}, Sort: []store.Order{{Key: "month"}}, Limit: 1000,
	})
	var all []*figures.Month
	for _, m := range page.Items {
		all = append(all, m.Value)
	}
	return all, err
}

// All returns every referral of an association.
func (s *Service) All(ctx context.Context, association string) ([]*Referral, error) {
	page, err := s.referrals.Find(ctx, store.Query{Association: association, Limit: 1000})
	var all []*Referral
	for _, r := range page.Items {
		all = append(all, r.Value)
	}
	return all, err
}

// For the tests from outside.
var (
	StepOf            = stepOf             // how an event is read
	KindOf            = referralCollection // how referrals are kept
	SealContext       = sealContext        // what a text is sealed for
	AssessmentContext = assessmentContext  // what an assessment is sealed for
)

// ExportAtMost bounds an export by fewer rows, and one with identities.
func (s *Service) ExportAtMost(rows, named int) { s.mostExported, s.mostNamed = rows, named }

// Fill stores n copies of a referral as it is, each with an id and a number of its
// own, 200 persons in turn.
func (s *Service) Fill(ctx context.Context, like *Referral, n int) error {
	for i := range n {
		r := *like
		r.ID, r.RegistryNumber, r.ExternalReference = s.NewID(), registryNumber(2026, 100_000+i), ""
		r.Participant = uuid.NewSHA1(uuid.NameSpaceOID, []byte{byte(i % 200)}).String()
		if _, err := s.referrals.Insert(ctx, &r); err != nil {
			return err
		}
	}
	return nil
}
