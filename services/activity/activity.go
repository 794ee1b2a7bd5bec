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
	PartyService    Party = "service" // on another service's event
)

// ResourceOf returns what access to an activity depends on.
func ResourceOf(associationID string, a association.Activity) access.Resource {
	return access.Resource{Association: associationID, Relationships: []access.Relationship{{Municipality: a.Municipality}}}
}

// Occurrence is one day on which an activity takes place, or should have.
type Occurrence struct {
	Activity  association.Activity
	Date      civil.Date
	Starts    time.Time      // UTC; zero where no time is decided
	Ends      time.Time      // UTC; zero where no time is decided
	Holiday   *civil.Holiday // nil on other days
	Closed    bool           // the association's calendar: nothing takes place
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
// activity is not on that weekday, or on none yet.
func OccurrenceOn(a association.Activity, d civil.Date, cancelled Cancellations) (o Occurrence, ok bool) {
	a = a.At(d)
	day, scheduled := a.Weekday()
	if !scheduled || day != d.MidnightUTC().Weekday() {
		return Occurrence{}, false
	}
	o = Occurrence{Activity: a, Date: d, Cancelled: cancelled[OccurrenceKey{a.ID, d}]}
	if from, timed := association.Clock(a.From); timed {
		to, _ := association.Clock(a.To)
		o.Starts, o.Ends = d.At(from), d.At(to)
	}
	if h, isHoliday := d.Holiday(); isHoliday {
		o.Holiday = &h
	}
	o.Closed = a.Calendar.IsClosed(d)
	return o, true
}

// OccurrencesIn returns what takes place in a week, in the order of time; what has
// no time of day comes last on its day.
func OccurrencesIn(w Week, activities []association.Activity, cancelled Cancellations) []Occurrence {
	var week []Occurrence
	for n := range 7 {
		d := w.Monday().AddDays(n)
		for _, a := range activities {
			if o, ok := OccurrenceOn(a, d, cancelled); ok {
				week = append(week, o)
			}
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
