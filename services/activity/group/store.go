package group

import (
	"github.com/finsam/finsam/pkg/store"
)

// The keys that groups and waits are found by.
const (
	activityKey     = "activity"
	enrolmentKey    = "enrolment"
	firstDayKey     = "firstDay"
	municipalityKey = "municipality"
	openKey         = "open" // of a group its first day unless it is cancelled, of a wait its category unless it is over
	participantKey  = "participant"
	queueKey        = "queue" // the category; only of who waits
	rankKey         = "rank"  // of the priority
	sinceKey        = "since" // Unix milliseconds
	stateKey        = "state"
)

// queueOrder is the order of the waiting list: priority, then time.
var queueOrder = []store.Order{{Key: rankKey}, {Key: sinceKey}}

// Groups declares how groups are stored.
var Groups = store.Schema[Group]{
	Name:      "groups",
	Published: true,
	Unique:    []store.Index{{activityKey, openKey}},
	Indexes:   []store.Index{{firstDayKey}, {municipalityKey, firstDayKey}, {activityKey, stateKey}, {stateKey, firstDayKey}},
	ID:        func(g *Group) (string, string) { return g.Association, g.ID },
	Version:   (*Group).Version,
	Keys: func(g *Group) store.Keys {
		st := g.Status()
		k := store.Keys{activityKey: g.Activity, municipalityKey: g.Municipality, firstDayKey: string(st.Plan.First()), stateKey: string(st.State)}
		if st.State != StateCancelled {
			k[openKey] = string(st.Plan.First()) // one group of a course from a day
		}
		return k
	},
}

// Waits declares how waits are stored.
var Waits = store.Schema[Wait]{
	Name:      "group_waits",
	Published: true,
	Unique:    []store.Index{{enrolmentKey, openKey}},
	Indexes:   []store.Index{{queueKey, rankKey, sinceKey}, {municipalityKey, sinceKey}, {participantKey, sinceKey}, {enrolmentKey}},
	ID:        func(w *Wait) (string, string) { return w.Association, w.ID },
	Version:   (*Wait).Version,
	Keys: func(w *Wait) store.Keys {
		state, _ := w.State()
		k := store.Keys{
			enrolmentKey: w.Enrolment, participantKey: w.Participant, municipalityKey: w.Municipality, rankKey: w.rank(), sinceKey: w.Since().UnixMilli(),
		}
		switch state {
		case Waiting:
			k[queueKey], k[openKey] = w.Category, w.Category
		case HasOffer:
			k[openKey] = w.Category
		}
		return k
	},
}
