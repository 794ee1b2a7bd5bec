package e2e

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// TestCase_A5_OverFourProcesses is: of many acceptances of one person at once one enrols;
// another authority's referral joins, also when the vault is lost in the middle of it, and
// ends with the enrolment.
func TestCase_A5_OverFourProcesses(t *testing.T) {
	t.Parallel()
	w := walk{suite.FourProcesses(t, unlimited...), t}
	p := persontest.New(rand.New(rand.NewPCG(5, 5)), day(0))
	refer := func(c suite.Caller) string {
		body := referral(p.Number, p.GivenName, p.FamilyName)
		body["unit"] = c.Unit
		body["consent"].(map[string]any)["authorities"] = []string{c.Authority, "molndal"}
		return "/referrals/" + w.Must(t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(t, c), Body: body}).Text("id")
	}
	var ats []string
	for range 4 {
		ats = append(ats, refer(fkOfficer), refer(afOfficer))
	}
	var accepted, refused atomic.Int32
	var lead atomic.Value
	var all sync.WaitGroup
	for _, at := range ats {
		all.Go(func() {
			a, err := w.Do(suite.Request{
				Method: "POST", Path: at + "/acceptance", Token: w.Token(t, intake), Header: map[string]string{"If-Match": `"1"`},
				Body: map[string]any{"initiative": "activera", "startDate": day(-30), "coach": "coach-1"},
			})
			switch {
			case err == nil && a.Status == 200:
				accepted.Add(1)
				lead.Store(at)
			case err == nil && a.Status == 409 && a.Text("code") == "already-enrolled":
				refused.Add(1)
			default:
				t.Errorf("an acceptance: %d %s %v", a.Status, a.Raw, err)
			}
		})
	}
	all.Wait()
	if accepted.Load() != 1 || int(refused.Load()) != len(ats)-1 {
		t.Fatalf("%d accepted, %d refused", accepted.Load(), refused.Load())
	}
	first := lead.Load().(string)
	w.state(intake, first, "enrolled")
	enrolment := "/enrolments/" + w.get(intake, first).Text("progress.enrolment")
	w.change(coach, enrolment, "start", map[string]any{"startedOn": day(-30)})

	sender := afOfficer
	if slices.Index(ats, first)%2 == 1 { // it is the other authority's
		sender = fkOfficer
	}
	second := refer(sender)
	vault := w.Processes["participant"]
	w.change(intake, second, "joining", map[string]any{"answersCheckIns": true})
	vault.Kill()
	vault.Start(t)
	vault.WaitReady(t)
	w.until(sender, second, "following the enrolment", func(a suite.Answer) bool { return a.Text("state") == "enrolled" })
	if got := w.get(sender, enrolment); "/referrals/"+got.Text("referral") != second || got.Text("state") != "active" {
		t.Errorf("its sender reads %s", got.Raw)
	}
	if got := w.get(coach, enrolment); got.Text("joinedReferrals.0.referral") == "" {
		t.Errorf("the coach reads %s", got.Raw)
	}
	w.change(coach, enrolment, "closing-documentation", map[string]any{
		"closedOn": day(0), "endReason": "moved", "occupationAfter": map[string]any{"kind": "none"}, "livelihoodAfter": []string{"none"}, "summary": "Påhittat.",
	})
	for _, at := range []string{first, second} {
		w.until(intake, at, "closed", func(a suite.Answer) bool { return a.Text("state") == "closed" && a.Text("outcome") == "interrupted" })
	}
}
