package e2e

import (
	"math/rand/v2"
	"testing"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// TestCase_Staff_OverFourProcesses is: a name that a token brings to the gateway is read, from
// the service that keeps it, by who has the step of a referral before them.
func TestCase_Staff_OverFourProcesses(t *testing.T) {
	t.Parallel()
	w := walk{suite.FourProcesses(t, unlimited...), t}
	kim, alex := intake, fkOfficer
	kim.Name, alex.Name = "Kim Påhittad", "Alex Påhittad"
	p := persontest.New(rand.New(rand.NewPCG(13, 68)), day(0))
	made := w.Must(t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(t, alex), Body: referral(p.Number, "Zoé", "Påhittadsson")})
	at := "/referrals/" + made.Text("id")
	w.change(kim, at, "acceptance", map[string]any{"initiative": "activera", "startDate": day(7), "coach": "coach-1"})
	about := "&participant=" + made.Text("participant")
	for _, c := range []struct {
		who         suite.Caller
		query, want string
	}{
		{coach, "ids=" + kim.Subject, kim.Name},
		{coach, "ids=" + alex.Subject, ""},
		{coach, "ids=" + alex.Subject + about, alex.Name},
		{fkOfficer, "ids=" + kim.Subject + about, kim.Name},
		{afOfficer, "ids=" + kim.Subject + "," + alex.Subject, ""},
	} {
		if got := w.get(c.who, "/staff?"+c.query); got.Text("items.0.name") != c.want || got.At("items.1") != nil {
			t.Errorf("%s of %s reads %s, want %q", c.who.Role, c.who.Authority, got.Raw, c.want)
		}
	}
}
