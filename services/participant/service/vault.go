package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/personnummer"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/services/participant"
)

// PersonInput is a referred person, as the sender writes it.
type PersonInput struct {
	Number     string // as typed
	GivenName  string
	FamilyName string
	Gender     string
	Contact    participant.Contact
	Consent    participant.Consent
	Protection participant.ProtectionLevel // that the sender knows of; never lower than what is known
}

// Filed is what Put returns of a person.
type Filed struct {
	Participant string                   // the id
	Age         *int                     // in whole years, today; nil: unknown
	Protections []participant.PersonStep // by which the person is protected
}

// Put stores a referred person and returns the participant's id, the same for the same
// number, also when two post the same new person at once. Repeated for the same referral
// it changes nothing.
func (s *Service) Put(ctx context.Context, in PersonInput) (filed Filed, err error) {
	a, now := actor.From(ctx), s.Now()
	relation, err := access.Decide("createReferral", a, access.Resource{
		Association: a.Association, Participant: a.Participant,
		Relationships: []access.Relationship{{Authority: in.Consent.Authority, Unit: in.Consent.Unit, Municipality: in.Consent.Municipality}},
	})
	e := accesslog.Entry{Operation: "putPerson", Thing: "referral/" + in.Consent.Referral, Why: string(relation)}
	var number personnummer.Number
	if err == nil {
		number, err = checkPerson(in, civil.DateOf(now))
	}
	if err != nil {
		return filed, guard.Enter(ctx, s.AccessLog, e, err)
	}
	lookups := s.Cipher.Lookups(string(number))
	for range maxPutTries {
		known, err := s.people.Store.Find(ctx, store.Query{Association: a.Association, Where: []store.Cond{store.IsAmong(lookupKey, lookups)}, Limit: 1})
		if err != nil {
			return filed, err
		}
		var p store.Versioned[participant.Person]
		if len(known.Items) > 0 {
			p = known.Items[0]
		}
		id, err := s.idFor(a, p.Value, lookups)
		if err != nil {
			return filed, guard.Enter(ctx, s.AccessLog, e, err)
		}
		// Entered before it is written, so that both become durable together.
		if thing := "participant/" + id; e.Thing != thing {
			e.Thing, e.Participants = thing, []string{id}
			if err := guard.Enter(ctx, s.AccessLog, e, nil); err != nil {
				return filed, err
			}
		}
		// Who is known and who is new take a read and a write, so that the time says nothing.
		if p.Value == nil {
			if p.Value, err = s.newPerson(ctx, a.Association, id, number, lookups[0], in, now); err == nil {
				_, err = s.people.Store.Insert(ctx, p.Value)
			}
		} else if err = s.addReferral(ctx, p.Value, in, now); err == nil {
			_, err = s.people.Store.Replace(ctx, p)
		}
		if err == nil || errors.Is(err, store.ErrUnchanged) {
			s.publisher.Wake()
			return Filed{Participant: id, Age: ageOn(number, civil.DateOf(now)), Protections: p.Value.Protections()}, nil
		}
		if !errors.Is(err, store.ErrTaken) && !errors.Is(err, store.ErrStale) {
			return filed, err
		}
	}
	return filed, fault.ErrUnavailable.Because(errors.New("others who stored the person were faster"))
}

// idFor returns the id of a person who is known, or that a new one gets. A participant
// stores nobody else: ErrNotYou.
func (s *Service) idFor(a actor.Actor, known *participant.Person, lookups []string) (string, error) {
	isOwn := known != nil && known.ID == a.Participant || slices.Contains(reservedIDs(a.Association, lookups), a.Participant)
	switch own := access.Scope("createReferral", a) == access.OwnParticipant; {
	case own && !isOwn:
		return "", participant.ErrNotYou.AtField("/person/personalIdentityNumber")
	case known != nil:
		return known.ID, nil
	case own:
		return a.Participant, nil // the one that the person is signed in with: see Identify
	default:
		return s.NewID(), nil
	}
}

// Identify returns the participant's id of a caller who is signed in with a number. For
// somebody whom the vault does not know it is the id that the person will have by the first
// application of their own; nothing is stored before.
func (s *Service) Identify(ctx context.Context, text string) (string, error) {
	a := actor.From(ctx)
	e := accesslog.Entry{Operation: "identifyOwn", Thing: "participants", Why: string(access.OwnParticipant)}
	number, err := personnummer.Parse(text, civil.DateOf(s.Now()))
	switch {
	case !a.Has(actor.Participant) || web.From(ctx).Issuer != internaltoken.Gateway:
		err = fault.ErrForbidden
	case err != nil:
		err = fault.Of(err).AtField("/personalIdentityNumber")
	}
	if err != nil {
		return "", guard.Enter(ctx, s.AccessLog, e, err)
	}
	lookups := s.Cipher.Lookups(string(number))
	known, err := s.people.Store.Find(ctx, store.Query{Association: a.Association, Where: []store.Cond{store.IsAmong(lookupKey, lookups)}, Limit: 1})
	if err != nil {
		return "", err
	}
	id := reservedIDs(a.Association, lookups)[0]
	if len(known.Items) > 0 {
		id = known.Items[0].Value.ID
		e.Participants = []string{id}
	}
	e.Thing = "participant/" + id
	return id, guard.Enter(ctx, s.AccessLog, e, nil)
}

// reservedIDs returns the ids that an unknown person of an association has by the look-ups
// of the number, in their order. They look as all others do (version 4): a sender sees by
// no id that the person was the first to apply.
func reservedIDs(association string, lookups []string) []string {
	ids := make([]string, len(lookups))
	for i, lookup := range lookups {
		id := uuid.NewSHA1(uuid.Nil, []byte("participant/"+association+"/"+lookup))
		id[6] = id[6]&0x0f | 0x40
		ids[i] = id.String()
	}
	return ids
}

// maxPutTries bounds how often posts of one person may meet.
const maxPutTries = 16

// firstBorn is before every number of the first year in which somebody who may be
// referred can have been born: that of the oldest test numbers of the Tax Agency.
const firstBorn personnummer.Number = "1890"

// checkPerson reads the number and checks the name and the consent. A coordination number may leave the
// date of birth open.
func checkPerson(in PersonInput, today civil.Date) (personnummer.Number, error) {
	number, err := personnummer.Parse(in.Number, today)
	if err != nil {
		return "", fault.Of(err).AtField("/person/personalIdentityNumber")
	}
	if number < firstBorn {
		return "", participant.ErrBornTooEarly.AtField("/person/personalIdentityNumber")
	}
	name := participant.Identity{GivenName: in.GivenName, FamilyName: in.FamilyName}
	return number, errors.Join(name.Check("/person"), in.Consent.Check(number.BornFrom(), today))
}

// ageOn returns the age in whole years on a day; nil where the number leaves it open.
func ageOn(n personnummer.Number, day civil.Date) *int {
	if years, known := n.AgeOn(day); known {
		return &years
	}
	return nil
}

func (s *Service) newPerson(ctx context.Context, association, id string, number personnummer.Number, lookup string, in PersonInput, now time.Time) (*participant.Person, error) {
	by := guard.Author(ctx)
	identity, err := encryptJSON(s.Cipher, participant.Identity{
		Number: number, GivenName: in.GivenName, FamilyName: in.FamilyName, Gender: in.Gender,
	}, personContext(id, "identity"))
	if err != nil {
		return nil, err
	}
	contact, err := encryptJSON(s.Cipher, in.Contact, personContext(id, "contact"))
	if err != nil {
		return nil, err
	}
	p := participant.NewPerson(association, id, lookup, identity, contact, in.Consent.Referral, by, now)
	p.GiveConsent(in.Consent, by, now)
	p.Raise(in.Protection, by, now)
	return p, nil
}

// addReferral adds what another referral brings: its consent, and what it says of who the
// person is. It returns store.ErrUnchanged when it is known.
func (s *Service) addReferral(ctx context.Context, p *participant.Person, in PersonInput, now time.Time) error {
	by, referral := guard.Author(ctx), in.Consent.Referral
	if !p.GiveConsent(in.Consent, by, now) {
		return store.ErrUnchanged
	}
	p.Raise(in.Protection, by, now)
	identity, err := encryptJSON(s.Cipher, participant.Identity{GivenName: in.GivenName, FamilyName: in.FamilyName, Gender: in.Gender},
		personContext(p.ID, "identity/"+referral))
	if err != nil {
		return err
	}
	contact, err := encryptJSON(s.Cipher, in.Contact, personContext(p.ID, "contact/"+referral))
	if err != nil {
		return err
	}
	p.State(participant.Said{Referral: referral, Identity: identity, Contact: contact})
	return nil
}

// AgeOn returns the person's age in whole years on a day, nil where the number leaves it
// open, to those who may accept a referral and to the services themselves.
func (s *Service) AgeOn(ctx context.Context, id string, on civil.Date) (*int, error) {
	a := actor.From(ctx)
	v, err := s.people.Store.Get(ctx, a.Association, id)
	if err != nil {
		return nil, err
	}
	e := accesslog.Entry{Operation: "readAge", Thing: "participant/" + id, Participants: []string{id}, Why: "service"}
	if !a.Has(actor.System) {
		var relation access.Relation
		relation, err = access.Decide("acceptReferral", a, v.Value.Status().Resource(a, ""))
		e.Why = string(relation)
	}
	if err := guard.Enter(ctx, s.AccessLog, e, err); err != nil {
		return nil, err
	}
	identity, err := s.identityOf(v.Value)
	if err != nil {
		return nil, err
	}
	return ageOn(identity.Number, on), nil
}

// The contexts that encrypted texts are bound to.
func personContext(id, part string) string    { return "participant/" + id + "/" + part }
func enrolmentContext(id, part string) string { return "enrolment/" + id + "/" + part }

func (s *Service) identityOf(p *participant.Person) (participant.Identity, error) {
	return decryptJSON[participant.Identity](s.Cipher, p.Identity, personContext(p.ID, "identity"))
}

// encryptJSON encrypts a value; the zero value becomes an empty text.
func encryptJSON[T comparable](c *encryption.Cipher, v T, context string) ([]byte, error) {
	var zero T
	if v == zero {
		return nil, nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encrypt %T: %w", v, err)
	}
	return c.Encrypt(text, context)
}

// decryptJSON decrypts what encryptJSON has encrypted.
func decryptJSON[T any](c *encryption.Cipher, ciphertext []byte, context string) (v T, err error) {
	if len(ciphertext) == 0 {
		return v, nil
	}
	text, err := c.Decrypt(ciphertext, context)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return v, fault.ErrInternal.Because(fmt.Errorf("a decrypted %T has another form", v))
	}
	return v, nil
}
