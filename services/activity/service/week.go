package service

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
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
	"github.com/finsam/finsam/services/activity/balance"
)

// MunicipalityWeek is what a municipality offers in one week.
type MunicipalityWeek struct {
	Municipality association.Municipality
	Week         activity.Week
	Items        []activity.Occurrence
	Unscheduled  []association.Activity
	Programme    string // another when the municipality's activities, sites or closed days are, or the association's closed days
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
	view := &MunicipalityWeek{Municipality: m, Week: w, Programme: cmp.Or(in.Week(code).Version, in.Version), Items: activity.OccurrencesIn(w, offered, cancelled)}
	for _, x := range offered {
		if !x.Scheduled() && !x.At(w.Sunday()).Gone {
			view.Unscheduled = append(view.Unscheduled, x)
		}
	}
	view.Version = versionOf(fmt.Sprintf("%s %s %s %s", code, m.Name, w, view.Programme), view.Items)
	return view, nil
}

// versionOf returns the version of a week. It has no steps to count, so that is a digest of
// what it follows from: whose it is, the programme, and what is called off.
func versionOf(whose string, items []activity.Occurrence) int64 {
	var all bytes.Buffer
	fmt.Fprintln(&all, whose)
	for _, o := range items {
		if o.Cancelled != nil {
			fmt.Fprintf(&all, "%s %d\n", o.Cancelled.ID, o.Cancelled.Version())
		}
	}
	return Digest(all.Bytes())
}

// LeaderWeek is what a member of staff leads in one week, in all municipalities.
type LeaderWeek struct {
	Leader  string // subject
	Week    activity.Week
	Items   []activity.Occurrence
	Version int64 // the same as long as the answer is
}

// Myself is the caller, in place of a leader's id.
const Myself = "me"

// LeaderWeek returns the week of a leader, or of the caller as one: empty for who leads nothing.
// An empty week is the present one. No person is in it, so only a refusal is entered in the
// access log.
func (s *Service) LeaderWeek(ctx context.Context, leader, week string) (*LeaderWeek, error) {
	a, err := guard.Caller(ctx, s.AccessLog, "getLeaderWeek", "leader/"+leader)
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
	if leader == Myself {
		leader = a.Subject
	}
	view := &LeaderWeek{Leader: leader, Week: w}
	isLed := func(x association.Activity) bool { return x.Leader == leader }
	for _, offered := range in.Weeks {
		var led []association.Activity
		for _, x := range offered.Activities {
			if isLed(x) || slices.ContainsFunc(x.Later, isLed) {
				led = append(led, x)
			}
		}
		if led == nil {
			continue
		}
		cancelled, err := s.cancellationsOf(ctx, in.ID, store.Equals(municipalityKey, offered.Municipality), w.Monday(), w.Sunday())
		if err != nil {
			return nil, err
		}
		view.Items = append(view.Items, activity.OccurrencesIn(w, led, cancelled)...)
	}
	view.Items = slices.DeleteFunc(view.Items, func(o activity.Occurrence) bool { return !isLed(o.Activity) })
	slices.SortStableFunc(view.Items, activity.Occurrence.Compare)
	view.Version = versionOf(fmt.Sprintf("%q %s %s", leader, w, in.Version), view.Items)
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
					v.Operations = append(access.Permitted([]string{"createBooking"}, a, bookingOf(in.ID, "", a.Municipality, x)), // of the caller's participants, wherever it is
						access.Permitted([]string{"cancelOccurrence"}, a, activity.ResourceOf(in.ID, x))...)
				}
				part = append(part, v)
			}
			total++
		}
	}
	return part, total, nil
}

// ParticipantWeek is what a participant is booked into in one week.
type ParticipantWeek struct {
	Participant string
	Week        activity.Week
	Items       []activity.BookedOccurrence
	Lacks       []activity.Shortfall // what the rules of the programme want besides
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
	view := &ParticipantWeek{Participant: participant, Week: w}
	if view.Items, err = s.bookedIn(ctx, a, entry.Operation, in, participant, w); err != nil {
		return nil, err
	}
	view.Lacks, err = s.lacksOf(ctx, a, in, participant, w)
	return view, err
}

// bookedIn returns what a participant's week has, of what the caller may see by an operation.
func (s *Service) bookedIn(ctx context.Context, a actor.Actor, operation string, in *association.Association, participant string, w activity.Week) (items []activity.BookedOccurrence, err error) {
	booked, err := findAll(ctx, s.bookings.Store, in.ID, store.Equals(participantKey, participant), store.AtLeast(lastDayKey, string(w.Monday())))
	if err != nil {
		return nil, err
	}
	absences, err := findAll(ctx, s.absences.Store, in.ID, store.Equals(participantKey, participant), store.AtLeast(lastDayKey, string(w.Monday())))
	if err != nil {
		return nil, err
	}
	for _, b := range booked {
		x, offered := in.Activity(b.Activity)
		if !offered || !access.Allows(operation, a, b.Resource()) {
			continue
		}
		cancelled, err := s.cancellationsOf(ctx, in.ID, store.Equals(activityKey, x.ID), w.Monday(), w.Sunday())
		if err != nil {
			return nil, err
		}
		status := b.Status()
		for _, o := range activity.OccurrencesIn(w, []association.Activity{x}, cancelled) {
			if status.Covers(o.Date) {
				items = append(items, activity.BookedOccurrence{Occurrence: o, Booking: b.ID, Mark: status.On(o, absences)})
			}
		}
	}
	placed, err := s.Placements.Within(ctx, in.ID, []string{participant}, w.Monday(), w.Sunday())
	if err != nil {
		return nil, err
	}
	for _, p := range placed {
		if !access.Allows(operation, a, p.Resource(association.Site{})) {
			continue
		}
		items = append(items, s.Placements.DaysIn(p, w, absences)...)
	}
	slices.SortStableFunc(items, func(a, b activity.BookedOccurrence) int { return a.Compare(b.Occurrence) })
	return items, nil
}

// Day is who is booked into an activity on a day.
type Day struct {
	Occurrence activity.Occurrence
	Bookings   []DayRow // in the order in which the bookings were made
}

// DayRow is a booking on a day's list.
type DayRow struct {
	*BookingView
	activity.Mark
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
	days, err := s.daysOf(ctx, a, &entry, d, x)
	if err != nil {
		return nil, err
	}
	if len(days) == 0 {
		return nil, fault.ErrNotFound
	}
	return days[0], guard.Enter(ctx, s.AccessLog, entry, nil)
}

// StaffDay returns the day's lists of the activities that the caller leads, and of the own
// municipality's without a named leader, in the order of time. One entry of the access log
// names all persons.
func (s *Service) StaffDay(ctx context.Context, d civil.Date) ([]*Day, error) {
	entry := accesslog.Entry{Operation: "getDay", Thing: "day/" + string(d)}
	a, err := guard.Caller(ctx, s.AccessLog, entry.Operation, entry.Thing)
	if err != nil {
		return nil, err
	}
	if !activity.IsDate(d) {
		return nil, activity.ErrDate.AtField("date")
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	var own []association.Activity
	for _, x := range in.Week(a.Municipality).Activities {
		if access.Allows(entry.Operation, a, activity.ResourceOf(in.ID, x.At(d))) {
			own = append(own, x)
		}
	}
	entry.Why = string(access.Scope(entry.Operation, a))
	days, err := s.daysOf(ctx, a, &entry, d, own...)
	return days, guard.Enter(ctx, s.AccessLog, entry, err)
}

// daysOf returns the lists of a day of those of some activities that have an occurrence on
// it, in the order of time, and adds to the entry who is on them.
func (s *Service) daysOf(ctx context.Context, a actor.Actor, entry *accesslog.Entry, d civil.Date, of ...association.Activity) ([]*Day, error) {
	var ids []string
	for _, x := range of {
		ids = append(ids, x.ID)
	}
	cancelled, err := s.cancellationsOf(ctx, a.Association, store.IsAmong(activityKey, ids), d, d)
	if err != nil {
		return nil, err
	}
	lists := map[string]*Day{}
	var days []*Day
	for _, x := range of {
		if o, occurs := activity.OccurrenceOn(x, d, cancelled); occurs {
			lists[x.ID] = &Day{Occurrence: o}
			days = append(days, lists[x.ID])
		}
	}
	if len(days) == 0 {
		return nil, nil
	}
	booked, err := findAll(ctx, s.bookings.Store, a.Association, store.IsAmong(activityKey, ids), store.AtLeast(lastDayKey, string(d)))
	if err != nil {
		return nil, err
	}
	var participants []string
	for _, b := range booked {
		participants = append(participants, b.Participant)
	}
	absences, err := s.absencesOf(ctx, a.Association, participants, d)
	if err != nil {
		return nil, err
	}
	for _, b := range booked {
		day := lists[b.Activity]
		if day == nil || !access.Allows(entry.Operation, a, b.Resource()) {
			continue
		}
		if v := s.viewBooking(a, b); v.Status.Covers(d) {
			day.Bookings = append(day.Bookings, DayRow{v, v.Status.On(day.Occurrence, absences[b.Participant])})
			entry.Participants = append(entry.Participants, b.Participant)
		}
	}
	slices.Sort(entry.Participants)
	entry.Participants = slices.Compact(entry.Participants)
	slices.SortFunc(days, func(x, y *Day) int { return x.Occurrence.Compare(y.Occurrence) })
	for _, day := range days {
		slices.SortFunc(day.Bookings, func(x, y DayRow) int {
			return cmp.Or(x.Steps[0].At.Compare(y.Steps[0].At), cmp.Compare(x.ID, y.ID))
		})
	}
	return days, nil
}

// maxProposals is how many changes of a week are proposed, the best ones.
const maxProposals = 10

// Manageable returns what a participant manages; without steps nobody has said it.
func (s *Service) Manageable(ctx context.Context, participant string) (*balance.Manageable, error) {
	a, entry, err := s.decideOnParticipant(ctx, "getManageableLoad", participant)
	if err = guard.Enter(ctx, s.AccessLog, entry, err); err != nil {
		return nil, err
	}
	return s.manageableOf(ctx, a.Association, participant)
}

func (s *Service) manageableOf(ctx context.Context, association, participant string) (*balance.Manageable, error) {
	v, err := s.manageable.Get(ctx, association, participant)
	if errors.Is(err, store.ErrNotFound) {
		return &balance.Manageable{Association: association, Participant: participant}, nil
	}
	return v.Value, err
}

// StateManageable notes what a participant manages from now on.
func (s *Service) StateManageable(ctx context.Context, participant string, l balance.Limits) (*balance.Manageable, error) {
	a, entry, err := s.decideOnParticipant(ctx, "stateManageableLoad", participant)
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	by, now := guard.Author(ctx), s.Now()
	var saved *balance.Manageable
	err = s.manageable.Upsert(ctx, a.Association, participant, func() *balance.Manageable {
		return &balance.Manageable{Association: a.Association, Participant: participant}
	}, func(m *balance.Manageable) error {
		saved = m
		return m.State(l, by, now)
	})
	if err := guard.Enter(ctx, s.AccessLog, entry, err); err != nil {
		return nil, err
	}
	return saved, nil
}

// WeekBalance is a participant's week beside what the participant manages.
type WeekBalance struct {
	Participant string
	Week        activity.Week
	Limits      balance.Limits
	balance.Balance
}

// Balance compares a participant's week with what the participant manages, and proposes changes
// among what the municipality offers that week and has places for, what the enrolment lets be
// booked, on days of which no absence is reported. It changes nothing.
func (s *Service) Balance(ctx context.Context, participant, week string) (*WeekBalance, error) {
	w, err := activity.ParseWeek(cmp.Or(week, activity.WeekOf(civil.DateOf(s.Now())).String()))
	if err != nil {
		return nil, err
	}
	a, entry, err := s.decideOnParticipant(ctx, "getWeekBalance", participant)
	if err = guard.Enter(ctx, s.AccessLog, entry, err); err != nil {
		return nil, err
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	m, err := s.manageableOf(ctx, in.ID, participant)
	if err != nil {
		return nil, err
	}
	booked, err := s.bookedIn(ctx, a, entry.Operation, in, participant, w)
	if err != nil {
		return nil, err
	}
	enrolments, err := findAll(ctx, s.enrolments, in.ID, store.Equals(participantKey, participant))
	if err != nil {
		return nil, err
	}
	absences, err := s.absencesOf(ctx, in.ID, []string{participant}, w.Monday())
	if err != nil {
		return nil, err
	}
	var offered []activity.Occurrence
	today, seen := civil.DateOf(s.Now()), map[string]bool{}
	for _, e := range enrolments {
		if e.Closed || seen[e.Municipality] {
			continue
		}
		seen[e.Municipality] = true
		cancelled, err := s.cancellationsOf(ctx, in.ID, store.Equals(municipalityKey, e.Municipality), w.Monday(), w.Sunday())
		if err != nil {
			return nil, err
		}
		for _, o := range activity.OccurrencesIn(w, in.Week(e.Municipality).Activities, cancelled) {
			isOpen := slices.ContainsFunc(enrolments, func(x *activity.Enrolment) bool {
				return x.Municipality == e.Municipality && x.CanBook(o.Activity, o.Date, today) == nil
			})
			isAway := activity.Status{}.On(o, absences[participant]).Absence != nil
			if isOpen && !isAway {
				offered = append(offered, o)
			}
		}
	}
	v := &WeekBalance{Participant: participant, Week: w, Limits: m.Now(), Balance: balance.Of(w, booked, offered, m.Now(), today)}
	v.Proposals, err = s.withPlaces(ctx, in.ID, v.Proposals)
	return v, err
}

// withPlaces returns the best proposals into which somebody can still be booked.
func (s *Service) withPlaces(ctx context.Context, association string, all []balance.Proposal) (some []balance.Proposal, err error) {
	for _, p := range all {
		if len(some) == maxProposals {
			break
		}
		x := p.In.Activity
		if x.Capacity > 0 {
			free, err := s.freeAt(ctx, association, x, p.In.Date)
			if err != nil {
				return nil, err
			}
			if free == 0 {
				continue
			}
		}
		some = append(some, p)
	}
	return some, nil
}
