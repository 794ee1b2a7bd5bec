package activity

import (
	"cmp"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
)

// Booking is one participant's place in one activity, every week from a day on, or at one
// occurrence; or the wish for one, on the waiting list.
type Booking struct {
	Association  string              `json:"association"`
	ID           string              `json:"id"`
	Enrolment    string              `json:"enrolment"`
	Participant  string              `json:"participant"`          // the person's id in the vault
	Municipality string              `json:"municipality"`         // four-digit code of the enrolment's
	Host         string              `json:"host,omitempty"`       // of the activity's, where it is another
	Initiative   string              `json:"initiative,omitempty"` // of the enrolment; empty: booked before it was kept
	Activity     string              `json:"activity"`
	From         civil.Date          `json:"from"`               // first day
	Until        civil.Date          `json:"until,omitempty"`    // last day as booked; empty: it goes on
	Slot         string              `json:"slot,omitempty"`     // local time of the leader's that is booked; empty: all of the activity
	Priority     string              `json:"priority,omitempty"` // of one that waits, or did
	Plan         Plan                `json:"plan,omitempty"`     // of the activity, as booked; none: not kept
	Group        string              `json:"group,omitempty"`    // closed group that it is a place in
	Sessions     []civil.Date        `json:"sessions,omitempty"` // of the group: the booking holds in their ISO weeks only; none: in all
	Receipt      idempotency.Receipt `json:"receipt"`
	Steps        []Step              `json:"steps"`
}

// Step is one thing that happened to the booking.
type Step struct {
	history.Entry
	Kind       StepKind   `json:"kind"`
	Date       civil.Date `json:"date,omitempty"` // of attendance; else the first day that the booking no longer holds
	Attendance Attendance `json:"attendance,omitempty"`
	Minutes    int        `json:"minutes,omitempty"`  // of who came late
	Reason     string     `json:"reason,omitempty"`   // of who did not come, a code
	Notified   bool       `json:"notified,omitempty"` // who did not come said so beforehand
	Client     string     `json:"client,omitempty"`   // the note's id at the client
	NotedAt    time.Time  `json:"notedAt,omitzero"`   // by the client's clock
	Text       []byte     `json:"text,omitempty"`     // why it was corrected, encrypted
	Plan       Plan       `json:"plan,omitempty"`     // of the activity, from the day on
	Until      time.Time  `json:"until,omitzero"`     // of an offer, which can be accepted before

	Correction *history.Correction[Step] `json:"correction,omitempty"`
}

// StepKind is what happened in a step.
type StepKind string

// The kinds of step of a booking.
const (
	StepBooked       StepKind = "booked"
	StepNoted        StepKind = "attendance_noted"
	StepCorrected    StepKind = "attendance_corrected" // a note was a mistake
	StepCancelled    StepKind = "cancelled"            // by the coach
	StepEnded        StepKind = "ended"                // because the enrolment was closed
	StepReopened     StepKind = "reopened"             // because that, or the end of the activity, was corrected
	StepMoved        StepKind = "moved"                // because the activity takes place at another time
	StepDiscontinued StepKind = "discontinued"         // because the activity ended
	StepWaitlisted   StepKind = "waitlisted"           // instead of booked
	StepOffered      StepKind = "offered"              // a place became free, and is kept
	StepAccepted     StepKind = "accepted"             // by the coach: it is booked
	StepDeclined     StepKind = "declined"             // by the coach
	StepOfferExpired StepKind = "offer_expired"        // nobody answered: it waits on
	StepLapsed       StepKind = "lapsed"               // its days have been
)

// State is what a booking is in.
type State string

// The states of a booking.
const (
	StateWaiting   State = "waiting"
	StateOffered   State = "offered"
	StateBooked    State = "booked"
	StateCancelled State = "cancelled"
	StateEnded     State = "ended"
)

// bookingStates lists them in the order of the README's drawing.
var bookingStates = []State{StateWaiting, StateOffered, StateBooked, StateCancelled, StateEnded}

// attendedStates are those in which attendance is noted.
var attendedStates = []State{StateBooked, StateCancelled, StateEnded}

// bookingTable says what may happen to a booking when. Attendance is noted also
// after the end, of the days before it.
var bookingTable = history.Table[State, StepKind, Party]{
	{Operation: "createBooking", Kind: StepBooked, By: []Party{PartyCoach}, From: []State{""}, To: StateBooked},
	{Operation: "createBooking", Kind: StepWaitlisted, By: []Party{PartyCoach}, From: []State{""}, To: StateWaiting},
	{Kind: StepOffered, By: []Party{PartyService}, From: []State{StateWaiting}, To: StateOffered},
	{Kind: StepOfferExpired, By: []Party{PartyService}, From: []State{StateOffered}, To: StateWaiting},
	{Operation: "acceptOffer", Kind: StepAccepted, By: []Party{PartyCoach}, From: []State{StateOffered}, To: StateBooked},
	{Operation: "declineOffer", Kind: StepDeclined, By: []Party{PartyCoach}, From: []State{StateOffered}, To: StateCancelled},
	{Kind: StepLapsed, By: []Party{PartyService}, From: []State{StateWaiting}, To: StateEnded},
	{Operation: "noteAttendance", Kind: StepNoted, By: []Party{PartyCoach, PartySupervisor}, From: attendedStates, To: history.Same},
	{Operation: "correctAttendance", Kind: StepCorrected, By: []Party{PartyCoach, PartySupervisor, PartyManager}, From: attendedStates, To: history.Same},
	{Operation: "cancelBooking", Kind: StepCancelled, By: []Party{PartyCoach}, From: []State{StateWaiting, StateOffered, StateBooked}, To: StateCancelled},
	{Kind: StepEnded, By: []Party{PartyService}, From: []State{StateWaiting, StateOffered, StateBooked, StateCancelled}, To: StateEnded},
	{Kind: StepMoved, By: []Party{PartyService}, From: bookingStates, To: history.Same},
	{Kind: StepDiscontinued, By: []Party{PartyService}, From: bookingStates, To: history.Same},
	{Kind: StepReopened, By: []Party{PartyService}, From: bookingStates, To: history.Same},
}

// Status is what the steps of a booking amount to.
type Status struct {
	State    State
	FirstDay civil.Date
	LastDay  civil.Date            // Forever when the booking goes on
	Reach    civil.Date            // LastDay if the activity did not end before
	Sessions []civil.Date          // see Booking
	Notes    map[civil.Date]Note   // the one that counts of each day
	Others   map[civil.Date][]Note // those that contradict it
	Ahead    map[civil.Date]Note   // absence that was notified before the day, whatever became of it

	Held      bool      // it was booked: it does not wait, and has not only waited
	OfferEnds time.Time // of the latest offer
	PutBackAt time.Time // when that expired; zero: it did not
}

// CorrectionOf is how package history reads the corrections among the steps.
func CorrectionOf(s *Step) *history.Correction[Step] { return s.Correction }

// Status follows the steps as they should have been.
func (b *Booking) Status() Status {
	st := Status{FirstDay: b.From, LastDay: cmp.Or(b.Until, Forever), Reach: cmp.Or(b.Until, Forever), Sessions: b.Sessions, Notes: map[civil.Date]Note{}, Others: map[civil.Date][]Note{}, Ahead: map[civil.Date]Note{}}
	corrected, notes := history.Corrected(b.Steps, CorrectionOf), map[civil.Date][]Note{}
	for _, s := range history.Story(b.Steps, CorrectionOf) {
		st.State, _ = bookingTable.Next(st.State, s.Kind, "")
		switch s.Kind {
		case StepBooked:
			st.Held = true
		case StepOffered:
			st.FirstDay, st.OfferEnds, st.PutBackAt = max(st.FirstDay, s.Date), s.Until, time.Time{}
		case StepAccepted:
			st.FirstDay, st.Held = max(st.FirstDay, s.Date), true
		case StepOfferExpired:
			st.PutBackAt = s.At
		case StepNoted:
			notes[s.Date] = append(notes[s.Date], noteOf(s, corrected))
		case StepCancelled, StepEnded, StepDiscontinued, StepDeclined, StepLapsed:
			st.LastDay = min(st.LastDay, s.Date.AddDays(-1))
			if s.Kind != StepDiscontinued {
				st.Reach = min(st.Reach, s.Date.AddDays(-1))
			}
		}
	}
	for on, of := range notes {
		counts, others, ahead := weigh(of)
		st.Notes[on] = counts
		if others != nil {
			st.Others[on] = others
		}
		if ahead.Attendance != "" {
			st.Ahead[on] = ahead
		}
	}
	return st
}

// Covers reports whether the booking holds on a day.
func (s Status) Covers(d civil.Date) bool {
	return s.Held && s.FirstDay <= d && d <= s.LastDay && hasSession(s.Sessions, d)
}

// Operations returns what the booking's state allows.
func (s Status) Operations() []string {
	if s.LastDay < s.FirstDay {
		return nil // there is no day to note attendance of
	}
	return bookingTable.Operations(s.State)
}

// ChangedAt returns when the last step was taken.
func (b *Booking) ChangedAt() time.Time { return b.Steps[len(b.Steps)-1].At }

// Version is the number of steps.
func (b *Booking) Version() int64 { return int64(len(b.Steps)) }

// Resource is what access depends on.
func (b *Booking) Resource() access.Resource {
	return access.Resource{Association: b.Association, Participant: b.Participant, Relationships: []access.Relationship{{Municipality: b.Municipality, Host: cmp.Or(b.Host, b.Municipality)}}}
}

// BookingRequest is a booking on its way in.
type BookingRequest struct {
	Enrolment string
	Activity  string
	From      civil.Date
	Until     civil.Date // empty: it goes on; the first day: one occurrence
	Slot      string     // local time of a leader's that is booked; empty: all of the activity
	Wait      bool       // on the waiting list, where there is no place
	Priority  string     // there; empty: normal
	Host      string     // municipality of the activity; empty: the enrolment's

	TravelAccepted bool // also where there is too little time for the way
}

// Bookable returns the activity as it is on its first occurrence from a day on, and when
// that is, or why nobody can be booked into it from that day; known is false for one that is
// not offered. Nobody joins a course in its middle: a closed
// group is booked from a day up to its first session. until is the last day; empty: it goes on.
func Bookable(a association.Activity, known bool, from, until civil.Date) (form association.Activity, first civil.Date, err error) {
	switch {
	case !known:
		return a, from, ErrActivity.AtField("/activity")
	case !a.Scheduled():
		return a, from, ErrUnscheduled.AtField("/activity")
	case !IsDate(from):
		return a, from, nil // which Check refuses
	}
	form, first, goesOn := FirstFrom(a, from)
	switch {
	case !goesOn:
		return form, first, ErrOver.AtField("/from")
	case until != "" && until < first && until >= from:
		return form, first, ErrNoOccurrence.AtField("/until")
	case form.ClosedGroup != nil && len(form.ClosedGroup.Starts) == 0:
		err = ErrGroupNotOpen.AtField("/activity")
	case form.ClosedGroup != nil && !slices.Contains(form.ClosedGroup.Starts, string(first)):
		err = ErrGroupRunning.AtField("/from")
	}
	return form, first, err
}

// FirstFrom returns the first occurrence of an activity from a day on, and the activity as it
// is then; ok is false when nothing takes place any more: in the three years after its last
// change, which is more than any rule leaves free.
func FirstFrom(a association.Activity, from civil.Date) (form association.Activity, first civil.Date, ok bool) {
	last := max(from, slices.Max(turns(a)))
	for _, x := range append([]association.Activity{a}, a.Later...) {
		last = max(last, x.First)
	}
	last = last.AddYears(3)
	for weeks := 2; from <= last; weeks *= 6 {
		until := min(last, from.AddWeeks(weeks))
		for _, p := range a.Days(from, until) {
			return occurrence(&a, p, nil).Activity, p.Date, true
		}
		from = until.AddDays(1)
	}
	return a, from, false
}

// Check returns which of the request's days is against the rules, or its slot: form is the
// activity on its first day.
func (r BookingRequest) Check(form association.Activity, now time.Time) error {
	today, slots := civil.DateOf(now), Slots(form)
	switch {
	case r.Slot != "" && len(slots) == 0:
		return ErrNoSlots.AtField("/slot")
	case len(slots) > 0 && !slices.ContainsFunc(slots, func(s [2]string) bool { return s[0] == r.Slot }):
		return ErrSlot.AtField("/slot")
	case !IsDate(r.From):
		return ErrDate.AtField("/from")
	case r.From < today.AddDays(-366) || r.From > today.AddDays(366):
		return ErrFrom.AtField("/from")
	case r.Until == "":
		return nil
	case !IsDate(r.Until):
		return ErrDate.AtField("/until")
	case r.Until < r.From || r.Until > r.From.AddDays(2*366):
		return ErrPeriod.AtField("/until")
	}
	return nil
}

// Book returns a new booking of a checked request; plan is the activity's from its first day.
func Book(id string, e *Enrolment, r BookingRequest, plan Plan, receipt idempotency.Receipt, by history.Author, now time.Time) *Booking {
	if r.Host == e.Municipality {
		r.Host = ""
	}
	return &Booking{
		Association: e.Association, ID: id, Enrolment: e.ID, Participant: e.Participant, Municipality: e.Municipality, Host: r.Host, Initiative: e.Initiative,
		Activity: r.Activity, From: r.From, Until: r.Until, Slot: r.Slot, Plan: plan, Receipt: receipt,
		Steps: history.Append(nil, Step{Kind: StepBooked}, by, now),
	}
}

// Reopen follows that the closing of the enrolment was corrected: the booking did not end
// because of it. It reports whether it had.
func (b *Booking) Reopen(cause string, by history.Author, now time.Time) bool {
	for _, s := range slices.Backward(history.Story(b.Steps, CorrectionOf)) {
		if s.Kind == StepEnded {
			b.Steps = history.Append(b.Steps, Step{Kind: StepReopened, Entry: history.Entry{Cause: cause}, Correction: &history.Correction[Step]{Of: s.N}}, by, now)
			return true
		}
	}
	return false
}

// Cancel ends the booking from a day on. The day may lie in the past, but not
// before attendance that is noted.
func (b *Booking) Cancel(from civil.Date, by history.Author, now time.Time) error {
	st, today := b.Status(), civil.DateOf(now)
	switch {
	case !bookingTable.Allows(st.State, StepCancelled):
		return ErrNotBooked
	case !IsDate(from):
		return ErrDate.AtField("/from")
	case from > today.AddDays(2*366):
		return ErrPeriod.WithText("Dagen ska ligga högst två år bort.", "The day must be at most two years away.").AtField("/from")
	case slices.ContainsFunc(st.Attendances(), func(n Note) bool { return from <= n.Date && n.Date <= today }):
		return ErrAttended.AtField("/from")
	}
	b.Steps = history.Append(b.Steps, Step{Kind: StepCancelled, Date: from}, by, now)
	return nil
}

// End ends the booking because the enrolment ended on a day, the last one that
// still counts; cause is the id of the event that said so, if one did. changed is
// false when the booking had ended by then.
func (b *Booking) End(lastDay civil.Date, cause string, by history.Author, now time.Time) (changed bool) {
	st := b.Status()
	if !bookingTable.Allows(st.State, StepEnded) || st.State == StateCancelled && st.LastDay <= lastDay {
		return false
	}
	b.Steps = history.Append(b.Steps, Step{Kind: StepEnded, Date: lastDay.AddDays(1), Entry: history.Entry{Cause: cause}}, by, now)
	return true
}
