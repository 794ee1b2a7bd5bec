package service_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

// several creates n referrals a second apart and returns their ids, latest first.
func several(t *testing.T, w *referraltest.World, n int) []string {
	t.Helper()
	var ids []string
	for range n {
		ids = append(ids, created(t, w).ID)
		w.Clock.Advance(time.Second)
	}
	slices.Reverse(ids)
	return ids
}

func idsOf(l *service.List) []string {
	ids := []string{}
	for _, v := range l.Items {
		ids = append(ids, v.Referral.ID)
	}
	return ids
}

func TestAListIsReadByPageAndByCursorInTheSameOrder(t *testing.T) {
	w := referraltest.New(t)
	all := several(t, w, 7)
	intake := referraltest.As(referraltest.Intake)
	var byPage, byCursor []string
	for page := 1; page <= 3; page++ {
		l, err := w.Service.List(intake, service.Filter{}, store.Window{Limit: 3, Page: page})
		if err != nil || l.Total.Records != 7 || l.Total.Minimum {
			t.Fatalf("page %d: total %v, %v", page, l.Total, err)
		}
		byPage = append(byPage, idsOf(l)...)
		if last := page == 3; last != (l.Next == "") {
			t.Fatalf("page %d goes on at %q", page, l.Next)
		}
	}
	cursor := ""
	for range 4 {
		l, err := w.Service.List(intake, service.Filter{}, store.Window{Limit: 2, Cursor: cursor})
		if err != nil || l.Total != nil {
			t.Fatalf("total %v, %v", l.Total, err)
		}
		byCursor = append(byCursor, idsOf(l)...)
		cursor = l.Next
	}
	if !slices.Equal(byPage, all) || !slices.Equal(byCursor, all) || cursor != "" {
		t.Errorf("want %v\nby page %v\nby cursor %v", all, byPage, byCursor)
	}
	l, err := w.Service.List(intake, service.Filter{}, store.Window{Limit: 3, Page: 99})
	if err != nil || len(l.Items) != 0 || l.Total.Records != 7 {
		t.Errorf("behind the end: %v, %v", idsOf(l), err)
	}
}

func TestEveryCallersListHoldsOnlyItsOwn(t *testing.T) {
	w := referraltest.New(t)
	ids := several(t, w, 2)
	lerum := referraltest.Submission()
	lerum.Unit, lerum.WishedMunicipality = "fk-lerum", "1441"
	lerum.Consent.Authorities = []string{"fk", "lerum"}
	v, err := w.Service.Create(referraltest.As(referraltest.FK), "", lerum)
	if err != nil {
		t.Fatal(err)
	}
	third := v.Referral.ID
	if _, err := w.Service.PutOnWaitlist(referraltest.As(referraltest.Intake), ids[1], 1, "high", ""); err != nil {
		t.Fatal(err)
	}
	unitless, placeless := referraltest.Officer, referraltest.Intake
	unitless.Unit, placeless.Municipality = "", ""
	for _, c := range []struct {
		sentence string
		who      actor.Actor
		filter   service.Filter
		want     []string
	}{
		{"an authority's system sees all of its authority", referraltest.FK, service.Filter{}, []string{third, ids[0], ids[1]}},
		{"narrowed to a municipality", referraltest.FK, service.Filter{Municipality: "1441"}, []string{third}},
		{"narrowed to a state", referraltest.FK, service.Filter{States: []referral.State{referral.StateWaitlisted}}, []string{ids[1]}},
		{"an official sees the unit's", referraltest.Officer, service.Filter{}, ids},
		{"another unit its own", referraltest.OtherUnit, service.Filter{}, []string{third}},
		{"a receiver sees the municipality's", referraltest.Intake, service.Filter{States: []referral.State{referral.StateSubmitted}}, []string{ids[0]}},
		{"and no other municipality's by asking for it", referraltest.Intake, service.Filter{Municipality: "1441"}, []string{}},
		{"another municipality nothing", referraltest.Partille, service.Filter{}, []string{}},
		{"another authority nothing", referraltest.AF, service.Filter{}, []string{}},
		{"another association nothing", referraltest.Elsewhere, service.Filter{}, []string{}},
		{"a token without a unit nothing", unitless, service.Filter{}, []string{}},
		{"a token without a municipality nothing", placeless, service.Filter{}, []string{}},
	} {
		l, err := w.Service.List(referraltest.As(c.who), c.filter, store.Window{Limit: 20, Page: 1})
		if err != nil || !slices.Equal(idsOf(l), c.want) || l.Total.Records != int64(len(c.want)) {
			t.Errorf("%s: want %v, got %v of %v, %v", c.sentence, c.want, idsOf(l), l.Total, err)
		}
	}
	if _, err := w.Service.List(referraltest.As(referraltest.Board), service.Filter{}, store.Window{Limit: 20, Page: 1}); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("a board member: %v", err)
	}
	if _, err := w.Service.List(referraltest.As(referraltest.FK), service.Filter{}, store.Window{Limit: 20, Page: 1, Cursor: "bm9wZQ"}); !errors.Is(err, store.ErrCursor) {
		t.Errorf("a made-up cursor: %v", err)
	}
}

func TestAListReadsAllButWhatItDoesNotShow(t *testing.T) {
	w := referraltest.New(t)
	whole := created(t, w)
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	got, err := service.Listed(text)
	if err != nil || got.Assessment != nil || got.Reason != nil || got.TargetGroup.Reasons != nil || got.Receipt != (idempotency.Receipt{}) {
		t.Fatalf("%+v, %v", got, err)
	}
	if !maps.Equal(service.Keys(got), service.Keys(whole)) {
		t.Errorf("keys %v, want %v", service.Keys(got), service.Keys(whole))
	}
	got.Assessment, got.Reason, got.TargetGroup, got.Receipt = whole.Assessment, whole.Reason, whole.TargetGroup, whole.Receipt
	if again, err := json.Marshal(got); err != nil || string(again) != string(text) {
		t.Errorf("%v: %s, want %s", err, again, text)
	}
}
