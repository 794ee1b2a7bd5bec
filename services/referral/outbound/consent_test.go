package outbound_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral/outbound"
	"github.com/finsam/finsam/services/referral/referraltest"
)

// publish lets the participant service publish an event about a referral.
func publish(w *referraltest.World, referral, kind string, data map[string]string) {
	all := map[string]string{"referral": referral}
	for k, v := range data {
		all[k] = v
	}
	w.Peer.Add(feed.Event{ID: kind + "/" + referral, Type: "se.finsam." + kind, Association: "insjoriket", Subject: "e-1", Time: w.Clock.Now(), Data: all})
}

// accepted returns a referral that was accepted.
func accepted(t *testing.T, w *referraltest.World) string {
	t.Helper()
	id := put(t, w)
	if _, err := w.Service.Accept(referraltest.As(referraltest.Intake), id, 1, acceptance); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestEventsShowNothingMoreOfTheProgressOnceTheConsentIsWithdrawn(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	gone := accepted(t, w)
	another := referraltest.Submission()
	another.Person.PersonalIdentityNumber = persontest.Number(rand.New(rand.NewPCG(4, 4)), "2026-03-01")
	v, err := w.Service.Create(referraltest.As(referraltest.FK), "", another)
	if err != nil {
		t.Fatal(err)
	}
	holds := v.Referral.ID
	if _, err := w.Service.Accept(referraltest.As(referraltest.Intake), holds, 1, acceptance); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{gone, holds} {
		publish(w, id, "enrolment.planned", nil)
		publish(w, id, "enrolment.started", map[string]string{"number": "1"})
	}
	gather(t, w.Service.Outbound, referraltest.FK, "", 200, 8)
	publish(w, gone, "participant.consent_withdrawn", nil)
	publish(w, gone, "enrolment.closed", map[string]string{"outcome": "interrupted"})
	gather(t, w.Service.Outbound, referraltest.Intake, "", 200, 10) // so that all is stored
	both := referraltest.FK
	both.Subject, both.Municipality = "both", "1481"
	for who, c := range map[string]struct {
		a    actor.Actor
		gone []string
	}{
		"the sender":           {referraltest.FK, []string{"submitted", "accepted", "consent_withdrawn"}},
		"the municipality":     {referraltest.Intake, []string{"submitted", "accepted", "enrolled", "progress_reported", "consent_withdrawn", "closed"}},
		"one who is both once": {both, []string{"submitted", "accepted", "enrolled", "progress_reported", "consent_withdrawn", "closed"}},
	} {
		for _, limit := range []int{1, 2, 3, 200} {
			all, after := gather(t, w.Service.Outbound, c.a, "", limit, len(c.gone)+4)
			var of, other []outbound.Notice
			for _, n := range all {
				if n.Referral == gone {
					of = append(of, n)
				} else {
					other = append(other, n)
				}
			}
			if !slices.Equal(kinds(of), c.gone) || !slices.Equal(kinds(other), []string{"submitted", "accepted", "enrolled", "progress_reported"}) {
				t.Errorf("%s, limit %d: sees %v, and of the other %v", who, limit, kinds(of), kinds(other))
			}
			if e, err := w.Service.Outbound.Events(referraltest.As(c.a), outbound.EventQuery{After: after, Limit: limit}); err != nil || len(e.Items) > 0 {
				t.Errorf("%s, limit %d: behind the last %v, %v", who, limit, e, err)
			}
		}
	}
}

// typesOf returns the kinds that were sent, in order.
func typesOf(t *testing.T, all []outbound.Message, url string) (kinds []string) {
	t.Helper()
	for _, m := range all {
		var p struct{ Type string }
		if err := json.Unmarshal(m.Body, &p); err != nil {
			t.Fatal(err)
		}
		if m.URL == url {
			kinds = append(kinds, strings.TrimPrefix(p.Type, "se.finsam.referral."))
		}
	}
	return kinds
}

func TestWhatWaitsToBeSentIsNotSentOnceTheConsentIsWithdrawn(t *testing.T) {
	w := referraltest.New(t)
	k := newWebhook(t, w)
	own, err := w.Service.Outbound.Create(referraltest.As(referraltest.Intake), "", outbound.Settings{URL: "https://own.example.se/", On: true})
	if err != nil {
		t.Fatal(err)
	}
	w.Run(t)
	id := accepted(t, w)
	until(t, "the first two", func() bool { return len(w.Hooks.Got()) == 4 })
	w.Hooks.Set(func(outbound.Message) outbound.Answer { return outbound.Answer{Outcome: outbound.Refused, Status: 500} })
	publish(w, id, "enrolment.planned", nil)
	publish(w, id, "enrolment.started", map[string]string{"number": "1"})
	until(t, "a try of each", func() bool { return len(w.Hooks.Got()) == 6 })
	publish(w, id, "participant.consent_withdrawn", nil)
	gather(t, w.Service.Outbound, referraltest.Intake, "", 200, 5)
	w.Hooks.Set(nil)
	w.Clock.Advance(10 * time.Second)
	until(t, "nothing waits", func() bool {
		l, err := w.Service.Outbound.Deliveries(referraltest.As(referraltest.Intake), own.ID, "", store.Window{Limit: 200, Page: 1})
		if err != nil {
			t.Fatal(err)
		}
		sent := typesOf(t, w.Hooks.Got(), "https://hooks.example.se/")
		return len(l.Items) == 5 && !slices.ContainsFunc(l.Items, func(d *outbound.Delivery) bool { return d.State != outbound.Delivered }) &&
			sent[len(sent)-1] == "consent_withdrawn" && len(deliveriesOf(t, w, k.ID, outbound.Waiting)) == 0
	})
	if got := typesOf(t, w.Hooks.Got(), "https://hooks.example.se/"); !slices.Equal(got, []string{"submitted", "accepted", "enrolled", "consent_withdrawn"}) {
		t.Errorf("the sender was sent %v", got)
	}
	if got := typesOf(t, w.Hooks.Got(), "https://own.example.se/"); !slices.Equal(got, []string{"submitted", "accepted", "enrolled", "enrolled", "progress_reported", "consent_withdrawn"}) {
		t.Errorf("the municipality was sent %v", got)
	}
	var listed []string
	for _, d := range deliveriesOf(t, w, k.ID, "") {
		listed = append(listed, strings.TrimPrefix(d.Notice.Type, "se.finsam.referral."))
	}
	if slices.Sort(listed); !slices.Equal(listed, []string{"accepted", "consent_withdrawn", "submitted"}) {
		t.Errorf("listed are %v", listed)
	}
	if dead := deliveriesOf(t, w, k.ID, outbound.Dead); len(dead) > 0 {
		t.Errorf("dead: %v", dead)
	}
}

func TestWhatWasGivenUpOrSentIsNotSentAgainOnceTheConsentIsWithdrawn(t *testing.T) {
	w := referraltest.New(t)
	k := newWebhook(t, w, "enrolled", "progress_reported")
	w.Run(t)
	id := accepted(t, w)
	publish(w, id, "enrolment.planned", nil)
	until(t, "the first", func() bool { return len(deliveriesOf(t, w, k.ID, outbound.Delivered)) == 1 })
	w.Hooks.Set(func(outbound.Message) outbound.Answer { return outbound.Answer{Outcome: outbound.Refused, Status: 500} })
	publish(w, id, "enrolment.started", map[string]string{"number": "1"})
	until(t, "given up", func() bool {
		w.Clock.Advance(time.Hour)
		return len(deliveriesOf(t, w, k.ID, outbound.Dead)) == 1
	})
	settled := deliveriesOf(t, w, k.ID, "")
	w.Hooks.Set(nil)
	publish(w, id, "participant.consent_withdrawn", nil)
	gather(t, w.Service.Outbound, referraltest.Intake, "", 200, 5)
	sent := len(w.Hooks.Got())
	if len(settled) != 2 {
		t.Fatalf("%d were settled", len(settled))
	}
	if n, more, err := w.Service.Outbound.ResendDead(referraltest.As(referraltest.FK), k.ID); n != 0 || more || err != nil {
		t.Errorf("of the dead letters %d are sent again, more %v, %v", n, more, err)
	}
	for _, d := range settled {
		if _, err := w.Service.Outbound.Resend(referraltest.As(referraltest.FK), k.ID, d.ID); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("%s, %s: %v", d.Notice.Type, d.State, err)
		}
	}
	if left := deliveriesOf(t, w, k.ID, ""); len(left) > 0 || len(w.Hooks.Got()) != sent {
		t.Errorf("%d are listed, %d were sent", len(left), len(w.Hooks.Got())-sent)
	}
}
