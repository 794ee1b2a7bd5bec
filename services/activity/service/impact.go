package service

import (
	"context"
	"slices"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/programme"
)

// maxNamed is how many bookings in conflict are named.
const maxNamed = 100

// Impact returns whom it would change something for from a day on if an association were
// after instead of before. It counts by keys, and reads no document of a person unless the
// caller may see bookings, of which it names those in conflict then.
func (s *Service) Impact(ctx context.Context, before, after *association.Association, first civil.Date) (programme.Impact, error) {
	c := programme.Compare(before, after, first)
	var i programme.Impact
	for initiative, municipalities := range c.Plans {
		running := []string{initiative, ""} // which nameInitiatives could not name: it may be this one
		n, err := s.enrolments.Count(ctx, after.ID, []store.Cond{store.IsAmong(runningKey, running), store.IsAmong(municipalityKey, municipalities)})
		if err != nil {
			return i, err
		}
		i.Enrolments += int(n)
	}
	var err error
	if i.Placements, err = s.Placements.Impact(ctx, before, after, first); err != nil {
		return i, err
	}
	var booked []programme.Booked
	behind, _ := activity.CalendarSpan(s.Now()) // what ended with its activity since then comes back with it
	for ids := range slices.Chunk(c.Activities(), pageSize) {
		groups, err := s.bookings.Store.Groups(ctx, after.ID, []store.Cond{
			store.IsAmong(activityKey, ids), store.AtLeast(lastDayKey, string(min(first, behind))), store.AtLeast(reachKey, string(first)),
		}, participantKey, activityKey, firstDayKey, reachKey)
		if err != nil {
			return i, err
		}
		for _, g := range groups {
			b := programme.Booked{Count: int(g.Count)}
			b.Participant, _ = g.Values[0].(string)
			b.Activity, _ = g.Values[1].(string)
			b.First, b.Last = dateIn(g.Values[2]), dateIn(g.Values[3])
			booked = append(booked, b)
		}
		called, err := s.cancellations.Store.Groups(ctx, after.ID, []store.Cond{store.IsAmong(activityKey, ids), store.AtLeast(openKey, string(first))}, activityKey, openKey)
		if err != nil {
			return i, err
		}
		for _, g := range called {
			if id, _ := g.Values[0].(string); c.IsLost(id, dateIn(g.Values[1])) {
				i.Cancellations += int(g.Count)
			}
		}
	}
	changed, participants, conflicts := c.Count(booked)
	i.Bookings = changed
	for people := range slices.Chunk(participants, pageSize) {
		n, err := s.addresses.Store.Count(ctx, after.ID, []store.Cond{store.IsAmong(participantKey, people), store.Equals(stateKey, string(activity.AddressOpened))})
		if err != nil {
			return i, err
		}
		i.Calendars += int(n)
	}
	for _, b := range conflicts {
		i.Conflicts += b.Count
	}
	i.Conflicting, err = s.nameConflicts(ctx, conflicts)
	return i, err
}

// nameInitiatives completes the running enrolments that an earlier version stored without
// their initiative: while an association has one only, that is it.
func (s *Service) nameInitiatives(ctx context.Context) error {
	for _, in := range s.Associations.All() {
		if len(in.Initiatives) != 1 {
			continue
		}
		q := store.Query{Association: in.ID, Where: []store.Cond{store.Equals(runningKey, "")}, Limit: pageSize}
		err := s.enrolments.Each(ctx, q, func(v store.Versioned[activity.Enrolment]) error {
			_, err := s.enrolments.Update(ctx, in.ID, v.Value.ID, 0, func(e *activity.Enrolment) error {
				return store.WriteIf(e.NameInitiative(in.Initiatives[0].ID))
			})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dateIn returns the date that is a key's value; empty for none.
func dateIn(value any) civil.Date {
	text, _ := value.(string)
	return civil.Date(text)
}

// nameConflicts returns the ids of the bookings that the caller may see, at most maxNamed. The
// access is entered before they are shown.
func (s *Service) nameConflicts(ctx context.Context, conflicts []programme.Booked) (ids []string, err error) {
	a := actor.From(ctx)
	relation := access.Scope("listBookings", a)
	if relation != access.OwnMunicipality || a.Municipality == "" || len(conflicts) == 0 {
		return nil, nil // a participant changes no programme
	}
	entry := accesslog.Entry{Operation: "listBookings", Thing: "bookings", Why: string(relation)}
	for _, b := range conflicts {
		if len(ids) >= maxNamed {
			break
		}
		found, err := findAll(ctx, s.bookings.Store, a.Association, store.Equals(participantKey, b.Participant), store.Equals(municipalityKey, a.Municipality),
			store.Equals(activityKey, b.Activity), store.Equals(firstDayKey, string(b.First)), store.Equals(reachKey, string(b.Last)))
		if err != nil {
			return nil, err
		}
		for _, x := range found {
			ids, entry.Participants = append(ids, x.ID), append(entry.Participants, x.Participant)
		}
	}
	return ids, guard.Enter(ctx, s.AccessLog, entry, nil)
}
