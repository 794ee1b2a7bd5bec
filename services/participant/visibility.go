package participant

import (
	"slices"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
)

// Resource returns what access to the person depends on, for one caller. A referral,
// when named, leaves only what ties the person to its parties.
func (s *PersonStatus) Resource(a actor.Actor, referral string) access.Resource {
	r := access.Resource{Association: s.Person.Association, Participant: s.Person.ID}
	for _, tie := range s.Referrals {
		c := tie.Consent
		if referral != "" && c.Referral != referral || tie.Mistaken {
			continue
		}
		r.Relationships = append(r.Relationships, access.Relationship{Authority: c.Authority, Unit: c.Unit, Municipality: tie.Holder, Decider: tie.Decider, Consent: c.scope()})
		if tie.Candidate != "" {
			r.Relationships = append(r.Relationships, access.Relationship{Municipality: tie.Candidate})
		}
	}
	for _, e := range s.Enrolments {
		if referral == "" || e.Referral == referral {
			r.Relationships = append(r.Relationships, access.Relationship{Municipality: e.Municipality})
		}
	}
	s.protect(&r, a)
	return r
}

// protect adds who may know a protected identity: a handler of the caller's authority.
func (s *PersonStatus) protect(r *access.Resource, a actor.Actor) {
	r.Protected = s.Protection.Level != NoProtection
	r.Handlers = s.Protection.Handlers[a.Authority]
}

// Steps returns the steps that the caller may know of: those of no referral, and
// those of referrals that the caller is related to. That the person was enrolled is
// hidden from a sender whose consent leaves the progress out. Who only sent a referral
// has the steps of the own ones, numbered by themselves, and not that the person was new.
// That the identity was settled is for those who read what was.
func (s *PersonStatus) Steps(a actor.Actor) []PersonStep {
	relation, _ := access.Decide("getParticipant", a, s.Resource(a, ""))
	sent := OnlySent(relation)
	related := map[string]bool{"": !sent}
	var steps []PersonStep
	for _, step := range s.Person.Steps {
		if _, known := related[step.Referral]; !known {
			related[step.Referral] = access.Allows("getParticipant", a, s.Resource(a, step.Referral))
		}
		switch {
		case !related[step.Referral],
			(step.Kind == Enrolled || step.Kind == JoiningEnded) && !access.Allows("getEnrolment", a, s.Resource(a, step.Referral)),
			step.Kind == Rectified && !ReadsSettled(relation),
			step.Kind == Registered && sent:
			continue
		case sent:
			step.N = int64(len(steps)) + 1
		}
		steps = append(steps, step)
	}
	return steps
}

// Resource returns what access to the enrolment depends on: its referral's parties, the
// senders of those that have joined it, and the person's consent and protection as they are
// now. Who has joined answers a check-in only if asked.
func (e *Enrolment) Resource(p *PersonStatus, a actor.Actor, operation string) access.Resource {
	r := e.resourceBy(p, a, e.Referral)
	for _, step := range p.Joined(e) {
		if operation != "answerCheckIn" || step.Answers {
			r.Relationships = append(r.Relationships, e.resourceBy(p, a, step.Referral).Relationships...)
		}
	}
	return r
}

// resourceBy is Resource as far as one referral goes.
func (e *Enrolment) resourceBy(p *PersonStatus, a actor.Actor, referral string) access.Resource {
	relation := access.Relationship{Authority: e.Referrer, Unit: e.Unit, Municipality: e.Municipality}
	isKnown := slices.ContainsFunc(p.Enrolments, func(s *PersonStep) bool { return s.Enrolment == e.ID && s.Referral == referral })
	if tie := p.referral(referral); tie != nil && isKnown { // else it is being planned, and nobody has said what the consent leaves out
		relation.Consent = tie.Consent.scope()
		if referral != e.Referral {
			relation.Authority, relation.Unit = tie.Consent.Authority, tie.Consent.Unit
		}
	}
	r := access.Resource{Association: e.Association, Participant: e.Participant, Relationships: []access.Relationship{relation}}
	p.protect(&r, a)
	return r
}

// Redact returns the enrolment and its progress as the caller, who may see it, may see
// them. A sender sees its own referral, and neither what another has answered nor that the
// person used weeks before: its consent is about this enrolment. How it ended is seen as
// far as that is shared.
func (e *Enrolment) Redact(p *PersonStatus, a actor.Actor) (*Enrolment, Progress) {
	relation, _ := access.Decide("getEnrolment", a, e.Resource(p, a, "getEnrolment"))
	isSender := relation == access.OwnUnit || relation == access.OwnAuthority
	redacted := *e
	redacted.Steps = slices.Clone(e.Steps)
	if isSender {
		redacted.WeeksBefore = 0
	}
	if isSender && !access.Allows("getEnrolment", a, e.resourceBy(p, a, e.Referral)) {
		for _, step := range p.Joined(e) {
			if access.Allows("getEnrolment", a, e.resourceBy(p, a, step.Referral)) {
				redacted.Referral = step.Referral
			}
		}
	}
	for i := range redacted.Steps {
		s := &redacted.Steps[i]
		if isSender && s.Decision == "" { // of a start: because of weeks that were used before
			s.Exception = nil
		}
		if !isSender || s.Authority == a.Authority {
			continue
		}
		if c := s.Correction; c != nil && e.Steps[c.Of-1].Kind == Answered { // by who answered
			correction := *c
			if c.With != nil {
				correction.With = &EnrolmentStep{Kind: Answered, Number: c.With.Number, On: c.With.On, Held: c.With.Held}
			}
			s.By, s.Authority, s.Unit, s.Text, s.Correction = "", "", "", nil, &correction
		}
		if s.Kind == Answered {
			s.By, s.Authority, s.Unit, s.Readiness, s.Text = "", "", "", "", nil
		}
	}
	progress := redacted.Progress()
	hasEnd := slices.ContainsFunc(e.Steps, func(s EnrolmentStep) bool { return s.Kind == Closed })
	if !hasEnd || access.Allows("getEnrolment#outcome", a, e.Resource(p, a, "getEnrolment#outcome")) {
		return &redacted, progress
	}
	for i := range redacted.Steps {
		s := &redacted.Steps[i]
		s.redact()
		if s.Correction != nil && s.Correction.With != nil {
			c, with := *s.Correction, *s.Correction.With
			with.redact()
			c.With, s.Correction = &with, &c
		}
	}
	if progress.Closed != nil {
		closed := *progress.Closed
		closed.redact()
		progress.Outcome, progress.Closed = "", &closed
	}
	return &redacted, progress
}

// redact leaves out of a closing how the enrolment ended.
func (s *EnrolmentStep) redact() {
	if s.Kind == Closed {
		s.Outcome, s.EndReason, s.Occupation, s.Livelihood, s.Text = "", "", nil, nil, nil
	}
}
