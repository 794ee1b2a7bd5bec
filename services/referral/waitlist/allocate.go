package waitlist

import (
	"context"
	"errors"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
)

const (
	sweepInterval = 5 * time.Minute  // of everything, whether or not something has changed
	roundTimeout  = 30 * time.Second // of one round
	offerGrace    = 24 * time.Hour   // in which one who put a place back gets no other, so that it goes to somebody else
	maxOffers     = 100              // of one queue in one round
	maxPlaces     = 1000             // capacities of one association, and holders of one, that are read
	maxLookAhead  = 50               // how far behind the first of a queue another is looked for
)

// Wake notes that places or queues of a municipality may have changed. It never blocks.
func (s *Service) Wake(association, municipality string) {
	s.mu.Lock()
	s.due[Queue{Association: association, Municipality: municipality}] = true
	s.mu.Unlock()
	s.Job.Wake()
}

// Stepped wakes the allocation when a referral's latest step gave somebody a place or a
// turn in a queue, or took it.
func (s *Service) Stepped(r *referral.Referral) {
	switch r.Steps[len(r.Steps)-1].Kind {
	case referral.Waitlisted, referral.TransferRequested, referral.Rejected, referral.Withdrawn, referral.MarkedInError, referral.Enrolled, referral.Closed, referral.Corrected:
	case referral.Accepted:
		if !r.AsOf(r.Version() - 1).Status().IsPlaceOffered() {
			return
		}
	default:
		return
	}
	s.Wake(r.Association, r.Status().Municipality)
}

// AllocateDue looks once at the queues of the municipalities that Wake has noted.
func (s *Service) AllocateDue(ctx context.Context) error {
	s.mu.Lock()
	due := s.due
	s.due = map[Queue]bool{}
	s.mu.Unlock()
	var errs []error
	for t := range due {
		in, err := s.Associations.Get(t.Association)
		if err != nil {
			continue // an association that is not configured any more
		}
		for _, i := range in.Initiatives {
			errs = append(errs, s.allocate(ctx, Queue{in.ID, t.Municipality, i.ID}, i))
		}
	}
	return errors.Join(errs...)
}

// sweepAssociation looks at all places of an association.
func (s *Service) sweepAssociation(ctx context.Context, in *association.Association) error {
	page, err := s.capacities.Find(ctx, store.Query{Association: in.ID, Limit: maxPlaces})
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range page.Items {
		q := c.Value.Queue
		if c.Value.Forget(s.Now()) {
			errs = append(errs, s.change(ctx, q, func(c *Capacity) error {
				return store.WriteIf(c.Forget(s.Now()))
			}))
		} else if i, known := in.Initiative(q.Initiative); known {
			errs = append(errs, s.allocate(ctx, q, i))
		}
	}
	return errors.Join(errs...)
}

// allocate reconciles the places with the referrals, and offers free places to the
// first in the queue. While places are unlimited there is nothing to offer, nor where the
// municipality performs the initiative no more.
func (s *Service) allocate(ctx context.Context, q Queue, i association.Initiative) error {
	c, err := s.capacity(ctx, q)
	if err != nil || c.Setting() == nil {
		return err
	}
	err = s.reconcile(ctx, q, i, 3, nil)
	if err != nil && !errors.Is(err, errOvertaken) { // then the next round looks
		return err
	}
	for range maxOffers {
		if !i.PerformedFrom(q.Municipality, civil.DateOf(s.Now())) {
			return nil
		}
		if offered, err := s.offerPlace(ctx, q); err != nil || !offered {
			return err
		}
	}
	return nil
}

// errOvertaken ends a reconciliation whose places have changed meanwhile.
var errOvertaken = errors.New("the places have changed")

// reconcile makes the places those that the referrals have, and then sets how many
// there are unless set is nil. Faster writers make it begin again, as often as tries
// says; only a setting that was made before can be replaced without reconciling.
func (s *Service) reconcile(ctx context.Context, q Queue, i association.Initiative, tries int, set func(*Capacity) error) error {
	for range tries {
		c, err := s.capacity(ctx, q)
		if err != nil {
			return err
		}
		if c == nil {
			c = &Capacity{Queue: q, ID: q.id()}
		}
		byID, err := s.parties(ctx, c)
		if err != nil {
			return err
		}
		err = s.change(ctx, q, func(now *Capacity) error {
			if now.Writes != c.Writes && (set == nil || now.Setting() == nil) {
				return errOvertaken
			}
			changed := now.Writes == c.Writes && now.Reconcile(s.Now().UTC(), byID, i.PlanIn(q.Municipality).MaxWeeks)
			if set != nil {
				return set(now)
			}
			return store.WriteIf(changed)
		})
		if !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return fault.ErrUnavailable.Because(errOvertaken)
}

// parties returns the referrals that a capacity is about: those that it names, and
// those that have a place. They are read after the capacity was.
func (s *Service) parties(ctx context.Context, c *Capacity) (map[string]*referral.Referral, error) {
	page, err := s.Referrals.Find(ctx, store.Query{Association: c.Association, Limit: maxPlaces, Where: c.Where(Placed)})
	if err != nil {
		return nil, err
	}
	byID := map[string]*referral.Referral{}
	for _, r := range page.Items {
		byID[r.Value.ID] = r.Value
	}
	for _, t := range c.Taken {
		if byID[t.Referral] != nil {
			continue
		}
		r, err := s.Referrals.Get(ctx, c.Association, t.Referral)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if err == nil {
			byID[t.Referral] = r.Value
		}
	}
	return byID, nil
}

// offerPlace keeps a free place for the first in the queue who may get one; false when
// there is no place or nobody.
func (s *Service) offerPlace(ctx context.Context, q Queue) (bool, error) {
	c, err := s.capacity(ctx, q)
	if err != nil {
		return false, err
	}
	if free, limited := c.Free(); !limited || free == 0 {
		return false, nil
	}
	page, err := s.Referrals.Find(ctx, store.Query{Association: q.Association, Where: q.Where(Queued), Sort: First, Limit: maxLookAhead})
	if err != nil {
		return false, err
	}
	for _, r := range page.Items {
		if putBack := r.Value.Status().PutBackAt; !putBack.IsZero() && s.Now().Sub(putBack) < offerGrace {
			continue
		}
		place, err := s.Take(ctx, q, Taken{Referral: r.Value.ID, Version: r.Version, Kept: true})
		if errors.Is(err, ErrNoPlace) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if err = r.Value.OfferPlace(s.Now(), q.Initiative); err == nil {
			_, err = s.Referrals.Replace(ctx, r)
		}
		if err == nil {
			s.Changed()
			return true, nil
		}
		if place.Saved(ctx, err) {
			return false, nil
		}
		return false, err // it is not known whether it was saved: the next round looks
	}
	return false, nil
}
