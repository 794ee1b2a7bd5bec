package activity

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/retention"
)

// Address is a participant's secret calendar address. The secret itself is not
// stored, only a keyed look-up of it, whose key is not in the store.
type Address struct {
	Association string              `json:"association"`
	ID          string              `json:"id"`
	Participant string              `json:"participant"`
	Nonce       []byte              `json:"nonce"`  // 256 random bits that the secret is made from, with the key
	Lookup      string              `json:"lookup"` // keyed look-up of the secret
	Receipt     idempotency.Receipt `json:"receipt"`
	Steps       []AddressStep       `json:"steps"`
}

// AddressStep is one thing that happened to it.
type AddressStep struct {
	history.Entry
	Kind AddressState `json:"kind"`
}

// AddressState is the state of an address, and the step that led to it.
type AddressState string

// The states, each of which has one kind of step.
const (
	AddressOpened  AddressState = "opened"
	AddressRevoked AddressState = "revoked"
)

var addressTable = history.Table[AddressState, AddressState, Party]{
	{Operation: "createCalendarFeed", Kind: AddressOpened, By: []Party{PartyPerson, PartyCoach}, From: []AddressState{""}, To: AddressOpened},
	{Operation: "revokeCalendarFeed", Kind: AddressRevoked, By: []Party{PartyPerson, PartyCoach}, From: []AddressState{AddressOpened}, To: AddressRevoked},
}

// MaxAddresses is how many valid addresses a participant may have: one per device
// and helper.
const MaxAddresses = 10

// OpenAddress returns a valid address with what is set in a: id, nonce, look-up and the
// like.
func OpenAddress(a Address, by history.Author, now time.Time) *Address {
	a.Steps = history.Append(nil, AddressStep{Kind: AddressOpened}, by, now)
	return &a
}

// State reports whether the address is valid.
func (a *Address) State() AddressState { return a.Steps[len(a.Steps)-1].Kind }

// Version is the number of steps.
func (a *Address) Version() int64 { return int64(len(a.Steps)) }

// Revoke makes the address invalid. It reports whether it was valid.
func (a *Address) Revoke(by history.Author, now time.Time) bool {
	if !addressTable.Allows(a.State(), AddressRevoked) {
		return false
	}
	a.Steps = history.Append(a.Steps, AddressStep{Kind: AddressRevoked}, by, now)
	return true
}

// CalendarEntry is one line of a participant's calendar. It says that there is
// something and when, never what, where or for whom: a calendar lies open on
// telephones, and an activity's name can betray somebody's health.
type CalendarEntry struct {
	UID       string // always the same for the same occurrence
	Sequence  int    // raised by each change
	Date      civil.Date
	Starts    time.Time // UTC; zero: some time of the day
	Ends      time.Time // UTC; zero as Starts
	Cancelled bool
	ChangedAt time.Time // of the latest change
}

// How far a calendar reaches.
const (
	calendarDaysBack  = 30
	calendarDaysAhead = 26 * 7
)

// calendarSpace is the name space of the entries' UIDs (RFC 9562, version 5). It
// must never change: calendars out there know the entries by them.
var calendarSpace = uuid.MustParse("0d6b1a52-8f0e-5b5c-9a5d-6f4f3a7c2e90")

// CalendarSpan returns the first and the last day of a calendar. It ends with a week, so
// that what is moved within its week stays in it.
func CalendarSpan(now time.Time) (first, last civil.Date) {
	today := civil.DateOf(now)
	return today.AddDays(-calendarDaysBack), WeekOf(today.AddDays(calendarDaysAhead)).Sunday()
}

// CalendarOf returns the entries of a participant's bookings around a day, in the
// order of time. called is every cancellation of the bookings' activities in the
// span, restored ones too.
func CalendarOf(bookings []*Booking, offered func(id string) (association.Activity, bool), called map[OccurrenceKey][]*Cancellation, now time.Time) []CalendarEntry {
	var entries []CalendarEntry
	first, last := CalendarSpan(now)
	for _, b := range bookings {
		x, known := offered(b.Activity)
		if !known {
			continue
		}
		status, plans := b.Status(), b.plans(x)
		until := min(last, cmp.Or(b.Until, Forever))
		for monday := WeekOf(max(first, b.From)).Monday(); monday <= until; monday = monday.AddWeeks(1) {
			for _, s := range b.slotsIn(WeekOf(monday), plans) {
				e, closed := calendarEntry(b, status, x, s, called)
				_, changed := plans[0].On(s.days[0]) // how often the activity had changed by then when it was booked
				e.Sequence += changed
				if e.Date >= first && e.Date <= last && (!e.Cancelled || closed || now.Sub(e.ChangedAt) <= retention.CancelledOccurrence) {
					entries = append(entries, e)
				}
			}
		}
	}
	slices.SortFunc(entries, func(a, b CalendarEntry) int { return cmp.Or(cmp.Compare(a.Date, b.Date), cmp.Compare(a.UID, b.UID)) })
	return entries
}

// calendarEntry returns the entry of an occurrence, and whether it would be but for a closed day. Whatever
// can change it is a step of the booking or of a cancellation, or a closed day, so their
// number is its sequence: of all days on which it has been, so that it never falls.
func calendarEntry(b *Booking, status Status, x association.Activity, s *slot, called map[OccurrenceKey][]*Cancellation) (e CalendarEntry, closed bool) {
	e = CalendarEntry{
		UID:  uuid.NewSHA1(calendarSpace, []byte(b.ID+"/"+s.key)).String() + "@finsam",
		Date: s.day(), Sequence: s.changes, Cancelled: s.gone || !status.Covers(s.day()), ChangedAt: s.at,
	}
	e.Starts, e.Ends = s.part.times(e.Date)
	change := func(at time.Time) {
		e.Sequence++
		if at.After(e.ChangedAt) {
			e.ChangedAt = at
		}
	}
	for _, step := range b.Steps {
		end := step
		if step.Kind == StepReopened {
			end = b.Steps[step.Correction.Of-1]
		}
		if (end.Kind == StepCancelled || end.Kind == StepEnded || end.Kind == StepDiscontinued) && slices.Max(s.days) >= end.Date {
			change(step.At)
		}
	}
	for _, d := range slices.Compact(slices.Sorted(slices.Values(s.days))) {
		decided := x.At(d).Calendar.At(d)
		e.Sequence += 2 * decided.Version
		if decided.IsClosed(d) {
			closed = closed || d == e.Date && !s.gone && status.Covers(d)
			e.Sequence++ // than what it was before the calendar said so
		}
		for _, c := range called[OccurrenceKey{x.ID, d}] {
			e.Cancelled = e.Cancelled || d == e.Date && c.State() == Cancelled
			for _, step := range c.Steps {
				change(step.At)
			}
		}
	}
	e.Cancelled = e.Cancelled || closed
	return e, closed
}
