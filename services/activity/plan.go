package activity

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
)

// Plan is on which weekday and when a series takes place, as a booking of it knows it: each
// part holds until the next one.
type Plan []Part

// Part is one part of a plan: what of a series says when it takes place. One without days has
// no occurrences.
type Part struct {
	Since    civil.Date   `json:"since"`
	Day      string       `json:"day,omitempty"`
	Rule     string       `json:"rule,omitempty"`
	First    civil.Date   `json:"first,omitempty"`
	Extra    []civil.Date `json:"extra,omitempty"`
	Except   []civil.Date `json:"except,omitempty"`
	Holidays string       `json:"holidays,omitempty"`
	MovedTo  string       `json:"movedTo,omitempty"`
	From     string       `json:"from,omitempty"`
	To       string       `json:"to,omitempty"`
}

// PlanOf returns the plan of a series from a day on.
func PlanOf(a association.Activity, first civil.Date) Plan {
	days := slices.DeleteFunc(turns(a), func(d civil.Date) bool { return d <= first })
	var p Plan
	for _, since := range append([]civil.Date{first}, days...) {
		part := Part{Since: since}
		if x := a.At(since); x.HasDays() {
			part = Part{since, x.Day, x.Rule, x.First, x.Extra, x.Except, x.Holidays, x.MovedTo, x.From, x.To}
		}
		p = append(p, part)
	}
	return p
}

// form returns a series that takes place as the part says.
func (p *Part) form() association.Activity {
	return association.Activity{
		Since: p.Since, Day: p.Day, Rule: p.Rule, First: p.First, Extra: p.Extra, Except: p.Except, Holidays: p.Holidays, MovedTo: p.MovedTo, From: p.From, To: p.To,
	}
}

// turns returns the days from which a series is another than before, in their order.
func turns(a association.Activity) []civil.Date {
	days := []civil.Date{a.Since}
	for _, x := range a.Later {
		days = append(days, x.Since)
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// On returns the part of a day, and how many parts are before it.
func (p Plan) On(d civil.Date) (part Part, before int) {
	for i, x := range slices.Backward(p) {
		if x.Since <= d {
			return x, i
		}
	}
	return Part{}, 0
}

// isAs reports whether the occurrences of two parts are on the same days and times.
func (p Part) isAs(q Part) bool {
	a, b := p.form(), q.form()
	return a.TakesPlaceAs(&b)
}

// times returns when the occurrence of a day starts and ends, zero where no time is decided.
func (p Part) times(d civil.Date) (starts, ends time.Time) {
	from, timed := association.Clock(p.From)
	if !timed {
		return starts, ends
	}
	to, _ := association.Clock(p.To)
	return d.At(from), d.At(to)
}

// followed is a plan, and when the booking came to follow it.
type followed struct {
	Plan
	at time.Time
}

// plans returns what a booking has followed of the series x, one plan over another: each
// holds from its first day on.
func (b *Booking) plans(x association.Activity) []followed {
	all := []followed{{b.Plan, b.Steps[0].At}}
	if b.Plan == nil { // booked before bookings kept it
		all[0].Plan = PlanOf(x, "2000-01-01")
	}
	for _, s := range b.Steps {
		if s.Kind == StepMoved {
			all = append(all, followed{s.Plan, s.At})
		}
	}
	return all
}

// partOn returns what plans that lie one over another say of a day.
func partOn(plans []followed, d civil.Date) Part {
	for _, p := range slices.Backward(plans) {
		if p.Plan[0].Since <= d {
			part, _ := p.On(d)
			return part
		}
	}
	return Part{}
}

// Follow follows that the series x is another from a day on: the booking holds for it as it
// is now, and ends with it. What has been stays: a day that is behind every calendar is not
// looked at. cause is the id of the event that says so; it reports whether anything changed.
func (b *Booking) Follow(x association.Activity, cause string, by history.Author, now time.Time) bool {
	steps := len(b.Steps)
	first, _ := CalendarSpan(now)
	first = max(first, b.From)
	if b.Plan == nil { // what begins today or later is what it follows now
		b.Plan = slices.DeleteFunc(PlanOf(x, "2000-01-01"), func(p Part) bool { return p.Since >= max(civil.DateOf(now), "2000-01-02") })
	}
	is := PlanOf(x, first)
	ends := civil.Date("~") // behind every day
	for _, p := range slices.Backward(is) {
		if form := p.form(); form.HasDays() {
			break
		}
		ends = p.Since
	}
	if ends != "~" {
		is = slices.DeleteFunc(is, func(p Part) bool { return p.Since >= ends })
	}
	step := func(s Step) {
		s.Cause = cause
		b.Steps = history.Append(b.Steps, s, by, now)
	}
	for _, s := range slices.Backward(history.Story(b.Steps, CorrectionOf)) {
		part, _ := is.On(s.Date)
		form := part.form()
		holds := form.HasDays() || s.Date == b.From && s.Date >= first // it may begin later than the booking
		if s.Kind == StepDiscontinued && s.Date < ends && holds {
			step(Step{Kind: StepReopened, Correction: &history.Correction[Step]{Of: s.N}})
		}
	}
	last := b.Status().LastDay
	days := []civil.Date{first}
	for _, p := range append(b.plans(x), followed{Plan: is}) {
		for _, part := range p.Plan {
			days = append(days, part.Since)
		}
	}
	slices.Sort(days)
	for _, d := range days {
		if d < first || d > last || d >= ends {
			continue
		}
		if part, n := is.On(d); !part.isAs(partOn(b.plans(x), d)) {
			part.Since = d
			step(Step{Kind: StepMoved, Date: d, Plan: append(Plan{part}, is[n+1:]...)})
			break
		}
	}
	if ends <= last {
		step(Step{Kind: StepDiscontinued, Date: max(ends, b.From)})
	}
	return len(b.Steps) > steps
}

// slot is one occurrence of a booking in an ISO week, through all plans. A calendar knows it by its key, which never comes to mean another.
type slot struct {
	key     string
	days    []civil.Date // on which it has been, the latest last, whatever is closed
	date    civil.Date   // on which it is: the last of days, or where a closed day moves it to
	movable bool         // in one of the plans closed days move it: on which day it is follows from all days of its week
	part    Part
	gone    bool
	changes int
	at      time.Time // of the latest change
}

func (s *slot) day() civil.Date { return s.days[len(s.days)-1] }

// change notes that the occurrence is on a day now.
func (s *slot) change(d civil.Date, p Part, at time.Time) {
	if s.day() != d {
		s.days = append(s.days, d)
	}
	s.part, s.gone, s.at = p, false, at
	s.changes++
}

// isAnother reports whether a calendar shows the occurrence in another way when its series is as
// another part says, on the same day.
func (s *slot) isAnother(p Part) bool {
	return s.gone || s.part.From != p.From || s.part.To != p.To || s.part.Holidays != p.Holidays || p.Holidays == association.HolidaysMoved && !s.part.isAs(p)
}

// layer is a series as plans that lie one over another say it, and its days in a span.
type layer struct {
	series association.Activity
	days   []association.Planned
}

// layersIn returns the series of a booking in a span of whole weeks, by each plan with those before it.
func layersIn(first, last civil.Date, plans []followed, calendar association.Calendar) []layer {
	layers := make([]layer, len(plans))
	turns := []civil.Date{first}
	for k, p := range plans {
		for _, part := range p.Plan {
			if part.Since > first && part.Since <= last {
				turns = append(turns, part.Since)
			}
		}
		slices.Sort(turns)
		turns = slices.Compact(turns)
		x, before := &layers[k].series, Part{}
		for n, d := range turns {
			part := partOn(plans[:k+1], d)
			if n > 0 && part.isAs(before) {
				continue
			}
			before = part
			form := part.form()
			form.Since, form.Calendar, form.Gone = d, calendar, !form.HasDays()
			if n == 0 {
				*x = form
			} else {
				x.Later = append(x.Later, form)
			}
		}
		layers[k].days = x.Days(first, last)
	}
	return layers
}

// in returns the days of a week, and whether closed days move the series in it.
func (l *layer) in(monday, sunday civil.Date) (days []association.Planned, movable bool) {
	at := func(d civil.Date) int {
		i, _ := slices.BinarySearchFunc(l.days, d, func(p association.Planned, d civil.Date) int { return cmp.Compare(p.Date, d) })
		return i
	}
	movable = l.series.Holidays == association.HolidaysMoved
	for _, form := range l.series.Later {
		if form.Since > sunday {
			break
		}
		movable = movable && form.Since > monday || form.Holidays == association.HolidaysMoved
	}
	return l.days[at(monday):at(sunday.AddDays(1))], movable
}

// slotsIn returns the occurrences of a booking of a series in the week of a Monday, also those that are gone.
func (b *Booking) slotsIn(monday civil.Date, plans []followed, layers []layer) []*slot {
	var slots []*slot
	sunday := monday.AddDays(6)
	isMovable, moved := false, map[civil.Date]civil.Date{}
	for k := range plans {
		planned, movable := layers[k].in(monday, sunday)
		isMovable = isMovable || movable
		clear(moved)
		var days []civil.Date // on which something takes place, and no slot is yet
		for _, p := range planned {
			d := cmp.Or(p.Moved, p.Date)
			moved[d] = p.Date
			if p.Date >= b.From && p.Date <= cmp.Or(b.Until, Forever) && hasSession(b.Sessions, p.Date) {
				days = append(days, d)
			}
		}
		slices.Sort(days)
		var left []*slot // that are on another day now, or gone
		for _, s := range slots {
			i := slices.Index(days, s.day())
			if i < 0 {
				left = append(left, s)
				continue
			}
			days = slices.Delete(days, i, i+1)
			if p := partOn(plans[:k+1], s.day()); s.isAnother(p) {
				s.change(s.day(), p, plans[k].at)
			}
		}
		slices.SortStableFunc(left, func(a, b *slot) int { // what was there until now moves before what was gone
			return cmp.Compare(strconv.FormatBool(a.gone), strconv.FormatBool(b.gone))
		})
		for i, d := range days {
			p := partOn(plans[:k+1], d)
			if i < len(left) {
				left[i].change(d, p, plans[k].at)
				continue
			}
			key := string(d)
			for n := 2; slices.ContainsFunc(slots, func(s *slot) bool { return s.key == key }); n++ {
				key = string(d) + "/" + strconv.Itoa(n)
			}
			slots = append(slots, &slot{key: key, days: []civil.Date{d}, part: p, at: plans[k].at})
		}
		for _, s := range left[min(len(days), len(left)):] {
			if !s.gone {
				s.gone, s.at = true, plans[k].at
				s.changes++
			}
		}
	}
	for _, s := range slots {
		s.movable, s.date = isMovable, s.day()
		if to := moved[s.day()]; to != "" && !s.gone {
			s.date = to
		}
	}
	return slots
}

// hasSession reports whether one of a group's sessions is in the ISO week of a day: it stays
// in its week when the activity is moved. Without any, each week has one.
func hasSession(sessions []civil.Date, d civil.Date) bool {
	return len(sessions) == 0 || slices.ContainsFunc(sessions, func(s civil.Date) bool { return WeekOf(s) == WeekOf(d) })
}
