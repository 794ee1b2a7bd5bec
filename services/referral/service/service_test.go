package service_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/retention"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

// created returns a new referral from Försäkringskassan to Mölndal.
func created(t *testing.T, w *referraltest.World) *referral.Referral {
	t.Helper()
	v, err := w.Service.Create(referraltest.As(referraltest.FK), "", referraltest.Submission())
	if err != nil {
		t.Fatal(err)
	}
	return v.Referral
}

var people atomic.Uint64 // that createdOther has made

// createdOther returns a new referral as created does, about another person each time.
func createdOther(t *testing.T, w *referraltest.World) *referral.Referral {
	t.Helper()
	v, err := w.Service.Create(referraltest.As(referraltest.FK), "", somebodyElse(people.Add(1)))
	if err != nil {
		t.Fatal(err)
	}
	return v.Referral
}

// acceptance is one without fault.
// reasonOf returns the reason of a view; empty: hidden.
func reasonOf(v *referral.View) string {
	if v.Texts == nil {
		return ""
	}
	return v.Texts.Reason
}

func acceptance() referral.Acceptance {
	return referral.Acceptance{Initiative: "activera", StartDate: "2026-03-16", Coach: "coach-1"}
}

func wants(t *testing.T, what string, err error, want *fault.Error) {
	t.Helper()
	if want == nil && err != nil || want != nil && !errors.Is(err, want) {
		t.Errorf("%s: want %v, got %v", what, want, err)
	}
}

func TestTheReferrerReadsBackWhatWasSent(t *testing.T) {
	w := referraltest.New(t)
	r := created(t, w)
	v, err := w.Service.Get(referraltest.As(referraltest.Officer), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if reasonOf(v) != referraltest.Submission().Reason || v.Referral.Status().State != referral.StateSubmitted || v.Referral.Version() != 1 {
		t.Errorf("got %q in %s", reasonOf(v), v.Referral.Status().State)
	}
	if got := v.Operations; !slices.Equal(got, []string{"amendReferral", "addAttachment", "withdrawReferral", "markReferralInError"}) {
		t.Errorf("the referrer may now %v", got)
	}
}

func TestARepeatOfACreationIsTheSameReferralAsItWasThen(t *testing.T) {
	w := referraltest.New(t)
	fk := referraltest.As(referraltest.FK)
	first, err := w.Service.Create(fk, "key-1", referraltest.Submission())
	wants(t, "first", err, nil)
	if _, err := w.Service.PutOnWaitlist(referraltest.As(referraltest.Intake), first.Referral.ID, 1, "high", ""); err != nil {
		t.Fatal(err)
	}
	again, err := w.Service.Create(fk, "key-1", referraltest.Submission())
	wants(t, "again", err, nil)
	if again.Referral.ID != first.Referral.ID || again.Referral.Status().State != referral.StateSubmitted || len(again.Steps) != 1 {
		t.Errorf("got %s in state %s", again.Referral.ID, again.Referral.Status().State)
	}
	other := referraltest.Submission()
	other.Reason = "Något annat."
	_, err = w.Service.Create(fk, "key-1", other)
	wants(t, "another body under the same key", err, idempotency.ErrKeyReused)
	w.Clock.Advance(retention.IdempotencyKey + time.Minute)
	later, err := w.Service.Create(fk, "key-1", other)
	wants(t, "the key is free after its rest", err, nil)
	if err == nil && later.Referral.ID == first.Referral.ID {
		t.Error("the key still returns the old referral")
	}
}

func TestTwentyAtOnceWithOneKeyMakeOneReferral(t *testing.T) {
	w := referraltest.New(t)
	const callers = 20
	ids := make([]string, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			v, err := w.Service.Create(referraltest.As(referraltest.FK), "key-1", referraltest.Submission())
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = v.Referral.ID + " " + reasonOf(v)
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("different answers: %q and %q", id, ids[0])
		}
	}
	l, err := w.Service.List(referraltest.As(referraltest.FK), service.Filter{}, store.Window{Limit: 20, Page: 1})
	if err != nil || l.Total.Records != 1 {
		t.Fatalf("want one referral, got %v, %v", l.Total, err)
	}
}

func TestTwoReceiversAtOnceDecideOnce(t *testing.T) {
	for range 20 {
		w := referraltest.New(t)
		r := created(t, w)
		var all sync.WaitGroup
		errs := make([]error, 2)
		all.Go(func() {
			_, errs[0] = w.Service.Accept(referraltest.As(referraltest.Intake), r.ID, 1, acceptance())
		})
		all.Go(func() {
			_, errs[1] = w.Service.Reject(referraltest.As(referraltest.Intake2), r.ID, 1, "no_capacity", "Fullt.")
		})
		all.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("want exactly one to win, got %v and %v", errs[0], errs[1])
		}
		if lost := errors.Join(errs...); !errors.Is(lost, fault.ErrStale) && !errors.Is(lost, referral.ErrWrongState) {
			t.Fatalf("the other does not learn that it was late: %v", lost)
		}
		v, err := w.Service.Get(referraltest.As(referraltest.Coach), r.ID)
		if err != nil || v.Referral.Version() != 2 {
			t.Fatalf("want one step more, got version %d, %v", v.Referral.Version(), err)
		}
	}
}

func TestWhoIsNotRelatedFindsNothingAndWhoHasNoRowIsRefused(t *testing.T) {
	w := referraltest.New(t)
	r := created(t, w)
	for _, c := range []struct {
		sentence string
		who      actor.Actor
		want     *fault.Error
	}{
		{"the unit itself finds it", referraltest.Officer, nil},
		{"its municipality finds it", referraltest.Intake, nil},
		{"the person finds it", referraltest.Person(r.Participant), nil},
		{"another person does not", referraltest.Person("somebody"), fault.ErrNotFound},
		{"another unit of the authority does not", referraltest.OtherUnit, fault.ErrNotFound},
		{"another authority does not", referraltest.AF, fault.ErrNotFound},
		{"another municipality does not", referraltest.Partille, fault.ErrNotFound},
		{"another association does not", referraltest.Elsewhere, fault.ErrNotFound},
		{"a board member may not even ask", referraltest.Board, fault.ErrForbidden},
		{"nobody may not ask", actor.Actor{}, fault.ErrForbidden},
	} {
		_, err := w.Service.Get(referraltest.As(c.who), r.ID)
		wants(t, c.sentence, err, c.want)
		// A version that is not the right one must not tell that it exists.
		if _, err := w.Service.Reject(referraltest.As(c.who), r.ID, 99, "other", "x"); c.want != nil && errors.Is(err, fault.ErrStale) {
			t.Errorf("%s: learns of the version", c.sentence)
		}
	}
}

func TestAnExternalReferenceIsOncePerAuthority(t *testing.T) {
	w := referraltest.New(t)
	sub := referraltest.Submission()
	sub.ExternalReference = "FK-2026-1"
	first, err := w.Service.Create(referraltest.As(referraltest.FK), "", sub)
	wants(t, "first", err, nil)
	puts := w.People.Puts
	_, err = w.Service.Create(referraltest.As(referraltest.FK), "", sub)
	wants(t, "again", err, referral.ErrExternalReference)
	if w.People.Puts != puts {
		t.Error("the vault learnt of a person whose referral was refused")
	}
	af := sub
	af.Unit, af.Consent.Authorities = "af-molndal", []string{"af", "molndal"}
	_, err = w.Service.Create(referraltest.As(referraltest.AF), "", af)
	wants(t, "another authority has its own", err, nil)
	_, err = w.Service.MarkInError(referraltest.As(referraltest.FK), first.Referral.ID, 1, "Fel person.")
	wants(t, "mark in error", err, nil)
	_, err = w.Service.Create(referraltest.As(referraltest.FK), "", sub)
	wants(t, "the reference of what was sent in error is free again", err, nil)
}

func TestAReferralWhoseVaultDoesNotAnswerIsNotStored(t *testing.T) {
	w := referraltest.New(t)
	w.People.Err = fault.ErrUnavailable
	_, err := w.Service.Create(referraltest.As(referraltest.FK), "key-1", referraltest.Submission())
	wants(t, "while the vault is away", err, fault.ErrUnavailable)
	w.People.Err = nil
	_, err = w.Service.Create(referraltest.As(referraltest.FK), "key-1", referraltest.Submission())
	wants(t, "the same key afterwards", err, nil)
}

func TestTheAgeIsAskedOfTheVault(t *testing.T) {
	w := referraltest.New(t)
	r := created(t, w)
	intake := referraltest.As(referraltest.Intake)
	w.People.Age = 65
	_, err := w.Service.Accept(intake, r.ID, 1, acceptance())
	wants(t, "too old", err, referral.ErrAge)
	a := acceptance()
	a.Initiative = "another"
	_, err = w.Service.Accept(intake, r.ID, 1, a)
	wants(t, "no such initiative", err, referral.ErrInitiative)
	w.People.Age = 64
	v, err := w.Service.Accept(intake, r.ID, 1, acceptance())
	wants(t, "old enough", err, nil)
	if err == nil && v.Referral.Status().Municipality != "1481" {
		t.Errorf("got municipality %s", v.Referral.Status().Municipality)
	}
}
