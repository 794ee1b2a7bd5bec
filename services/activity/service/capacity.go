package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/group"
	"github.com/finsam/finsam/services/activity/placement"
)

const (
	offerInterval = time.Minute // between looks at all who wait
	maxOffers     = 100         // of one activity in one round
	maxPlaceTries = 100         // with which a place is claimed beside faster writers, of whom each has taken one
)

// errOvertaken ends a change of places that have changed since they were read.
var errOvertaken = errors.New("the places have changed")

// changePlaces changes who is about to get a place at an activity, by what is booked: that is
// read after the diary, and the diary is written as it was read, so nobody is counted too few.
func (s *Service) changePlaces(ctx context.Context, associationID, activityID string, change func(d *activity.Diary, booked []*activity.Booking) error) error {
	id := activity.PlaceDiary(activityID)
	for range maxPlaceTries {
		seen, err := s.diaries.Get(ctx, associationID, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		booked, err := findAll(ctx, s.bookings.Store, associationID, store.Equals(activityKey, activityID), store.AtLeast(lastDayKey, string(civil.DateOf(s.Now()))))
		if err != nil {
			return err
		}
		err = s.diaries.Upsert(ctx, associationID, id, func() *activity.Diary {
			return &activity.Diary{Association: associationID, Participant: id}
		}, func(d *activity.Diary) error {
			if d.Writes != seen.Version {
				return errOvertaken
			}
			d.Writes++
			return change(d, booked)
		})
		if !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return fault.ErrUnavailable.Because(errOvertaken)
}

// claimPlaceOf claims a place for a booking as it is now, at version 0 one that is not stored yet, or returns
// ErrFull. An activity whose occurrences have no bound has no diary of places, and the places of
// a closed group are its own.
func (s *Service) claimPlaceOf(ctx context.Context, x association.Activity, b *activity.Booking, p activity.Place, version int64) error {
	if !activity.IsBounded(x) || b.Group != "" {
		return nil
	}
	return s.changePlaces(ctx, b.Association, x.ID, func(d *activity.Diary, booked []*activity.Booking) error {
		return d.ClaimPlace(x, p, version, booked, s.Now())
	})
}

// regainPlace claims the place of one day again for a booking whose latest step, not stored yet, takes back
// that the participant would be absent.
func (s *Service) regainPlace(ctx context.Context, in *association.Association, b *activity.Booking, d civil.Date) error {
	x, _ := in.Activity(b.Activity)
	if !b.Status().Covers(d) || d < civil.DateOf(s.Now()) {
		return nil
	}
	err := s.claimPlaceOf(ctx, x, b, activity.Place{Booking: b.ID, First: d, Last: d, Slot: b.Slot}, b.Version()-1)
	if errors.Is(err, activity.ErrFull) {
		return activity.ErrGivenAway.AtField("/date")
	}
	return err
}

// releasePlaceOf drops the claim of a place for a booking that will not be stored so.
func (s *Service) releasePlaceOf(ctx context.Context, b *activity.Booking) error {
	err := s.diaries.Upsert(ctx, b.Association, activity.PlaceDiary(b.Activity), func() *activity.Diary { return &activity.Diary{} }, func(d *activity.Diary) error {
		d.Writes++
		return store.WriteIf(d.ReleasePlace(b.ID))
	})
	s.offers.Wake()
	return err
}

// offerPlaces lets time pass for those who wait in an association, and offers the places that
// have become free. Another process may do the same at once.
func (s *Service) offerPlaces(ctx context.Context, in *association.Association) error {
	waiting, err := findAll(ctx, s.bookings.Store, in.ID, store.IsAmong(stateKey, []string{string(activity.StateWaiting), string(activity.StateOffered)}))
	if err != nil {
		return err
	}
	var errs []error
	by := history.System("activity")
	var activities []string
	for _, b := range waiting {
		if !slices.Contains(activities, b.Activity) {
			activities = append(activities, b.Activity)
		}
		if overdue := *b; !overdue.Overdue(by, s.Now()) {
			continue
		}
		_, err := s.bookings.Store.Update(ctx, in.ID, b.ID, 0, func(b *activity.Booking) error { return store.WriteIf(b.Overdue(by, s.Now())) })
		errs = append(errs, err)
		s.publisher.Wake()
	}
	for _, id := range activities {
		if x, known := in.Activity(id); known {
			errs = append(errs, s.offerPlacesOf(ctx, in.ID, x, by))
		}
	}
	return errors.Join(errs...)
}

// offerPlacesOf offers the free places of an activity to those who wait for them, in their order: to
// each whose enrolment lets them come, and who could come each time.
func (s *Service) offerPlacesOf(ctx context.Context, associationID string, x association.Activity, by history.Author) error {
	may := map[string]error{} // by booking
	for range maxOffers {
		var next *activity.Booking
		err := s.changePlaces(ctx, associationID, x.ID, func(d *activity.Diary, booked []*activity.Booking) error {
			next = nil
			for _, b := range activity.Queue(booked) {
				st := b.Status()
				if !st.PutBackAt.IsZero() && s.Now().Sub(st.PutBackAt) < activity.OfferRest {
					continue
				}
				p := b.Wanted(civil.DateOf(s.Now()))
				err := d.ClaimPlace(x, p, b.Version(), booked, s.Now())
				if errors.Is(err, activity.ErrFull) {
					continue
				}
				if _, asked := may[b.ID]; err == nil && !asked {
					may[b.ID] = s.canStill(ctx, x, b, p.First)
				}
				if err == nil && may[b.ID] == nil {
					next = b
					return nil
				}
				d.ReleasePlace(b.ID)
			}
			return store.ErrUnchanged
		})
		if err != nil || next == nil {
			return err
		}
		_, err = s.bookings.Store.Update(ctx, associationID, next.ID, next.Version(), func(b *activity.Booking) error { return b.Offer(x, by, s.Now()) })
		if errors.Is(err, store.ErrStale) {
			err = s.releasePlaceOf(ctx, next)
		}
		if err != nil {
			return err
		}
		s.publisher.Wake()
	}
	return nil
}

// canStill returns what prevents one who waits from coming from a day on.
func (s *Service) canStill(ctx context.Context, x association.Activity, b *activity.Booking, from civil.Date) error {
	e, err := s.enrolments.Get(ctx, b.Association, b.Enrolment)
	if err != nil {
		return err
	}
	form, _, err := activity.Bookable(x, true, from, b.Until)
	return errors.Join(err, e.Value.CanBook(form, from, civil.DateOf(s.Now())))
}

// AcceptOffer books the place that is kept for one who waited. The participant's time is
// claimed first, as for a new booking.
func (s *Service) AcceptOffer(ctx context.Context, id string, ifVersion int64) (*BookingView, error) {
	var claimed *activity.Booking
	a := actor.From(ctx)
	v, err := s.changeBooking(ctx, "acceptOffer", id, ifVersion, func(b *activity.Booking) error {
		in, err := s.Associations.Get(b.Association)
		if err != nil {
			return err
		}
		x, known := in.Activity(b.Activity)
		if err := b.Accept(guard.Author(ctx), s.Now()); err != nil {
			return err
		}
		if !known {
			return activity.ErrOver
		}
		if err := s.canStill(ctx, x, b, b.Status().FirstDay); err != nil {
			return err
		}
		if err = s.claim(ctx, a, in, b); err == nil {
			claimed = b
		}
		return err
	})
	if errors.Is(err, store.ErrStale) && claimed != nil {
		_, releaseErr := s.shortenClaim(ctx, claimed.Association, claimed.Participant, claimed.ID, claimed.From.AddDays(-1))
		return nil, errors.Join(err, releaseErr)
	}
	return v, err
}

// DeclineOffer passes a place that is kept on to the next who waits.
func (s *Service) DeclineOffer(ctx context.Context, id string, ifVersion int64) (*BookingView, error) {
	return s.changeBooking(ctx, "declineOffer", id, ifVersion, func(b *activity.Booking) error {
		return b.Decline(guard.Author(ctx), s.Now())
	})
}

// Places is what an occurrence of an activity has left.
type Places struct {
	Occurrence activity.Occurrence
	Capacity   int // zero: no bound
	Free       int
	Waiting    int // who wait for it, or for each week
	Slots      []Slot
}

// Slot is a part of a leader's own time.
type Slot struct {
	From, To string
	IsFree   bool
}

// Places returns what an activity's occurrence on a day has left; nobody is named. One that
// does not take place then is fault.ErrNotFound.
func (s *Service) Places(ctx context.Context, activityID string, d civil.Date) (*Places, error) {
	a, x, entry, err := s.decideOnActivity(ctx, "getActivityPlaces", activityID, d)
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	if !activity.IsDate(d) {
		return nil, activity.ErrDate.AtField("date")
	}
	cancelled, err := s.cancellationsOf(ctx, a.Association, store.Equals(activityKey, activityID), d, d)
	if err != nil {
		return nil, err
	}
	o, occurs := activity.OccurrenceOn(x, d, cancelled)
	if !occurs {
		return nil, fault.ErrNotFound
	}
	v := &Places{Occurrence: o, Capacity: o.Activity.Capacity}
	taken, booked, err := s.takenFrom(ctx, a.Association, activityID, d)
	if err != nil {
		return nil, err
	}
	v.Free = max(0, v.Capacity-activity.Taken(taken, d, ""))
	for _, b := range activity.Queue(booked) {
		if p := b.Wanted(d); p.First <= d && d <= p.Last {
			v.Waiting++
		}
	}
	for _, slot := range activity.Slots(o.Activity) {
		v.Slots = append(v.Slots, Slot{From: slot[0], To: slot[1], IsFree: activity.Taken(taken, d, slot[0]) == 0})
	}
	return v, nil
}

// DropIn notes that somebody came to an occurrence without a booking: it is booked for that
// one, and the attendance noted. Whose enrolment is another municipality's is booked by the
// coach there. A repeat with the same key changes nothing.
func (s *Service) DropIn(ctx context.Context, activityID string, d civil.Date, participant, key string) (*BookingView, error) {
	const operation = "noteDropIn"
	var e *activity.Enrolment
	var x association.Activity
	a, entry, err := guard.Ask(ctx, operation, "activity/"+activityID+"/"+string(d), func(a actor.Actor) (access.Resource, error) {
		in, err := s.Associations.Get(a.Association)
		if err != nil {
			return access.Resource{}, err
		}
		var known bool
		if x, known = in.Activity(activityID); !known || !access.Allows(operation, a, activity.ResourceOf(in.ID, x)) {
			return access.Resource{}, fault.ErrNotFound
		}
		found, err := findAll(ctx, s.enrolments, a.Association, store.Equals(participantKey, participant))
		if err != nil {
			return access.Resource{}, err
		}
		for _, other := range found {
			if access.Allows(operation, a, other.Resource()) && (e == nil || e.Closed) {
				e = other
			}
		}
		if e == nil {
			return access.Resource{}, fault.ErrNotFound
		}
		return e.Resource(), nil
	})
	switch {
	case err != nil:
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	case !activity.IsDate(d):
		return nil, guard.Enter(ctx, s.AccessLog, entry, activity.ErrDate.AtField("date"))
	case !x.At(d).DropIn:
		return nil, guard.Enter(ctx, s.AccessLog, entry, activity.ErrNoDropIn.AtField("date"))
	case d > civil.DateOf(s.Now()):
		return nil, guard.Enter(ctx, s.AccessLog, entry, activity.ErrFuture.AtField("date"))
	}
	b, err := s.book(ctx, a, entry, e, activity.BookingRequest{Enrolment: e.ID, Activity: activityID, From: d, Until: d}, key)
	if err != nil {
		return nil, err
	}
	return s.NoteAttendance(ctx, b.ID, 0, activity.Note{Date: d, Attendance: activity.Present})
}

// newGroups opens the closed groups, with what they need of the bookings.
func (s *Service) newGroups(ctx context.Context) (*group.Service, error) {
	return group.New(ctx, group.Config{
		Parts: s.Parts, Bookings: s.bookings.Store, Enrolments: s.enrolments, EndBooking: s.endGroupBooking,
		CatchUp: func(ctx context.Context) { s.Programme.CatchUp(ctx) }, Changed: func() { s.publisher.Wake() },
		Cancelled: func(ctx context.Context, association, activityID string, first, last civil.Date) (activity.Cancellations, error) {
			return s.cancellationsOf(ctx, association, store.Equals(activityKey, activityID), first, last)
		},
	})
}

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
		released, err := s.releaseClaim(ctx, b.Association, b.Participant, blocking)
		if err != nil {
			return err
		}
		if !released {
			return s.collision(a, in, b, blocking)
		}
	}
	return fault.ErrUnavailable.Because(errors.New("diary: too many void claims"))
}

// claimOccurrence lets the participants of bookings be noted as present at an occurrence, or a
// cancellation call it off, whichever comes first; the other is refused. A claim in the way
// is compared with what is stored: that of a cancellation that was lifted, or never made,
// and of a note that was corrected, is released.
func (s *Service) claimOccurrence(ctx context.Context, association string, k activity.OccurrenceKey, claims ...activity.Claim) error {
	for range maxClaimTries {
		var blocking activity.Claim
		blocked := false
		err := s.updateDiary(ctx, association, activity.OccurrenceDiary(k), func(d *activity.Diary) error {
			for _, c := range claims {
				if blocking, blocked = d.TakeOccurrence(c); blocked {
					break
				}
			}
			return store.WriteIf(!blocked)
		})
		if err != nil || !blocked {
			return err
		}
		holds, taken := claims[0].At.Sub(blocking.At) < activity.ClaimGrace, activity.ErrTookPlace // unless what is stored says otherwise
		if blocking.Cancellation != "" {
			taken = activity.ErrDayOff
			var v store.Versioned[activity.Cancellation]
			if v, err = s.cancellations.Store.Get(ctx, association, blocking.Cancellation); err == nil {
				holds = v.Value.State() == activity.Cancelled
			}
		} else {
			var v store.Versioned[activity.Booking]
			if v, err = s.bookings.Store.Get(ctx, association, blocking.Booking); err == nil && v.Value.IsNoted(k.Date, blocking.At) {
				holds = v.Value.Status().Notes[k.Date].Came()
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

// takeTime claims the days of a placement in the participant's diary: all of them, or none. It
// returns the fault of what has one of them already.
func (s *Service) takeTime(ctx context.Context, p *placement.Placement) error {
	in, err := s.Associations.Get(p.Association)
	if err != nil {
		return err
	}
	for range maxClaimTries {
		var blocking activity.Claim
		err := s.updateDiary(ctx, p.Association, p.Participant, func(d *activity.Diary) error {
			for _, c := range p.Times() {
				var blocked bool
				if blocking, blocked = d.Take(c, in.Activity); blocked {
					return activity.ErrCollision
				}
			}
			return nil
		})
		if !errors.Is(err, activity.ErrCollision) {
			return err
		}
		released, err := s.releaseClaim(ctx, p.Association, p.Participant, blocking)
		switch {
		case err != nil:
			return err
		case !released && blocking.Hours != nil:
			return placement.ErrTaken.AtField("/days")
		case !released:
			x, _ := in.Activity(blocking.Activity)
			return s.nameCollision(actor.From(ctx), p.Association, p.Participant, blocking.Home, x.At(max(p.From, blocking.From))).AtField("/days")
		}
	}
	return fault.ErrUnavailable.Because(errors.New("diary: too many void claims"))
}

// shortenTime ends the claims of a placement in the participant's diary with a day.
func (s *Service) shortenTime(ctx context.Context, p *placement.Placement, lastDay civil.Date) error {
	return s.updateDiary(ctx, p.Association, p.Participant, func(d *activity.Diary) error {
		changed := false
		for _, c := range p.Times() {
			changed = d.Shorten(c.Booking, lastDay) || changed
		}
		return store.WriteIf(changed)
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

// releaseClaim corrects a claim of the participant by the booking or placement that it is
// for, and reports whether there was something to correct.
func (s *Service) releaseClaim(ctx context.Context, associationID, participant string, c activity.Claim) (released bool, err error) {
	lastDay, stored := c.From.AddDays(-1), false
	if c.Hours != nil {
		lastDay, stored, err = s.Placements.LastDay(ctx, associationID, c.Activity)
	} else {
		var v store.Versioned[activity.Booking]
		if v, err = s.bookings.Store.Get(ctx, associationID, c.Booking); err == nil {
			lastDay, stored = v.Value.Claim().Until, v.Value.Status().Held // an offer may be being accepted
		} else if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
	}
	if err != nil || !stored && s.Now().Sub(c.At) < activity.ClaimGrace {
		return false, err
	}
	return s.shortenClaim(ctx, associationID, participant, c.Booking, max(lastDay, c.From.AddDays(-1)))
}

// collision returns which activity is in the way, if the caller may see that
// booking: another municipality's is not named.
func (s *Service) collision(a actor.Actor, in *association.Association, b *activity.Booking, c activity.Claim) error {
	if c.Activity == b.Activity {
		return activity.ErrBooked.AtField("/activity")
	}
	x, _ := in.Activity(c.Activity)
	if x = x.At(max(b.From, c.From)); c.Hours != nil {
		x = association.Activity{Municipality: b.Municipality, Name: "Arbetsträning (work training)", From: c.Hours.From, To: c.Hours.To}
	}
	return s.nameCollision(a, b.Association, b.Participant, c.Home, x).AtField("/activity")
}

// nameCollision returns the fault that names an activity of a participant, if the caller may
// see it.
func (s *Service) nameCollision(a actor.Actor, associationID, participant, home string, x association.Activity) *fault.Error {
	if !access.Allows("getBooking", a, bookingOf(associationID, participant, home, x)) {
		return activity.ErrCollision
	}
	clock := x.From + "–" + x.To
	named := *activity.ErrCollision
	named.Text = fault.Text{
		SV: fmt.Sprintf("Deltagaren är redan bokad på %s kl. %s samma dag.", x.Name, clock),
		EN: fmt.Sprintf("The participant is already booked into %s at %s on the same day.", x.Name, clock),
	}
	return &named
}
