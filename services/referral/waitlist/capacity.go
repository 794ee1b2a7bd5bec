package waitlist

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
)

// Capacity is the places of one initiative in one municipality: how many there are, and
// who has one. Every acceptance takes its place here first, by compare-and-swap, and
// only then is the referral saved; so places are never exceeded, however many are
// accepted at once. Reconcile repairs what a crash left behind.
type Capacity struct {
	Queue
	ID       string    `json:"id"`       // Queue.id
	Settings []Setting `json:"settings"` // the latest is in force; none: unlimited
	Taken    []Taken   `json:"taken"`
	Sets     int64     `json:"sets"` // how often a number was set; Settings has the last ones
	Writes   int64     `json:"writes"`
}

// Setting is how many places somebody decided on.
type Setting struct {
	At         time.Time `json:"at"`
	By         string    `json:"by"`
	Authority  string    `json:"authority"`
	Number     int       `json:"number"`
	MaxWaiting *int      `json:"maxWaiting,omitempty"` // nil: unlimited
}

// Taken is a place that a referral has, or is about to have. One that is taken at a
// version becomes its referral's with the very next step, or never.
type Taken struct {
	Referral string    `json:"referral"`
	Version  int64     `json:"version"`         // of the referral when the place was taken
	Mark     string    `json:"mark"`            // of the request that took it, which alone may give it back
	At       time.Time `json:"at"`              // when it was taken
	Kept     bool      `json:"kept,omitempty"`  // offered to a person on the waiting list, and not accepted yet
	Until    string    `json:"until,omitempty"` // planned last day, as far as known
}

const (
	maxSettings = 100 // in the history of one capacity
	// reservationGrace is how long a place may be taken for a step that is not seen yet:
	// longer than any request may take.
	reservationGrace = 5 * time.Minute
)

// Collection declares how capacities are stored.
var Collection = store.Schema[Capacity]{
	Name:    "places",
	ID:      func(c *Capacity) (string, string) { return c.Association, c.ID },
	Version: func(c *Capacity) int64 { return c.Writes },
}

// idSpace is the name space of the ids of capacities (RFC 9562, version 5).
var idSpace = uuid.MustParse("3b1f0f7e-2f0a-5c53-9a51-6a6f1f0c5d21")

// Set decides how many places there are from now on, in place of what had been set
// ifSets times (below 0: any number); store.ErrStale when somebody has set it since. Who has a place keeps
// it, also when there are fewer now.
func (c *Capacity) Set(by history.Author, now time.Time, ifSets int64, number int, maxWaiting *int) error {
	if ifSets >= 0 && c.Sets != ifSets {
		return store.ErrStale
	}
	c.Sets++
	c.Settings = append(c.Settings, Setting{At: history.Stamp(now), By: by.Subject, Authority: by.Authority, Number: number, MaxWaiting: maxWaiting})
	if over := len(c.Settings) - maxSettings; over > 0 {
		c.Settings = slices.Delete(c.Settings, 0, over)
	}
	return nil
}

// Setting returns the setting in force; nil: unlimited. A nil Capacity has none.
func (c *Capacity) Setting() *Setting {
	if c == nil || len(c.Settings) == 0 {
		return nil
	}
	return &c.Settings[len(c.Settings)-1]
}

// Free is how many places may be taken; false while they are unlimited.
func (c *Capacity) Free() (n int, limited bool) {
	s := c.Setting()
	if s == nil {
		return 0, false
	}
	return max(s.Number-len(c.Taken), 0), true
}

// Take takes a place; ErrNoPlace when all are taken.
func (c *Capacity) Take(t Taken) error {
	if free, limited := c.Free(); limited && free == 0 {
		return ErrNoPlace
	}
	c.Taken = append(c.Taken, t)
	return nil
}

// GiveBack frees the place of a mark, and reports whether it was taken.
func (c *Capacity) GiveBack(mark string) bool {
	before := len(c.Taken)
	c.Taken = slices.DeleteFunc(c.Taken, func(t Taken) bool { return t.Mark == mark })
	return len(c.Taken) < before
}

// Forget drops places that are older than any request while they are unlimited, so that
// the document does not grow with everybody who was ever accepted: the first setting
// reads from the referrals who has a place. It reports whether something changed.
func (c *Capacity) Forget(now time.Time) bool {
	before := len(c.Taken)
	if c.Setting() == nil {
		c.Taken = slices.DeleteFunc(c.Taken, func(t Taken) bool { return now.Sub(t.At) >= reservationGrace })
	}
	return len(c.Taken) < before
}

// Reconcile makes the taken places those that the referrals have: by id those that are
// named in Taken, and all that have a place here. It reports whether something changed.
//
// A referral changes by compare-and-swap, so a place taken at a version that the
// referral has passed without having it is certainly not used; one taken at the present
// version may be about to be, and is left for a while.
func (c *Capacity) Reconcile(now time.Time, byID map[string]*referral.Referral, weeks int) bool {
	type holder struct {
		version int64
		place   *referral.Place // nil: none here
		until   string
	}
	holders := map[string]holder{}
	for id, r := range byID {
		s := r.Status()
		h := holder{version: r.Version(), until: s.PlaceUntil(weeks)}
		if s.Place != nil && s.Place.Initiative == c.Initiative && s.Municipality == c.Municipality {
			h.place = s.Place
		}
		holders[id] = h
	}
	var taken []Taken
	settled := map[string]bool{}
	for _, t := range c.Taken {
		h, exists := holders[t.Referral] // without one the referral was never saved, and its id is not used again
		isYoung := now.Sub(t.At) < reservationGrace
		switch {
		case h.place != nil && h.place.Version == t.Version:
			if settled[t.Referral] && !isYoung {
				continue // of two who took it at once, one has lost and crashed
			}
			settled[t.Referral] = true
			t.Kept, t.Until = h.place.Offered, h.until
			taken = append(taken, t)
		case exists && h.version == t.Version && isYoung:
			taken = append(taken, t)
		}
	}
	for id, h := range holders {
		if h.place != nil && !settled[id] {
			taken = append(taken, Taken{Referral: id, Version: h.place.Version, At: now, Kept: h.place.Offered, Until: h.until})
		}
	}
	slices.SortStableFunc(taken, func(a, b Taken) int { return a.At.Compare(b.At) })
	if slices.Equal(taken, c.Taken) {
		return false
	}
	c.Taken = taken
	return true
}

// Availability is what a unit may know before it refers: nothing about any person.
type Availability struct {
	Initiative    string // the one that was asked about
	Answer        string // "capacity", "waitlist", "no_capacity" or "assessment_needed"
	Free          int    // of "capacity"
	Waiting       int64
	ExpectedStart civil.Date // empty: cannot be known
}

// availability follows from the places and the length of the queue; weeks is how long
// the initiative lasts at most.
func (c *Capacity) availability(today civil.Date, waiting int64, weeks int) *Availability {
	a := &Availability{Answer: "assessment_needed", Waiting: waiting}
	setting := c.Setting()
	if setting == nil {
		return a
	}
	free, _ := c.Free()
	switch free -= int(waiting); {
	case free > 0:
		a.Answer, a.Free, a.ExpectedStart = "capacity", free, today
	case setting.MaxWaiting != nil && waiting >= int64(*setting.MaxWaiting):
		a.Answer = "no_capacity"
	default:
		a.Answer, a.ExpectedStart = "waitlist", expectedStart(today, setting.Number, c.Taken, int(waiting), weeks)
	}
	return a
}

// expectedStart is the first day on which the last of a queue can have a place: the
// planned last days of the taken places say when each is free, and everyone ahead stays
// as long as the initiative lasts. Empty: cannot be known.
func expectedStart(today civil.Date, number int, taken []Taken, ahead, weeks int) civil.Date {
	if number <= 0 {
		return ""
	}
	free := make([]civil.Date, 0, number)
	for _, t := range taken {
		last, err := civil.Parse(t.Until)
		if err != nil {
			last = today.AddWeeks(weeks).AddDays(-1) // starts today at the earliest
		}
		free = append(free, max(today, last.AddDays(1)))
	}
	for len(free) < number {
		free = append(free, today)
	}
	slices.Sort(free)
	free = free[len(free)-number:] // when more are taken than there are, the first to end are not filled again
	return free[ahead%number].AddWeeks(weeks * (ahead / number))
}
