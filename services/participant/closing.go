package participant

import (
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
)

// What the rules of closing answer.
var (
	ErrHeld = fault.New(fault.Conflict, "closing-conversation-already-held",
		"Avslutningssamtalet är redan noterat.", "The closing conversation has been noted already.")
	ErrNoConversation = fault.New(fault.Conflict, "closing-conversation-missing",
		"Avslutningssamtalet måste hållas innan inskrivningen avslutas enligt plan.",
		"The closing conversation must be held before the enrolment is closed according to plan.")
	ErrNotByPlan = fault.New(fault.Conflict, "not-according-to-plan",
		"Insatsen är inte genomgången. Ange varför den avbryts.",
		"The initiative has not been run through. Tell why it is interrupted.")
	ErrLivelihood = fault.New(fault.Unprocessable, "livelihood-none-alone",
		"Ingen försörjning kan inte anges tillsammans med någon annan.",
		"No livelihood cannot be given together with another one.")
	ErrExtent = fault.New(fault.Unprocessable, "extent-without-occupation",
		"Omfattning kan bara anges för arbete och studier.", "An extent can be given for work and studies only.")
)

// HoldConversation notes the closing conversation.
func (e *Enrolment) HoldConversation(on civil.Date, text []byte, who Who, now time.Time) error {
	c := e.Progress()
	if !c.State.allows(ConversationHeld) {
		return ErrState
	}
	if c.Conversation != nil {
		return ErrHeld
	}
	if err := happened(on, c.current().First, civil.DateOf(now), "/heldOn"); err != nil {
		return err
	}
	s := e.step(ConversationHeld, who, now)
	s.On, s.Text = on, text
	return nil
}

// Documentation is what the closing documentation says.
type Documentation struct {
	On         civil.Date
	EndReason  EndReason
	Occupation Occupation
	Livelihood []string
	Summary    []byte // sealed
}

// Close ends the enrolment with its documentation. It is completed when the
// person has run all blocks, or ended at a check-in as planned or for work or
// studies, and the conversation was held; else it is interrupted, which may
// happen at any time after the start.
func (e *Enrolment) Close(d Documentation, who Who, now time.Time) error {
	c := e.Progress()
	if !c.State.allows(Closed) || c.State == StatePlanned {
		return ErrState
	}
	if err := happened(d.On, c.current().First, civil.DateOf(now), "/closedOn"); err != nil {
		return err
	}
	if err := d.fits(c); err != nil {
		return err
	}
	s := e.step(Closed, who, now)
	s.On, s.Outcome, s.EndReason = d.On, d.outcome(c), d.EndReason
	s.Occupation, s.Livelihood, s.Text = &d.Occupation, d.Livelihood, d.Summary
	return nil
}

func (d Documentation) fits(c Progress) error {
	works := d.Occupation.Kind == "works" || d.Occupation.Kind == "studies"
	switch {
	case len(d.Livelihood) > 1 && slices.Contains(d.Livelihood, "none"):
		return ErrLivelihood.AtField("/livelihoodAfter")
	case d.Occupation.Extent > 0 && !works:
		return ErrExtent.AtField("/occupationAfter/extent")
	case d.EndReason == AccordingToPlan && c.State != StateClosing:
		return ErrNotByPlan
	case d.EndReason == AccordingToPlan && c.Conversation == nil:
		return ErrNoConversation
	}
	return nil
}

func (d Documentation) outcome(c Progress) Outcome {
	reached := c.ranAll || d.EndReason == AccordingToPlan || d.EndReason == Work || d.EndReason == Studies
	if c.State == StateClosing && c.Conversation != nil && reached && d.EndReason != MisRegistered {
		return Completed
	}
	return Interrupted
}

// Cancel ends an enrolment that never began.
func (e *Enrolment) Cancel(text []byte, who Who, now time.Time) error {
	if !e.Progress().State.allows(Closed, string(Cancelled)) {
		return ErrState
	}
	s := e.step(Closed, who, now)
	s.On, s.Outcome, s.Text = civil.DateOf(now), Cancelled, text
	return nil
}
