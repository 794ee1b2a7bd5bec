package participant

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/personnummer"
)

// Identity is who a person is; it is stored encrypted only.
type Identity struct {
	Number     personnummer.Number `json:"number"`
	GivenName  string              `json:"givenName"`
	FamilyName string              `json:"familyName"`
	Gender     string              `json:"gender,omitempty"` // as stated, never derived
}

// Name returns the whole name; empty when none is known.
func (i Identity) Name() string { return strings.TrimSpace(i.GivenName + " " + i.FamilyName) }

// Contact is how a person is reached; it is stored encrypted only, and never for a
// person whose identity is protected.
type Contact struct {
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// Details are an identity with its contact. An empty field says nothing.
type Details struct {
	Identity
	Contact
}

// Field names a part of the details that a statement can say and a rectification can
// settle. The number is not one: another number is another person.
type Field string

// The fields.
const (
	FieldGivenName  Field = "givenName"
	FieldFamilyName Field = "familyName"
	FieldGender     Field = "gender"
	FieldEmail      Field = "email"
	FieldPhone      Field = "phone"
)

// Fields lists the fields in the order in which they are shown.
var Fields = []Field{FieldGivenName, FieldFamilyName, FieldGender, FieldEmail, FieldPhone}

// isContact reports whether the field is a way to reach the person.
func (f Field) isContact() bool { return f == FieldEmail || f == FieldPhone }

// At returns where the details have a field.
func (d *Details) At(f Field) *string {
	switch f {
	case FieldGivenName:
		return &d.GivenName
	case FieldFamilyName:
		return &d.FamilyName
	case FieldGender:
		return &d.Gender
	case FieldEmail:
		return &d.Email
	default:
		return &d.Phone
	}
}

// isSame reports whether two values of a field say the same: names and addresses without
// regard to case and blanks, telephone numbers by their digits.
func (f Field) isSame(a, b string) bool {
	if f == FieldPhone {
		digits := func(r rune) rune {
			if unicode.IsDigit(r) {
				return r
			}
			return -1
		}
		return strings.Map(digits, a) == strings.Map(digits, b)
	}
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

// Said is what a later referral than the first says of who the person is, encrypted.
// What the first one said is Person.Identity and Person.Contact.
type Said struct {
	Referral string `json:"referral"`
	Identity []byte `json:"identity"`
	Contact  []byte `json:"contact,omitempty"` // none for a protected person
}

// Statement is what one referral says of who the person is.
type Statement struct {
	Referral string
	Source   string // the sending authority
	N        int64  // of the step that it came with
	At       time.Time
	Details  Details
}

// SealedStatement is a Statement whose details are encrypted. The parts say what the
// texts are bound to.
type SealedStatement struct {
	Statement
	Identity, Contact         []byte
	IdentityPart, ContactPart string
}

// Statements lists what the referrals say of who the person is, in the order in which it
// came. A referral that was entered in error says nothing, unless nobody else does. Of a
// person who was stored before statements were kept, only the first name and gender and
// the last contact are known, and whose they are follows from the steps.
func (s *PersonStatus) Statements() (all []SealedStatement) {
	p := s.Person
	contact := 0 // the step with which Person.Contact came
	for i := range p.Steps {
		step := &p.Steps[i]
		if step.Kind == ContactChanged {
			contact = i
		}
		if step.Kind != ConsentGiven {
			continue
		}
		if i := slices.IndexFunc(p.Said, func(x Said) bool { return x.Referral == step.Referral }); i >= 0 {
			said, id := p.Said[i], step.Referral
			all = append(all, s.sealedStatement(step, SealedStatement{
				Identity: said.Identity, IdentityPart: "identity/" + id, Contact: said.Contact, ContactPart: "contact/" + id,
			}))
		}
	}
	first := []SealedStatement{s.sealedStatement(&p.Steps[0], SealedStatement{Identity: p.Identity, IdentityPart: "identity"})}
	if contact == 0 {
		first[0].Contact, first[0].ContactPart = p.Contact, "contact"
	} else if len(p.Contact) > 0 {
		first = append(first, s.sealedStatement(&p.Steps[contact], SealedStatement{Contact: p.Contact, ContactPart: "contact"}))
	}
	mistaken := func(st SealedStatement) bool { tie := s.referral(st.Referral); return tie != nil && tie.Mistaken }
	all = slices.DeleteFunc(all, mistaken)
	if len(all) > 0 {
		first = slices.DeleteFunc(first, mistaken)
	}
	all = append(first, all...)
	slices.SortStableFunc(all, func(a, b SealedStatement) int { return int(a.N - b.N) })
	return all
}

// sealedStatement returns a statement that came with a step.
func (s *PersonStatus) sealedStatement(step *PersonStep, st SealedStatement) SealedStatement {
	st.Referral, st.Source, st.N, st.At = step.Referral, step.Authority, step.N, step.At
	if tie := s.referral(step.Referral); tie != nil {
		st.Source = tie.Consent.Authority
	}
	return st
}

// Change is what something was and what it is.
type Change[T any] struct {
	Old T `json:"old"`
	New T `json:"new"`
}

// Rectification settles fields of the identity: what they were and what they are.
type Rectification struct {
	N         int64
	Authority string // of who settled
	Reason    string
	Change[Details]
}

// Difference is a field of which a source says otherwise than what is settled.
type Difference struct {
	Field    Field
	Source   string
	Referral string
	At       time.Time
	Value    string
}

// Settle returns the details that statements and rectifications, each in the order of
// their steps, amount to, and where sources differ from them. A field is as it was
// rectified last, else as it was said first; a contact is the last of the source that said
// one first. A source differs by the last that it said, and no longer by what it said
// before the field was rectified.
func Settle(said []Statement, rectified []Rectification) (settled Details, differences []Difference) {
	for _, f := range Fields {
		var since int64
		value := settled.At(f)
		for i := range rectified {
			if v := *rectified[i].New.At(f); v != "" {
				*value, since = v, rectified[i].N
			}
		}
		last, source := lastBySource(said, f), ""
		for i := 0; *value == "" && i < len(said); i++ {
			*value, source = *said[i].Details.At(f), said[i].Source
		}
		for _, st := range last {
			if f.isContact() && st.Source == source {
				*value = *st.Details.At(f)
			}
		}
		for _, st := range last {
			if v := *st.Details.At(f); st.N > since && !f.isSame(v, *value) {
				differences = append(differences, Difference{Field: f, Source: st.Source, Referral: st.Referral, At: st.At, Value: v})
			}
		}
	}
	return settled, differences
}

// lastBySource returns of each source the last statement that says something of the
// field, in the order of the statements.
func lastBySource(said []Statement, f Field) (last []Statement) {
	for i, st := range said {
		isLater := func(later Statement) bool { return later.Source == st.Source && *later.Details.At(f) != "" }
		if *st.Details.At(f) != "" && !slices.ContainsFunc(said[i+1:], isLater) {
			last = append(last, st)
		}
	}
	return last
}

// Latest returns of each field the last that was said.
func Latest(said []Statement) (d Details) {
	for i := range said {
		for _, f := range Fields {
			if v := *said[i].Details.At(f); v != "" {
				*d.At(f) = v
			}
		}
	}
	return d
}

// ReadsSettled reports whether who has the relation to a person reads the settled
// identity: who receives, coaches or enrols, who has the person on a list, and the person. Who
// only sent a referral, or decided about one, reads what that referral said.
func ReadsSettled(r access.Relation) bool {
	return r == access.OwnMunicipality || r == access.OwnList || r == access.OwnParticipant
}

// OnlySent reports whether who has the relation to a person has only sent a referral.
// Nothing may tell a sender whether the person was known before.
func OnlySent(r access.Relation) bool { return r == access.OwnUnit || r == access.OwnAuthority }

// ReadsOf reports whether the caller, who may do the operation to the person, reads what a
// referral said. The person reads what the own applications said.
func (s *PersonStatus) ReadsOf(operation string, a actor.Actor, referral string) bool {
	relation, err := access.Decide(operation, a, s.Resource(a, referral))
	if err != nil {
		return false
	}
	tie := s.referral(referral)
	return relation != access.OwnParticipant || tie != nil && tie.Consent.Authority == a.Authority
}

// State adds what another referral than the first says of who the person is, encrypted.
// The contact of a protected person is not kept.
func (p *Person) State(said Said) {
	if p.Status().Protection.Level != NoProtection {
		said.Contact = nil
	}
	p.Said = append(p.Said, said)
}

// Check returns personnummer.ErrNumberHere for a name with a personal identity number in it:
// names are shown where numbers are not. pointer is where in the body they are.
func (i Identity) Check(pointer string) error {
	return errors.Join(noNumber(pointer+"/givenName", i.GivenName), noNumber(pointer+"/familyName", i.FamilyName))
}

// Rectify settles the fields that are not empty. The encrypted change says what they were
// and are; that of the contact is apart, as a protection destroys it. ErrNothingRectified
// without a field; ErrContactProtected for the contact of a protected person.
func (p *Person) Rectify(fields Details, change, contact, text []byte, by history.Author, now time.Time) error {
	if fields == (Details{}) {
		return ErrNothingRectified
	}
	if err := fields.Identity.Check(""); err != nil {
		return err
	}
	for _, f := range Fields {
		if f.isContact() && *fields.At(f) != "" && p.Status().Protection.Level != NoProtection {
			return ErrContactProtected.AtField("/" + string(f))
		}
	}
	p.Steps = history.Append(p.Steps, PersonStep{Kind: Rectified, Change: change, Contact: contact, Text: text}, by, now)
	return nil
}

// forgetContacts destroys what could lead to the person's home.
func (p *Person) forgetContacts() {
	p.Contact = nil
	for i := range p.Said {
		p.Said[i].Contact = nil
	}
	for i := range p.Steps {
		p.Steps[i].Contact = nil
	}
}
