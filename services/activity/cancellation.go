package activity

import (
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
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
	history.Entry
	Kind CancellationState `json:"kind"`
}

// CancellationState is the state of a cancellation, and the step that led to it.
type CancellationState string

// The states, each of which has one kind of step.
const (
	Cancelled CancellationState = "cancelled"
	Restored  CancellationState = "restored"
)

// Void is shown as the state of a cancellation of a day on which the activity, since it was
// moved or ended, has no occurrence any more. No step leads there: it may be moved back.
const Void CancellationState = "void"

var cancellationTable = history.Table[CancellationState, CancellationState, Party]{
	{Operation: "cancelOccurrence", Kind: Cancelled, By: []Party{PartyCoach}, From: []CancellationState{""}, To: Cancelled},
	{Operation: "restoreOccurrence", Kind: Restored, By: []Party{PartyCoach}, From: []CancellationState{Cancelled}, To: Restored},
}

// reasons are the codes of why an occurrence is called off, as in the contract.
var reasons = []string{"leader_absent", "public_holiday", "closed", "weather", "place_unavailable", "too_few", "planning_day", "other"}

// CallOff returns the cancellation of an activity's occurrence on a date, at most a year
// away; also of one that has been, and did not take place.
func CallOff(id, associationID string, a association.Activity, date civil.Date, reason string, receipt idempotency.Receipt, by history.Author, now time.Time) (*Cancellation, error) {
	today := civil.DateOf(now)
	o, occurs := OccurrenceOn(a, date, nil)
	switch {
	case !IsDate(date):
		return nil, ErrDate.AtField("/date")
	case !slices.Contains(reasons, reason):
		return nil, ErrReason.AtField("/reason")
	case !a.Scheduled():
		return nil, ErrUnscheduled
	case !occurs:
		return nil, ErrNoOccurrence.AtField("/date")
	case o.Closed:
		return nil, ErrCalledOff.AtField("/date")
	case date > today.AddDays(366) || date < today.AddDays(-366):
		return nil, ErrTooFar.AtField("/date")
	}
	return &Cancellation{
		Association: associationID, ID: id, Activity: a.ID, Municipality: a.Municipality, Date: date, Reason: reason, Receipt: receipt,
		Steps: history.Append(nil, CancellationStep{Kind: Cancelled}, by, now),
	}, nil
}

// Restore lets the occurrence take place after all, until its day has passed; what was said
// afterwards is taken back at any time.
func (c *Cancellation) Restore(by history.Author, now time.Time) error {
	switch {
	case !cancellationTable.Allows(c.State(), Restored):
		return ErrRestored
	case !c.isRestorable(civil.DateOf(now)):
		return ErrPast
	}
	c.Steps = history.Append(c.Steps, CancellationStep{Kind: Restored}, by, now)
	return nil
}

func (c *Cancellation) isRestorable(today civil.Date) bool {
	return today <= c.Date || c.Date < civil.DateOf(c.Steps[0].At)
}

// Operations returns what the cancellation's state allows on a day.
func (c *Cancellation) Operations(today civil.Date) []string {
	if !c.isRestorable(today) {
		return nil
	}
	return cancellationTable.Operations(c.State())
}

// State reports whether the occurrence is called off or restored.
func (c *Cancellation) State() CancellationState { return c.Steps[len(c.Steps)-1].Kind }

// Version is the number of steps.
func (c *Cancellation) Version() int64 { return int64(len(c.Steps)) }

// Resource is what access depends on.
func (c *Cancellation) Resource() access.Resource {
	return access.Resource{Association: c.Association, Relationships: []access.Relationship{{Municipality: c.Municipality}}}
}
