package service

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
)

// NoteAttendance notes attendance on a day of a booking.
func (s *Service) NoteAttendance(ctx context.Context, id string, ifVersion int64, n activity.Note) (*BookingView, error) {
	return s.changeAttendance(ctx, "noteAttendance", id, ifVersion, n, func(b *activity.Booking) error {
		in, err := s.Associations.Get(b.Association)
		if err != nil {
			return err
		}
		x, known := in.Activity(b.Activity)
		cancelled, err := s.cancellationsOf(ctx, in.ID, store.Equals(activityKey, b.Activity), n.Date, n.Date)
		if err != nil {
			return err
		}
		changed, err := b.NoteAttendance(x, known, n, cancelled, guard.Author(ctx), s.Now())
		if err != nil {
			return err
		}
		e, err := s.enrolments.Get(ctx, b.Association, b.Enrolment)
		if err != nil {
			return err
		}
		if err := e.Value.CanAttend(x.At(n.Date), n.Date); err != nil {
			return err
		}
		return store.WriteIf(changed)
	})
}

// CorrectAttendance marks the note of a day as a mistake; reason is in clear.
func (s *Service) CorrectAttendance(ctx context.Context, id string, ifVersion int64, n activity.Note, reason string) (*BookingView, error) {
	return s.changeAttendance(ctx, "correctAttendance", id, ifVersion, n, func(b *activity.Booking) error {
		in, err := s.Associations.Get(b.Association)
		if err != nil {
			return err
		}
		text, err := s.Cipher.EncryptText(reason, reasonContext(id))
		if err != nil {
			return err
		}
		cancelled, err := s.cancellationsOf(ctx, in.ID, store.Equals(activityKey, b.Activity), n.Date, n.Date)
		if err != nil {
			return err
		}
		wasAway := b.Status().IsAway(n.Date)
		err = b.CorrectAttendance(n, text, cancelled, actor.From(ctx).Has(actor.Manager), in.DaysToCorrect(b.Initiative, b.Municipality), guard.Author(ctx), s.Now())
		if err == nil && wasAway && !b.Status().IsAway(n.Date) {
			err = s.regainPlace(ctx, in, b, n.Date)
		}
		return err
	})
}

// changeAttendance lets a booking take a note. Somebody is present only at an occurrence
// that is not called off in the same moment.
func (s *Service) changeAttendance(ctx context.Context, operation, id string, ifVersion int64, n activity.Note, change func(*activity.Booking) error) (*BookingView, error) {
	var at activity.OccurrenceKey
	claim := activity.Claim{Booking: id, At: history.Stamp(s.Now())}
	v, err := s.changeBooking(ctx, operation, id, ifVersion, func(b *activity.Booking) error {
		if err := change(b); err != nil || !n.Came() {
			return err
		}
		at = activity.OccurrenceKey{Activity: b.Activity, Date: n.Date}
		return s.claimOccurrence(ctx, b.Association, at, claim)
	})
	if errors.Is(err, store.ErrStale) && at.Activity != "" { // somebody else has changed the booking
		return v, errors.Join(err, s.releaseOccurrence(ctx, actor.From(ctx).Association, at, claim))
	}
	return v, err
}

// Row is a row of a day's list, as somebody noted it.
type Row struct {
	Booking string
	activity.Note
}

// RowAnswer is what became of a row.
type RowAnswer struct {
	Outcome activity.Outcome
	Err     error             // why it was refused
	Booking *activity.Booking // nil when it is not on the list
}

// list is the rows of a day's list, and what they are decided by.
type list struct {
	activity association.Activity
	date     civil.Date
	rows     []Row
	answers  []RowAnswer

	bookings   map[string]store.Versioned[activity.Booking]
	enrolments map[string]*activity.Enrolment
	isOff      bool // somebody called the occurrence off
	by         history.Author
	now        time.Time
}

// take lets a booking take its rows, and reports whether there was anything to write and
// whether somebody came.
func (l *list) take(b *activity.Booking) (changed, came bool) {
	for i, r := range l.rows {
		if r.Booking != b.ID {
			continue
		}
		answer, before := &l.answers[i], b.Version()
		answer.Booking = b
		answer.Outcome, answer.Err = b.NoteRow(l.enrolments[b.Enrolment], l.activity, r.Note, l.isOff, l.by, l.now)
		changed, came = changed || b.Version() != before, came || b.Version() != before && r.Came()
	}
	return changed, came
}

// NoteDay notes rows of the list of an activity's day, each by itself: what becomes of one
// changes nothing for another. What comes once more changes nothing. The access is entered
// before anything is written, in one entry that names all persons; an error says that rows
// may have been noted, and the same call again finds them.
func (s *Service) NoteDay(ctx context.Context, activityID string, d civil.Date, rows []Row) ([]RowAnswer, error) {
	a, x, entry, err := s.decideOnActivity(ctx, "noteDayAttendances", activityID, d)
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	l := &list{activity: x, date: d, rows: rows, answers: make([]RowAnswer, len(rows)), by: guard.Author(ctx), now: s.Now()}
	if err := s.fill(ctx, a, l); err != nil {
		return nil, err
	}
	var changed []store.Versioned[activity.Booking]
	var claims []activity.Claim
	for id, v := range l.bookings {
		entry.Participants = append(entry.Participants, v.Value.Participant)
		isChanged, came := l.take(v.Value)
		if isChanged {
			changed = append(changed, v)
		}
		if came {
			claims = append(claims, activity.Claim{Booking: id, At: history.Stamp(l.now)})
		}
	}
	slices.Sort(entry.Participants)
	if err := guard.Enter(ctx, s.AccessLog, entry, nil); err != nil {
		return nil, err
	}
	if len(claims) > 0 {
		err := s.claimOccurrence(ctx, a.Association, activity.OccurrenceKey{Activity: activityID, Date: d}, claims...)
		if l.isOff = l.isOff || errors.Is(err, activity.ErrDayOff); err != nil && !l.isOff {
			return nil, guard.Enter(ctx, s.AccessLog, entry, err)
		}
	}
	var g errgroup.Group
	g.SetLimit(maxWrites)
	for _, v := range changed {
		g.Go(func() error {
			_, err := s.bookings.Store.Replace(ctx, v)
			if errors.Is(err, store.ErrStale) { // another phone was faster
				_, err = s.bookings.Store.Update(ctx, a.Association, v.Value.ID, 0, func(b *activity.Booking) error {
					changed, _ := l.take(b)
					return store.WriteIf(changed)
				})
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	s.publisher.Wake()
	for i, r := range l.answers {
		switch {
		case r.Outcome == "":
			l.answers[i].Outcome, l.answers[i].Err = activity.OutcomeRefused, activity.ErrNotListed.AtField("/booking")
		case r.Outcome != activity.OutcomeRefused && l.isOff:
			l.answers[i].Outcome = activity.OutcomeConflict
		}
	}
	return l.answers, nil
}

// maxWrites is how many bookings of a list are written at once: they share the flushes.
const maxWrites = 32

// fill reads what the rows of a list are about.
func (s *Service) fill(ctx context.Context, a actor.Actor, l *list) error {
	var ids, enrolments []string
	for i := range l.rows {
		l.rows[i].Date = l.date
		ids = append(ids, l.rows[i].Booking)
	}
	l.bookings, l.enrolments = map[string]store.Versioned[activity.Booking]{}, map[string]*activity.Enrolment{}
	q := store.Query{Association: a.Association, Where: []store.Cond{store.IsAmong(store.ID, ids), store.Equals(activityKey, l.activity.ID)}, Limit: pageSize}
	err := s.bookings.Store.Each(ctx, q, func(v store.Versioned[activity.Booking]) error {
		if access.Allows("noteDayAttendances", a, v.Value.Resource()) {
			l.bookings[v.Value.ID] = v
			enrolments = append(enrolments, v.Value.Enrolment)
		}
		return nil
	})
	if err != nil || len(enrolments) == 0 {
		return err
	}
	known, err := findAll(ctx, s.enrolments, a.Association, store.IsAmong(store.ID, enrolments))
	if err != nil {
		return err
	}
	for _, e := range known {
		l.enrolments[e.ID] = e
	}
	cancelled, err := s.cancellationsOf(ctx, a.Association, store.Equals(activityKey, l.activity.ID), l.date, l.date)
	l.isOff = len(cancelled) > 0
	return err
}
