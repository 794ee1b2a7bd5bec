package referral

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/once"
	"github.com/finsam/finsam/pkg/store"
)

// Create receives a referral and gives it as it was at its first step. The same
// key with the same submission gives the same answer; see package once. The
// person is filed in the vault before the referral is: what dies in between
// leaves a person that the repeat finds again, never a referral about nobody.
func (s *Service) Create(ctx context.Context, key string, sub Submission) (*View, error) {
	a := actor.From(ctx)
	if !access.MayCall("createReferral", a) {
		return nil, fault.ErrForbidden
	}
	if err := s.admit(a, sub); err != nil {
		return nil, err
	}
	print, err := json.Marshal(sub)
	if err != nil {
		return nil, fmt.Errorf("fingerprint: %w", err)
	}
	request := once.Request{
		Actor: a, Operation: "createReferral", Key: key, Fingerprint: s.Seal.Fingerprint(print),
		Now: s.Now().UTC().Truncate(time.Millisecond), NewID: s.NewID,
	}
	made, replayed, err := once.Create(ctx, s.referrals, request,
		func(r *Referral) once.Receipt { return r.Receipt },
		func(id string) (*Referral, error) { return s.build(ctx, id, request, sub) })
	if errors.Is(err, store.ErrTaken) {
		return nil, ErrExternalReference.AtField("/externalReference")
	}
	if err != nil {
		return nil, err
	}
	if err := s.Access.Touch(ctx, accesslog.Entry{
		Operation: "createReferral", Thing: "referral/" + made.Value.ID, Participants: []string{made.Value.Participant},
	}); err != nil {
		return nil, err
	}
	if err := s.inherit(ctx, made.Value); err != nil {
		return nil, err
	}
	if !replayed {
		s.publisher.Wake()
	}
	return see(made.Value.at(1), a, s.Seal, s.Now())
}

// inherit protects a new referral about a person who is protected already: the
// event of that came before the referral, which therefore was not among those
// that it found. It is asked after the insert, so that no event falls between.
func (s *Service) inherit(ctx context.Context, r *Referral) error {
	other, err := s.protectedOf(ctx, r)
	if other == nil || err != nil {
		return err
	}
	was := other.last(Protected)
	h := Hand{Subject: was.By, Authority: was.Authority, TraceParent: was.TraceParent}
	_, err = s.referrals.Update(ctx, r.Association, r.ID, 0, func(r *Referral) error {
		if r.last(Unprotected) != nil {
			return store.Unchanged() // its end has been told meanwhile
		}
		return r.follow(h, s.Now(), Step{Kind: Protected, Code: was.Code, Handlers: was.Handlers, HandledBy: was.HandledBy, Cause: was.Cause})
	})
	return err
}

// admit holds the submission against the caller's place and the rules.
func (s *Service) admit(a actor.Actor, sub Submission) error {
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return err
	}
	own := access.Thing{Association: a.Association, Ties: []access.Tie{{Authority: a.Authority, Unit: sub.Unit}}}
	if !access.Allows("createReferral", a, own) {
		return ErrUnit.AtField("/unit")
	}
	return sub.check(a, in, s.Now())
}

// build makes the document of a referral that is to be stored under id.
func (s *Service) build(ctx context.Context, id string, request once.Request, sub Submission) (*Referral, error) {
	a := request.Actor
	// Before the vault is told: a refused referral leaves no person behind.
	if taken, err := s.referenceTaken(ctx, a, sub.ExternalReference); err != nil {
		return nil, err
	} else if taken {
		return nil, store.ErrTaken
	}
	participant, err := s.People.Put(ctx, PersonInput{
		Referral: id, Authority: a.Authority, Unit: sub.Unit, Municipality: sub.WishedMunicipality,
		Person: sub.Person, Consent: sub.Consent.naming(a.Authority, a.AuthorityKind),
	})
	if err != nil {
		return nil, err
	}
	reason, err := s.sealed(sub.Reason, id)
	if err != nil {
		return nil, err
	}
	r := &Referral{
		Association: a.Association, ID: id, Participant: participant,
		Authority: a.Authority, AuthorityKind: a.AuthorityKind, Unit: sub.Unit,
		WishedMunicipality: sub.WishedMunicipality, ExternalReference: sub.ExternalReference,
		TargetGroup: sub.TargetGroup, Consent: sub.Consent, Reason: reason,
		Receipt: once.Receipt{Fingerprint: request.Fingerprint, At: request.Now},
	}
	if in, err := s.Associations.Get(a.Association); err == nil && in.Terms != (association.Terms{}) {
		r.Terms = &in.Terms
	}
	h := hand(ctx)
	h.Unit = sub.Unit
	return r, r.take(h, request.Now, Step{Kind: Submitted})
}
