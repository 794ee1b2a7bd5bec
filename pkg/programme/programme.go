// Package programme is what an association offers, as data: objects with a given, stable
// id, whose versions hold in periods. The activity service owns them; every service builds
// from them the association as it is on a day, so that each decides by what it has while the
// owner is away.
//
// It is pure: no clock, no storage. Nothing here is about persons.
package programme

import (
	"cmp"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
)

// Kind is what an object is.
type Kind string

// The kinds of object.
const (
	Association Kind = "association" // name, municipalities, authorities; only a file owns it
	Initiative  Kind = "initiative"  // with its target group, checklist and agreements
	Plan        Kind = "plan"        // of an initiative, or of it in one municipality
	Terms       Kind = "terms"
	ClosedDays  Kind = "closed_days" // of the association, or of one municipality
	ConsentText Kind = "consent_text"
	CodeList    Kind = "code_list"
	Site        Kind = "site"
	Series      Kind = "series" // an activity that recurs
)

// Kinds lists them in the order in which a file has them.
var Kinds = []Kind{Association, Initiative, Plan, Terms, ClosedDays, ConsentText, CodeList, Site, Series}

// Content is what a version says: exactly one field is set, that of the object's kind.
type Content struct {
	Association *association.Members     `json:"association,omitempty"`
	Initiative  *association.Initiative  `json:"initiative,omitempty"` // without plans
	Plan        *association.Plan        `json:"plan,omitempty"`
	Terms       *association.Terms       `json:"terms,omitempty"`
	ClosedDays  *association.Calendar    `json:"closedDays,omitempty"`
	ConsentText *association.ConsentText `json:"consentText,omitempty"`
	CodeList    *association.CodeList    `json:"codeList,omitempty"`
	Site        *association.Site        `json:"site,omitempty"`
	Series      *association.Activity    `json:"series,omitempty"` // without what it becomes later
}

// Origin is what may change an object: a file or the API, never both.
type Origin string

// The origins.
const (
	FromFile Origin = "file"
	FromAPI  Origin = "api"
)

// Object is one thing of a programme, through time.
type Object struct {
	Association  string    `json:"association"`
	ID           string    `json:"id"` // such as "plan.activera.1441": the kind, and what it is of
	Kind         Kind      `json:"kind"`
	Municipality string    `json:"municipality,omitempty"` // four-digit code; empty: the association's
	Origin       Origin    `json:"origin"`
	File         string    `json:"file,omitempty"` // that owns it
	Versions     []Version `json:"versions"`       // in the order of their numbers: all that have been activated
	Periods      []Period  `json:"periods"`        // in the order of time, none overlaps another
	Draft        *Version  `json:"draft,omitempty"`
	Drafts       int       `json:"drafts"` // how many numbers have been given to versions
	Writes       int64     `json:"writes"` // each write is a new version of the document
}

// Version is one form of an object.
type Version struct {
	N           int             `json:"n"` // the object's own number, from 1
	Content     Content         `json:"content"`
	From        civil.Date      `json:"from"`            // first day
	Until       civil.Date      `json:"until,omitempty"` // last day; empty: it goes on
	Ends        bool            `json:"ends,omitempty"`  // of a draft: no version holds from its first day on; it has no content
	Decision    string          `json:"decision,omitempty"`
	By          history.Author  `json:"by"` // who wrote it
	At          time.Time       `json:"at"`
	ActivatedBy *history.Author `json:"activatedBy,omitempty"`
	ActivatedAt time.Time       `json:"activatedAt,omitzero"`
}

// Period is a span of days on which one version holds.
type Period struct {
	From    civil.Date `json:"from"`
	Until   civil.Date `json:"until,omitempty"` // last day; empty: it goes on
	Version int        `json:"version"`
}

// Beginning is the first day of what a file has without a day.
const Beginning civil.Date = "2000-01-01"

// forever is behind every last day.
const forever civil.Date = "9999-12-31"

func (p Period) last() civil.Date { return cmp.Or(p.Until, forever) }

// Covers reports whether the period has the day.
func (p Period) Covers(d civil.Date) bool { return p.From <= d && d <= p.last() }

// On returns the version that holds on a day; ok is false where none does.
func (o *Object) On(d civil.Date) (v *Version, ok bool) {
	for _, p := range o.Periods {
		if p.Covers(d) {
			return o.Version(p.Version), true
		}
	}
	return nil, false
}

// Version returns the activated version of a number, nil for none.
func (o *Object) Version(n int) *Version {
	i, ok := slices.BinarySearchFunc(o.Versions, n, func(v Version, n int) int { return cmp.Compare(v.N, n) })
	if !ok {
		return nil
	}
	return &o.Versions[i]
}

// Draw writes a draft, in place of one that is there: the number stays then.
func (o *Object) Draw(v Version, by history.Author, now time.Time) {
	if o.Draft != nil {
		v.N = o.Draft.N
	} else {
		o.Drafts++
		v.N = o.Drafts
	}
	v.By, v.At, v.ActivatedBy, v.ActivatedAt = by, history.Stamp(now), nil, time.Time{}
	o.Draft, o.Writes = &v, o.Writes+1
}

// Discard drops the draft. It reports whether there was one.
func (o *Object) Discard() bool {
	if o.Draft == nil {
		return false
	}
	o.Draft, o.Writes = nil, o.Writes+1
	return true
}

// Activate lets the draft hold in its span of days, and takes those days from the versions
// that had them. What is behind the span stays with the version that had it. The draft of an
// end lets no version hold from its first day on, and becomes none.
func (o *Object) Activate(by history.Author, now time.Time) Version {
	v := *o.Draft
	v.ActivatedBy, v.ActivatedAt = &by, history.Stamp(now)
	o.clear(v.From, cmp.Or(v.Until, forever))
	if v.Ends {
		o.Draft, o.Writes = nil, o.Writes+1
		return v
	}
	o.Versions = append(slices.Clip(o.Versions), v)
	slices.SortFunc(o.Versions, func(a, b Version) int { return cmp.Compare(a.N, b.N) })
	o.Periods = append(o.Periods, Period{v.From, v.Until, v.N})
	slices.SortFunc(o.Periods, func(a, b Period) int { return cmp.Compare(a.From, b.From) })
	o.Draft, o.Writes = nil, o.Writes+1
	return v
}

// HoldsFrom reports whether a version holds on a day or later.
func (o *Object) HoldsFrom(d civil.Date) bool {
	return len(o.Periods) > 0 && o.Periods[len(o.Periods)-1].last() >= d
}

// End lets no version hold from a day on. It reports whether one did.
func (o *Object) End(from civil.Date) bool {
	if !o.HoldsFrom(from) {
		return false
	}
	o.clear(from, forever)
	o.Writes++
	return true
}

// clear takes a span of days from the versions that have them.
func (o *Object) clear(first, last civil.Date) {
	var left []Period
	for _, p := range o.Periods {
		if p.last() < first || last < p.From {
			left = append(left, p)
			continue
		}
		if p.From < first {
			left = append(left, Period{p.From, first.AddDays(-1), p.Version})
		}
		if last < p.last() {
			left = append(left, Period{last.AddDays(1), p.Until, p.Version})
		}
	}
	o.Periods = left
}
