package placement

import (
	"slices"
	"strconv"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// Register is who has a place in an area of a site. It is one document, so that no more are
// placed than the area takes, however many ask at once. The placements are the truth: a claim
// is made before its placement and may outlive it, so one that is in the way is compared with
// its placement before anybody is refused. No person is in it.
type Register struct {
	Association string  `json:"association"`
	Site        string  `json:"site"` // id of its object
	Area        string  `json:"area"`
	Claims      []Claim `json:"claims"` // in the order in which they were made
	Writes      int64   `json:"writes"` // each write is a new version
}

// Claim is the time that a placement takes, or is about to.
type Claim struct {
	Placement string                     `json:"placement"`
	From      civil.Date                 `json:"from"`
	Until     civil.Date                 `json:"until"`
	Days      []association.OpeningHours `json:"days"`
	AnswerBy  civil.Date                 `json:"answerBy,omitempty"` // last day of an offer; empty: it is agreed
	At        time.Time                  `json:"at"`
}

// Claim returns the claim of an offered placement.
func (p *Placement) Claim() Claim {
	return Claim{Placement: p.ID, From: p.From, Until: p.Until, Days: p.Days, AnswerBy: p.AnswerBy, At: p.Steps[0].At}
}

// takes reports whether the claim takes a place on a date, as it is on a day.
func (c Claim) takes(d, today civil.Date) bool {
	if d < c.From || d > c.Until || c.AnswerBy != "" && c.AnswerBy < today {
		return false
	}
	_, there := association.Site{Open: c.Days}.HoursOn(d)
	return there
}

// taken returns which claims take a place on a date.
func (r *Register) taken(d, today civil.Date) (all []Claim) {
	for _, c := range r.Claims {
		if c.takes(d, today) {
			all = append(all, c)
		}
	}
	return all
}

// Take adds a claim. When the area has no place left on one of its days, nothing is changed:
// full is the first such day, and blocking are the claims that take its places, or none when
// the area takes nobody then.
func (r *Register) Take(c Claim, site association.Site, today civil.Date) (full civil.Date, blocking []Claim) {
	for d := c.From; d <= c.Until; d = d.AddDays(1) {
		if !c.takes(d, today) {
			continue
		}
		blocking = slices.DeleteFunc(r.taken(d, today), func(x Claim) bool { return x.Placement == c.Placement })
		if len(blocking) >= site.PlacesOn(r.Area, d) {
			return d, blocking
		}
	}
	old := today.AddDays(-2 * maxDays)
	r.Claims = slices.DeleteFunc(r.Claims, func(x Claim) bool {
		return x.Until < old || x.Placement == c.Placement || x.AnswerBy != "" && x.AnswerBy < today
	})
	r.Claims = append(r.Claims, c)
	r.Writes++
	return "", nil
}

// Confirm lets the claim of an offer hold without an end to the offer. It reports whether the
// claim is there: one whose offer has lapsed may be gone, and its place taken.
func (r *Register) Confirm(placement string, today civil.Date) bool {
	i := slices.IndexFunc(r.Claims, func(c Claim) bool { return c.Placement == placement })
	if i < 0 || r.Claims[i].AnswerBy != "" && r.Claims[i].AnswerBy < today {
		return false
	}
	r.Claims[i].AnswerBy = ""
	r.Writes++
	return true
}

// Shorten ends a placement's claim with the day, or drops it when nothing of it is left. It
// reports whether anything changed.
func (r *Register) Shorten(placement string, lastDay civil.Date) bool {
	i := slices.IndexFunc(r.Claims, func(c Claim) bool { return c.Placement == placement })
	if i < 0 || r.Claims[i].Until <= lastDay {
		return false
	}
	if r.Claims[i].Until = lastDay; lastDay < r.Claims[i].From {
		r.Claims = slices.Delete(r.Claims, i, i+1)
	}
	r.Writes++
	return true
}

// Conflict is that a site does not take a placement any more, as it has become.
type Conflict struct {
	Placement string
	On        civil.Date // the first such day
}

// Conflicts returns the placements that the site does not take from a day on: on which it is
// closed, or not open at their times, or their agreement is over, and those that were made
// later than the area has places.
func (r *Register) Conflicts(site association.Site, first, today civil.Date) []Conflict {
	var found []Conflict
	last := first
	for _, c := range r.Claims {
		last = max(last, min(c.Until, first.AddDays(2*maxDays)))
	}
	for d := first; d <= last; d = d.AddDays(1) {
		open, _ := site.HoursOn(d)
		places := site.PlacesOn(r.Area, d)
		if !slices.Contains(site.At(d).Areas, r.Area) {
			places = 0
		}
		n := 0
		for _, c := range r.taken(d, today) {
			h, _ := association.Site{Open: c.Days}.HoursOn(d)
			if fits := open.From <= h.From && h.To <= open.To; fits && n < places {
				n++
				continue
			}
			if !slices.ContainsFunc(found, func(x Conflict) bool { return x.Placement == c.Placement }) {
				found = append(found, Conflict{c.Placement, d})
			}
		}
	}
	return found
}

// Free is how many places an area has on a day, and how many of them are taken.
type Free struct {
	Area          string
	Date          civil.Date
	Places, Taken int
}

// FreeIn returns the places of an area from one day to another, of the days on which it has
// some or somebody is there.
func (r *Register) FreeIn(site association.Site, first, last, today civil.Date) (days []Free) {
	for d := first; d <= last; d = d.AddDays(1) {
		f := Free{Area: r.Area, Date: d, Places: site.PlacesOn(r.Area, d), Taken: len(r.taken(d, today))}
		if f.Places > 0 || f.Taken > 0 {
			days = append(days, f)
		}
	}
	return days
}

// field returns the pointer of an element of a list.
func field(list string, i int) string { return list + "/" + strconv.Itoa(i) }
