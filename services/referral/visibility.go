package referral

import (
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/consent"
	"github.com/finsam/finsam/pkg/history"
)

// Visibility lists which categories of a referral an actor may see, given that the
// actor may see the referral at all. Hidden categories must not leak through the state, the time of the
// last change, the version, lists, events or refusals: all of them follow from the
// visible steps.
type Visibility struct {
	Progress bool // what was planned, and the way through the initiative
	Outcome  bool // that it ended, and how
	Texts    bool // what was written; that the person is protected
}

// IsHidden reports whether a step is left out for a visibility. That the person is
// enrolled is the beginning of the progress; the municipality's answer is not part of it.
func (s *Step) IsHidden(from Visibility) bool {
	kind := s.Kind
	if kind == Corrected { // is seen by who saw what it corrects
		kind = StepKind(s.Code)
	}
	switch kind {
	case Enrolled, ProgressReported:
		return !from.Progress
	case Closed:
		return !from.Progress && !from.Outcome
	case Overdue:
		return s.Turn != nil && Waits[s.Turn.Wait].IsProgress && !from.Progress
	case Protected, Unprotected:
		return !from.Texts
	}
	return false
}

// Seen returns the referral with the steps that are visible, as they should have been, as
// far as figures count them: without an outcome that is hidden.
func (r *Referral) Seen(to Visibility) *Referral {
	then := *r
	then.Steps = nil
	for _, step := range r.Story() {
		if step.IsHidden(to) {
			continue
		}
		switch {
		case step.Kind == Closed && !to.Outcome:
			step.Code = ""
		case step.Kind == Accepted: // counted once for each sender, whatever another has sent
			own := *step.Acceptance
			own.Joins, step.Acceptance = "", &own
		}
		then.Steps = append(then.Steps, step)
	}
	return &then
}

// redact returns a step without what the actor may not see of it: who took it, at
// another authority, what was planned for the person, and how it ended.
func (s Step) redact(a actor.Actor, to Visibility) Step {
	if !to.Progress {
		s.Acceptance, s.Progress = nil, nil
	}
	if s.Authority != a.Authority {
		s.By, s.Unit, s.Responsible = "", "", ""
	}
	if s.Kind == Closed && !to.Outcome {
		end := *s.Progress // a visible Closed step is part of the progress then
		end.Code = ""
		s.Code, s.Progress = "", &end
	}
	return s
}

// ResourceTo is ResourceFor for an operation that is one party's act. While two
// municipalities see the referral, what the one may do the other may not. With no
// pending transfer the state table rejects the operation.
func (s *Status) ResourceTo(operation string, a actor.Actor) access.Resource {
	res := s.ResourceFor(a)
	if s.TransferTarget() == "" {
		return res
	}
	for _, row := range transitions.Rows(operation) {
		switch {
		case slices.Contains(row.By, PartyReceiver):
			res.Relationships = slices.DeleteFunc(res.Relationships, func(x access.Relationship) bool { return x.Party == string(PartyAsked) })
			return res
		case slices.Contains(row.By, PartyAsked):
			res.Relationships = slices.DeleteFunc(res.Relationships, func(x access.Relationship) bool { return x.Party != string(PartyAsked) })
			return res
		}
	}
	return res // either may
}

// ResourceFor is the referral as access to it depends on it. A handler is a subject at
// the authority that named it: the same subject at another authority is somebody else.
func (s *Status) ResourceFor(a actor.Actor) access.Resource {
	r := s.referral
	sender := access.Relationship{Party: string(PartySender), Authority: r.Authority, Unit: r.Unit, Consent: s.Scope()}
	if r.AuthorityKind == actor.Self {
		sender.Authority = "" // persons are not an authority: none of them may read another's
	}
	res := access.Resource{
		Association: r.Association, Participant: r.Participant, Applied: r.isApplication(),
		Relationships: []access.Relationship{sender, {Party: string(PartyReceiver), Municipality: s.Municipality, HandedIn: r.IsHandedIn()}},
	}
	if asked := s.TransferTarget(); asked != "" {
		res.Relationships = append(res.Relationships, access.Relationship{Party: string(PartyAsked), Municipality: asked})
	}
	res.Protected, res.Handlers = s.Protection != nil, s.handlers[a.Authority]
	return res
}

// personResource makes of the referral as access to it depends on it, whose relationships
// it changes, the person as the vault ties it to this referral's parties: one that
// came to nothing ties its municipality no more, but as who rejected it; one that was
// entered in error ties nobody.
func (s *Status) personResource(r access.Resource) access.Resource {
	of := func(party Party) func(access.Relationship) bool {
		return func(x access.Relationship) bool { return x.Party == string(party) }
	}
	switch {
	case s.State == StateEnteredInError:
		r.Relationships = nil
	case s.State == StateRejected:
		receiver := &r.Relationships[slices.IndexFunc(r.Relationships, of(PartyReceiver))]
		receiver.Municipality, receiver.Decider = "", receiver.Municipality
	case s.State == StateWithdrawn && s.Accepted == nil:
		r.Relationships = slices.DeleteFunc(r.Relationships, of(PartyReceiver))
	}
	return r
}

// GroundsFor returns by what the actor may see the referral, and do something to it.
func (s *Status) GroundsFor(a actor.Actor) access.Grounds {
	return access.GroundsOf(a, s.ResourceFor(a))
}

// VisibilityFor returns what the actor may see now.
func (s *Status) VisibilityFor(a actor.Actor) Visibility { return visibilityOn(s.GroundsFor(a)) }

func visibilityOn(g access.Grounds) Visibility {
	return Visibility{
		Progress: g.Allows("getReferral#progress"),
		Outcome:  g.Allows("getReferral#outcome"),
		Texts:    g.Allows("getReferral#text"),
	}
}

// SenderVisibility returns what the sending authority as such may see now: in its
// lists, and in what is sent to it. That a person is protected is for those named.
func (s *Status) SenderVisibility() Visibility { return visibilityUnder(s.Scope()) }

func visibilityUnder(c consent.Scope) Visibility {
	return Visibility{Progress: c.Shares(consent.Progress), Outcome: c.Shares(consent.Outcome)}
}

// Visible returns the state after the last visible step, and that step. Protection counts
// as visible, because it changes what everybody sees.
func (s *Status) Visible(to Visibility) (state State, last *Step) {
	to.Texts = true
	before := noState
	for i, after := range s.states {
		if step := &s.story[i]; !step.IsHidden(to) {
			if last = step; after != before {
				state = after
			}
		}
		before = after
	}
	return state, last
}

// VisibleNumber returns the position of step n among the steps that were ever visible.
// It is stable: withdrawn consent does not renumber.
func (s *Status) VisibleNumber(n int64, to Visibility) int64 {
	if to.Progress {
		return n
	}
	then, count := visibilityUnder(s.referral.scope()), int64(0)
	for i := range s.referral.Steps[:n] {
		step := &s.referral.Steps[i]
		if step.Kind == ConsentWithdrawn {
			then = Visibility{}
		}
		then.Texts = true
		if !step.IsHidden(then) {
			count++
		}
	}
	return count
}

// VisibleVersion is the number of the last visible step. It changes with what is
// visible, and with nothing else.
func (s *Status) VisibleVersion(to Visibility) int64 {
	_, last := s.Visible(to)
	return s.VisibleNumber(last.N, to)
}

// actsIn returns the rows of the operations that a visible state allows. An actor who
// cannot see the progress is treated as if it had begun, so that a refusal does not reveal
// whether it has.
func (s *Status) actsIn(state State, to Visibility) history.Table[State, StepKind, Party] {
	if state == StateAccepted && !to.Progress {
		state = StateEnrolled
	}
	if s.IsJoined() && to.Progress {
		return joinedActs[state]
	}
	return acts[state]
}

// Refuse returns ErrWrongState, with the visible state, when that forbids an operation.
func (s *Status) Refuse(operation string, to Visibility) error {
	state, _ := s.Visible(to)
	if len(transitions.Rows(operation)) > 0 && len(s.actsIn(state, to).Rows(operation)) == 0 {
		return stateFault(state)
	}
	return nil
}

// operations lists those that the visible state and the access table both allow now.
// removeAttachment is left out: each attachment says it for itself; and joinReferral, which
// depends on the person's other referrals.
func (v *View) operations(a actor.Actor, now time.Time) []string {
	acts := v.Status.actsIn(v.State, v.Visibility)
	names, g, isOneParty := make([]string, 0, len(acts)), v.Grounds, v.Status.TransferTarget() != ""
	for i := range acts {
		if isOneParty { // else the resource is the same for each operation
			g = access.GroundsOf(a, v.Status.ResourceTo(acts[i].Operation, a))
		}
		if acts[i].Kind == Corrected && !history.HasCorrectable(
			v.Status.story, (*Step).isDecision, history.Author{Subject: a.Subject, Authority: a.Authority}, a.Has(actor.Manager), v.Referral.terms().DaysToCorrect(), now) {
			continue
		}
		if acts[i].Kind != AttachmentRemoved && acts[i].Operation != "joinReferral" && g.Allows(acts[i].Operation) {
			names = append(names, acts[i].Operation)
		}
	}
	return names
}

// CanJoin reports whether the caller may let the referral join an enrolment now, if one runs.
func (v *View) CanJoin() bool {
	return v.Grounds.Allows("joinReferral") && len(v.Status.actsIn(v.State, v.Visibility).Rows("joinReferral")) > 0
}

// View is a referral as one caller may see it.
type View struct {
	Referral    *Referral
	Status      *Status        // of it all: only its municipality, priority, place, transfer and consent are for every caller
	Grounds     access.Grounds // of the caller
	Visibility  Visibility     // of the caller
	State       State          // as far as it is visible
	ChangedAt   time.Time      // when the last visible step was taken
	Version     int64          // changed by whatever the caller sees
	Steps       []Step         // visible ones, redacted; nil in lists
	Story       []Step         // as Steps, as they should have been
	Enrolment   string         // empty: none, or hidden, and in lists
	Outcome     string         // empty: none, or hidden
	Responsible string         // for the municipality that has the referral
	Operations  []string       // that the caller may call now
	Turn        *Turn          // nil: nobody's, or hidden
	Overdue     bool           // the turn's time has passed
	Person      bool           // the vault shows the person to the caller
	turn        Turn           // of Turn, in the same memory

	Queue       *QueuePosition    // nil: not in a queue
	Duplicates  []Duplicate       // nil: none are shown to the caller
	Attachments []*AttachmentView // present ones; nil when texts are hidden
	Texts       *Texts            // nil when texts are hidden, and in lists
	Contact     *Contact          // whom to ask at the sender; nil: not known, and in lists but that of tasks
}

// QueuePosition is the referral's place in its queue: the first is 1.
type QueuePosition struct{ Place, Of int64 }

// Texts are the decrypted texts of a referral.
type Texts struct {
	Reason      string
	Assessment  *Assessment                   // the newest; nil: not assessed
	Steps       map[int64]string              // by number of step
	Instead     map[int64]string              // by number of the step that was corrected
	Reasons     map[int64]Change[string]      // by number of the step that amended the reason
	Assessments map[int64]Change[*Assessment] // by number of the step that repeated the assessment
	Contacts    map[int64]Change[*Contact]    // by number of the step that amended the contact; nil for the person
}

// Outline returns what a list shows the actor of the referral.
func (s *Status) Outline(a actor.Actor, now time.Time) *View {
	res := s.ResourceFor(a)
	g := access.GroundsOf(a, res)
	to := visibilityOn(g)
	v := &View{Referral: s.referral, Status: s, Grounds: g, Visibility: to, Person: access.Allows("getParticipant", a, s.personResource(res))}
	var last *Step
	v.State, last = s.Visible(to)
	v.Operations = v.operations(a, now)
	v.ChangedAt, v.Version = last.At, s.VisibleNumber(last.N, to)
	if t, ok := s.Turn(); ok && (!Waits[t.Wait].IsProgress || to.Progress) {
		v.turn = t
		v.Turn, v.Overdue = &v.turn, now.After(t.Due)
	}
	if a.Municipality == s.Municipality {
		v.Responsible = s.Responsible
	}
	if to.Outcome {
		v.Outcome = s.Outcome
	}
	return v
}

// View returns what the actor may see of the referral, the texts apart.
func (s *Status) View(a actor.Actor, now time.Time) *View {
	v := s.Outline(a, now)
	if v.Visibility.Progress {
		v.Enrolment = s.Enrolment
	}
	for i := range s.referral.Steps {
		if step := &s.referral.Steps[i]; !step.IsHidden(v.Visibility) {
			v.Steps = append(v.Steps, step.redact(a, v.Visibility))
		}
	}
	v.Story = history.Story(v.Steps, CorrectionOf)
	for i := range v.Story { // what was put in a place
		v.Story[i] = v.Story[i].redact(a, v.Visibility)
	}
	return v
}

// Duplicate is another referral about the same person that is under way. Of one that
// the caller may not read only the municipality is set.
type Duplicate struct {
	Municipality string
	ID           string // empty: the caller may not read it
	State        State
	ReceivedAt   time.Time
	Enrolment    string // empty: none, or not the caller's to read
	Participant  string // whom the vault shows to the caller; empty: it does not
}

// Duplicate returns what the actor may know of another referral about a person that it
// has a referral about; false: nothing. That somebody has a case with another
// municipality is secret there too (OSL 26:1): it is shown only while the consent given
// with that case covers the actor's authority (OSL 10:1).
func (s *Status) Duplicate(a actor.Actor) (Duplicate, bool) {
	r := s.referral
	d, g := Duplicate{Municipality: s.Municipality}, s.GroundsFor(a)
	if !g.Allows("getReferral") {
		return d, s.ConsentWithdrawnAt == nil && r.Consent.Names(a.Authority, a.AuthorityKind)
	}
	d.ID, d.ReceivedAt = r.ID, r.ReceivedAt()
	d.State, _ = s.Visible(visibilityOn(g))
	if s.Enrolment != "" && g.Allows("getEnrolment") {
		d.Enrolment = s.Enrolment
		if g.Allows("getParticipant") {
			d.Participant = r.Participant
		}
	}
	return d, true
}

// scope returns what the consent shares with the sender until it is withdrawn. One that
// does not name the sender, as a person's own need not, shares nothing.
func (r *Referral) scope() consent.Scope {
	s := consent.Scope{InForce: r.Consent.Names(r.Authority, r.AuthorityKind)}
	for _, category := range []string{consent.Progress, consent.Outcome} {
		if !s.InForce || len(r.Consent.Categories) > 0 && !slices.Contains(r.Consent.Categories, category) {
			s.Withheld = append(s.Withheld, category)
		}
	}
	return s
}

// Scope returns what the consent shares with the sender now.
func (s *Status) Scope() consent.Scope {
	scope := s.referral.scope()
	scope.InForce = scope.InForce && s.ConsentWithdrawnAt == nil
	return scope
}
