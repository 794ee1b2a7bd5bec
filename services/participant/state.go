package participant

import (
	"slices"

	"github.com/finsam/finsam/pkg/history"
)

// Party is who takes a step, as the tables of transitions name them.
type Party string

// The parties.
const (
	PartySender   Party = "sender"  // the authority, or person, that sent the referral
	PartyIntake   Party = "intake"  // the municipality's receiver
	PartyCoach    Party = "coach"   // the municipality's coach
	PartyPerson   Party = "person"  // the participant
	PartyManager  Party = "manager" // head of the municipality's unit
	PartyReviewer Party = "reviewer"
	PartyService  Party = "service" // on another service's event, or because time has passed
)

// PersonState says whether a person's identity is protected.
type PersonState string

// The states of a person.
const (
	PersonOpen      PersonState = "open"
	PersonProtected PersonState = "protected"
)

var personStates = []PersonState{PersonOpen, PersonProtected}

// personTable says what may happen to a person when.
var personTable = history.Table[PersonState, PersonStepKind, Party]{
	{Kind: Registered, By: []Party{PartySender}, From: []PersonState{""}, To: PersonOpen},
	{Kind: ConsentGiven, By: []Party{PartySender}, From: personStates, To: history.Same},
	{Kind: ConsentExtended, By: []Party{PartyService}, From: personStates, To: history.Same},
	{Operation: "withdrawConsent", Kind: ConsentWithdrawn, By: []Party{PartyPerson, PartyCoach, PartyIntake}, From: personStates, To: history.Same},
	{Kind: ContactChanged, By: []Party{PartySender}, From: []PersonState{PersonOpen}, To: history.Same},
	{Operation: "rectifyParticipant", Kind: Rectified, By: []Party{PartyIntake, PartyCoach}, From: personStates, To: history.Same},
	{Kind: TransferAsked, By: []Party{PartyService}, From: personStates, To: history.Same},
	{Kind: TransferEnded, By: []Party{PartyService}, From: personStates, To: history.Same},
	{Kind: HandedOver, By: []Party{PartyService}, From: personStates, To: history.Same},
	{Kind: Released, By: []Party{PartyService}, From: personStates, To: history.Same},
	{Kind: Reopened, By: []Party{PartyService}, From: personStates, To: history.Same},
	{Kind: Mistaken, By: []Party{PartyService}, From: personStates, To: history.Same},
	{Kind: Enrolled, By: []Party{PartyService}, From: personStates, To: history.Same},
	{Kind: JoiningEnded, By: []Party{PartyService}, From: personStates, To: history.Same},
	{Kind: Protected, By: []Party{PartySender}, From: personStates, To: PersonProtected},
	{Operation: "protectParticipant", Kind: Protected, By: []Party{PartyIntake, PartyCoach, PartyManager}, From: personStates, To: PersonProtected},
	{Operation: "unprotectParticipant", Kind: Protected, By: []Party{PartyReviewer}, From: []PersonState{PersonProtected}, To: PersonProtected},
	{Operation: "unprotectParticipant", Kind: Unprotected, By: []Party{PartyReviewer}, From: []PersonState{PersonProtected}, To: PersonOpen},
}

// State is the state of an enrolment.
type State string

// The states of an enrolment.
const (
	StatePlanned    State = "planned"      // accepted, not begun
	StateActive     State = "active"       // a block runs
	StateCheckInDue State = "check_in_due" // the block is over, or its check-in is held; answer and decision are awaited
	StateDecided    State = "decided"      // the next block may start
	StatePaused     State = "paused"       // no weeks are counted
	StateClosing    State = "closing"      // closing conversation and documentation remain
	StateClosed     State = "closed"
)

// StepKind names what happened to an enrolment.
type StepKind string

// The kinds of step.
const (
	Planned          StepKind = "planned"
	Started          StepKind = "started" // and with it block 1
	BlockStarted     StepKind = "block_started"
	CheckInDue       StepKind = "check_in_due" // because time has passed, or it is held before that
	Answered         StepKind = "answered"
	NotAnswered      StepKind = "not_answered"
	Decided          StepKind = "decided"
	Resumed          StepKind = "resumed"
	Closing          StepKind = "closing" // because time has passed, after the last block
	ConversationHeld StepKind = "conversation_held"
	Closed           StepKind = "closed"

	ExceptionRequested StepKind = "exception_requested" // a decision that counts once it is approved
	ExceptionRefused   StepKind = "exception_refused"
	PlanMoved          StepKind = "plan_moved" // to another version of the plan
	Corrected          StepKind = "corrected"  // another step was taken by mistake
)

// states are all of an enrolment.
var states = append(slices.Clone(RunningStates), StateClosed)

// RunningStates are those of an enrolment that has, or will have, a place.
var RunningStates = []State{StatePlanned, StateActive, StateCheckInDue, StateDecided, StatePaused, StateClosing}

// Decision is what was decided at a check-in.
type Decision string

// The decisions.
const (
	Continue Decision = "continue"
	Prolong  Decision = "prolong"
	Pause    Decision = "pause"
	End      Decision = "end"
)

// Outcome is how an enrolment ended.
type Outcome string

// The outcomes.
const (
	Completed   Outcome = "completed"
	Interrupted Outcome = "interrupted"
	Cancelled   Outcome = "cancelled" // never begun
)

// EndReason is why it ended (avslutsanledning).
type EndReason string

// The end reasons that the rules know; the contract lists all.
const (
	AccordingToPlan EndReason = "according_to_plan"
	Work            EndReason = "work"
	Studies         EndReason = "studies"
	MisRegistered   EndReason = "mis_registered"
)

// enrolmentTable says what may happen to an enrolment when. A running block is
// followed by the next only when it has no check-in.
var enrolmentTable = history.Table[State, StepKind, Party]{
	{Kind: Planned, By: []Party{PartyService}, From: []State{""}, To: StatePlanned},
	{Operation: "startEnrolment", Kind: Started, By: []Party{PartyCoach}, From: []State{StatePlanned}, To: StateActive},
	{Operation: "startEnrolment", Kind: ExceptionRequested, By: []Party{PartyCoach}, From: []State{StatePlanned}, To: history.Same},
	{Operation: "cancelEnrolment", Kind: Closed, Detail: string(Cancelled), By: []Party{PartyCoach, PartyIntake, PartyService}, From: []State{StatePlanned}, To: StateClosed},
	{Operation: "startBlock", Kind: BlockStarted, By: []Party{PartyCoach}, From: []State{StateActive, StateDecided}, To: StateActive},
	{Operation: "startBlock", Kind: ExceptionRequested, By: []Party{PartyCoach}, From: []State{StateActive, StateDecided}, To: history.Same},
	{Kind: CheckInDue, By: []Party{PartyService}, From: []State{StateActive}, To: StateCheckInDue},
	{Operation: "answerCheckIn", Kind: Answered, By: []Party{PartySender}, From: []State{StateCheckInDue}, To: history.Same},
	{Operation: "recordNonAnswer", Kind: NotAnswered, By: []Party{PartyCoach}, From: []State{StateCheckInDue}, To: history.Same},
	{Operation: "decideCheckIn", Kind: Decided, Detail: string(Continue), By: []Party{PartyCoach}, From: []State{StateCheckInDue}, To: StateDecided},
	{Operation: "decideCheckIn", Kind: Decided, Detail: string(Prolong), By: []Party{PartyCoach}, From: []State{StateCheckInDue}, To: StateActive},
	{Operation: "decideCheckIn", Kind: Decided, Detail: string(Pause), By: []Party{PartyCoach}, From: []State{StateCheckInDue}, To: StatePaused},
	{Operation: "decideCheckIn", Kind: Decided, Detail: string(End), By: []Party{PartyCoach}, From: []State{StateCheckInDue}, To: StateClosing},
	{Operation: "decideCheckIn", Kind: ExceptionRequested, Detail: string(Prolong), By: []Party{PartyCoach}, From: []State{StateCheckInDue}, To: history.Same},
	{Operation: "approveException", Kind: Decided, Detail: string(Prolong), By: []Party{PartyManager}, From: []State{StateCheckInDue}, To: StateActive},
	{Operation: "approveException", Kind: Started, By: []Party{PartyManager}, From: []State{StatePlanned}, To: StateActive},
	{Operation: "approveException", Kind: BlockStarted, By: []Party{PartyManager}, From: []State{StateActive, StateDecided}, To: StateActive},
	{Operation: "approveException", Kind: ExceptionRefused, By: []Party{PartyManager}, From: []State{StatePlanned, StateActive, StateDecided, StateCheckInDue}, To: history.Same},
	{Operation: "resumeEnrolment", Kind: Resumed, By: []Party{PartyCoach}, From: []State{StatePaused}, To: StateDecided},
	{Kind: Closing, By: []Party{PartyService}, From: []State{StateActive}, To: StateClosing},
	{Operation: "holdClosingConversation", Kind: ConversationHeld, By: []Party{PartyCoach}, From: []State{StateClosing}, To: history.Same},
	{Operation: "closeEnrolment", Kind: Closed, Detail: string(Completed), By: []Party{PartyCoach}, From: []State{StateClosing}, To: StateClosed},
	{Operation: "closeEnrolment", Kind: Closed, Detail: string(Interrupted), By: []Party{PartyCoach},
		From: []State{StateActive, StateCheckInDue, StateDecided, StatePaused, StateClosing}, To: StateClosed},
	{Operation: "moveEnrolmentPlan", Kind: PlanMoved, By: []Party{PartyCoach}, From: []State{StatePlanned, StateActive, StateCheckInDue, StateDecided, StatePaused}, To: history.Same},
	// The state that the corrected story leads to is followed, like any other.
	{Operation: "correctEnrolment", Kind: Corrected, By: []Party{PartyCoach, PartySender, PartyManager, PartyService}, From: states, To: history.Same},
}
