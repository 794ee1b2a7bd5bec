package activity

import (
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// Diary is what a participant's weeks are filled with: a claim per booking. It is
// one document, so two bookings that collide cannot both be made, however many try
// at once. The bookings are the truth; a claim is made before its booking and may
// outlive it, so a claim in the way is compared with its booking before anybody is
// refused. An occurrence has a diary too, see OccurrenceDiary.
type Diary struct {
	Association string  `json:"association"`
	Participant string  `json:"participant"`
	Claims      []Claim `json:"claims"`
	Conflicting bool    `json:"conflicting,omitempty"` // two claims collided when it was written last
	Writes      int64   `json:"writes"`                // each write is a new version
	Protected   bool    `json:"protected,omitempty"`   // the participant's identity is
	PersonStep  int64   `json:"personStep,omitempty"`  // the person's latest step that Protected follows

	Handlers map[string][]string `json:"handlers,omitempty"` // of a protected person: subjects, by authority
}

// FollowProtection notes that step n of the person protected the identity, with an
// authority's handlers, or ended that. It reports whether that was new: a step may come
// again, also after later ones.
func (d *Diary) FollowProtection(n int64, protected bool, authority string, handlers []string) bool {
	if n <= d.PersonStep {
		return false
	}
	d.Protected, d.PersonStep = protected, n
	if d.Handlers == nil || !protected {
		d.Handlers = map[string][]string{}
	}
	if protected {
		d.Handlers[authority] = handlers
	}
	d.Writes++
	return true
}

// OccurrenceDiary is the id of the diary that says whether somebody was at an occurrence,
// or it is called off, of which only one can be: the one that is claimed first.
func OccurrenceDiary(k OccurrenceKey) string { return "activity/" + k.Activity + "/" + string(k.Date) }

// TakeOccurrence is Take in the diary of an occurrence. Those who are noted as present are
// in the way of a cancellation, and it in theirs. What was noted ClaimGrace ago is in the
// bookings, and its claim is dropped.
func (d *Diary) TakeOccurrence(c Claim) (blocking Claim, blocked bool) {
	d.Claims = slices.DeleteFunc(d.Claims, func(x Claim) bool {
		return x.Booking == c.Booking && x.Cancellation == c.Cancellation || x.Cancellation == "" && c.At.Sub(x.At) >= ClaimGrace
	})
	if i := slices.IndexFunc(d.Claims, func(x Claim) bool { return (x.Cancellation == "") != (c.Cancellation == "") }); i >= 0 {
		return d.Claims[i], true
	}
	d.Claims = append(d.Claims, c)
	d.Writes++
	return Claim{}, false
}

// ReleaseOccurrence drops a claim in the diary of an occurrence, and reports whether it was
// there.
func (d *Diary) ReleaseOccurrence(c Claim) bool {
	before := len(d.Claims)
	d.Claims = slices.DeleteFunc(d.Claims, func(x Claim) bool {
		return x.Booking == c.Booking && x.Cancellation == c.Cancellation && x.At.Equal(c.At)
	})
	if len(d.Claims) == before {
		return false
	}
	d.Writes++
	return true
}

// GroupDiary is the id of the diary that says who has a place in the closed groups of an
// activity.
func GroupDiary(activity string) string { return "group/" + activity }

// TakePlace claims a place in the closed group that a participant would begin with. booked
// are the activity's bookings as they are stored: the claim of one that is not among them
// counts for ClaimGrace. It reports whether there was a place: of those who begin with the
// same session, as the activity is now, there are at most so many.
func (d *Diary) TakePlace(c Claim, a association.Activity, most int, booked []*Booking) bool {
	var claims []Claim
	for _, b := range booked {
		claims = append(claims, b.Claim())
	}
	for _, x := range d.Claims {
		isStored := slices.ContainsFunc(booked, func(b *Booking) bool { return b.ID == x.Booking })
		if x.Booking != c.Booking && !isStored && c.At.Sub(x.At) < ClaimGrace {
			claims = append(claims, x)
		}
	}
	_, start, _ := FirstFrom(a, c.From)
	taken := 0
	for i, x := range claims {
		claims[i].Activity = "" // it takes no time
		if _, first, goesOn := FirstFrom(a, x.From); goesOn && first == start && x.Until >= start {
			taken++
		}
	}
	if taken >= most {
		return false
	}
	c.Activity = ""
	d.Claims = append(claims, c)
	d.Writes++
	return true
}

// Claim is the time that a booking takes, or is about to.
type Claim struct {
	Booking  string     `json:"booking"`
	Activity string     `json:"activity"`
	From     civil.Date `json:"from"`
	Until    civil.Date `json:"until"` // Forever when the booking goes on
	At       time.Time  `json:"at"`
	Slot     string     `json:"slot,omitempty"` // of the activity that it takes; empty: all of it
	Home     string     `json:"home,omitempty"` // the booking's municipality; empty: the activity's

	Version      int64  `json:"version,omitempty"`      // of the booking, when a place was claimed for its next step; zero: it was not stored
	Cancellation string `json:"cancellation,omitempty"` // of an occurrence, that is or will be called off

	Hours *association.OpeningHours `json:"hours,omitempty"` // of work training, whose placement Activity is: one day of the week
}

// activityOf returns the activity whose time a claim takes.
func (c Claim) activityOf(offered func(id string) (association.Activity, bool)) (association.Activity, bool) {
	if c.Hours == nil {
		x, known := offered(c.Activity)
		return inSlot(x, c.Slot), known
	}
	return association.Activity{ID: c.Activity, Day: c.Hours.Day, From: c.Hours.From, To: c.Hours.To}, true
}

// Claim returns the claim of the booking.
func (b *Booking) Claim() Claim {
	st := b.Status()
	c := Claim{Booking: b.ID, Activity: b.Activity, From: st.FirstDay, Until: st.LastDay, At: b.Steps[0].At, Slot: b.Slot, Home: b.Municipality}
	for _, s := range b.Steps {
		if s.Kind == StepAccepted {
			c.At = s.At
		}
	}
	if !st.Held { // it takes no time yet
		c.Until = c.From.AddDays(-1)
	}
	return c
}

// ClaimGrace is how long a claim counts whose booking is not stored yet: longer
// than any request may take.
const ClaimGrace = time.Minute

// Take adds a claim, or replaces the earlier one of the same booking. When another
// claim collides with it, that one is returned instead, blocked is true and nothing
// is changed. Claims that ended two years ago are dropped.
func (d *Diary) Take(c Claim, offered func(id string) (association.Activity, bool)) (blocking Claim, blocked bool) {
	wanted, _ := c.activityOf(offered)
	for _, other := range d.Claims {
		a, known := other.activityOf(offered)
		if _, collide := collision(wanted, a, max(c.From, other.From), min(c.Until, other.Until)); collide && known && other.Booking != c.Booking {
			return other, true
		}
	}
	d.Hold(c)
	return Claim{}, false
}

// Hold adds a claim, or replaces the earlier one of the same booking, whatever collides. One
// without a day is dropped.
func (d *Diary) Hold(c Claim) {
	old := civil.DateOf(c.At).AddDays(-2 * 366)
	if i := slices.IndexFunc(d.Claims, func(x Claim) bool { return x.Booking == c.Booking }); i >= 0 {
		d.Claims[i] = c
	} else {
		d.Claims = append(d.Claims, c)
	}
	d.Claims = slices.DeleteFunc(d.Claims, func(x Claim) bool { return x.Until < old || x.Until < x.From })
	d.Writes++
}

// Shorten ends a booking's claim with the day, or drops it when nothing of it is
// left. It reports whether anything changed.
func (d *Diary) Shorten(booking string, lastDay civil.Date) bool {
	i := slices.IndexFunc(d.Claims, func(c Claim) bool { return c.Booking == booking })
	if i < 0 || d.Claims[i].Until <= lastDay {
		return false
	}
	d.Claims[i].Until = lastDay
	if lastDay < d.Claims[i].From {
		d.Claims = slices.Delete(d.Claims, i, i+1)
	}
	d.Writes++
	return true
}

// collision returns the first day of a span, for which both are booked, on which two
// activities take the same time: within two years after the last of their changes, as both
// recur. The same activity twice collides also without times. A closed day counts as any
// other: it may be opened.
func collision(a, b association.Activity, first, last civil.Date) (on civil.Date, collide bool) {
	return firstDay(a, b, first, last, func(x, y *association.Activity) bool {
		return a.ID == b.ID || x.Timed() && y.Timed() && x.From < y.To && y.From < x.To
	})
}

// firstDay returns the first day of a span on which the forms of two activities, as they are
// then, overlap; within two years after the last of their changes.
func firstDay(a, b association.Activity, first, last civil.Date, overlap func(x, y *association.Activity) bool) (on civil.Date, found bool) {
	forms, others := append([]association.Activity{a}, a.Later...), append([]association.Activity{b}, b.Later...)
	isPossible, horizon := false, first
	for i := range forms {
		for n := range others {
			isPossible = isPossible || forms[i].HasDays() && others[n].HasDays() && overlap(&forms[i], &others[n])
			horizon = max(horizon, forms[i].Since, others[n].Since, forms[i].First, others[n].First)
		}
	}
	if !isPossible {
		return "", false
	}
	last = min(last, horizon.AddYears(2))
	for weeks := 2; first <= last; weeks *= 4 { // most that collide do so soon
		until := min(last, first.AddWeeks(weeks))
		for x, y := a.Days(first, until), b.Days(first, until); len(x) > 0 && len(y) > 0; {
			switch {
			case x[0].Date < y[0].Date:
				x = x[1:]
			case x[0].Date > y[0].Date:
				y = y[1:]
			case overlap(x[0].Form, y[0].Form):
				return x[0].Date, true
			default:
				x, y = x[1:], y[1:]
			}
		}
		first = until.AddDays(1)
	}
	return "", false
}

// How many minutes a participant needs from one place to another in a municipality, and from
// one municipality to another. They are ours: nothing published has such a number.
const (
	travelWithin  = 15
	travelBetween = 45
)

// travel returns how many minutes a participant needs from one activity to another; zero where
// one of them is digital, or nothing says that they are at different places.
func travel(x, y *association.Activity) int {
	switch {
	case x.Mode == "digital" || y.Mode == "digital":
		return 0
	case x.Municipality != "" && y.Municipality != "" && x.Municipality != y.Municipality:
		return travelBetween
	case x.Site != "" && y.Site != "" && x.Site != y.Site, x.Site == "" && y.Site == "" && x.Place != "" && y.Place != "" && x.Place != y.Place:
		return travelWithin
	}
	return 0
}

// minutesOf returns a time of day, such as "09:30", in minutes.
func minutesOf(clock string) int {
	t, err := time.Parse("15:04", clock)
	if err != nil { // the programme is checked
		return 0
	}
	return t.Hour()*60 + t.Minute()
}

// Clash reports whether two activities of a day overlap, or leave too little time for the way
// between them, and how many minutes that takes.
func Clash(x, y *association.Activity) (clash bool, way int) {
	way = travel(x, y)
	return x.Timed() && y.Timed() && minutesOf(x.From) < minutesOf(y.To)+way && minutesOf(y.From) < minutesOf(x.To)+way, way
}

// Way is the way from one of a participant's activities to another.
type Way struct {
	Claim   Claim // of the other activity
	On      civil.Date
	Minutes int // that it takes
}

// TooShort returns the first of the activities that leave too little time for the way to or
// from what is claimed, on some day on which both are; ok is false without one.
func (d *Diary) TooShort(c Claim, offered func(id string) (association.Activity, bool)) (way Way, ok bool) {
	wanted, known := c.activityOf(offered)
	for _, other := range d.Claims {
		a, also := other.activityOf(offered)
		if !known || !also || other.Booking == c.Booking || a.ID == wanted.ID {
			continue
		}
		minutes := 0
		on, short := firstDay(wanted, a, max(c.From, other.From), min(c.Until, other.Until), func(x, y *association.Activity) bool {
			clash, way := Clash(x, y)
			minutes = way
			return clash && way > 0
		})
		if short && (!ok || on < way.On) {
			way, ok = Way{other, on, minutes}, true
		}
	}
	return way, ok
}

// Conflict is that two bookings of a participant take the same time, since one of the
// activities was moved there.
type Conflict struct {
	Bookings   [2]string
	Activities [2]string  // theirs
	Homes      [2]string  // the bookings' municipalities; empty: the activity's
	On         civil.Date // the first such day
}

// Conflicts returns which bookings take the same time, from a day on.
func (d *Diary) Conflicts(offered func(id string) (association.Activity, bool), from civil.Date) []Conflict {
	var all []Conflict
	for i, c := range d.Claims {
		for _, other := range d.Claims[:i] {
			a, known := c.activityOf(offered)
			b, also := other.activityOf(offered)
			on, collide := collision(a, b, max(c.From, other.From, from), min(c.Until, other.Until))
			if known && also && collide {
				all = append(all, Conflict{[2]string{other.Booking, c.Booking}, [2]string{other.Activity, c.Activity}, [2]string{other.Home, c.Home}, on})
			}
		}
	}
	return all
}
