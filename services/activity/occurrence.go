package activity

import (
	"cmp"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// Occurrence is one day on which an activity takes place, or should have.
type Occurrence struct {
	Activity  association.Activity
	Date      civil.Date
	Starts    time.Time // UTC; zero where no time is decided
	Ends      time.Time // UTC; zero where no time is decided
	Holiday   *Holiday  // nil on other days
	Cancelled *Cancellation
}

// Called is the cancellations of a span of days, by activity and date.
type Called map[CalledKey]*Cancellation

// CalledKey names an occurrence.
type CalledKey struct {
	Activity string
	Date     civil.Date
}

// OccurrenceOn returns the activity's occurrence on a date; ok is false when the
// activity is not on that weekday, or on none yet.
func OccurrenceOn(a association.Activity, d civil.Date, called Called) (o Occurrence, ok bool) {
	day, scheduled := a.Weekday()
	if !scheduled || day != d.Weekday() {
		return Occurrence{}, false
	}
	o = Occurrence{Activity: a, Date: d, Cancelled: called[CalledKey{a.ID, d}]}
	if from, timed := association.Clock(a.From); timed {
		to, _ := association.Clock(a.To)
		o.Starts, o.Ends = d.At(from), d.At(to)
	}
	if h, is := HolidayOn(d); is {
		o.Holiday = &h
	}
	return o, true
}

// OccurrencesIn returns what takes place in a week, in the order of time; what has
// no time of day comes last on its day.
func OccurrencesIn(w Week, activities []association.Activity, called Called) []Occurrence {
	var all []Occurrence
	for n := range 7 {
		d := w.Monday().AddDays(n)
		for _, a := range activities {
			if o, ok := OccurrenceOn(a, d, called); ok {
				all = append(all, o)
			}
		}
	}
	slices.SortStableFunc(all, byTime)
	return all
}

func byTime(a, b Occurrence) int {
	return cmp.Or(cmp.Compare(a.Date, b.Date), cmp.Compare(a.clock(), b.clock()), cmp.Compare(a.Activity.ID, b.Activity.ID))
}

// clock is what an occurrence is sorted by within its day.
func (o Occurrence) clock() string {
	if o.Activity.From == "" {
		return "~" // behind every digit
	}
	return o.Activity.From
}
