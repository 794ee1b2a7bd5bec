package referral

import "slices"

// State is where a referral stands. It is derived from the steps, never stored.
type State string

// The states.
const (
	none                State = "" // before the first step
	StateSubmitted      State = "submitted"
	StateSupplement     State = "supplement_requested"
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
	StateSubmitted, StateSupplement, StateWaitlisted, StateAccepted, StateRejected,
	StateEnrolled, StateClosed, StateWithdrawn, StateEnteredInError,
}

// Kind is what happened in a step.
type Kind string

// The kinds of step. Those from Enrolled on are told by the participant service.
const (
	Submitted           Kind = "submitted"
	SupplementRequested Kind = "supplement_requested"
	Supplemented        Kind = "supplemented"
	Waitlisted          Kind = "waitlisted"
	Accepted            Kind = "accepted"
	Rejected            Kind = "rejected"
	Withdrawn           Kind = "withdrawn"
	MarkedInError       Kind = "marked_in_error"
	Enrolled            Kind = "enrolled"
	Course              Kind = "course"
	Closed              Kind = "closed"
	ConsentWithdrawn    Kind = "consent_withdrawn"
	Protected           Kind = "protected"
	Unprotected         Kind = "unprotected"
)

// Kinds lists the kinds of step.
var Kinds = []Kind{
	Submitted, SupplementRequested, Supplemented, Waitlisted, Accepted, Rejected, Withdrawn, MarkedInError,
	Enrolled, Course, Closed, ConsentWithdrawn, Protected, Unprotected,
}

// transitions says what may happen when, and where it leads: the only place that
// does. What is told of the person (consent, protection) may come in any state
// and changes none; see next.
var transitions = map[State]map[Kind]State{
	none: {Submitted: StateSubmitted},
	StateSubmitted: {
		SupplementRequested: StateSupplement,
		Waitlisted:          StateWaitlisted,
		Accepted:            StateAccepted,
		Rejected:            StateRejected,
		Withdrawn:           StateWithdrawn,
		MarkedInError:       StateEnteredInError,
	},
	StateSupplement: {
		Supplemented:  StateSubmitted,
		Rejected:      StateRejected, // a referrer that never answers must not hold the case for ever
		Withdrawn:     StateWithdrawn,
		MarkedInError: StateEnteredInError,
	},
	StateWaitlisted: {
		Waitlisted:    StateWaitlisted, // with another priority
		Accepted:      StateAccepted,
		Rejected:      StateRejected,
		Withdrawn:     StateWithdrawn,
		MarkedInError: StateEnteredInError,
	},
	StateAccepted: {
		Enrolled:  StateEnrolled,
		Withdrawn: StateWithdrawn,
	},
	StateEnrolled: {
		Course: StateEnrolled,
		Closed: StateClosed,
	},
	StateRejected:       {},
	StateClosed:         {},
	StateWithdrawn:      {},
	StateEnteredInError: {},
}

// ofPerson are the kinds that tell of the person and not of the referral.
var ofPerson = []Kind{ConsentWithdrawn, Protected, Unprotected}

// next gives where a step of this kind leads from a state.
func next(from State, k Kind) (State, bool) {
	if from != none && slices.Contains(ofPerson, k) {
		return from, true
	}
	to, ok := transitions[from][k]
	return to, ok
}

// State follows the steps through the table.
func (r *Referral) State() State {
	s := none
	for _, step := range r.Steps {
		s, _ = next(s, step.Kind)
	}
	return s
}

// May tells whether a step of this kind may happen now.
func (r *Referral) May(k Kind) bool {
	_, ok := next(r.State(), k)
	return ok
}

// acts tells which operation of the contract takes a step of which kind.
var acts = []struct {
	operation string
	kind      Kind
}{
	{"acceptReferral", Accepted},
	{"rejectReferral", Rejected},
	{"waitlistReferral", Waitlisted},
	{"requestSupplement", SupplementRequested},
	{"sendSupplement", Supplemented},
	{"withdrawReferral", Withdrawn},
	{"markReferralInError", MarkedInError},
}
