package service

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
)

// AbsenceView is an absence as one caller sees it.
type AbsenceView struct {
	*activity.Absence
	Operations []string // that the caller may call on it now
}

func (s *Service) viewAbsence(ctx context.Context, a actor.Actor, x *activity.Absence) (*AbsenceView, error) {
	r, err := s.participant(ctx, a, x.Participant)
	return &AbsenceView{x, access.Permitted(x.Operations(), a, r)}, err
}

// ReportAbsence notes that a participant will not come for some days. A repeat with the same
// key returns the absence as it was made.
func (s *Service) ReportAbsence(ctx context.Context, participant string, span activity.Span, key string) (*AbsenceView, error) {
	a, entry, err := s.decideOnParticipant(ctx, "reportAbsence", participant)
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	x, replayed, err := create(ctx, s, creation[activity.Absence]{
		collection: s.absences.Store, key: key, entry: entry,
		input:   fmt.Sprintf("%q %q %q %q", participant, span.From, span.Until, span.Reason),
		receipt: func(x *activity.Absence) idempotency.Receipt { return x.Receipt },
		build: func(id string, receipt idempotency.Receipt) (*activity.Absence, error) {
			return activity.ReportAbsence(id, a.Association, participant, span, receipt, guard.Author(ctx), s.Now())
		},
	})
	if err != nil {
		return nil, err
	}
	if replayed {
		x.Steps = x.Steps[:1]
	}
	return s.viewAbsence(ctx, a, x)
}

// Absence returns an absence of a participant.
func (s *Service) Absence(ctx context.Context, participant, id string) (*AbsenceView, error) {
	a := actor.From(ctx)
	v, err := s.absences.Load(ctx, a, guard.Call{Operation: "getAbsence", ID: id, Parent: participant})
	if err != nil {
		return nil, err
	}
	return s.viewAbsence(ctx, a, v.Value)
}

// CorrectAbsence lets an absence be for other days, or another reason.
func (s *Service) CorrectAbsence(ctx context.Context, participant, id string, ifVersion int64, to activity.Span) (*AbsenceView, error) {
	return s.changeAbsence(ctx, guard.Call{Operation: "correctAbsence", ID: id, Parent: participant, IfVersion: ifVersion}, func(x *activity.Absence) error {
		changed, err := x.Correct(to, guard.Author(ctx), s.Now())
		if err != nil {
			return err
		}
		return store.WriteIf(changed)
	})
}

// WithdrawAbsence takes an absence back.
func (s *Service) WithdrawAbsence(ctx context.Context, participant, id string, ifVersion int64) (*AbsenceView, error) {
	return s.changeAbsence(ctx, guard.Call{Operation: "withdrawAbsence", ID: id, Parent: participant, IfVersion: ifVersion}, func(x *activity.Absence) error {
		return x.Withdraw(guard.Author(ctx), s.Now())
	})
}

func (s *Service) changeAbsence(ctx context.Context, c guard.Call, change func(*activity.Absence) error) (*AbsenceView, error) {
	a := actor.From(ctx)
	v, err := s.absences.Change(ctx, a, c, func(v store.Versioned[activity.Absence]) error { return change(v.Value) })
	if err != nil {
		return nil, err
	}
	s.publisher.Wake()
	return s.viewAbsence(ctx, a, v.Value)
}

// Absences returns a participant's absences, the latest first.
func (s *Service) Absences(ctx context.Context, participant string, w store.Window) (*store.List[*AbsenceView], error) {
	a, entry, err := s.decideOnParticipant(ctx, "listAbsences", participant)
	if err = guard.Enter(ctx, s.AccessLog, entry, err); err != nil {
		return nil, err
	}
	r, err := s.participant(ctx, a, participant)
	if err != nil {
		return nil, err
	}
	list := &store.List[*AbsenceView]{}
	found, total, err := s.absences.Store.List(ctx, store.Query{
		Association: a.Association, Sort: latestFirst, Where: []store.Cond{store.Equals(participantKey, participant)},
	}, w)
	if err != nil {
		return nil, err
	}
	list.Total, list.Next = total, found.Next.String()
	for _, v := range found.Items {
		list.Items = append(list.Items, &AbsenceView{v.Value, access.Permitted(v.Value.Operations(), a, r)})
	}
	return list, nil
}

// absencesOf returns the absences of participants that end on a day or later.
func (s *Service) absencesOf(ctx context.Context, association string, participants []string, from civil.Date) (map[string][]*activity.Absence, error) {
	of := map[string][]*activity.Absence{}
	slices.Sort(participants)
	for some := range slices.Chunk(slices.Compact(participants), pageSize) {
		found, err := findAll(ctx, s.absences.Store, association, store.IsAmong(participantKey, some), store.AtLeast(lastDayKey, string(from)))
		if err != nil {
			return nil, err
		}
		for _, x := range found {
			of[x.Participant] = append(of[x.Participant], x)
		}
	}
	return of, nil
}

// SignalView is a signal as one caller sees it.
type SignalView struct {
	*activity.Signal
	Operations []string // that the caller may call on it now
}

func viewSignal(a actor.Actor, x *activity.Signal) *SignalView {
	v := &SignalView{Signal: x}
	if x.State() == activity.SignalOpen {
		v.Operations = access.Permitted([]string{"followUpAbsence"}, a, x.Resource())
	}
	return v
}

// Signal returns a signal of absence, by the enrolment's id.
func (s *Service) Signal(ctx context.Context, id string) (*SignalView, error) {
	a := actor.From(ctx)
	v, err := s.signals.Load(ctx, a, guard.Call{Operation: "getAbsenceSignal", ID: id})
	if err != nil {
		return nil, err
	}
	return viewSignal(a, v.Value), nil
}

// FollowUp says what the coach did about an absence.
func (s *Service) FollowUp(ctx context.Context, id string, ifVersion int64, action string) (*SignalView, error) {
	a := actor.From(ctx)
	v, err := s.signals.Change(ctx, a, guard.Call{Operation: "followUpAbsence", ID: id, IfVersion: ifVersion}, func(v store.Versioned[activity.Signal]) error {
		return v.Value.FollowUp(action, guard.Author(ctx), s.Now())
	})
	if err != nil {
		return nil, err
	}
	s.publisher.Wake()
	return viewSignal(a, v.Value), nil
}

// Signals returns the signals of the caller's municipality, those that changed last first,
// or of one coach, or in one state. One entry of the access log names all persons shown.
func (s *Service) Signals(ctx context.Context, coach string, state activity.SignalState, w store.Window) (*store.List[*SignalView], error) {
	entry := accesslog.Entry{Operation: "listAbsenceSignals", Thing: "absence-signals"}
	a, err := guard.Caller(ctx, s.AccessLog, entry.Operation, entry.Thing)
	if err != nil {
		return nil, err
	}
	where := []store.Cond{store.Equals(municipalityKey, a.Municipality)}
	for _, c := range []store.Cond{store.Equals(coachKey, coach), store.Equals(stateKey, string(state))} {
		if c.Value != "" {
			where = append(where, c)
		}
	}
	list := &store.List[*SignalView]{}
	found, total, err := s.signals.Store.List(ctx, store.Query{Association: a.Association, Sort: []store.Order{{Key: changedKey, Desc: true}}, Where: where}, w)
	if err != nil {
		return nil, err
	}
	list.Total, list.Next = total, found.Next.String()
	for _, v := range found.Items {
		if access.Allows(entry.Operation, a, v.Value.Resource()) { // a token without a municipality has none
			entry.Participants = append(entry.Participants, v.Value.Participant)
			list.Items = append(list.Items, viewSignal(a, v.Value))
		}
	}
	entry.Why = string(access.Scope(entry.Operation, a))
	return list, guard.Enter(ctx, s.AccessLog, entry, nil)
}

// What is known of absence, before and after today, is looked at for so many days.
const (
	absenceLookBehind = 12 * 7
	absenceLookAhead  = 31
)

// watchAbsence notices patterns of absence of the enrolments of an event, and that there are
// none any more since something was corrected. The same event may come again.
func (s *Service) watchAbsence(ctx context.Context, event feed.Event, of store.Cond) error {
	in, err := s.Associations.Get(event.Association)
	if err != nil {
		return nil // no longer served here: nobody asks
	}
	found, err := findAll(ctx, s.enrolments, event.Association, of)
	if err != nil {
		return err
	}
	by, today := history.System("activity"), civil.DateOf(s.Now())
	by.TraceParent = event.TraceParent
	for _, e := range found {
		if e.Closed {
			continue
		}
		first, last := today.AddDays(-absenceLookBehind), today.AddDays(absenceLookAhead)
		booked, err := findAll(ctx, s.bookings.Store, e.Association, store.Equals(participantKey, e.Participant), store.AtLeast(lastDayKey, string(first)))
		if err != nil {
			return err
		}
		var ids []string
		own := booked[:0]
		for _, b := range booked {
			if b.Enrolment == e.ID {
				own, ids = append(own, b), append(ids, b.Activity)
			}
		}
		absences, err := s.absencesOf(ctx, e.Association, []string{e.Participant}, first)
		if err != nil {
			return err
		}
		cancelled, err := s.cancellationsOf(ctx, e.Association, store.IsAmong(activityKey, ids), first, last)
		if err != nil {
			return err
		}
		turnouts := activity.TurnoutsOf(own, absences[e.Participant], cancelled, in.Activity, first, last)
		i, _ := in.Choose(e.Initiative)
		rule := i.PlanIn(e.Municipality).Absence.Whole()
		err = s.signals.Store.Upsert(ctx, e.Association, e.ID, func() *activity.Signal {
			return &activity.Signal{Association: e.Association, ID: e.ID}
		}, func(x *activity.Signal) error {
			return store.WriteIf(x.Follow(e, activity.Patterns(x.Counted(turnouts), rule), event.ID, by, s.Now()))
		})
		if err != nil {
			return err
		}
	}
	s.publisher.Wake()
	return nil
}

// WeekShortfalls are the rules that an enrolment's week does not keep to.
type WeekShortfalls struct {
	*activity.Enrolment
	Lacks []activity.Shortfall
}

// Shortfalls returns a part of the enrolments of the caller's municipality, or of one coach,
// whose week lacks what the programme's rules want, and how many there are; an empty week is
// the present one. One entry of the access log names all persons shown.
func (s *Service) Shortfalls(ctx context.Context, week, coach string, p store.Window) (w activity.Week, part []WeekShortfalls, total int, err error) {
	entry := accesslog.Entry{Operation: "listWeeklyShortfalls", Thing: "weekly-shortfalls"}
	a, err := guard.Caller(ctx, s.AccessLog, entry.Operation, entry.Thing)
	if err != nil {
		return w, nil, 0, err
	}
	if w, err = activity.ParseWeek(cmp.Or(week, activity.WeekOf(civil.DateOf(s.Now())).String())); err != nil {
		return w, nil, 0, err
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return w, nil, 0, err
	}
	rules, people := map[*activity.Enrolment][]association.Rule{}, []string{}
	var ruled []*activity.Enrolment
	for _, i := range in.Initiatives {
		if a.Municipality == "" || len(i.PlanIn(a.Municipality).Rules) == 0 {
			continue
		}
		found, err := findAll(ctx, s.enrolments, in.ID, store.Equals(runningKey, i.ID), store.Equals(municipalityKey, a.Municipality))
		if err != nil {
			return w, nil, 0, err
		}
		for _, e := range found {
			if rules[e] = rulesIn(in, e, w); len(rules[e]) > 0 && (coach == "" || e.Coach == coach) && access.Allows(entry.Operation, a, e.Resource()) {
				ruled, people = append(ruled, e), append(people, e.Participant)
			}
		}
	}
	weeks, err := s.weeksOf(ctx, in, people, w)
	if err != nil {
		return w, nil, 0, err
	}
	slices.SortFunc(ruled, func(x, y *activity.Enrolment) int { return cmp.Compare(x.ID, y.ID) })
	for _, e := range ruled {
		lacks := activity.ShortfallsIn(w, rules[e], weeks[e.Participant], civil.DateOf(s.Now()))
		if len(lacks) == 0 {
			continue
		}
		if first := (p.Page - 1) * p.Limit; total >= first && total < first+p.Limit {
			part = append(part, WeekShortfalls{e, lacks})
			entry.Participants = append(entry.Participants, e.Participant)
		}
		total++
	}
	entry.Why = string(access.Scope(entry.Operation, a))
	return w, part, total, guard.Enter(ctx, s.AccessLog, entry, nil)
}

// lacksOf returns what a participant's week lacks, by the rules of the enrolments whose weeks
// the caller may see.
func (s *Service) lacksOf(ctx context.Context, a actor.Actor, in *association.Association, participant string, w activity.Week) (lacks []activity.Shortfall, err error) {
	enrolled, err := findAll(ctx, s.enrolments, in.ID, store.Equals(participantKey, participant))
	if err != nil {
		return nil, err
	}
	for _, e := range enrolled {
		rules := rulesIn(in, e, w)
		if len(rules) == 0 || !access.Allows("getParticipantWeek", a, e.Resource()) {
			continue
		}
		weeks, err := s.weeksOf(ctx, in, []string{participant}, w)
		if err != nil {
			return nil, err
		}
		lacks = append(lacks, activity.ShortfallsIn(w, rules, weeks[participant], civil.DateOf(s.Now()))...)
	}
	return lacks, nil
}

// rulesIn returns the rules that hold for an enrolment's week; none for one in which nothing
// takes place from Monday to Friday.
func rulesIn(in *association.Association, e *activity.Enrolment, w activity.Week) []association.Rule {
	i, _ := in.Choose(e.Initiative)
	calendar := in.CalendarIn(e.Municipality)
	for n := range 5 {
		if !calendar.IsClosed(w.Monday().AddDays(n)) {
			return e.RulesIn(w, i.PlanIn(e.Municipality))
		}
	}
	return nil
}

// weeksOf returns what participants are booked into in a week, with what is known of it.
func (s *Service) weeksOf(ctx context.Context, in *association.Association, participants []string, w activity.Week) (map[string][]activity.BookedOccurrence, error) {
	absences, err := s.absencesOf(ctx, in.ID, participants, w.Monday())
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, week := range in.Weeks {
		for _, x := range week.Activities {
			ids = append(ids, x.ID)
		}
	}
	cancelled := activity.Cancellations{}
	if len(participants) > 0 {
		if cancelled, err = s.cancellationsOf(ctx, in.ID, store.IsAmong(activityKey, ids), w.Monday(), w.Sunday()); err != nil {
			return nil, err
		}
	}
	weeks := map[string][]activity.BookedOccurrence{}
	for some := range slices.Chunk(participants, pageSize) {
		booked, err := findAll(ctx, s.bookings.Store, in.ID, store.IsAmong(participantKey, some), store.AtLeast(lastDayKey, string(w.Monday())))
		if err != nil {
			return nil, err
		}
		for _, b := range booked {
			x, offered := in.Activity(b.Activity)
			if !offered {
				continue
			}
			status := b.Status()
			for _, o := range activity.OccurrencesIn(w, []association.Activity{x}, cancelled) {
				if status.Covers(o.Date) {
					weeks[b.Participant] = append(weeks[b.Participant], activity.BookedOccurrence{Occurrence: o, Booking: b.ID, Mark: status.On(o, absences[b.Participant])})
				}
			}
		}
		placed, err := s.Placements.Within(ctx, in.ID, some, w.Monday(), w.Sunday())
		if err != nil {
			return nil, err
		}
		for _, p := range placed {
			weeks[p.Participant] = append(weeks[p.Participant], s.Placements.DaysIn(p, w, absences[p.Participant])...)
		}
	}
	return weeks, nil
}
