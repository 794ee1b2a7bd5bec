package activity

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
)

const (
	// OfferLifetime is how long a place is kept for one who waited, if the first occurrence is
	// not before.
	OfferLifetime = 48 * time.Hour
	// OfferRest is how long one whose offer expired gets no other, so that the place goes to
	// the next.
	OfferRest = 24 * time.Hour
)

// priorities are those of who waits, the first served first.
var priorities = []string{"high", "normal", "low"}

// Place is what is taken at the occurrences of an activity: by a booking, by an offer, or by
// one that is about to be stored.
type Place struct {
	Booking     string
	First, Last civil.Date
	Slot        string       // local time at which it begins, where the leader's time is booked; empty: all of it
	Away        []civil.Date // of absence that was notified, when it is free
}

// Place returns the place that the booking has; ok is false for one that waits, or only did.
func (b *Booking) Place() (p Place, ok bool) {
	st := b.Status()
	p = Place{Booking: b.ID, First: st.FirstDay, Last: st.LastDay, Slot: b.Slot}
	for _, n := range st.Notes {
		if n.isAway() {
			p.Away = append(p.Away, n.Date)
		}
	}
	return p, st.Held || st.State == StateOffered
}

// isAway reports whether who is noted so said beforehand that they would not come.
func (n Note) isAway() bool { return n.Attendance == Absent && n.Notified }

// IsAway reports whether the participant said that they would not come on a day.
func (s Status) IsAway(d civil.Date) bool { return s.Notes[d].isAway() }

// Wanted returns the place that one who waits would have from a day on.
func (b *Booking) Wanted(from civil.Date) Place {
	st := b.Status()
	return Place{Booking: b.ID, First: max(st.FirstDay, from), Last: st.LastDay, Slot: b.Slot}
}

// FullOn returns the first occurrence of an activity, from a day on, at which others have taken
// every place that one needs; full is false when there is one each time.
func FullOn(x association.Activity, p Place, others []Place, from civil.Date) (on civil.Date, full bool) {
	first := max(p.First, from)
	days := append([]civil.Date{first}, turns(x)...) // from which the number of places, or of those taken, may be another
	for _, o := range others {
		if o.Slot != p.Slot || o.Booking == p.Booking {
			continue
		}
		if days = append(days, o.First); o.Last < Forever {
			days = append(days, o.Last.AddDays(1))
		}
		for _, d := range o.Away {
			days = append(days, d, d.AddDays(1))
		}
	}
	slices.Sort(days)
	days = slices.Compact(days)
	for i, d := range days {
		if d < first || d > p.Last {
			continue
		}
		last := p.Last
		if i+1 < len(days) {
			last = min(last, days[i+1].AddDays(-1))
		}
		form, on, goesOn := FirstFrom(x, d)
		if !goesOn || on > last {
			continue
		}
		if most := placesIn(form, p.Slot); most > 0 && Taken(slices.DeleteFunc(slices.Clone(others), func(o Place) bool { return o.Booking == p.Booking }), on, p.Slot) >= most {
			return on, true
		}
	}
	return "", false
}

// Taken returns how many bookings have a place on a day, in a slot.
func Taken(places []Place, on civil.Date, slot string) int {
	has := map[string]bool{}
	for _, p := range places {
		if p.Slot == slot && p.First <= on && on <= p.Last && !slices.Contains(p.Away, on) {
			has[p.Booking] = true
		}
	}
	return len(has)
}

// Slots returns the parts of a leader's own time that an activity is booked in, each with its
// local times; none: it is booked whole.
func Slots(x association.Activity) (all [][2]string) {
	from, timed := association.Clock(x.From)
	to, _ := association.Clock(x.To)
	length := time.Duration(x.Slot) * time.Minute
	for ; timed && length > 0 && from+length <= to; from += length {
		all = append(all, [2]string{clock(from), clock(from + length)})
	}
	return all
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// inSlot returns the activity with the times of a slot, in each of its forms that has it.
func inSlot(x association.Activity, slot string) association.Activity {
	if slot == "" {
		return x
	}
	x.Later = slices.Clone(x.Later)
	narrow := func(x *association.Activity) {
		for _, s := range Slots(*x) {
			if s[0] == slot {
				x.From, x.To = s[0], s[1]
				return
			}
		}
	}
	narrow(&x)
	for i := range x.Later {
		narrow(&x.Later[i])
	}
	return x
}

// placesIn returns how many places an occurrence has, or a slot of it; zero: no bound.
func placesIn(x association.Activity, slot string) int {
	if slot != "" {
		return 1
	}
	return x.Capacity
}

// IsBounded reports whether the activity has so many places only, in any of its forms.
func IsBounded(x association.Activity) bool {
	return x.Capacity > 0 || x.Slot > 0 || slices.ContainsFunc(x.Later, func(x association.Activity) bool { return x.Capacity > 0 || x.Slot > 0 })
}

// PlaceDiary is the id of the diary of an activity's places: of those who are about to get one.
func PlaceDiary(activity string) string { return "places/" + activity }

// Places returns who has a place by what is booked, and by the claims in the diary of the
// activity's places. A claim counts while its booking is as it was when the place was claimed:
// once that has taken a step, the step says whether it has the place. One whose process died
// counts for ClaimGrace. All others are dropped.
func (d *Diary) Places(booked []*Booking, now time.Time) (all []Place) {
	version := map[string]int64{}
	for _, b := range booked {
		version[b.ID] = b.Version()
		if p, has := b.Place(); has {
			all = append(all, p)
		}
	}
	d.Claims = slices.DeleteFunc(d.Claims, func(c Claim) bool {
		return version[c.Booking] != c.Version || now.Sub(c.At) >= ClaimGrace
	})
	for _, c := range d.Claims {
		all = append(all, Place{Booking: c.Booking, First: c.From, Last: c.Until, Slot: c.Slot})
	}
	return all
}

// ClaimPlace claims a place at each occurrence of an activity, for a booking as it is now or,
// at version 0, is about to be stored. booked are the activity's bookings, read after the diary. Who waits is
// served before a new booking. It returns ErrFull when an occurrence has no place left.
func (d *Diary) ClaimPlace(x association.Activity, p Place, version int64, booked []*Booking, now time.Time) error {
	others := d.Places(booked, now)
	if version == 0 {
		for _, b := range Queue(booked) {
			others = append(others, b.Wanted(civil.DateOf(now)))
		}
	}
	if on, full := FullOn(x, p, others, civil.DateOf(now)); full {
		return Full(on)
	}
	d.ReleasePlace(p.Booking)
	d.Claims = append(d.Claims, Claim{Booking: p.Booking, From: p.First, Until: p.Last, Slot: p.Slot, Version: version, At: now})
	return nil
}

// ReleasePlace drops the claim of a booking's place, and reports whether it was there.
func (d *Diary) ReleasePlace(booking string) bool {
	i := slices.IndexFunc(d.Claims, func(c Claim) bool { return c.Booking == booking })
	if i < 0 {
		return false
	}
	d.Claims = slices.Delete(d.Claims, i, i+1)
	return true
}

// Queue returns those of an activity's bookings that wait, by priority and then by time.
func Queue(booked []*Booking) []*Booking {
	var all []*Booking
	for _, b := range booked {
		if b.Status().State == StateWaiting {
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(a, b *Booking) int {
		return cmp.Or(slices.Index(priorities, a.Priority)-slices.Index(priorities, b.Priority), a.Steps[0].At.Compare(b.Steps[0].At), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// Full returns ErrFull with the day on which there is no place.
func Full(on civil.Date) error {
	e := *ErrFull
	e.Text = fault.Text{
		SV: fmt.Sprintf("Det finns ingen plats kvar %s, eller så väntar andra på den. Välj ett annat tillfälle, eller ange wait för att ställa deltagaren i kö.", on),
		EN: fmt.Sprintf("There is no place left on %s, or others wait for it. Choose another occurrence, or set wait to put the participant on the waiting list.", on),
	}
	return e.AtField("/activity")
}

// Wait puts a booking that is not stored yet on the waiting list instead.
func (b *Booking) Wait(priority string) {
	b.Priority, b.Steps[0].Kind = cmp.Or(priority, "normal"), StepWaitlisted
}

// Offer keeps a place for one who waits, from a day on, until an instant: the first occurrence
// begins then at the latest.
func (b *Booking) Offer(x association.Activity, by history.Author, now time.Time) error {
	st := b.Status()
	if !bookingTable.Allows(st.State, StepOffered) {
		return ErrNotWaiting
	}
	from := max(st.FirstDay, civil.DateOf(now))
	until := now.Add(OfferLifetime)
	if _, first, ok := FirstFrom(x, from); ok {
		o, _ := OccurrenceOn(x, first, nil)
		if begins := first.AddDays(1).MidnightUTC(); !o.Starts.IsZero() && o.Starts.After(now) && o.Starts.Before(until) {
			until = o.Starts
		} else if begins.Before(until) {
			until = begins
		}
	}
	b.Steps = history.Append(b.Steps, Step{Kind: StepOffered, Date: from, Until: history.Stamp(until)}, by, now)
	return nil
}

// Accept takes the place that is kept. ErrOfferOver: it is not any more.
func (b *Booking) Accept(by history.Author, now time.Time) error {
	st := b.Status()
	if !bookingTable.Allows(st.State, StepAccepted) {
		return ErrNotOffered
	}
	if !now.Before(st.OfferEnds) {
		return ErrOfferOver
	}
	b.Steps = history.Append(b.Steps, Step{Kind: StepAccepted, Date: max(st.FirstDay, civil.DateOf(now))}, by, now)
	return nil
}

// Decline passes the place that is kept on to the next, and leaves the waiting list.
func (b *Booking) Decline(by history.Author, now time.Time) error {
	if !bookingTable.Allows(b.Status().State, StepDeclined) {
		return ErrNotOffered
	}
	b.Steps = history.Append(b.Steps, Step{Kind: StepDeclined, Date: b.From}, by, now)
	return nil
}

// Overdue takes the step that time brings: an offer that was not taken expires, and who
// waits for days that have been waits no more. It reports whether there was one.
func (b *Booking) Overdue(by history.Author, now time.Time) bool {
	st := b.Status()
	switch {
	case st.State == StateOffered && !now.Before(st.OfferEnds):
		b.Steps = history.Append(b.Steps, Step{Kind: StepOfferExpired}, by, now)
	case st.State == StateWaiting && st.LastDay < civil.DateOf(now):
		b.Steps = history.Append(b.Steps, Step{Kind: StepLapsed, Date: b.From}, by, now)
	default:
		return false
	}
	return true
}
