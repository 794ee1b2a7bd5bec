package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// TestCase_D5_OverFourProcesses is: a person whom one service knows by number and name is
// found there by who coaches, and the other services' lists are read by the id.
func TestCase_D5_OverFourProcesses(t *testing.T) {
	t.Parallel()
	w := walk{suite.FourProcesses(t, unlimited...), t}
	p := persontest.New(rand.New(rand.NewPCG(13, 5)), day(0))
	made := w.Must(t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(t, fkSystem), Body: referral(p.Number, "Zoé", "Påhittadsson")})
	at := "/referrals/" + made.Text("id")
	w.change(intake, at, "acceptance", map[string]any{"initiative": "activera", "startDate": day(7), "coach": "coach-1"})
	w.state(intake, at, "enrolled")
	for _, by := range []map[string]any{{"name": "påhitt zoe"}, {"personalIdentityNumber": p.Number}} {
		by["purpose"] = "case_work"
		found := w.Must(t, 200, suite.Request{Method: "POST", Path: "/participants/searches", Token: w.Token(t, coach), Body: by})
		if found.Text("items.0.participant") != made.Text("participant") || found.Text("items.0.displayName") != "Zoé Påhittadsson" {
			t.Fatalf("%v finds %s", by, found.Raw)
		}
	}
	for _, list := range []string{"/referrals", "/enrolments"} {
		if got := w.get(coach, list+"?coach=coach-1&participant="+made.Text("participant")); got.At("items.0.version") == nil || got.At("items.1") != nil {
			t.Errorf("%s: %s", list, got.Raw)
		}
	}
}

// TestCase_D6_OverFourProcesses is: each service's list names its persons as the vault shows
// them to the caller, for whom it asks over the network.
func TestCase_D6_OverFourProcesses(t *testing.T) {
	t.Parallel()
	w := walk{suite.FourProcesses(t, unlimited...), t}
	p := persontest.New(rand.New(rand.NewPCG(13, 6)), day(0))
	made := w.Must(t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(t, fkSystem), Body: referral(p.Number, "Zoé", "Påhittadsson")})
	at := "/referrals/" + made.Text("id")
	names := func(c suite.Caller, path string) {
		t.Helper()
		if got := w.get(c, path+"?include=identity"); got.Text("items.0.identity.displayName") != "Zoé Påhittadsson" {
			t.Errorf("%s: %s", path, got.Raw)
		}
	}
	names(intake, "/tasks")
	w.change(intake, at, "acceptance", map[string]any{"initiative": "activera", "startDate": day(-20), "coach": "coach-1"})
	enrolment := w.state(intake, at, "enrolled").Text("progress.enrolment")
	w.change(coach, "/enrolments/"+enrolment, "start", map[string]any{"startedOn": day(-20)})
	activity := ""
	for n, list := 0, w.get(coach, "/activities?municipality=1481&limit=100"); activity == ""; n++ {
		if at := fmt.Sprintf("items.%d.", n); list.Text(at+"name") == "Utomhusträning" {
			activity = list.Text(at + "id")
		}
	}
	eventually(t, "the activity is booked", func() bool {
		a, err := w.Do(suite.Request{Method: "POST", Path: "/bookings", Token: w.Token(t, coach), Body: map[string]any{"enrolment": enrolment, "activity": activity, "from": day(0)}})
		return err == nil && a.Status == 201
	})
	for path, c := range map[string]suite.Caller{"/referrals": fkSystem, "/enrolments": coach, "/bookings": coach} {
		names(c, path)
	}
}
