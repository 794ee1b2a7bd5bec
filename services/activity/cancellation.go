package activity

import (
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/personnummer"
)

// Cancellation is one day on which an activity does not take place.
type Cancellation struct {
	Association  string              `json:"association"`
	ID           string              `json:"id"`
	Activity     string              `json:"activity"`
	Municipality string              `json:"municipality"` // four-digit code, the activity's
	Date         civil.Date          `json:"date"`
	Reason       string              `json:"reason"`            // code
	Message      string              `json:"message,omitempty"` // to all who would have come; about nobody
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

// CancellationRequest is a cancellation on its way in: of one occurrence, or of those in a span
// of days.
type CancellationRequest struct {
	Date    civil.Date
	Until   civil.Date // last day of a span; empty: the one occurrence
	Reason  string     // code
	Message string     // to all who would have come
}

// maxCancelled is the most days that a span of cancellations may have.
const maxCancelled = 100

// Occurrences returns the days of a span on which an activity takes place, so that each can be
// called off by itself; without a span the one day.
func (r CancellationRequest) Occurrences(a association.Activity) ([]civil.Date, error) {
	switch {
	case r.Until == "":
		return []civil.Date{r.Date}, nil
	case !IsDate(r.Date):
		return nil, ErrDate.AtField("/date")
	case !IsDate(r.Until):
		return nil, ErrDate.AtField("/until")
	case r.Until < r.Date || r.Date.DaysUntil(r.Until) >= maxCancelled:
		return nil, ErrCancelledSpan.AtField("/until")
	case !a.Scheduled():
		return nil, ErrUnscheduled
	}
	var days []civil.Date
	for _, p := range a.Days(r.Date, r.Until) {
		if !p.Form.IsOff(p.Date) {
			days = append(days, p.Date)
		}
	}
	if days == nil {
		return nil, ErrNoOccurrence.WithText("Aktiviteten har inget tillfälle de dagarna. Välj dagar då den hålls.",
			"The activity has no occurrence on those days. Choose days on which it takes place.").AtField("/until")
	}
	return days, nil
}

// CallOff returns the cancellation of an activity's occurrence on a date, at most a year
// away; also of one that has been, and did not take place.
func CallOff(id, associationID string, a association.Activity, r CancellationRequest, receipt idempotency.Receipt, by history.Author, now time.Time) (*Cancellation, error) {
	today := civil.DateOf(now)
	o, occurs := OccurrenceOn(a, r.Date, nil)
	switch {
	case !IsDate(r.Date):
		return nil, ErrDate.AtField("/date")
	case !slices.Contains(reasons, r.Reason):
		return nil, ErrReason.AtField("/reason")
	case personnummer.Contains(r.Message):
		return nil, personnummer.ErrNumberHere.AtField("/message")
	case !a.Scheduled():
		return nil, ErrUnscheduled
	case !occurs:
		return nil, ErrNoOccurrence.AtField("/date")
	case o.Closed:
		return nil, ErrCalledOff.AtField("/date")
	case r.Date > today.AddDays(366) || r.Date < today.AddDays(-366):
		return nil, ErrTooFar.AtField("/date")
	}
	return &Cancellation{
		Association: associationID, ID: id, Activity: a.ID, Municipality: a.Municipality, Date: r.Date, Reason: r.Reason, Message: r.Message, Receipt: receipt,
		Steps: history.Append(nil, CancellationStep{Kind: Cancelled}, by, now),
	}, nil
}

// graceToRestore is for how many days after its day it can be said that what was called off
// took place all the same, as who was there may have noted.
const graceToRestore = 14

// Restore lets the occurrence take place after all, until two weeks after its day; what was
// said afterwards is taken back at any time.
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
	return today <= c.Date.AddDays(graceToRestore) || c.Date < civil.DateOf(c.Steps[0].At)
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
