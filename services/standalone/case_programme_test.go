package standalone_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/services/standalone/demo"
)

// plans is somebody who plans a municipality's week.
func plans(authority, municipality, subject string) demo.Claims {
	return demo.Claims{Roles: []actor.Role{actor.Planner}, Authority: authority, Municipality: municipality, Subject: subject, Lifetime: time.Hour}
}

// occurs returns when an activity takes place on a day, as the municipality's week has it;
// empty: it does not.
func (o *office) occurs(activity string, on civil.Date) string {
	o.t.Helper()
	year, week := on.MidnightUTC().ISOWeek()
	for _, x := range o.do(sender, 200, http.MethodGet, fmt.Sprintf("/municipalities/1481/week?week=%d-W%02d", year, week), nil, nil)["items"].([]any) {
		if item := x.(map[string]any); item["activity"] == activity && item["date"] == string(on) {
			at, err := time.Parse(time.RFC3339, item["startsAt"].(string))
			if err != nil {
				o.t.Fatal(err)
			}
			return at.In(civil.Zone).Format("15:04")
		}
	}
	return ""
}

// TestAPlannerMovesAWalkFromADate is the case that lost people's attendance: the walk begins
// later from a day on. Two planners of the municipality make it so; what has been stays, the
// week and the calendar of who is booked follow, and nobody else may.
func TestAPlannerMovesAWalkFromADate(t *testing.T) {
	o := open(t, newData(t))
	first, second, elsewhere := plans("molndal", "1481", "planner-1"), plans("molndal", "1481", "planner-2"), plans("partille", "1402", "planner-3")
	before, after := civil.Date(day(7)), civil.Date(day(14))
	walk := func(from, to string) map[string]any {
		return map[string]any{"name": "Påhittad vandring", "category": "health", "day": strings.ToLower(before.MidnightUTC().Weekday().String()), "from": from, "to": to}
	}

	made := o.do(first, 201, http.MethodPost, "/programme-objects", map[string]string{"Idempotency-Key": "walk"},
		map[string]any{"kind": "series", "municipality": "1481", "validFrom": day(0), "decision": "Påhittat beslut 1", "series": walk("06:00", "06:30")})
	at, activity := "/programme-objects/"+made["id"].(string), strings.TrimPrefix(made["id"].(string), "series.")
	again := o.do(first, 201, http.MethodPost, "/programme-objects", map[string]string{"Idempotency-Key": "walk"},
		map[string]any{"kind": "series", "municipality": "1481", "validFrom": day(0), "decision": "Påhittat beslut 1", "series": walk("06:00", "06:30")})
	if again["id"] != made["id"] {
		t.Errorf("the same key made %v and %v", made["id"], again["id"])
	}
	if got := o.call(sender, http.MethodGet, at, nil, nil).Code; got != 404 {
		t.Errorf("a draft is answered %d to a sender", got)
	}
	o.do(second, 200, http.MethodPost, at+"/activation", map[string]string{"If-Match": `"1"`}, nil)
	o.eventually("the walk is in the week", func() bool { return o.occurs(activity, before) == "06:00" })
	plansTag := o.call(sender, http.MethodGet, "/plans", nil, nil).Header().Get("ETag")

	enrolment := o.enrolled(131, day(-7))
	o.change(200, coach1, enrolment, "start", map[string]any{"startedOn": day(-7)})
	participant := o.want(200, coach1, http.MethodGet, enrolment, "", nil)["participant"].(string)
	o.eventually("the person is booked", func() bool {
		return o.ask(coach1, http.MethodPost, "/bookings", "", map[string]any{"enrolment": strings.TrimPrefix(enrolment, "/enrolments/"), "activity": activity, "from": day(0)}).Code == 201
	})
	address := o.calendar(participant)

	// The draft: what it would change is shown, and nothing changes.
	draft := map[string]any{"validFrom": after, "decision": "Påhittat beslut 2", "series": walk("07:15", "07:45")}
	for _, who := range []demo.Claims{elsewhere, coach1} {
		if got := o.call(who, http.MethodPut, at+"/draft", map[string]string{"If-Match": `"2"`}, draft).Code; got != 404 && got != 403 {
			t.Errorf("%v drafts: %d", who.Roles, got)
		}
	}
	o.do(first, 200, http.MethodPut, at+"/draft", map[string]string{"If-Match": `"2"`}, draft)
	check := o.do(first, 200, http.MethodPost, at+"/check", nil, nil)
	if impact := check["impact"].(map[string]any); impact["bookings"] != 1.0 || impact["calendars"] != 1.0 || len(check["problems"].([]any)) != 0 {
		t.Errorf("the check found %v", check)
	}
	if got := o.occurs(activity, after); got != "06:00" {
		t.Errorf("a draft moved the walk to %s", got)
	}
	if w := o.call(first, http.MethodPost, at+"/activation", map[string]string{"If-Match": `"3"`}, nil); w.Code != 409 || !strings.Contains(w.Body.String(), "draft-by-oneself") {
		t.Errorf("the author activates: %d %s", w.Code, w.Body)
	}
	if got := o.call(elsewhere, http.MethodPost, at+"/activation", map[string]string{"If-Match": `"3"`}, nil).Code; got != 404 {
		t.Errorf("another municipality's planner activates: %d", got)
	}
	o.do(second, 200, http.MethodPost, at+"/activation", map[string]string{"If-Match": `"3"`}, nil)

	o.eventually("the week follows", func() bool { return o.occurs(activity, after) == "07:15" })
	if got := o.occurs(activity, before); got != "06:00" {
		t.Errorf("before the day it begins at %s", got)
	}
	o.eventually("the calendar follows", func() bool {
		events := o.events(address)
		return strings.Contains(events[before], "T060000") && strings.Contains(events[after], "T071500")
	})
	if tag := o.call(sender, http.MethodGet, "/plans", nil, nil).Header().Get("ETag"); tag != plansTag {
		t.Errorf("moving a walk made the plans' tag %s of %s", tag, plansTag)
	}

	// All who read activities read the object, with both forms and no more.
	read := o.do(sender, 200, http.MethodGet, at, nil, nil)
	version := read["versions"].([]any)[1].(map[string]any)
	if read["current"] != 1.0 || len(read["periods"].([]any)) != 2 || version["series"].(map[string]any)["from"] != "07:15" || version["authoredBy"] != nil ||
		!slices.Equal(links(read), []string{"self"}) {
		t.Errorf("a sender reads %v", read)
	}
	if read := o.do(first, 200, http.MethodGet, at, nil, nil); !slices.Contains(links(read), "draft") || !slices.Contains(links(read), "ending") {
		t.Errorf("a planner may %v", links(read))
	}
	on := o.list(sender, "/programme-objects?kind=series&municipality=1481&limit=200&on="+string(after))
	if i := slices.IndexFunc(on, func(x map[string]any) bool { return x["id"] == made["id"] }); i < 0 || on[i]["current"] != 2.0 || len(on[i]["versions"].([]any)) != 1 {
		t.Errorf("on %s it is listed as %v", after, on)
	}
}

// TestTheAssociationsStaffChangeAPlan creates a plan of a municipality's own from a day on,
// which is asked for by the day.
func TestTheAssociationsStaffChangeAPlan(t *testing.T) {
	o := open(t, newData(t))
	office2 := office1
	office2.Subject = "admin-2"
	body := map[string]any{"kind": "plan", "id": "plan.activera.1402", "municipality": "1402", "validFrom": day(30), "decision": "Påhittat beslut 3", "plan": map[string]any{"maxWeeks": 26}}
	if w := o.call(plans("partille", "1402", "planner-3"), http.MethodPost, "/programme-objects", nil, body); w.Code != 422 || !strings.Contains(w.Body.String(), "not-yours-to-plan") {
		t.Errorf("a planner makes a plan: %d %s", w.Code, w.Body)
	}
	o.do(office1, 201, http.MethodPost, "/programme-objects", nil, body)
	o.do(office2, 200, http.MethodPost, "/programme-objects/plan.activera.1402/activation", map[string]string{"If-Match": `"1"`}, nil)
	ids := func(query string) (all []string) {
		for _, p := range o.list(sender, "/plans"+query) {
			all = append(all, p["id"].(string))
		}
		return all
	}
	if got := ids("?on=" + day(29)); !slices.Equal(got, []string{"plan.activera"}) {
		t.Errorf("the day before, the plans are %v", got)
	}
	o.eventually("the plan is there from its day on", func() bool {
		return slices.Equal(ids("?on="+day(30)), []string{"plan.activera", "plan.activera.1402"})
	})
	own := entry(t, o.do(sender, 200, http.MethodGet, "/plans?on="+day(30), nil, nil)["items"], "plan.activera.1402")
	if own["maxWeeks"] != 26.0 || own["version"] != 1.0 || fmt.Sprint(own["municipalities"]) != "[1402]" || len(own["blocks"].([]any)) != 4 {
		t.Errorf("the plan is %v", own)
	}
	if w := o.call(office1, http.MethodPut, "/programme-objects/plan.activera/draft", map[string]string{"If-Match": `"1"`},
		map[string]any{"validFrom": day(30), "plan": map[string]any{"maxWeeks": 26}}); w.Code != 409 || !strings.Contains(w.Body.String(), "insjoriket.yaml") {
		t.Errorf("what the file owns is changed: %d %s", w.Code, w.Body)
	}
}

// TestARunningEnrolmentMovesToAnotherPlanByADecision: the coach of a person who is under way
// when the municipality gets another plan decides with a reason; until then the person's goes on.
func TestARunningEnrolmentMovesToAnotherPlanByADecision(t *testing.T) {
	o := open(t, newData(t))
	office2 := office1
	office2.Subject = "admin-2"
	enrolment := o.enrolled(132, day(-7))
	o.change(200, coach1, enrolment, "start", map[string]any{"startedOn": day(-7)})
	before := o.do(coach1, 200, http.MethodGet, enrolment, nil, nil)
	o.do(office1, 201, http.MethodPost, "/programme-objects", nil, map[string]any{
		"kind": "plan", "id": "plan.activera.1481", "municipality": "1481", "validFrom": day(0), "plan": map[string]any{"maxWeeks": 20, "blocks": []any{
			map[string]any{"number": 1, "weeks": 4, "checkIn": true}, map[string]any{"number": 2, "weeks": 8, "closing": true},
		}},
	})
	o.do(office2, 200, http.MethodPost, "/programme-objects/plan.activera.1481/activation", map[string]string{"If-Match": `"1"`}, nil)
	// The municipality's own plan has number 1 too, as the initiative's has.
	move := map[string]any{"planVersion": "1", "reason": "Påhittat exempel. Två block räcker."}
	var moved map[string]any
	o.eventually("the enrolment is moved", func() bool {
		at := o.do(coach1, 200, http.MethodGet, enrolment, nil, nil)
		w := o.ask(coach1, http.MethodPost, enrolment+"/plan", fmt.Sprintf(`"%v"`, at["version"]), move)
		return w.Code == 200 && json.Unmarshal(w.Body.Bytes(), &moved) == nil
	})
	step := stepOf(t, moved, "plan_moved")
	if len(before["blocks"].([]any)) != 4 || len(moved["blocks"].([]any)) != 2 || moved["maxWeeks"] != 20.0 || step["formerPlanVersion"] != before["planVersion"] || step["formerPlan"] != "plan.activera" || step["plan"] != "plan.activera.1481" || moved["plan"] != "plan.activera.1481" || before["plan"] != "plan.activera" || step["text"] != move["reason"] {
		t.Errorf("moved is %v, by %v", moved, step)
	}
	if first := moved["blocks"].([]any)[0].(map[string]any); first["weeks"] != 6.0 {
		t.Errorf("the block that had begun is %v", first)
	}
	taken := o.change(200, coach1, enrolment, "corrections", map[string]any{"step": step["n"], "reason": "Påhittat exempel. Fel persons inskrivning flyttades."})
	if len(taken["blocks"].([]any)) != 4 || taken["planVersion"] != before["planVersion"] || taken["maxWeeks"] != before["maxWeeks"] || stepOf(t, taken, "plan_moved")["correctedBy"] == nil {
		t.Errorf("the move was taken back: %v", taken)
	}
}
