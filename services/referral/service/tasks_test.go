package service_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

func TestTasksAreWhatWaitsForTheCallerTheOverdueFirst(t *testing.T) {
	w := referraltest.New(t)
	intake := referraltest.As(referraltest.Intake)
	old, asked, queued := created(t, w).ID, created(t, w).ID, created(t, w).ID
	if _, err := w.Service.RequestSupplement(intake, asked, 1, "Påhittad fråga?"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.PutOnWaitlist(intake, queued, 1, "high", ""); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(10 * 24 * time.Hour)
	young := created(t, w).ID
	accepted := created(t, w).ID
	if _, err := w.Service.Accept(intake, accepted, 1, acceptance()); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(6 * 24 * time.Hour)
	page := store.Window{Limit: 20, Page: 1}
	for _, c := range []struct {
		sentence string
		who      actor.Actor
		want     []string
	}{
		{"receivers have to decide", referraltest.Intake, []string{old, young}},
		{"coaches to start", referraltest.Coach, []string{accepted}},
		{"the authority's system to answer", referraltest.FK, []string{asked}},
		{"and the unit that sent it", referraltest.Officer, []string{asked}},
		{"another unit nothing", referraltest.OtherUnit, []string{}},
		{"another municipality nothing", referraltest.Partille, []string{}},
		{"another association nothing", referraltest.Elsewhere, []string{}},
	} {
		l, err := w.Service.Tasks(referraltest.As(c.who), service.Filter{}, page)
		if err != nil || !slices.Equal(idsOf(l), c.want) || l.Total.Records != int64(len(c.want)) {
			t.Errorf("%s: want %v, got %v, %v", c.sentence, c.want, idsOf(l), err)
		}
	}
	l, err := w.Service.Tasks(intake, service.Filter{}, store.Window{Limit: 1, Page: 1})
	if err != nil || !l.Items[0].Overdue {
		t.Fatal("the overdue one comes first: ", err)
	}
	if l, err = w.Service.Tasks(intake, service.Filter{}, store.Window{Limit: 1, Cursor: l.Next}); err != nil || !slices.Equal(idsOf(l), []string{young}) || l.Items[0].Overdue || l.Next != "" {
		t.Errorf("then the next: %v, %v", idsOf(l), err)
	}
	if _, err := w.Service.Tasks(referraltest.As(referraltest.Board), service.Filter{}, page); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("a board member: %v", err)
	}
	if _, err := w.Service.Tasks(referraltest.As(referraltest.FK), service.Filter{Responsible: "mottagare-1"}, page); !errors.Is(err, service.ErrOwnFilter) {
		t.Errorf("a sender asks who is responsible: %v", err)
	}
	overdue, inTime := true, false
	for _, c := range []struct {
		sentence string
		who      actor.Actor
		filter   service.Filter
		want     []string
	}{
		{"overdue is also what the sender owes", referraltest.Intake, service.Filter{Overdue: &overdue, Sort: service.Sort{Key: service.SortDue}}, sortedIDs(old, asked)},
		{"in time is what has time left", referraltest.Intake, service.Filter{Overdue: &inTime, Sort: service.Sort{Key: service.SortDue}}, []string{accepted, young}},
		{"by due leaves the queue out", referraltest.FK, service.Filter{Sort: service.Sort{Key: service.SortDue, Desc: true}}, []string{young, accepted}},
		{"of one day", referraltest.FK, service.Filter{From: "2026-03-12", To: "2026-03-12", States: []referral.State{referral.StateSubmitted}, Sort: service.Sort{Key: service.SortReceived}}, []string{young}},
		{"the waiting list", referraltest.Intake, service.Filter{Sort: service.Sort{Key: service.SortPriority}}, []string{queued}},
		{"by initiative", referraltest.Intake, service.Filter{Initiative: "activera"}, []string{accepted}},
		{"of two states", referraltest.Intake, service.Filter{States: []referral.State{referral.StateWaitlisted, referral.StateAccepted}, Sort: service.Sort{Key: service.SortReceived}}, []string{queued, accepted}},
	} {
		l, err := w.Service.List(referraltest.As(c.who), c.filter, store.Window{Limit: 2, Page: 1})
		got := []string{}
		if err == nil {
			got = idsOf(l)
		}
		if c.sentence == "overdue is also what the sender owes" {
			got = sortedIDs(got...)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: want %v, got %v, %v", c.sentence, c.want, got, err)
		}
	}
}

func sortedIDs(ids ...string) []string {
	slices.Sort(ids)
	return ids
}

func TestALongListIsCountedOnlySoFar(t *testing.T) {
	w := referraltest.New(t)
	const n = 1005
	for range n {
		created(t, w)
	}
	l, err := w.Service.List(referraltest.As(referraltest.Intake), service.Filter{}, store.Window{Limit: 5, Page: 201})
	if err != nil || l.Total.Records != 1000 || !l.Total.Minimum || len(l.Items) != 5 {
		t.Errorf("got %+v and %d items, %v", l.Total, len(l.Items), err)
	}
}
