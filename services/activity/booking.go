package activity

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
)

// Booking is one participant's place in one activity, every week from a day on.
type Booking struct {
	Association  string              `json:"association"`
	ID           string              `json:"id"`
	Enrolment    string              `json:"enrolment"`
	Participant  string              `json:"participant"`          // the person's id in the vault
	Municipality string              `json:"municipality"`         // four-digit code of the enrolment's and the activity's
	Initiative   string              `json:"initiative,omitempty"` // of the enrolment; empty: booked before it was kept
	Activity     string              `json:"activity"`
	From         civil.Date          `json:"from"`            // first day
	Until        civil.Date          `json:"until,omitempty"` // last day as booked; empty: it goes on
	Plan         Plan                `json:"plan,omitempty"`  // of the activity, as booked; none: not kept
	Receipt      idempotency.Receipt `json:"receipt"`
	Steps        []Step              `json:"steps"`
}

// Step is one thing that happened to the booking.
type Step struct {
	history.Entry
	Kind       StepKind   `json:"kind"`
	Date       civil.Date `json:"date,omitempty"` // of attendance; else the first day that the booking no longer holds
	Attendance Attendance `json:"attendance,omitempty"`
	Text       []byte     `json:"text,omitempty"` // why it was corrected, encrypted
	Plan       Plan       `json:"plan,omitempty"` // of the activity, from the day on

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
)

// State is what a booking is in.
type State string

// The states of a booking.
const (
	StateBooked    State = "booked"
	StateCancelled State = "cancelled"
	StateEnded     State = "ended"
)

// bookingStates lists them in the order of the README's drawing.
var bookingStates = []State{StateBooked, StateCancelled, StateEnded}

// bookingTable says what may happen to a booking when. Attendance is noted also
// after the end, of the days before it.
var bookingTable = history.Table[State, StepKind, Party]{
	{Operation: "createBooking", Kind: StepBooked, By: []Party{PartyCoach}, From: []State{""}, To: StateBooked},
	{Operation: "noteAttendance", Kind: StepNoted, By: []Party{PartyCoach, PartySupervisor}, From: bookingStates, To: history.Same},
	{Operation: "correctAttendance", Kind: StepCorrected, By: []Party{PartyCoach, PartySupervisor, PartyManager}, From: bookingStates, To: history.Same},
	{Operation: "cancelBooking", Kind: StepCancelled, By: []Party{PartyCoach}, From: []State{StateBooked}, To: StateCancelled},
	{Kind: StepEnded, By: []Party{PartyService}, From: []State{StateBooked, StateCancelled}, To: StateEnded},
	{Kind: StepMoved, By: []Party{PartyService}, From: bookingStates, To: history.Same},
	{Kind: StepDiscontinued, By: []Party{PartyService}, From: bookingStates, To: history.Same},
	{Kind: StepReopened, By: []Party{PartyService}, From: bookingStates, To: history.Same},
}

// Attendance says whether the participant came.
type Attendance string

// The values of attendance.
const (
	Present        Attendance = "present"
	AbsentNotified Attendance = "absent_notified" // said so beforehand
	Absent         Attendance = "absent"
)

// Note is the latest attendance noted for a day.
type Note struct {
	Date       civil.Date
	Attendance Attendance
	At         time.Time // when it was noted
	Step       int64     // number of the step that noted it
}

// Status is what the steps of a booking amount to.
type Status struct {
	State    State
	FirstDay civil.Date
	LastDay  civil.Date          // Forever when the booking goes on
	Reach    civil.Date          // LastDay if the activity did not end before
	Notes    map[civil.Date]Note // the latest of each day
}

// CorrectionOf is how package history reads the corrections among the steps.
func CorrectionOf(s *Step) *history.Correction[Step] { return s.Correction }

// Status follows the steps as they should have been.
func (b *Booking) Status() Status {
	st := Status{FirstDay: b.From, LastDay: cmp.Or(b.Until, Forever), Reach: cmp.Or(b.Until, Forever), Notes: map[civil.Date]Note{}}
	for _, s := range history.Story(b.Steps, CorrectionOf) {
		st.State, _ = bookingTable.Next(st.State, s.Kind, "")
		switch s.Kind {
		case StepNoted:
			st.Notes[s.Date] = Note{s.Date, s.Attendance, s.At, s.N}
		case StepCancelled, StepEnded, StepDiscontinued:
			st.LastDay = min(st.LastDay, s.Date.AddDays(-1))
			if s.Kind != StepDiscontinued {
				st.Reach = min(st.Reach, s.Date.AddDays(-1))
			}
		}
	}
	return st
}

// Attendances returns the latest note for each day, in the order of the days.
func (s Status) Attendances() []Note {
	return slices.SortedFunc(maps.Values(s.Notes), func(a, b Note) int { return cmp.Compare(a.Date, b.Date) })
}

// IsNoted reports whether attendance of a day was noted, or the note corrected, at an
// instant or later.
func (b *Booking) IsNoted(on civil.Date, since time.Time) bool {
	return slices.ContainsFunc(b.Steps, func(s Step) bool {
		return (s.Kind == StepNoted || s.Kind == StepCorrected) && s.Date == on && !s.At.Before(since)
	})
}

// Covers reports whether the booking holds on a day.
func (s Status) Covers(d civil.Date) bool { return s.FirstDay <= d && d <= s.LastDay }

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
	return access.Resource{Association: b.Association, Participant: b.Participant, Relationships: []access.Relationship{{Municipality: b.Municipality}}}
}

// BookingRequest is a booking on its way in.
type BookingRequest struct {
	Enrolment string
	Activity  string
	From      civil.Date
	Until     civil.Date // empty: it goes on
}

// Bookable returns the activity as it is on its first occurrence from a day on, and when
// that is, or why an enrolment in a municipality cannot be booked into it from that day;
// known is false for one that is not offered. Nobody joins a course in its middle: a closed
// group is booked from a day up to its first session.
func Bookable(a association.Activity, known bool, municipality string, from civil.Date) (form association.Activity, first civil.Date, err error) {
	switch {
	case !known:
		return a, from, ErrActivity.AtField("/activity")
	case a.Municipality != municipality:
		return a, from, ErrElsewhere.AtField("/activity")
	case !a.Scheduled():
		return a, from, ErrUnscheduled.AtField("/activity")
	case !IsDate(from):
		return a, from, nil // which Check refuses
	}
	form, first, goesOn := FirstFrom(a, from)
	switch {
	case !goesOn:
		return form, first, ErrOver.AtField("/from")
	case form.ClosedGroup != nil && len(form.ClosedGroup.Starts) == 0:
		err = ErrGroupNotOpen.AtField("/activity")
	case form.ClosedGroup != nil && !slices.Contains(form.ClosedGroup.Starts, string(first)):
		err = ErrGroupRunning.AtField("/from")
	}
	return form, first, err
}

// FirstFrom returns the first occurrence of an activity from a day on, and the activity as it
// is then; ok is false when nothing takes place any more.
func FirstFrom(a association.Activity, from civil.Date) (form association.Activity, first civil.Date, ok bool) {
	for last := max(from, slices.Max(turns(a))).AddDays(6); from <= last; from = from.AddDays(1) {
		if o, occurs := OccurrenceOn(a, from, nil); occurs {
			return o.Activity, from, true
		}
	}
	return a, from, false
}

// Check returns which of the request's days is against the rules.
func (r BookingRequest) Check(now time.Time) error {
	today := civil.DateOf(now)
	switch {
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
	return &Booking{
		Association: e.Association, ID: id, Enrolment: e.ID, Participant: e.Participant, Municipality: e.Municipality, Initiative: e.Initiative,
		Activity: r.Activity, From: r.From, Until: r.Until, Plan: plan, Receipt: receipt,
		Steps: history.Append(nil, Step{Kind: StepBooked}, by, now),
	}
}

// maxBookingSteps bounds a booking's document: a daily activity for years.
const maxBookingSteps = 4000

// NoteAttendance notes attendance on a day that has been, or is, an occurrence
// within the booking; that somebody will be absent also before the day, and then what
// became of it is noted once more. The same attendance again changes nothing, and changed
// is false; another for the same day is a correction: ErrNoted.
func (b *Booking) NoteAttendance(a association.Activity, known bool, n Note, cancelled Cancellations, by history.Author, now time.Time) (changed bool, err error) {
	o, occurs := OccurrenceOn(a, n.Date, cancelled)
	st := b.Status()
	switch {
	case !IsDate(n.Date):
		return false, ErrDate.AtField("/date")
	case n.Attendance != Present && n.Attendance != AbsentNotified && n.Attendance != Absent:
		return false, ErrAttendance.AtField("/attendance")
	case !known || !occurs:
		return false, ErrNoOccurrence.AtField("/date")
	case !st.Covers(n.Date):
		return false, ErrNotCovered.AtField("/date")
	case n.Date > civil.DateOf(now) && n.Attendance != AbsentNotified: // which is said beforehand
		return false, ErrFuture.AtField("/date")
	case n.Date > civil.DateOf(now).AddDays(366):
		return false, ErrTooFar.AtField("/date")
	case o.Cancelled != nil || o.Closed:
		return false, ErrDayOff.AtField("/date")
	case len(b.Steps) >= maxBookingSteps:
		return false, ErrTooMany
	}
	if before, noted := st.Notes[n.Date]; noted {
		if before.Attendance == n.Attendance {
			return false, nil
		}
		if before.Attendance != AbsentNotified || civil.DateOf(before.At) >= n.Date { // not said beforehand
			return false, ErrNoted
		}
	}
	b.Steps = history.Append(b.Steps, Step{Kind: StepNoted, Date: n.Date, Attendance: n.Attendance}, by, now)
	return true, nil
}

// CorrectAttendance marks the note of a day as a mistake: the attendance was another, which
// could have been noted, or (empty) there is nothing to note. reason is encrypted.
func (b *Booking) CorrectAttendance(date civil.Date, attendance Attendance, reason []byte, cancelled Cancellations, manages bool, days int, by history.Author, now time.Time) error {
	note, noted := b.Status().Notes[date]
	switch {
	case !IsDate(date):
		return ErrDate.AtField("/date")
	case !noted:
		return ErrNotNoted.AtField("/date")
	case attendance == note.Attendance:
		return history.ErrNothingCorrected.WithText(
			"Rättelsen ändrar ingenting: detta är redan noterat. Ange en annan närvaro, eller utelämna attendance om inget skulle ha noterats.",
			"The correction changes nothing: this is noted already. Give another attendance, or leave out attendance if nothing should have been noted.").AtField("/attendance")
	case date > civil.DateOf(now) && attendance != "" && attendance != AbsentNotified:
		return ErrFuture.AtField("/date")
	case attendance != "" && cancelled[OccurrenceKey{b.Activity, date}] != nil:
		return ErrDayOff.AtField("/date")
	case len(b.Steps) >= maxBookingSteps:
		return ErrTooMany
	}
	isNote := func(s *Step) bool { return s.Kind == StepNoted }
	if _, err := history.Correctable(b.Steps, history.Story(b.Steps, CorrectionOf), note.Step, isNote, by, manages, days, now); err != nil {
		return err
	}
	c := &history.Correction[Step]{Of: note.Step}
	if attendance != "" {
		c.With = &Step{Kind: StepNoted, Date: date, Attendance: attendance}
	}
	b.Steps = history.Append(b.Steps, Step{Kind: StepCorrected, Date: date, Attendance: attendance, Text: reason, Correction: c}, by, now)
	return nil
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
