package participant

import (
	"fmt"
	"math"

	"github.com/finsam/finsam/pkg/civil"
)

// PlaceForecast is when a place becomes free, as far as can be known: in four cases of five
// from Earliest to Latest, as often before Median as after it. They are whole weeks: Earliest
// and Median are Mondays, Latest is a Sunday, so that no day of one person shows.
type PlaceForecast struct{ Earliest, Median, Latest civil.Date }

const (
	// leastForForecast is how many must have a place for each one that is forecast: with
	// fewer the dates would be those of a person.
	leastForForecast = 3
	maxForecast      = 5   // places
	forecastDays     = 731 // that a forecast looks ahead
)

// days is how likely each number of days is, from 0.
type days []float64

// Habits are what usually happens to enrolments: what their plans do not say.
type Habits struct {
	leave   float64 // a day: that the person leaves outside a check-in
	end     float64 // that a check-in ends the enrolment
	between days    // from a block's planned end until the next begins: decisions, prolongations, pauses
	closing days    // from the last block's end, or the decision to end, until it is closed
}

// What is assumed before anything is known, and how much it counts beside what happened: as
// ten people of whom two left in 21 weeks each, twenty check-ins of which two ended the
// enrolment, and ten waits of each kind. It is ours: the field has published no figures.
const (
	priorLeft, priorDays    = 2, 10 * 21 * 7
	priorEnded, priorAsked  = 2, 20
	priorWaits              = 10
	longestBetween          = 120 // days
	longestClosing          = 90
	usualBetween, rareLater = 14, 56 // days: four in five within the first, the rest within the second
	usualClosing            = 28
)

// HabitsOf returns the habits that enrolments show up to a day: those that run count with the
// time in which nothing happened to them, or the short ones would be taken for the usual ones.
func HabitsOf(known []*Enrolment, today civil.Date) *Habits {
	between, closing := make(days, longestBetween), make(days, longestClosing)
	for d := range usualBetween {
		between[d] += 0.8 * priorWaits / usualBetween
	}
	for d := usualBetween; d < rareLater; d++ {
		between[d] += 0.2 * priorWaits / (rareLater - usualBetween)
	}
	for d := range usualClosing {
		closing[d] += float64(priorWaits) / usualClosing
	}
	left, exposed, ended, asked := float64(priorLeft), float64(priorDays), float64(priorEnded), float64(priorAsked)
	for _, e := range known {
		p := e.Progress()
		if p.Started == "" || p.Closed != nil && p.Closed.EndReason == MisRegistered {
			continue
		}
		for i := range max(p.Block-1, 0) {
			between.see(p.Blocks[i].First.AddWeeks(p.Blocks[i].Weeks).DaysUntil(p.Blocks[i+1].First))
		}
		for _, in := range p.CheckIns {
			if in.Decision == nil {
				continue
			}
			if asked++; in.Decision.Decision == End {
				ended++
			}
		}
		until := today
		if p.Closed != nil {
			until = p.Closed.On
			if since, regular := p.closingSince(); regular {
				closing.see(since.DaysUntil(until))
			} else {
				left++
			}
		}
		exposed += float64(max(p.Started.DaysUntil(until), 1))
	}
	return &Habits{leave: left / exposed, end: ended / asked, between: between.normal(), closing: closing.normal()}
}

// closingSince returns since when an enrolment only waits for being closed; false when a
// block was, or is, left before its end.
func (p *Progress) closingSince() (civil.Date, bool) {
	in := p.checkIn(p.Block)
	switch {
	case p.ranAll:
		return p.current().RunsTo().AddDays(1), true
	case in != nil && in.Decision != nil && in.Decision.Decision == End:
		return in.Decision.On, true
	}
	return "", false
}

// see counts a wait of n days, spread over its neighbours: few waits say little about a day.
func (d days) see(n int) {
	const reach = 3
	for k := -reach; k <= reach; k++ {
		d[min(max(n+k, 0), len(d)-1)] += 1.0 / (2*reach + 1)
	}
}

func (d days) normal() days {
	sum := 0.0
	for _, x := range d {
		sum += x
	}
	for i := range d {
		d[i] /= sum
	}
	return d
}

// after returns how long is left to wait when some days have passed without it. Nothing is
// known of a wait longer than all that were seen: it ends within four weeks.
func (d days) after(passed int) days {
	if passed <= 0 {
		return d
	}
	sum := 0.0
	for n := passed + 1; n < len(d); n++ {
		sum += d[n]
	}
	if sum < 1e-9 {
		left := make(days, 29)
		for n := 1; n < len(left); n++ {
			left[n] = 1
		}
		return left.normal()
	}
	left := make(days, len(d)-passed)
	for n := passed + 1; n < len(d); n++ {
		left[n-passed] = d[n] / sum
	}
	return left
}

// plus returns the distribution of the sum of two independent waits and a fixed time.
func (d days) plus(e days, fixed int) days {
	sum := make(days, min(len(d)+len(e)-1+fixed, forecastDays))
	for i, x := range d {
		for j, y := range e {
			if n := i + j + fixed; x != 0 && n < len(sum) {
				sum[n] += x * y
			}
		}
	}
	return sum
}

// add adds another distribution, weighed.
func (d days) add(e days, weight float64) {
	for n, x := range e {
		if n < len(d) {
			d[n] += x * weight
		}
	}
}

// route is what is left of an enrolment from a point that it has reached, or will reach in
// ahead days.
type route struct {
	blocks  []PlanBlock // to come; the first of them follows the point
	asked   bool        // a check-in, at the point, may end it
	closing bool        // nothing but the closing is left
	passed  int         // days since the point
}

// routeOf returns the route of an enrolment that is not closed.
func routeOf(e *Enrolment, today civil.Date) (r route, ahead int) {
	p := e.Progress()
	for _, b := range p.Blocks[p.Block:] {
		r.blocks = append(r.blocks, b.PlanBlock)
	}
	point := e.PlannedStart
	if p.Block > 0 {
		point = p.current().RunsTo().AddDays(1)
		r.asked = p.current().CheckIn && (p.State == StateActive || p.State == StateCheckInDue)
		r.closing = len(r.blocks) == 0
	}
	if since, regular := p.closingSince(); regular && p.State == StateClosing {
		r.blocks, r.closing, point = nil, true, since
	}
	n := today.DaysUntil(point)
	r.passed = max(-n, 0)
	return r, max(n, 0)
}

// finish returns how many days from the point of a route the enrolment is closed, unless the
// person leaves before.
func (h *Habits) finish(r route) days {
	end := make(days, forecastDays)
	at, blocks := days{1}, r.blocks
	for asked, passed := r.asked, r.passed; ; passed = 0 {
		if r.closing || len(blocks) == 0 {
			end.add(at.plus(h.closing.after(passed), 0), 1)
			return end
		}
		goesOn := 1.0
		if asked {
			end.add(at.plus(h.closing.after(passed), 0), h.end)
			goesOn -= h.end
		}
		at = at.plus(h.between.after(passed), 7*blocks[0].Weeks)
		for n := range at {
			at[n] *= goesOn
		}
		asked, blocks = blocks[0].CheckIn, blocks[1:]
	}
}

// NextPlaces returns when the next places of enrolments that are not closed become free, by
// the exact distribution: that of the first, the second, and so on, of all their last days.
// Fewer than three enrolments have none, and each place takes three more, so that none is the
// forecast of one person.
func (h *Habits) NextPlaces(running []*Enrolment, today civil.Date) (found []PlaceForecast) {
	places := min(len(running)/leastForForecast, maxForecast)
	if places == 0 {
		return nil
	}
	finishes := map[string]days{}
	stays := make([]days, len(running)) // by day: that the enrolment is not closed yet
	for i, e := range running {
		r, ahead := routeOf(e, today)
		key := fmt.Sprint(r)
		end, known := finishes[key]
		if !known {
			end = h.finish(r)
			finishes[key] = end
		}
		stay, left := make(days, forecastDays), 1.0
		for n := range stay {
			if n >= ahead {
				left -= end[n-ahead]
			}
			stay[n] = max(left, 0) * math.Pow(1-h.leave, float64(n))
		}
		stays[i] = stay
	}
	found = make([]PlaceForecast, places)
	for n := 1; n < forecastDays; n++ {
		monday := mondayOf(today.AddDays(n))
		free := chances(stays, n, places)
		for k := range found {
			f := &found[k]
			for _, mark := range []struct {
				at  float64
				day *civil.Date
				is  civil.Date
			}{{0.1, &f.Earliest, monday}, {0.5, &f.Median, monday}, {0.9, &f.Latest, monday.AddDays(6)}} {
				if *mark.day == "" && (free[k] >= mark.at || n == forecastDays-1) {
					*mark.day = mark.is
				}
			}
		}
		if found[places-1].Latest != "" {
			break
		}
	}
	return found
}

// chances returns how likely it is that at least one, two, … places are free n days from now.
func chances(stays []days, n, places int) []float64 {
	exactly := make([]float64, places) // so many, from none
	exactly[0] = 1
	for _, stay := range stays {
		for k := places - 1; k >= 0; k-- {
			exactly[k] *= stay[n]
			if k > 0 {
				exactly[k] += exactly[k-1] * (1 - stay[n])
			}
		}
	}
	free, fewer := make([]float64, places), 0.0
	for k := range free {
		fewer += exactly[k]
		free[k] = 1 - fewer
	}
	return free
}

// mondayOf returns the first day of a date's week.
func mondayOf(d civil.Date) civil.Date {
	return d.AddDays(-int(d.MidnightUTC().Weekday()+6) % 7)
}
