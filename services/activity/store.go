package activity

import (
	"context"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/migration"
)

// The keys that documents are found by.
const (
	keyActivity     = "activity"
	keyBooked       = "bookedAt" // Unix milliseconds
	keyDate         = "date"
	keyEnrolment    = "enrolment"
	keyLast         = "lastDay"
	keyLookup       = "lookup"
	keyMunicipality = "municipality"
	keyOpen         = "open"
	keyParticipant  = "participant"
	keyState        = "state"
)

// Schema declares what this version knows of the service's database. A release that
// declares other keys raises Version; see docs/operations/day-two.md, "Upgrade".
func Schema() migration.Schema {
	return migration.Schema{
		Service: "activity", Version: 1,
		Collections: []migration.Collection{
			bookingCollection(), cancellationCollection(), enrolmentCollection(), diaryCollection(), addressCollection(),
		},
	}
}

func bookingCollection() store.Schema[Booking] {
	return store.Schema[Booking]{
		Name:   "bookings",
		Unique: []store.Index{{keyEnrolment, keyOpen}},
		Indexes: []store.Index{
			{keyMunicipality, keyBooked},
			{keyMunicipality, keyState, keyBooked},
			{keyParticipant, keyBooked},
			{keyParticipant, keyLast},
			{keyActivity, keyLast},
		},
		ID:      func(b *Booking) (string, string) { return b.Association, b.ID },
		Version: (*Booking).Version,
		Keys: func(b *Booking) store.Keys {
			k := store.Keys{
				keyEnrolment: b.Enrolment, keyParticipant: b.Participant, keyMunicipality: b.Municipality, keyActivity: b.Activity,
				keyState: string(b.State()), keyBooked: b.BookedAt().UnixMilli(), keyLast: string(b.LastDay()),
			}
			// Only one booking that goes on per enrolment and activity; the index
			// binds documents that have the key. Those with a last day are kept
			// apart by the diary.
			if b.State() == StateBooked && b.Until == "" {
				k[keyOpen] = b.Activity
			}
			return k
		},
	}
}

func cancellationCollection() store.Schema[Cancellation] {
	return store.Schema[Cancellation]{
		Name:    "cancellations",
		Unique:  []store.Index{{keyActivity, keyOpen}},
		Indexes: []store.Index{{keyMunicipality, keyDate}, {keyActivity, keyDate}},
		ID:      func(c *Cancellation) (string, string) { return c.Association, c.ID },
		Version: (*Cancellation).Version,
		Keys: func(c *Cancellation) store.Keys {
			k := store.Keys{keyActivity: c.Activity, keyMunicipality: c.Municipality, keyDate: string(c.Date)}
			// One cancellation at a time of the same occurrence.
			if c.State() == Cancelled {
				k[keyOpen] = string(c.Date)
			}
			return k
		},
	}
}

func enrolmentCollection() store.Schema[Enrolment] {
	return store.Schema[Enrolment]{
		Name:    "enrolments",
		Indexes: []store.Index{{keyParticipant}},
		ID:      func(e *Enrolment) (string, string) { return e.Association, e.ID },
		Version: func(e *Enrolment) int64 { return e.Writes },
		Keys:    func(e *Enrolment) store.Keys { return store.Keys{keyParticipant: e.Participant} },
	}
}

func diaryCollection() store.Schema[Diary] {
	return store.Schema[Diary]{
		Name:    "diaries",
		ID:      func(d *Diary) (string, string) { return d.Association, d.Participant },
		Version: func(d *Diary) int64 { return d.Writes },
	}
}

func addressCollection() store.Schema[Address] {
	return store.Schema[Address]{
		Name:    "calendar_addresses",
		Unique:  []store.Index{{keyLookup}},
		Indexes: []store.Index{{keyParticipant, keyState, keyBooked}},
		ID:      func(a *Address) (string, string) { return a.Association, a.ID },
		Version: (*Address).Version,
		Keys: func(a *Address) store.Keys {
			return store.Keys{
				keyParticipant: a.Participant, keyLookup: a.Lookup,
				keyState: a.Steps[len(a.Steps)-1].Kind, keyBooked: a.CreatedAt().UnixMilli(),
			}
		},
	}
}

// pageSize is how many documents one read takes.
const pageSize = 500

// every reads all documents that match, in pages; most bounds them.
func every[T any](ctx context.Context, c *store.Collection[T], association string, most int, where ...store.Cond) ([]store.Versioned[T], error) {
	var all []store.Versioned[T]
	q := store.Query{Association: association, Where: where, Limit: min(pageSize, most)}
	for {
		page, err := c.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next.ID == "" || len(all) >= most {
			return all, nil
		}
		q.After = page.Next
	}
}

func is(key string, value any) store.Cond { return store.Cond{Key: key, Op: store.Eq, Value: value} }

func from(key string, value any) store.Cond { return store.Cond{Key: key, Op: store.Gte, Value: value} }

func to(key string, value any) store.Cond { return store.Cond{Key: key, Op: store.Lte, Value: value} }

// called returns what is called off of some activities, or of a municipality, in a
// span of days.
func (s *Service) called(ctx context.Context, association string, what store.Cond, first, last civil.Date) (Called, error) {
	found, err := every(ctx, s.cancellations, association, 5000, what, from(keyDate, string(first)), to(keyDate, string(last)))
	if err != nil {
		return nil, err
	}
	called := Called{}
	for _, c := range found {
		if c.Value.State() == Cancelled {
			called[CalledKey{c.Value.Activity, c.Value.Date}] = c.Value
		}
	}
	return called, nil
}
