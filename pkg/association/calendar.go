package association

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/finsam/finsam/pkg/civil"
)

// Calendar is what an association, or a municipality for itself, has decided about days.
type Calendar struct {
	Version int        `json:"-" yaml:"-"`                             // how often it had been replaced; a form that takes the place of another on a day has a higher number
	Since   civil.Date `json:"since,omitempty" yaml:"since,omitempty"` // first day of this form; empty: it always was so
	// PublicHolidays is "closed": nothing takes place and nobody begins on one; or "open",
	// also when not given: they are shown, and are days like others. A municipality that does
	// not say it does as the association.
	PublicHolidays string         `json:"publicHolidays,omitempty" yaml:"publicHolidays,omitempty"`
	Open           []string       `json:"open,omitempty" yaml:"open,omitempty,flow"` // public holidays that are days like others all the same
	Closed         []ClosedPeriod `json:"closed,omitempty" yaml:"closed,omitempty"`
	// DaysBeforeReceipt is how many days before its receipt a referral's agreed start may be;
	// nil: any, as far as the consent allows. The association's only.
	DaysBeforeReceipt *int       `json:"daysBeforeReceipt,omitempty" yaml:"daysBeforeReceipt,omitempty"`
	Later             []Calendar `json:"later,omitempty" yaml:"later,omitempty"` // what it becomes, whole, in the order of Since
}

// IsClosed reports whether nothing takes place on a day.
func (c Calendar) IsClosed(d civil.Date) bool {
	_, closed := c.ClosedBy(d)
	return closed
}

// ClosedBy returns why nothing takes place on a day: a closed period, or a public holiday as
// a period of one day.
func (c Calendar) ClosedBy(d civil.Date) (p ClosedPeriod, closed bool) {
	c = c.At(d)
	if i := slices.IndexFunc(c.Closed, func(p ClosedPeriod) bool { return p.From <= d && d <= p.Until }); i >= 0 {
		return c.Closed[i], true
	}
	if c.PublicHolidays == "closed" && !slices.Contains(c.Open, string(d)) {
		if h, holiday := d.Holiday(); holiday {
			return ClosedPeriod{From: d, Until: d, SV: h.SV, EN: h.EN}, true
		}
	}
	return ClosedPeriod{}, false
}

// At returns the calendar as it is on a day.
func (c Calendar) At(d civil.Date) Calendar {
	form := c
	if d < c.Since {
		form = Calendar{}
	}
	for _, x := range c.Later {
		if x.Since <= d {
			form = x
		}
	}
	return form
}

// with returns the calendar with what a municipality has decided besides.
func (c Calendar) with(own *Calendar) Calendar {
	if own == nil {
		return c
	}
	since := []civil.Date{c.Since, own.Since}
	for _, x := range slices.Concat(c.Later, own.Later) {
		since = append(since, x.Since)
	}
	slices.Sort(since)
	var forms []Calendar
	for _, d := range slices.Compact(since) {
		a, b := c.At(d), own.At(d)
		forms = append(forms, Calendar{
			Version: a.Version + b.Version, Since: d, PublicHolidays: cmp.Or(b.PublicHolidays, a.PublicHolidays), Open: slices.Concat(a.Open, b.Open), Closed: slices.Concat(a.Closed, b.Closed),
			DaysBeforeReceipt: a.DaysBeforeReceipt,
		})
	}
	forms[0].Later = forms[1:]
	return forms[0]
}

// CalendarIn returns the calendar of a municipality: the association's with its own.
func (a *Association) CalendarIn(municipality string) Calendar {
	return a.Calendar.with(a.Week(municipality).Calendar)
}

// Continues returns what a file that replaces another one would orphan or rewrite, nil for
// nothing: bookings and attendance point at activities, and what has been stays as it was.
// Until today, an activity is as the former file has it.
func (a *Association) Continues(before *Association, today civil.Date) error {
	var problems Problems
	for n, w := range before.Weeks {
		for i, was := range w.Activities {
			if !was.Scheduled() {
				continue // nobody can be booked into it
			}
			place, name := fmt.Sprintf("weeks[%d].activities[%d] of the present file", n, i), fmt.Sprintf("%s, %s %s", was.Name, was.Day, was.From)
			is, kept := a.Activity(was.ID)
			if !kept {
				problems = append(problems, Problem{Place: place, Want: fmt.Sprintf("want the activity (%s) kept as it is, as its bookings, attendance and calendars belong to it; "+
					"write what is another from a day on under changes, such as changes: [{on: %q, from: \"13:15\", to: \"14:15\"}], or its last day as until; got another one, or none", name, today),
					SV: fmt.Sprintf("Behåll aktiviteten (%s) som den är: dess bokningar, närvaro och kalendrar hör till den. Skriv det som är annorlunda från en dag under changes, eller dess sista dag som until.", name)})
				continue
			}
			days := []civil.Date{today.AddDays(-1)} // the last ones of what was alike for a while
			for _, x := range slices.Concat(was.Later, is.Later, []Activity{was, is}) {
				days = append(days, min(days[0], x.Since.AddDays(-1)))
			}
			for _, d := range days {
				old, now := was.At(d), is.At(d)
				if !old.TakesPlaceAs(&now) || old.Place != now.Place || old.Name != now.Name {
					problems = append(problems, Problem{Place: place, Want: fmt.Sprintf("want the activity (%s) as it was until %s; a change is written under changes and holds from today or later; got another day, time, place or name in the past", name, d),
						SV: fmt.Sprintf("Behåll aktiviteten (%s) som den var till och med %s. En ändring skrivs under changes och gäller från i dag eller senare.", name, d)})
					break
				}
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return problems
}
