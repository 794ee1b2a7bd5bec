package referral

import (
	"cmp"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/consent"
	"github.com/finsam/finsam/pkg/history"
)

// Wait is what is waited for in a turn.
type Wait string

// The waits.
const (
	WaitDecision        Wait = "decision"
	WaitSupplement      Wait = "supplement"
	WaitTransfer        Wait = "transfer"
	WaitPlace           Wait = "place" // a place is offered to a person on the waiting list
	WaitStart           Wait = "start"
	WaitCheckInAnswer   Wait = "check_in_answer"
	WaitCheckInDecision Wait = "check_in_decision"
	WaitNextBlock       Wait = "next_block"
	WaitClosing         Wait = "closing"

	noWait Wait = "" // nobody's turn: in the queue, during a block or a pause, at the end
)

// WaitRule is one row of the table of waits.
type WaitRule struct {
	Party      Party // whose turn it is
	IsProgress bool  // part of the person's progress, which the sender sees only while consent holds
	Days       func(association.Terms) int
	EndedBy    []string // operations of this service, and on the enrolment those of the participant service
}

// Waits says what can be waited for, in the order in which a referral meets it.
var Waits = map[Wait]WaitRule{
	WaitDecision: {PartyReceiver, false, func(t association.Terms) int { return t.Decision },
		[]string{"acceptReferral", "joinReferral", "rejectReferral", "waitlistReferral", "requestSupplement", "requestTransfer"}},
	WaitSupplement: {PartySender, false, func(t association.Terms) int { return t.Supplement },
		[]string{"sendSupplement"}},
	WaitTransfer: {PartyAsked, false, func(t association.Terms) int { return t.Transfer },
		[]string{"acceptTransfer", "declineTransfer", "cancelTransfer"}}, // cancelTransfer: by the first municipality, also when the one asked may not answer any more
	WaitPlace: {PartyReceiver, false, func(t association.Terms) int { return t.Place },
		[]string{"acceptReferral", "joinReferral", "rejectReferral", "waitlistReferral"}},
	WaitStart: {PartyCoach, true, func(t association.Terms) int { return t.Start },
		[]string{"startEnrolment"}},
	WaitCheckInAnswer: {PartySender, true, func(t association.Terms) int { return t.CheckInAnswer },
		[]string{"answerCheckIn"}},
	WaitCheckInDecision: {PartyCoach, true, func(t association.Terms) int { return t.CheckInDecision },
		[]string{"decideCheckIn"}},
	WaitNextBlock: {PartyCoach, true, func(t association.Terms) int { return t.NextBlock },
		[]string{"startBlock"}},
	WaitClosing: {PartyCoach, true, func(t association.Terms) int { return t.Closing },
		[]string{"holdClosingConversation", "closeEnrolment"}},
}

// Turn says whose turn it is. It follows from the steps and from the terms that were in
// force when the referral was received: a term that changes later applies to later
// referrals.
type Turn struct {
	Wait         Wait      `json:"wait"`
	Party        Party     `json:"party"`
	Municipality string    `json:"municipality,omitempty"` // whose receiver or coach it is; empty: the sender's turn
	Number       int       `json:"number,omitempty"`       // of the check-in that it is about, or of the block before
	Since        time.Time `json:"since"`
	Due          time.Time `json:"due"`   // the last second of the last day in Sweden
	Began        int64     `json:"began"` // number of the step that began it
}

// waitIn is what is waited for when a referral has come into a state.
var waitIn = map[State]Wait{
	StateSubmitted:  WaitDecision,
	StateSupplement: WaitSupplement,
	StateTransfer:   WaitTransfer,
	StateAccepted:   WaitStart,
	StateEnrolled:   WaitStart, // planned, and not started
}

// The steps of an enrolment that are known here by name: a check-in is due, and, for a
// referral that joins, where the enrolment is then.
const (
	checkInDue     = "check_in_due"
	ProgressJoined = "joined"
)

// waitAfter is what is waited for after a step of the enrolment. A prolonged block runs
// on, and a pause stops the clock.
var waitAfter = map[string]Wait{
	"planned": WaitStart, "started": noWait, "block_started": noWait,
	checkInDue: WaitCheckInAnswer, "answered": WaitCheckInDecision, "not_answered": WaitCheckInDecision,
	"decided/continue": WaitNextBlock, "decided/prolong": noWait, "decided/pause": noWait, "decided/end": WaitClosing,
	"resumed": WaitNextBlock, "closing": WaitClosing, "conversation_held": WaitClosing,
}

// applyTurn folds a step into the turn. before is the state before the step; the rest
// of the status includes the step already.
func (s *Status) applyTurn(step *Step, before State) {
	w := s.nextWait(step, before)
	restarts := before != s.State || step.Kind == ProgressReported && step.Progress.Kind == checkInDue
	if w == s.turn.Wait && (!restarts || w == WaitStart) { // accepted, then enrolled: one wait
		return
	}
	s.turn, s.OverdueReported = Turn{Wait: w, Since: step.At, Began: step.N}, false
	if step.Progress != nil {
		s.turn.Number = step.Progress.Block
	}
}

// nextWait returns what is waited for after a step; a step that changes nothing leaves
// the wait as it is.
func (s *Status) nextWait(step *Step, before State) Wait {
	switch {
	case s.IsJoined():
		return s.joinedWait(step, before)
	case step.Kind == Enrolled && step.Progress.Kind == ProgressJoined: // in an enrolment that went on without its own referral
		return noWait
	case step.Kind == MovedUp:
		return WaitPlace
	case step.Kind == ProgressReported && step.Progress != nil:
		name := step.Progress.Kind
		if name == "decided" {
			name += "/" + step.Progress.Code
		}
		next, known := waitAfter[name]
		switch {
		case !known:
			return s.turn.Wait
		case next != WaitCheckInAnswer:
			return next
		}
		// The referrer can answer while consent covers the progress. A person who applied has
		// none: the coach notes that no answer came.
		if r := s.referral; r.isApplication() || r.IsHandedIn() || !s.Scope().Shares(consent.Progress) {
			return WaitCheckInDecision
		}
		return next
	case step.Kind == ConsentWithdrawn && s.turn.Wait == WaitCheckInAnswer:
		return WaitCheckInDecision
	case before != s.State:
		return waitIn[s.State]
	}
	return s.turn.Wait
}

// joinedWait is nextWait for a referral that has joined an enrolment: the coach's turns are
// those of the referral that led to it, and the sender is asked at the check-ins if the
// municipality wants that.
func (s *Status) joinedWait(step *Step, before State) Wait {
	switch {
	case step.Progress != nil:
		p := step.Progress
		isDue := p.Kind == checkInDue || p.Kind == ProgressJoined && p.Code == checkInDue
		if isDue && s.Accepted.Acceptance.AnswersCheckIns && s.Scope().Shares(consent.Progress) {
			return WaitCheckInAnswer
		}
		return noWait
	case before != s.State, step.Kind == ConsentWithdrawn:
		return noWait
	}
	return s.turn.Wait
}

// Turn returns whose turn it is; false when it is nobody's.
func (s *Status) Turn() (Turn, bool) {
	t := s.turn
	if t.Wait == noWait {
		return Turn{}, false
	}
	row := Waits[t.Wait]
	if t.Party = row.Party; t.Party != PartySender {
		t.Municipality = s.Municipality
	}
	if t.Party == PartyAsked {
		if asked := s.TransferTarget(); asked != "" {
			t.Municipality = asked
		} else { // the consent ended: only the first municipality can cancel
			t.Party = PartyReceiver
		}
	}
	days := cmp.Or(row.Days(s.referral.terms()), row.Days(association.DefaultTerms))
	end := civil.EndAfter(t.Since, days)
	if t.Wait == WaitStart && s.Accepted != nil { // counted from the day that was agreed
		if start := civil.Date(s.Accepted.Acceptance.StartDate); start.Valid() && start > civil.DateOf(t.Since) {
			end = start.AddDays(days).End()
		}
	}
	t.Due = end.Add(-time.Second)
	return t, true
}

// MarkOverdue takes the step of a turn that has become overdue, and reports whether it
// did. Each turn has at most one.
func (r *Referral) MarkOverdue(now time.Time) bool {
	s := r.Status()
	t, ok := s.Turn()
	if !ok || !now.After(t.Due) || s.OverdueReported {
		return false
	}
	return r.Take(history.System("referral"), now, Step{Kind: Overdue, Code: string(t.Party), Turn: &t}) == nil
}
