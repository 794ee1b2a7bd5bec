package service

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
)

// MunicipalityWeek is what a municipality offers in one week.
type MunicipalityWeek struct {
	Municipality association.Municipality
	Week         activity.Week
	Items        []activity.Occurrence
	Unscheduled  []association.Activity
	Programme    string // version of the association's configuration
	Version      int64  // the same as long as the answer is
}

// MunicipalityWeek returns a municipality's week. No person is in it, so only a
// refusal is entered in the access log. An empty week is the present one. A
// municipality that is not a member is fault.ErrNotFound.
func (s *Service) MunicipalityWeek(ctx context.Context, code, week string) (*MunicipalityWeek, error) {
	a, err := guard.Caller(ctx, s.AccessLog, "getMunicipalityWeek", "municipality/"+code)
	if err != nil {
		return nil, err
	}
	w, err := activity.ParseWeek(cmp.Or(week, activity.WeekOf(civil.DateOf(s.Now())).String()))
	if err != nil {
		return nil, err
	}
	s.Programme.CatchUp(ctx)
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	m, member := in.Municipality(code)
	if !member {
		return nil, fault.ErrNotFound
	}
	cancelled, err := s.cancellationsOf(ctx, in.ID, store.Equals(municipalityKey, code), w.Monday(), w.Sunday())
	if err != nil {
		return nil, err
	}
	offered := in.Week(code).Activities
	view := &MunicipalityWeek{Municipality: m, Week: w, Programme: in.Version, Items: activity.OccurrencesIn(w, offered, cancelled)}
	for _, x := range offered {
		if !x.Scheduled() && !x.At(w.Sunday()).Gone {
			view.Unscheduled = append(view.Unscheduled, x)
		}
	}
	// The week has no steps to count, so its version is a digest of what it follows from.
	var all bytes.Buffer
	fmt.Fprintf(&all, "%s %s %s\n", code, w, in.Version)
	for _, o := range view.Items {
		if o.Cancelled != nil {
			fmt.Fprintf(&all, "%s %d\n", o.Cancelled.ID, o.Cancelled.Version())
		}
	}
	view.Version = Digest(all.Bytes())
	return view, nil
}

// Digest returns a positive number that is the same for the same text and hardly
// ever for another: the version of what is derived and has no steps. It has 53 bits,
// which every JSON number holds.
func Digest(text []byte) int64 {
	sum := sha256.Sum256(text)
	return int64(binary.BigEndian.Uint64(sum[:])>>11) | 1
}

// ActivityView is an activity as one caller sees it.
type ActivityView struct {
	association.Activity
	Operations []string // that the caller may call on it now
}

// Activities returns a part of the association's activities, or of one
// municipality's, in the order of the configuration, and how many there are; what is over is
// left out.
func (s *Service) Activities(ctx context.Context, municipality string, w store.Window) (part []ActivityView, total int, err error) {
	a, err := guard.Caller(ctx, s.AccessLog, "listActivities", "activities")
	if err != nil {
		return nil, 0, err
	}
	s.Programme.CatchUp(ctx)
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, 0, err
	}
	first, today := (w.Page-1)*w.Limit, civil.DateOf(s.Now())
	for _, week := range in.Weeks {
		if municipality != "" && week.Municipality != municipality {
			continue
		}
		for _, x := range week.Activities {
			if _, _, goesOn := activity.FirstFrom(x, today); x.Scheduled() && !goesOn {
				continue
			}
			if total >= first && total < first+w.Limit {
				v := ActivityView{Activity: x.At(today)}
				if x.Scheduled() {
					v.Operations = access.Permitted([]string{"createBooking", "cancelOccurrence"}, a, activity.ResourceOf(in.ID, x))
				}
				part = append(part, v)
			}
			total++
		}
	}
	return part, total, nil
}

// Day is who is booked into an activity on a day.
type Day struct {
	Occurrence activity.Occurrence
	Bookings   []*BookingView // in the order in which they were made
}

// Day returns the day's list of an activity of the caller's municipality, for the
// one who leads it: ids only. An activity without an occurrence on the day is
// fault.ErrNotFound.
func (s *Service) Day(ctx context.Context, activityID string, d civil.Date) (*Day, error) {
	a, x, entry, err := s.decideOnActivity(ctx, "getActivityDay", activityID, d)
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
	found, err := findAll(ctx, s.bookings.Store, a.Association, store.Equals(activityKey, activityID), store.AtLeast(lastDayKey, string(d)))
	if err != nil {
		return nil, err
	}
	day := &Day{Occurrence: o}
	for _, b := range found {
		if v := s.viewBooking(a, b); v.Status.Covers(d) && access.Allows(entry.Operation, a, b.Resource()) {
			day.Bookings = append(day.Bookings, v)
			entry.Participants = append(entry.Participants, b.Participant)
		}
	}
	slices.SortFunc(day.Bookings, func(a, b *BookingView) int {
		return cmp.Or(a.Steps[0].At.Compare(b.Steps[0].At), cmp.Compare(a.ID, b.ID))
	})
	return day, guard.Enter(ctx, s.AccessLog, entry, nil)
}

// ParticipantWeek is what a participant is booked into in one week.
type ParticipantWeek struct {
	Participant string
	Week        activity.Week
	Items       []BookedOccurrence
}

// BookedOccurrence is an occurrence that the participant is booked into.
type BookedOccurrence struct {
	activity.Occurrence
	Booking    string
	Attendance activity.Attendance // empty: not noted
}

// ParticipantWeek returns a participant's week; an empty one is the present. A coach
// sees of it what lies in the own municipality, the participant everything.
func (s *Service) ParticipantWeek(ctx context.Context, participant, week string) (*ParticipantWeek, error) {
	w, err := activity.ParseWeek(cmp.Or(week, activity.WeekOf(civil.DateOf(s.Now())).String()))
	if err != nil {
		return nil, err
	}
	a, entry, err := s.decideOnParticipant(ctx, "getParticipantWeek", participant)
	if err = guard.Enter(ctx, s.AccessLog, entry, err); err != nil {
		return nil, err
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	booked, err := findAll(ctx, s.bookings.Store, in.ID, store.Equals(participantKey, participant), store.AtLeast(lastDayKey, string(w.Monday())))
	if err != nil {
		return nil, err
	}
	view := &ParticipantWeek{Participant: participant, Week: w}
	for _, b := range booked {
		x, offered := in.Activity(b.Activity)
		if !offered || !access.Allows(entry.Operation, a, b.Resource()) {
			continue
		}
		cancelled, err := s.cancellationsOf(ctx, in.ID, store.Equals(activityKey, x.ID), w.Monday(), w.Sunday())
		if err != nil {
			return nil, err
		}
		status := b.Status()
		for _, o := range activity.OccurrencesIn(w, []association.Activity{x}, cancelled) {
			if status.Covers(o.Date) {
				view.Items = append(view.Items, BookedOccurrence{Occurrence: o, Booking: b.ID, Attendance: status.Notes[o.Date].Attendance})
			}
		}
	}
	slices.SortStableFunc(view.Items, func(a, b BookedOccurrence) int { return a.Compare(b.Occurrence) })
	return view, nil
}

// participant describes a participant, who is related to the municipalities of the
// enrolments. One who has none, such as another association's, is
// fault.ErrNotFound here.
func (s *Service) participant(ctx context.Context, a actor.Actor, participant string) (access.Resource, error) {
	found, err := findAll(ctx, s.enrolments, a.Association, store.Equals(participantKey, participant))
	if err != nil {
		return access.Resource{}, err
	}
	if len(found) == 0 {
		return access.Resource{}, fault.ErrNotFound
	}
	r := access.Resource{Association: a.Association, Participant: participant}
	for _, e := range found {
		r.Relationships = append(r.Relationships, access.Relationship{Municipality: e.Municipality})
	}
	return r, nil
}

// decideOnParticipant returns the caller and the entry of what the access table says
// to an operation on a participant.
func (s *Service) decideOnParticipant(ctx context.Context, operation, participant string) (actor.Actor, accesslog.Entry, error) {
	return guard.Ask(ctx, operation, "participant/"+participant, func(a actor.Actor) (access.Resource, error) {
		return s.participant(ctx, a, participant)
	})
}
