package referral

import (
	"cmp"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// Wait is what is waited for in a turn.
type Wait string

// What is waited for.
const (
	WaitDecision        Wait = "decision"
	WaitSupplement      Wait = "supplement"
	WaitTransfer        Wait = "transfer"
	WaitPlace           Wait = "place" // a place is kept for one who waited
	WaitStart           Wait = "start"
	WaitCheckInAnswer   Wait = "check_in_answer"
	WaitCheckInDecision Wait = "check_in_decision"
	WaitNextBlock       Wait = "next_block"
	WaitClosing         Wait = "closing"
)

// Waits lists what can be waited for, in the order in which a referral meets it.
var Waits = []Wait{
	WaitDecision, WaitSupplement, WaitTransfer, WaitPlace, WaitStart,
	WaitCheckInAnswer, WaitCheckInDecision, WaitNextBlock, WaitClosing,
}

// party is whose turn it is while something is waited for.
func (w Wait) party() Party {
	switch w {
	case WaitDecision, WaitPlace:
		return PartyReceiver
	case WaitTransfer:
		return PartyAsked
	case WaitSupplement, WaitCheckInAnswer:
		return PartySender
	}
	return PartyCoach
}

// isProgress reports whether the wait is a part of the person's course, which the
// sender is shown only while consent holds.
func (w Wait) isProgress() bool {
	switch w {
	case WaitStart, WaitCheckInAnswer, WaitCheckInDecision, WaitNextBlock, WaitClosing:
		return true
	}
	return false
}

// Turn says whose move it is. It follows from the steps and from the terms that
// were in force when the referral came in: a term that is changed later is the
// term of later referrals.
type Turn struct {
	Wait         Wait      `json:"wait"`
	Party        Party     `json:"party"`
	Municipality string    `json:"municipality,omitempty"` // whose receiver or coach it is; empty: the sender's turn
	Number       int       `json:"number,omitempty"`       // of the check-in that it is about, or of the block before
	Since        time.Time `json:"since"`
	Due          time.Time `json:"due"`   // the last second of the last day in Sweden
	Began        int64     `json:"began"` // number of the step that began it
}

// Overdue reports whether the time has passed.
func (t Turn) Overdue(now time.Time) bool { return now.After(t.Due) }

// noWait is the wait in which it is nobody's turn: a queue, a block that runs, a
// pause, an end.
const noWait Wait = ""

// waitIn is what is waited for when a referral has come into a state.
var waitIn = map[State]Wait{
	StateSubmitted:  WaitDecision,
	StateSupplement: WaitSupplement,
	StateTransfer:   WaitTransfer,
	StateAccepted:   WaitStart,
	StateEnrolled:   WaitStart, // planned, and not begun
}

// waitAfter is what is waited for after a step of the course. A prolonged block
// runs on, and a pause stops the clock.
var waitAfter = map[string]Wait{
	"planned": WaitStart, "started": noWait, "block_started": noWait,
	"check_in_due": WaitCheckInAnswer, "answered": WaitCheckInDecision, "not_answered": WaitCheckInDecision,
	"decided/continue": WaitNextBlock, "decided/prolong": noWait, "decided/pause": noWait, "decided/end": WaitClosing,
	"resumed": WaitNextBlock, "closing": WaitClosing, "conversation_held": WaitClosing,
}

// asksSender reports whether there is somebody to answer a check-in: while consent
// covers the course, who referred. One who applies oneself has no referrer.
func (r *Referral) asksSender(then []Step) bool {
	for i := range then {
		if then[i].Kind == ConsentWithdrawn {
			return false
		}
	}
	return !r.applied() && !r.handedIn() && r.Consent.covers(categoryProgress)
}

// waitFor returns what is waited for after a step, where w was before it; a wait
// that stays the same goes on, its clock with it.
func (r *Referral) waitFor(w Wait, s *Step, before, after State) Wait {
	switch {
	case s.Kind == MovedUp:
		return WaitPlace
	case s.Kind == ProgressReported && s.Progress != nil:
		next, known := waitAfter[s.Progress.Kind]
		if s.Progress.Kind == "decided" {
			next, known = waitAfter["decided/"+s.Progress.Code]
		}
		if !known {
			return w
		}
		if next == WaitCheckInAnswer && !r.asksSender(r.Steps[:s.N]) {
			return WaitCheckInDecision // the coach notes that no answer came
		}
		return next
	case s.Kind == ConsentWithdrawn && w == WaitCheckInAnswer:
		return WaitCheckInDecision
	case before != after:
		return waitIn[after]
	}
	return w
}

// Turn returns whose move it is; ok is false when it is nobody's.
func (r *Referral) Turn() (t Turn, ok bool) {
	state := none
	for i := range r.Steps {
		s := &r.Steps[i]
		before := state
		state, _ = next(before, s.Kind)
		w := r.waitFor(t.Wait, s, before, state)
		if w == t.Wait && !restarts(w, s, before, state) {
			continue
		}
		t = Turn{Wait: w, Since: s.At, Began: s.N}
		if s.Progress != nil {
			t.Number = s.Progress.Block
		}
	}
	if t.Wait == noWait {
		return Turn{}, false
	}
	t.Party = t.Wait.party()
	switch t.Party {
	case PartyReceiver, PartyCoach:
		t.Municipality = r.Municipality()
	case PartyAsked:
		if t.Municipality = r.TransferTarget(); t.Municipality == "" {
			// The consent ended, and with it what the other one sees: it is for the first one to cancel.
			t.Party, t.Municipality = PartyReceiver, r.Municipality()
		}
	}
	t.Due = r.due(t)
	return t, true
}

// restarts reports whether a step begins the same wait anew: the state was left and
// come back to, or the check-in is another one.
func restarts(w Wait, s *Step, before, after State) bool {
	if w == WaitStart {
		return false // accepted, then enrolled: one wait
	}
	return before != after || s.Kind == ProgressReported && s.Progress.Kind == "check_in_due"
}

// due is the end of the term's last day. A coach's start is counted from the day
// that was agreed.
func (r *Referral) due(t Turn) time.Time {
	from := civil.DateOf(t.Since)
	if a := r.last(Accepted); t.Wait == WaitStart && a != nil && a.Acceptance != nil {
		if start := civil.Date(a.Acceptance.StartDate); start.Valid() {
			from = max(from, start)
		}
	}
	return from.AddDays(r.term(t.Wait)).End().Add(-time.Second)
}

// term is how many days a turn may take.
func (r *Referral) term(w Wait) int {
	own := association.Terms{}
	if r.Terms != nil {
		own = *r.Terms
	}
	in := func(t association.Terms) int {
		switch w {
		case WaitDecision:
			return t.Decision
		case WaitSupplement:
			return t.Supplement
		case WaitTransfer:
			return t.Transfer
		case WaitPlace:
			return t.Place
		case WaitStart:
			return t.Start
		case WaitCheckInAnswer:
			return t.CheckInAnswer
		case WaitCheckInDecision:
			return t.CheckInDecision
		case WaitNextBlock:
			return t.NextBlock
		}
		return t.Closing
	}
	return cmp.Or(in(own), in(association.DefaultTerms))
}

// overdueReported reports whether it has been made a step that this turn is overdue.
func (r *Referral) overdueReported(t Turn) bool {
	o := r.last(Overdue)
	return o != nil && o.N > t.Began
}

// MarkOverdue takes the step that silence has brought, if one, and reports whether.
// Each turn has at most one.
func (r *Referral) MarkOverdue(now time.Time) bool {
	t, ok := r.Turn()
	if !ok || !t.Overdue(now) || r.overdueReported(t) {
		return false
	}
	return r.take(systemAuthor, now, Step{Kind: Overdue, Code: string(t.Party), Turn: &t}) == nil
}

// systemAuthor is who takes the steps that time brings.
var systemAuthor = Hand{Subject: "service:referral", Authority: "finsam"}
