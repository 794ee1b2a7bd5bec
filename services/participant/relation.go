package participant

import (
	"slices"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
)

// The sorts of data that a consent may leave out and that are shown here.
const (
	courseData  = "course"
	outcomeData = "outcome"
)

// Thing gives what access to the person depends on, for one caller. A referral,
// when named, leaves only what ties the person to its parties.
func (p *Person) Thing(a actor.Actor, referral string) access.Thing {
	t := access.Thing{Association: p.Association, Participant: p.ID}
	for _, c := range p.Consents() {
		if referral != "" && c.Referral != referral || p.has(Mistaken, c.Referral) {
			continue
		}
		has, asked := p.places(c.Referral, c.Municipality)
		t.Ties = append(t.Ties, access.Tie{Authority: c.Authority, Unit: c.Unit, Municipality: has, Consent: c.covered()})
		if asked != "" {
			t.Ties = append(t.Ties, access.Tie{Municipality: asked})
		}
	}
	for _, s := range p.Steps {
		if s.Kind == Enrolled && (referral == "" || s.Referral == referral) {
			t.Ties = append(t.Ties, access.Tie{Municipality: s.Municipality})
		}
	}
	p.guard(&t, a)
	return t
}

// guard adds who may know a protected identity. Handlers are subjects at the
// authority that named them: the same subject elsewhere is somebody else.
func (p *Person) guard(t *access.Thing, a actor.Actor) {
	s := p.protection()
	t.Protected = s.Level != NoProtection
	if s.Authority == a.Authority {
		t.Handlers = s.Handlers
	}
}

// Thing gives what access to the enrolment depends on: its referral's parties,
// and the person's consent and protection as they are now.
func (e *Enrolment) Thing(p *Person, a actor.Actor) access.Thing {
	return e.thing(courseData, p, a)
}

// thing is the enrolment as seen for one sort of data: a consent that leaves it out
// covers nobody.
func (e *Enrolment) thing(data string, p *Person, a actor.Actor) access.Thing {
	tie := access.Tie{Authority: e.Referrer, Unit: e.Unit, Municipality: e.Municipality}
	if c, ok := p.Consent(e.Referral); ok && !slices.Contains(e.Unshared, data) {
		tie.Consent = c.covered()
	}
	t := access.Thing{Association: e.Association, Participant: e.Participant, Ties: []access.Tie{tie}}
	p.guard(&t, a)
	return t
}

// seenBy gives the enrolment and its course as far as the actor, who may see it, may
// see how it ended.
func (e *Enrolment) seenBy(p *Person, a actor.Actor) (*Enrolment, Course) {
	c := e.Course()
	if c.Closed == nil || access.Allows("getEnrolment", a, e.thing(outcomeData, p, a)) {
		return e, c
	}
	seen := *e
	seen.Steps = slices.Clone(e.Steps)
	for i := range seen.Steps {
		if s := &seen.Steps[i]; s.Kind == Closed {
			s.Outcome, s.EndReason, s.Occupation, s.Livelihood, s.Text = "", "", nil, nil, nil
			c.Outcome, c.Closed = "", s
		}
	}
	return &seen, c
}

// hides tells whether a step of the person is of a course that the actor may not see:
// that the person was enrolled, where the consent leaves the course out.
func (p *Person) hides(s PersonStep, a actor.Actor) bool {
	if s.Kind != Enrolled || !slices.Contains(s.Unshared, courseData) {
		return false
	}
	t := p.Thing(a, s.Referral)
	for i := range t.Ties {
		t.Ties[i].Consent = nil
	}
	return !access.Allows("getParticipant", a, t)
}
