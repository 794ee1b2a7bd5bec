package rest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral/referraltest"
)

func TestAnAmendmentIsShownOldAndNewAndATransferGoesItsWay(t *testing.T) {
	f := newFront(t)
	r := read(t, f.post(t, "FK-1", "1"), 201)
	amended := read(t, f.act(t, referraltest.Officer, r.Id, "amendments", `"1"`, amendment()), 200)
	if amended.ChangeLog == nil || len(*amended.ChangeLog) != 1 {
		t.Fatalf("got %s", indented(t, amended))
	}
	entry := (*amended.ChangeLog)[0]
	if c := entry.Changes; entry.Reason != "Påhittat: rättat." || *c.ExternalReference.Old != "FK-1" || c.ExternalReference.New != "FK-2026-2" ||
		len(c.Consent.Old.Authorities) != 2 || len(c.Consent.New.Authorities) != 3 || c.TargetGroup.New.Reasons[0] != "young_adult" || c.Reason != nil {
		t.Errorf("got %s", indented(t, entry))
	}
	if *amended.ExternalReference != "FK-2026-2" || amended.Timeline[1].Kind != "amended" {
		t.Errorf("got %s", indented(t, amended))
	}
	assigned := read(t, f.act(t, referraltest.Intake, r.Id, "assignment", `"2"`, map[string]any{"responsible": "mottagare-2"}), 200)
	if *assigned.Responsible != "mottagare-2" || *assigned.Timeline[2].Responsible != "mottagare-2" {
		t.Errorf("got %s", indented(t, assigned))
	}
	if seen := read(t, f.do(t, webtest.Request{Method: "GET", Path: "/referrals/" + r.Id, As: referraltest.Officer}), 200); seen.Responsible != nil || seen.Timeline[2].Responsible != nil {
		t.Errorf("the sender sees who is responsible: %s", indented(t, seen))
	}
	asked := read(t, f.act(t, referraltest.Intake, r.Id, "transfer-requests", `"3"`, map[string]any{"municipality": "1402", "text": "Påhittat."}), 200)
	if asked.State != "transfer_requested" || asked.Transfer.Municipality != "1402" || !slices.Equal(names(asked.UnderscoreLinks), []string{"attachments", "participant", "self", "transferCancellation"}) {
		t.Errorf("got %s", indented(t, asked))
	}
	var list api.ReferralList
	f.do(t, webtest.Request{Method: "GET", Path: "/referrals?transferTo=1402", As: referraltest.Partille}).Into(t, 200, &list)
	if len(list.Items) != 1 || !slices.Equal(names(list.Items[0].UnderscoreLinks), []string{"participant", "self", "transferAcceptance", "transferRefusal"}) {
		t.Fatalf("got %s", indented(t, list))
	}
	taken := read(t, f.act(t, referraltest.Partille, r.Id, "transfer-acceptance", `"4"`, map[string]any{}), 200)
	if taken.State != "submitted" || taken.Municipality != "1402" || taken.WishedMunicipality != "1481" || taken.Transfer != nil {
		t.Errorf("got %s", indented(t, taken))
	}
	gone := f.do(t, webtest.Request{Method: "GET", Path: "/referrals/" + r.Id, As: referraltest.Intake})
	if p := gone.Problem(t, 404); p.Code != "handed-over" || p.Detail != "Remissen lämnades över till Partille 2026-03-02." {
		t.Errorf("the one that had it: %s", gone.Body)
	}
}

func TestAnAmendmentOfTheChecklistShowsTheFormerAndThePresentTest(t *testing.T) {
	f := newFront(t)
	b := unreferenced()
	b["rightTime"] = []any{map[string]any{"item": "wants_to", "answer": "no"}}
	r := read(t, f.do(t, webtest.Request{Method: "POST", Path: "/referrals", As: referraltest.FK, Body: b}), 201)
	amended := read(t, f.act(t, referraltest.Officer, r.Id, "amendments", `"1"`, map[string]any{"reason": "Påhittat: hon vill.", "changes": map[string]any{
		"rightTime":   []any{map[string]any{"item": "wants_to", "answer": "yes"}},
		"targetGroup": map[string]any{"reasons": []any{"long_absence"}, "authoritiesConcerned": []any{"region"}},
	}}), 200)
	if i := amended.RightTime.Items[0]; i.Item != "wants_to" || i.Answer != "yes" || amended.TargetGroupTest.Met != "not_met" {
		t.Errorf("the newest is not shown: %s", indented(t, amended))
	}
	c := (*amended.ChangeLog)[0].Changes
	if c.RightTime == nil || c.RightTime.Old.Items[0].Answer != "no" || c.RightTime.Old.Met != "not_met" || c.RightTime.New.Items[0].Answer != "yes" {
		t.Errorf("got %s", indented(t, c))
	}
	if c.TargetGroupTest == nil || c.TargetGroupTest.Old.Met != r.TargetGroupTest.Met || c.TargetGroupTest.Old.Met == "not_met" || c.TargetGroupTest.New.Rules[1].Met != "not_met" {
		t.Errorf("got %s", indented(t, c))
	}
	var l api.ReferralList
	f.do(t, webtest.Request{Method: "GET", Path: "/referrals", As: referraltest.Intake}).Into(t, 200, &l)
	if l.Items[0].TargetGroup == nil || l.Items[0].TargetGroup.Met != "not_met" {
		t.Errorf("the list shows %+v", l.Items[0].TargetGroup)
	}
}

func TestCapacityPlacesAndTheQueueAreShownAsContracted(t *testing.T) {
	f := newFront(t)
	f.Run(t)
	capacity := func() (c api.Capacity) {
		f.do(t, webtest.Request{Method: "GET", Path: "/capacity?initiative=activera&municipality=1481", As: referraltest.AF}).Into(t, 200, &c)
		return c
	}
	if c := capacity(); c.Answer != "assessment_needed" {
		t.Errorf("got %s", indented(t, c))
	}
	set := func(who actor.Actor, etag string, n int) *webtest.Response {
		r := webtest.Request{Method: "PUT", Path: "/capacities/activera/1481", As: who, Body: map[string]any{"places": n, "maxWaiting": 1}}
		if etag != "" {
			r.Header = map[string]string{"If-Match": etag}
		}
		return f.do(t, r)
	}
	none := f.do(t, webtest.Request{Method: "GET", Path: "/capacities/activera/1481", As: referraltest.Intake}).Header.Get("ETag")
	var p api.Places
	first := set(referraltest.Admin, none, 1)
	first.Into(t, 200, &p)
	if *p.Places != 1 || *p.MaxWaiting != 1 || p.SetAt == nil || first.Header.Get("ETag") == none {
		t.Errorf("got %s", indented(t, p))
	}
	if a := set(referraltest.Intake, none, 3); a.Status != 412 {
		t.Errorf("over what another one has set: %d", a.Status)
	}
	if a := set(referraltest.Intake, "", 3); a.Status != 428 {
		t.Errorf("whatever is set: %d", a.Status)
	}
	if c := capacity(); c.Answer != "capacity" || *c.Free != 1 || *c.ExpectedStart != "2026-03-02" {
		t.Errorf("got %s", indented(t, c))
	}
	refer := func(n uint64) api.Referral {
		body := unreferenced()
		body["person"].(map[string]any)["personalIdentityNumber"] = persontest.Number(rand.New(rand.NewPCG(n, 3)), "2026-03-02")
		return read(t, f.do(t, webtest.Request{Method: "POST", Path: "/referrals", As: referraltest.FK, Body: body, Header: map[string]string{"Idempotency-Key": fmt.Sprint(n)}}), 201)
	}
	one, two, three := refer(1), refer(2), refer(3)
	accept := map[string]any{"initiative": "activera", "startDate": "2026-03-16", "coach": "coach-1"}
	read(t, f.act(t, referraltest.Intake, one.Id, "acceptance", `"1"`, accept), 200)
	if p := f.act(t, referraltest.Intake, two.Id, "acceptance", `"1"`, accept).Problem(t, 409); p.Code != "no-place" {
		t.Errorf("got %s", p.Code)
	}
	if now := f.do(t, webtest.Request{Method: "GET", Path: "/capacities/activera/1481", As: referraltest.Intake}); servicetest.Version(now.Header) != servicetest.Version(first.Header) {
		t.Error("a place that is taken is no reason to look again at how many there are")
	}
	if c := capacity(); c.Answer != "waitlist" || c.Waiting != 0 || *c.ExpectedStart != "2026-08-31" {
		t.Errorf("got %s", indented(t, c))
	}
	waits := read(t, f.act(t, referraltest.Intake, two.Id, "waitlisting", `"1"`, map[string]any{"priority": "normal"}), 200)
	if waits.Queue == nil || *waits.Queue != (api.QueuePlace{Place: 1, Of: 1}) || waits.PlaceReady != nil {
		t.Errorf("got %s", indented(t, waits))
	}
	if p := f.act(t, referraltest.Intake, three.Id, "waitlisting", `"1"`, map[string]any{"priority": "high"}).Problem(t, 409); p.Code != "waiting-list-full" {
		t.Errorf("got %s", p.Code)
	}
	if c := capacity(); c.Answer != "no_capacity" || c.Waiting != 1 || c.ExpectedStart != nil {
		t.Errorf("got %s", indented(t, c))
	}
	var list api.ReferralList
	f.do(t, webtest.Request{Method: "GET", Path: "/waiting-list?initiative=activera", As: referraltest.Coach}).Into(t, 200, &list)
	if len(list.Items) != 1 || list.Items[0].Queue.Place != 1 || list.UnderscoreLinks.Href("self") != "/finsam/v1/waiting-list?initiative=activera&limit=20" {
		t.Errorf("got %s", indented(t, list))
	}
}
