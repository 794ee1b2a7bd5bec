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
		{"a coach did not take it either", coach1, map[string]any{"step": n, "reason": "Påhittat."}, 403, "correction-by-manager"},
		{"nor does the sender", sender, map[string]any{"step": n, "reason": "Påhittat."}, 403, "forbidden"},
		{"nor another municipality's head", abroad, map[string]any{"step": n, "reason": "Påhittat."}, 404, "not-found"},
		{"a reason says something", intake7, map[string]any{"step": n, "reason": " \u200b "}, 422, "bad-value"},
		{"no reason", intake7, map[string]any{"step": n}, 400, "bad-request"},
		{"no such step", intake7, map[string]any{"step": 99, "reason": "Påhittat."}, 422, "no-such-step"},
		{"the receipt is no decision", chef, map[string]any{"step": 1, "reason": "Påhittat."}, 422, "step-not-correctable"},
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

// TestCase_C25_AStartAndAClosing is: a mistyped start and a closing of the wrong person
// are corrected; the referral, the weeks and the bookings follow.
func TestCase_C25_AStartAndAClosing(t *testing.T) {
	o := open(t, newData(t))
	id, _ := o.refer(253, nil)
	referral := "/referrals/" + id
	o.change(200, intake7, referral, "acceptance", map[string]any{"initiative": "activera", "startDate": day(-240), "coach": "coach-1"})
	e := o.enrolmentOf(id)
	got := o.change(200, coach1, e, "start", map[string]any{"startedOn": day(-240)}) // it was a month ago
	if got["state"] != "check_in_due" {
		t.Fatalf("a start in March: %v", got["state"])
	}
	o.change(200, officer, e, "check-ins/1/answer", map[string]any{"readiness": "ready"})
	n := number(t, got, "started")
	refused := o.correct(409, coach1, e, n, map[string]any{"startedOn": day(-10)})
	if refused["code"] != "correction-against-later-step" || !strings.Contains(refused["detail"].(string), "Remittentens svar") {
		t.Errorf("under an answer: %v", refused)
	}
	answered := number(t, o.want(200, officer, http.MethodGet, e, "", nil), "answered")
	o.correct(403, coach1, e, answered, nil)
	if got := o.correct(200, officer, e, answered, nil); got["checkIns"].([]any)[0].(map[string]any)["answer"] != nil {
		t.Errorf("the sender's answer that was none: %v", got["checkIns"])
	}
	for _, c := range []struct {
		sentence string
		body     map[string]any
		status   int
		code     string
	}{
		{"a day to come", map[string]any{"startedOn": day(1)}, 422, "date-in-future"},
		{"before the consent", map[string]any{"startedOn": "2025-06-01"}, 422, "start-before-consent"},
		{"a decision", map[string]any{"decision": "end"}, 422, "replacement-of-another-kind"},
	} {
		if got := o.correct(c.status, coach1, e, n, c.body); got["code"] != c.code {
			t.Errorf("%s: %v", c.sentence, got["code"])
		}
	}

	id, _ = o.refer(254, nil)
	referral = "/referrals/" + id
	o.change(200, intake7, referral, "acceptance", map[string]any{"initiative": "activera", "startDate": day(-30), "coach": "coach-1"})
	e = o.enrolmentOf(id)
	got = o.change(200, coach1, e, "start", map[string]any{"startedOn": day(-200)})
	n = number(t, got, "started")
	o.correct(403, staff(actor.Coach, "coach-2"), e, n, map[string]any{"startedOn": day(-30)})
	got = o.correct(200, coach1, e, n, map[string]any{"startedOn": day(-30)})
	if got["state"] != "active" || got["startedOn"] != day(-30) || got["activeWeeks"] != 6.0 {
		t.Errorf("a start in November: %v, %v", got["state"], got["startedOn"])
	}
	if due := stepOf(t, got, "check_in_due"); due["correctedBy"] == nil {
		t.Errorf("the check-in that time had brought: %v", due)
	}
	o.eventually("the referral has the start as it was, and nothing is due", func() bool {
		text := words(o.want(200, intake7, http.MethodGet, referral, "", nil)["progress"])
		return strings.Contains(text, day(-30)) && !strings.Contains(text, day(-200)) && !strings.Contains(text, `"check_in_due"`)
	})

	activity := ""
	for _, a := range o.list(coach1, "/activities?municipality=1481&limit=100") {
		if a["name"] == "Utomhusträning" {
			activity = a["id"].(string)
		}
	}
	var booking map[string]any
	o.eventually("the weeks begin with the start as it was", func() bool {
		body := map[string]any{"enrolment": strings.TrimPrefix(e, "/enrolments/"), "activity": activity, "from": day(-31)}
		if w := o.ask(coach1, http.MethodPost, "/bookings", "", body); w.Code != 422 || !strings.Contains(w.Body.String(), "before-enrolment") {
			return false
		}
		body["from"] = day(-30)
		booking = o.want(201, coach1, http.MethodPost, "/bookings", "", body)
		return true
	})
	at := "/bookings/" + booking["id"].(string)
	got = o.change(200, coach1, e, "closing-documentation", map[string]any{"closedOn": day(-1), "endReason": "moved", "occupationAfter": map[string]any{"kind": "none"},
		"livelihoodAfter": []string{"none"}, "summary": "Påhittat: fel person."})
	o.eventually("the booking and the referral have ended", func() bool {
		return o.want(200, coach1, http.MethodGet, at, "", nil)["state"] == "ended" && o.want(200, intake7, http.MethodGet, referral, "", nil)["state"] == "closed"
	})
	got = o.correct(200, coach1, e, number(t, got, "closed"), nil)
	if got["state"] != "active" || got["outcome"] != nil || got["closing"] != nil {
		t.Errorf("a closing that was none: %v", got)
	}
	o.eventually("the booking and the referral go on", func() bool {
		return o.want(200, coach1, http.MethodGet, at, "", nil)["state"] == "booked" && o.want(200, intake7, http.MethodGet, referral, "", nil)["state"] == "enrolled"
	})
	month := time.Now().Format("2006-01")
	o.eventually("the figures have no closing", func() bool {
		return !strings.Contains(words(o.want(200, intake7, http.MethodGet, "/referral-figures?from="+month+"&to="+month, "", nil)["counts"]), `"closed"`)
	})
}

// TestCase_C25_AReopenedClosingIsCountedWhenItsPlaceWasGivenOn is: a person whose closing was
// a mistake is still in the initiative; where the place has gone to another since, the places
// say that one too many is taken, and nobody else gets one.
func TestCase_C25_AReopenedClosingIsCountedWhenItsPlaceWasGivenOn(t *testing.T) {
	o := open(t, newData(t))
	const places = "/capacities/activera/1481"
	o.want(200, intake7, http.MethodPut, places, o.version(intake7, places), map[string]any{"places": 1})
	e := o.enrolled(257, day(-30))
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(-30)})
	closed := o.change(200, coach1, e, "closing-documentation", map[string]any{"closedOn": day(-1), "endReason": "moved", "occupationAfter": map[string]any{"kind": "none"},
		"livelihoodAfter": []string{"none"}, "summary": "Påhittat: fel person."})
	is := func(taken float64) func() bool {
		return func() bool {
			p := o.want(200, intake7, http.MethodGet, places, "", nil)
			return p["places"] == 1.0 && p["taken"] == taken
		}
	}
	o.eventually("the place is free", is(0))
	o.enrolled(258, day(3))
	o.eventually("and goes to another", is(1))
	if got := o.correct(200, coach1, e, number(t, closed, "closed"), nil); got["state"] != "active" {
		t.Errorf("reopened: %v", got["state"])
	}
	o.eventually("two have one place", is(2))
	third, _ := o.refer(259, nil)
	if got := o.change(409, intake7, "/referrals/"+third, "acceptance", acceptedFrom(day(3))); got["code"] != "no-place" {
		t.Errorf("another acceptance: %v", got)
	}
}

// TestCase_C25_Attendance is: attendance that was noted by mistake is corrected with a
// reason, by who noted it and later by the head.
func TestCase_C25_Attendance(t *testing.T) {
	o := open(t, newData(t))
	e := o.enrolled(255, day(-30))
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(-30)})
	at, date := o.booked(e, "Utomhusträning")
	o.change(200, coach1, at, "attendances", map[string]any{"date": date, "attendance": "present"})
	if got := o.change(409, coach1, at, "attendances", map[string]any{"date": date, "attendance": "absent"}); got["code"] != "attendance-already-noted" {
		t.Errorf("a second note: %v", got)
	}
	wrong := map[string]any{"date": date, "attendance": "absent", "reason": "Påhittat: fel person prickades av."}
	o.change(403, staff(actor.Coach, "coach-2"), at, "attendance-corrections", wrong)
	got := o.change(200, coach1, at, "attendance-corrections", wrong)
	mistaken, correction := stepOf(t, got, "attendance_noted"), stepOf(t, got, "attendance_corrected")
	if notes := got["attendances"].([]any); len(notes) != 1 || notes[0].(map[string]any)["attendance"] != "absent" {
		t.Errorf("corrected: %v", notes)
	}
	if mistaken["correctedBy"] != correction["number"] || mistaken["attendance"] != "present" || correction["text"] != wrong["reason"] || correction["by"] != "coach-1" {
		t.Errorf("the history has %v and %v", mistaken, correction)
	}
	got = o.change(200, chef, at, "attendance-corrections", map[string]any{"date": date, "reason": "Påhittat: inställt."})
	if notes := got["attendances"].([]any); len(notes) != 0 {
		t.Errorf("nothing to note: %v", notes)
	}
}

// TestCase_C21_AnExceptionIsApprovedBySomebodyElse is: an exception from the plan's weeks is
// asked for by the coach and counts when somebody else, who has the right to it, has
// approved it in a call of their own.
func TestCase_C21_AnExceptionIsApprovedBySomebodyElse(t *testing.T) {
	o := open(t, newData(t))
	const start = -60
	e := o.enrolled(21, day(start))
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(start)})
	o.change(200, officer, e, "check-ins/1/answer", map[string]any{"readiness": "unsure"})
	prolong := map[string]any{"decision": "prolong", "decidedOn": day(-1), "weeks": 26, "reason": "Påhittat: sjukdom."}
	if got := o.change(422, coach1, e, "check-ins/1/decision", prolong); got["code"] != "more-weeks-than-planned" {
		t.Errorf("without an exception: %v", got)
	}
	prolong["exception"] = map[string]any{"reason": "Påhittat: lång sjukdom.", "approver": "coach-1"}
	o.change(400, coach1, e, "check-ins/1/decision", prolong)
	prolong["exception"] = map[string]any{"reason": "Påhittat: lång sjukdom."}
	got := o.change(200, coach1, e, "check-ins/1/decision", prolong)
	in := got["checkIns"].([]any)[0].(map[string]any)
	if got["state"] != "check_in_due" || got["activeWeeks"] != 6.0 || in["decision"] != nil || in["awaitsApproval"].(map[string]any)["weeks"] != 26.0 {
		t.Errorf("asked for: %v, %v", got["state"], in)
	}

	both := coach1
	both.Roles = []actor.Role{actor.Coach, actor.Manager}
	for _, c := range []struct {
		sentence string
		who      demo.Claims
		status   int
		code     string
	}{
		{"the coach has no right to it", coach1, 403, "forbidden"},
		{"nor who asked, as head too", both, 403, "approver-is-decider"},
		{"nor the sender", officer, 403, "forbidden"},
		{"nor another municipality's head", abroad, 404, "not-found"},
	} {
		if got := o.want(c.status, c.who, http.MethodPost, e+"/approvals", o.version(coach1, e), map[string]any{"approved": true}); got["code"] != c.code {
			t.Errorf("%s: %v", c.sentence, got["code"])
		}
	}
	got = o.change(200, chef, e, "approvals", map[string]any{"approved": false, "text": "Påhittat: fyra veckor räcker."})
	if got["state"] != "check_in_due" || got["activeWeeks"] != 6.0 || got["checkIns"].([]any)[0].(map[string]any)["awaitsApproval"] != nil {
		t.Errorf("refused: %v", got["state"])
	}
	if got := o.change(409, chef, e, "approvals", map[string]any{"approved": true}); got["code"] != "no-exception-asked-for" {
		t.Errorf("approved after the refusal: %v", got)
	}
	o.change(200, coach1, e, "check-ins/1/decision", prolong)
	if links := o.want(200, chef, http.MethodGet, e, "", nil)["_links"].(map[string]any); links["approvals"] == nil || links["decision"] != nil {
		t.Errorf("the head's links: %v", links)
	}
	got = o.change(200, chef, e, "approvals", map[string]any{"approved": true})
	decided := stepOf(t, got, "decided")
	if got["state"] != "active" || got["activeWeeks"] != 32.0 || decided["by"] != "chef-1" || decided["exception"].(map[string]any)["approver"] != "chef-1" {
		t.Errorf("approved: %v, %v weeks, %v", got["state"], got["activeWeeks"], decided)
	}
}
