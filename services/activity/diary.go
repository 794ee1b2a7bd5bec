package activity

import (
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
)

// Diary is what a participant's weeks are filled with: a claim per booking. It
// is one document, so two bookings that collide cannot both be made, however
// many try at once. The bookings are the truth; a claim is made before its
// booking is and may outlive it, so a claim in the way is held against its
// booking before anybody is refused.
type Diary struct {
	Association string  `json:"association"`
	Participant string  `json:"participant"`
	Claims      []Claim `json:"claims"`
	Writes      int64   `json:"writes"` // each write is a new version
}

// Claim is the time that a booking takes, or is about to.
type Claim struct {
	Booking  string     `json:"booking"`
	Activity string     `json:"activity"`
	From     civil.Date `json:"from"`
	Until    civil.Date `json:"until"` // Forever when the booking goes on
	At       time.Time  `json:"at"`
}

// fresh is how long a claim stands whose booking is not there yet: longer than
// any request may take.
const fresh = time.Minute

// ErrCollision answers a booking at a time that is taken.
var ErrCollision = fault.New(fault.Unprocessable, "booking-collides",
	"Deltagaren är redan bokad på annat den tiden.", "The participant is already booked on something else at that time.")

// ErrBooked answers a second booking of the same activity for the same time.
var ErrBooked = fault.New(fault.Conflict, "already-booked",
	"Deltagaren är redan bokad på aktiviteten.", "The participant is already booked into the activity.")

// InTheWay returns the first other claim that collides with c.
func (d *Diary) InTheWay(c Claim, known func(id string) (association.Activity, bool)) (Claim, bool) {
	wanted, _ := known(c.Activity)
	i := slices.IndexFunc(d.Claims, func(other Claim) bool {
		if other.Booking == c.Booking {
			return false
		}
		a, offered := known(other.Activity)
		return offered && collide(wanted, a, max(c.From, other.From), min(c.Until, other.Until))
	})
	if i < 0 {
		return Claim{}, false
	}
	return d.Claims[i], true
}

// Take puts the claim in, in place of an earlier one of the same booking. Claims
// that ended long ago are let go.
func (d *Diary) Take(c Claim) {
	old := civil.DateOf(c.At).AddDays(-2 * 366)
	d.Claims = slices.DeleteFunc(d.Claims, func(x Claim) bool { return x.Booking == c.Booking || x.Until < old })
	d.Claims = append(d.Claims, c)
	d.Writes++
}

// Shorten creates a booking's claim end with the day, or drops it when nothing of
// it is left. It tells whether anything changed.
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
	day, scheduled := a.Weekday()
	if !scheduled || a.Day != b.Day || first > last {
		return false
	}
	untilDay := (int(day) - int(first.Weekday()) + 7) % 7
	if first.AddDays(untilDay) > last {
		return false
	}
	if a.ID == b.ID {
		return true
	}
	return a.Timed() && b.Timed() && a.From < b.To && b.From < a.To
}
