package programme

import (
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/store"
)

// Document is an object as it is stored: with the steps that made it what it is.
type Document struct {
	programme.Object
	Steps    []Step              `json:"steps"`
	Receipt  idempotency.Receipt `json:"receipt"`            // of the request that created it, none for a file's
	Creation string              `json:"creation,omitempty"` // made from that one's Idempotency-Key; empty: it had none
}

// StepKind is what was done with an object.
type StepKind string

// The kinds of step.
const (
	Drafted   StepKind = "drafted"
	Discarded StepKind = "discarded"
	Activated StepKind = "activated"
	Ended     StepKind = "ended"
)

// Step is one change of an object.
type Step struct {
	history.Entry
	Kind     StepKind   `json:"kind"`
	Version  int        `json:"version,omitempty"` // of a draft or an activation
	From     civil.Date `json:"from,omitempty"`    // first day that is another than before
	Decision string     `json:"decision,omitempty"`
}

// take adds a step. Each is one write of the object.
func (d *Document) take(s Step, by history.Author, now time.Time) {
	d.Steps = history.Append(d.Steps, s, by, now)
	d.Writes = int64(len(d.Steps))
}

const (
	creationKey     = "creation"
	kindKey         = "kind"
	municipalityKey = "municipality"
)

// Collection declares how objects are stored.
var Collection = store.Schema[Document]{
	Name:      "programme_objects",
	Published: true,
	Unique:    []store.Index{{creationKey}},
	Indexes:   []store.Index{{kindKey, municipalityKey}, {municipalityKey}},
	ID:        func(d *Document) (string, string) { return d.Association, storedID(d.Association, d.ID) },
	Version:   func(d *Document) int64 { return int64(len(d.Steps)) },
	Keys: func(d *Document) store.Keys {
		keys := store.Keys{kindKey: string(d.Kind), municipalityKey: d.Municipality}
		if d.Creation != "" {
			keys[creationKey] = d.Creation
		}
		return keys
	},
}

// storedID is the id under which an object is stored. It differs between two associations that
// have objects of the same id: so do the ids of their events.
func storedID(association, id string) string { return association + "." + id }

// Resource is the object as access to it depends on it: a municipality plans only its own
// week.
func (d *Document) Resource() access.Resource {
	r := access.Resource{Association: d.Association}
	switch d.Kind {
	case programme.Series, programme.Site, programme.ClosedDays:
		r.Relationships = []access.Relationship{{Municipality: d.Municipality}}
	}
	return r
}
