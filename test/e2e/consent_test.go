package e2e

import (
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/test/suite"
)

// TestWithoutConsentToTheProgressTheSenderSeesNoneOfItAnywhere: the person agrees to
// being referred and to nothing more, in every service behind the front door.
func TestWithoutConsentToTheProgressTheSenderSeesNoneOfItAnywhere(t *testing.T) {
	t.Parallel()
	w := walk{suite.OneProcess(t), t}
	body := referral("198001012387", "Tolvan", "Påhittad")
	body["consent"].(map[string]any)["dataCategories"] = []string{"identity"}
	post := func(b map[string]any) suite.Answer {
		return w.Must(t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(t, fkSystem), Body: b})
	}
	first := post(body)
	thing, person := "/referrals/"+first.Text("id"), "/participants/"+first.Text("participant")
	w.change(intake, thing, "acceptance", map[string]any{"initiative": "activera", "startDate": day(7), "coach": "coach-1"})
	accepted := w.get(fkSystem, thing)
	enrolment := "/enrolments/" + w.state(intake, thing, "enrolled").Text("progress.enrolment")
	w.change(coach, enrolment, "cancellation", map[string]any{"text": "Påhittat: har fått arbete."})
	w.state(intake, thing, "closed")
	for _, who := range []suite.Caller{fkSystem, fkOfficer} {
		a := w.get(who, thing)
		if a.Text("state") != "accepted" || servicetest.Version(a.Header) != servicetest.Version(accepted.Header) || a.At("progress") != nil || a.At("outcome") != nil || a.At("acceptance") != nil {
			t.Errorf("%s reads %s: %s", who.Role, a.Header.Get("ETag"), a.Raw)
		}
		for state, there := range map[string]bool{"accepted": true, "enrolled": false, "closed": false} {
			if l := w.get(who, "/referrals?state="+state); strings.Contains(string(l.Raw), first.Text("id")) != there {
				t.Errorf("%s finds it among the %s: %t", who.Role, state, !there)
			}
		}
		w.Must(t, 404, suite.Request{Method: "GET", Path: enrolment, Token: w.Token(t, who)})
		if p := w.get(who, person); strings.Contains(string(p.Raw), "enrol") {
			t.Errorf("%s reads of the person: %s", who.Role, p.Raw)
		}
	}
	if !strings.Contains(string(w.get(coach, person).Raw), "enrolled") {
		t.Error("the municipality itself does not see it")
	}
	// With consent all of it is shown: what is hidden above is there to be hidden.
	other := referral("198001012387", "Tolvan", "Påhittad")
	second := "/referrals/" + post(other).Text("id")
	w.change(intake, second, "acceptance", map[string]any{"initiative": "activera", "startDate": day(7), "coach": "coach-1"})
	w.get(fkSystem, "/enrolments/"+w.state(fkSystem, second, "enrolled").Text("progress.enrolment"))
}
