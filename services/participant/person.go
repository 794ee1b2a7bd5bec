package participant

import (
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
)

// Person is somebody in the vault. Who it is stands sealed in Identity and
// Contact, and nowhere else in the whole system; the steps bear no identity.
type Person struct {
	Association string       `json:"association"`
	ID          string       `json:"id"`       // random, tells nothing
	Lookup      string       `json:"lookup"`   // keyed function of the canonical number
	Identity    []byte       `json:"identity"` // sealed Identity
	Contact     []byte       `json:"contact"`  // sealed Contact; none for a protected person
	Steps       []PersonStep `json:"steps"`
}

// PersonStepKind names what happened to what is known of a person.
type PersonStepKind string

// The kinds of step.
const (
	Registered       PersonStepKind = "registered"        // first known here
	ConsentGiven     PersonStepKind = "consent_given"     // with a referral
	ConsentWithdrawn PersonStepKind = "consent_withdrawn" // for a referral
	Enrolled         PersonStepKind = "enrolled"          // belongs to a municipality's initiative from now on
	Released         PersonStepKind = "released"          // a referral came to nothing: the municipality asked has no more to do with the person
	Mistaken         PersonStepKind = "mistaken"          // a referral was entered in error: neither has its sender
	ConsentExtended  PersonStepKind = "consent_extended"  // the sender amended the referral
	TransferAsked    PersonStepKind = "transfer_asked"    // another municipality is asked to take a referral over
	TransferEnded    PersonStepKind = "transfer_ended"    // it will not: it has no more to do with the person
	HandedOver       PersonStepKind = "handed_over"       // it did: neither has the one that had the referral
	Protected        PersonStepKind = "protected"         // identity protected, or protected otherwise
	Unprotected      PersonStepKind = "unprotected"       // protection removed
	ContactChanged   PersonStepKind = "contact_changed"   // a later referral gave other ways to reach the person
)

// PersonStep is one thing that happened. Authority is the one that it happened
// for: with a referral its sender, else that of anyone who did it.
type PersonStep struct {
	N            int64           `json:"n"`
	At           time.Time       `json:"at"`
	By           string          `json:"by"`
	Authority    string          `json:"authority"`
	Kind         PersonStepKind  `json:"kind"`
	Cause        string          `json:"cause,omitempty"`       // id of the event that led to it
	TraceParent  string          `json:"traceparent,omitempty"` // the request that it came with
	Referral     string          `json:"referral,omitempty"`
	Enrolment    string          `json:"enrolment,omitempty"`
	Unit         string          `json:"unit,omitempty"`         // the sender's, of consent_given
	Municipality string          `json:"municipality,omitempty"` // wished, or that of the enrolment
	Authorities  []string        `json:"authorities,omitempty"`  // between which consent lifts secrecy
	TextVersion  string          `json:"textVersion,omitempty"`  // of the consent's text
	GivenOn      civil.Date      `json:"givenOn,omitempty"`
	Unshared     []string        `json:"unshared,omitempty"` // of enrolled: what the consent keeps from the sender
	Level        ProtectionLevel `json:"level,omitempty"`
	Handlers     []string        `json:"handlers,omitempty"` // subjects at Authority
	Text         []byte          `json:"text,omitempty"`     // sealed
}

// ProtectionLevel is how strongly an identity is protected.
type ProtectionLevel string

// The levels (Population Registration Act, OSL 22:1, Act on Assumed Identity).
const (
	NoProtection           ProtectionLevel = ""
	ConfidentialityMarking ProtectionLevel = "confidentiality_marking" // sekretessmarkering
	ProtectedRegistration  ProtectionLevel = "protected_registration"  // skyddad folkbokföring
	AssumedIdentity        ProtectionLevel = "assumed_identity"        // fingerade personuppgifter
)

// What a person's rules answer.
var (
	ErrConsentGone = fault.New(fault.Conflict, "consent-already-withdrawn",
		"Samtycket är redan återkallat.", "The consent has been withdrawn already.")
	ErrNoConsent = fault.New(fault.Unprocessable, "no-such-consent",
		"Det finns inget samtycke för den remissen.", "There is no consent for that referral.")
	ErrNotProtected = fault.New(fault.Conflict, "not-protected",
		"Personens uppgifter är inte skyddade.", "The person's identity is not protected.")
)

// Who takes a step, for which authority, and by which request (W3C traceparent).
type Who struct{ By, Authority, TraceParent string }

func (p *Person) step(kind PersonStepKind, who Who, now time.Time) *PersonStep {
	p.Steps = append(p.Steps, PersonStep{
		N: int64(len(p.Steps)) + 1, At: stamp(now), By: who.By, Authority: who.Authority, Kind: kind, TraceParent: who.TraceParent,
	})
	return &p.Steps[len(p.Steps)-1]
}

// stamp is how an instant stands in a document.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// WithdrawConsent ends the sharing that a referral's consent allowed.
func (p *Person) WithdrawConsent(referral string, text []byte, who Who, now time.Time) error {
	c, ok := p.Consent(referral)
	switch {
	case !ok:
		return ErrNoConsent.AtField("/referral")
	case !c.InForce():
		return ErrConsentGone
	}
	s := p.step(ConsentWithdrawn, who, now)
	s.Referral, s.Text = referral, text
	return nil
}

// Protect hides the identity from all but the handlers, who are subjects at the
// authority of who, and destroys what could lead to the person's home at once.
func (p *Person) Protect(level ProtectionLevel, handlers []string, who Who, now time.Time) error {
	if err := noNumber("/handlers", handlers...); err != nil {
		return err
	}
	s := p.step(Protected, who, now)
	s.Level, s.Handlers = level, slices.Clone(handlers)
	p.Contact = nil
	return nil
}

// Unprotect shows the identity again; ErrNotProtected when it is not hidden.
func (p *Person) Unprotect(text []byte, who Who, now time.Time) error {
	if p.Protection() == NoProtection {
		return ErrNotProtected
	}
	p.step(Unprotected, who, now).Text = text
	return nil
}

// Reach keeps other ways to reach the person, sealed; never for a protected one,
// and then it answers false.
func (p *Person) Reach(contact []byte, referral string, who Who, now time.Time) bool {
	if p.Protection() != NoProtection {
		return false
	}
	p.Contact = contact
	p.step(ContactChanged, who, now).Referral = referral
	return true
}

// Protection returns the level that holds now.
func (p *Person) Protection() ProtectionLevel { return p.protection().Level }

// protection returns the step that set the present protection, or the zero step.
func (p *Person) protection() PersonStep {
	for _, s := range slices.Backward(p.Steps) {
		switch s.Kind {
		case Protected:
			return s
		case Unprotected:
			return PersonStep{}
		}
	}
	return PersonStep{}
}

// Enrol notes that the person now belongs to a municipality's initiative. The
// same enrolment again changes nothing; then it answers false.
func (p *Person) Enrol(e *Enrolment, cause string, who Who, now time.Time) bool {
	if slices.ContainsFunc(p.Steps, func(s PersonStep) bool { return s.Kind == Enrolled && s.Enrolment == e.ID }) {
		return false
	}
	s := p.step(Enrolled, who, now)
	s.Enrolment, s.Referral, s.Municipality, s.Unshared, s.Cause = e.ID, e.Referral, e.Municipality, e.Unshared, cause
	return true
}

// Release ends what a referral that came to nothing tied to the person: the
// municipality that was asked and, when it was entered in error, its sender. A
// referral that ends after its acceptance releases nothing: the enrolment is the
// tie then. The same referral again changes nothing; then it answers false.
func (p *Person) Release(referral string, mistaken bool, cause string, who Who, now time.Time) bool {
	kind := Released
	if mistaken {
		kind = Mistaken
	}
	if _, known := p.Consent(referral); !known || p.has(kind, referral) {
		return false
	}
	s := p.step(kind, who, now)
	s.Referral, s.Cause = referral, cause
	return true
}

func (p *Person) has(kind PersonStepKind, referral string) bool {
	return slices.ContainsFunc(p.Steps, func(s PersonStep) bool { return s.Kind == kind && s.Referral == referral })
}

// NewPerson creates a person who is first known by a referral.
func NewPerson(association, id, lookup string, identity, contact []byte, referral string, who Who, now time.Time) *Person {
	p := &Person{Association: association, ID: id, Lookup: lookup, Identity: identity, Contact: contact}
	p.step(Registered, who, now).Referral = referral
	return p
}
