package service

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
)

const (
	maxDuplicates        = 10 // of one person that are shown
	maxConcurrentLookups = 8
)

// underWay are the states in which a referral, or the enrolment that followed, has not
// ended.
var underWay = func() (open []any) {
	for _, s := range referral.States {
		if !slices.Contains([]referral.State{referral.StateRejected, referral.StateClosed, referral.StateWithdrawn, referral.StateEnteredInError}, s) {
			open = append(open, string(s))
		}
	}
	return open
}()

// duplicates returns the other referrals about the person of a view that are under way,
// as far as the actor may know of them, the latest first; nil for an actor who may not
// see duplicates.
func (s *Service) duplicates(ctx context.Context, a actor.Actor, v *referral.View) ([]referral.Duplicate, error) {
	if !access.Allows("getReferral#duplicates", a, v.Status.ResourceFor(a)) {
		return nil, nil
	}
	page, err := s.referrals.Find(ctx, store.Query{
		Association: v.Referral.Association,
		Where: []store.Cond{
			{Key: keyParticipant, Op: store.Eq, Value: v.Referral.Participant},
			{Key: keyState, Op: store.In, Value: underWay},
		},
		Sort: latestFirst, Limit: maxDuplicates + 1,
	})
	found := []referral.Duplicate{}
	for _, other := range page.Items {
		if d, ok := other.Value.Status().Duplicate(a); ok && other.Value.ID != v.Referral.ID && len(found) < maxDuplicates {
			found = append(found, d)
		}
	}
	return found, err
}

// fillDuplicates sets the duplicates of the views of a list. One count finds the few
// people who have any.
func (s *Service) fillDuplicates(ctx context.Context, a actor.Actor, views []*referral.View) error {
	var shown []*referral.View
	var people []any
	for _, v := range views {
		if access.Allows("getReferral#duplicates", a, v.Status.ResourceFor(a)) {
			v.Duplicates = []referral.Duplicate{}
			shown, people = append(shown, v), append(people, v.Referral.Participant)
		}
	}
	if len(shown) == 0 {
		return nil
	}
	counts, err := s.referrals.CountBy(ctx, a.Association, []store.Cond{
		{Key: keyParticipant, Op: store.In, Value: people},
		{Key: keyState, Op: store.In, Value: underWay},
	}, keyParticipant)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxConcurrentLookups)
	for _, v := range shown {
		itself := int64(0)
		if slices.Contains(underWay, any(string(v.Status.State))) {
			itself = 1
		}
		if counts[v.Referral.Participant] <= itself {
			continue
		}
		g.Go(func() (err error) {
			v.Duplicates, err = s.duplicates(ctx, a, v)
			return err
		})
	}
	return g.Wait()
}
