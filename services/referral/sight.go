package referral

import (
	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
)

// sight is what of a referral is shown to one who may see it at all. What is not
// shown is told by nothing else either: the state, the time of the last change, the
// version, a list and a refusal follow from the steps that are shown.
type sight struct {
	course  bool // what was planned, and the way through the initiative
	outcome bool // that it ended, and how
	texts   bool // what was written; that the person is protected
}

// sightOf gives what the actor is shown now.
func (r *Referral) sightOf(a actor.Actor) sight {
	return sight{
		course:  access.Allows("getReferral#course", a, r.thing(categoryCourse)),
		outcome: access.Allows("getReferral#course", a, r.thing(categoryOutcome)),
		texts:   access.Allows("getReferral#text", a, r.ThingFor(a)),
	}
}

// sendersSight gives what the sending authority as such is shown now: in its lists,
// and in what it is told unasked. That a person is protected is for those named.
func (r *Referral) sendersSight() sight {
	if r.ConsentWithdrawnAt() != nil {
		return sight{}
	}
	return r.agreedSight()
}

// agreedSight is sendersSight until the consent ended.
func (r *Referral) agreedSight() sight {
	if !r.Consent.names(r.Authority, r.AuthorityKind) {
		return sight{}
	}
	return sight{course: r.Consent.covers(categoryCourse), outcome: r.Consent.covers(categoryOutcome)}
}

// unshared names the sorts of data that are not shown.
func (to sight) unshared() (names []string) {
	if !to.course {
		names = append(names, categoryCourse)
	}
	if !to.outcome {
		names = append(names, categoryOutcome)
	}
	return names
}

// hidden tells whether a step is left out of what is shown. That the person is
// enrolled is the beginning of the course; the municipality's answer is not of it.
func (s Step) hidden(from sight) bool {
	switch s.Kind {
	case Enrolled, Course:
		return !from.course
	case Closed:
		return !from.course && !from.outcome
	case Overdue:
		return s.Turn != nil && s.Turn.Wait.ofCourse() && !from.course
	case Protected, Unprotected:
		return !from.texts
	}
	return false
}

// stands gives the state after the last step that is shown, and that step. A
// person's protection counts as shown: it changes what everybody sees.
func (r *Referral) stands(to sight) (State, *Step) {
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

// number gives a step's number as one counts it who is shown this: without the
// steps that one was never shown. So the last one's is a version that is changed by
// what one sees, and by nothing else; it never comes twice, for what was shown
// until the consent ended stays counted.
func (r *Referral) number(n int64, to sight) int64 {
	if to.course {
		return n
	}
	then, count := r.agreedSight(), int64(0)
	for i := range r.Steps[:n] {
		s := &r.Steps[i]
		if s.Kind == ConsentWithdrawn {
			then = sight{}
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
	to := r.sightOf(a)
	_, last := r.stands(to)
	return r.number(last.N, to)
}

// opens tells whether one who is shown this can take a step of this kind on a
// referral that is shown in this state. Whether the course of one who was accepted
// has begun is told by no refusal: where it is not shown, what is possible only
// until then is not possible.
func (to sight) opens(k Kind, in State) bool {
	if in == StateAccepted && !to.course {
		in = StateEnrolled
	}
	_, may := next(in, k)
	return may
}

// refusal tells the actor that the state forbids an operation, and names it as it
// is shown; nil: it does not.
func (r *Referral) refusal(operation string, a actor.Actor) error {
	to := r.sightOf(a)
	state, _ := r.stands(to)
	for _, row := range table {
		if row.Operation == operation && !to.opens(row.Kind, state) {
			return stateFault(state)
		}
	}
	return nil
}
