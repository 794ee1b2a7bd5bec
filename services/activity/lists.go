package activity

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// Filter narrows a list of bookings; empty fields mean any.
type Filter struct {
	Participant string
	Enrolment   string
	Activity    string
	State       State
}

// Window is the part of a list that is wanted: a page, or what follows a cursor.
type Window = store.Window

// List is a part of a list.
type List[T any] struct {
	Items []*T
	Next  string       // cursor; empty on the last page
	Total *store.Total // of the whole list; nil when it was read by cursor
}

// latestFirst is the order of the list.
var latestFirst = []store.Order{{Key: keyBooked, Desc: true}}

// Bookings returns the bookings that the caller may see, the latest first. One
// entry of the access log names all persons shown.
func (s *Service) Bookings(ctx context.Context, f Filter, w Window) (*List[Booking], error) {
	const operation = "listBookings"
	a, err := may(ctx, operation)
	if err != nil {
		return nil, err
	}
	where, ok := conditions(operation, a, f)
	list := &List[Booking]{}
	if ok {
		if list, err = page(ctx, s.bookings, a.Association, where, w); err != nil {
			return nil, err
		}
	} else if _, err := store.ParseCursor(w.Cursor, len(latestFirst)); err != nil {
		return nil, err
	}
	var people []string
	for _, b := range list.Items {
		if !slices.Contains(people, b.Participant) {
			people = append(people, b.Participant)
		}
	}
	return list, s.AccessLog.Record(ctx, accesslog.Entry{Operation: operation, Thing: "bookings", Participants: people})
}

// conditions returns what the list is read by: the caller's relation from the
// access table, and the filter. ok is false when nothing can match.
func conditions(operation string, a actor.Actor, f Filter) (where []store.Cond, ok bool) {
	relation, _ := access.Scope(operation, a)
	switch {
	case relation == access.OwnMunicipality && a.Municipality != "":
		where = append(where, is(keyMunicipality, a.Municipality))
	case relation == access.OwnParticipant && a.Participant != "" && (f.Participant == "" || f.Participant == a.Participant):
		f.Participant = a.Participant
	default:
		return nil, false // a token that names no place of its own has no list
	}
	for _, c := range []struct{ key, value string }{
		{keyParticipant, f.Participant}, {keyEnrolment, f.Enrolment}, {keyActivity, f.Activity}, {keyState, string(f.State)},
	} {
		if c.value != "" {
			where = append(where, is(c.key, c.value))
		}
	}
	return where, true
}

// page reads a part of a list, the latest first.
func page[T any](ctx context.Context, c *store.Collection[T], association string, where []store.Cond, w Window) (*List[T], error) {
	after, err := store.ParseCursor(w.Cursor, len(latestFirst))
	if err != nil {
		return nil, err
	}
	q := store.Query{Association: association, Where: where, Sort: latestFirst, After: after, Limit: w.Limit}
	list := &List[T]{}
	if w.Cursor == "" {
		q.Skip = (w.Page - 1) * w.Limit
		total, err := c.Total(ctx, association, where)
		if err != nil {
			return nil, err
		}
		list.Total = &total
		if !total.Minimum && int64(q.Skip) >= total.Records {
			return list, nil
		}
	}
	found, err := c.Find(ctx, q)
	if err != nil {
		return nil, err
	}
	list.Next = found.Next.String()
	for _, v := range found.Items {
		list.Items = append(list.Items, v.Value)
	}
	return list, nil
}

// Day is who is booked into an activity on a day.
type Day struct {
	Occurrence Occurrence
	Bookings   []*Booking // in the order in which they were made
}

// Day returns the day's list of an activity of the caller's municipality, for the
// one who leads it: ids only.
func (s *Service) Day(ctx context.Context, activity string, d civil.Date) (*Day, error) {
	const operation = "getActivityDay"
	a, x, err := s.activity(ctx, operation, activity)
	if errors.Is(err, fault.ErrNotFound) {
		// The list names persons, so the one who was refused it is noted.
		return nil, errors.Join(s.AccessLog.Record(ctx, accesslog.Entry{
			Operation: operation, Thing: "activity/" + activity + "/" + string(d), Outcome: accesslog.Refused, Why: "not-related",
		}), err)
	}
	if err != nil {
		return nil, err
	}
	if !isDate(d) {
		return nil, ErrDate.AtField("date")
	}
	called, err := s.called(ctx, a.Association, is(keyActivity, activity), d, d)
	if err != nil {
		return nil, err
	}
	o, occurs := OccurrenceOn(x, d, called)
	if !occurs {
		return nil, fault.ErrNotFound
	}
	found, err := every(ctx, s.bookings, a.Association, 1000, is(keyActivity, activity), from(keyLast, string(d)))
	if err != nil {
		return nil, err
	}
	day := &Day{Occurrence: o}
	var people []string
	for _, b := range found {
		if b.Value.Covers(d) && access.Allows(operation, a, b.Value.Resource()) {
			day.Bookings = append(day.Bookings, b.Value)
			people = append(people, b.Value.Participant)
		}
	}
	slices.SortFunc(day.Bookings, func(a, b *Booking) int { return cmp.Or(a.BookedAt().Compare(b.BookedAt()), cmp.Compare(a.ID, b.ID)) })
	return day, s.AccessLog.Record(ctx, accesslog.Entry{Operation: operation, Thing: "activity/" + activity + "/" + string(d), Participants: people})
}
