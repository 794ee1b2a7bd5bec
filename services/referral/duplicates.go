package referral

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/store"
)

// Duplicate is another referral about the same person that is under way. What the
// caller may not read itself bears its municipality alone.
type Duplicate struct {
	Municipality string
	ID           string // empty: of another municipality
	State        State
	ReceivedAt   time.Time
	Enrolment    string // that followed; empty: none, or not the caller's to read
	Participant  string // with Enrolment, whom the vault shows to the caller; empty: not
}

// maxDuplicates bounds what is shown of one person's other referrals.
const maxDuplicates = 10

// underWay are the states in which a referral, or the enrolment that followed,
// has not ended.
var underWay = func() (open []any) {
	for _, s := range States {
		if !slices.Contains([]State{StateRejected, StateClosed, StateWithdrawn, StateEnteredInError}, s) {
			open = append(open, string(s))
		}
	}
	return open
}()

// duplicate returns what the actor may know of another referral about a person that
// it has a referral about; ok is false for nothing. That somebody has a case with
// another municipality is secret there too (OSL 26:1): it is told only while the
// consent given with that case covers the actor's authority (OSL 10:1).
func (r *Referral) duplicate(a actor.Actor) (Duplicate, bool) {
	if access.Allows("getReferral", a, r.ResourceFor(a)) {
		state, _ := r.visibleState(r.visibilityFor(a))
		d := Duplicate{Municipality: r.Municipality(), ID: r.ID, State: state, ReceivedAt: r.ReceivedAt()}
		if e := r.Enrolment(); e != "" && access.Allows("getEnrolment", a, r.resource(categoryProgress)) {
			d.Enrolment = e
			if access.Allows("getParticipant", a, r.ResourceFor(a)) {
				d.Participant = r.Participant
			}
		}
		return d, true
	}
	if r.ConsentWithdrawnAt() == nil && r.Consent.names(a.Authority, a.AuthorityKind) {
		return Duplicate{Municipality: r.Municipality()}, true
	}
	return Duplicate{}, false
}

// duplicates returns the other referrals about the person of r that are under way,
// as far as the caller may know of them, the latest first; nil for a caller to
// whom none are shown.
func (s *Service) duplicates(ctx context.Context, r *Referral) ([]Duplicate, error) {
	a := actor.From(ctx)
	if !access.Allows("getReferral#duplicates", a, r.ResourceFor(a)) {
		return nil, nil
	}
	page, err := s.referrals.Find(ctx, store.Query{
		Association: r.Association,
		Where: []store.Cond{
			{Key: keyParticipant, Op: store.Eq, Value: r.Participant},
			{Key: keyState, Op: store.In, Value: underWay},
		},
		Sort: latestFirst, Limit: maxDuplicates + 1,
	})
	all := []Duplicate{}
	for _, other := range page.Items {
		if d, ok := other.Value.duplicate(a); ok && other.Value.ID != r.ID && len(all) < maxDuplicates {
			all = append(all, d)
		}
	}
	return all, err
}

// countDuplicates notes in the views of a list how many there are of each. One
// count finds the people who have others at all: they are few.
func (s *Service) countDuplicates(ctx context.Context, views []*View) error {
	a := actor.From(ctx)
	var shown []*View
	var people []any
	for _, v := range views {
		if access.Allows("getReferral#duplicates", a, v.Referral.ResourceFor(a)) {
			v.Duplicates = []Duplicate{}
			shown, people = append(shown, v), append(people, v.Referral.Participant)
		}
	}
	if len(shown) == 0 {
		return nil
	}
	have, err := s.referrals.CountBy(ctx, a.Association, []store.Cond{
		{Key: keyParticipant, Op: store.In, Value: people},
		{Key: keyState, Op: store.In, Value: underWay},
	}, keyParticipant)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for _, v := range shown {
		itself := int64(0)
		if slices.Contains(underWay, any(string(v.Referral.State()))) {
			itself = 1
		}
		if have[v.Referral.Participant] <= itself {
			continue
		}
		g.Go(func() (err error) {
			v.Duplicates, err = s.duplicates(ctx, v.Referral)
			return err
		})
	}
	return g.Wait()
}
