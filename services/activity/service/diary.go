package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
)

// maxClaimTries bounds how often a claim meets others that turn out to be void.
const maxClaimTries = 8

// claim takes the booking's time in the participant's diary. A claim in the way is
// compared with its booking first: one whose booking has ended, or was never made,
// is released. It returns ErrBooked or ErrCollision when the time is taken.
func (s *Service) claim(ctx context.Context, a actor.Actor, in *association.Association, b *activity.Booking) error {
	c := b.Claim()
	for range maxClaimTries {
		var blocking activity.Claim
		err := s.updateDiary(ctx, b.Association, b.Participant, func(d *activity.Diary) error {
			var blocked bool
			if blocking, blocked = d.Take(c, in.Activity); blocked {
				return activity.ErrCollision
			}
			return nil
		})
		if !errors.Is(err, activity.ErrCollision) {
			return err
		}
		released, err := s.releaseClaim(ctx, b, blocking)
		if err != nil {
			return err
		}
		if !released {
			return s.collision(a, in, b, blocking)
		}
	}
	return fault.ErrUnavailable.Because(errors.New("diary: too many void claims"))
}

// claimOccurrence lets a booking's participant be noted as present at an occurrence, or a
// cancellation call it off, whichever comes first; the other is refused. A claim in the way
// is compared with what is stored: that of a cancellation that was lifted, or never made,
// and of a note that was corrected, is released.
func (s *Service) claimOccurrence(ctx context.Context, association string, k activity.OccurrenceKey, c activity.Claim) error {
	for range maxClaimTries {
		var blocking activity.Claim
		blocked := false
		err := s.updateDiary(ctx, association, activity.OccurrenceDiary(k), func(d *activity.Diary) error {
			blocking, blocked = d.TakeOccurrence(c)
			return store.WriteIf(!blocked)
		})
		if err != nil || !blocked {
			return err
		}
		holds, taken := c.At.Sub(blocking.At) < activity.ClaimGrace, activity.ErrTookPlace // unless what is stored says otherwise
		if blocking.Cancellation != "" {
			taken = activity.ErrDayOff
			var v store.Versioned[activity.Cancellation]
			if v, err = s.cancellations.Store.Get(ctx, association, blocking.Cancellation); err == nil {
				holds = v.Value.State() == activity.Cancelled
			}
		} else {
			var v store.Versioned[activity.Booking]
			if v, err = s.bookings.Store.Get(ctx, association, blocking.Booking); err == nil && v.Value.IsNoted(k.Date, blocking.At) {
				holds = v.Value.Status().Notes[k.Date].Attendance == activity.Present
			}
		}
		switch {
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return err
		case holds:
			return taken.AtField("/date")
		}
		if err := s.releaseOccurrence(ctx, association, k, blocking); err != nil {
			return err
		}
	}
	return fault.ErrUnavailable.Because(errors.New("occurrence: too many void claims"))
}

// releaseOccurrence drops a claim of an occurrence.
func (s *Service) releaseOccurrence(ctx context.Context, association string, k activity.OccurrenceKey, c activity.Claim) error {
	return s.updateDiary(ctx, association, activity.OccurrenceDiary(k), func(d *activity.Diary) error {
		return store.WriteIf(d.ReleaseOccurrence(c))
	})
}

// claimPlace takes a place for a booking in a closed group that begins on a day, or returns
// ErrGroupFull, however many ask at once.
func (s *Service) claimPlace(ctx context.Context, b *activity.Booking, x association.Activity, most int, first civil.Date) error {
	booked, err := findAll(ctx, s.bookings.Store, b.Association, store.Equals(activityKey, x.ID), store.AtLeast(lastDayKey, string(first.AddDays(-366)))) // those who gave it up, too
	if err != nil {
		return err
	}
	return s.updateDiary(ctx, b.Association, activity.GroupDiary(x.ID), func(d *activity.Diary) error {
		if !d.TakePlace(b.Claim(), x, most, booked) {
			return activity.ErrGroupFull.AtField("/activity")
		}
		return nil
	})
}

// updateDiary changes a participant's diary, which begins empty, and notes whether claims of
// it collide then.
func (s *Service) updateDiary(ctx context.Context, association, participant string, change func(*activity.Diary) error) error {
	return s.diaries.Upsert(ctx, association, participant, func() *activity.Diary {
		return &activity.Diary{Association: association, Participant: participant}
	}, func(d *activity.Diary) error {
		if err := change(d); err != nil {
			return err
		}
		in, err := s.Associations.Get(association)
		d.Conflicting = err == nil && len(d.Conflicts(in.Activity, civil.DateOf(s.Now()))) > 0
		return nil
	})
}

// shortenClaim ends the claim of a participant's booking with a day, or drops it when
// that day is before its first. It reports whether there was something to change.
func (s *Service) shortenClaim(ctx context.Context, association, participant, booking string, lastDay civil.Date) (changed bool, err error) {
	err = s.updateDiary(ctx, association, participant, func(d *activity.Diary) error {
		changed = d.Shorten(booking, lastDay)
		return store.WriteIf(changed)
	})
	return changed, err
}

// releaseClaim corrects another claim of the participant by the booking that it is
// for, and reports whether there was something to correct.
func (s *Service) releaseClaim(ctx context.Context, b *activity.Booking, c activity.Claim) (released bool, err error) {
	lastDay := c.From.AddDays(-1)
	v, err := s.bookings.Store.Get(ctx, b.Association, c.Booking)
	switch {
	case err == nil:
		lastDay = v.Value.Status().LastDay
	case !errors.Is(err, store.ErrNotFound):
		return false, err
	case b.Steps[0].At.Sub(c.At) < activity.ClaimGrace:
		return false, nil
	}
	return s.shortenClaim(ctx, b.Association, b.Participant, c.Booking, lastDay)
}

// collision returns which activity is in the way, if the caller may see that
// booking: another municipality's is not named.
func (s *Service) collision(a actor.Actor, in *association.Association, b *activity.Booking, c activity.Claim) error {
	if c.Activity == b.Activity {
		return activity.ErrBooked.AtField("/activity")
	}
	x, _ := in.Activity(c.Activity)
	x = x.At(max(b.From, c.From))
	r := activity.ResourceOf(b.Association, x)
	r.Participant = b.Participant
	if !access.Allows("getBooking", a, r) {
		return activity.ErrCollision.AtField("/activity")
	}
	clock := x.From + "–" + x.To
	named := *activity.ErrCollision
	named.Text = fault.Text{
		SV: fmt.Sprintf("Deltagaren är redan bokad på %s kl. %s samma dag.", x.Name, clock),
		EN: fmt.Sprintf("The participant is already booked into %s at %s on the same day.", x.Name, clock),
	}
	return named.AtField("/activity")
}
