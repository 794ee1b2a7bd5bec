package referral

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
)

// Create receives a referral and gives it as it was at its first step. The same
// key with the same submission gives the same answer; see package once. The
// person is filed in the vault before the referral is: what dies in between
// leaves a person that the repeat finds again, never a referral about nobody.
func (s *Service) Create(ctx context.Context, key string, sub Submission) (*View, error) {
	return s.create(ctx, "createReferral", idempotency.Request{Key: key, NewID: s.NewID}, sub)
}

// create is Create for an operation that makes a referral. The request has what
// that operation knows of it: how the id is given, and the fingerprint if what
// was sent is not the submission as it is read.
func (s *Service) create(ctx context.Context, operation string, request idempotency.Request, sub Submission) (*View, error) {
	a := actor.From(ctx)
	if !access.MayCall("createReferral", a) {
		return nil, fault.ErrForbidden
	}
	from, err := s.admit(ctx, a, &sub)
	if err != nil {
		return nil, err
	}
	if sub.Self && request.Key != "" {
		request.Key = a.Participant + "/" + request.Key // persons are no authority that could keep their keys apart
	}
	if request.Fingerprint == "" {
		print, err := json.Marshal(sub)
		if err != nil {
			return nil, fmt.Errorf("fingerprint: %w", err)
		}
		request.Fingerprint = s.Cipher.Fingerprint(print)
	}
	request.Actor, request.Operation = from.as(a), "createReferral"
	request.Now, request.NewID = s.Now().UTC().Truncate(time.Millisecond), sync.OnceValue(request.NewID)
	made, replayed, err := s.insert(ctx, request, from, sub)
	if err != nil {
		return nil, err
	}
	return s.received(ctx, operation, made.Value, replayed)
}

// received notes who has made a referral, or made it again, and gives it as it was
// at its first step.
func (s *Service) received(ctx context.Context, operation string, r *Referral, replayed bool) (*View, error) {
	if err := s.AccessLog.Record(ctx, accesslog.Entry{
		Operation: operation, Thing: "referral/" + r.ID, Participants: []string{r.Participant},
	}); err != nil {
		return nil, err
	}
	if err := s.inherit(ctx, r); err != nil {
		return nil, err
	}
	if !replayed {
		s.publisher.Wake()
	}
	return s.view(ctx, r.at(1))
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

// sender is from where a referral comes, as it is kept.
type sender struct {
	authority string
	kind      actor.AuthorityKind
	unit      string
	source    Source
}

// as returns the actor for the place that the referral comes from.
func (f sender) as(a actor.Actor) actor.Actor {
	a.Authority, a.AuthorityKind = f.authority, f.kind
	return a
}

// admit holds the submission against the caller's place, the register of units
// and the rules, and tells where it comes from. It notes in the submission
// whether the person sends it.
func (s *Service) admit(ctx context.Context, a actor.Actor, sub *Submission) (sender, error) {
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return sender{}, err
	}
	tie := access.Relationship{Authority: a.Authority, Unit: sub.Unit}
	if sub.OnBehalf != "" {
		tie = access.Relationship{Authority: a.Authority, Unit: a.Unit, Municipality: sub.WishedMunicipality}
	}
	own := access.Resource{Association: a.Association, Participant: a.Participant, Relationships: []access.Relationship{tie}}
	relation, _ := access.Scope("createReferral", a)
	sub.Self = relation == access.OwnParticipant
	if relation == access.OwnMunicipality {
		own.Relationships[0].Municipality = sub.WishedMunicipality
	}
	if !access.Allows("createReferral", a, own) {
		return sender{}, ErrUnit.AtField("/unit")
	}
	register, err := s.register(ctx, a.Association)
	if err != nil {
		return sender{}, err
	}
	from, refused := register.Value.place(a, relation, *sub)
	if refused != nil {
		return sender{}, refused
	}
	return from, sub.check(from, in, s.Now())
}

// renumbered bounds how often a referral gets another registry number because
// somebody, thought dead, has come with the first one after all.
const renumbered = 3

// insert stores the referral, unless it is a repeat, and settles what its registry
// number has come to.
func (s *Service) insert(ctx context.Context, request idempotency.Request, from sender, sub Submission) (made store.Versioned[Referral], replayed bool, err error) {
	for range renumbered {
		var lent *reservation
		made, replayed, err = idempotency.Create(ctx, s.referrals, request,
			func(r *Referral) idempotency.Receipt { return r.Receipt },
			func(id string) (r *Referral, err error) {
				r, lent, err = s.build(ctx, id, request, from, sub)
				return r, err
			})
		switch {
		case lent == nil && errors.Is(err, store.ErrTaken):
			return made, false, ErrExternalReference.AtField("/externalReference")
		case lent == nil:
			return made, replayed, err
		case err == nil || errors.Is(err, store.ErrExists):
			lent.settle(err == nil && !replayed)
			return made, replayed, err
		case !errors.Is(err, store.ErrTaken):
			return made, false, err // it may be stored or not: the number stays lent until that is seen
		}
		number := registryNumber(lent.queue.year, lent.number)
		on, lookErr := s.registered(ctx, request.Actor.Association, []string{number})
		if lookErr != nil {
			return made, false, lookErr
		}
		lent.settle(on[number])
		if !on[number] {
			return made, false, ErrExternalReference.AtField("/externalReference")
		}
	}
	return made, false, fault.ErrUnavailable.Because(errors.New("registry numbers were taken by others again and again"))
}

// build creates the document of a referral that is to be stored under id, with a
// registry number that is lent to it. While the number is being written, the
// vault files the person.
func (s *Service) build(ctx context.Context, id string, request idempotency.Request, from sender, sub Submission) (_ *Referral, lent *reservation, err error) {
	a := request.Actor
	// Before the vault is told: a refused referral leaves no person behind.
	if taken, err := s.referenceTaken(ctx, a, sub.ExternalReference); err != nil {
		return nil, nil, err
	} else if taken {
		return nil, nil, store.ErrTaken
	}
	if lent, err = s.numbers.reserve(a.Association, id, request.Now); err != nil {
		return nil, nil, err
	}
	r, err := s.document(ctx, id, request, from, sub)
	if err == nil {
		r.RegistryNumber, err = lent.wait(ctx)
	}
	if err != nil {
		lent.settle(false)
		return nil, nil, err
	}
	return r, lent, nil
}

// document files the person and makes the referral about it.
func (s *Service) document(ctx context.Context, id string, request idempotency.Request, from sender, sub Submission) (*Referral, error) {
	a := request.Actor
	filed, err := s.People.Put(ctx, PersonInput{
		Referral: id, Authority: from.authority, Unit: from.unit, Municipality: sub.WishedMunicipality,
		Person: sub.Person, Consent: sub.Consent.naming(from.authority, from.kind),
	})
	if err != nil {
		return nil, err
	}
	reason, err := s.sealed(sub.Reason, id)
	if err != nil {
		return nil, err
	}
	r := &Referral{
		Association: a.Association, ID: id, Participant: filed.Participant,
		Authority: from.authority, AuthorityKind: from.kind, Unit: from.unit,
		Source: from.source, Gender: sub.Person.Gender,
		WishedMunicipality: sub.WishedMunicipality, ExternalReference: sub.ExternalReference,
		TargetGroup: sub.TargetGroup, Consent: sub.Consent, Reason: reason,
		Receipt: idempotency.Receipt{Fingerprint: request.Fingerprint, At: request.Now},
	}
	if in, err := s.Associations.Get(a.Association); err == nil && in.Terms != (association.Terms{}) {
		r.Terms = &in.Terms
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	facts := Facts{Age: filed.Age, Group: sub.TargetGroup, RightTime: sub.RightTime}
	if len(in.Initiatives) > 0 {
		a := Assess(in.Initiatives[0], in.Version, civil.DateOf(request.Now), facts)
		if r.Assessment, err = a.sealed(id, s.Cipher.Encrypt); err != nil {
			return nil, err
		}
		r.TargetGroupMet = a.Met
	}
	h := hand(ctx)
	h.Authority, h.Unit = from.authority, from.unit
	return r, r.take(h, request.Now, Step{Kind: Submitted})
}
