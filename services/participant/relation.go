package participant

import (
	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
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
	tie := access.Tie{Authority: e.Referrer, Unit: e.Unit, Municipality: e.Municipality}
	if c, ok := p.Consent(e.Referral); ok {
		tie.Consent = c.covered()
	}
	t := access.Thing{Association: e.Association, Participant: e.Participant, Ties: []access.Tie{tie}}
	p.guard(&t, a)
	return t
}
