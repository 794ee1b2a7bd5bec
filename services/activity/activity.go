// Package activity fills the weeks: what the municipalities offer, who is booked
// into what and came, and the calendars that show it.
//
// What is offered is a programme (package programme); an occurrence follows
// from it, an ISO week and what has been called off, by pure functions. Three
// documents are stored whose state follows from their steps: a Cancellation, one
// day on which an activity does not take place; a Booking, one participant's place
// in one activity, with attendance; an Address, the secret of a calendar. None of
// them holds a name: a participant is the id that the vault chose.
package activity

import (
	"cmp"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// Party is who takes a step, as the tables of transitions name them.
type Party string

// The parties.
const (
	PartyCoach      Party = "coach"
	PartySupervisor Party = "supervisor"
	PartyPerson     Party = "participant"
	PartyManager    Party = "manager"
	PartyPlanner    Party = "planner"
	PartyStaff      Party = "association_admin"
	PartyService    Party = "service" // on another service's event
)

// Forever is the last day of what has none.
const Forever civil.Date = "9999-12-31"

// IsDate reports whether a date exists, between the years 2000 and 2099.
func IsDate(d civil.Date) bool { return d.Valid() && d >= "2000-01-01" && d <= "2099-12-31" }

// ResourceOf returns what access to an activity depends on.
func ResourceOf(associationID string, a association.Activity) access.Resource {
	return access.Resource{Association: associationID, Relationships: []access.Relationship{{Municipality: a.Municipality, Leader: a.Leader}}}
}

// Occurrence is one day on which an activity takes place, or should have.
type Occurrence struct {
	Activity  association.Activity
	Date      civil.Date
	Starts    time.Time      // UTC; zero where no time is decided
	Ends      time.Time      // UTC; zero where no time is decided
	MovedFrom civil.Date     // the closed day on which it would have been; empty: none
	Content   string         // of its week, where contents rotate
	Holiday   *civil.Holiday // nil on other days
	Closed    bool           // the association's calendar, or the series' own policy: nothing takes place
	Cancelled *Cancellation
}

// OccurrenceKey names an occurrence.
type OccurrenceKey struct {
	Activity string
	Date     civil.Date
}

// Cancellations are those in force in a span of days.
type Cancellations map[OccurrenceKey]*Cancellation

// OccurrenceOn returns the activity's occurrence on a date; ok is false when the
// activity is not planned on that day, or on none yet.
func OccurrenceOn(a association.Activity, d civil.Date, cancelled Cancellations) (o Occurrence, ok bool) {
	for _, p := range a.Days(d, d) {
		return occurrence(&a, p, cancelled), true
	}
	return Occurrence{}, false
}

// occurrence returns what takes place on a planned day of an activity.
func occurrence(a *association.Activity, p association.Planned, cancelled Cancellations) Occurrence {
	o := Occurrence{Activity: *p.Form, Date: p.Date, MovedFrom: p.Moved, Content: p.Form.ContentOn(cmp.Or(p.Moved, p.Date)), Cancelled: cancelled[OccurrenceKey{a.ID, p.Date}]}
	o.Activity.Later = a.Later
	if from, timed := association.Clock(p.Form.From); timed {
		to, _ := association.Clock(p.Form.To)
		o.Starts, o.Ends = p.Date.At(from), p.Date.At(to)
	}
	if h, isHoliday := p.Date.Holiday(); isHoliday {
		o.Holiday = &h
	}
	o.Closed = p.Form.IsOff(p.Date)
	return o
}

// OccurrencesIn returns what takes place in a week, in the order of time; what has
// no time of day comes last on its day.
func OccurrencesIn(w Week, activities []association.Activity, cancelled Cancellations) []Occurrence {
	var week []Occurrence
	for i := range activities {
		for _, p := range activities[i].Days(w.Monday(), w.Sunday()) {
			week = append(week, occurrence(&activities[i], p, cancelled))
		}
	}
	slices.SortStableFunc(week, Occurrence.Compare)
	return week
}

// Compare orders occurrences by time.
func (o Occurrence) Compare(other Occurrence) int {
	clock := func(o Occurrence) string { return cmp.Or(o.Activity.From, "~") } // "~" is behind every digit
	return cmp.Or(cmp.Compare(o.Date, other.Date), cmp.Compare(clock(o), clock(other)), cmp.Compare(o.Activity.ID, other.Activity.ID))
}
