package service

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/personnummer"
	"github.com/finsam/finsam/services/participant"
)

// IdentityView is what one caller reads of who a person is.
type IdentityView struct {
	participant.Details
	Differences    []participant.Difference // those of others have no value, nor a source that is not for the caller
	Statements     []participant.Statement  // that the caller may read besides
	Rectifications []participant.Rectification
}

// nameFor returns who a person is to a caller who may read it by the operation and the
// relation, without contact: what is settled, or what the own referrals said.
func (s *Service) nameFor(a actor.Actor, status *participant.PersonStatus, operation string, relation access.Relation) (participant.Identity, error) {
	settled := participant.ReadsSettled(relation)
	said, number, err := s.statements(status, false, func(st *participant.Statement) bool {
		return settled || status.ReadsOf(operation, a, st.Referral)
	})
	if err != nil {
		return participant.Identity{}, err
	}
	details := participant.Latest(said)
	if settled {
		rectified, err := s.rectifications(status)
		if err != nil {
			return participant.Identity{}, err
		}
		details, _ = participant.Settle(said, rectified)
	}
	details.Number = number
	return details.Identity, nil
}

// identityFor returns what a caller, who may read the identity by the operation and the
// relation, reads of it: what is settled, or what the own referrals said.
func (s *Service) identityFor(a actor.Actor, status *participant.PersonStatus, operation string, relation access.Relation) (*IdentityView, error) {
	v, readable, isPerson := &IdentityView{}, map[string]bool{}, relation == access.OwnParticipant
	said, number, err := s.statements(status, true, func(st *participant.Statement) bool {
		if readable[st.Referral] = status.ReadsOf(operation, a, st.Referral); readable[st.Referral] {
			v.Statements = append(v.Statements, *st)
		} else if !isPerson {
			st.Details.Contact = participant.Contact{} // given to another municipality
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if !participant.ReadsSettled(relation) {
		v.Details, v.Statements = participant.Latest(v.Statements), nil
		v.Number = number
		return v, nil
	}
	if v.Rectifications, err = s.rectifications(status); err != nil {
		return nil, err
	}
	for i := range v.Rectifications {
		if r := &v.Rectifications[i]; !isPerson && r.Authority != a.Authority {
			r.Old.Contact, r.New.Contact = participant.Contact{}, participant.Contact{}
		}
	}
	v.Details, v.Differences = participant.Settle(said, v.Rectifications)
	v.Number = number
	for i := range v.Differences {
		d := &v.Differences[i]
		if readable[d.Referral] {
			continue
		}
		d.Value = ""
		if !isPerson {
			d.Source = ""
		}
	}
	return v, nil
}

// statements decrypts what the referrals say that keep wants, with the contact or
// without, and returns it with the number.
func (s *Service) statements(status *participant.PersonStatus, contacts bool, keep func(*participant.Statement) bool) (said []participant.Statement, number personnummer.Number, err error) {
	id := status.Person.ID
	for _, sealed := range status.Statements() {
		st := sealed.Statement
		if st.Details.Identity, err = decryptJSON[participant.Identity](s.Cipher, sealed.Identity, personContext(id, sealed.IdentityPart)); err != nil {
			return nil, "", err
		}
		if contacts {
			if st.Details.Contact, err = decryptJSON[participant.Contact](s.Cipher, sealed.Contact, personContext(id, sealed.ContactPart)); err != nil {
				return nil, "", err
			}
		}
		number = cmp.Or(number, st.Details.Number)
		if keep(&st) {
			said = append(said, st)
		}
	}
	if number == "" { // what the first referral said is left out, as it was entered in error
		first, err := s.identityOf(status.Person)
		return said, first.Number, err
	}
	return said, number, nil
}

// What the changes of a rectification are bound to.
const (
	identityChange = "rectification/identity"
	contactChange  = "rectification/contact"
)

// rectifications decrypts what was settled.
func (s *Service) rectifications(status *participant.PersonStatus) (all []participant.Rectification, err error) {
	p := status.Person
	for i := range p.Steps {
		step := &p.Steps[i]
		if step.Kind != participant.Rectified {
			continue
		}
		identity, err := decryptJSON[participant.Change[participant.Identity]](s.Cipher, step.Change, personContext(p.ID, identityChange))
		if err != nil {
			return nil, err
		}
		contact, err := decryptJSON[participant.Change[participant.Contact]](s.Cipher, step.Contact, personContext(p.ID, contactChange))
		if err != nil {
			return nil, err
		}
		reason, err := s.Cipher.DecryptText(step.Text, personContext(p.ID, "text"))
		if err != nil {
			return nil, err
		}
		all = append(all, participant.Rectification{N: step.N, Authority: step.Authority, Reason: reason, Change: participant.Change[participant.Details]{
			Old: participant.Details{Identity: identity.Old, Contact: contact.Old}, New: participant.Details{Identity: identity.New, Contact: contact.New},
		}})
	}
	return all, nil
}

// Rectify settles the fields of a person's identity that fields has, and ends the
// differences in them: ErrNothingRectified when it has none, ErrContactProtected for the
// contact of a protected person. What a field was and is stays in the timeline, encrypted.
func (s *Service) Rectify(ctx context.Context, id string, ifVersion int64, fields participant.Details, reason string) (*PersonView, error) {
	const operation = "rectifyParticipant"
	return s.changePerson(ctx, operation, id, ifVersion, reason, func(p *participant.Person, text []byte) error {
		a, status := actor.From(ctx), p.Status()
		v, err := s.identityFor(a, status, operation, access.OwnMunicipality)
		if err != nil {
			return err
		}
		var old participant.Details
		for _, f := range participant.Fields {
			if *fields.At(f) != "" {
				*old.At(f) = *v.At(f)
			}
		}
		identity, err := encryptJSON(s.Cipher, participant.Change[participant.Identity]{Old: old.Identity, New: fields.Identity}, personContext(id, identityChange))
		if err != nil {
			return err
		}
		contact, err := encryptJSON(s.Cipher, participant.Change[participant.Contact]{Old: old.Contact, New: fields.Contact}, personContext(id, contactChange))
		if err != nil {
			return err
		}
		return p.Rectify(fields, identity, contact, text, guard.Author(ctx), s.Now())
	})
}

// keyedVersion returns a version that follows from a text and the key, so that only who
// has read it knows it. It has 52 bits, which every JSON number holds.
func (s *Service) keyedVersion(text string) (int64, error) {
	keyed, err := base64.RawURLEncoding.DecodeString(s.Cipher.Lookup(text))
	if err != nil || len(keyed) < 8 {
		return 0, fmt.Errorf("keyed version: %d bytes: %w", len(keyed), err)
	}
	return int64(binary.BigEndian.Uint64(keyed)>>12) | 1, nil
}
