package referral

import (
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/store"
)

// Capacity are those of one initiative in one municipality: how many there are, and
// who has one. Every acceptance takes its place here first, by compare-and-swap,
// and only then is the referral saved; so never more have one than there are,
// however many are accepted at once. What a death left behind, Reconcile mends.
type Capacity struct {
	Association  string    `json:"association"`
	ID           string    `json:"id"` // follows from initiative and municipality
	Initiative   string    `json:"initiative"`
	Municipality string    `json:"municipality"`
	Settings     []Setting `json:"settings"` // the latest is in force; none: without bound
	Taken        []Taken   `json:"taken"`
	Sets         int64     `json:"sets"` // how often a number was set; Settings keeps the last
	Writes       int64     `json:"writes"`
}

// Setting is how many places somebody decided on.
type Setting struct {
	At         time.Time `json:"at"`
	By         string    `json:"by"`
	Authority  string    `json:"authority"`
	Number     int       `json:"number"`
	MaxWaiting *int      `json:"maxWaiting,omitempty"` // nil: as many as come
}

// Taken is a place that a referral has, or is about to have. One that is taken
// at a version becomes its referral's with the very next step, or never.
type Taken struct {
	Referral string    `json:"referral"`
	Version  int64     `json:"version"`         // of the referral when the place was taken
	Mark     string    `json:"mark"`            // whose taking it is: it alone may give it back
	At       time.Time `json:"at"`              // when it was taken
	Kept     bool      `json:"kept,omitempty"`  // for one who is moved up, and not accepted yet
	Until    string    `json:"until,omitempty"` // planned last day, as far as known
}

// maxSettings bounds the history of the settings.
const maxSettings = 100

// grace is how long a place may be taken for a step that is not seen yet. It is
// longer than any request lives.
const grace = 5 * time.Minute

// Set decides how many places there are from now on, over what was set ifSets
// times; store.ErrStale when somebody has since. Who has one keeps it, also when
// there are fewer now.
func (p *Capacity) Set(h Hand, now time.Time, ifSets int64, number int, maxWaiting *int) error {
	if p.Sets != ifSets {
		return store.ErrStale
	}
	p.Sets++
	p.Settings = append(p.Settings, Setting{
		At: now.UTC().Truncate(time.Millisecond), By: h.Subject, Authority: h.Authority, Number: number, MaxWaiting: maxWaiting,
	})
	if over := len(p.Settings) - maxSettings; over > 0 {
		p.Settings = slices.Delete(p.Settings, 0, over)
	}
	return nil
}

// Setting returns the setting in force, or nil.
func (p *Capacity) Setting() *Setting {
	if len(p.Settings) == 0 {
		return nil
	}
	return &p.Settings[len(p.Settings)-1]
}

// Free is how many more may be taken; ok is false while no number is set.
func (p *Capacity) Free() (n int, ok bool) {
	s := p.Setting()
	if s == nil {
		return 0, false
	}
	return max(s.Number-len(p.Taken), 0), true
}

// Take takes a place; ErrNoPlace when there is none.
func (p *Capacity) Take(t Taken) error {
	if free, bounded := p.Free(); bounded && free == 0 {
		return ErrNoPlace
	}
	p.Taken = append(p.Taken, t)
	return nil
}

// GiveBack returns a place back to where it came from; false when it is gone.
func (p *Capacity) GiveBack(mark string) bool {
	before := len(p.Taken)
	p.Taken = slices.DeleteFunc(p.Taken, func(t Taken) bool { return t.Mark == mark })
	return len(p.Taken) < before
}

// Forget lets go of what is not under way any more while no number is set: then
// nobody is turned away, and anyone who sets one reads first who has a place. So the
// document does not grow with all who ever were accepted. It tells whether
// something changed.
func (p *Capacity) Forget(now time.Time) bool {
	before := len(p.Taken)
	if p.Setting() == nil {
		p.Taken = slices.DeleteFunc(p.Taken, func(t Taken) bool { return now.Sub(t.At) >= grace })
	}
	return len(p.Taken) < before
}

// Reconcile creates the places be those that the referrals say: by id those named
// in Taken, and all that hold a place here. It tells whether something changed.
//
// A referral changes by compare-and-swap, so a place taken at a version that the
// referral has gone past without holding it is nobody's for certain; one taken at
// the version that it still has may be on its way, and is left for a while.
func (p *Capacity) Reconcile(now time.Time, byID map[string]*Referral, weeks int) bool {
	var kept []Taken
	settled := map[string]bool{}
	for _, t := range p.Taken {
		r, young := byID[t.Referral], now.Sub(t.At) < grace
		h, holds := r.holding()
		switch {
		case r == nil:
			// no such referral: it was never saved, and its id comes to nobody else
		case holds && h.initiative == p.Initiative && r.Municipality() == p.Municipality && h.version == t.Version:
			if settled[t.Referral] && !young {
				continue // of two who took it at once, one has lost and died
			}
			settled[t.Referral] = true
			t.Kept, t.Until = h.kept, r.until(weeks)
			kept = append(kept, t)
		case r.Version() == t.Version && young:
			kept = append(kept, t)
		}
	}
	for id, r := range byID {
		h, holds := r.holding()
		if holds && !settled[id] && h.initiative == p.Initiative && r.Municipality() == p.Municipality {
			kept = append(kept, Taken{Referral: id, Version: h.version, At: now, Kept: h.kept, Until: r.until(weeks)})
		}
	}
	slices.SortStableFunc(kept, func(a, b Taken) int { return a.At.Compare(b.At) })
	if slices.Equal(kept, p.Taken) {
		return false
	}
	p.Taken = kept
	return true
}

// hold is the place that a referral has.
type hold struct {
	initiative string
	version    int64 // the referral's when the place was taken
	kept       bool  // not accepted yet
}

// holding returns the place that the referral has; false when it has none.
func (r *Referral) holding() (h hold, ok bool) {
	if r == nil {
		return h, false
	}
	switch r.State() {
	case StateWaitlisted:
		if up := r.movedUp(); up != nil {
			return hold{up.Initiative, up.N - 1, true}, true
		}
	case StateAccepted, StateEnrolled:
		a := r.last(Accepted)
		if up := r.at(a.N - 1).movedUp(); up != nil && up.Initiative == a.Acceptance.Initiative {
			return hold{a.Acceptance.Initiative, up.N - 1, false}, true
		}
		return hold{a.Acceptance.Initiative, a.N - 1, false}, true
	}
	return h, false
}

// until is the planned last day of the one who has a place, empty when nothing is
// planned yet; weeks is how long the initiative lasts at most.
func (r *Referral) until(weeks int) string {
	day := ""
	for _, s := range r.Steps {
		if s.Progress != nil {
			day = max(day, s.Progress.LastDay)
		}
	}
	a := r.last(Accepted)
	if day != "" || a == nil {
		return day
	}
	start, err := civil.Parse(a.Acceptance.StartDate)
	if err != nil {
		return ""
	}
	return string(start.AddWeeks(weeks).AddDays(-1))
}

// expectedStart is the first day on which one who comes last in a queue can have
// a place: the planned last days of those who have one say when each is free, and
// everyone in between stays as long as the initiative lasts. Empty: no telling.
func expectedStart(today civil.Date, number int, taken []Taken, ahead, weeks int) civil.Date {
	if number <= 0 {
		return ""
	}
	free := make([]civil.Date, 0, number)
	for _, t := range taken {
		last, err := civil.Parse(t.Until)
		if err != nil {
			last = today.AddWeeks(weeks).AddDays(-1) // begins at the earliest today
		}
		free = append(free, max(today, last.AddDays(1)))
	}
	for len(free) < number {
		free = append(free, today)
	}
	slices.Sort(free)
	free = free[len(free)-number:] // more have one than there are: the first to end are not followed
	return free[ahead%number].AddWeeks(weeks * (ahead / number))
}
