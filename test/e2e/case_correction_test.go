package e2e

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/finsam/finsam/test/suite"
)

// TestCase_C21_C25_OverFourProcesses: a correction in one service is followed by the
// others, over the network: the enrolment, the weeks, the figures and the feeds.
func TestCase_C21_C25_OverFourProcesses(t *testing.T) {
	t.Parallel()
	w := walk{suite.FourProcesses(t, unlimited...), t}
	r := rand.New(rand.NewPCG(21, 25))
	correct := func(status int, c suite.Caller, thing, kind string, instead map[string]any) suite.Answer {
		t.Helper()
		body := map[string]any{"reason": "Påhittat: fel."}
		steps, _ := w.get(c, thing).At("timeline").([]any)
		for _, s := range steps {
			if s := s.(map[string]any); s["kind"] == kind {
				body["step"] = s["n"]
			}
		}
		if instead != nil {
			body["replacement"] = instead
		}
		return w.wants(status, c, "POST", thing+"/corrections", thing, body)
	}

	// A rejection that was a mistake; then an acceptance from the wrong day, taken back and
	// made once more.
	thing, person := w.sent(r, nil)
	w.change(intake, thing, "rejection", map[string]any{"code": "other", "text": "Påhittat."})
	correct(200, intake, thing, "rejected", nil)
	w.until(intake, person, "the municipality's again", func(a suite.Answer) bool { return strings.Contains(string(a.Raw), `"reopened"`) })
	w.change(intake, thing, "acceptance", map[string]any{"initiative": "activera", "startDate": day(30), "coach": "coach-1"})
	enrolment := "/enrolments/" + w.state(intake, thing, "enrolled").Text("progress.enrolment")
	correct(200, intake, thing, "accepted", map[string]any{"startDate": day(-60)})
	w.until(coach, enrolment, "planned for the corrected day", func(a suite.Answer) bool { return a.Text("plannedStart") == day(-60) })
	w.Processes["participant"].Kill() // between the correction and what follows from it
	correct(200, intake, thing, "accepted", nil)
	w.Processes["participant"].Start(t)
	w.Processes["participant"].WaitReady(t)
	w.until(coach, enrolment, "cancelled", func(a suite.Answer) bool { return a.Text("outcome") == "cancelled" })
	w.change(intake, thing, "acceptance", map[string]any{"initiative": "activera", "startDate": day(-60), "coach": "coach-1"})
	w.until(coach, enrolment, "planned once more", func(a suite.Answer) bool { return a.Text("state") == "planned" })
	w.state(intake, thing, "enrolled")

	// A start that was mistyped, and a closing of the wrong person.
	w.change(coach, enrolment, "start", map[string]any{"startedOn": day(-200)})
	correct(200, coach, enrolment, "started", map[string]any{"startedOn": day(-60)})
	progress := func(of func(string) bool) func(suite.Answer) bool {
		return func(a suite.Answer) bool { return of(string(a.Raw)) }
	}
	w.until(intake, thing, "knows the start as it was", progress(func(text string) bool {
		return strings.Contains(text, `"on":"`+day(-60)) && !strings.Contains(text, day(-200))
	}))
	w.change(coach, enrolment, "closing-documentation", map[string]any{"closedOn": day(-1), "endReason": "moved",
		"occupationAfter": map[string]any{"kind": "none"}, "livelihoodAfter": []string{"none"}, "summary": "Påhittat."})
	w.state(intake, thing, "closed")
	correct(200, chief, enrolment, "closed", nil)
	w.state(intake, thing, "enrolled")
	if events := string(w.get(intake, "/events?limit=200").Raw); strings.Count(events, `"se.finsam.referral.corrected"`) < 5 {
		t.Errorf("the municipality's events: %s", events)
	}

	// C21: the head approves what the coach asks for.
	w.wants(200, fkOfficer, "POST", enrolment+"/check-ins/1/answer", enrolment, map[string]any{"readiness": "unsure"})
	w.change(coach, enrolment, "check-ins/1/decision", map[string]any{"decision": "prolong", "decidedOn": day(-1), "weeks": 20, "exception": map[string]any{"reason": "Påhittat."}})
	if a := w.get(coach, enrolment); a.Text("state") != "check_in_due" {
		t.Errorf("before the approval: %s", a.Raw)
	}
	w.change(chief, enrolment, "approvals", map[string]any{"approved": true})
	w.until(intake, thing, "knows the decision", progress(func(text string) bool { return strings.Contains(text, `"prolong"`) }))
}
