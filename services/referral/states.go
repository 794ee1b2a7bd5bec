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

// Kind is what happened in a step.
type Kind string

// The kinds of step.
const (
	Submitted           Kind = "submitted"
	SupplementRequested Kind = "supplement_requested"
	Supplemented        Kind = "supplemented"
	Amended             Kind = "amended" // corrected by the sender; the step keeps old and new
	AttachmentAdded     Kind = "attachment_added"
	AttachmentRemoved   Kind = "attachment_removed"
	Assigned            Kind = "assigned" // to a receiver, or to nobody any more
	TransferRequested   Kind = "transfer_requested"
	TransferAccepted    Kind = "transfer_accepted"
	TransferDeclined    Kind = "transfer_declined"
	TransferCancelled   Kind = "transfer_cancelled"
	Waitlisted          Kind = "waitlisted"
	MovedUp             Kind = "moved_up" // a place is kept for the one who waits
	Accepted            Kind = "accepted"
	Rejected            Kind = "rejected"
	Withdrawn           Kind = "withdrawn"
	MarkedInError       Kind = "marked_in_error"
	Enrolled            Kind = "enrolled"
	Course              Kind = "course"
	Closed              Kind = "closed"
	Overdue             Kind = "overdue" // a party's turn has lasted longer than the terms say
	ConsentWithdrawn    Kind = "consent_withdrawn"
	Protected           Kind = "protected"
	Unprotected         Kind = "unprotected"
)

// Kinds lists the kinds of step.
var Kinds = []Kind{
	Submitted, SupplementRequested, Supplemented, Amended, AttachmentAdded, AttachmentRemoved, Assigned,
	TransferRequested, TransferAccepted, TransferDeclined, TransferCancelled, Waitlisted, MovedUp,
	Accepted, Rejected, Withdrawn, MarkedInError, Enrolled, Course, Closed, Overdue,
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
