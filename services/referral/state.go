package referral

import (
	"fmt"
	"slices"

	"github.com/finsam/finsam/pkg/codelist"
	"github.com/finsam/finsam/pkg/history"
)

// State is derived from the steps, never stored.
type State string

// The states.
const (
	noState             State = "" // before the first step
	StateSubmitted      State = "submitted"
	StateSupplement     State = "supplement_requested"
	StateTransfer       State = "transfer_requested"
	StateWaitlisted     State = "waitlisted"
	StateAccepted       State = "accepted"
	StateRejected       State = "rejected"
	StateEnrolled       State = "enrolled"
	StateClosed         State = "closed"
	StateWithdrawn      State = "withdrawn"
	StateEnteredInError State = "entered_in_error"
)

// States lists the states in the order of the drawing.
var States = []State{
	StateSubmitted, StateSupplement, StateTransfer, StateWaitlisted, StateAccepted, StateRejected,
	StateEnrolled, StateClosed, StateWithdrawn, StateEnteredInError,
}

// EventPrefix begins the types of the events about referrals; the kind of step follows.
const EventPrefix = "se.finsam.referral."

// StepKind names what happened in a step.
type StepKind string

// The kinds of step.
const (
	Submitted           StepKind = "submitted"
	SupplementRequested StepKind = "supplement_requested"
	Supplemented        StepKind = "supplemented"
	Amended             StepKind = "amended" // corrected by the sender; the step keeps old and new
	AttachmentAdded     StepKind = "attachment_added"
	AttachmentRemoved   StepKind = "attachment_removed"
	Assigned            StepKind = "assigned" // to a receiver, or to nobody
	TransferRequested   StepKind = "transfer_requested"
	TransferAccepted    StepKind = "transfer_accepted"
	TransferDeclined    StepKind = "transfer_declined"
	TransferCancelled   StepKind = "transfer_cancelled"
	Waitlisted          StepKind = "waitlisted"
	MovedUp             StepKind = "moved_up" // a place is offered to a person on the waiting list
	Accepted            StepKind = "accepted"
	Rejected            StepKind = "rejected"
	Withdrawn           StepKind = "withdrawn"
	MarkedInError       StepKind = "marked_in_error"
	Enrolled            StepKind = "enrolled"
	ProgressReported    StepKind = "progress_reported"
	Closed              StepKind = "closed"
	Overdue             StepKind = "overdue" // a turn has lasted longer than the terms allow
	ConsentWithdrawn    StepKind = "consent_withdrawn"
	Protected           StepKind = "protected"
	Unprotected         StepKind = "unprotected"
	Corrected           StepKind = "corrected" // another step was taken by mistake
)

// Party is who takes a step, and whose turn it is.
type Party string

// The parties.
const (
	PartyReceiver Party = "receiver" // the municipality that has the referral
	PartyAsked    Party = "asked"    // the municipality that is asked to take it over
	PartySender   Party = "sender"   // the unit or authority that sent it; the person who applied; the municipality that handed it in
	PartyCoach    Party = "coach"    // the coach who was named at the acceptance
	PartyPerson   Party = "person"   // the one whom it is about
	PartyManager  Party = "manager"  // head of the municipality's unit
	PartyService  Party = "service"  // the clock, the waiting list, and events of other services
)

// undecided are the states in which nothing has been decided yet.
var undecided = []State{StateSubmitted, StateSupplement, StateTransfer, StateWaitlisted}

// transitions says what may happen when, by whom, and where it leads. The one exception,
// in Status.actsIn: an accepted referral counts as enrolled for a sender who cannot see
// the progress, so that a refusal to withdraw does not reveal it. The drawing in the
// README, the links of an answer and the rights to the operations follow from the table.
var transitions = history.Table[State, StepKind, Party]{
	{Operation: "createReferral", Kind: Submitted, By: []Party{PartySender, PartyReceiver, PartyPerson}, From: []State{noState}, To: StateSubmitted},
	{Operation: "requestSupplement", Kind: SupplementRequested, By: []Party{PartyReceiver}, From: []State{StateSubmitted}, To: StateSupplement},
	{Operation: "sendSupplement", Kind: Supplemented, By: []Party{PartySender}, From: []State{StateSupplement}, To: StateSubmitted},
	{Operation: "amendReferral", Kind: Amended, By: []Party{PartySender}, From: undecided, To: history.Same},
	{Operation: "addAttachment", Kind: AttachmentAdded, By: []Party{PartySender, PartyReceiver}, From: undecided, To: history.Same},
	{Operation: "removeAttachment", Kind: AttachmentRemoved, By: []Party{PartySender, PartyReceiver}, From: undecided, To: history.Same},
	{Operation: "assignReferral", Kind: Assigned, By: []Party{PartyReceiver}, From: []State{StateSubmitted, StateSupplement, StateWaitlisted, StateAccepted}, To: history.Same},
	{Operation: "requestTransfer", Kind: TransferRequested, By: []Party{PartyReceiver}, From: []State{StateSubmitted, StateWaitlisted}, To: StateTransfer},
	{Operation: "acceptTransfer", Kind: TransferAccepted, By: []Party{PartyAsked}, From: []State{StateTransfer}, To: StateSubmitted},
	{Operation: "declineTransfer", Kind: TransferDeclined, By: []Party{PartyAsked}, From: []State{StateTransfer}, To: StateSubmitted},
	{Operation: "cancelTransfer", Kind: TransferCancelled, By: []Party{PartyReceiver}, From: []State{StateTransfer}, To: StateSubmitted},
	{Operation: "waitlistReferral", Kind: Waitlisted, By: []Party{PartyReceiver}, From: []State{StateSubmitted, StateWaitlisted}, To: StateWaitlisted}, // once more: with another priority
	{Kind: MovedUp, By: []Party{PartyService}, From: []State{StateWaitlisted}, To: history.Same},
	{Operation: "acceptReferral", Kind: Accepted, By: []Party{PartyReceiver}, From: []State{StateSubmitted, StateWaitlisted}, To: StateAccepted},
	{Operation: "joinReferral", Kind: Accepted, Detail: ofJoined, By: []Party{PartyReceiver, PartyCoach}, From: []State{StateSubmitted, StateWaitlisted}, To: StateAccepted},
	// A referrer that never answers must not hold the case for ever.
	{Operation: "rejectReferral", Kind: Rejected, By: []Party{PartyReceiver}, From: []State{StateSubmitted, StateSupplement, StateWaitlisted}, To: StateRejected},
	{Operation: "withdrawReferral", Kind: Withdrawn, By: []Party{PartySender, PartyPerson}, From: append(slices.Clone(undecided), StateAccepted), To: StateWithdrawn},
	{Operation: "withdrawReferral", Kind: Withdrawn, Detail: ofJoined, By: []Party{PartySender, PartyPerson}, From: []State{StateEnrolled}, To: StateWithdrawn}, // its sender follows no more
	{Operation: "markReferralInError", Kind: MarkedInError, By: []Party{PartySender}, From: undecided, To: StateEnteredInError},
	{Kind: Enrolled, By: []Party{PartyService}, From: []State{StateAccepted}, To: StateEnrolled},
	{Kind: ProgressReported, By: []Party{PartyService}, From: []State{StateEnrolled}, To: history.Same},
	{Kind: Closed, By: []Party{PartyService}, From: []State{StateEnrolled}, To: StateClosed},
	{Kind: Overdue, By: []Party{PartyService}, From: append(slices.Clone(undecided), StateAccepted, StateEnrolled), To: history.Same},
	// Events about the person apply in every state.
	{Kind: ConsentWithdrawn, By: []Party{PartyService}, From: States, To: history.Same},
	{Kind: Protected, By: []Party{PartyService}, From: States, To: history.Same},
	{Kind: Unprotected, By: []Party{PartyService}, From: States, To: history.Same},
	// The state that the corrected story leads to is folded, like any other.
	{Operation: "correctReferral", Kind: Corrected, By: []Party{PartyReceiver, PartyCoach, PartyManager}, From: States, To: history.Same},
}

// ofJoined marks the rows of what may happen to a referral that has joined an enrolment.
const ofJoined = "joined"

// acts are the rows of the operations that a state allows; joinedActs are those of a
// referral that has joined an enrolment.
var acts, joinedActs = func() (all, joined map[State]history.Table[State, StepKind, Party]) {
	all, joined = map[State]history.Table[State, StepKind, Party]{}, map[State]history.Table[State, StepKind, Party]{}
	for _, state := range States {
		joined[state] = transitions.In(state)
		all[state] = slices.DeleteFunc(transitions.In(state), func(row history.Transition[State, StepKind, Party]) bool {
			return row.Detail == ofJoined && row.Kind == Withdrawn
		})
	}
	return all, joined
}()

// StateTexts describe the states in sentences.
var StateTexts = codelist.Phrases[State]("ReferralState")

// isDecision reports whether a step is of the kinds that are corrected.
func (s *Step) isDecision() bool {
	return slices.Contains([]StepKind{Accepted, Rejected, Waitlisted}, s.Kind)
}

// stateFault returns ErrWrongState with the state in its text.
func stateFault(s State) error {
	w := StateTexts[s]
	return ErrWrongState.WithText(
		fmt.Sprintf("Det går inte att göra nu: remissen är %s.", w.SV), fmt.Sprintf("This cannot be done now: the referral is %s.", w.EN))
}
