// Package participant is the vault and the path: who a person is, which consent
// holds, and how the person's enrolment in an initiative proceeds.
//
// It has two nouns, Person and Enrolment. Both are a list of steps; everything else
// follows from the steps by pure functions, once: PersonStatus and Progress. Package
// service has the verbs, which load, decide by package access, ask the noun and save.
package participant

import (
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/personnummer"
)

// Person is somebody in the vault. Who it is, is encrypted in Identity and Contact, as the
// first referral said it, in Said, as later ones did, and in the steps that settled it; and
// nowhere else in the whole system.
type Person struct {
	Association string       `json:"association"`
	ID          string       `json:"id"`                // random, says nothing about the person
	Lookup      string       `json:"lookup"`            // keyed function of the canonical number
	Identity    []byte       `json:"identity"`          // encrypted Identity
	Contact     []byte       `json:"contact,omitempty"` // encrypted Contact; none for a protected person
	Said        []Said       `json:"said,omitempty"`    // by later referrals
	Steps       []PersonStep `json:"steps"`
}

// aliasLetters are those that nobody mistakes for one another (Crockford's base 32).
const aliasLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Alias returns what is shown instead of a protected person's name. It follows from
// the participant's id, so it is the same everywhere and says nothing more.
func Alias(id string) string {
	sum := sha256.Sum256([]byte("alias " + id))
	short := make([]byte, 4)
	for i := range short {
		short[i] = aliasLetters[sum[i]%32]
	}
	return "Deltagare " + string(short)
}

// PersonStepKind names what happened to what is known of a person.
type PersonStepKind string

// The kinds of step.
const (
	Registered       PersonStepKind = "registered"        // first known here
	ConsentGiven     PersonStepKind = "consent_given"     // with a referral
	ConsentExtended  PersonStepKind = "consent_extended"  // the sender amended the referral
	ConsentWithdrawn PersonStepKind = "consent_withdrawn" // for a referral
	ContactChanged   PersonStepKind = "contact_changed"   // before statements were kept: a later referral named other ways to reach the person
	Rectified        PersonStepKind = "rectified"         // fields of the identity were settled
	TransferAsked    PersonStepKind = "transfer_asked"    // another municipality is asked to take a referral over
	TransferEnded    PersonStepKind = "transfer_ended"    // it will not: it has no more to do with the person
	HandedOver       PersonStepKind = "handed_over"       // it did: neither has the one that had the referral
	Released         PersonStepKind = "released"          // a referral came to nothing: neither has the municipality that had it
	Mistaken         PersonStepKind = "mistaken"          // a referral was entered in error: neither has its sender
	Reopened         PersonStepKind = "reopened"          // a rejection was corrected: the municipality has the referral again
	Enrolled         PersonStepKind = "enrolled"          // belongs to a municipality's initiative
	JoiningEnded     PersonStepKind = "joining_ended"     // a referral should not have joined an enrolment: its sender follows no more
	Protected        PersonStepKind = "protected"         // identity protected, or protected otherwise
	Unprotected      PersonStepKind = "unprotected"       // protection removed
)

// PersonStep is one thing that happened. Its authority and unit are those for which it
// happened: with a referral the sender's, else those of who did it.
type PersonStep struct {
	history.Entry
	Kind         PersonStepKind  `json:"kind"`
	Referral     string          `json:"referral,omitempty"`
	Enrolment    string          `json:"enrolment,omitempty"`
	Municipality string          `json:"municipality,omitempty"` // wished, asked, that of the enrolment, or that rejected
	Authorities  []string        `json:"authorities,omitempty"`  // between which consent lifts secrecy
	TextVersion  string          `json:"textVersion,omitempty"`  // of the consent's text
	GivenOn      civil.Date      `json:"givenOn,omitempty"`
	Unshared     []string        `json:"unshared,omitempty"` // of enrolled: what the consent keeps from the sender
	Answers      bool            `json:"answers,omitempty"`  // of enrolled, by a referral that joined: its sender is asked at the check-ins
	Level        ProtectionLevel `json:"level,omitempty"`
	Handlers     []string        `json:"handlers,omitempty"` // the authority's from now on: subjects there
	Text         []byte          `json:"text,omitempty"`     // encrypted
	Change       []byte          `json:"change,omitempty"`   // of rectified: encrypted Change of the identity
	Contact      []byte          `json:"contact,omitempty"`  // of rectified: encrypted Change of the contact; none for a protected person
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

// levels are in the order of their strength.
var levels = []ProtectionLevel{NoProtection, ConfidentialityMarking, ProtectedRegistration, AssumedIdentity}

// isBelow reports whether a level protects less than another.
func (l ProtectionLevel) isBelow(other ProtectionLevel) bool {
	return slices.Index(levels, l) < slices.Index(levels, other)
}

// Protection is how an identity is protected. Each authority that performs something for
// the person has handlers of its own, who are subjects there: the same subject elsewhere
// is somebody else.
type Protection struct {
	Level    ProtectionLevel
	Handlers map[string][]string // by authority
}

// with returns the protection after a step of kind Protected: handlers of other authorities
// than the step's stay.
func (p Protection) with(s *PersonStep) Protection {
	handlers := maps.Clone(p.Handlers)
	if handlers == nil {
		handlers = map[string][]string{}
	}
	handlers[s.Authority] = s.Handlers
	return Protection{s.Level, handlers}
}

// PersonStatus is what the steps of a person amount to.
type PersonStatus struct {
	State      PersonState
	Protection Protection
	Referrals  []ReferralTie   // in the order in which their consents were given
	Enrolments []*PersonStep   // of kind Enrolled
	Person     *Person         // whose status it is
	causes     map[string]bool // ids of the events that led to a step
}

// ReferralTie is what one referral ties to the person.
type ReferralTie struct {
	Consent   Consent
	Holder    string // municipality that has the referral; empty: none any more
	Candidate string // municipality that is asked to take it over
	Released  bool   // it came to nothing
	Decider   string // municipality that rejected it; empty: none
	Mistaken  bool   // it was entered in error
}

// Status follows the steps.
func (p *Person) Status() *PersonStatus {
	st := &PersonStatus{causes: map[string]bool{}, Person: p}
	for i := range p.Steps {
		s := &p.Steps[i]
		st.State, _ = personTable.Next(st.State, s.Kind, "")
		if s.Cause != "" {
			st.causes[s.Cause] = true
		}
		switch s.Kind {
		case Enrolled:
			st.Enrolments = append(st.Enrolments, s)
			if tie := st.referral(s.Referral); tie != nil {
				tie.Consent.Withheld = s.Unshared
			}
		case JoiningEnded:
			st.Enrolments = slices.DeleteFunc(st.Enrolments, func(e *PersonStep) bool { return e.Enrolment == s.Enrolment && e.Referral == s.Referral })
			if tie := st.referral(s.Referral); tie != nil {
				tie.Consent.Withheld = nil
			}
		case Protected:
			st.Protection = st.Protection.with(s)
		case Unprotected:
			st.Protection = Protection{}
		case ConsentGiven:
			st.Referrals = append(st.Referrals, ReferralTie{Holder: s.Municipality, Consent: Consent{
				Referral: s.Referral, Authority: s.Authority, Unit: s.Unit, Municipality: s.Municipality,
				Authorities: s.Authorities, TextVersion: s.TextVersion, GivenOn: s.GivenOn, From: s.At,
			}})
		default:
			if tie := st.referral(s.Referral); tie != nil {
				tie.follow(s)
			}
		}
	}
	return st
}

func (t *ReferralTie) follow(s *PersonStep) {
	switch s.Kind {
	case ConsentExtended:
		t.Consent.Authorities, t.Consent.TextVersion, t.Consent.GivenOn = s.Authorities, s.TextVersion, s.GivenOn
	case ConsentWithdrawn:
		t.Consent.Until = s.At
		t.Candidate = "" // the consent was what opened the person to it
	case TransferAsked:
		t.Candidate = s.Municipality
	case TransferEnded:
		t.Candidate = ""
	case HandedOver:
		t.Holder, t.Candidate = s.Municipality, ""
	case Released:
		t.Holder, t.Candidate, t.Released, t.Decider = "", "", true, s.Municipality
	case Reopened:
		t.Holder, t.Released, t.Decider = s.Municipality, false, ""
	case Mistaken:
		t.Holder, t.Candidate, t.Decider, t.Mistaken = "", "", "", true
	}
}

// referral returns what a referral ties to the person; nil when it is not known.
func (s *PersonStatus) referral(id string) *ReferralTie {
	i := slices.IndexFunc(s.Referrals, func(t ReferralTie) bool { return t.Consent.Referral == id })
	if i < 0 {
		return nil
	}
	return &s.Referrals[i]
}

// Operations lists what the state allows; who may do it is another question.
func (s *PersonStatus) Operations() []string { return personTable.Operations(s.State) }

// NewPerson creates a person who is first known by a referral.
func NewPerson(association, id, lookup string, identity, contact []byte, referral string, by history.Author, now time.Time) *Person {
	return &Person{
		Association: association, ID: id, Lookup: lookup, Identity: identity, Contact: contact,
		Steps: history.Append(nil, PersonStep{Kind: Registered, Referral: referral}, by, now),
	}
}

// Protect hides the identity from all but the handlers, who are subjects at the
// author's authority, and destroys at once what could lead to the person's home. Nil
// handlers leave those as they are. Who protects a person first names the first handlers,
// as it takes from others what they could see and opens nothing to anybody; after that
// only who appoints may change them (ErrAppoint). It never lowers a protection
// (ErrLowered): Lower does.
func (p *Person) Protect(level ProtectionLevel, handlers []string, appoints bool, by history.Author, now time.Time) error {
	if err := noNumber("/handlers", handlers...); err != nil {
		return err
	}
	was := p.Status().Protection
	named := was.Handlers[by.Authority]
	switch {
	case level.isBelow(was.Level):
		return ErrLowered.AtField("/level")
	case handlers == nil:
		handlers = named
	case was.Level != NoProtection && !appoints && !sameSet(handlers, named):
		return ErrAppoint.AtField("/handlers")
	}
	p.protect(level, handlers, nil, by, now)
	return nil
}

// protect takes a step of kind Protected.
func (p *Person) protect(level ProtectionLevel, handlers []string, text []byte, by history.Author, now time.Time) {
	p.forgetContacts()
	p.Steps = history.Append(p.Steps, PersonStep{Kind: Protected, Level: level, Handlers: slices.Clone(handlers), Text: text}, by, now)
}

// sameSet reports whether two lists without repetitions name the same.
func sameSet(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x string) bool { return !slices.Contains(b, x) })
}

// Raise protects the person as strongly as a sender says that it must be; a protection that
// is as strong stays as it is. A sender names no handlers: the performing authority does.
func (p *Person) Raise(level ProtectionLevel, by history.Author, now time.Time) {
	if was := p.Status().Protection; was.Level.isBelow(level) {
		p.protect(level, was.Handlers[by.Authority], nil, by, now)
	}
}

// Protections lists the steps by which the person is protected now, in their order: each
// names the handlers of one authority.
func (p *Person) Protections() []PersonStep {
	return history.InForce(p.Steps, func(s *PersonStep) PersonStepKind { return s.Kind }, Protected, Unprotected)
}

// Lower sets a weaker level of protection, with the handlers as they are: ErrNotProtected
// of an open person, ErrNotLower when the level is as strong or stronger.
func (p *Person) Lower(level ProtectionLevel, text []byte, by history.Author, now time.Time) error {
	was := p.Status().Protection
	switch {
	case was.Level == NoProtection:
		return ErrNotProtected
	case !level.isBelow(was.Level):
		return ErrNotLower.AtField("/level")
	}
	p.protect(level, was.Handlers[by.Authority], text, by, now)
	return nil
}

// Unprotect shows the identity again; ErrNotProtected when it is not hidden.
func (p *Person) Unprotect(text []byte, by history.Author, now time.Time) error {
	if !personTable.Allows(p.Status().State, Unprotected) {
		return ErrNotProtected
	}
	p.Steps = history.Append(p.Steps, PersonStep{Kind: Unprotected, Text: text}, by, now)
	return nil
}

// Enrol notes that the person belongs to a municipality's initiative. It reports
// whether that was new: the same enrolment again changes nothing.
func (p *Person) Enrol(e *Enrolment, cause string, by history.Author, now time.Time) bool {
	return p.Join(e, e.Referral, e.Unshared, false, cause, by, now)
}

// Join notes that another referral joins an enrolment of the person: its sender follows it
// from now on, as far as its consent goes, and answers check-ins if it is asked. It reports
// whether that was new.
func (p *Person) Join(e *Enrolment, referral string, unshared []string, answers bool, cause string, by history.Author, now time.Time) bool {
	st := p.Status()
	if st.causes[cause] || slices.ContainsFunc(st.Enrolments, func(s *PersonStep) bool { return s.Enrolment == e.ID && s.Referral == referral }) {
		return false
	}
	p.Steps = history.Append(p.Steps, PersonStep{
		Kind: Enrolled, Enrolment: e.ID, Referral: referral, Municipality: e.Municipality, Unshared: unshared, Answers: answers,
		Entry: history.Entry{Cause: cause},
	}, by, now)
	return true
}

// EndJoining notes that a referral should not have joined an enrolment: its sender follows
// that no more. It reports whether that was new; of a referral that has joined none nothing is.
func (p *Person) EndJoining(referral, cause string, by history.Author, now time.Time) bool {
	st := p.Status()
	i := slices.IndexFunc(st.Enrolments, func(s *PersonStep) bool {
		return s.Referral == referral && s.Enrolment != EnrolmentID(p.Association, referral)
	})
	if i < 0 || st.causes[cause] {
		return false
	}
	p.Steps = history.Append(p.Steps, PersonStep{
		Kind: JoiningEnded, Enrolment: st.Enrolments[i].Enrolment, Referral: referral, Entry: history.Entry{Cause: cause},
	}, by, now)
	return true
}

// Joined lists the steps by which other referrals have joined an enrolment, but those that
// were withdrawn since, or whose joining was a mistake.
func (s *PersonStatus) Joined(e *Enrolment) (joined []*PersonStep) {
	for _, step := range s.Enrolments {
		if step.Enrolment != e.ID || step.Referral == e.Referral {
			continue
		}
		if tie := s.referral(step.Referral); tie != nil && !tie.Released && !tie.Mistaken {
			joined = append(joined, step)
		}
	}
	return joined
}

// Release ends what a referral that came to nothing tied to the person: the
// municipality that had it and, when it was entered in error, its sender. The one that
// rejected it stays known as who decided. A referral that ends after its acceptance
// releases nothing: the enrolment is the tie then. It reports whether that was new.
func (p *Person) Release(referral string, mistaken, rejected bool, cause string, by history.Author, now time.Time) bool {
	st := p.Status()
	tie, kind := st.referral(referral), Released
	if mistaken {
		kind = Mistaken
	}
	if tie == nil || st.causes[cause] || mistaken && tie.Mistaken || !mistaken && tie.Released {
		return false
	}
	s := PersonStep{Kind: kind, Referral: referral, Entry: history.Entry{Cause: cause}}
	if rejected {
		s.Municipality = tie.Holder
	}
	p.Steps = history.Append(p.Steps, s, by, now)
	return true
}

// Transfer notes what became of the question to a municipality whether it takes a
// referral over, TransferAsked, TransferEnded or HandedOver, or that its municipality has
// it again after a corrected rejection, Reopened. It reports whether that was new; of a
// referral that is not known nothing is.
func (p *Person) Transfer(kind PersonStepKind, referral, municipality, cause string, by history.Author, now time.Time) bool {
	if st := p.Status(); st.referral(referral) == nil || st.causes[cause] {
		return false
	}
	p.Steps = history.Append(p.Steps, PersonStep{
		Kind: kind, Referral: referral, Municipality: municipality, Entry: history.Entry{Cause: cause},
	}, by, now)
	return true
}

// noNumber returns personnummer.ErrNumberHere for codes with a personal identity
// number in them: codes are stored and shown in clear.
func noNumber(pointer string, codes ...string) error {
	if slices.ContainsFunc(codes, personnummer.Contains) {
		return personnummer.ErrNumberHere.AtField(pointer)
	}
	return nil
}
