package e2e

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// TestAPersonIsAskedAndAnswersFromTheFrontDoor: what a person applied with and what
// a municipality handed in for the person, through the gateway and the vault.
func TestAPersonIsAskedAndAnswersFromTheFrontDoor(t *testing.T) {
	t.Parallel()
	w := walk{suite.OneProcess(t), t}
	p := persontest.New(rand.New(rand.NewPCG(14, 14)), day(0))
	body := func() map[string]any {
		b := referral(p.Number, p.GivenName, p.FamilyName)
		delete(b, "unit")
		return b
	}
	handed := body()
	handed["source"] = "self_referral"
	first := w.Must(t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(t, intake), Body: handed})
	me := suite.Caller{Role: "participant", Authority: "self", Participant: first.Text("participant"), Subject: "person-14"}
	stranger := suite.Caller{Role: "participant", Authority: "self", Participant: nobodys, Subject: "person-15"}
	second := w.Must(t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(t, me), Body: body()})
	for _, c := range []struct {
		id       string
		standsIn bool // whether the receiver answers for the person as well
	}{{first.Text("id"), true}, {second.Text("id"), false}} {
		thing := "/referrals/" + c.id
		w.change(intake, thing, "supplement-requests", map[string]any{"text": "Påhittat: vad säger vården?"})
		for who, waits := range map[*suite.Caller]bool{&me: true, &stranger: false, &intake: c.standsIn, &partille: false} {
			if got := strings.Contains(string(w.get(*who, "/tasks").Raw), c.id); got != waits {
				t.Errorf("%s has it among the tasks: %v", who.Subject, got)
			}
		}
		etag := w.get(me, thing).Header.Get("ETag")
		for _, who := range []suite.Caller{stranger, partille} {
			w.Must(t, 404, suite.Request{Method: "POST", Path: thing + "/supplements", Token: w.Token(t, who),
				Header: map[string]string{"If-Match": etag}, Body: map[string]any{"text": "Påhittat."}})
		}
		w.attach(me, thing, form("Påhittat intyg", "", pdf))
		if a := w.change(me, thing, "supplements", map[string]any{"text": "Påhittat svar."}); a.Text("state") != "submitted" {
			t.Errorf("then it is %s", a.Text("state"))
		}
	}
	for who, want := range map[*suite.Caller]float64{&me: 2, &stranger: 0} {
		if a := w.get(*who, "/referrals?page=1"); a.At("_meta.totalRecords") != want {
			t.Errorf("%s finds %s", who.Subject, a.Raw)
		}
	}
	w.change(me, "/referrals/"+first.Text("id"), "withdrawal", map[string]any{"by": "person"})
	if a := w.change(intake, "/referrals/"+second.Text("id"), "acceptance", map[string]any{"initiative": "activera", "startDate": day(7), "coach": "coach-1"}); a.Text("state") != "accepted" {
		t.Errorf("at last it is %s", a.Text("state"))
	}
}
