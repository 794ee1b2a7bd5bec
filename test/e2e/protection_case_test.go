package e2e

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/test/suite"
)

// TestCase_A11_A12_A14_OverFourProcesses is what services/standalone tries in one process,
// where the services ask and follow one another over the network.
func TestCase_A11_A12_A14_OverFourProcesses(t *testing.T) {
	t.Parallel()
	w := walk{suite.FourProcesses(t, unlimited...), t}
	r := rand.New(rand.NewPCG(11, 12))
	post := func(path string, c suite.Caller, body any) suite.Answer {
		return w.Must(t, 201, suite.Request{Method: "POST", Path: path, Token: w.Token(t, c), Body: body})
	}
	sent := func(protection string) (suite.Answer, persontest.Person) {
		p := persontest.New(r, day(0))
		body := referral(p.Number, p.GivenName, p.FamilyName)
		if protection != "" {
			body["person"].(map[string]any)["protection"] = protection
		}
		return post("/referrals", fkSystem, body), p
	}

	// A12: the sender says it, and the first answer is masked already.
	made, p := sent("protected_registration")
	for _, path := range []string{"/referrals/" + made.Text("id"), "/participants/" + made.Text("participant")} {
		for _, c := range []suite.Caller{fkSystem, intake} {
			if got := w.get(c, path); strings.Contains(string(got.Raw), p.FamilyName) || got.At("reason") != nil {
				t.Errorf("%s reads of a protected person: %s", c.Role, got.Raw)
			}
		}
	}
	if made.At("reason") != nil || made.Header.Get("ETag") != servicetest.Version(w.get(fkSystem, "/referrals/"+made.Text("id")).Header) {
		t.Errorf("the answer to the posting: %s", made.Raw)
	}

	// A11: protected midway, the calendar is closed.
	made, _ = sent("")
	at, person := "/referrals/"+made.Text("id"), "/participants/"+made.Text("participant")
	w.change(intake, at, "acceptance", map[string]any{"initiative": "activera", "startDate": day(7), "coach": "coach-1"})
	w.state(intake, at, "enrolled")
	w.until(coach, person+"/week", "the week is known", func(suite.Answer) bool { return true })
	feed := post(person+"/calendar-feeds", coach, nil)
	calendar := suite.Request{Method: "GET", Path: "/calendars/" + feed.Text("token")}
	w.Must(t, 200, calendar)
	w.change(coach, person, "protection", map[string]any{"level": "assumed_identity", "handlers": []string{"coach-1"}})
	eventually(t, "the calendar is closed", func() bool {
		a, err := w.Do(calendar)
		return err == nil && a.Status == 404
	})

	// A14: who rejected knows about whom.
	made, p = sent("")
	at, person = "/referrals/"+made.Text("id"), "/participants/"+made.Text("participant")
	w.change(intake, at, "rejection", map[string]any{"code": "other_initiative", "text": "Påhittat skäl."})
	eventually(t, "the vault knows who decided", func() bool {
		a, err := w.Do(suite.Request{Method: "GET", Path: person, Token: w.Token(t, coach)})
		return err == nil && a.Status == 404
	})
	if got := w.get(intake, person); got.Text("familyName") != p.FamilyName || got.At("phone") != nil {
		t.Errorf("who decided reads %s", got.Raw)
	}
}
