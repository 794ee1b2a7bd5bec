package referral

import (
	"context"
	crand "crypto/rand"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/store"
)

// How the mover goes about.
const (
	moveEvery = 5 * time.Minute  // everything, whether somebody woke it or not
	moveRound = 30 * time.Second // the longest that one round may take
	maxMoves  = 100              // people moved up in one queue in one round
	maxPlaces = 1000             // places of one association, and holders of one, that are looked at
	lookAhead = 50               // how far behind the first it looks for one who has rested
)

// waitlistAllocator keeps the places and the queues in step: a place that is free goes to the
// first in the queue. It is woken by the steps of its own process and looks at
// everything every few minutes, for what another process or a death left behind.
// Several may work at once: each change is by compare-and-swap.
type waitlistAllocator struct {
	mu   sync.Mutex
	due  map[town]bool
	wake chan struct{}

	rounds rotation
}

// town is a municipality of an association.
type town struct{ association, municipality string }

func newWaitlistAllocator() *waitlistAllocator {
	return &waitlistAllocator{due: map[town]bool{}, wake: make(chan struct{}, 1)}
}

// wake tells that places or queues of a municipality may have changed; it never
// blocks.
func (s *Service) wake(in, municipality string) {
	s.mover.mu.Lock()
	s.mover.due[town{in, municipality}] = true
	s.mover.mu.Unlock()
	select {
	case s.mover.wake <- struct{}{}:
	default:
	}
}

// stepped wakes the mover when a referral's latest step gave a place or a turn in
// a queue to somebody, or back.
func (s *Service) stepped(r *Referral) {
	switch r.Steps[len(r.Steps)-1].Kind {
	case Waitlisted, TransferRequested, Rejected, Withdrawn, MarkedInError, Enrolled, Closed:
		s.wake(r.Association, r.Municipality())
	case Accepted:
		if r.at(r.Version() - 1).PlaceReady() { // what was kept is now taken, or free
			s.wake(r.Association, r.Municipality())
		}
	}
}

// allocatePlaces works until the context ends.
func (s *Service) allocatePlaces(ctx context.Context) error {
	for {
		// Jitter keeps several processes from looking at the same moment.
		t := time.NewTimer(moveEvery + rand.N(moveEvery/10))
		var err error
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-s.mover.wake:
			err = s.moveDue(ctx)
		case <-t.C:
			err = s.SweepPlaces(ctx)
		}
		t.Stop()
		if err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "move up from waiting lists", "error", err)
		}
	}
}

func (s *Service) moveDue(ctx context.Context) error {
	s.mover.mu.Lock()
	due := s.mover.due
	s.mover.due = map[town]bool{}
	s.mover.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, moveRound)
	defer cancel()
	var errs []error
	for t := range due {
		in, err := s.Associations.Get(t.association)
		if err != nil {
			continue // an association that is configured no more
		}
		for _, i := range in.Initiatives {
			errs = append(errs, s.settlePlaces(ctx, in, t.municipality, i.ID))
		}
	}
	return errors.Join(errs...)
}

// SweepPlaces looks at all places once.
func (s *Service) SweepPlaces(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, moveRound)
	defer cancel()
	var errs []error
	for in := range s.mover.rounds.from(s.Associations.All()) {
		page, err := s.places.Find(ctx, store.Query{Association: in.ID, Limit: maxPlaces})
		if err != nil {
			return err
		}
		for _, p := range page.Items {
			if p.Value.Forget(s.Now()) {
				errs = append(errs, s.forget(ctx, p.Value))
				continue
			}
			errs = append(errs, s.settlePlaces(ctx, in, p.Value.Municipality, p.Value.Initiative))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) forget(ctx context.Context, p *Capacity) error {
	return s.changePlaces(ctx, p.Association, p.Municipality, p.Initiative, func(now *Capacity) error {
		if !now.Forget(s.Now()) {
			return store.Unchanged()
		}
		return nil
	})
}

// settlePlaces creates the places be those that the referrals say, and gives those
// that are free to the first in the queue. Where no number is set there is nothing
// to give.
func (s *Service) settlePlaces(ctx context.Context, in *association.Association, municipality, initiative string) error {
	i, known := in.Initiative(initiative)
	if !known {
		return nil
	}
	p, err := s.placesOf(ctx, in.ID, municipality, i.ID)
	if err != nil || p == nil || p.Setting() == nil {
		return err
	}
	if err := s.reconcile(ctx, p, i); err != nil {
		return err
	}
	for range maxMoves {
		if moved, err := s.moveUp(ctx, in, i, municipality); err != nil || !moved {
			return err
		}
	}
	return nil
}

// reconcile creates the places be those that the referrals say. Faster writers make
// it begin anew, a few times; then the next round looks.
func (s *Service) reconcile(ctx context.Context, p *Capacity, i association.Initiative) error {
	for range 3 {
		byID, err := s.partiesTo(ctx, p)
		if err != nil {
			return err
		}
		seen := p.Writes
		err = s.changePlaces(ctx, p.Association, p.Municipality, p.Initiative, func(now *Capacity) error {
			if p = now; now.Writes != seen {
				return errOvertaken
			}
			if !now.Reconcile(s.Now().UTC(), byID, i.MaxWeeks) {
				return store.Unchanged()
			}
			return nil
		})
		if !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return nil
}

// errOvertaken ends a reconciliation whose places have changed meanwhile.
var errOvertaken = errors.New("the places have changed")

// partiesTo returns the referrals that places are about: those that they name, and
// those that have one. They are read after the places were.
func (s *Service) partiesTo(ctx context.Context, p *Capacity) (map[string]*Referral, error) {
	page, err := s.referrals.Find(ctx, store.Query{
		Association: p.Association, Limit: maxPlaces,
		Where: []store.Cond{{Key: keyStands, Op: store.Eq, Value: placedAt(p.Municipality, p.Initiative)}},
	})
	if err != nil {
		return nil, err
	}
	byID := map[string]*Referral{}
	for _, r := range page.Items {
		byID[r.Value.ID] = r.Value
	}
	for _, t := range p.Taken {
		if byID[t.Referral] != nil {
			continue
		}
		r, err := s.referrals.Get(ctx, p.Association, t.Referral)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if err == nil {
			byID[t.Referral] = r.Value
		}
	}
	return byID, nil
}

// moveUp keeps a free place for the first in the queue who may be moved up; false
// when there is no place or nobody.
func (s *Service) moveUp(ctx context.Context, in *association.Association, i association.Initiative, municipality string) (bool, error) {
	p, err := s.placesOf(ctx, in.ID, municipality, i.ID)
	if err != nil || p == nil {
		return false, err
	}
	if free, bounded := p.Free(); !bounded || free == 0 {
		return false, nil
	}
	queue, err := s.referrals.Find(ctx, store.Query{
		Association: in.ID, Where: inQueue(in, municipality, i.ID), Sort: firstInQueue, Limit: lookAhead,
	})
	if err != nil {
		return false, err
	}
	for _, r := range queue.Items {
		if !r.Value.rested(s.Now()) {
			continue
		}
		t := Taken{Referral: r.Value.ID, Version: r.Version, Mark: crand.Text(), At: s.Now().UTC(), Kept: true}
		err := s.changePlaces(ctx, in.ID, municipality, i.ID, func(p *Capacity) error { return p.Take(t) })
		if errors.Is(err, ErrNoPlace) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if err = r.Value.OfferPlace(Hand{Subject: "service:referral", Authority: "finsam"}, s.Now(), i.ID); err == nil {
			_, err = s.referrals.Replace(ctx, r)
		}
		if err == nil {
			s.publisher.Wake()
			return true, nil
		}
		if !refused(err) && !errors.Is(err, ErrWrongState) {
			return false, err // what became of it is not known: the next round looks
		}
		return false, s.giveBack(ctx, in.ID, municipality, i.ID, t.Mark)
	}
	return false, nil
}
