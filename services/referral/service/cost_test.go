package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
)

// calls is an engine that notes the calls for documents, such as "get referrals".
type calls struct {
	store.Engine
	mu   sync.Mutex
	made []string
	fail func(call string) error // what an insert returns instead; nil: nothing fails
}

func (c *calls) note(verb, collection string) error {
	c.mu.Lock()
	c.made = append(c.made, verb+" "+collection)
	fail := c.fail
	c.mu.Unlock()
	if fail != nil {
		return fail(verb + " " + collection)
	}
	return nil
}

// take returns the calls since the last time.
func (c *calls) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	made := c.made
	c.made = nil
	return made
}

func (c *calls) Get(ctx context.Context, collection, association, id string) (store.Document, error) {
	if err := c.note("get", collection); err != nil {
		return store.Document{}, err
	}
	return c.Engine.Get(ctx, collection, association, id)
}

func (c *calls) Insert(ctx context.Context, collection string, r store.Record) error {
	if err := c.note("insert", collection); err != nil {
		return err
	}
	return c.Engine.Insert(ctx, collection, r)
}

func (c *calls) Replace(ctx context.Context, collection string, r store.Record, from int64) error {
	if err := c.note("replace", collection); err != nil {
		return err
	}
	return c.Engine.Replace(ctx, collection, r, from)
}

func (c *calls) Find(ctx context.Context, collection string, q store.Query) ([]store.Document, error) {
	if err := c.note("find", collection); err != nil {
		return nil, err
	}
	return c.Engine.Find(ctx, collection, q)
}

func (c *calls) Count(ctx context.Context, collection, association string, where []store.Cond, by []string) ([]store.Group, error) {
	if err := c.note("count", collection); err != nil {
		return nil, err
	}
	return c.Engine.Count(ctx, collection, association, where, by)
}

// counted returns a world whose engine notes its calls.
func counted(t *testing.T) (*referraltest.World, *calls) {
	t.Helper()
	w := referraltest.New(t)
	c := &calls{Engine: w.Engine}
	counting := referraltest.On(t, c)
	c.take()
	return counting, c
}

// somebodyElse is the submission of a new invented person.
func somebodyElse(n uint64) referral.Submission {
	sub := referraltest.Submission()
	sub.Person.PersonalIdentityNumber = persontest.Number(rand.New(rand.NewPCG(n, 3)), "2026-03-02")
	return sub
}

func TestWhatACreationAsksOfTheStore(t *testing.T) {
	w, c := counted(t)
	fk := referraltest.As(referraltest.FK)
	for n := range uint64(2) { // the first ones read what is then known
		if _, err := w.Service.Create(fk, uuid.NewString(), somebodyElse(n)); err != nil {
			t.Fatal(err)
		}
	}
	for n, step := range []struct {
		sentence string
		change   func(*referral.Submission)
		want     string
	}{
		{"a new person", func(*referral.Submission) {},
			"find referrals, get referrals, insert access_log, insert referrals, replace registry_counters"},
		{"with a reference", func(s *referral.Submission) { s.ExternalReference = "FK-1" },
			"find referrals, find referrals, get referrals, insert access_log, insert referrals, replace registry_counters"},
		{"a person who was known", func(s *referral.Submission) { s.Person = somebodyElse(1).Person },
			"find referrals, get referrals, insert access_log, insert referrals, replace registry_counters"},
	} {
		sub := somebodyElse(100 + uint64(n))
		step.change(&sub)
		c.take()
		if _, err := w.Service.Create(fk, uuid.NewString(), sub); err != nil {
			t.Fatal(err)
		}
		made := c.take()
		if got := strings.Join(slices.Sorted(slices.Values(made)), ", "); got != step.want {
			t.Errorf("%s: got  %s\nwant %s", step.sentence, got, step.want)
		}
	}
	w.Clock.Advance(2 * time.Second)
	if _, err := w.Service.Create(fk, uuid.NewString(), somebodyElse(7)); err != nil || !slices.Contains(c.take(), "get unit_registers") {
		t.Errorf("after a while the register is not read again: %v", err)
	}
}

// The vault files a new person for one referral; before that is stored, another authority's
// referral makes the person known and its receiver protects them.
func TestAPersonWhoIsProtectedWhileAReferralIsStoredIsProtectedInIt(t *testing.T) {
	w, c := counted(t)
	var isOvertaken atomic.Bool
	c.fail = func(call string) error {
		if call != "insert referrals" || !isOvertaken.CompareAndSwap(false, true) {
			return nil
		}
		other, err := w.Service.Create(referraltest.As(referraltest.AF), "", fromAF(somebodyElse(50)))
		if err != nil {
			t.Error(err)
			return nil
		}
		w.Peer.Add(ofPerson(other.Referral, "p/3", "protected", map[string]string{"level": "confidentiality_marking", "authority": "molndal", "handlers": "mottagare-1"}))
		until(t, w, referraltest.Intake2, other.Referral.ID, func(v *referral.View) bool { return reasonOf(v) == "" })
		return nil
	}
	w.Run(t)
	v, err := w.Service.Create(referraltest.As(referraltest.FK), "", somebodyElse(50))
	if err != nil || !isOvertaken.Load() {
		t.Fatal(err)
	}
	until(t, w, referraltest.Intake2, v.Referral.ID, func(v *referral.View) bool { return reasonOf(v) == "" })
}

// fromAF is a submission as AF sends it.
func fromAF(s referral.Submission) referral.Submission {
	s.Unit, s.Consent.Authorities = referraltest.AF.Unit, []string{"af", "molndal"}
	return s
}

func TestACreationIsEnteredBeforeItIsStored(t *testing.T) {
	w, c := counted(t)
	fk := referraltest.As(referraltest.FK)
	created := func(key string, sub referral.Submission) (order []string, entered []accesslog.Entry, err error) {
		before := len(entries(t, w))
		c.take()
		_, err = w.Service.Create(fk, key, sub)
		order = slices.DeleteFunc(c.take(), func(call string) bool { return call != "insert access_log" && call != "insert referrals" })
		return order, entries(t, w)[before:], err
	}
	order, entered, err := created("k1", referraltest.Submission())
	if err != nil || !slices.Equal(order, []string{"insert access_log", "insert referrals"}) || len(entered) != 1 || entered[0].Outcome != accesslog.Done {
		t.Fatalf("in the order %v, entered as %+v, %v", order, entered, err)
	}
	_, entered, err = created("k1", referraltest.Submission())
	if err != nil || len(entered) != 1 || entered[0].Outcome != accesslog.Done || len(entered[0].Participants) != 1 {
		t.Errorf("a repeat: entered as %+v, %v", entered, err)
	}
	errDisk := errors.New("disk full")
	c.fail = func(call string) error { return map[string]error{"insert referrals": errDisk}[call] }
	_, entered, err = created("k2", referraltest.Submission())
	if !errors.Is(err, errDisk) || len(entered) != 2 || entered[0].Outcome != accesslog.Done || entered[1].Outcome != accesslog.Failed ||
		entered[0].Thing != entered[1].Thing {
		t.Errorf("one that cannot be stored: entered as %+v, %v", entered, err)
	}
	c.fail = func(call string) error { return map[string]error{"insert access_log": errDisk}[call] }
	c.take()
	if _, err = w.Service.Create(fk, "k3", referraltest.Submission()); !errors.Is(err, accesslog.ErrNotLogged) || slices.Contains(c.take(), "insert referrals") {
		t.Errorf("one that cannot be entered: %v", err)
	}
}

func TestACreationIsShownAsItIsReadAgain(t *testing.T) {
	w := referraltest.New(t)
	fk := referraltest.As(referraltest.FK)
	sub := referraltest.Submission()
	sub.RightTime = []referral.TimelyAnswer{{Item: "wants_to", Answer: "no"}}
	for name, s := range map[string]referral.Submission{"without answers": referraltest.Submission(), "with answers": sub} {
		first, err := w.Service.Create(fk, name, s)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := w.Service.Create(fk, name, s)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(first.Texts.Assessment)
		b, _ := json.Marshal(again.Texts.Assessment)
		if first.Texts.Reason != again.Texts.Reason || !reflect.DeepEqual(first.Texts.Assessment, again.Texts.Assessment) {
			t.Errorf("%s: at first\n%s\nand then\n%s", name, a, b)
		}
	}
}
