package programme

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// Impact is whom a draft would change something for.
type Impact struct {
	Enrolments    int // that run under what is changed, and keep the version that they have
	Bookings      int // that get another day, time or place, or none any more
	Placements    int // of work training, that their site would not take any more
	Calendars     int // open addresses whose entries change
	Cancellations int // of occurrences that there would not be
	Conflicts     int // bookings whose new time another booking of the participant has

	// Conflicting are the ids of the bookings in conflict that the caller may see.
	Conflicting []string
}

// Changes is what would be another in the two years from a day on.
type Changes struct {
	First      civil.Date
	Plans      map[string][]string // by initiative, the municipalities in which it would be run in another way
	activities map[string]*change  // by id, those whose occurrences change
}

// change is on which days the occurrences of an activity change, each in the order of time.
type change struct {
	days  []civil.Date            // another time or place, or an occurrence more or less
	timed []civil.Date            // of these, all but those of another place only
	lost  []civil.Date            // of these, those without an occurrence any more
	taken map[string][]civil.Date // by another activity, days on which it is at the new time, and was not at the former one
}

// Compare returns what would be another from a day on if an association were after instead
// of before.
func Compare(before, after *association.Association, first civil.Date) *Changes {
	c := &Changes{First: first, Plans: map[string][]string{}, activities: map[string]*change{}}
	for _, is := range after.Initiatives {
		was, _ := before.Initiative(is.ID)
		for _, m := range after.Municipalities {
			a, b := was, is
			a.Plan, b.Plan, a.Plans, b.Plans = was.PlanIn(m.Code), is.PlanIn(m.Code), nil, nil
			if !reflect.DeepEqual(a, b) {
				c.Plans[is.ID] = append(c.Plans[is.ID], m.Code)
			}
		}
	}
	for _, was := range before.Initiatives { // what there would not be any more
		_, kept := after.Initiative(was.ID)
		for _, m := range before.Municipalities {
			if _, remains := after.Municipality(m.Code); !kept || !remains {
				c.Plans[was.ID] = append(c.Plans[was.ID], m.Code)
			}
		}
	}
	var were, are days
	for _, w := range before.Weeks {
		for _, x := range w.Activities {
			if y, kept := after.Activity(x.ID); kept && reflect.DeepEqual(x, y) {
				continue
			}
			if were.dates == nil {
				were, are = newSimulation(before, first).days(), newSimulation(after, first).days()
			}
			if y := differences(x.ID, were, are); len(y.days) > 0 {
				c.activities[x.ID] = y
			}
		}
	}
	return c
}

// days is what takes place.
type days struct {
	dates []civil.Date
	of    map[string][]session // by activity, in the order of time
	on    [][]session          // by day
}

func (s *simulation) days() days {
	all := days{dates: s.dates, of: map[string][]session{}, on: make([][]session, len(s.dates))}
	for _, w := range s.in.Weeks {
		for _, x := range w.Activities {
			all.of[x.ID] = s.sessions(x)
			for _, y := range all.of[x.ID] {
				all.on[y.day] = append(all.on[y.day], y)
			}
		}
	}
	return all
}

// form returns the form in which an activity takes place on a day, nil when it does not.
func (d days) form(id string, day int) *association.Activity {
	of := d.of[id]
	if n, found := slices.BinarySearchFunc(of, day, session.compareDay); found {
		return of[n].form
	}
	return nil
}

// differences returns on which days an activity takes place in another way.
func differences(id string, were, are days) *change {
	x := &change{taken: map[string][]civil.Date{}}
	both := slices.Concat(were.of[id], are.of[id])
	slices.SortFunc(both, func(a, b session) int { return cmp.Compare(a.day, b.day) })
	for _, y := range slices.CompactFunc(both, func(a, b session) bool { return a.day == b.day }) {
		was, is, date := were.form(id, y.day), are.form(id, y.day), are.dates[y.day]
		isTimed := was == nil || is == nil || was.From != is.From || was.To != is.To || was.Part != is.Part
		if !isTimed && was.Place == is.Place && was.Gather == is.Gather && was.Mode == is.Mode && was.Link == is.Link && slices.Equal(was.Places, is.Places) {
			continue
		}
		if x.days = append(x.days, date); isTimed {
			x.timed = append(x.timed, date)
		}
		if is == nil {
			x.lost = append(x.lost, date)
			continue
		}
		for _, other := range are.on[y.day] {
			if o := other.form.ID; o != id && overlap(is, other.form) && !overlap(was, were.form(o, y.day)) {
				x.taken[o] = append(x.taken[o], date)
			}
		}
	}
	return x
}

// overlap reports whether two activities of one day take the same time.
func overlap(a, b *association.Activity) bool {
	return a != nil && b != nil && a.Timed() && b.Timed() && a.From < b.To && b.From < a.To
}

// Activities returns the ids of those whose bookings Count needs, in order.
func (c *Changes) Activities() []string {
	all := map[string]bool{}
	for id, x := range c.activities {
		all[id] = true
		for other := range x.taken {
			all[other] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// IsLost reports whether an activity would have had an occurrence on a day, and has none.
func (c *Changes) IsLost(activity string, on civil.Date) bool {
	x := c.activities[activity]
	return x != nil && has(x.lost, on, on)
}

// Booked is what one booking says, or several that say the same.
type Booked struct {
	Participant string
	Activity    string
	First, Last civil.Date
	Count       int
}

// Count returns how many of the bookings change, who has one whose time does, and which are
// in conflict with another one.
func (c *Changes) Count(booked []Booked) (changed int, participants []string, conflicts []Booked) {
	of := map[string][]Booked{} // by participant
	for _, b := range booked {
		of[b.Participant] = append(of[b.Participant], b)
	}
	for _, b := range booked {
		x := c.activities[b.Activity]
		if x == nil || !has(x.days, b.First, b.Last) {
			continue
		}
		if changed += b.Count; has(x.timed, b.First, b.Last) {
			participants = append(participants, b.Participant)
		}
		if len(x.taken) > 0 && slices.ContainsFunc(of[b.Participant], func(o Booked) bool {
			return has(x.taken[o.Activity], max(b.First, o.First), min(b.Last, o.Last))
		}) {
			conflicts = append(conflicts, b)
		}
	}
	slices.Sort(participants)
	return changed, slices.Compact(participants), conflicts
}

// has reports whether one of the days, which are in order, is within a span of days.
func has(days []civil.Date, first, last civil.Date) bool {
	n, _ := slices.BinarySearch(days, first)
	return n < len(days) && days[n] <= last
}
