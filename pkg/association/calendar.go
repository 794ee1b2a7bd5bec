package association

import (
	"fmt"
	"slices"

	"github.com/finsam/finsam/pkg/civil"
)

// Calendar is what the association has decided about days.
type Calendar struct {
	// PublicHolidays is "closed": nothing takes place and nobody begins on one; or "open",
	// also when not given: they are shown, and are days like others.
	PublicHolidays string   `yaml:"publicHolidays"`
	Open           []string `yaml:"open"` // public holidays that are days like others all the same
	// DaysBeforeReceipt is how many days before its receipt a referral's agreed start may be;
	// nil: any, as far as the consent allows.
	DaysBeforeReceipt *int `yaml:"daysBeforeReceipt"`
}

// IsClosed reports whether nothing takes place on a day, because it is a public holiday.
func (c Calendar) IsClosed(d civil.Date) bool {
	_, holiday := d.Holiday()
	return holiday && c.PublicHolidays == "closed" && !slices.Contains(c.Open, string(d))
}

// Change is what is another with an activity from a day on. What is empty stays.
type Change struct {
	On     string `yaml:"on"`
	Name   string `yaml:"name"`
	Day    string `yaml:"day"`
	From   string `yaml:"from"`
	To     string `yaml:"to"`
	Place  string `yaml:"place"`
	Gather string `yaml:"gather"`
}

// At returns the activity as it is on a day, with the changes of that day and before; after
// its last day it has no weekday.
func (a Activity) At(d civil.Date) Activity {
	for _, c := range a.Changes {
		if civil.Date(c.On) > d {
			break
		}
		for _, x := range []struct {
			field *string
			to    string
		}{{&a.Name, c.Name}, {&a.Day, c.Day}, {&a.From, c.From}, {&a.To, c.To}, {&a.Place, c.Place}, {&a.Gather, c.Gather}} {
			if x.to != "" {
				*x.field = x.to
			}
		}
	}
	if a.Until != "" && d > civil.Date(a.Until) {
		a.Day = ""
	}
	return a
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
				problems = append(problems, Problem{place, fmt.Sprintf("want the activity (%s) kept as it is, as its bookings, attendance and calendars belong to it; "+
					"write what is another from a day on under changes, such as changes: [{on: %q, from: \"13:15\", to: \"14:15\"}], or its last day as until; got another one, or none", name, today)})
				continue
			}
			days := []civil.Date{today.AddDays(-1)} // the last ones of what was alike for a while
			for _, c := range slices.Concat(was.Changes, is.Changes) {
				days = append(days, min(days[0], civil.Date(c.On).AddDays(-1)))
			}
			for _, d := range days {
				old, now := was.At(d), is.At(d)
				if old.Day != now.Day || old.From != now.From || old.To != now.To || old.Place != now.Place || old.Name != now.Name {
					problems = append(problems, Problem{place, fmt.Sprintf("want the activity (%s) as it was until %s; a change is written under changes and holds from today or later; got another day, time, place or name in the past", name, d)})
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
