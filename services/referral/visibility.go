package referral

import (
	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
)

// Visibility is what of a referral is shown to one who may see it at all. What is not
// shown is told by nothing else either: the state, the time of the last change, the
// version, a list and a refusal follow from the steps that are shown.
type Visibility struct {
	progress bool // what was planned, and the way through the initiative
	outcome  bool // that it ended, and how
	texts    bool // what was written; that the person is protected
}

// visibilityFor returns what the actor is shown now.
func (r *Referral) visibilityFor(a actor.Actor) Visibility {
	return Visibility{
		progress: access.Allows("getReferral#progress", a, r.resource(categoryProgress)),
		outcome:  access.Allows("getReferral#progress", a, r.resource(categoryOutcome)),
		texts:    access.Allows("getReferral#text", a, r.ResourceFor(a)),
	}
}

// senderVisibility returns what the sending authority as such is shown now: in its lists,
// and in what it is told unasked. That a person is protected is for those named.
func (r *Referral) senderVisibility() Visibility {
	if r.ConsentWithdrawnAt() != nil {
		return Visibility{}
	}
	return r.consentedVisibility()
}

// consentedVisibility is sendersSight until the consent ended.
func (r *Referral) consentedVisibility() Visibility {
	if !r.Consent.names(r.Authority, r.AuthorityKind) {
		return Visibility{}
	}
	return Visibility{progress: r.Consent.covers(categoryProgress), outcome: r.Consent.covers(categoryOutcome)}
}

// unshared names the sorts of data that are not shown.
func (to Visibility) unshared() (names []string) {
	if !to.progress {
		names = append(names, categoryProgress)
	}
	if !to.outcome {
		names = append(names, categoryOutcome)
	}
	return names
}

// hidden reports whether a step is left out of what is shown. That the person is
// enrolled is the beginning of the course; the municipality's answer is not of it.
func (s Step) hidden(from Visibility) bool {
	switch s.Kind {
	case Enrolled, ProgressReported:
		return !from.progress
	case Closed:
		return !from.progress && !from.outcome
	case Overdue:
		return s.Turn != nil && s.Turn.Wait.isProgress() && !from.progress
	case Protected, Unprotected:
		return !from.texts
	}
	return false
}

// visibleState returns the state after the last step that is shown, and that step. A
// person's protection counts as shown: it changes what everybody sees.
func (r *Referral) visibleState(to Visibility) (State, *Step) {
	to.texts = true
	var last *Step
	state, shown := none, none
	for i := range r.Steps {
		s := &r.Steps[i]
		was := state
		state, _ = next(was, s.Kind)
		if s.hidden(to) {
			continue
		}
		if last = s; state != was {
			shown = state
		}
	}
	return shown, last
}

// number returns a step's number as one counts it who is shown this: without the
// steps that one was never shown. So the last one's is a version that is changed by
// what one sees, and by nothing else; it never comes twice, for what was shown
// until the consent ended stays counted.
func (r *Referral) number(n int64, to Visibility) int64 {
	if to.progress {
		return n
	}
	then, count := r.consentedVisibility(), int64(0)
	for i := range r.Steps[:n] {
		s := &r.Steps[i]
		if s.Kind == ConsentWithdrawn {
			then = Visibility{}
		}
		then.texts = true
		if !s.hidden(then) {
			count++
		}
	}
	return count
}

// version is the version of what the actor sees of the referral.
func (r *Referral) version(a actor.Actor) int64 {
	to := r.visibilityFor(a)
	_, last := r.visibleState(to)
	return r.number(last.N, to)
}

// allows reports whether one who is shown this can take a step of this kind on a
// referral that is shown in this state. Whether the course of one who was accepted
// has begun is told by no refusal: where it is not shown, what is possible only
// until then is not possible.
func (to Visibility) allows(k StepKind, in State) bool {
	if in == StateAccepted && !to.progress {
		in = StateEnrolled
	}
	_, may := next(in, k)
	return may
}

// refusal tells the actor that the state forbids an operation, and names it as it
// is shown; nil: it does not.
func (r *Referral) refusal(operation string, a actor.Actor) error {
	to := r.visibilityFor(a)
	state, _ := r.visibleState(to)
	for _, row := range table {
		if row.Operation == operation && !to.allows(row.Kind, state) {
			return stateFault(state)
		}
	}
	return nil
}
