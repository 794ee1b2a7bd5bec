package service

import (
	"context"
	"errors"

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
	"github.com/finsam/finsam/pkg/store/migration"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/balance"
	"github.com/finsam/finsam/services/activity/group"
	"github.com/finsam/finsam/services/activity/placement"
	"github.com/finsam/finsam/services/activity/programme"
)

// The keys that documents are found by.
const (
	activityKey     = "activity"
	bookedKey       = "bookedAt"  // Unix milliseconds
	changedKey      = "changedAt" // Unix milliseconds
	coachKey        = "coach"
	conflictKey     = "conflict"
	contradictedKey = "contradicted"
	dateKey         = "date"
	enrolmentKey    = "enrolment"
	firstDayKey     = "firstDay"
	hostKey         = "host" // of a booking in another municipality than the participant's
	lastDayKey      = "lastDay"
	lookupKey       = "lookup"
	municipalityKey = "municipality"
	openKey         = "open"
	ownerKey        = "owner" // of a member of staff's calendar address
	participantKey  = "participant"
	reachKey        = "reach"   // last day, if the activity does not end before
	runningKey      = "running" // the initiative of an enrolment that is not closed
	stateKey        = "state"
)

// Schema declares what this version knows of the service's database. A release that
// declares other keys raises Version; see docs/operations/day-two.md, "Upgrade".
func Schema() migration.Schema {
	return migration.Schema{
		Service: "activity", Version: 6,
		Collections: []migration.Collection{
			bookingCollection, cancellationCollection, enrolmentCollection, diaryCollection, addressCollection, absenceCollection, signalCollection, programme.Collection,
			placement.Collection, placement.Registers,
			group.Groups, group.Waits, manageableCollection,
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
		{hostKey, bookedKey},
		{stateKey, activityKey},
		{municipalityKey, stateKey, bookedKey},
		{participantKey, bookedKey},
		{participantKey, lastDayKey},
		{activityKey, lastDayKey, store.ID, firstDayKey, reachKey, participantKey},
	},
	Sparse:  []store.Index{{contradictedKey, municipalityKey, bookedKey}},
	ID:      func(b *activity.Booking) (string, string) { return b.Association, b.ID },
	Version: (*activity.Booking).Version,
	Keys: func(b *activity.Booking) store.Keys {
		status := b.Status()
		k := store.Keys{
			enrolmentKey: b.Enrolment, participantKey: b.Participant, municipalityKey: b.Municipality, activityKey: b.Activity,
			stateKey: string(status.State), bookedKey: b.Steps[0].At.UnixMilli(), firstDayKey: string(status.FirstDay), lastDayKey: string(status.LastDay), reachKey: string(status.Reach),
			changedKey: b.ChangedAt().UnixMilli(),
		}
		// Only one booking that goes on per enrolment and activity; the index
		// binds documents that have the key. Those with a last day are kept
		// apart by the diary.
		if status.State == activity.StateBooked && status.LastDay == activity.Forever {
			k[openKey] = b.Activity
		}
		if len(status.Others) > 0 {
			k[contradictedKey] = "yes"
		}
		if b.Host != "" {
			k[hostKey] = b.Host
		}
		if !status.Held { // it is at no occurrence yet
			k[reachKey] = ""
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
	Sparse:  []store.Index{{ownerKey, stateKey, bookedKey}},
	ID:      func(a *activity.Address) (string, string) { return a.Association, a.ID },
	Version: (*activity.Address).Writes,
	Keys: func(a *activity.Address) store.Keys {
		k := store.Keys{
			participantKey: a.Participant, lookupKey: a.Lookup,
			stateKey: string(a.State()), bookedKey: a.Steps[0].At.UnixMilli(),
		}
		if a.Owner != "" {
			k[ownerKey] = a.Owner
		}
		return k
	},
}

var absenceCollection = store.Schema[activity.Absence]{
	Name:      "absences",
	Published: true,
	Indexes:   []store.Index{{participantKey, bookedKey}, {participantKey, lastDayKey}},
	ID:        func(x *activity.Absence) (string, string) { return x.Association, x.ID },
	Version:   (*activity.Absence).Version,
	Keys: func(x *activity.Absence) store.Keys {
		return store.Keys{participantKey: x.Participant, bookedKey: x.Steps[0].At.UnixMilli(), lastDayKey: string(x.Span().Until)}
	},
}

var signalCollection = store.Schema[activity.Signal]{
	Name:      "absence_signals",
	Published: true,
	Indexes:   []store.Index{{municipalityKey, stateKey, changedKey}, {municipalityKey, changedKey}, {coachKey, stateKey, changedKey}},
	ID:        func(x *activity.Signal) (string, string) { return x.Association, x.ID },
	Version:   (*activity.Signal).Version,
	Keys: func(x *activity.Signal) store.Keys {
		return store.Keys{municipalityKey: x.Municipality, coachKey: x.Coach, stateKey: string(x.State()), changedKey: x.Steps[len(x.Steps)-1].At.UnixMilli()}
	},
}

var manageableCollection = store.Schema[balance.Manageable]{
	Name:    "manageable_loads",
	ID:      func(m *balance.Manageable) (string, string) { return m.Association, m.Participant },
	Version: (*balance.Manageable).Version,
}

// open prepares the collections and says what access to their documents depends on.
func (s *Service) open(ctx context.Context) error {
	var bookings, cancellations, addresses, absences, signals, enrolments, diaries error
	s.bookings = guard.Documents[activity.Booking]{
		Log: s.AccessLog, Kind: "booking",
		Resource: func(_ context.Context, _ actor.Actor, _ string, b *activity.Booking) (access.Resource, error) {
			return s.bookingResource(b), nil
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
	s.staffCalendars = guard.Documents[activity.Address]{
		Log: s.AccessLog, Kind: s.addresses.Kind,
		Resource: func(_ context.Context, _ actor.Actor, _ string, x *activity.Address) (access.Resource, error) {
			return access.Resource{Association: x.Association}, nil
		},
		Parent:       func(x *activity.Address) string { return x.Owner },
		Participants: func(*activity.Address) []string { return nil },
	}
	s.absences = guard.Documents[activity.Absence]{
		Log: s.AccessLog, Kind: "absence",
		Resource: func(ctx context.Context, a actor.Actor, _ string, x *activity.Absence) (access.Resource, error) {
			return s.participant(ctx, a, x.Participant)
		},
		Parent:       func(x *activity.Absence) string { return x.Participant },
		Participants: func(x *activity.Absence) []string { return []string{x.Participant} },
	}
	s.signals = guard.Documents[activity.Signal]{
		Log: s.AccessLog, Kind: "absence-signal",
		Resource: func(_ context.Context, _ actor.Actor, _ string, x *activity.Signal) (access.Resource, error) {
			return x.Resource(), nil
		},
		Participants: func(x *activity.Signal) []string { return []string{x.Participant} },
	}
	s.bookings.Store, bookings = store.Open(ctx, s.Engine, bookingCollection)
	s.cancellations.Store, cancellations = store.Open(ctx, s.Engine, cancellationCollection)
	s.addresses.Store, addresses = store.Open(ctx, s.Engine, addressCollection)
	s.staffCalendars.Store = s.addresses.Store
	s.absences.Store, absences = store.Open(ctx, s.Engine, absenceCollection)
	s.signals.Store, signals = store.Open(ctx, s.Engine, signalCollection)
	s.enrolments, enrolments = store.Open(ctx, s.Engine, enrolmentCollection)
	s.diaries, diaries = store.Open(ctx, s.Engine, diaryCollection)
	var manageable error
	s.manageable, manageable = store.Open(ctx, s.Engine, manageableCollection)
	return errors.Join(bookings, cancellations, addresses, absences, signals, enrolments, diaries, manageable)
}

// bookingResource returns what access to a booking depends on: who leads the activity now,
// too.
func (s *Service) bookingResource(b *activity.Booking) access.Resource {
	r := b.Resource()
	if in, err := s.Associations.Get(b.Association); err == nil {
		x, _ := in.Activity(b.Activity)
		r.Relationships[0].Leader = x.At(civil.DateOf(s.Now())).Leader
	}
	return r
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

// takenFrom returns the places of an activity that are taken from a day on, and its bookings then.
func (s *Service) takenFrom(ctx context.Context, association, activityID string, d civil.Date) ([]activity.Place, []*activity.Booking, error) {
	diary, err := s.diary(ctx, association, activity.PlaceDiary(activityID))
	if err != nil {
		return nil, nil, err
	}
	booked, err := findAll(ctx, s.bookings.Store, association, store.Equals(activityKey, activityID), store.AtLeast(lastDayKey, string(d)))
	return diary.Places(booked, s.Now()), booked, err
}

// freeAt returns how many places an activity with so many has left on a day.
func (s *Service) freeAt(ctx context.Context, associationID string, x association.Activity, d civil.Date) (int, error) {
	taken, _, err := s.takenFrom(ctx, associationID, x.ID, d)
	return max(0, x.Capacity-activity.Taken(taken, d, "")), err
}

// diary returns the diary of a participant, an empty one of who has none.
func (s *Service) diary(ctx context.Context, association, participant string) (*activity.Diary, error) {
	d, err := s.diaries.Get(ctx, association, participant)
	if errors.Is(err, store.ErrNotFound) {
		return &activity.Diary{}, nil
	}
	return d.Value, err
}
