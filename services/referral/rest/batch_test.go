package rest_test

import (
	"fmt"
	"slices"
	"testing"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral/referraltest"
)

// batch posts items and returns the answers.
func (f *front) batch(t *testing.T, key string, items ...any) []api.ReferralBatchAnswer {
	t.Helper()
	var b api.ReferralBatch
	f.do(t, webtest.Request{
		Method: "POST", Path: "/referrals/batch", As: referraltest.FK, Body: map[string]any{"items": items},
		Header: map[string]string{"Idempotency-Key": key, "Accept-Language": "en"},
	}).Into(t, 200, &b)
	return b.Items
}

func TestABatchAnswersEachReferralForItself(t *testing.T) {
	f := newFront(t)
	good := func(reference string) map[string]any {
		b := newReferral()
		b["externalReference"] = reference
		return b
	}
	noConsent, notWhole := good("FK-2"), good("FK-3")
	noConsent["consent"].(map[string]any)["given"] = false
	delete(notWhole, "reason")
	items := []any{
		map[string]any{"referral": good("FK-1")}, map[string]any{"referral": noConsent}, map[string]any{"referral": notWhole},
		map[string]any{"referral": 7}, "nothing of the kind", map[string]any{"key": "own", "referral": good("FK-6")},
	}
	first := f.batch(t, "batch-1", items...)
	var got []string
	for i, a := range first {
		says := fmt.Sprint(a.Index, " ", a.Status)
		if a.Problem != nil && a.Problem.Errors != nil {
			says += " " + a.Problem.Errors[0].Pointer
		}
		if (a.Id == nil) == (a.Problem == nil) || a.Index != i {
			t.Errorf("%d: want an id or a problem: %+v", i, a)
		}
		got = append(got, says)
	}
	if want := []string{"0 201", "1 422 /referral/consent/given", "2 400 /referral/reason", "3 400 /referral", "4 400 ", "5 201"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if d := first[1].Problem.Detail; d != "The referral can be sent only with the person's consent. Obtain the consent first." {
		t.Errorf("in another language: %q", d)
	}
	again := f.batch(t, "batch-1", items...)
	if *again[0].Id != *first[0].Id || *again[5].Id != *first[5].Id || *again[0].RegistryNumber != *first[0].RegistryNumber {
		t.Errorf("the repeat made others: %+v", again)
	}
	if single := read(t, f.post(t, "FK-6", "own"), 201); single.Id != *first[5].Id {
		t.Errorf("an item's key is not the Idempotency-Key of the same referral alone")
	}
}

func TestAFullBatchIsTakenAndItsNumbersHaveNoGaps(t *testing.T) {
	f := newFront(t)
	var items []any
	for i := range 500 {
		b := newReferral()
		b["externalReference"] = fmt.Sprint("FK-", i)
		items = append(items, map[string]any{"referral": b})
	}
	seen := map[string]bool{}
	for _, a := range f.batch(t, "full", items...) {
		if a.Status != 201 {
			t.Fatalf("%+v", a)
		}
		seen[*a.RegistryNumber] = true
	}
	if len(seen) != 500 || !seen["2026-000001"] || !seen["2026-000500"] {
		t.Errorf("%d numbers", len(seen))
	}
}

func TestAReferralOutsideTheTargetGroupIsReceivedAndShowsWhy(t *testing.T) {
	f := newFront(t)
	f.People.Age = 70
	b := unreferenced()
	b["targetGroup"] = map[string]any{"reasons": []any{}, "authoritiesConcerned": []any{"region"}}
	b["rightTime"] = []any{map[string]any{"item": "wants_to", "answer": "no"}}
	r := read(t, f.do(t, webtest.Request{Method: "POST", Path: "/referrals", As: referraltest.FK, Body: b}), 201)
	test := r.TargetGroupTest
	if test == nil || test.Met != "not_met" || len(test.Rules) != 3 || test.Rules[0].Met != "not_met" || test.Rules[0].Input[0] != "70" ||
		test.Rules[1].Met != "not_met" || test.Rules[2].Met != "unknown" || test.Version == "" {
		t.Fatalf("got %s", indented(t, test))
	}
	if r.RightTime == nil || r.RightTime.Met != "not_met" || r.RightTime.Items[0].Answer != "no" || r.RightTime.Items[0].Question.Sv == "" {
		t.Errorf("got %s", indented(t, r.RightTime))
	}
	var l api.ReferralList
	f.do(t, webtest.Request{Method: "GET", Path: "/referrals", As: referraltest.Intake}).Into(t, 200, &l)
	if l.Items[0].TargetGroup == nil || l.Items[0].TargetGroup.Met != "not_met" {
		t.Errorf("the list shows %+v", l.Items[0].TargetGroup)
	}
}
