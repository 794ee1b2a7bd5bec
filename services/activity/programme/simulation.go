package programme

import (
	"cmp"
	"slices"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// years is how far the future is simulated: longer than any plan and most bookings.
const years = 2

// simulation is an association in the days after one of them.
type simulation struct {
	in      *association.Association
	dates   []civil.Date
	weekday int               // of the first date, from 0 for Monday
	closed  map[string][]bool // by municipality, whether nothing takes place on a date
}

// span is a run of days on which an activity has one form.
type span struct {
	from, until int // until is behind the last day
	form        *association.Activity
}

// session is an occurrence that takes place.
type session struct {
	day  int
	form *association.Activity
}

// compareDay orders a session and a day.
func (y session) compareDay(day int) int { return cmp.Compare(y.day, day) }

func newSimulation(in *association.Association, first civil.Date) *simulation {
	s := &simulation{in: in, weekday: (int(first.MidnightUTC().Weekday()) + 6) % 7, closed: map[string][]bool{}}
	for d, last := first, first.AddYears(years); d < last; d = d.AddDays(1) {
		s.dates = append(s.dates, d)
	}
	holidays := make([]bool, len(s.dates))
	for i, d := range s.dates {
		_, holidays[i] = d.Holiday()
	}
	closedDays := func(c association.Calendar) []bool {
		closed := slices.Clone(holidays) // or within a period: all other days are open
		for _, form := range append([]association.Calendar{c}, c.Later...) {
			for _, p := range form.Closed {
				for i := s.index(p.From); i < len(closed) && s.dates[i] <= p.Until; i++ {
					closed[i] = true
				}
			}
		}
		for i, d := range s.dates {
			closed[i] = closed[i] && c.IsClosed(d)
		}
		return closed
	}
	all := closedDays(in.Calendar)
	for _, m := range in.Municipalities {
		s.closed[m.Code] = all
	}
	for _, w := range in.Weeks {
		if w.Calendar != nil {
			s.closed[w.Municipality] = closedDays(in.CalendarIn(w.Municipality))
		}
	}
	return s
}

// index returns where a date is among the dates, or would be: 0 for an earlier one, and the
// number of dates for a later one.
func (s *simulation) index(d civil.Date) int {
	i, _ := slices.BinarySearch(s.dates, d)
	return i
}

// isWeekend reports whether a day is a Saturday or a Sunday.
func (s *simulation) isWeekend(day int) bool { return (day+s.weekday)%7 > 4 }

// spans returns the forms that an activity has in turn, from its first day to the last of
// the simulation.
func (s *simulation) spans(x association.Activity) []span {
	bounds := []int{0, len(s.dates), s.index(x.Since)}
	for _, form := range x.Later {
		bounds = append(bounds, s.index(form.Since))
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	var all []span
	for n, from := range bounds[:len(bounds)-1] {
		form := x.At(s.dates[from])
		form.ID = x.ID
		all = append(all, span{from, bounds[n+1], &form})
	}
	return all
}

// sessions returns when an activity takes place, in the order of time. Nothing takes place in
// a municipality that is not a member, as while another replica writes.
func (s *simulation) sessions(x association.Activity) []session {
	closed, isMember := s.closed[x.Municipality]
	if !isMember {
		return nil
	}
	var all []session
	for _, p := range x.Days(s.dates[0], s.dates[len(s.dates)-1]) {
		d := s.index(p.Date)
		isOff := closed[d]
		if p.Form.Holidays != "" {
			isOff = p.Form.IsOff(p.Date)
		}
		if !isOff {
			all = append(all, session{d, p.Form})
		}
	}
	return all
}

// offer is what one municipality offers in the days of a simulation.
type offer struct {
	association.Municipality
	activities []association.Activity
	sessions   [][]session          // of each of the activities
	open       map[string][]session // by category that a rule is about: those that everybody can come to, by the time when they end
	offered    map[string]bool      // the categories, also of what has no day yet
}

func (s *simulation) offer(m association.Municipality) offer {
	o := offer{Municipality: m, activities: s.in.Week(m.Code).Activities, open: map[string][]session{}, offered: map[string]bool{}}
	ruled := map[string]bool{}
	for _, i := range s.in.Initiatives {
		for _, r := range i.PlanIn(m.Code).Rules {
			ruled[r.Category] = true
		}
	}
	for _, x := range o.activities {
		for _, p := range s.spans(x) {
			if !p.form.Gone && !p.form.HasDays() {
				o.offered[p.form.Category] = true
			}
		}
		sessions := s.sessions(x)
		o.sessions = append(o.sessions, sessions)
		for _, y := range sessions {
			c := y.form.Category
			if o.offered[c] = true; ruled[c] && y.form.ClosedGroup == nil {
				o.open[c] = append(o.open[c], y)
			}
		}
	}
	for _, sessions := range o.open {
		slices.SortFunc(sessions, func(a, b session) int { return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.form.To, b.form.To)) })
	}
	return o
}

// canAttend reports whether one person can come to so many of some sessions, in the order of
// when they end: what ends first leaves most time for others.
func canAttend(sessions []session, times int) bool {
	last := session{day: -1}
	for _, y := range sessions {
		if y.day != last.day || !y.form.Timed() || !last.form.Timed() || y.form.From >= last.form.To {
			times, last = times-1, y
		}
		if times <= 0 {
			return true
		}
	}
	return times <= 0
}
