package service

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/share"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/registrynumber"
)

// Create receives a referral and returns it as it was received. The same key
// with the same submission returns the same referral; see package idempotency. The
// person is filed in the vault first: if the process stops between the two writes, a
// retry finds the person; a referral without a person is impossible.
func (s *Service) Create(ctx context.Context, key string, sub referral.Submission) (*referral.View, error) {
	const operation = "createReferral"
	a, err := guard.Caller(ctx, s.AccessLog, operation, "referrals")
	if err != nil {
		return nil, err
	}
	return s.create(ctx, a, operation, idempotency.Request{Key: key, NewID: s.NewID}, sub)
}

// intake is a submission on its way to a stored referral.
type intake struct {
	actor   actor.Actor
	request idempotency.Request
	sub     referral.Submission
	in      *association.Association
	from    referral.Origin
	number  *registrynumber.Reservation // nil: none was reserved
	entry   accesslog.Entry
	entered bool            // entry is in the access log, as done
	texts   *referral.Texts // of the referral that was stored; nil: of a repeat
}

// create is Create for an operation that creates a referral. The request has what that
// operation knows of it: the key or how the id is made, and the fingerprint when what
// was sent is not the submission as it is read.
func (s *Service) create(ctx context.Context, a actor.Actor, operation string, request idempotency.Request, sub referral.Submission) (*referral.View, error) {
	i := &intake{actor: a, request: request, sub: sub, entry: accesslog.Entry{Operation: operation, Thing: "referrals", Why: string(access.Scope("createReferral", a))}}
	created, err := s.insert(ctx, i)
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, i.entry, err)
	}
	if !i.entered { // a repeat, of which nothing was made
		return s.received(ctx, a, operation, created.Value)
	}
	if err := s.inheritProtection(ctx, created.Value); err != nil {
		return nil, err
	}
	s.publisher.Wake()
	return s.viewWith(ctx, a, created.Value.AsReceived(), func(v *referral.View) (*referral.Texts, error) {
		if i.texts == nil {
			return s.texts(v)
		}
		return i.texts, nil
	})
}

// received enters who has repeated the creation of a referral, and returns it as it was
// at its first step.
func (s *Service) received(ctx context.Context, a actor.Actor, operation string, r *referral.Referral) (*referral.View, error) {
	if err := guard.Enter(ctx, s.AccessLog, entryOf(a, operation, r), nil); err != nil {
		return nil, err
	}
	if err := s.inheritProtection(ctx, r); err != nil {
		return nil, err
	}
	return s.view(ctx, a, r.AsReceived())
}

// entryOf returns the access-log entry of the creation of a referral.
func entryOf(a actor.Actor, operation string, r *referral.Referral) accesslog.Entry {
	return accesslog.Entry{Operation: operation, Thing: "referral/" + r.ID, Participants: []string{r.Participant}, Why: string(access.Scope("createReferral", a))}
}

// inheritProtection protects a new referral about a person who is protected already: the
// event of that came before the referral, and so did not reach it. It is called after
// the insert, so that no event is missed between.
func (s *Service) inheritProtection(ctx context.Context, r *referral.Referral) error {
	page, err := s.referrals.Find(ctx, store.Query{
		Association: r.Association, Sort: latestFirst, Limit: 2,
		Where: []store.Cond{store.Equals(keyParticipant, r.Participant), store.Equals(keyProtected, true)},
	})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(page.Items, func(other store.Versioned[referral.Referral]) bool { return other.Value.ID != r.ID })
	if i < 0 {
		return nil
	}
	inForce := page.Items[i].Value.Protections()
	_, err = s.referrals.Update(ctx, r.Association, r.ID, 0, func(r *referral.Referral) error {
		if r.Status().WasUnprotected {
			return store.ErrUnchanged // the protection has ended meanwhile
		}
		changed := false
		for _, was := range inForce {
			by := history.Author{Subject: was.By, Authority: was.Authority, TraceParent: was.TraceParent}
			taken, err := r.Follow(by, s.Now(), referral.Step{
				Entry: history.Entry{Cause: was.Cause}, Kind: referral.Protected, Code: was.Code, Handlers: was.Handlers, HandledBy: was.HandledBy,
			})
			if err != nil {
				return err
			}
			changed = changed || taken
		}
		return store.WriteIf(changed)
	})
	s.publisher.Wake()
	return err
}

// admit holds the submission against the caller's place, the register of units and the
// rules, and returns where it comes from. It sets whether the person sends it.
func (s *Service) admit(ctx context.Context, a actor.Actor, in *association.Association, sub *referral.Submission) (from referral.Origin, err error) {
	relation := access.Scope("createReferral", a)
	sub.Self = relation == access.OwnParticipant
	if relation == access.OwnUnit && sub.OnBehalf == "" {
		if a.Unit == "" {
			return from, referral.ErrTokenWithoutUnit.AtField("/unit")
		}
		sub.Unit = cmp.Or(sub.Unit, a.Unit)
	}
	own := access.Relationship{Authority: a.Authority, Unit: sub.Unit}
	if sub.OnBehalf != "" {
		own.Unit = a.Unit
	}
	if sub.OnBehalf != "" || relation == access.OwnMunicipality {
		own.Municipality = sub.WishedMunicipality
	}
	if !access.Allows("createReferral", a, access.Resource{Association: a.Association, Participant: a.Participant, Relationships: []access.Relationship{own}}) {
		return from, referral.ErrUnit.AtField("/unit")
	}
	register, err := s.recentRegister(ctx, a.Association)
	if err != nil {
		return from, err
	}
	if from, err = register.Origin(a, relation, *sub); err != nil {
		return from, err
	}
	return from, sub.Check(from, in, s.Now())
}

// externalReference is where a submission has it.
const externalReference = "/externalReference"

// maxNumberTries bounds how often a referral gets another registry number because a
// request that seemed to have crashed has used the first one after all.
const maxNumberTries = 3

// insert stores the referral, unless it is a repeat, and settles its registry number.
func (s *Service) insert(ctx context.Context, i *intake) (created store.Versioned[referral.Referral], err error) {
	a := i.actor
	if i.in, err = s.Associations.Get(a.Association); err != nil {
		return created, err
	}
	if i.from, err = s.admit(ctx, a, i.in, &i.sub); err != nil {
		return created, err
	}
	if i.sub.Self && i.request.Key != "" {
		i.request.Key = a.Participant + "/" + i.request.Key // all persons have the same authority
	}
	if i.request.Fingerprint == "" {
		text, err := json.Marshal(i.sub)
		if err != nil {
			return created, fmt.Errorf("fingerprint: %w", err)
		}
		i.request.Fingerprint = s.Cipher.Fingerprint(text)
	}
	i.request.Actor, i.request.Operation = a, "createReferral"
	i.request.Actor.Authority, i.request.Actor.AuthorityKind = i.from.Authority, i.from.AuthorityKind
	i.request.Now, i.request.NewID = history.Stamp(s.Now()), sync.OnceValue(i.request.NewID)
	for range maxNumberTries {
		i.number = nil
		var replayed bool
		created, replayed, err = idempotency.Create(ctx, s.referrals, i.request,
			func(r *referral.Referral) idempotency.Receipt { return r.Receipt },
			func(id string) (*referral.Referral, error) { return s.build(ctx, id, i) })
		if replayed {
			i.texts = nil
		}
		switch {
		case i.number == nil:
			return created, err
		case err == nil || errors.Is(err, store.ErrExists):
			i.number.Settle(err == nil && !replayed)
			return created, err
		case !errors.Is(err, store.ErrTaken):
			return created, err // stored or not: the number is pending until that is known
		}
		used, usedErr := s.usedNumbers(ctx, a.Association, []string{i.number.Number()})
		if usedErr != nil {
			return created, usedErr
		}
		i.number.Settle(used[i.number.Number()])
		if !used[i.number.Number()] {
			taken := s.checkReference(ctx, a.Association, i.from.Authority, i.sub.ExternalReference, externalReference)
			return created, cmp.Or(taken, error(referral.ErrExternalReference.AtField(externalReference)))
		}
	}
	return created, fault.ErrUnavailable.Because(errors.New("every registry number that was tried had been taken by another referral"))
}

// build builds the document of a referral that is to be stored under id, with a reserved
// registry number. While the number is being written, the vault files the person. The
// access is entered before the document is written, so that both become durable together.
func (s *Service) build(ctx context.Context, id string, i *intake) (*referral.Referral, error) {
	if i.sub.ExternalReference != "" { // before the vault is asked: a refused referral leaves no person behind
		if err := s.checkReference(ctx, i.in.ID, i.from.Authority, i.sub.ExternalReference, externalReference); err != nil {
			return nil, err
		}
	}
	number, err := s.numbers.Reserve(i.in.ID, id, i.request.Now)
	if err != nil {
		return nil, err
	}
	r, err := s.document(ctx, id, i)
	if err == nil {
		r.RegistryNumber, err = number.Wait(ctx)
	}
	if err == nil && !i.entered {
		i.entry, i.entered = entryOf(i.actor, i.entry.Operation, r), true
		err = guard.Enter(ctx, s.AccessLog, i.entry, nil)
	}
	if err != nil {
		number.Settle(false)
		return nil, err
	}
	i.number = number
	return r, nil
}

// document files the person and makes the referral about it.
func (s *Service) document(ctx context.Context, id string, i *intake) (*referral.Referral, error) {
	sub, from := &i.sub, i.from
	filed, err := s.People.Put(ctx, PersonInput{
		Referral: id, Authority: from.Authority, Unit: from.Unit, Municipality: sub.WishedMunicipality,
		Person: sub.Person, Consent: sub.Consent,
	})
	if err != nil {
		return nil, err
	}
	reason, err := s.Cipher.EncryptText(sub.Reason, referral.TextContext(id))
	if err != nil {
		return nil, err
	}
	contact, err := sub.Contact.Encrypt(id, s.Cipher.Encrypt)
	if err != nil {
		return nil, err
	}
	r := &referral.Referral{
		Association: i.in.ID, ID: id, Participant: filed.Participant,
		Authority: from.Authority, AuthorityKind: from.AuthorityKind, Unit: from.Unit,
		Source: from.Source, Gender: sub.Person.Gender,
		WishedMunicipality: sub.WishedMunicipality, WishedInitiative: sub.WishedInitiative, ExternalReference: sub.ExternalReference,
		TargetGroup: sub.TargetGroup, Consent: sub.Consent, Reason: reason, Contact: contact,
		Receipt: idempotency.Receipt{Fingerprint: i.request.Fingerprint, At: i.request.Now},
	}
	i.texts = &referral.Texts{Reason: sub.Reason}
	if i.in.Terms != (association.Terms{}) {
		r.Terms = &i.in.Terms
	}
	r.CorrectWithin(i.in.DaysToCorrect("", sub.WishedMunicipality))
	facts, today := referral.Facts{Age: filed.Age, Group: sub.TargetGroup, RightTime: sub.RightTime, Wished: sub.WishedInitiative}, civil.DateOf(i.request.Now)
	if initiative, ok := referral.Fitting(i.in, sub.WishedMunicipality, today, facts, nil); ok {
		assessment := referral.Assess(initiative, strconv.Itoa(initiative.Version), today, facts)
		if r.Assessment, err = assessment.Encrypt(id, s.Cipher.Encrypt); err != nil {
			return nil, err
		}
		r.TargetGroupMet, i.texts.Assessment = assessment.Met, &assessment
	}
	by := guard.Author(ctx)
	by.Authority, by.Unit = from.Authority, from.Unit
	if err := r.Take(by, i.request.Now, referral.Step{Kind: referral.Submitted}); err != nil {
		return nil, err
	}
	// The protection is in the document that is stored first: nobody sees it without. The
	// vault's events of these steps find them done.
	vault := history.System("participant")
	vault.TraceParent = by.TraceParent
	for _, p := range filed.Protections {
		if _, err := r.Follow(vault, i.request.Now, p.step()); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// step returns the referral's step of a protection.
func (p Protection) step() referral.Step {
	return referral.Step{
		Entry: history.Entry{Cause: p.Event}, Kind: referral.Protected, Code: p.Level, Handlers: p.Handlers, HandledBy: p.Authority,
	}
}

// BatchItem is one referral of a batch.
type BatchItem struct {
	Key        string // its own Idempotency-Key; empty: made of the batch's and the index
	Submission referral.Submission
	Err        error // why it cannot be tried at all
}

// BatchAnswer is the result of one item: a referral, or why it was not created.
type BatchAnswer struct {
	View *referral.View
	Err  error
}

// maxConcurrentItems bounds the items of one batch that are created at a time: enough
// for the store to write them together, and few beside other requests.
const maxConcurrentItems = 32

const (
	// maxBatches are under way at once in a process, of which one authority has a quarter
	// at most; others wait for so long.
	maxBatches   = 8
	batchTimeout = 5 * time.Second
)

// CreateBatch receives several referrals, each by itself and by the rules of Create; the
// answers are in the order of the items. A batch that is repeated under the same key
// returns the referrals that it created before. Of two items with one key the first wins.
// When ctx ends, items that have not begun do not begin. An error is about the whole batch: none of its items was tried.
func (s *Service) CreateBatch(ctx context.Context, key string, items []BatchItem) ([]BatchAnswer, error) {
	a, err := guard.Caller(ctx, s.AccessLog, "createReferrals", "referrals")
	if err != nil {
		return nil, err
	}
	if _, err := s.batches.Enter(ctx, a.Owner()); errors.Is(err, share.ErrFull) {
		return nil, fault.ErrUnavailable.Because(err).After(batchTimeout)
	} else if err != nil {
		return nil, err
	}
	defer s.batches.Leave(a.Owner(), 0)
	answers := make([]BatchAnswer, len(items))
	last := map[string]chan struct{}{} // by key: closed when the last item with it so far is done
	var g errgroup.Group
	g.SetLimit(maxConcurrentItems)
	for i, item := range items {
		if item.Err != nil {
			answers[i].Err = item.Err
			continue
		}
		if item.Key == "" && key != "" {
			item.Key = key + "/" + strconv.Itoa(i) // no key of a caller has a "/"
		}
		before, done := last[item.Key], make(chan struct{})
		if item.Key != "" {
			last[item.Key] = done
		}
		g.Go(func() error {
			defer close(done)
			if before != nil { // it began earlier, so it ends
				<-before
			}
			if ctx.Err() != nil {
				answers[i].Err = fault.ErrUnavailable.Because(ctx.Err())
				return nil
			}
			answers[i].View, answers[i].Err = s.Create(ctx, item.Key, item.Submission)
			return nil
		})
	}
	err = g.Wait()
	var first *fault.Error
	failed := 0
	for _, answer := range answers {
		if f := fault.Of(answer.Err); f != nil && f.Status.HTTP() >= 500 {
			first, failed = cmp.Or(first, f), failed+1
		}
	}
	if failed > 0 {
		level := slog.LevelError
		if ctx.Err() != nil { // its time is up, or the caller has gone
			level = slog.LevelWarn
		}
		s.Log.Log(ctx, level, "items of a batch failed", "items", failed, "of", len(items), "code", first.Code, "cause", first.Error())
	}
	return answers, err
}
