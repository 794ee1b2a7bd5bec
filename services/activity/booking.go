package activity

import (
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
)

// Booking is one participant's place in one activity, every week from a day on.
type Booking struct {
	Association  string              `json:"association"`
	ID           string              `json:"id"`
	Enrolment    string              `json:"enrolment"`
	Participant  string              `json:"participant"`  // the person's id in the vault
	Municipality string              `json:"municipality"` // four-digit code of the enrolment's and the activity's
	Activity     string              `json:"activity"`
	From         civil.Date          `json:"from"`            // first day
	Until        civil.Date          `json:"until,omitempty"` // last day as booked; empty: it goes on
	Receipt      idempotency.Receipt `json:"receipt"`
	Steps        []Step              `json:"steps"`
}

// Step is one thing that happened to the booking.
type Step struct {
	N           int64      `json:"n"` // from 1, without gaps
	At          time.Time  `json:"at"`
	Kind        Kind       `json:"kind"`
	By          string     `json:"by"`
	Authority   string     `json:"authority"`
	Date        civil.Date `json:"date,omitempty"`       // of attendance; else the first day that the booking no longer holds
	Attendance  Attendance `json:"attendance,omitempty"` // of attendance
	Cause       string     `json:"cause,omitempty"`      // id of the event that led to it
	TraceParent string     `json:"traceparent,omitempty"`
}

// Kind is what happened in a step.
type Kind string

// The kinds of step of a booking.
const (
	StepBooked    Kind = "booked"
	StepNoted     Kind = "attendance_noted"
	StepCorrected Kind = "attendance_corrected"
	StepCancelled Kind = "cancelled" // by the coach
	StepEnded     Kind = "ended"     // because the enrolment was closed
)

// State is what a booking is in.
type State string

// The states of a booking.
const (
	StateBooked    State = "booked"
	StateCancelled State = "cancelled"
	StateEnded     State = "ended"
)

// Rules of booking.
var (
	ErrPeriod = fault.New(fault.Unprocessable, "bad-period",
		"Sista dagen ska vara första dagen eller senare, högst två år bort.",
		"The last day must be the first day or later, at most two years away.")
	ErrFrom = fault.New(fault.Unprocessable, "start-too-far",
		"Första dagen ska ligga inom ett år från i dag.", "The first day must be within a year of today.")
	ErrNotBooked = fault.New(fault.Conflict, "booking-ended",
		"Bokningen har redan upphört.", "The booking has already ended.")
	ErrAttended = fault.New(fault.Unprocessable, "attendance-after-end",
		"Det finns noterad närvaro den dagen eller senare. Välj en senare dag.",
		"Attendance has been noted on that day or later. Choose a later day.")
	ErrTooMany = fault.New(fault.Conflict, "booking-full",
		"Bokningen har ändrats för många gånger. Avboka den och gör en ny.",
		"The booking has been changed too many times. Cancel it and make a new one.")
)

// Request is a booking on its way in.
type Request struct {
	Enrolment string
	Activity  string
	From      civil.Date
	Until     civil.Date // empty: it goes on
}

// Check holds the request's days against the rules.
func (r Request) Check(now time.Time) error {
	today := civil.DateOf(now)
	switch {
	case !isDate(r.From):
		return ErrDate.AtField("/from")
	case r.From < today.AddDays(-366) || r.From > today.AddDays(366):
		return ErrFrom.AtField("/from")
	case r.Until == "":
		return nil
	case !isDate(r.Until):
		return ErrDate.AtField("/until")
	case r.Until < r.From || r.Until > r.From.AddDays(2*366):
		return ErrPeriod.AtField("/until")
	}
	return nil
}

// Book returns a new booking of a checked request.
func Book(id string, e *Enrolment, r Request, receipt idempotency.Receipt, h Hand, now time.Time) *Booking {
	b := &Booking{
		Association: e.Association, ID: id, Enrolment: e.ID, Participant: e.Participant, Municipality: e.Municipality,
		Activity: r.Activity, From: r.From, Until: r.Until, Receipt: receipt,
	}
	b.step(Step{Kind: StepBooked}, h, now)
	return b
}

// Cancel ends the booking from a day on, which may have been, but not before
// attendance that is noted.
func (b *Booking) Cancel(from civil.Date, h Hand, now time.Time) error {
	switch {
	case b.State() != StateBooked:
		return ErrNotBooked
	case !isDate(from):
		return ErrDate.AtField("/from")
	case from > civil.DateOf(now).AddDays(2*366):
		return ErrPeriod.AtField("/from")
	case slices.ContainsFunc(b.Attendances(), func(n Note) bool { return n.Date >= from }):
		return ErrAttended.AtField("/from")
	}
	b.step(Step{Kind: StepCancelled, Date: from}, h, now)
	return nil
}

// End ends the booking because the enrolment ended on a day, the last one that
// may still count. It changes nothing, and says so, when that was done before.
func (b *Booking) End(lastDay civil.Date, h Hand, now time.Time) (changed bool) {
	from := lastDay.AddDays(1)
	if b.State() == StateEnded || b.State() == StateCancelled && b.LastDay() < from {
		return false
	}
	b.step(Step{Kind: StepEnded, Date: from}, h, now)
	return true
}

func (b *Booking) step(s Step, h Hand, now time.Time) {
	s.N, s.At, s.By, s.Authority = int64(len(b.Steps))+1, instant(now), h.Subject, h.Authority
	s.TraceParent, s.Cause = h.TraceParent, h.Cause
	b.Steps = append(b.Steps, s)
}

// State follows from the steps.
func (b *Booking) State() State {
	state := StateBooked
	for _, s := range b.Steps {
		switch s.Kind {
		case StepCancelled:
			state = StateCancelled
		case StepEnded:
			state = StateEnded
		}
	}
	return state
}

// LastDay is the last day that the booking holds; Forever when it goes on.
func (b *Booking) LastDay() civil.Date {
	last := Forever
	if b.Until != "" {
		last = b.Until
	}
	for _, s := range b.Steps {
		if s.Kind == StepCancelled || s.Kind == StepEnded {
			last = min(last, s.Date.AddDays(-1))
		}
	}
	return last
}

// Covers reports whether the booking holds on a day.
func (b *Booking) Covers(d civil.Date) bool { return b.From <= d && d <= b.LastDay() }

// Version is the number of steps.
func (b *Booking) Version() int64 { return int64(len(b.Steps)) }

// BookedAt is when the booking was made.
func (b *Booking) BookedAt() time.Time { return b.Steps[0].At }

// Resource is what access depends on.
func (b *Booking) Resource() access.Resource {
	return access.Resource{Association: b.Association, Participant: b.Participant, Relationships: []access.Relationship{{Municipality: b.Municipality}}}
}

// Bookable tells why a municipality's coach may not book into an activity.
func Bookable(a association.Activity, known bool, municipality string) error {
	switch {
	case !known:
		return ErrActivity.AtField("/activity")
	case a.Municipality != municipality:
		return ErrElsewhere.AtField("/activity")
	case !a.Scheduled():
		return ErrUnscheduled.AtField("/activity")
	}
	return nil
}

// Answers about the activity that is to be booked.
var (
	ErrActivity = fault.New(fault.Unprocessable, "unknown-activity",
		"Aktiviteten finns inte.", "There is no such activity.")
	ErrElsewhere = fault.New(fault.Unprocessable, "activity-elsewhere",
		"Aktiviteten hör till en annan kommun. Du kan boka in i den egna kommunens aktiviteter.",
		"The activity belongs to another municipality. You can book into your own municipality's activities.")
)
