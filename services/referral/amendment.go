package referral

import (
	"slices"
	"strconv"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/personnummer"
)

// Amendment is what a sender corrected after sending, old and new. The referral's
// fields are as corrected; the old values are here, with the assessment of the target
// group when it was repeated, so that it remains known which input led to what.
//
// The person, the unit and the wished municipality cannot be corrected. Another person
// is another referral; and a municipality that has received one transfers it itself,
// with the consent of the other municipality and of the person. The wished initiative can,
// to one that the municipality performs which has the referral.
type Amendment struct {
	TargetGroup       *Change[TargetGroup] `json:"targetGroup,omitempty"`
	Consent           *Change[Consent]     `json:"consent,omitempty"`
	Reason            *Change[[]byte]      `json:"reason,omitempty"` // encrypted
	WishedInitiative  *Change[string]      `json:"wishedInitiative,omitempty"`
	ExternalReference *Change[string]      `json:"externalReference,omitempty"`
	Contact           *Change[[]byte]      `json:"contact,omitempty"`    // encrypted
	RightTime         bool                 `json:"rightTime,omitempty"`  // the answers to the checklist, which are in the assessments
	Met               *Change[Verdict]     `json:"met,omitempty"`        // with Assessment
	Assessment        *Change[[]byte]      `json:"assessment,omitempty"` // encrypted; nil: no input of it was corrected
}

// Change is one corrected field.
type Change[T any] struct {
	Old T `json:"old"`
	New T `json:"new"`
}

// Changes is what a sender wants corrected; nil leaves a field as it is.
type Changes struct {
	TargetGroup       *TargetGroup
	Consent           *Consent // extended: at least what it covered before
	Reason            *string  // plain text
	WishedInitiative  *string
	WithoutWish       bool // none is wished for any more
	ExternalReference *string
	Contact           *Contact
	WithoutContact    bool            // the contact is removed
	RightTime         *[]TimelyAnswer // all answers; what is left out is unknown
	Self              bool            // the person amends, as the token says
}

// Plain is what a referral keeps encrypted, decrypted.
type Plain struct {
	Reason   string
	Assessed *Assessment // nil: not assessed
	Contact  *Contact    // nil: none
}

// Encrypt encrypts content, bound to a context that decryption must repeat.
type Encrypt func(content []byte, context string) ([]byte, error)

// TextContext is what the encrypted texts of a referral are bound to.
func TextContext(id string) string { return "referral/" + id }

// Fields names the corrected fields as the contract does, sorted.
func (a *Amendment) Fields() []string {
	var names []string
	for name, set := range map[string]bool{
		"targetGroup": a.TargetGroup != nil, "consent": a.Consent != nil,
		"reason": a.Reason != nil, "externalReference": a.ExternalReference != nil,
		"rightTime": a.RightTime, "contact": a.Contact != nil, "wishedInitiative": a.WishedInitiative != nil,
	} {
		if set {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Amend applies the changes and repeats the assessment of the target group, by the
// present rules of the association, when one of its inputs changed. was holds the
// decrypted old values, encrypt protects the new ones; text, already encrypted, says
// why. ErrNothingAmended when nothing changes.
func (r *Referral) Amend(by history.Author, now time.Time, in *association.Association, c Changes, was Plain, encrypt Encrypt, text []byte) error {
	s := r.Status()
	if err := s.Check(Amended); err != nil {
		return err
	}
	// The age remains that of the day of receipt.
	facts := was.Assessed.facts(r.TargetGroup)
	answered := c.RightTime != nil && !areSameAnswers(*c.RightTime, facts.RightTime)
	if c.TargetGroup != nil {
		facts.Group = *c.TargetGroup
	}
	if c.RightTime != nil {
		facts.RightTime = *c.RightTime
	}
	facts.Wished = r.WishedInitiative
	if c.WithoutWish {
		facts.Wished = ""
	} else if c.WishedInitiative != nil {
		facts.Wished = *c.WishedInitiative
	}
	initiative, found := Fitting(in, s.Municipality, civil.DateOf(now), facts, was.Assessed)
	if err := c.check(s, in, initiative, now); err != nil {
		return err
	}
	a := &Amendment{}
	if c.TargetGroup != nil && !c.TargetGroup.isSame(r.TargetGroup) {
		a.TargetGroup = &Change[TargetGroup]{r.TargetGroup, *c.TargetGroup}
	}
	if c.Consent != nil && !c.Consent.isSame(r.Consent) {
		a.Consent = &Change[Consent]{r.Consent, *c.Consent}
	}
	if c.ExternalReference != nil && *c.ExternalReference != r.ExternalReference {
		a.ExternalReference = &Change[string]{r.ExternalReference, *c.ExternalReference}
	}
	if facts.Wished != r.WishedInitiative {
		a.WishedInitiative = &Change[string]{r.WishedInitiative, facts.Wished}
	}
	if c.Reason != nil && *c.Reason != was.Reason {
		encrypted, err := encrypt([]byte(*c.Reason), TextContext(r.ID))
		if err != nil {
			return err
		}
		a.Reason = &Change[[]byte]{r.Reason, encrypted}
	}
	if c.WithoutContact && was.Contact != nil || c.Contact != nil && (was.Contact == nil || *c.Contact != *was.Contact) {
		encrypted, err := c.Contact.Encrypt(r.ID, encrypt)
		if err != nil {
			return err
		}
		a.Contact = &Change[[]byte]{r.Contact, encrypted}
	}
	a.RightTime = answered && found
	if found && (a.TargetGroup != nil || a.RightTime || a.WishedInitiative != nil) {
		again := Assess(initiative, strconv.Itoa(initiative.Version), civil.DateOf(now), facts)
		encrypted, err := again.Encrypt(r.ID, encrypt)
		if err != nil {
			return err
		}
		a.Met, a.Assessment = &Change[Verdict]{r.TargetGroupMet, again.Met}, &Change[[]byte]{r.Assessment, encrypted}
	}
	if len(a.Fields()) == 0 {
		return ErrNothingAmended.AtField("/changes")
	}
	if err := r.Take(by, now, Step{Kind: Amended, Amendment: a, Text: text}); err != nil {
		return err
	}
	a.set(r, false)
	return nil
}

// check holds the changes against the rules of a submission; the fault names every
// field that is wrong.
func (c Changes) check(s *Status, in *association.Association, initiative association.Initiative, now time.Time) error {
	var wrong fieldErrors
	if c.RightTime != nil {
		wrong.checklist(initiative, *c.RightTime, "/changes/rightTime")
	}
	if c.Consent != nil {
		wrong.consentDate(c.Consent.GivenOn, now, "/changes/consent/givenOn")
		if personnummer.Contains(c.Consent.TextVersion) {
			wrong.add(personnummer.ErrNumberHere, "/changes/consent/textVersion")
		}
		if slices.ContainsFunc(c.Consent.Authorities, personnummer.Contains) {
			wrong.add(personnummer.ErrNumberHere, "/changes/consent/authorities")
		}
		if s.ConsentWithdrawnAt != nil {
			wrong.add(ErrConsentWithdrawn, "/changes/consent")
		}
		had := s.referral.Consent
		if c.Consent.GivenOn != had.GivenOn || c.Consent.TextVersion != had.TextVersion { // else it was taken before
			wrong.consentText(*c.Consent, in, now, "/changes/consent/textVersion")
		}
		if c.Consent.GivenOn < had.GivenOn {
			wrong.add(ErrConsentEarlier, "/changes/consent/givenOn")
		}
		added := slices.DeleteFunc(slices.Clone(c.Consent.Authorities), func(id string) bool { return slices.Contains(had.Authorities, id) })
		wrong.between(added, s.referral.Authority, in, "/changes/consent/authorities")
		if !c.Consent.extends(had) {
			wrong.add(ErrConsentNarrowed, "/changes/consent")
		}
	}
	if wished := c.WishedInitiative; wished != nil && *wished != s.referral.WishedInitiative {
		wrong.wish(in, *wished, s.Municipality, now, "/changes/wishedInitiative")
	}
	if c.WishedInitiative != nil && c.WithoutWish {
		wrong.add(ErrWishRemoved, "/changes/remove")
	}
	if c.ExternalReference != nil && c.Self {
		wrong.add(ErrReferenceOfPerson, "/changes/externalReference")
	}
	if c.ExternalReference != nil && personnummer.Contains(*c.ExternalReference) {
		wrong.add(ErrReferenceIsIdentity, "/changes/externalReference")
	}
	if c.Contact != nil && c.Self {
		wrong.add(ErrContactOfPerson, "/changes/contact")
	}
	if c.Contact != nil && c.WithoutContact {
		wrong.add(ErrContactRemoved, "/changes/remove")
	}
	c.Contact.check(&wrong, "/changes/contact")
	return wrong.fault()
}

// set sets the corrected fields: to what they were before when old is true, and else as
// they were corrected.
func (a *Amendment) set(r *Referral, old bool) {
	set(&r.TargetGroup, a.TargetGroup, old)
	set(&r.Consent, a.Consent, old)
	set(&r.Reason, a.Reason, old)
	set(&r.WishedInitiative, a.WishedInitiative, old)
	set(&r.ExternalReference, a.ExternalReference, old)
	set(&r.Contact, a.Contact, old)
	set(&r.TargetGroupMet, a.Met, old)
	set(&r.Assessment, a.Assessment, old)
}

func set[T any](field *T, c *Change[T], old bool) {
	switch {
	case c == nil:
	case old:
		*field = c.Old
	default:
		*field = c.New
	}
}
