package service

import (
	"cmp"
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
	"github.com/finsam/finsam/services/activity/group"
)

// BookingView is a booking as one caller sees it.
type BookingView struct {
	*activity.Booking
	Status     activity.Status
	Name       string           // of the activity; empty when it is no longer offered
	Reasons    map[int64]string // why attendance was corrected, by step; nil in lists, and where it is not for the caller
	Operations []string         // that the caller may call on it now
	Conflicts  []Conflict       // of one that is read or listed
	Received   bool             // the caller sees it only as who receives another municipality's participant: nothing else of the person's week
	Position   int              // of one that waits, in the queue of its activity, from 1; only where it is read or listed
}

// addPositions adds which place in the queue those have who wait.
func (s *Service) addPositions(ctx context.Context, views ...*BookingView) error {
	queues := map[string][]*activity.Booking{}
	for _, v := range views {
		if v.Status.State != activity.StateWaiting {
			continue
		}
		if queues[v.Activity] == nil {
			booked, err := findAll(ctx, s.bookings.Store, v.Association, store.Equals(stateKey, string(activity.StateWaiting)), store.Equals(activityKey, v.Activity))
			if err != nil {
				return err
			}
			queues[v.Activity] = activity.Queue(booked)
		}
		v.Position = 1 + slices.IndexFunc(queues[v.Activity], func(b *activity.Booking) bool { return b.ID == v.ID })
	}
	return nil
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
				r := bookingOf(in.ID, d.Participant, c.Homes[1-i], x)
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
	v.Operations = access.Permitted(v.Status.Operations(), a, s.bookingResource(b))
	relation, _ := access.Decide("getBooking", a, b.Resource())
	v.Received = relation == access.OwnActivity
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

// bookingOf returns what access to a participant's booking of an activity depends on; an
// empty home is the activity's municipality.
func bookingOf(associationID, participant, home string, x association.Activity) access.Resource {
	return (&activity.Booking{Association: associationID, Participant: participant, Municipality: cmp.Or(home, x.Municipality), Host: x.Municipality}).Resource()
}

// Book books a participant who is enrolled in the caller's municipality into an activity of
// any. A place is claimed first, and the time in the participant's diary, so that of
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
	return s.book(ctx, a, entry, e, r, key)
}

// book makes a booking for an enrolment that the caller may book.
func (s *Service) book(ctx context.Context, a actor.Actor, entry accesslog.Entry, e *activity.Enrolment, r activity.BookingRequest, key string) (*BookingView, error) {
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	var made *activity.Booking
	b, replayed, err := create(ctx, s, creation[activity.Booking]{
		collection: s.bookings.Store, key: key, entry: entry,
		input:   fmt.Sprintf("%q %q %q %q %q %t %q %t", r.Enrolment, r.Activity, r.From, r.Until, r.Slot, r.Wait, r.Priority, r.TravelAccepted),
		receipt: func(b *activity.Booking) idempotency.Receipt { return b.Receipt },
		build: func(id string, receipt idempotency.Receipt) (*activity.Booking, error) {
			now := s.Now()
			x, known := in.Activity(r.Activity)
			r.Host = x.Municipality
			form, first, err := activity.Bookable(x, known, r.From, r.Until)
			run, err := s.groupOf(ctx, in.ID, x, form, first, e.ID, err)
			if err := errors.Join(err, r.Check(form, now)); err != nil {
				return nil, err
			}
			if err := e.CanBook(form, r.From, civil.DateOf(now)); err != nil {
				return nil, err
			}
			made = activity.Book(id, e, r, activity.PlanOf(x, r.From), receipt, guard.Author(ctx), now)
			if run != nil {
				run.Bind(made, x)
			}
			if !r.TravelAccepted {
				if err := s.checkTravel(ctx, a, in, made); err != nil {
					return nil, err
				}
			}
			place, _ := made.Place()
			err = s.claimPlaceOf(ctx, x, made, place, 0)
			switch {
			case errors.Is(err, activity.ErrFull) && r.Wait:
				made.Wait(r.Priority)
				return made, s.isNew(ctx, made)
			case err != nil:
				return nil, err
			}
			err = s.claim(ctx, a, in, made)
			switch {
			case err == nil && run != nil:
				err = s.Groups.Join(ctx, made, x, guard.Author(ctx))
			case err == nil && form.ClosedGroup != nil && form.ClosedGroup.Most > 0:
				err = s.claimPlace(ctx, made, x, form.ClosedGroup.Most, first)
			}
			return made, err
		},
		taken: activity.ErrBooked.AtField("/activity"),
	})
	switch {
	case (errors.Is(err, activity.ErrBooked) || errors.Is(err, activity.ErrGroupFull) || errors.Is(err, activity.ErrGroupRunning) || errors.Is(err, activity.ErrCollision)) && made != nil:
		_, releaseErr := s.shortenClaim(ctx, made.Association, made.Participant, made.ID, made.From.AddDays(-1))
		return nil, errors.Join(err, releaseErr, s.releasePlaceOf(ctx, made))
	case err != nil:
		return nil, err
	}
	by := history.System("activity")
	by.TraceParent = guard.Author(ctx).TraceParent
	is, err := s.settle(ctx, in, b, "", by)
	switch {
	case err != nil:
		return nil, err
	case replayed:
		is.Steps = is.Steps[:1]
		return s.viewBooking(a, is), nil
	case is.Status().State == activity.StateEnded:
		return nil, activity.ErrEnrolmentClosed.AtField("/enrolment")
	case is.Status().LastDay < is.From:
		return nil, activity.ErrOver.AtField("/from")
	}
	s.offers.Wake() // for one who waits, a place may have become free meanwhile
	return s.viewBooking(a, is), nil
}

// checkTravel returns ErrTravel where the participant has too little time for the way between a
// booking and another activity. It names that, if the caller may see it.
func (s *Service) checkTravel(ctx context.Context, a actor.Actor, in *association.Association, b *activity.Booking) error {
	d, err := s.diary(ctx, b.Association, b.Participant)
	if err != nil {
		return err
	}
	way, short := d.TooShort(b.Claim(), in.Activity)
	if !short {
		return nil
	}
	x, _ := in.Activity(way.Claim.Activity)
	x = x.At(way.On)
	if way.Claim.Hours != nil || !access.Allows("getBooking", a, bookingOf(b.Association, b.Participant, way.Claim.Home, x)) {
		return activity.ErrTravel.AtField("/activity")
	}
	return activity.ErrTravel.WithText(
		fmt.Sprintf("Deltagaren är bokad på %s kl. %s–%s den %s, och resan dit tar omkring %d minuter. Välj en annan aktivitet, eller skicka travelAccepted: true om det går ändå.", x.Name, x.From, x.To, way.On, way.Minutes),
		fmt.Sprintf("The participant is booked into %s at %s–%s on %s, and the way takes about %d minutes. Choose another activity, or send travelAccepted: true if it can be managed all the same.", x.Name, x.From, x.To, way.On, way.Minutes),
	).AtField("/activity")
}

// groupOf returns the closed group that a booking would be a place in: that of the course x
// which begins on its first day, or none for another activity or a start that the programme
// has. err is what activity.Bookable says; it is returned if it holds for the group too.
func (s *Service) groupOf(ctx context.Context, associationID string, x, form association.Activity, first civil.Date, enrolment string, err error) (*group.Group, error) {
	if form.ClosedGroup == nil || err != nil && !errors.Is(err, activity.ErrGroupNotOpen) && !errors.Is(err, activity.ErrGroupRunning) {
		return nil, err
	}
	g, findErr := s.Groups.At(ctx, associationID, x, first)
	switch {
	case findErr != nil:
		return nil, findErr
	case g != nil:
		return g, s.Groups.CanJoin(g, x, first, enrolment)
	case err == nil && first < civil.DateOf(s.Now()): // booked afterwards, into a start of the programme
		err = activity.ErrGroupRunning.AtField("/from")
	}
	return nil, err
}

// endGroupBooking cancels the booking of a group that was cancelled: from today on, or from
// tomorrow where today's attendance is noted.
func (s *Service) endGroupBooking(ctx context.Context, associationID, id string, by history.Author) error {
	v, err := s.bookings.Store.Update(ctx, associationID, id, 0, func(b *activity.Booking) error {
		now := s.Now()
		from, st := civil.DateOf(now), b.Status()
		if _, noted := st.Notes[from]; noted {
			from = from.AddDays(1)
		}
		if st.LastDay < from {
			return store.ErrUnchanged
		}
		return b.Cancel(max(from, b.From), by, now)
	})
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, activity.ErrNotBooked) { // it has ended otherwise
		return nil
	}
	if err != nil {
		return err
	}
	s.publisher.Wake()
	_, err = s.shortenClaim(ctx, associationID, v.Value.Participant, id, v.Value.Status().LastDay)
	return err
}

// settle lets a booking that was just made follow what has become of its activity and its
// enrolment: what changed them meanwhile may have looked for bookings before this one was there.
// cause is the id of the booking's event where who made it may have died before; it may come
// again. What ends with its enrolment has the enrolment's event for its cause.
func (s *Service) settle(ctx context.Context, in *association.Association, b *activity.Booking, cause string, by history.Author) (*activity.Booking, error) {
	x, first, stored, err := s.series(ctx, b.Association, b.Activity)
	if err != nil {
		return nil, err
	}
	if seen := *b; stored && seen.Follow(x, cause, by, s.Now()) {
		if b, err = s.followSeries(ctx, in, b, x, first, cause, by); err != nil {
			return nil, err
		}
	}
	e, err := s.enrolments.Get(ctx, b.Association, b.Enrolment)
	if err != nil || !e.Value.Closed {
		return b, err
	}
	if err := s.endBooking(ctx, e.Value, b.ID, e.Value.LatestEvent(), by); err != nil {
		return nil, err
	}
	v, err := s.bookings.Store.Get(ctx, b.Association, b.ID)
	return v.Value, err
}

// isNew returns ErrBooked when the enrolment has the activity, or waits for it, on a day on which
// a booking would.
func (s *Service) isNew(ctx context.Context, b *activity.Booking) error {
	booked, err := findAll(ctx, s.bookings.Store, b.Association, store.Equals(enrolmentKey, b.Enrolment), store.Equals(activityKey, b.Activity), store.AtLeast(lastDayKey, string(b.From)))
	wants := b.Wanted(b.From)
	for _, other := range booked {
		st := other.Status()
		isOver := st.State == activity.StateCancelled || st.State == activity.StateEnded
		if err == nil && !isOver && st.FirstDay <= wants.Last && wants.First <= st.LastDay {
			err = activity.ErrBooked.AtField("/activity")
		}
	}
	return err
}

// Booking returns a booking.
func (s *Service) Booking(ctx context.Context, id string) (*BookingView, error) {
	a := actor.From(ctx)
	v, err := s.bookings.Load(ctx, a, guard.Call{Operation: "getBooking", ID: id})
	if err != nil {
		return nil, err
	}
	view := s.viewBooking(a, v.Value)
	if err := s.addPositions(ctx, view); err != nil {
		return nil, err
	}
	if in, err := s.Associations.Get(a.Association); err == nil && !view.Received {
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
	s.Groups.Left(ctx, v.Booking, guard.Author(ctx))
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
	s.offers.Wake() // who waits may get what became free
	view := s.viewBooking(a, v.Value)
	return view, s.addReasons(ctx, a, view)
}

// IdentitiesIn returns who participants are, by their ids, as far as the caller may know it:
// the vault decides and logs, in one call for a page. A caller whose role may know nobody is
// fault.ErrForbidden.
func (s *Service) IdentitiesIn(ctx context.Context, participants []string) (map[string]Identity, error) {
	if _, err := guard.Caller(ctx, s.AccessLog, "readIdentities", "participants"); err != nil {
		return nil, err
	}
	return askAll(ctx, s.Identities, participants)
}

// ListedIdentitiesIn is IdentitiesIn for those on a list of a day that the caller has read: by
// name, of whichever municipality they are, as long as the attendance of the day is corrected.
// Later a list has the names that the caller may know by itself.
func (s *Service) ListedIdentitiesIn(ctx context.Context, day civil.Date, participants []string) (map[string]Identity, error) {
	a := actor.From(ctx)
	in, err := s.Associations.Get(a.Association)
	switch {
	case err != nil:
		return nil, err
	case day.AddDays(in.Terms.DaysToCorrect()) >= civil.DateOf(s.Now()):
		return askAll(ctx, s.ListedIdentities, participants)
	case access.MayCall("readIdentities", a):
		return s.IdentitiesIn(ctx, participants)
	}
	return nil, nil
}

// askAll asks about any number of participants.
func askAll(ctx context.Context, ask AskIdentities, participants []string) (map[string]Identity, error) {
	var people []string
	for _, id := range participants {
		if !slices.Contains(people, id) {
			people = append(people, id)
		}
	}
	who := make(map[string]Identity, len(people))
	for ids := range slices.Chunk(people, maxIdentities) {
		shown, err := ask(ctx, ids)
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
	Contradicted bool // only those with notes that contradict one another
	Received     bool // those of other municipalities' participants in the caller's activities, instead
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
	case relation == access.OwnMunicipality && a.Municipality != "" && f.Received:
		where, relation = append(where, store.Equals(hostKey, a.Municipality)), access.OwnActivity
		if _, err := access.Decide(entry.Operation, a, access.Resource{Association: a.Association, Relationships: []access.Relationship{{Host: a.Municipality}}}); err != nil {
			return nil, guard.Enter(ctx, s.AccessLog, entry, fault.ErrForbidden)
		}
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
	if f.Contradicted && where != nil {
		where = append(where, store.Equals(contradictedKey, "yes"))
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
		if !view.Received {
			view.Conflicts = conflicts[view.ID]
		}
		list.Items = append(list.Items, view)
	}
	if err := s.addPositions(ctx, list.Items...); err != nil {
		return nil, err
	}
	entry.Why = string(relation)
	return list, guard.Enter(ctx, s.AccessLog, entry, nil)
}
