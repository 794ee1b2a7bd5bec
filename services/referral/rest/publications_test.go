package rest_test

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral/referraltest"
)

// secondAdmin releases what referraltest.Admin makes.
var secondAdmin = func() actor.Actor {
	a := referraltest.Admin
	a.Subject = "admin-2"
	return a
}()

// publicationOperations lists the operations on publications.
func publicationOperations() []operation {
	on := func(rest string) func(string) string {
		return func(id string) string { return "/publications/" + id + rest }
	}
	made := func(t *testing.T, f *front) string { return f.publication(t, "2025").Id }
	foreign, who := secondAdmin, referraltest.Admin
	foreign.Association = "elsewhere"
	tag := func(version string) webtest.Request {
		return webtest.Request{As: secondAdmin, Header: map[string]string{"If-Match": version}}
	}
	return []operation{
		{id: "listPublications", method: "GET", path: fixed("/publications"), who: who, more: []refusal{
			{"with a limit that is too high", webtest.Request{Path: "/publications?limit=201"}},
			{"by a role that sees persons", webtest.Request{As: referraltest.Intake}},
		}},
		{id: "makePublication", method: "POST", path: fixed("/publications"), who: who, body: map[string]any{"period": "2025", "plan": 1}, may: []string{"plan"}, more: []refusal{
			{"of a period that is not over", webtest.Request{Body: map[string]any{"period": "2026-t1"}}},
			{"of a period that does not exist", webtest.Request{Body: map[string]any{"period": "2025-t4"}}},
			{"by a plan that does not exist", webtest.Request{Body: map[string]any{"period": "2025", "plan": 7}}},
			{"by a board member", webtest.Request{As: referraltest.Board}},
		}},
		{id: "getPublication", method: "GET", path: on(""), who: who, made: made, foreign: foreign, more: []refusal{
			{"by a board member before it is released", webtest.Request{As: referraltest.Board}},
		}},
		{id: "releasePublication", method: "POST", path: on("/release"), who: who, made: made, foreign: foreign, header: map[string]string{"If-Match": `"1"`}, more: []refusal{
			{"by who made it", webtest.Request{}},
			{"by a board member", webtest.Request{As: referraltest.Board}},
			{"without If-Match", tag("")},
			{"with If-Match of another version", tag(`"7"`)},
		}},
	}
}

// publication makes a publication of a period.
func (f *front) publication(t *testing.T, period string) (p api.Publication) {
	t.Helper()
	f.do(t, webtest.Request{Method: "POST", Path: "/publications", As: referraltest.Admin, Body: map[string]any{"period": period}}).Into(t, 201, &p)
	return p
}

func TestAPublicationIsComputedOnceFrozenAndReleasedByAnother(t *testing.T) {
	f := newFront(t)
	f.Clock.Set(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	random := rand.New(rand.NewPCG(6, 6))
	for i := range 30 {
		body := newReferral()
		body["externalReference"] = "FK-" + strconv.Itoa(i)
		body["person"].(map[string]any)["personalIdentityNumber"] = persontest.New(random, f.Clock.Now().Format(time.DateOnly)).Number
		body["person"].(map[string]any)["gender"] = []string{"female", "male", "female", "male", "female"}[i%5]
		r := read(t, f.do(t, webtest.Request{Method: "POST", Path: "/referrals", As: referraltest.FK, Body: body}), 201)
		if i < 12 {
			read(t, f.act(t, referraltest.Intake, r.Id, "rejection", `"1"`, map[string]any{"code": "other", "text": "Påhittat."}), 200)
		}
	}
	f.Clock.Set(time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC))
	made := f.publication(t, "2026-t1")
	if made.State != api.Made || made.Version != 1 || made.MadeBy != referraltest.Admin.Subject || len(made.Tables) != 8 || len(made.LeadTimes) != 6 {
		t.Fatalf("got %+v", made)
	}
	received, gender := made.Tables[0], made.Tables[1]
	if n := received.Rows[0].Count; n < 26 || n > 34 {
		t.Errorf("30 people are shown as %d", n)
	}
	if len(gender.Rows) != 2 || gender.LeftOut || gender.Merged {
		t.Errorf("18 women and 12 men are shown as %+v", gender)
	}
	if municipality := made.Tables[2]; !municipality.LeftOut || len(municipality.Rows) > 0 {
		t.Errorf("all are Mölndal's, and that is the total: %+v", municipality)
	}

	// The same again, whatever has become of the referrals; and not once more.
	get := func(who actor.Actor) *webtest.Response {
		return f.do(t, webtest.Request{Method: "GET", Path: "/publications/" + made.Id, As: who})
	}
	before := get(referraltest.Admin)
	again := f.do(t, webtest.Request{Method: "POST", Path: "/publications", As: referraltest.Admin, Body: map[string]any{"period": "2026-t1"}})
	if p := again.Problem(t, 409); p.Code != "publication-made" {
		t.Errorf("got %s", again.Body)
	}
	read(t, f.post(t, "FK-later", "later"), 201)
	if !bytes.Equal(before.Body, get(referraltest.Admin).Body) {
		t.Error("the publication has changed")
	}

	list := func(who actor.Actor) (l api.PublicationList) {
		f.do(t, webtest.Request{Method: "GET", Path: "/publications", As: who}).Into(t, 200, &l)
		return l
	}
	if a := get(referraltest.Board); a.Status != 404 || len(list(referraltest.Board).Items) != 0 || len(list(secondAdmin).Items) != 1 {
		t.Errorf("before the release the board reads %s", a.Body)
	}
	release := func(who actor.Actor) *webtest.Response {
		return f.do(t, webtest.Request{Method: "POST", Path: "/publications/" + made.Id + "/release", As: who, Header: map[string]string{"If-Match": `"1"`}})
	}
	if p := release(referraltest.Admin).Problem(t, 403); p.Code != "own-publication" {
		t.Errorf("who made it releases it: %+v", p)
	}
	var released api.Publication
	release(secondAdmin).Into(t, 200, &released)
	if released.State != api.Released || *released.ReleasedBy != secondAdmin.Subject || released.Version != 2 {
		t.Errorf("got %+v", released)
	}
	if a := get(referraltest.Board); a.Status != 200 || len(list(referraltest.Board).Items) != 1 {
		t.Errorf("after the release the board reads %s", a.Body)
	}
	year := f.do(t, webtest.Request{Method: "POST", Path: "/publications", As: secondAdmin, Body: map[string]any{"period": "2026"}})
	if p := year.Problem(t, 422); p.Code != "period-not-over" {
		t.Errorf("got %s", year.Body)
	}
	f.Clock.Set(time.Date(2027, 1, 1, 9, 0, 0, 0, time.UTC))
	whole := f.publication(t, "2026")
	if table := whole.Tables[5]; !table.LeftOut { // rejected: the same people as in the first tertial
		t.Errorf("a row that is published already is published again: %+v", table)
	}
}
