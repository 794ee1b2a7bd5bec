package group

import (
	"context"
	"errors"
	"slices"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
)

// system is who settles groups without a caller.
var system = history.System("activity")

// update changes a group. Within the process one does so at a time: of many who ask for a
// place at once, none is refused for being slower than the others.
func (s *Service) update(ctx context.Context, association, id string, change func(*Group) error) (*Group, error) {
	select {
	case s.changing <- struct{}{}:
		defer func() { <-s.changing }()
	case <-ctx.Done():
		return nil, fault.ErrUnavailable.Because(context.Cause(ctx))
	}
	v, err := s.groups.Store.Update(ctx, association, id, 0, change)
	if err == nil {
		s.Changed()
	}
	return v.Value, err
}

// updateWait adds a step to a wait if its state allows that. One that begins to wait again
// while the same participant has begun another wait stays as it is.
func (s *Service) updateWait(ctx context.Context, association, id string, kind WaitKind, group, reason string, by history.Author) (*Wait, error) {
	v, err := s.waits.Store.Update(ctx, association, id, 0, func(w *Wait) error {
		return store.WriteIf(w.Take(kind, group, reason, by, s.Now()))
	})
	if errors.Is(err, store.ErrTaken) {
		return v.Value, nil
	}
	if err == nil {
		s.Changed()
	}
	return v.Value, err
}

// At returns the group of the course x that has a session on a day, before others the one
// that begins then; nil: none has. Groups that are over or cancelled do not count.
func (s *Service) At(ctx context.Context, association string, x association.Activity, day civil.Date) (*Group, error) {
	var found *Group
	for _, state := range []State{StateRunning, StatePlanned, StateOpen} {
		page, err := s.groups.Store.Find(ctx, store.Query{
			Association: association, Where: []store.Cond{store.Equals(activityKey, x.ID), store.Equals(stateKey, string(state))}, Limit: pageSize,
		})
		if err != nil {
			return nil, err
		}
		for _, v := range page.Items {
			st := v.Value.Status()
			switch {
			case st.first(x) == day:
				return v.Value, nil
			case slices.ContainsFunc(st.Plan.Sessions, func(one Session) bool { return one.DayOf(x) == day }):
				found = v.Value
			}
		}
	}
	return found, nil
}

// CanJoin returns why nobody can join the group on a day, nil when somebody can: it begins
// then, is open, and has a place that nobody has but the enrolment.
func (s *Service) CanJoin(g *Group, x association.Activity, day civil.Date, enrolment string) error {
	st := g.Status()
	if err := st.CanTake(x, s.Now()); err != nil {
		return err
	}
	switch {
	case st.first(x) != day:
		return activity.ErrGroupRunning.AtField("/from")
	case len(st.Seats) >= st.Plan.Most && st.Seat(enrolment) == nil:
		return activity.ErrGroupFull.AtField("/activity")
	}
	return nil
}

// Join takes a place in its group for a booking that is about to be stored: the one that its
// enrolment is offered, or one that is left when all who wait have been offered theirs. It
// returns activity.ErrGroupFull, or that nobody can join any more. The same booking may ask
// again.
func (s *Service) Join(ctx context.Context, b *activity.Booking, x association.Activity, by history.Author) error {
	if err := s.offer(ctx, b.Association, b.Group); err != nil {
		return err
	}
	waits, err := s.waits.Store.Find(ctx, store.Query{
		Association: b.Association, Where: []store.Cond{store.Equals(enrolmentKey, b.Enrolment), store.Equals(openKey, x.At(b.From).Category)}, Limit: 1,
	})
	if err != nil {
		return err
	}
	seat := Seat{Enrolment: b.Enrolment, Participant: b.Participant, Municipality: b.Municipality, Booking: b.ID}
	if len(waits.Items) > 0 {
		seat.Wait = waits.Items[0].Value.ID
	}
	_, err = s.update(ctx, b.Association, b.Group, func(g *Group) error {
		if has := g.Status().Seat(b.Enrolment); has != nil && has.Booking == b.ID {
			return store.ErrUnchanged
		}
		return g.Place(x, seat, by, s.Now())
	})
	if err == nil && seat.Wait != "" {
		_, err = s.updateWait(ctx, b.Association, seat.Wait, WaitPlaced, b.Group, "", by)
	}
	return err
}

// Left follows that a booking has ended, or was never stored: without a day that is left, its
// place is free, and offered to the next who waits.
func (s *Service) Left(ctx context.Context, b *activity.Booking, by history.Author) {
	if b.Group != "" {
		s.settle(ctx, b.Association, b.Group, by)
	}
}

// FollowEnrolment ends what a closed enrolment waits for, and frees what it is offered.
func (s *Service) FollowEnrolment(ctx context.Context, e *activity.Enrolment, by history.Author) error {
	return s.waits.Store.Each(ctx, store.Query{Association: e.Association, Where: []store.Cond{store.Equals(enrolmentKey, e.ID)}, Limit: pageSize}, func(v store.Versioned[Wait]) error {
		state, group := v.Value.State()
		if !e.Closed || state == WaitOver || state == HasPlace {
			return nil // whose booking ends
		}
		if _, err := s.updateWait(ctx, e.Association, v.Value.ID, WaitEnded, group, Left, by); err != nil {
			return err
		}
		if group != "" {
			s.settle(ctx, e.Association, group, by)
		}
		return nil
	})
}

// offer offers the free places of an open group to those who wait, in order: who does not fit
// into it, or had an offer of it, is passed over.
func (s *Service) offer(ctx context.Context, associationID, id string) error {
	for range 2 * pageSize { // each round offers a place, or ends
		v, err := s.groups.Store.Get(ctx, associationID, id)
		if err != nil {
			return err
		}
		g, st := v.Value, v.Value.Status()
		x, err := s.course(g)
		if err != nil {
			return err
		}
		if st.CanTake(x, s.Now()) != nil || len(st.Seats) >= st.Plan.Most {
			return nil
		}
		first := st.first(x)
		waiting, err := s.queue(ctx, associationID, x.At(first).Category)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(waiting, func(c Candidate) bool {
			why, _ := c.Fit(c.Enrolment, x, first, civil.DateOf(s.Now()))
			return why == "" && st.Seat(c.Wait.Enrolment) == nil && !slices.Contains(st.Passed, c.ID)
		})
		if i < 0 {
			return nil
		}
		next := waiting[i].Wait
		made := false
		if _, err = s.update(ctx, associationID, id, func(g *Group) error {
			made = g.Version() == v.Version && g.Offer(x, next, system, s.Now())
			return store.WriteIf(made)
		}); err != nil {
			return err
		}
		if !made {
			continue // it has changed meanwhile
		}
		w, err := s.updateWait(ctx, associationID, next.ID, WaitOffered, id, "", system)
		if err != nil {
			return err
		}
		if state, group := w.State(); group != id || state == WaitOver { // somebody else was faster
			if _, err = s.update(ctx, associationID, id, func(g *Group) error {
				return store.WriteIf(g.Free(next.Enrolment, "", Declined, system, s.Now()))
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle brings together what a group, its bookings and those who wait say of one another,
// and offers what is free. What fails is left to the job.
func (s *Service) settle(ctx context.Context, associationID, id string, by history.Author) {
	if err := s.Settle(ctx, associationID, id, by); err != nil {
		s.Log.WarnContext(ctx, "a group is settled at the next round", "group", id, "error", err)
	}
}

// Settle brings together what a group, its bookings and those who wait say of one another:
// a place without a booking is freed, and an offer that is over; a group whose last session
// has been has ended; the bookings of a cancelled one are. Then it offers what is free.
func (s *Service) Settle(ctx context.Context, associationID, id string, by history.Author) error {
	v, err := s.groups.Store.Get(ctx, associationID, id)
	if err != nil {
		return err
	}
	g, st := v.Value, v.Value.Status()
	x, err := s.course(g)
	if err != nil {
		return err
	}
	over := map[string]string{} // why a seat is, by enrolment
	for _, seat := range st.Seats {
		if over[seat.Enrolment], err = s.reasonToFree(ctx, g, st, x, seat); err != nil {
			return err
		}
	}
	now := s.Now()
	g, err = s.update(ctx, associationID, id, func(g *Group) error {
		before := g.Version()
		for _, seat := range st.Seats {
			if why := over[seat.Enrolment]; why != "" {
				g.Free(seat.Enrolment, seat.Booking, why, by, now)
			}
		}
		g.End(x, system, now)
		return store.WriteIf(g.Version() > before)
	})
	if err != nil {
		return err
	}
	if st = g.Status(); st.State == StateCancelled {
		for _, seat := range st.Seats {
			if err := s.EndBooking(ctx, associationID, seat.Booking, by); err != nil {
				return err
			}
		}
	}
	if err := s.settleWaits(ctx, g, st, by); err != nil {
		return err
	}
	return s.offer(ctx, associationID, id)
}

// reasonToFree returns why a seat is to be freed, empty when it is not.
func (s *Service) reasonToFree(ctx context.Context, g *Group, st *Status, x association.Activity, seat Seat) (string, error) {
	if seat.Booking != "" {
		b, err := s.Bookings.Get(ctx, g.Association, seat.Booking)
		switch {
		case errors.Is(err, store.ErrNotFound):
			if s.Now().Sub(seat.At) >= activity.ClaimGrace {
				return NotBooked, nil
			}
			return "", nil
		case err != nil:
			return "", err
		}
		if status := b.Value.Status(); status.LastDay < status.FirstDay {
			return Left, nil
		}
		return "", nil
	}
	if today := civil.DateOf(s.Now()); seat.Until < today || st.CanTake(x, s.Now()) != nil {
		return Lapsed, nil
	}
	w, err := s.waits.Store.Get(ctx, g.Association, seat.Wait)
	if err != nil {
		return "", err
	}
	state, group := w.Value.State()
	if state == Waiting && !w.Value.wasOffered(g.ID) {
		return "", nil // the offer has not come there yet
	}
	if state != HasOffer || group != g.ID {
		return Declined, nil
	}
	return "", nil
}

// wasOffered reports whether who waits had an offer of a group.
func (w *Wait) wasOffered(group string) bool {
	return slices.ContainsFunc(w.Steps, func(x WaitStep) bool { return x.Kind == WaitOffered && x.Group == group })
}

// settleWaits lets those who wait follow what became of their offer or place in a group.
func (s *Service) settleWaits(ctx context.Context, g *Group, st *Status, by history.Author) error {
	reasons := map[string]string{} // why the latest seat was freed, by wait
	for _, step := range g.Steps {
		if step.Seat != nil && step.Seat.Wait != "" {
			reasons[step.Seat.Wait] = step.Reason
		}
	}
	for id, reason := range reasons {
		v, err := s.waits.Store.Get(ctx, g.Association, id)
		if err != nil {
			return err
		}
		state, group := v.Value.State()
		seat := st.Seat(v.Value.Enrolment)
		var kind WaitKind
		switch {
		case st.State == StateCancelled && group == g.ID:
			kind, reason = WaitReturned, "cancelled"
		case seat != nil && seat.Wait == id && seat.Booking != "" && state != HasPlace:
			kind = WaitPlaced
		case seat != nil && seat.Wait == id && seat.Booking == "" && state == Waiting:
			kind = WaitOffered
		case seat == nil && group == g.ID && reason == Left:
			kind = WaitEnded
		case seat == nil && group == g.ID:
			kind = WaitReturned
		default:
			continue
		}
		if _, err := s.updateWait(ctx, g.Association, id, kind, g.ID, reason, by); err != nil {
			return err
		}
	}
	return nil
}

// settleAll settles the groups of an association that are not over, and the cancelled ones
// whose days have not been.
func (s *Service) settleAll(ctx context.Context, in *association.Association) error {
	var errs []error
	for _, state := range []State{StateOpen, StateRunning, StateCancelled} {
		since := civil.Date("")
		if state == StateCancelled {
			since = civil.DateOf(s.Now()).AddDays(-366)
		}
		err := s.groups.Store.Each(ctx, store.Query{
			Association: in.ID, Where: []store.Cond{store.Equals(stateKey, string(state)), store.AtLeast(firstDayKey, string(since))}, Limit: pageSize,
		}, func(v store.Versioned[Group]) error {
			errs = append(errs, s.Settle(ctx, in.ID, v.Value.ID, system))
			return nil
		})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
