package standalone_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/standalone/demo"
)

// correct corrects a step of a thing at its present version, and wants this status.
func (o *office) correct(status int, who demo.Claims, at string, step float64, replacement any) map[string]any {
	o.t.Helper()
	body := map[string]any{"step": step, "reason": "Påhittat skäl."}
	if replacement != nil {
		body["replacement"] = replacement
	}
	return o.change(status, who, at, "corrections", body)
}

// stepOf returns the latest step of a kind in a timeline.
func stepOf(t *testing.T, thing map[string]any, kind string) (step map[string]any) {
	t.Helper()
	for _, s := range thing["timeline"].([]any) {
		if s := s.(map[string]any); s["kind"] == kind {
			step = s
		}
	}
	if step == nil {
		t.Fatalf("no step %s in %v", kind, thing["timeline"])
	}
	return step
}

// words returns what an answer says, as text to search in.
func words(answer any) string {
	text, _ := json.Marshal(answer)
	return string(text)
}

func number(t *testing.T, thing map[string]any, kind string) float64 {
	t.Helper()
	return stepOf(t, thing, kind)["n"].(float64)
}

// TestCase_C25_ADecisionOnAReferral is: a wrong decision is corrected with a reason by who
// took it, or by the head of the unit; the step stays, and all else follows the story.
func TestCase_C25_ADecisionOnAReferral(t *testing.T) {
	o := open(t, newData(t))
	id, participant := o.refer(251, nil)
	at := "/referrals/" + id
	o.change(200, intake7, at, "rejection", map[string]any{"code": "other_initiative", "text": "Påhittad text."})
	rejected := o.want(200, intake7, http.MethodGet, at, "", nil)
	n := number(t, rejected, "rejected")
	o.eventually("the rejection ties the municipality as who decided", func() bool {
		got := o.want(200, intake7, http.MethodGet, "/participants/"+participant, "", nil)
		return strings.Contains(words(got), `"released"`)
	})

	for _, c := range []struct {
		sentence string
		who      demo.Claims
		body     map[string]any
		status   int
		code     string
	}{
		{"a colleague did not take it", staff(actor.Intake, "intake-8"), map[string]any{"step": n, "reason": "Påhittat."}, 403, "correction-by-manager"},
		{"a coach decides nothing", coach1, map[string]any{"step": n, "reason": "Påhittat."}, 403, "forbidden"},
		{"nor does the sender", sender, map[string]any{"step": n, "reason": "Påhittat."}, 403, "forbidden"},
		{"nor another municipality's head", abroad, map[string]any{"step": n, "reason": "Påhittat."}, 404, "not-found"},
		{"a reason says something", intake7, map[string]any{"step": n, "reason": " \u200b "}, 422, "bad-value"},
		{"no reason", intake7, map[string]any{"step": n}, 400, "bad-request"},
		{"no such step", intake7, map[string]any{"step": 99, "reason": "Påhittat."}, 422, "no-such-step"},
		{"the receipt is no decision", chef, map[string]any{"step": 1, "reason": "Påhittat."}, 403, "correction-by-manager"},
		{"a rejection has no start date", intake7, map[string]any{"step": n, "reason": "Påhittat.", "replacement": map[string]any{"startDate": day(3)}}, 422, "replacement-of-another-kind"},
		{"the same code again", intake7, map[string]any{"step": n, "reason": "Påhittat.", "replacement": map[string]any{"code": "other_initiative"}}, 422, "nothing-corrected"},
	} {
		version := o.version(intake7, at)
		if got := o.want(c.status, c.who, http.MethodPost, at+"/corrections", version, c.body); got["code"] != c.code && c.code != "bad-value" && c.code != "bad-request" {
			t.Errorf("%s: %v", c.sentence, got["code"])
		}
	}

	got := o.correct(200, intake7, at, n, map[string]any{"code": "not_right_time", "text": "Rätt text."})
	if r := got["rejection"].(map[string]any); r["code"] != "not_right_time" || r["text"] != "Rätt text." || got["state"] != "rejected" {
		t.Errorf("another reason: %v", r)
	}
	got = o.correct(200, chef, at, n, nil)
	if got["state"] != "submitted" || got["rejection"] != nil {
		t.Errorf("taken back by the head: %v", got["state"])
	}
	mistaken, correction := stepOf(t, got, "rejected"), stepOf(t, got, "corrected")
	if mistaken["correctedBy"] != correction["n"] || correction["corrects"] != n || correction["by"] != "chef-1" || correction["text"] != "Påhittat skäl." || mistaken["text"] != "Påhittad text." {
		t.Errorf("the timeline has %v and %v", mistaken, correction)
	}
	if got := o.correct(409, intake7, at, n, nil); got["code"] != "step-corrected-already" {
		t.Errorf("once more: %v", got)
	}
	o.eventually("the municipality has the person again", func() bool {
		got := o.want(200, intake7, http.MethodGet, "/participants/"+participant, "", nil)
		return stepOf(t, got, "registered") != nil && got["email"] != nil || strings.Contains(words(got), "reopened")
	})
	o.eventually("the figures follow", func() bool {
		month := time.Now().Format("2006-01")
		figures := o.want(200, intake7, http.MethodGet, "/referral-figures?from="+month+"&to="+month, "", nil)
		text := words(figures)
		return strings.Contains(text, `"received"`) && !strings.Contains(text, `"rejected"`)
	})
	events := o.want(200, sender, http.MethodGet, "/events?limit=100", "", nil)
	if text := words(events); strings.Count(text, `"se.finsam.referral.corrected"`) != 2 || !strings.Contains(text, `"corrected":"rejected"`) {
		t.Errorf("the sender's events: %s", text)
	}
}

// TestCase_C25_AnAcceptance is: an acceptance that was mistyped plans the enrolment once more,
// one that should not have been made takes it back, and one under which the person has
// begun stays.
func TestCase_C25_AnAcceptance(t *testing.T) {
	o := open(t, newData(t))
	id, _ := o.refer(252, nil)
	at := "/referrals/" + id
	o.change(200, intake7, at, "acceptance", map[string]any{"initiative": "activera", "startDate": day(3), "coach": "coach-1"})
	e := o.enrolmentOf(id)
	planned := func(start string) func() bool {
		return func() bool { return o.want(200, coach1, http.MethodGet, e, "", nil)["plannedStart"] == start }
	}
	n := number(t, o.want(200, intake7, http.MethodGet, at, "", nil), "accepted")
	got := o.correct(200, intake7, at, n, map[string]any{"startDate": day(5), "coach": "coach-2"})
	if a := got["acceptance"].(map[string]any); a["startDate"] != day(5) || a["coach"] != "coach-2" || got["state"] != "enrolled" {
		t.Errorf("another day: %v", a)
	}
	o.eventually("the enrolment is planned for the corrected day", planned(day(5)))
	if got := o.want(200, coach1, http.MethodGet, e, "", nil); got["coach"] != "coach-2" || got["state"] != "planned" {
		t.Errorf("the enrolment has %v, %v", got["coach"], got["state"])
	}

	if got := o.correct(200, intake7, at, n, nil); got["state"] != "submitted" || got["acceptance"] != nil || got["progress"] != nil {
		t.Errorf("taken back: %v %v", got["state"], got["progress"])
	}
	o.eventually("what was planned is cancelled", func() bool {
		return o.want(200, coach1, http.MethodGet, e, "", nil)["outcome"] == "cancelled"
	})
	o.change(200, intake7, at, "acceptance", map[string]any{"initiative": "activera", "startDate": day(0), "coach": "coach-1"})
	o.eventually("the same enrolment is planned once more", planned(day(0)))
	o.eventually("the referral knows it", func() bool {
		return o.want(200, intake7, http.MethodGet, at, "", nil)["state"] == "enrolled"
	})
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(0)})
	o.eventually("the referral knows the start", func() bool {
		return strings.Contains(words(o.want(200, intake7, http.MethodGet, at, "", nil)["progress"]), `"started"`)
	})
	n = number(t, o.want(200, intake7, http.MethodGet, at, "", nil), "accepted")
	refused := o.correct(409, intake7, at, n, nil)
	if refused["code"] != "correction-against-later-step" || !strings.Contains(refused["detail"].(string), "inskrivningen") {
		t.Errorf("under way: %v", refused)
	}
}
