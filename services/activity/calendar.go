package activity

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// Entry is one line of a participant's calendar. It says that there is
// something and when, never what, where or for whom: a calendar lies open on
// telephones, and an activity's name can betray somebody's health.
type Entry struct {
	UID       string // the same for the same occurrence, always
	Sequence  int    // raised by each change
	Date      civil.Date
	Starts    time.Time // UTC; zero: some time of the day
	Ends      time.Time // UTC; zero as Starts
	Cancelled bool
	ChangedAt time.Time // of the latest change
}

// How far a calendar reaches, and how long what was called off stays in it, so
// that each program has had the time to see it.
const (
	daysBack  = 30
	daysAhead = 26 * 7
	keptDays  = 30
)

// calendarSpace is the name space of the entries' UIDs (RFC 9562, version 5). It
// must never change: calendars out there know the entries by them.
var calendarSpace = uuid.MustParse("0d6b1a52-8f0e-5b5c-9a5d-6f4f3a7c2e90")

// CalendarOf returns the entries of a participant's bookings around a day, in the
// order of time. history is every cancellation of the bookings' activities in
// the span, lifted ones too.
func CalendarOf(booked []*Booking, offered func(id string) (association.Activity, bool), history map[CalledKey][]*Cancellation, now time.Time) []Entry {
	var entries []Entry
	first, last := span(now)
	for _, b := range booked {
		x, ok := offered(b.Activity)
		if !ok {
			continue
		}
		for d := max(first, b.From); d <= min(last, b.asBooked()); d = d.AddDays(1) {
			if e, shown := b.entry(x, d, history[CalledKey{x.ID, d}], now); shown {
				entries = append(entries, e)
			}
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Or(cmp.Compare(a.Date, b.Date), cmp.Compare(a.UID, b.UID)) })
	return entries
}

// span is the first and the last day of a calendar.
func span(now time.Time) (first, last civil.Date) {
	today := civil.DateOf(now)
	return today.AddDays(-daysBack), today.AddDays(daysAhead)
}

// asBooked is the last day that the booking was made for.
func (b *Booking) asBooked() civil.Date { return cmp.Or(b.Until, Forever) }

// entry returns the calendar's entry for a day. Whatever can change it is a step:
// of the booking, or of a cancellation; their number is its sequence.
func (b *Booking) entry(a association.Activity, d civil.Date, history []*Cancellation, now time.Time) (e Entry, shown bool) {
	o, occurs := OccurrenceOn(a, d, nil)
	if !occurs {
		return Entry{}, false
	}
	e = Entry{
		UID: uuid.NewSHA1(calendarSpace, []byte(b.ID+"/"+string(d))).String() + "@finsam", Date: d,
		Starts: o.Starts, Ends: o.Ends, ChangedAt: b.BookedAt(),
	}
	change := func(at time.Time) {
		e.Sequence++
		if at.After(e.ChangedAt) {
			e.ChangedAt = at
		}
	}
	e.Cancelled = !b.Covers(d)
	for _, s := range b.Steps {
		if (s.Kind == StepCancelled || s.Kind == StepEnded) && d >= s.Date {
			change(s.At)
		}
	}
	for _, c := range history {
		e.Cancelled = e.Cancelled || c.State() == Cancelled
		for _, s := range c.Steps {
			change(s.At)
		}
	}
	return e, !e.Cancelled || now.Sub(e.ChangedAt) <= keptDays*24*time.Hour
}
