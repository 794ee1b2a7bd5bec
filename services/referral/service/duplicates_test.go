package service_test

import (
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

func TestTheReceiverAloneSeesTheSamePersonsOtherReferrals(t *testing.T) {
	w := referraltest.New(t)
	send := func(municipality string, consent ...string) *referral.Referral {
		sub := referraltest.Submission()
		sub.WishedMunicipality, sub.Consent.Authorities = municipality, consent
		v, err := w.Service.Create(referraltest.As(referraltest.FK), "", sub)
		if err != nil {
			t.Fatal(err)
		}
		return v.Referral
	}
	first := send("1481", "fk", "molndal")
	second := send("1481", "fk", "molndal")
	open := send("1402", "fk", "partille", "molndal")
	send("1402", "fk", "partille") // of which Mölndal may know nothing
	over := send("1481", "fk", "molndal")
	if _, err := w.Service.Reject(referraltest.As(referraltest.Intake), over.ID, 1, "other", "Påhittat."); err != nil {
		t.Fatal(err)
	}
	seen := func(who actor.Actor) []referral.Duplicate {
		t.Helper()
		v, err := w.Service.Get(referraltest.As(who), first.ID)
		if err != nil {
			t.Fatal(err)
		}
		return v.Duplicates
	}
	own, foreign := 0, 0
	for _, d := range seen(referraltest.Intake) {
		switch {
		case d.ID == second.ID && d.State == referral.StateSubmitted && d.Municipality == "1481":
			own++
		case d == referral.Duplicate{Municipality: open.WishedMunicipality}:
			foreign++
		default:
			t.Errorf("shown: %+v", d)
		}
	}
	if own != 1 || foreign != 1 {
		t.Errorf("%d of the own municipality, %d of another", own, foreign)
	}
	for _, who := range []actor.Actor{referraltest.FK, referraltest.Officer, referraltest.Coach, referraltest.Person(first.Participant)} {
		if d := seen(who); d != nil {
			t.Errorf("%s sees %+v", who.Subject, d)
		}
	}
	l, err := w.Service.List(referraltest.As(referraltest.Intake), service.Filter{States: []referral.State{referral.StateSubmitted}}, store.Window{Limit: 20, Page: 1})
	if err != nil || len(l.Items) != 2 || len(l.Items[0].Duplicates) != 2 {
		t.Fatalf("%v: %+v", err, l)
	}
	l, err = w.Service.List(referraltest.As(referraltest.FK), service.Filter{}, store.Window{Limit: 20, Page: 1})
	if err != nil || len(l.Items) != 5 || l.Items[0].Duplicates != nil {
		t.Fatalf("the sender's list: %v: %+v", err, l)
	}
}
