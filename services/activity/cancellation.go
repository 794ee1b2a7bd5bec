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

// Cancellation is one day on which an activity does not take place.
type Cancellation struct {
	Association  string              `json:"association"`
	ID           string              `json:"id"`
	Activity     string              `json:"activity"`
	Municipality string              `json:"municipality"` // four-digit code, the activity's
	Date         civil.Date          `json:"date"`
	Reason       string              `json:"reason"` // code
	Receipt      idempotency.Receipt `json:"receipt"`
	Steps        []CancellationStep  `json:"steps"`
}

// CancellationStep is one thing that happened to it.
type CancellationStep struct {
	N           int64            `json:"n"` // from 1, without gaps
	At          time.Time        `json:"at"`
	Kind        CancellationKind `json:"kind"`
	By          string           `json:"by"`
	Authority   string           `json:"authority"`
	TraceParent string           `json:"traceparent,omitempty"`
}

// CancellationKind is what happened in a step; the state bears the same name.
type CancellationKind string

// The kinds of step.
const (
	Cancelled CancellationKind = "cancelled"
	Restored  CancellationKind = "restored"
)

// reasons are the codes of why an occurrence is called off (docs: code lists).
var reasons = []string{"leader_absent", "public_holiday", "weather", "place_unavailable", "too_few", "planning_day", "other"}

// Rules of calling off.
var (
	ErrCalledOff = fault.New(fault.Conflict, "occurrence-already-cancelled",
		"Tillfället är redan inställt.", "The occurrence is already called off.")
	ErrRestored = fault.New(fault.Conflict, "cancellation-already-lifted",
		"Inställelsen är redan upphävd.", "The cancellation has already been lifted.")
	ErrReason = fault.New(fault.Invalid, "unknown-reason",
		"Orsaken är ingen av koderna i listan.", "The reason is none of the codes in the list.")
	ErrTooFar = fault.New(fault.Unprocessable, "day-too-far",
		"Dagen ligger mer än ett år bort.", "The day is more than a year away.")
)

// CallOff returns the cancellation of an activity's occurrence on a date, today or
// within a year.
func CallOff(id, associationID string, a association.Activity, date civil.Date, reason string, h Hand, now time.Time) (*Cancellation, error) {
	today := civil.DateOf(now)
	_, occurs := OccurrenceOn(a, date, nil)
	switch {
	case !isDate(date):
		return nil, ErrDate.AtField("/date")
	case !slices.Contains(reasons, reason):
		return nil, ErrReason.AtField("/reason")
	case !a.Scheduled():
		return nil, ErrUnscheduled
	case !occurs:
		return nil, ErrNoOccurrence.AtField("/date")
	case date < today:
		return nil, ErrPast.AtField("/date")
	case date > today.AddDays(366):
		return nil, ErrTooFar.AtField("/date")
	}
	c := &Cancellation{Association: associationID, ID: id, Activity: a.ID, Municipality: a.Municipality, Date: date, Reason: reason}
	c.step(Cancelled, h, now)
	return c, nil
}

// Restore lets the occurrence take place after all, until its day has passed.
func (c *Cancellation) Restore(h Hand, now time.Time) error {
	switch {
	case c.State() == Restored:
		return ErrRestored
	case c.Date < civil.DateOf(now):
		return ErrPast
	}
	c.step(Restored, h, now)
	return nil
}

func (c *Cancellation) step(k CancellationKind, h Hand, now time.Time) {
	c.Steps = append(c.Steps, CancellationStep{
		N: int64(len(c.Steps)) + 1, At: instant(now), Kind: k, By: h.Subject, Authority: h.Authority, TraceParent: h.TraceParent,
	})
}

// State reports whether the occurrence is called off or restored.
func (c *Cancellation) State() CancellationKind { return c.Steps[len(c.Steps)-1].Kind }

// Version is the number of steps.
func (c *Cancellation) Version() int64 { return int64(len(c.Steps)) }

// ChangedAt is when the latest step was taken.
func (c *Cancellation) ChangedAt() time.Time { return c.Steps[len(c.Steps)-1].At }

// Resource is what access depends on.
func (c *Cancellation) Resource() access.Resource {
	return access.Resource{Association: c.Association, Relationships: []access.Relationship{{Municipality: c.Municipality}}}
}
