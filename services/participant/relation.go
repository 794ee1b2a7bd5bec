package participant

import (
	"slices"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
)

// The sorts of data that a consent may leave out and that are shown here.
const (
	progressData = "progress"
	outcomeData  = "outcome"
)

// Resource returns what access to the person depends on, for one caller. A referral,
// when named, leaves only what ties the person to its parties.
func (p *Person) Resource(a actor.Actor, referral string) access.Resource {
	t := access.Resource{Association: p.Association, Participant: p.ID}
	for _, c := range p.Consents() {
		if referral != "" && c.Referral != referral || p.has(Mistaken, c.Referral) {
			continue
		}
		has, asked := p.places(c.Referral, c.Municipality)
		t.Relationships = append(t.Relationships, access.Relationship{Authority: c.Authority, Unit: c.Unit, Municipality: has, Consent: c.covered()})
		if asked != "" {
			t.Relationships = append(t.Relationships, access.Relationship{Municipality: asked})
		}
	}
	for _, s := range p.Steps {
		if s.Kind == Enrolled && (referral == "" || s.Referral == referral) {
			t.Relationships = append(t.Relationships, access.Relationship{Municipality: s.Municipality})
		}
	}
	p.guard(&t, a)
	return t
}

// guard adds who may know a protected identity. Handlers are subjects at the
// authority that named them: the same subject elsewhere is somebody else.
func (p *Person) guard(t *access.Resource, a actor.Actor) {
	s := p.protection()
	t.Protected = s.Level != NoProtection
	if s.Authority == a.Authority {
		t.Handlers = s.Handlers
	}
}

// Resource returns what access to the enrolment depends on: its referral's parties,
// and the person's consent and protection as they are now.
func (e *Enrolment) Resource(p *Person, a actor.Actor) access.Resource {
	return e.resource(progressData, p, a)
}

// resource is the enrolment as seen for one sort of data: a consent that leaves it out
// covers nobody.
func (e *Enrolment) resource(data string, p *Person, a actor.Actor) access.Resource {
	tie := access.Relationship{Authority: e.Referrer, Unit: e.Unit, Municipality: e.Municipality}
	if c, ok := p.Consent(e.Referral); ok && !slices.Contains(e.Unshared, data) {
		tie.Consent = c.covered()
	}
	t := access.Resource{Association: e.Association, Participant: e.Participant, Relationships: []access.Relationship{tie}}
	p.guard(&t, a)
	return t
}

// seenBy returns the enrolment and its course as far as the actor, who may see it, may
// see how it ended.
func (e *Enrolment) seenBy(p *Person, a actor.Actor) (*Enrolment, Progress) {
	c := e.Progress()
	if c.Closed == nil || access.Allows("getEnrolment", a, e.resource(outcomeData, p, a)) {
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

// hides reports whether a step of the person is of a course that the actor may not see:
// that the person was enrolled, where the consent leaves the course out.
func (p *Person) hides(s PersonStep, a actor.Actor) bool {
	if s.Kind != Enrolled || !slices.Contains(s.Unshared, progressData) {
		return false
	}
	t := p.Resource(a, s.Referral)
	for i := range t.Relationships {
		t.Relationships[i].Consent = nil
	}
	return !access.Allows("getParticipant", a, t)
}
