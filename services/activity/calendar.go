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

// Address is a secret calendar address: of a participant's calendar, of what a leader leads, or
// of what a municipality offers. The secret itself is not stored, only a keyed look-up of it,
// whose key is not in the store.
type Address struct {
	Association  string              `json:"association"`
	ID           string              `json:"id"`
	Participant  string              `json:"participant"`            // empty: it is a member of staff's
	Owner        string              `json:"owner,omitempty"`        // of a member of staff's: OwnerOf whom
	Leader       string              `json:"leader,omitempty"`       // the owner as a leader, whose calendar it is
	Municipality string              `json:"municipality,omitempty"` // code, whose calendar it is
	Nonce        []byte              `json:"nonce"`                  // 256 random bits that the secret is made from, with the key
	Lookup       string              `json:"lookup"`                 // keyed look-up of the secret
	Receipt      idempotency.Receipt `json:"receipt"`
	Steps        []AddressStep       `json:"steps"`
	ReadAt       time.Time           `json:"readAt,omitzero"` // when the calendar was fetched, as noted last
	Reads        int64               `json:"reads,omitempty"` // how often that was noted
}

// OwnerOf names a member of staff among those of all authorities.
func OwnerOf(authority, subject string) string { return authority + "/" + subject }

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
	{Operation: "createStaffCalendar", Kind: AddressOpened, By: []Party{PartyCoach, PartySupervisor, PartyPlanner, PartyStaff}, From: []AddressState{""}, To: AddressOpened},
	{Operation: "revokeCalendarFeed", Kind: AddressRevoked, By: []Party{PartyPerson, PartyCoach}, From: []AddressState{AddressOpened}, To: AddressRevoked},
	{Operation: "revokeStaffCalendar", Kind: AddressRevoked, By: []Party{PartyCoach, PartySupervisor, PartyPlanner, PartyStaff}, From: []AddressState{AddressOpened}, To: AddressRevoked},
}

const (
	// MaxAddresses is how many valid addresses a participant may have, or a member of staff: one
	// per device and helper.
	MaxAddresses = 10
	// ReadInterval is how long after it was noted that a calendar was fetched it is not noted again.
	ReadInterval = time.Hour
)

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

// Writes is how often the address was written, which is more than its steps.
func (a *Address) Writes() int64 { return a.Version() + a.Reads }

// NoteRead notes that the calendar was fetched, and reports whether there is something to write:
// once in a ReadInterval.
func (a *Address) NoteRead(now time.Time) bool {
	if now.Sub(a.ReadAt) < ReadInterval {
		return false
	}
	a.ReadAt, a.Reads = history.Stamp(now), a.Reads+1
	return true
}

// Revoke makes the address invalid. It reports whether it was valid.
func (a *Address) Revoke(by history.Author, now time.Time) bool {
	if !addressTable.Allows(a.State(), AddressRevoked) {
		return false
	}
	a.Steps = history.Append(a.Steps, AddressStep{Kind: AddressRevoked}, by, now)
	return true
}

// CalendarEntry is one line of a calendar. A participant's says that there is something and
// when, never what, where or for whom: a calendar lies open on telephones, and an activity's
// name can betray somebody's health. What is offered, which is about nobody, has its name.
type CalendarEntry struct {
	UID       string // always the same for the same occurrence
	Sequence  int    // raised by each change
	Date      civil.Date
	Starts    time.Time // UTC; zero: some time of the day
	Ends      time.Time // UTC; zero as Starts
	Cancelled bool
	ChangedAt time.Time // of the latest change

	Title string // of an activity; empty: somebody's booking
	Place string
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
	first, last := CalendarSpan(now)
	return calendarBetween(first, last, bookings, offered, called, now)
}

func calendarBetween(first, last civil.Date, bookings []*Booking, offered func(id string) (association.Activity, bool), called map[OccurrenceKey][]*Cancellation, now time.Time) []CalendarEntry {
	var entries []CalendarEntry
	for _, b := range bookings {
		x, known := offered(b.Activity)
		if !known {
			continue
		}
		x = inSlot(x, b.Slot)
		status, plans := b.Status(), b.plans(x)
		if !status.Held {
			continue
		}
		until := min(last, cmp.Or(b.Until, Forever))
		monday := WeekOf(max(first, status.FirstDay)).Monday()
		for layers := layersIn(monday, WeekOf(until).Sunday(), plans, x.Calendar); monday <= until; monday = monday.AddWeeks(1) {
			for _, s := range b.slotsIn(monday, plans, layers) {
				e, closed := calendarEntry(b, status, x, s, called)
				_, changed := plans[0].On(s.days[0]) // how often the activity had changed by then when it was booked
				e.Sequence += changed
				if e.Date >= max(first, status.FirstDay) && e.Date <= last && e.isShown(closed, now) {
					entries = append(entries, e)
				}
			}
		}
	}
	slices.SortFunc(entries, CalendarEntry.Compare)
	return entries
}

// Compare orders entries by day.
func (e CalendarEntry) Compare(other CalendarEntry) int {
	return cmp.Or(cmp.Compare(e.Date, other.Date), cmp.Compare(e.UID, other.UID))
}

// isShown reports whether a calendar has the entry still: what was called off for so long, what
// is closed always.
func (e CalendarEntry) isShown(closed bool, now time.Time) bool {
	return !e.Cancelled || closed || now.Sub(e.ChangedAt) <= retention.CancelledOccurrence
}

// OfferedCalendar returns the entries of activities around a day, without a person, in the order of
// time: as far as isShown reports that they belong there as they are on the day. called is every
// cancellation of them in the span, restored ones too.
//
// An occurrence has its UID by the day on which it is planned. What is moved to another day of
// the week has another one, and the former is in the calendar no more.
func OfferedCalendar(offered []association.Activity, isShown func(form *association.Activity) bool, called map[OccurrenceKey][]*Cancellation, now time.Time) []CalendarEntry {
	first, last := CalendarSpan(now)
	return offeredBetween(first, last, offered, isShown, called, now)
}

func offeredBetween(first, last civil.Date, offered []association.Activity, isShown func(form *association.Activity) bool, called map[OccurrenceKey][]*Cancellation, now time.Time) []CalendarEntry {
	var entries []CalendarEntry
	week := make([]civil.Date, 7)
	for i := range offered {
		x := &offered[i]
		for _, p := range x.Days(first, last) {
			if !isShown(p.Form) {
				continue
			}
			o := occurrence(x, p, nil)
			e := CalendarEntry{
				UID:  uidOf("series/" + x.ID + "/" + string(cmp.Or(p.Moved, p.Date))),
				Date: o.Date, Starts: o.Starts, Ends: o.Ends, Title: p.Form.Name, Place: p.Form.Place,
				ChangedAt: min(max(p.Form.Since, "2000-01-01"), civil.DateOf(now)).Start(),
			}
			if o.Content != "" {
				e.Title += ": " + o.Content
			}
			for n, monday := 0, WeekOf(p.Date).Monday(); n < len(week); n++ {
				week[n] = monday.AddDays(n)
				e.Sequence = max(e.Sequence, 2*x.At(week[n]).Version)
			}
			if closed := e.follow(x, p.Form, week, called); e.isShown(closed, now) {
				entries = append(entries, e)
			}
		}
	}
	slices.SortFunc(entries, CalendarEntry.Compare)
	return entries
}

// SlotEntry returns the entry of a booked part of a leader's time, for the leader: without whose it
// is, and with a UID that says nothing of the participant's own entry.
func (e CalendarEntry) SlotEntry() CalendarEntry {
	e.UID = uidOf("slot/" + e.UID)
	return e
}

func uidOf(name string) string {
	return uuid.NewSHA1(calendarSpace, []byte(name)).String() + "@finsam"
}

// calendarEntry returns the entry of an occurrence, and whether it would be but for a closed day. Whatever
// can change it is a step of the booking or of a cancellation, or a closed day, so their
// number is its sequence: of all days on which it has been, so that it never falls.
func calendarEntry(b *Booking, status Status, x association.Activity, s *slot, called map[OccurrenceKey][]*Cancellation) (e CalendarEntry, closed bool) {
	e = CalendarEntry{
		UID: uidOf(b.ID + "/" + s.key), Date: s.date, Sequence: s.changes, Cancelled: s.gone || !status.Covers(s.date), ChangedAt: s.at,
	}
	if s.part.From != "" && b.Slot != "" { // a part of the leader's time, which the plan has whole
		form := x.At(e.Date)
		s.part.From, s.part.To = form.From, form.To
	}
	e.Starts, e.Ends = s.part.times(e.Date)
	for _, step := range b.Steps {
		end := step
		if step.Kind == StepReopened {
			end = b.Steps[step.Correction.Of-1]
		}
		if (end.Kind == StepCancelled || end.Kind == StepEnded || end.Kind == StepDiscontinued) && slices.Max(s.days) >= end.Date {
			e.change(step.At)
		}
	}
	days := slices.Clone(s.days)
	if s.movable {
		for n, monday := 0, WeekOf(s.day()).Monday(); n < 7; n++ {
			days = append(days, monday.AddDays(n))
		}
	}
	form := s.part.form()
	form.Calendar = x.Calendar
	closed = e.follow(&x, &form, days, called)
	return e, closed && !s.gone && status.Covers(e.Date)
}

// change notes a change of the entry.
func (e *CalendarEntry) change(at time.Time) {
	e.Sequence++
	if at.After(e.ChangedAt) {
		e.ChangedAt = at
	}
}

// follow applies what was called off and what is closed to an entry, and reports whether it is closed:
// days are all those from which it could have come to be on its own.
func (e *CalendarEntry) follow(x, form *association.Activity, days []civil.Date, called map[OccurrenceKey][]*Cancellation) (closed bool) {
	closed = form.IsOff(e.Date)
	slices.Sort(days)
	for _, d := range slices.Compact(days) {
		decided := x.Calendar.At(d)
		e.Sequence += 2 * decided.Version
		if decided.IsClosed(d) {
			e.Sequence++ // than what it was before the calendar said so
		}
		for _, c := range called[OccurrenceKey{x.ID, d}] {
			e.Cancelled = e.Cancelled || d == e.Date && c.State() == Cancelled
			for _, step := range c.Steps {
				e.change(step.At)
			}
		}
	}
	e.Cancelled = e.Cancelled || closed
	return closed
}
