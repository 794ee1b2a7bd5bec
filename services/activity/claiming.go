package activity

import (
	"context"
	"errors"
	"fmt"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// claimTries bounds how often a claim meets others that turn out to be void.
const claimTries = 8

// claim takes the booking's time in the participant's diary. A claim in the way
// is held against its booking first: one whose booking has ended, or was never
// made, gives way.
func (s *Service) claim(ctx context.Context, a actor.Actor, in *association.Association, b *Booking) error {
	c := Claim{Booking: b.ID, Activity: b.Activity, From: b.From, Until: b.LastDay(), At: b.BookedAt()}
	for range claimTries {
		var blocking Claim
		err := s.diary(ctx, b.Association, b.Participant, func(d *Diary) error {
			other, blocked := d.InTheWay(c, in.Activity)
			if blocked {
				blocking = other
				return ErrCollision
			}
			d.Take(c)
			return nil
		})
		if !errors.Is(err, ErrCollision) {
			return err
		}
		released, err := s.release(ctx, b, blocking)
		if err != nil {
			return err
		}
		if !released {
			return s.collision(ctx, a, in, b, blocking)
		}
	}
	return fault.ErrUnavailable.Because(errors.New("diary: too many void claims"))
}

// diary changes a participant's diary, which begins empty.
func (s *Service) diary(ctx context.Context, association, participant string, change func(*Diary) error) error {
	for {
		_, err := s.diaries.Update(ctx, association, participant, 0, change)
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		_, err = s.diaries.Insert(ctx, &Diary{Association: association, Participant: participant, Writes: 1})
		if err != nil && !errors.Is(err, store.ErrExists) {
			return err
		}
	}
}

// release corrects a claim by the booking that it is for, and reports whether it
// has given way.
func (s *Service) release(ctx context.Context, b *Booking, c Claim) (bool, error) {
	lastDay := c.From.AddDays(-1)
	v, err := s.bookings.Get(ctx, b.Association, c.Booking)
	switch {
	case err == nil:
		lastDay = v.Value.LastDay()
	case !errors.Is(err, store.ErrNotFound):
		return false, err
	case b.BookedAt().Sub(c.At) < fresh:
		return false, nil
	}
	released := false
	err = s.diary(ctx, b.Association, b.Participant, func(d *Diary) error {
		if released = d.Shorten(c.Booking, lastDay); !released {
			return store.Unchanged()
		}
		return nil
	})
	return released, err
}

// collision names the activity that is in the way, if the caller may see that
// booking: another municipality's is not named.
func (s *Service) collision(ctx context.Context, a actor.Actor, in *association.Association, b *Booking, c Claim) error {
	if c.Activity == b.Activity {
		return ErrBooked.AtField("/activity")
	}
	x, _ := in.Activity(c.Activity)
	t := access.Resource{Association: b.Association, Participant: b.Participant, Relationships: []access.Relationship{{Municipality: x.Municipality}}}
	if !access.Allows("getBooking", a, t) {
		return ErrCollision.AtField("/activity")
	}
	when := x.From + "–" + x.To
	named := *ErrCollision
	named.Text = fault.Text{
		SV: fmt.Sprintf("Deltagaren är redan bokad på %s kl. %s samma dag.", x.Name, when),
		EN: fmt.Sprintf("The participant is already booked on %s at %s that day.", x.Name, when),
	}
	return named.AtField("/activity")
}

// unclaim drops the claim of a booking that was not made after all.
func (s *Service) unclaim(ctx context.Context, b *Booking) error {
	return s.diary(ctx, b.Association, b.Participant, func(d *Diary) error {
		if !d.Shorten(b.ID, b.From.AddDays(-1)) {
			return store.Unchanged()
		}
		return nil
	})
}
