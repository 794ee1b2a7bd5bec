package placement

import (
	"strings"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
)

// The keys that documents are found by.
const (
	dueKey          = "due" // the day on which time brings a step
	enrolmentKey    = "enrolment"
	lastDayKey      = "lastDay"
	municipalityKey = "municipality"
	offeredKey      = "offeredAt" // Unix milliseconds
	participantKey  = "participant"
	siteKey         = "site"
	stateKey        = "state"
	taskKey         = "task" // the day from which the coach has something to do
)

// Collection declares how placements are stored.
var Collection = store.Schema[Placement]{
	Name:      "placements",
	Published: true,
	Indexes: []store.Index{
		{municipalityKey, offeredKey},
		{municipalityKey, taskKey},
		{municipalityKey, stateKey, offeredKey},
		{participantKey, lastDayKey},
		{siteKey, lastDayKey},
		{enrolmentKey},
		{dueKey},
	},
	ID:      func(p *Placement) (string, string) { return p.Association, p.ID },
	Version: (*Placement).Version,
	Keys: func(p *Placement) store.Keys {
		st := p.Status()
		k := store.Keys{
			participantKey: p.Participant, enrolmentKey: p.Enrolment, municipalityKey: p.Municipality, siteKey: p.Site, stateKey: string(st.State),
			lastDayKey: string(st.LastDay), offeredKey: p.Steps[0].At.UnixMilli(),
		}
		if d := p.DueOn(); d != "" {
			k[dueKey] = string(d)
		}
		if d := p.TaskFrom(); d != "" {
			k[taskKey] = string(d)
		}
		return k
	},
}

// Registers declares how the places of the areas are stored.
var Registers = store.Schema[Register]{
	Name:    "site_places",
	Indexes: []store.Index{{municipalityKey, siteKey}, {siteKey}},
	ID:      func(r *Register) (string, string) { return r.Association, registerID(r.Site, r.Area) },
	Version: func(r *Register) int64 { return r.Writes },
	Keys: func(r *Register) store.Keys {
		return store.Keys{siteKey: r.Site, municipalityKey: strings.Split(r.Site+"..", ".")[1]}
	},
}

func registerID(site, area string) string { return site + "/" + area }

// Events is what the types of the room's events begin with.
const Events = "se.finsam.placement."

// Source is what the room publishes: what happened and when, never the attendance, a text or
// an authority.
func (s *Service) Source() feed.Source { return feed.FromCollection(s.placements.Store, Events, event) }

func event(p *Placement, n int64) feed.Event {
	step := p.Steps[n-1]
	return feed.Event{
		Type: Events + string(step.Kind), Subject: p.ID, Time: step.At, Association: p.Association, TraceParent: step.TraceParent,
		Data: map[string]string{
			"placement": p.ID, "enrolment": p.Enrolment, "participant": p.Participant, "municipality": p.Municipality, "site": p.Site, "on": string(step.Date),
		},
	}
}
