package service_test

import (
	"errors"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/servicetest"
	. "github.com/finsam/finsam/services/participant/participanttest"
)

func TestThePersonFollowsTheReferralFromOneMunicipalityToAnother(t *testing.T) {
	f := Start(t)
	in := Person(70)
	in.Consent.Municipality = "1481"
	id, r := f.Store(in), in.Consent.Referral
	other := Intake
	other.Authority, other.Municipality, other.Subject = "partille", "1402", "mottagare-3"
	sees := func(a actor.Actor) bool {
		_, err := f.Person(servicetest.As(a), id)
		if err != nil && !errors.Is(err, fault.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	for _, c := range []struct {
		kind       string
		data       map[string]string
		has, asked bool // whether the one that had it, and the other one, see the person then
	}{
		{"transfer_requested", map[string]string{"municipality": "1481", "to": "1402"}, true, true},
		{"transfer_declined", map[string]string{"municipality": "1481", "to": "1402"}, true, false},
		{"transfer_requested", map[string]string{"municipality": "1481", "to": "1402"}, true, true},
		{"transfer_cancelled", map[string]string{"municipality": "1481", "to": "1402"}, true, false},
		{"transfer_requested", map[string]string{"municipality": "1481", "to": "1402"}, true, true},
		{"transfer_accepted", map[string]string{"municipality": "1402", "from": "1481"}, false, true},
		{"rejected", map[string]string{"municipality": "1402"}, false, true}, // who decided knows about whom
	} {
		c.data["referral"], c.data["participant"] = r, id
		f.Emit(c.kind, r, c.data)
		servicetest.Eventually(t, "after "+c.kind, func() bool { return sees(Intake) == c.has && sees(other) == c.asked })
	}
}

func TestAnExtendedConsentOpensThePersonToThoseNamedSince(t *testing.T) {
	f := Start(t)
	in := Person(71)
	id, r := f.Store(in), in.Consent.Referral
	f.Emit("amended", r, map[string]string{"referral": r, "participant": id, "fields": "reason"})
	f.Emit("amended", r, map[string]string{
		"referral": r, "participant": id, "fields": "consent", "authorities": "fk,molndal,partille", "textVersion": "2026-2", "givenOn": "2026-11-01",
	})
	servicetest.Eventually(t, "the consent is extended", func() bool {
		v, err := f.Person(servicetest.As(FKUnit), id)
		if err != nil {
			t.Fatal(err)
		}
		receiver, err := f.Person(servicetest.As(Intake), id)
		if err != nil {
			t.Fatal(err)
		}
		c := v.Consents[0]
		return len(c.Authorities) == 3 && c.TextVersion == "2026-2" && c.GivenOn == "2026-11-01" && receiver.Version == 3
	})
}
