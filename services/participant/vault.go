package participant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/personnummer"
	"github.com/finsam/finsam/pkg/store"
)

// PersonInput is a referred person, as the sender tells of it.
type PersonInput struct {
	Number     string // as typed
	GivenName  string
	FamilyName string
	Gender     string
	Contact    Contact
	Consent    NewConsent
}

// Put files a referred person and gives the participant's id: the same for the
// same number, also when two post the same new person at once. Repeated for the
// same referral it changes nothing.
func (s *Service) Put(ctx context.Context, in PersonInput) (string, error) {
	a, now := actor.From(ctx), s.Now()
	own := access.Resource{Association: a.Association, Participant: a.Participant,
		Relationships: []access.Relationship{{Authority: in.Consent.Authority, Unit: in.Consent.Unit, Municipality: in.Consent.Municipality}}}
	if _, err := access.Decide("createReferral", a, own); err != nil {
		return "", errors.Join(s.touch(ctx, "putPerson", "referral/"+in.Consent.Referral, err), err)
	}
	number, err := personnummer.Parse(in.Number, civil.DateOf(now))
	if err != nil {
		return "", fault.Of(err).AtField("/person/personalIdentityNumber")
	}
	birth, known := number.BirthDate()
	if !known { // every rule on ages needs the date
		return "", personnummer.ErrInvalid.AtField("/person/personalIdentityNumber")
	}
	if err := happened(in.Consent.GivenOn, birth, civil.DateOf(now), "/consent/givenOn"); err != nil {
		return "", err
	}
	if err := in.Consent.codes(); err != nil {
		return "", err
	}
	id, err := s.put(ctx, a.Association, number, in, now)
	if err != nil {
		return "", err
	}
	s.wrote()
	return id, nil
}

// AgeNow returns the age in whole years, today, of the person with the number; nil
// when the text is no number or the number names no date of birth.
func (s *Service) AgeNow(number string) *int {
	on := civil.DateOf(s.Now())
	n, err := personnummer.Parse(number, on)
	if err != nil {
		return nil
	}
	years, known := n.AgeOn(on)
	if !known {
		return nil
	}
	return &years
}

// ErrNotYou answers a person who applies with somebody else's number.
var ErrNotYou = fault.New(fault.Unprocessable, "number-not-yours",
	"Personnumret är inte det som du är inloggad med.", "The personal identity number is not the one that you are signed in with.")

// puts bounds how often two first posts of one person may meet.
const puts = 3

func (s *Service) put(ctx context.Context, association string, number personnummer.Number, in PersonInput, now time.Time) (string, error) {
	lookups, who := s.Cipher.Lookups(string(number)), actor.From(ctx)
	for range puts {
		known, found, err := s.personByLookup(ctx, association, lookups)
		if err != nil {
			return "", err
		}
		if self, _ := access.Scope("createReferral", who); self == access.OwnParticipant && (!found || known.Value.ID != who.Participant) {
			return "", ErrNotYou.AtField("/person/personalIdentityNumber")
		}
		if found {
			return s.refer(ctx, association, known.Value.ID, in, now)
		}
		p, err := s.newPerson(ctx, association, number, lookups[0], in, now)
		if err != nil {
			return "", err
		}
		// Noted before it is written, so that both become durable together.
		if err := s.touch(ctx, "putPerson", "participant/"+p.ID, nil, p.ID); err != nil {
			return "", err
		}
		if _, err = s.people.Insert(ctx, p); err == nil {
			return p.ID, nil
		} else if !errors.Is(err, store.ErrTaken) {
			return "", err
		}
	}
	return "", fault.ErrUnavailable.Because(errors.New("a person is taken and yet not found"))
}

func (s *Service) newPerson(ctx context.Context, association string, number personnummer.Number, lookup string, in PersonInput, now time.Time) (*Person, error) {
	id, who := s.NewID(), hand(ctx)
	identity, err := s.sealJSON(Identity{Number: number, GivenName: in.GivenName, FamilyName: in.FamilyName, Gender: in.Gender}, identityOf(id))
	if err != nil {
		return nil, err
	}
	contact, err := s.sealContact(in.Contact, id)
	if err != nil {
		return nil, err
	}
	p := NewPerson(association, id, lookup, identity, contact, in.Consent.Referral, who, now)
	p.GiveConsent(in.Consent, who, now)
	return p, nil
}

// refer adds what another referral brings: its consent, and other ways to reach
// the person. Name and gender stay as they were first given.
func (s *Service) refer(ctx context.Context, association, id string, in PersonInput, now time.Time) (string, error) {
	if err := s.touch(ctx, "putPerson", "participant/"+id, nil, id); err != nil {
		return "", err
	}
	who := hand(ctx)
	_, err := s.people.Update(ctx, association, id, 0, func(p *Person) error {
		if !p.GiveConsent(in.Consent, who, now) {
			return store.Unchanged()
		}
		if in.Contact == (Contact{}) {
			return nil
		}
		old, err := s.contactOf(p)
		if err != nil || old == in.Contact {
			return err
		}
		sealed, err := s.sealContact(in.Contact, id)
		if err != nil {
			return err
		}
		p.Reach(sealed, in.Consent.Referral, who, now)
		return nil
	})
	return id, err
}

// AgeOn returns the person's age in whole years on a day, to those who may accept
// a referral and to the services themselves.
func (s *Service) AgeOn(ctx context.Context, id string, on civil.Date) (int, error) {
	a := actor.From(ctx)
	v, err := s.people.Get(ctx, a.Association, id)
	if err != nil {
		return 0, err
	}
	if !a.Has(actor.System) {
		_, err = access.Decide("acceptReferral", a, v.Value.Resource(a, ""))
	}
	if logErr := s.touch(ctx, "readAge", "participant/"+id, err, id); logErr != nil || err != nil {
		return 0, errors.Join(logErr, err)
	}
	identity, err := s.identityOf(v.Value)
	if err != nil {
		return 0, err
	}
	years, known := identity.Number.AgeOn(on)
	if !known {
		return 0, fault.ErrInternal.Because(errors.New("a number without a date of birth is in the vault"))
	}
	return years, nil
}

// identityOf is where a person's sealed identity belongs.
func identityOf(id string) string { return "participant/" + id + "/identity" }

func contactOf(id string) string { return "participant/" + id + "/contact" }

func (s *Service) sealContact(c Contact, id string) ([]byte, error) {
	if c == (Contact{}) {
		return nil, nil
	}
	return s.sealJSON(c, contactOf(id))
}

func (s *Service) sealJSON(v any, place string) ([]byte, error) {
	clear, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("seal %T: %w", v, err)
	}
	return s.Cipher.Encrypt(clear, place)
}

func (s *Service) identityOf(p *Person) (Identity, error) {
	return openJSON[Identity](s, p.Identity, identityOf(p.ID))
}

func (s *Service) contactOf(p *Person) (Contact, error) {
	if len(p.Contact) == 0 {
		return Contact{}, nil
	}
	return openJSON[Contact](s, p.Contact, contactOf(p.ID))
}

func openJSON[T any](s *Service, sealed []byte, place string) (v T, err error) {
	clear, err := s.Cipher.Decrypt(sealed, place)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(clear, &v); err != nil {
		return v, fault.ErrInternal.Because(fmt.Errorf("sealed %T is not what was sealed", v))
	}
	return v, nil
}

// textOfPerson is where the sealed texts of a person's steps belong.
func textOfPerson(id string) string { return "participant/" + id + "/text" }
