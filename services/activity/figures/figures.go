// Package figures counts what a municipality offered in some weeks and what of it was used:
// places, attendance, groups that started, and how long people waited. It is pure, and knows
// participants by no more than their bookings.
package figures

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/services/activity"
)

// Input is what figures are counted from.
type Input struct {
	First, Last activity.Week
	Today       civil.Date
	Activities  []association.Activity // of the municipality
	Cancelled   activity.Cancellations // of the weeks
	Bookings    []*activity.Booking    // into the activities, by whichever municipality
	Courses     []Course               // of the activities
	Waited      []Waited               // for a closed group, of those enrolled in the municipality
	Genders     map[string]string      // of participants; nil: not asked for
}

// Course is a closed group, without those who are in it.
type Course struct {
	Activity string
	Sessions []civil.Date // on which it has its places; none before it is open, and once it is cancelled
	Places   int
	Started  civil.Date // empty: it has not
	Size     int        // with a place when it started
}

// Waited is from which day somebody waited until an offer or a place.
type Waited struct {
	Category    string
	From, Until civil.Date
}

// Figures are those of some weeks.
type Figures struct {
	Weeks  []Row   // in the order of time, then of the categories
	Groups []Group // that started, in the order of time
	Waits  []Wait  // that ended with an offer or a place
}

// Row is what was offered of a category in a week.
type Row struct {
	Week      activity.Week
	Category  string
	Held      int // occurrences, also those to come
	CalledOff int
	Places    int          // at those held that have a number of them
	Used      int          // of these places
	People    []Attendance // in the order of Municipality, then of Gender
}

// Attendance is how often those enrolled in a municipality were booked, and came.
type Attendance struct {
	Municipality string // of the enrolment
	Gender       string // empty: not asked for
	Booked       int    // for occurrences held
	Present      int
	Late         int
	Notified     int // absent, and said so beforehand
	Absent       int // and did not
	Unnoted      int // of days that have been, today among them
}

// Group is a closed group that started.
type Group struct {
	Week     activity.Week
	Category string
	Size     int // with a place when it started
}

// Wait is how long people waited until they had an offer or a place.
type Wait struct {
	For         string // "activity" or "group"
	Category    string
	Count       int
	Median, P90 int // days, the nearest rank
}

// Count returns the figures of the weeks.
func Count(in Input) *Figures {
	f := &Figures{}
	waited := map[Wait][]int{} // days, by For and Category
	booked, held := map[string][]*activity.Booking{}, map[string][]Course{}
	for _, b := range in.Bookings {
		booked[b.Activity] = append(booked[b.Activity], b)
	}
	for _, g := range in.Courses {
		held[g.Activity] = append(held[g.Activity], g)
	}
	rows := map[cell]*counted{}
	for _, x := range in.Activities {
		in.countActivity(rows, x, booked[x.ID], held[x.ID])
		for _, b := range booked[x.ID] {
			if days, on, ended := waitOf(b); ended && in.has(on) {
				key := Wait{For: "activity", Category: x.At(on).Category}
				waited[key] = append(waited[key], days)
			}
		}
		for _, g := range held[x.ID] {
			if g.Started != "" && in.has(g.Started) {
				f.Groups = append(f.Groups, Group{activity.WeekOf(g.Started), x.At(g.Started).Category, g.Size})
			}
		}
	}
	for _, w := range in.Waited {
		if in.has(w.Until) {
			key := Wait{For: "group", Category: w.Category}
			waited[key] = append(waited[key], w.From.DaysUntil(w.Until))
		}
	}
	for _, c := range rows {
		c.People = slices.SortedFunc(maps.Values(c.of), func(a, b Attendance) int {
			return cmp.Or(cmp.Compare(a.Municipality, b.Municipality), cmp.Compare(a.Gender, b.Gender))
		})
		f.Weeks = append(f.Weeks, c.Row)
	}
	for key, days := range waited {
		slices.Sort(days)
		key.Count, key.Median, key.P90 = len(days), rank(days, 50), rank(days, 90)
		f.Waits = append(f.Waits, key)
	}
	slices.SortFunc(f.Weeks, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Week.String(), b.Week.String()), cmp.Compare(order(a.Category), order(b.Category)))
	})
	slices.SortStableFunc(f.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Week.String(), b.Week.String()), cmp.Compare(order(a.Category), order(b.Category)), cmp.Compare(a.Size, b.Size))
	})
	slices.SortFunc(f.Waits, func(a, b Wait) int {
		return cmp.Or(cmp.Compare(a.For, b.For), cmp.Compare(order(a.Category), order(b.Category)))
	})
	return f
}

func order(category string) int { return slices.Index(association.Categories, category) }

// has reports whether a day is in the weeks.
func (in *Input) has(d civil.Date) bool { return in.First.Monday() <= d && d <= in.Last.Sunday() }

// unknown is the gender of whom the vault does not know it, or does not know.
const unknown = "unknown"

// cell is what a row is of.
type cell struct {
	week     activity.Week
	category string
}

// people are those of an Attendance.
type people struct{ municipality, gender string }

// counted is a row, and its attendance by who it is of.
type counted struct {
	Row
	of map[people]Attendance
}

// countActivity adds the occurrences of an activity to the rows of their weeks. A course takes
// place for its groups, and for those who are booked into it, only.
func (in *Input) countActivity(rows map[cell]*counted, x association.Activity, booked []*activity.Booking, held []Course) {
	status := make([]activity.Status, len(booked))
	for i, b := range booked {
		status[i] = b.Status()
	}
	sessions := sessionsOf(held)
	for week := in.First; week.Monday() <= in.Last.Monday(); week = week.Add(1) {
		for _, o := range activity.OccurrencesIn(week, []association.Activity{x}, in.Cancelled) {
			places, isSession := sessions[o.Date]
			isBooked := slices.ContainsFunc(status, func(st activity.Status) bool { return st.Covers(o.Date) })
			if o.Closed || o.Activity.ClosedGroup != nil && !isSession && !isBooked {
				continue
			}
			at := cell{week, o.Activity.Category}
			if rows[at] == nil {
				rows[at] = &counted{Row: Row{Week: week, Category: at.category}, of: map[people]Attendance{}}
			}
			if o.Cancelled != nil {
				rows[at].CalledOff++
				continue
			}
			if !isSession {
				places = placesAt(o.Activity)
			}
			rows[at].count(in, o.Date, places, booked, status)
		}
	}
}

// count adds an occurrence that is held.
func (c *counted) count(in *Input, on civil.Date, places int, booked []*activity.Booking, status []activity.Status) {
	c.Held, c.Places = c.Held+1, c.Places+places
	for i, st := range status {
		if !st.Covers(on) {
			continue
		}
		if places > 0 && !st.IsAway(on) {
			c.Used++
		}
		who := people{municipality: booked[i].Municipality}
		if in.Genders != nil {
			who.gender = cmp.Or(in.Genders[booked[i].Participant], unknown)
		}
		a := c.of[who]
		a.Municipality, a.Gender, a.Booked = who.municipality, who.gender, a.Booked+1
		switch n, noted := st.Notes[on]; {
		case !noted && on <= in.Today:
			a.Unnoted++
		case n.Attendance == activity.Present:
			a.Present++
		case n.Attendance == activity.Late:
			a.Late++
		case noted && n.Notified:
			a.Notified++
		case noted:
			a.Absent++
		}
		c.of[who] = a
	}
}

// placesAt returns how many can come to an occurrence; zero: there is no number.
func placesAt(x association.Activity) int {
	if slots := activity.Slots(x); len(slots) > 0 {
		return len(slots)
	}
	if x.ClosedGroup != nil && x.Capacity == 0 {
		return x.ClosedGroup.Most
	}
	return x.Capacity
}

// sessionsOf returns the places of the closed groups of a course on the days of their sessions.
func sessionsOf(groups []Course) map[civil.Date]int {
	places := map[civil.Date]int{}
	for _, g := range groups {
		for _, d := range g.Sessions {
			places[d] += g.Places
		}
	}
	return places
}

// waitOf returns how many days a booking waited for its first offer, and on which day it had
// that.
func waitOf(b *activity.Booking) (days int, on civil.Date, ended bool) {
	i := slices.IndexFunc(b.Steps, func(s activity.Step) bool { return s.Kind == activity.StepOffered })
	if i < 0 || b.Steps[0].Kind != activity.StepWaitlisted {
		return 0, "", false
	}
	return daysBetween(b.Steps[0].At, b.Steps[i].At), civil.DateOf(b.Steps[i].At), true
}

// daysBetween returns from one Swedish day to another how many days it is.
func daysBetween(from, to time.Time) int { return civil.DateOf(from).DaysUntil(civil.DateOf(to)) }

// rank returns the nearest rank of a percentile of sorted days.
func rank(days []int, percent int) int { return days[(len(days)*percent+99)/100-1] }
