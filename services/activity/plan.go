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

// Part is one part of a plan. One without a weekday has no occurrences.
type Part struct {
	Since civil.Date `json:"since"`
	Day   string     `json:"day,omitempty"`
	From  string     `json:"from,omitempty"`
	To    string     `json:"to,omitempty"`
}

// PlanOf returns the plan of a series from a day on.
func PlanOf(a association.Activity, first civil.Date) Plan {
	days := slices.DeleteFunc(turns(a), func(d civil.Date) bool { return d <= first })
	var p Plan
	for _, since := range append([]civil.Date{first}, days...) {
		x := a.At(since)
		p = append(p, Part{since, x.Day, x.From, x.To})
	}
	return p
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

// isAs reports whether the occurrences of two parts are on the same weekday and time.
func (p Part) isAs(q Part) bool {
	return p.Day == q.Day && (p.Day == "" || p.From == q.From && p.To == q.To)
}

// takesPlace reports whether the part has an occurrence on a day of the week.
func (p Part) takesPlace(d civil.Date) bool {
	day, scheduled := association.Activity{Day: p.Day}.Weekday()
	return scheduled && day == d.MidnightUTC().Weekday()
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
	if last := is[len(is)-1]; last.Day == "" {
		ends = last.Since
		for _, p := range slices.Backward(is) {
			if p.Day != "" {
				break
			}
			ends = p.Since
		}
		is = slices.DeleteFunc(is, func(p Part) bool { return p.Since >= ends })
	}
	step := func(s Step) {
		s.Cause = cause
		b.Steps = history.Append(b.Steps, s, by, now)
	}
	for _, s := range slices.Backward(history.Story(b.Steps, CorrectionOf)) {
		part, _ := is.On(s.Date)
		holds := part.Day != "" || s.Date == b.From && s.Date >= first // it may begin later than the booking
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
	days    []civil.Date // on which it has been, the latest last
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

// slotsIn returns the occurrences of a booking in a week, also those that are gone.
func (b *Booking) slotsIn(w Week, plans []followed) []*slot {
	var slots []*slot
	var week [7]civil.Date
	for n, monday := 0, w.Monday(); n < len(week); n++ {
		week[n] = monday.AddDays(n)
	}
	for k := range plans {
		var days []civil.Date // on which something takes place, and no slot is yet
		for _, d := range week {
			if d >= b.From && d <= cmp.Or(b.Until, Forever) && partOn(plans[:k+1], d).takesPlace(d) {
				days = append(days, d)
			}
		}
		var left []*slot // that are on another day now, or gone
		for _, s := range slots {
			i := slices.Index(days, s.day())
			if i < 0 {
				left = append(left, s)
				continue
			}
			days = slices.Delete(days, i, i+1)
			if p := partOn(plans[:k+1], s.day()); s.gone || !p.isAs(s.part) {
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
	return slots
}
