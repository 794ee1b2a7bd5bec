package service

import (
	"context"
	"errors"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/migration"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/programme"
)

// The keys that documents are found by.
const (
	activityKey     = "activity"
	bookedKey       = "bookedAt"  // Unix milliseconds
	changedKey      = "changedAt" // Unix milliseconds
	conflictKey     = "conflict"
	dateKey         = "date"
	enrolmentKey    = "enrolment"
	firstDayKey     = "firstDay"
	lastDayKey      = "lastDay"
	lookupKey       = "lookup"
	municipalityKey = "municipality"
	openKey         = "open"
	participantKey  = "participant"
	reachKey        = "reach"   // last day, if the activity does not end before
	runningKey      = "running" // the initiative of an enrolment that is not closed
	stateKey        = "state"
)

// Schema declares what this version knows of the service's database. A release that
// declares other keys raises Version; see docs/operations/day-two.md, "Upgrade".
func Schema() migration.Schema {
	return migration.Schema{
		Service: "activity", Version: 3,
		Collections: []migration.Collection{
			bookingCollection, cancellationCollection, enrolmentCollection, diaryCollection, addressCollection, programme.Collection,
		},
	}
}

var bookingCollection = store.Schema[activity.Booking]{
	Name:      "bookings",
	Published: true,
	Unique:    []store.Index{{enrolmentKey, openKey}},
	Indexes: []store.Index{
		{municipalityKey, bookedKey},
		{municipalityKey, changedKey},
		{municipalityKey, stateKey, bookedKey},
		{participantKey, bookedKey},
		{participantKey, lastDayKey},
		{activityKey, lastDayKey, store.ID, firstDayKey, reachKey, participantKey},
	},
	ID:      func(b *activity.Booking) (string, string) { return b.Association, b.ID },
	Version: (*activity.Booking).Version,
	Keys: func(b *activity.Booking) store.Keys {
		status := b.Status()
		k := store.Keys{
			enrolmentKey: b.Enrolment, participantKey: b.Participant, municipalityKey: b.Municipality, activityKey: b.Activity,
			stateKey: string(status.State), bookedKey: b.Steps[0].At.UnixMilli(), firstDayKey: string(b.From), lastDayKey: string(status.LastDay), reachKey: string(status.Reach),
			changedKey: b.ChangedAt().UnixMilli(),
		}
		// Only one booking that goes on per enrolment and activity; the index
		// binds documents that have the key. Those with a last day are kept
		// apart by the diary.
		if status.State == activity.StateBooked && status.LastDay == activity.Forever {
			k[openKey] = b.Activity
		}
		return k
	},
}

var cancellationCollection = store.Schema[activity.Cancellation]{
	Name:      "cancellations",
	Published: true,
	Unique:    []store.Index{{activityKey, openKey}},
	Indexes:   []store.Index{{municipalityKey, dateKey}, {activityKey, dateKey}},
	ID:        func(c *activity.Cancellation) (string, string) { return c.Association, c.ID },
	Version:   (*activity.Cancellation).Version,
	Keys: func(c *activity.Cancellation) store.Keys {
		k := store.Keys{activityKey: c.Activity, municipalityKey: c.Municipality, dateKey: string(c.Date)}
		if c.State() == activity.Cancelled {
			k[openKey] = string(c.Date) // one cancellation at a time of the same occurrence
		}
		return k
	},
}

var enrolmentCollection = store.Schema[activity.Enrolment]{
	Name:    "enrolments",
	Indexes: []store.Index{{participantKey}, {runningKey, municipalityKey}},
	ID:      func(e *activity.Enrolment) (string, string) { return e.Association, e.ID },
	Version: func(e *activity.Enrolment) int64 { return e.Writes },
	Keys: func(e *activity.Enrolment) store.Keys {
		k := store.Keys{participantKey: e.Participant, municipalityKey: e.Municipality}
		if !e.Closed {
			k[runningKey] = e.Initiative
		}
		return k
	},
}

var diaryCollection = store.Schema[activity.Diary]{
	Name:    "diaries",
	Indexes: []store.Index{{conflictKey}},
	ID:      func(d *activity.Diary) (string, string) { return d.Association, d.Participant },
	Version: func(d *activity.Diary) int64 { return d.Writes },
	Keys: func(d *activity.Diary) store.Keys {
		if d.Conflicting {
			return store.Keys{conflictKey: "yes"}
		}
		return nil
	},
}

var addressCollection = store.Schema[activity.Address]{
	Name:    "calendar_addresses",
	Unique:  []store.Index{{lookupKey}},
	Indexes: []store.Index{{participantKey, stateKey, bookedKey}},
	ID:      func(a *activity.Address) (string, string) { return a.Association, a.ID },
	Version: (*activity.Address).Version,
	Keys: func(a *activity.Address) store.Keys {
		return store.Keys{
			participantKey: a.Participant, lookupKey: a.Lookup,
			stateKey: string(a.State()), bookedKey: a.Steps[0].At.UnixMilli(),
		}
	},
}

// open prepares the collections and says what access to their documents depends on.
func (s *Service) open(ctx context.Context) error {
	var bookings, cancellations, addresses, enrolments, diaries error
	s.bookings = guard.Documents[activity.Booking]{
		Log: s.AccessLog, Kind: "booking",
		Resource: func(_ context.Context, _ actor.Actor, _ string, b *activity.Booking) (access.Resource, error) {
			return b.Resource(), nil
		},
		Participants: func(b *activity.Booking) []string { return []string{b.Participant} },
	}
	s.cancellations = guard.Documents[activity.Cancellation]{
		Log: s.AccessLog, Kind: "cancellation",
		Resource: func(_ context.Context, _ actor.Actor, _ string, c *activity.Cancellation) (access.Resource, error) {
			return c.Resource(), nil
		},
		Parent:       func(c *activity.Cancellation) string { return c.Activity },
		Participants: func(*activity.Cancellation) []string { return nil },
	}
	s.addresses = guard.Documents[activity.Address]{
		Log: s.AccessLog, Kind: "calendar-address",
		Resource: func(ctx context.Context, a actor.Actor, _ string, x *activity.Address) (access.Resource, error) {
			return s.participant(ctx, a, x.Participant)
		},
		Parent:       func(x *activity.Address) string { return x.Participant },
		Participants: func(x *activity.Address) []string { return []string{x.Participant} },
	}
	s.bookings.Store, bookings = store.Open(ctx, s.Engine, bookingCollection)
	s.cancellations.Store, cancellations = store.Open(ctx, s.Engine, cancellationCollection)
	s.addresses.Store, addresses = store.Open(ctx, s.Engine, addressCollection)
	s.enrolments, enrolments = store.Open(ctx, s.Engine, enrolmentCollection)
	s.diaries, diaries = store.Open(ctx, s.Engine, diaryCollection)
	return errors.Join(bookings, cancellations, addresses, enrolments, diaries)
}

// creation is a document to be created by a caller.
type creation[T any] struct {
	collection *store.Collection[T]
	key        string          // the Idempotency-Key; empty: none
	input      string          // what was asked for, each word in quotes
	entry      accesslog.Entry // of the access log
	receipt    func(*T) idempotency.Receipt
	build      func(id string, r idempotency.Receipt) (*T, error)
	taken      error // instead of store.ErrTaken
}

// create stores the document once for each key. replayed reports that an earlier
// request with the key has created it; the document is then as it is now. The
// access is entered as done before the document is stored, so that none is without
// an entry; as failed, or refused, when it is not stored.
func create[T any](ctx context.Context, s *Service, c creation[T]) (made *T, replayed bool, err error) {
	now := s.Now()
	receipt := idempotency.Receipt{At: history.Stamp(now), Fingerprint: s.Cipher.Fingerprint([]byte(c.input))}
	v, replayed, err := idempotency.Create(ctx, c.collection, idempotency.Request{
		Actor: actor.From(ctx), Operation: c.entry.Operation, Key: c.key, Fingerprint: receipt.Fingerprint, Now: now, NewID: s.NewID,
	}, c.receipt, func(id string) (*T, error) {
		made, err := c.build(id, receipt)
		if err != nil {
			return nil, err
		}
		return made, guard.Enter(ctx, s.AccessLog, c.entry, nil)
	})
	if errors.Is(err, store.ErrTaken) && c.taken != nil {
		err = c.taken
	}
	if err != nil || replayed {
		err = guard.Enter(ctx, s.AccessLog, c.entry, err)
	}
	if err == nil && !replayed {
		s.publisher.Wake()
	}
	return v.Value, replayed, err
}

// pageSize is how many documents one read takes.
const pageSize = 500

// findAll reads the documents that match, page by page.
func findAll[T any](ctx context.Context, c *store.Collection[T], association string, where ...store.Cond) (found []*T, err error) {
	err = c.Each(ctx, store.Query{Association: association, Where: where, Limit: pageSize}, func(v store.Versioned[T]) error {
		found = append(found, v.Value)
		return nil
	})
	return found, err
}

// latestFirst is the order of the lists.
var latestFirst = []store.Order{{Key: bookedKey, Desc: true}}
