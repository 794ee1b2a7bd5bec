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
	Writes      int64   `json:"writes"`               // each write is a new version
	Protected   bool    `json:"protected,omitempty"`  // the participant's identity is
	PersonStep  int64   `json:"personStep,omitempty"` // the person's latest step that Protected follows

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

// Claim is the time that a booking takes, or is about to.
type Claim struct {
	Booking  string     `json:"booking"`
	Activity string     `json:"activity"`
	From     civil.Date `json:"from"`
	Until    civil.Date `json:"until"` // Forever when the booking goes on
	At       time.Time  `json:"at"`

	Cancellation string `json:"cancellation,omitempty"` // of an occurrence, that is or will be called off
}

// ClaimGrace is how long a claim counts whose booking is not stored yet: longer
// than any request may take.
const ClaimGrace = time.Minute

// Take adds a claim, or replaces the earlier one of the same booking. When another
// claim collides with it, that one is returned instead, blocked is true and nothing
// is changed. Claims that ended two years ago are dropped.
func (d *Diary) Take(c Claim, offered func(id string) (association.Activity, bool)) (blocking Claim, blocked bool) {
	wanted, _ := offered(c.Activity)
	for _, other := range d.Claims {
		a, known := offered(other.Activity)
		if other.Booking != c.Booking && known && collide(wanted, a, max(c.From, other.From), min(c.Until, other.Until)) {
			return other, true
		}
	}
	old := civil.DateOf(c.At).AddDays(-2 * 366)
	d.Claims = slices.DeleteFunc(d.Claims, func(x Claim) bool { return x.Booking == c.Booking || x.Until < old })
	d.Claims = append(d.Claims, c)
	d.Writes++
	return Claim{}, false
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

// collide reports whether two activities take the same time on some day of a span
// that both are booked for. The same activity twice collides also without times.
func collide(a, b association.Activity, first, last civil.Date) bool {
	if first > last {
		return false
	}
	for _, x := range slices.Concat([]association.Activity{a, b}, a.Later, b.Later) {
		if first < x.Since && x.Since <= last { // each part of the span by itself
			return collide(a, b, first, x.Since.AddDays(-1)) || collide(a, b, x.Since, last)
		}
	}
	a, b = a.At(last), b.At(last)
	day, scheduled := a.Weekday()
	if !scheduled || a.Day != b.Day {
		return false
	}
	untilDay := (int(day) - int(first.MidnightUTC().Weekday()) + 7) % 7
	if first.AddDays(untilDay) > last {
		return false
	}
	if a.ID == b.ID {
		return true
	}
	return a.Timed() && b.Timed() && a.From < b.To && b.From < a.To
}
