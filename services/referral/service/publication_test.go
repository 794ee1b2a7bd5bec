package service_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral/publication"
	"github.com/finsam/finsam/services/referral/referraltest"
)

// arrivals are referrals of n people to each of two municipalities, in March 2026.
func arrivals(t *testing.T, w *referraltest.World, n int) (ids, participants []string) {
	t.Helper()
	w.Clock.Set(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	random := rand.New(rand.NewPCG(5, 5))
	for i := range 2 * n {
		sub := referraltest.Submission()
		sub.Person.PersonalIdentityNumber = persontest.New(random, "2026-03-02").Number
		if i >= n {
			sub.WishedMunicipality, sub.Consent.Authorities = "1441", append(sub.Consent.Authorities, "lerum")
		}
		v, err := w.Service.Create(referraltest.As(referraltest.FK), "", sub)
		if err != nil {
			t.Fatal(err)
		}
		ids, participants = append(ids, v.Referral.ID), append(participants, v.Referral.Participant)
	}
	w.Clock.Set(time.Date(2027, 1, 1, 9, 0, 0, 0, time.UTC))
	return ids, participants
}

func TestOfAProtectedPersonOnlyTheGenderIsCountedBy(t *testing.T) {
	w := referraltest.New(t)
	_, participants := arrivals(t, w, 12)
	rows := func(period publication.Period) []publication.Row {
		p, err := w.Service.MakePublication(referraltest.As(referraltest.Admin), "", period, 0)
		if err != nil {
			t.Fatal(err)
		}
		if p.Tables[0].LeftOut {
			t.Error("the total is left out")
		}
		return p.Tables[2].Rows
	}
	for i, person := range participants[12:] {
		e := feed.Event{ID: "p/" + person, Type: "se.finsam.participant.protected", Subject: person, Association: "insjoriket", Data: map[string]string{"handledBy": "molndal"}}
		if err := w.Service.Handle(context.Background(), e); err != nil {
			t.Fatal(i, err)
		}
	}
	if got := rows("2026"); len(got) != 1 || got[0].Count < 8 || got[0].Count > 16 {
		t.Errorf("12 of 24 are protected, and by municipality %+v are counted", got)
	}
}

func TestWhatWasSentInErrorCountsForNothing(t *testing.T) {
	w := referraltest.New(t)
	ids, _ := arrivals(t, w, 6)
	for _, id := range ids {
		if _, err := w.Service.MarkInError(referraltest.As(referraltest.FK), id, 1, "Påhittat."); err != nil {
			t.Fatal(err)
		}
	}
	p, err := w.Service.MakePublication(referraltest.As(referraltest.Admin), "", "2026-t1", 0)
	if err != nil || !p.Tables[0].LeftOut {
		t.Errorf("got %+v, %v", p, err)
	}
}

// Of two that are made at the same moment, the later is held against the earlier one.
func TestPublicationsThatAreMadeAtOnceAreHeldAgainstEachOther(t *testing.T) {
	w := referraltest.New(t)
	arrivals(t, w, 12)
	made := make([]*publication.Publication, 2)
	var all sync.WaitGroup
	for i, period := range []publication.Period{"2026-t1", "2026"} {
		all.Go(func() {
			p, err := w.Service.MakePublication(referraltest.As(referraltest.Admin), "", period, 0)
			if err != nil {
				t.Error(err)
			}
			made[i] = p
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	if made[0].Number+made[1].Number != 3 || made[0].Tables[0].LeftOut == made[1].Tables[0].LeftOut {
		t.Errorf("numbers %d and %d; the same people are published twice", made[0].Number, made[1].Number)
	}
}

func TestARepeatedMakingReturnsThePublication(t *testing.T) {
	w := referraltest.New(t)
	w.Clock.Set(time.Date(2027, 1, 1, 9, 0, 0, 0, time.UTC))
	admin := func(subject string) context.Context {
		a := referraltest.Admin
		a.Subject = subject
		return referraltest.As(a)
	}
	first, err := w.Service.MakePublication(admin("admin-1"), "k-1", "2026", 0)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.Service.MakePublication(admin("admin-1"), "k-1", "2026", 1); err != nil || again.ID != first.ID {
		t.Errorf("got %+v, %v", again, err)
	}
	if _, err := w.Service.MakePublication(admin("admin-1"), "k-1", "2026-t1", 0); !errors.Is(err, idempotency.ErrKeyReused) {
		t.Errorf("another period with the same key: %v", err)
	}
	for key, c := range map[string]struct {
		who    actor.Actor
		period publication.Period
		plan   int
		want   error
	}{
		"k-2": {referraltest.Admin, "2026", 0, publication.ErrMade},
		"k-3": {referraltest.Admin, "2027-t1", 0, publication.ErrNotOver},
		"k-4": {referraltest.Admin, "2026-t1", 2, publication.ErrPlan},
	} {
		if _, err := w.Service.MakePublication(referraltest.As(c.who), key, c.period, c.plan); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.period, err)
		}
	}
	if _, err := w.Service.ReleasePublication(admin("admin-2"), first.ID, 7); !errors.Is(err, store.ErrStale) {
		t.Errorf("at another version: %v", err)
	}
}
