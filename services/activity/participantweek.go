package activity

import (
	"context"
	"slices"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
)

// ParticipantWeek is what a participant is booked into in one week.
type ParticipantWeek struct {
	Participant string
	Week        Week
	Items       []Attended
}

// Attended is an occurrence that the participant is booked into, with the
// attendance noted; empty: none noted.
type Attended struct {
	Booking    string
	Attendance Attendance
	Occurrence
}

// ParticipantWeek returns a participant's week. A coach sees of it what lies in
// the own municipality, the participant all.
func (s *Service) ParticipantWeek(ctx context.Context, participant, week string) (*ParticipantWeek, error) {
	const operation = "getParticipantWeek"
	a, err := may(ctx, operation)
	if err != nil {
		return nil, err
	}
	w, err := s.thisWeek(week)
	if err != nil {
		return nil, err
	}
	if err := s.person(ctx, operation, a, participant); err != nil {
		return nil, err
	}
	in, err := s.programme(a)
	if err != nil {
		return nil, err
	}
	booked, err := every(ctx, s.bookings, in.ID, 1000, is(keyParticipant, participant), from(keyLast, string(w.Monday())))
	if err != nil {
		return nil, err
	}
	view := &ParticipantWeek{Participant: participant, Week: w}
	for _, b := range booked {
		if !access.Allows(operation, a, b.Value.Resource()) {
			continue
		}
		items, err := s.attended(ctx, in, b.Value, w)
		if err != nil {
			return nil, err
		}
		view.Items = append(view.Items, items...)
	}
	slices.SortStableFunc(view.Items, func(a, b Attended) int { return byTime(a.Occurrence, b.Occurrence) })
	return view, nil
}

// attended returns the occurrences of one booking in a week.
func (s *Service) attended(ctx context.Context, in *association.Association, b *Booking, w Week) ([]Attended, error) {
	x, offered := in.Activity(b.Activity)
	if !offered {
		return nil, nil
	}
	called, err := s.called(ctx, in.ID, is(keyActivity, x.ID), w.Monday(), w.Sunday())
	if err != nil {
		return nil, err
	}
	var items []Attended
	for _, o := range OccurrencesIn(w, []association.Activity{x}, called) {
		if b.Covers(o.Date) {
			n, _ := b.AttendanceOn(o.Date)
			items = append(items, Attended{Booking: b.ID, Attendance: n.Attendance, Occurrence: o})
		}
	}
	return items, nil
}

// person decides whether the caller may do this for a participant. The ties are
// the municipalities of the participant's enrolments; one who has none, such as
// another association's, does not exist here.
func (s *Service) person(ctx context.Context, operation string, a actor.Actor, participant string) error {
	found, err := every(ctx, s.enrolments, a.Association, 100, is(keyParticipant, participant))
	if err == nil && len(found) == 0 {
		err = fault.ErrNotFound
	}
	t := access.Resource{Association: a.Association, Participant: participant}
	for _, e := range found {
		t.Relationships = append(t.Relationships, access.Relationship{Municipality: e.Value.Municipality})
	}
	return s.decide(ctx, operation, "participant/"+participant, t, err)
}
