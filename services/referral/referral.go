// Package referral is the referral (remiss): an authority's unit asks a municipality to
// receive a person into an initiative of the coordination association.
//
// A Referral is one document: what was sent, and the steps since. Everything that
// changes follows from the steps, which Status folds once; the table in state.go alone
// says what may happen when. The package is pure: the time, authors and what encrypts
// are passed in. Package service loads, decides and saves; who the person is, only the
// participant service knows.
package referral

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/personnummer"
)

// Referral is one referral, as it is stored.
type Referral struct {
	Association        string              `json:"association"`
	ID                 string              `json:"id"`
	Participant        string              `json:"participant"` // the person's id in the vault
	Authority          string              `json:"authority"`   // the referrer's authority, such as "fk"
	AuthorityKind      actor.AuthorityKind `json:"authorityKind"`
	Unit               string              `json:"unit"`
	Source             Source              `json:"source"`
	RegistryNumber     string              `json:"registryNumber"`
	Gender             string              `json:"gender,omitempty"`   // as given, for figures only
	WishedMunicipality string              `json:"wishedMunicipality"` // four-digit code
	WishedInitiative   string              `json:"wishedInitiative,omitempty"`
	ExternalReference  string              `json:"externalReference,omitempty"`
	TargetGroup        TargetGroup         `json:"targetGroup"`
	TargetGroupMet     Verdict             `json:"targetGroupMet,omitempty"` // of Assessment, for lists; empty: not assessed
	Assessment         []byte              `json:"assessment,omitempty"`     // encrypted: the newest
	Consent            Consent             `json:"consent"`
	Reason             []byte              `json:"reason"`            // encrypted
	Contact            []byte              `json:"contact,omitempty"` // encrypted: whom to ask; nil: as the register says
	Receipt            idempotency.Receipt `json:"receipt"`
	Terms              *association.Terms  `json:"terms,omitempty"` // in force when it was received; nil: the defaults
	Steps              []Step              `json:"steps"`
}

// Contact is whom to ask at work about what was sent: somebody or a function at a unit.
type Contact struct {
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// check holds a contact against the rules; nil has none to break. A phone number that
// begins with a zero, as those without a country code do, can look like a personal
// identity number by chance.
func (c *Contact) check(wrong *fieldErrors, pointer string) {
	if c == nil {
		return
	}
	for _, f := range []struct{ field, value string }{{"name", c.Name}, {"email", c.Email}, {"phone", c.Phone}} {
		if personnummer.Contains(f.value) && (f.field != "phone" || f.value[0] != '0') {
			wrong.add(personnummer.ErrNumberHere, pointer+"/"+f.field)
		}
	}
}

// Encrypt returns the contact as the referral of that id stores it; of nil, nothing.
func (c *Contact) Encrypt(id string, encrypt Encrypt) ([]byte, error) {
	if c == nil {
		return nil, nil
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("referral %s: contact: %w", id, err)
	}
	return encrypt(text, contactContext(id))
}

// DecryptContact reads what Encrypt wrote; nil of a referral without a contact.
func DecryptContact(id string, encrypted []byte, decrypt Encrypt) (*Contact, error) {
	if len(encrypted) == 0 {
		return nil, nil
	}
	return decryptJSON(&Contact{}, encrypted, contactContext(id), decrypt)
}

func contactContext(id string) string { return "referral/" + id + "/contact" }

// Step is one thing that happened to the referral. Which of the fields below Kind are
// set depends on it.
type Step struct {
	history.Entry
	Kind         StepKind      `json:"kind"`
	Code         string        `json:"code,omitempty"` // reason, priority, whose will, outcome
	Text         []byte        `json:"text,omitempty"` // encrypted
	Acceptance   *Acceptance   `json:"acceptance,omitempty"`
	Amendment    *Amendment    `json:"amendment,omitempty"`
	Attachment   *Attachment   `json:"attachment,omitempty"`
	Progress     *ProgressStep `json:"progress,omitempty"`
	Turn         *Turn         `json:"turn,omitempty"`         // that is overdue
	Initiative   string        `json:"initiative,omitempty"`   // waited for
	Municipality string        `json:"municipality,omitempty"` // that is asked to take over, or has taken over
	Responsible  string        `json:"responsible,omitempty"`  // subject at the municipality; empty: nobody
	Handlers     []string      `json:"handlers,omitempty"`     // named for a protected person: subjects at HandledBy
	HandledBy    string        `json:"handledBy,omitempty"`    // the authority that named them

	Correction *history.Correction[Step] `json:"correction,omitempty"` // of a step whose kind is in Code
}

// ProgressStep is one step of the person's enrolment, as its feed reported it.
type ProgressStep struct {
	Kind      string `json:"kind"`
	Enrolment string `json:"enrolment"`
	On        string `json:"on,omitempty"`       // the day it is about
	Block     int    `json:"block,omitempty"`    // number of the block or check-in
	Code      string `json:"code,omitempty"`     // answer, decision or outcome
	FirstDay  string `json:"firstDay,omitempty"` // as planned, or of the block
	LastDay   string `json:"lastDay,omitempty"`
	Until     string `json:"until,omitempty"` // the enrolment's last day, as planned since
	Of        string `json:"of,omitempty"`    // id of the event of the enrolment's step, when it was corrected to be this
}

// Day returns the day that a step of the enrolment is about, or else the day on which
// it was reported.
func (s *Step) Day() civil.Date {
	if s.Progress != nil && civil.Date(s.Progress.On).Valid() {
		return civil.Date(s.Progress.On)
	}
	return civil.DateOf(s.At)
}

// maxSteps bounds what people may do to one referral, so that its document stays
// small. Steps that other services and the clock cause are never refused by it.
const maxSteps = 200

// Take appends a step if the table allows it now: ErrWrongState, ErrTooManySteps. A step
// with rules of its own has a method, which asks them first.
func (r *Referral) Take(by history.Author, now time.Time, step Step) error {
	if err := r.Status().Check(step.Kind); err != nil {
		return err
	}
	if len(r.Steps) >= maxSteps && !transitions.By(step.Kind, PartyService) {
		return ErrTooManySteps
	}
	r.Steps = history.Append(r.Steps, step, by, now)
	return nil
}

// terms are those in force when the referral was received; what they leave out is the
// default.
func (r *Referral) terms() association.Terms {
	if r.Terms == nil {
		return association.DefaultTerms
	}
	return *r.Terms
}

// CorrectWithin sets within how many days who takes a decision corrects it.
func (r *Referral) CorrectWithin(days int) {
	if terms := r.terms(); terms.DaysToCorrect() != days {
		terms.Correction = days
		r.Terms = &terms
	}
}

// Version is the number of steps, and so the version of the stored document.
func (r *Referral) Version() int64 { return int64(len(r.Steps)) }

// ReceivedAt is when the referral was received.
func (r *Referral) ReceivedAt() time.Time { return r.Steps[0].At }

// AsOf returns the referral as it was at a version.
func (r *Referral) AsOf(version int64) *Referral {
	then := *r
	for _, s := range slices.Backward(r.Steps[version:]) {
		if s.Amendment != nil {
			s.Amendment.set(&then, true)
		}
	}
	then.Steps = r.Steps[:version:version]
	return &then
}

// Protections lists the steps by which the person is protected now, in their order: each
// names the handlers of one authority.
func (r *Referral) Protections() []Step {
	return history.InForce(r.Steps, func(s *Step) StepKind { return s.Kind }, Protected, Unprotected)
}

// AsReceived returns the referral as it was stored first: with the steps by which the
// person was protected then.
func (r *Referral) AsReceived() *Referral {
	first := int64(1)
	for _, s := range r.Steps[1:] {
		if s.Kind != Protected || !s.At.Equal(r.Steps[0].At) {
			break
		}
		first++
	}
	return r.AsOf(first)
}

// isApplication reports whether the person is who asks: with an own token, or by what
// the municipality handed in.
func (r *Referral) isApplication() bool {
	return r.AuthorityKind == actor.Self || r.Source == SelfReferral
}

// IsHandedIn reports whether a municipality received the referral for a sender without
// a system to send it by. The municipality that has it answers for the sender, so
// that no question waits for one who cannot answer.
func (r *Referral) IsHandedIn() bool {
	switch r.Source {
	case SelfReferral:
		return r.AuthorityKind != actor.Self
	case SourcePrivateCare:
		return r.AuthorityKind != actor.PrivateCare
	}
	return false
}

// Status is what the steps of a referral have come to. It is valid until a step is
// added. What is shown to others than the municipality is limited by Visibility.
type Status struct {
	State              State
	Municipality       string              // that has the referral: the one wished for, until another has taken over
	Responsible        string              // subject at that municipality; empty: nobody
	Transfer           *Step               // request to another municipality that is not answered yet; nil: none
	Priority           string              // on the municipality's waiting list; empty: not put there
	Queue              string              // initiative that the person was put on the waiting list for
	WaitingSince       time.Time           // when put on the municipality's waiting list; another priority does not change it
	PutBackAt          time.Time           // when an offered place was put back; zero: it was not
	Place              *Place              // that the referral has; nil: none
	Accepted           *Step               // nil: never accepted
	DecidedAt          time.Time           // when last accepted or rejected; zero: never
	Enrolment          string              // id of the enrolment that followed; empty: none
	LastDay            string              // as planned by what the enrolment reported last
	Outcome            string              // of the initiative: "completed", "interrupted" or "cancelled"; empty: not closed
	ConsentWithdrawnAt *time.Time          // nil: the consent holds
	Protection         *Step               // the latest of the steps that protect the person; nil: not protected now
	handlers           map[string][]string // of a protected person, by authority
	WasUnprotected     bool                // a protection has ended at some time
	OverdueReported    bool                // the present turn has an Overdue step

	referral  *Referral
	story     []Step // of the referral: its steps as they should have been
	handovers []handover
	turn      Turn     // as far as the steps say; see Turn
	states    []State  // behind each step of the story
	room      [4]State // of states, while they are few
}

// handover is a transfer that was accepted.
type handover struct {
	from string // municipality
	step *Step
}

// Place is the place in an initiative that a referral has.
type Place struct {
	Initiative string
	Version    int64 // of the referral when the place was taken
	Offered    bool  // not accepted yet
}

// CorrectionOf is how package history reads the corrections among the steps.
func CorrectionOf(s *Step) *history.Correction[Step] { return s.Correction }

// Story returns the steps as they should have been.
func (r *Referral) Story() []Step { return history.Story(r.Steps, CorrectionOf) }

// Status folds the steps as they should have been.
func (r *Referral) Status() *Status {
	s := &Status{Municipality: r.WishedMunicipality, referral: r}
	s.states, s.story = s.room[:0], r.Story()
	for i := range s.story {
		s.apply(&s.story[i])
	}
	return s
}

func (s *Status) apply(step *Step) {
	before := s.State
	s.State, _ = transitions.Next(before, step.Kind, s.detail(step.Kind))
	if s.State != StateTransfer {
		s.Transfer = nil
	}
	switch step.Kind {
	case Assigned:
		s.Responsible = step.Responsible
	case TransferRequested:
		s.Transfer = step
	case TransferAccepted: // what the former municipality decided ends
		s.handovers = append(s.handovers, handover{s.Municipality, step})
		s.Municipality, s.Responsible, s.Priority, s.WaitingSince = step.Municipality, "", "", time.Time{}
	case Waitlisted:
		s.PutBackAt = time.Time{}
		if s.Place != nil {
			s.PutBackAt = step.At
		}
		if s.WaitingSince.IsZero() {
			s.WaitingSince = step.At
		}
		s.Priority, s.Queue, s.Place = step.Code, step.Initiative, nil
	case MovedUp:
		s.Place = &Place{Initiative: step.Initiative, Version: step.N - 1, Offered: true}
	case Accepted:
		switch {
		case step.Acceptance.Joins != "":
			s.Place = nil
		case s.Place != nil && s.Place.Initiative == step.Acceptance.Initiative:
			s.Place.Offered = false
		default:
			s.Place = &Place{Initiative: step.Acceptance.Initiative, Version: step.N - 1}
		}
		s.Accepted, s.DecidedAt, s.Municipality = step, step.At, step.Acceptance.Municipality
	case Rejected:
		s.DecidedAt = step.At
	case Enrolled:
		s.Enrolment = step.Progress.Enrolment
	case Closed:
		s.Outcome = step.Code
	case ConsentWithdrawn:
		s.ConsentWithdrawnAt = &step.At
	case Protected:
		if s.Protection = step; s.handlers == nil {
			s.handlers = map[string][]string{}
		}
		s.handlers[step.HandledBy] = step.Handlers
	case Unprotected:
		s.Protection, s.handlers, s.WasUnprotected = nil, nil, true
	case Overdue:
		s.OverdueReported = step.Turn == nil || step.Turn.Began == s.turn.Began
	}
	if step.Progress != nil {
		s.LastDay = step.Progress.lastDay(s.LastDay)
	}
	if !slices.Contains([]State{StateWaitlisted, StateAccepted, StateEnrolled}, s.State) {
		s.Place = nil
	}
	s.applyTurn(step, before)
	s.states = append(s.states, s.State)
}

// Check returns ErrWrongState, with the state, unless a step of this kind may happen
// now.
func (s *Status) Check(k StepKind) error {
	if _, ok := transitions.Next(s.State, k, s.detail(k)); !ok {
		return stateFault(s.State)
	}
	return nil
}

// detail returns which rows apply to a step of a kind now.
func (s *Status) detail(k StepKind) string {
	if k == Withdrawn && s.State == StateEnrolled && s.IsJoined() {
		return ofJoined
	}
	return ""
}

// IsJoined reports whether the referral has joined an enrolment that another led to.
func (s *Status) IsJoined() bool { return s.Accepted != nil && s.Accepted.Joins() != "" }

// Joins returns the enrolment that the referral joins by the step; empty: none.
func (s *Step) Joins() string {
	if s.Acceptance == nil {
		return ""
	}
	return s.Acceptance.Joins
}

// Path returns the initiative that this referral, and no other about the person, leads
// into now: it is accepted, or the enrolment that it led to runs. Empty: none.
func (s *Status) Path() string {
	if s.State != StateAccepted && s.State != StateEnrolled || s.IsJoined() {
		return ""
	}
	return s.Accepted.Acceptance.Initiative
}

// IsWaiting reports whether the referral is in the queue of the waiting list.
func (s *Status) IsWaiting() bool { return s.State == StateWaitlisted && s.Place == nil }

// IsPlaceOffered reports whether a place is kept for a person on the waiting list.
func (s *Status) IsPlaceOffered() bool { return s.Place != nil && s.Place.Offered }

// PlaceUntil returns the planned last day of one who has a place; empty: nothing is
// planned yet. weeks is how long the initiative lasts at most.
func (s *Status) PlaceUntil(weeks int) string {
	if s.LastDay != "" || s.Accepted == nil {
		return s.LastDay
	}
	start, err := civil.Parse(s.Accepted.Acceptance.StartDate)
	if err != nil {
		return ""
	}
	return string(start.AddWeeks(weeks).AddDays(-1))
}

// lastDay returns the planned last day of the enrolment after the step. Enrolments of
// earlier versions reported those of single blocks, of which the latest counts.
func (p *ProgressStep) lastDay(before string) string {
	return cmp.Or(p.Until, max(before, p.LastDay))
}

// Standing returns where the enrolment that the referral led to is now, as one that joins
// it takes that over, and the step that ended it; nil: it runs.
func (r *Referral) Standing() (now ProgressStep, end *Step) {
	story := r.Story()
	for i := range story {
		switch step := &story[i]; step.Kind {
		case Enrolled:
			now.FirstDay, now.LastDay = step.Progress.FirstDay, step.Progress.LastDay
		case ProgressReported:
			now.Code = ""
			if step.Progress.Kind == checkInDue {
				now.Code = checkInDue
			}
			now.Block, now.LastDay = max(now.Block, step.Progress.Block), step.Progress.lastDay(now.LastDay)
		case Closed:
			end = step
		}
	}
	return now, end
}

// TransferTarget is the municipality that is asked to take the referral over now. It is
// empty when none is, or when the consent that opened the referral to it has ended.
func (s *Status) TransferTarget() string {
	if s.Transfer == nil || s.ConsentWithdrawnAt != nil {
		return ""
	}
	return s.Transfer.Municipality
}

// HandedOverBy returns the step by which a municipality handed the referral over for
// good; nil: it did not, or has it again.
func (s *Status) HandedOverBy(municipality string) *Step {
	if municipality == "" || municipality == s.Municipality {
		return nil
	}
	for _, h := range slices.Backward(s.handovers) {
		if h.from == municipality {
			return h.step
		}
	}
	return nil
}

// Submission is a referral that somebody wants to send, with the person in plain text.
type Submission struct {
	Person             Person
	Unit               string
	TargetGroup        TargetGroup
	Given              bool // the person has consented
	Consent            Consent
	WishedMunicipality string
	WishedInitiative   string `json:",omitempty"` // empty: none is wished for
	Reason             string
	ExternalReference  string
	Contact            *Contact       `json:",omitempty"` // nil: the unit's
	RightTime          []TimelyAnswer `json:",omitempty"`
	OnBehalf           Source         `json:",omitempty"` // for whom the municipality hands it in: SelfReferral, SourcePrivateCare; empty: nobody
	Self               bool           `json:",omitempty"` // the person sends it, as the token says
}

// Person is the person who is referred. It goes to the vault and nowhere else.
type Person struct {
	PersonalIdentityNumber string
	GivenName              string
	FamilyName             string
	Gender                 string
	Email                  string
	Phone                  string
	Protection             string `json:",omitempty"` // level of protected identity; empty: none that the sender knows of
}

// Identity is who a participant is, as far as the vault shows it to the caller.
type Identity struct {
	Name      string // or the alias of a protected person
	Number    string // as the vault masks it; empty for a protected person
	Protected bool
}

// Origin is where a referral comes from, as it is stored.
type Origin struct {
	Authority     string
	AuthorityKind actor.AuthorityKind
	Unit          string
	Source        Source
}

// Check holds a submission against the rules; the fault names every field that is
// wrong, under the first rule that was broken.
func (s Submission) Check(from Origin, in *association.Association, now time.Time) error {
	var wrong fieldErrors
	if !s.Given {
		wrong.add(ErrConsentMissing, "/consent/given")
	}
	wrong.consentDate(s.Consent.GivenOn, now, "/consent/givenOn")
	wrong.consentText(s.Consent, in, now, "/consent/textVersion")
	if !s.Self && !s.Consent.Names(from.Authority, from.AuthorityKind) {
		wrong.add(ErrConsentWithoutReferrer, "/consent/authorities")
	}
	wrong.between(s.Consent.Authorities, from.Authority, in, "/consent/authorities")
	to, member := in.Municipality(s.WishedMunicipality)
	if member && !s.Consent.Names(to.Authority, actor.Municipality) {
		wrong.add(ErrConsentWithoutReceiver, "/consent/authorities")
	}
	facts := Facts{Group: s.TargetGroup, RightTime: s.RightTime, Wished: s.WishedInitiative}
	if initiative, ok := Fitting(in, s.WishedMunicipality, civil.DateOf(now), facts, nil); ok {
		wrong.checklist(initiative, s.RightTime, "/rightTime")
	}
	if !member {
		wrong.add(ErrMunicipality, "/wishedMunicipality")
	} else if s.WishedInitiative != "" {
		wrong.wish(in, s.WishedInitiative, s.WishedMunicipality, now, "/wishedInitiative")
	}
	if personnummer.Contains(s.ExternalReference) {
		wrong.add(ErrReferenceIsIdentity, "/externalReference")
	}
	s.Contact.check(&wrong, "/contact")
	return wrong.fault()
}
