package referral

// State is where a referral stands. It is derived from the steps, never stored.
type State string

// The states.
const (
	none                State = "" // before the first step
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

// States lists the states in the order in which a referral meets them.
var States = []State{
	StateSubmitted, StateSupplement, StateTransfer, StateWaitlisted, StateAccepted, StateRejected,
	StateEnrolled, StateClosed, StateWithdrawn, StateEnteredInError,
}

// StepKind is what happened in a step.
type StepKind string

// The kinds of step.
const (
	Submitted           StepKind = "submitted"
	SupplementRequested StepKind = "supplement_requested"
	Supplemented        StepKind = "supplemented"
	Amended             StepKind = "amended" // corrected by the sender; the step keeps old and new
	AttachmentAdded     StepKind = "attachment_added"
	AttachmentRemoved   StepKind = "attachment_removed"
	Assigned            StepKind = "assigned" // to a receiver, or to nobody any more
	TransferRequested   StepKind = "transfer_requested"
	TransferAccepted    StepKind = "transfer_accepted"
	TransferDeclined    StepKind = "transfer_declined"
	TransferCancelled   StepKind = "transfer_cancelled"
	Waitlisted          StepKind = "waitlisted"
	MovedUp             StepKind = "moved_up" // a place is kept for the one who waits
	Accepted            StepKind = "accepted"
	Rejected            StepKind = "rejected"
	Withdrawn           StepKind = "withdrawn"
	MarkedInError       StepKind = "marked_in_error"
	Enrolled            StepKind = "enrolled"
	ProgressReported    StepKind = "progress_reported"
	Closed              StepKind = "closed"
	Overdue             StepKind = "overdue" // a party's turn has lasted longer than the terms say
	ConsentWithdrawn    StepKind = "consent_withdrawn"
	Protected           StepKind = "protected"
	Unprotected         StepKind = "unprotected"
)

// StepKinds lists the kinds of step.
var StepKinds = []StepKind{
	Submitted, SupplementRequested, Supplemented, Amended, AttachmentAdded, AttachmentRemoved, Assigned,
	TransferRequested, TransferAccepted, TransferDeclined, TransferCancelled, Waitlisted, MovedUp,
	Accepted, Rejected, Withdrawn, MarkedInError, Enrolled, ProgressReported, Closed, Overdue,
	ConsentWithdrawn, Protected, Unprotected,
}

// Party is whose act a step is, and whose turn a state means.
type Party string

// The parties.
const (
	PartyReceiver Party = "receiver" // the municipality that has the referral
	PartyAsked    Party = "asked"    // the municipality that is asked to take it over
	PartySender   Party = "sender"   // the unit or the authority that sent it; the person who applied; who stands in for either
	PartyCoach    Party = "coach"    // the coach who was named at the acceptance
	PartyPerson   Party = "person"   // the one whom it is about
	PartyService  Party = "service"  // the clock, the queue, and what another service told
)
