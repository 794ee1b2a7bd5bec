package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
)

// BookingView is a booking as one caller sees it.
type BookingView struct {
	*activity.Booking
	Status     activity.Status
	Name       string           // of the activity; empty when it is no longer offered
	Reasons    map[int64]string // why attendance was corrected, by step; nil in lists, and where it is not for the caller
	Operations []string         // that the caller may call on it now
	Conflicts  []Conflict       // of one that is read or listed
}

// Conflict is that a booking takes the same time as another of the participant, since an
// activity was moved there.
type Conflict struct {
	On      civil.Date // the first such day
	Booking string     // the other one; empty where the caller may not see it
}

// conflictsIn returns the conflicts of an association's bookings from today on, by booking:
// of all, or those in the diaries that match.
func (s *Service) conflictsIn(ctx context.Context, a actor.Actor, in *association.Association, where ...store.Cond) (map[string][]Conflict, error) {
	diaries, err := findAll(ctx, s.diaries, in.ID, append(where, store.Equals(conflictKey, "yes"))...)
	if err != nil {
		return nil, err
	}
	found := map[string][]Conflict{}
	for _, d := range diaries {
		for _, c := range d.Conflicts(in.Activity, civil.DateOf(s.Now())) {
			for i, id := range c.Bookings {
				other := Conflict{On: c.On}
				x, _ := in.Activity(c.Activities[1-i])
				r := activity.ResourceOf(in.ID, x)
				r.Participant = d.Participant
				if access.Allows("getBooking", a, r) {
					other.Booking = c.Bookings[1-i]
				}
				found[id] = append(found[id], other)
			}
		}
	}
	return found, nil
}

func (s *Service) viewBooking(a actor.Actor, b *activity.Booking) *BookingView {
	v := &BookingView{Booking: b, Status: b.Status()}
	v.Operations = access.Permitted(v.Status.Operations(), a, b.Resource())
	if in, err := s.Associations.Get(b.Association); err == nil {
		x, _ := in.Activity(b.Activity)
		v.Name = x.At(min(max(civil.DateOf(s.Now()), v.Status.FirstDay), v.Status.LastDay)).Name
		if !history.HasCorrectable(history.Story(b.Steps, activity.CorrectionOf), func(step *activity.Step) bool { return step.Kind == activity.StepNoted },
			history.Author{Subject: a.Subject, Authority: a.Authority}, a.Has(actor.Manager), in.DaysToCorrect(b.Initiative, b.Municipality), s.Now()) {
			v.Operations = slices.DeleteFunc(v.Operations, func(operation string) bool { return operation == "correctAttendance" })
		}
	}
	return v
}

// addReasons decrypts why attendance was corrected, by step, if that is for the caller.
func (s *Service) addReasons(ctx context.Context, a actor.Actor, v *BookingView) error {
	if !slices.ContainsFunc(v.Steps, func(step activity.Step) bool { return step.Text != nil }) {
		return nil
	}
	d, err := s.diary(ctx, v.Association, v.Participant)
	if err != nil {
		return err
	}
	r := v.Resource()
	r.Protected, r.Handlers = d.Protected, d.Handlers[a.Authority]
	if !access.Allows("getBooking#text", a, r) {
		return nil
	}
	v.Reasons = map[int64]string{}
	for _, step := range v.Steps {
		if v.Reasons[step.N], err = s.Cipher.DecryptText(step.Text, reasonContext(v.ID)); err != nil {
			return err
		}
	}
	return nil
}

// Book books an enrolled participant into an activity of the caller's
// municipality. The time is claimed in the participant's diary first, so that of
// two bookings that collide only one is made. A repeat with the same key returns
// the booking as it was made.
func (s *Service) Book(ctx context.Context, r activity.BookingRequest, key string) (*BookingView, error) {
	var e *activity.Enrolment
	a, entry, err := guard.Ask(ctx, "createBooking", "enrolment/"+r.Enrolment, func(a actor.Actor) (access.Resource, error) {
		v, err := s.enrolments.Get(ctx, a.Association, r.Enrolment)
		if err != nil {
			return access.Resource{}, err
		}
		e = v.Value
		return e.Resource(), nil
	})
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	var made *activity.Booking
	b, replayed, err := create(ctx, s, creation[activity.Booking]{
		collection: s.bookings.Store, key: key, entry: entry,
		input:   fmt.Sprintf("%q %q %q %q", r.Enrolment, r.Activity, r.From, r.Until),
		receipt: func(b *activity.Booking) idempotency.Receipt { return b.Receipt },
		build: func(id string, receipt idempotency.Receipt) (*activity.Booking, error) {
			now := s.Now()
			x, known := in.Activity(r.Activity)
			form, first, err := activity.Bookable(x, known, e.Municipality, r.From)
			if err := errors.Join(err, r.Check(now)); err != nil {
				return nil, err
			}
			if err := e.CanBook(form, r.From); err != nil {
				return nil, err
			}
			made = activity.Book(id, e, r, activity.PlanOf(x, r.From), receipt, guard.Author(ctx), now)
			if err := s.claim(ctx, a, in, made); err != nil || form.ClosedGroup == nil || form.ClosedGroup.Most == 0 {
				return made, err
			}
			return made, s.claimPlace(ctx, made, x, form.ClosedGroup.Most, first)
		},
		taken: activity.ErrBooked.AtField("/activity"),
	})
	switch {
	case (errors.Is(err, activity.ErrBooked) || errors.Is(err, activity.ErrGroupFull)) && made != nil:
		_, releaseErr := s.shortenClaim(ctx, made.Association, made.Participant, made.ID, made.From.AddDays(-1))
		return nil, errors.Join(err, releaseErr)
	case err != nil:
		return nil, err
	}
	// What made the activity another meanwhile may have looked for bookings before this one
	// was there.
	x, first, stored, err := s.series(ctx, b.Association, b.Activity)
	if err != nil {
		return nil, err
	}
	by := history.System("activity")
	by.TraceParent = guard.Author(ctx).TraceParent
	if seen := *b; stored && seen.Follow(x, "", by, s.Now()) {
		if b, err = s.followSeries(ctx, in, b, x, first, "", by); err != nil {
			return nil, err
		}
		if b.Status().LastDay < b.From {
			return nil, activity.ErrOver.AtField("/from")
		}
	}
	if replayed {
		b.Steps = b.Steps[:1]
		return s.viewBooking(a, b), nil
	}
	// What closed the enrolment meanwhile may have looked for bookings before this one
	// was there.
	now, err := s.enrolments.Get(ctx, b.Association, b.Enrolment)
	if err != nil || !now.Value.Closed {
		return s.viewBooking(a, b), err
	}
	if err := s.endBooking(ctx, now.Value, b.ID, "", guard.Author(ctx)); err != nil {
		return nil, err
	}
	return nil, activity.ErrEnrolmentClosed.AtField("/enrolment")
}

// Booking returns a booking.
func (s *Service) Booking(ctx context.Context, id string) (*BookingView, error) {
	a := actor.From(ctx)
	v, err := s.bookings.Load(ctx, a, guard.Call{Operation: "getBooking", ID: id})
	if err != nil {
		return nil, err
	}
	view := s.viewBooking(a, v.Value)
	if in, err := s.Associations.Get(a.Association); err == nil {
		conflicts, err := s.conflictsIn(ctx, a, in, store.Equals(store.ID, view.Participant))
		if err != nil {
			return nil, err
		}
		view.Conflicts = conflicts[view.ID]
	}
	return view, s.addReasons(ctx, a, view)
}

// Cancel ends a booking from a day on.
func (s *Service) Cancel(ctx context.Context, id string, ifVersion int64, from civil.Date) (*BookingView, error) {
	v, err := s.changeBooking(ctx, "cancelBooking", id, ifVersion, func(b *activity.Booking) error {
		return b.Cancel(from, guard.Author(ctx), s.Now())
	})
	if err != nil {
		return nil, err
	}
	_, err = s.shortenClaim(ctx, v.Association, v.Participant, v.ID, v.Status.LastDay)
	return v, err
}

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
func (s *Service) CorrectAttendance(ctx context.Context, id string, ifVersion int64, date civil.Date, attendance activity.Attendance, reason string) (*BookingView, error) {
	return s.changeAttendance(ctx, "correctAttendance", id, ifVersion, activity.Note{Date: date, Attendance: attendance}, func(b *activity.Booking) error {
		in, err := s.Associations.Get(b.Association)
		if err != nil {
			return err
		}
		text, err := s.Cipher.EncryptText(reason, reasonContext(id))
		if err != nil {
			return err
		}
		cancelled, err := s.cancellationsOf(ctx, in.ID, store.Equals(activityKey, b.Activity), date, date)
		if err != nil {
			return err
		}
		return b.CorrectAttendance(date, attendance, text, cancelled, actor.From(ctx).Has(actor.Manager), in.DaysToCorrect(b.Initiative, b.Municipality), guard.Author(ctx), s.Now())
	})
}

// changeAttendance lets a booking take a note. Somebody is present only at an occurrence
// that is not called off in the same moment.
func (s *Service) changeAttendance(ctx context.Context, operation, id string, ifVersion int64, n activity.Note, change func(*activity.Booking) error) (*BookingView, error) {
	var at activity.OccurrenceKey
	claim := activity.Claim{Booking: id, At: history.Stamp(s.Now())}
	v, err := s.changeBooking(ctx, operation, id, ifVersion, func(b *activity.Booking) error {
		if err := change(b); err != nil || n.Attendance != activity.Present {
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

// reasonContext ties the encrypted reasons of corrections to their booking.
func reasonContext(booking string) string { return "booking/" + booking + "/reason" }

func (s *Service) changeBooking(ctx context.Context, operation, id string, ifVersion int64, change func(*activity.Booking) error) (*BookingView, error) {
	a := actor.From(ctx)
	v, err := s.bookings.Change(ctx, a, guard.Call{Operation: operation, ID: id, IfVersion: ifVersion}, func(v store.Versioned[activity.Booking]) error {
		return change(v.Value)
	})
	if err != nil {
		return nil, err
	}
	s.publisher.Wake()
	view := s.viewBooking(a, v.Value)
	return view, s.addReasons(ctx, a, view)
}

// maxIdentities is how many persons the vault names in one call.
const maxIdentities = 200

// IdentitiesIn returns whose the bookings are, by the participants' ids, as far as the caller may
// know it: the vault decides and logs, in one call for a page. A caller whose role may know
// nobody is fault.ErrForbidden.
func (s *Service) IdentitiesIn(ctx context.Context, bookings []*BookingView) (map[string]Identity, error) {
	if _, err := guard.Caller(ctx, s.AccessLog, "readIdentities", "participants"); err != nil {
		return nil, err
	}
	var people []string
	for _, b := range bookings {
		if !slices.Contains(people, b.Participant) {
			people = append(people, b.Participant)
		}
	}
	who := make(map[string]Identity, len(people))
	for ids := range slices.Chunk(people, maxIdentities) {
		shown, err := s.Identities(ctx, ids)
		if err != nil {
			return nil, fault.ErrUnavailable.Because(fmt.Errorf("vault: %w", err))
		}
		for _, i := range shown {
			who[i.Participant] = i
		}
	}
	return who, nil
}

// BookingFilter narrows a list of bookings; empty fields mean any.
type BookingFilter struct {
	Participant string
	Enrolment   string
	Activity    string
	State       activity.State
	// ChangedSince is an instant at which or after which the last step was taken.
	ChangedSince time.Time
	Conflict     bool // only those that take the same time as another one
}

// Bookings returns the bookings that the caller may see, the latest first; with
// ChangedSince, what changed first comes first. One entry of the access log names all persons shown.
func (s *Service) Bookings(ctx context.Context, f BookingFilter, w store.Window) (*store.List[*BookingView], error) {
	entry := accesslog.Entry{Operation: "listBookings", Thing: "bookings"}
	a, err := guard.Caller(ctx, s.AccessLog, entry.Operation, entry.Thing)
	if err != nil {
		return nil, err
	}
	relation := access.Scope(entry.Operation, a)
	var where []store.Cond
	switch {
	case relation == access.OwnMunicipality && a.Municipality != "":
		where = append(where, store.Equals(municipalityKey, a.Municipality))
	case relation == access.OwnParticipant && a.Participant != "" && (f.Participant == "" || f.Participant == a.Participant):
		where, f.Participant = append(where, store.Equals(participantKey, a.Participant)), ""
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	conflicts, err := s.conflictsIn(ctx, a, in)
	if err != nil {
		return nil, err
	}
	if f.Conflict && where != nil {
		where = append(where, store.IsAmong(store.ID, slices.Sorted(maps.Keys(conflicts))))
		if len(conflicts) == 0 {
			where = nil
		}
	}
	var found store.Page[activity.Booking]
	list := &store.List[*BookingView]{}
	if where != nil { // else nothing can match, as with a token that names no municipality or person
		for _, c := range []store.Cond{
			store.Equals(participantKey, f.Participant), store.Equals(enrolmentKey, f.Enrolment), store.Equals(activityKey, f.Activity), store.Equals(stateKey, string(f.State)),
		} {
			if c.Value != "" {
				where = append(where, c)
			}
		}
		q := store.Query{Association: a.Association, Sort: latestFirst}
		if !f.ChangedSince.IsZero() {
			where, q.Sort, q.OrderName = append(where, store.AtLeast(changedKey, f.ChangedSince.UnixMilli())), []store.Order{{Key: changedKey}}, "ca-"
		}
		q.Where = where
		found, list.Total, err = s.bookings.Store.List(ctx, q, w)
	} else {
		_, err = store.ParseCursor(w.Cursor, len(latestFirst))
	}
	if err != nil {
		return nil, err
	}
	list.Next = found.Next.String()
	for _, v := range found.Items {
		entry.Participants = append(entry.Participants, v.Value.Participant)
		view := s.viewBooking(a, v.Value)
		view.Conflicts = conflicts[view.ID]
		list.Items = append(list.Items, view)
	}
	entry.Why = string(relation)
	return list, guard.Enter(ctx, s.AccessLog, entry, nil)
}
