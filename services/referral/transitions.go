package referral

import "slices"

// transition is one row of the table: this kind of step, taken by these parties,
// may happen in these states and leads to that one.
type transition struct {
	Operation string // of the contract, that takes it; empty: none does
	Kind      StepKind
	By        []Party
	From      []State
	To        State // same: the state stays
}

// same stands for the state that the referral was in already.
const same State = "="

// undecided are the states in which nothing has been decided yet.
var undecided = []State{StateSubmitted, StateSupplement, StateTransfer, StateWaitlisted}

// table says what may happen when, by whom, and where it leads: the only place
// that does. The drawing in the README, the links of an answer and the rights to
// the operations follow from it.
var table = []transition{
	{"createReferral", Submitted, by(PartySender, PartyReceiver, PartyPerson), from(none), StateSubmitted},
	{"requestSupplement", SupplementRequested, by(PartyReceiver), from(StateSubmitted), StateSupplement},
	{"sendSupplement", Supplemented, by(PartySender), from(StateSupplement), StateSubmitted},
	{"amendReferral", Amended, by(PartySender), undecided, same},
	{"addAttachment", AttachmentAdded, by(PartySender, PartyReceiver), undecided, same},
	{"removeAttachment", AttachmentRemoved, by(PartySender, PartyReceiver), undecided, same},
	{"assignReferral", Assigned, by(PartyReceiver), from(StateSubmitted, StateSupplement, StateWaitlisted, StateAccepted), same},
	{"requestTransfer", TransferRequested, by(PartyReceiver), from(StateSubmitted, StateWaitlisted), StateTransfer},
	{"acceptTransfer", TransferAccepted, by(PartyAsked), from(StateTransfer), StateSubmitted},
	{"declineTransfer", TransferDeclined, by(PartyAsked), from(StateTransfer), StateSubmitted},
	{"cancelTransfer", TransferCancelled, by(PartyReceiver), from(StateTransfer), StateSubmitted},
	{"waitlistReferral", Waitlisted, by(PartyReceiver), from(StateSubmitted, StateWaitlisted), StateWaitlisted}, // once more: with another priority
	{"", MovedUp, by(PartyService), from(StateWaitlisted), same},
	{"acceptReferral", Accepted, by(PartyReceiver), from(StateSubmitted, StateWaitlisted), StateAccepted},
	// A referrer that never answers must not hold the case for ever.
	{"rejectReferral", Rejected, by(PartyReceiver), from(StateSubmitted, StateSupplement, StateWaitlisted), StateRejected},
	{"withdrawReferral", Withdrawn, by(PartySender, PartyPerson), append(slices.Clone(undecided), StateAccepted), StateWithdrawn},
	{"markReferralInError", MarkedInError, by(PartySender), undecided, StateEnteredInError},
	{"", Enrolled, by(PartyService), from(StateAccepted), StateEnrolled},
	{"", ProgressReported, by(PartyService), from(StateEnrolled), same},
	{"", Closed, by(PartyService), from(StateEnrolled), StateClosed},
	{"", Overdue, by(PartyService), append(slices.Clone(undecided), StateAccepted, StateEnrolled), same},
	// Told of the person, whatever became of the referral.
	{"", ConsentWithdrawn, by(PartyService), States, same},
	{"", Protected, by(PartyService), States, same},
	{"", Unprotected, by(PartyService), States, same},
}

func by(parties ...Party) []Party  { return parties }
func from(states ...State) []State { return states }

// rowOf returns the row of a kind of step; each kind has one.
func rowOf(k StepKind) transition {
	i := slices.IndexFunc(table, func(t transition) bool { return t.Kind == k })
	if i < 0 {
		return transition{}
	}
	return table[i]
}

// next returns where a step of this kind leads from a state.
func next(s State, k StepKind) (State, bool) {
	row := rowOf(k)
	switch {
	case !slices.Contains(row.From, s):
		return "", false
	case row.To == same:
		return s, true
	}
	return row.To, true
}

// State follows the steps through the table.
func (r *Referral) State() State {
	s := none
	for _, step := range r.Steps {
		s, _ = next(s, step.Kind)
	}
	return s
}

// May reports whether a step of this kind may happen now.
func (r *Referral) May(k StepKind) bool {
	_, ok := next(r.State(), k)
	return ok
}
