package participant

import "github.com/finsam/finsam/pkg/fault"

// State is where an enrolment stands.
type State string

// The states.
const (
	StatePlanned    State = "planned"      // accepted, not begun
	StateActive     State = "active"       // a block runs
	StateCheckInDue State = "check_in_due" // the block is over; answer and decision are awaited
	StateDecided    State = "decided"      // the next block may start
	StatePaused     State = "paused"       // the clock stands still
	StateClosing    State = "closing"      // closing conversation and documentation remain
	StateClosed     State = "closed"
)

// StepKind names what happened.
type StepKind string

// The kinds of step.
const (
	Planned          StepKind = "planned"
	Started          StepKind = "started" // and with it block 1
	BlockStarted     StepKind = "block_started"
	CheckInDue       StepKind = "check_in_due" // by the clock
	Answered         StepKind = "answered"
	NotAnswered      StepKind = "not_answered"
	Decided          StepKind = "decided"
	Resumed          StepKind = "resumed"
	Closing          StepKind = "closing" // by the clock, after the last block
	ConversationHeld StepKind = "conversation_held"
	Closed           StepKind = "closed"
)

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

// EndReason is why (docs of the field: avslutsanledning).
type EndReason string

// The end reasons that the rules know; the contract lists all.
const (
	AccordingToPlan EndReason = "according_to_plan"
	Work            EndReason = "work"
	Studies         EndReason = "studies"
	MisRegistered   EndReason = "mis_registered"
)

// ErrState answers a step that the state does not allow.
var ErrState = fault.New(fault.Conflict, "wrong-state",
	"Det går inte att göra detta i inskrivningens nuvarande läge.", "This cannot be done in the enrolment's present state.")

// move is a step as the table sees it: its kind, and for a decision or a closing
// which one.
type move struct {
	kind  StepKind
	which string
}

// transitions is the one table of what may follow on what. What is not in it
// cannot happen.
var transitions = map[State]map[move]State{
	"": {
		{kind: Planned}: StatePlanned,
	},
	StatePlanned: {
		{kind: Started}:                          StateActive,
		{kind: Closed, which: string(Cancelled)}: StateClosed,
	},
	StateActive: {
		{kind: CheckInDue}:                         StateCheckInDue,
		{kind: BlockStarted}:                       StateActive, // after a block without check-in
		{kind: Closing}:                            StateClosing,
		{kind: Closed, which: string(Interrupted)}: StateClosed,
	},
	StateCheckInDue: {
		{kind: Answered}:                           StateCheckInDue,
		{kind: NotAnswered}:                        StateCheckInDue,
		{kind: Decided, which: string(Continue)}:   StateDecided,
		{kind: Decided, which: string(Prolong)}:    StateActive,
		{kind: Decided, which: string(Pause)}:      StatePaused,
		{kind: Decided, which: string(End)}:        StateClosing,
		{kind: Closed, which: string(Interrupted)}: StateClosed,
	},
	StateDecided: {
		{kind: BlockStarted}:                       StateActive,
		{kind: Closed, which: string(Interrupted)}: StateClosed,
	},
	StatePaused: {
		{kind: Resumed}: StateDecided,
		{kind: Closed, which: string(Interrupted)}: StateClosed,
	},
	StateClosing: {
		{kind: ConversationHeld}:                   StateClosing,
		{kind: Closed, which: string(Completed)}:   StateClosed,
		{kind: Closed, which: string(Interrupted)}: StateClosed,
	},
}

// moveOf returns the step's move.
func moveOf(s EnrolmentStep) move {
	switch s.Kind {
	case Decided:
		return move{s.Kind, string(s.Decision)}
	case Closed:
		return move{s.Kind, string(s.Outcome)}
	}
	return move{kind: s.Kind}
}

// allows reports whether the table has the move, with any decision or outcome when
// which is empty.
func (s State) allows(kind StepKind, which ...string) bool {
	for m := range transitions[s] {
		if m.kind == kind && (len(which) == 0 || m.which == which[0]) {
			return true
		}
	}
	return false
}
