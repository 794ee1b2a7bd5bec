package standalone_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/services/standalone/demo"
)

// entriesAt returns the entries of a calendar by UID.
func (o *office) entriesAt(address string) map[string]string {
	o.t.Helper()
	byUID := map[string]string{}
	for _, e := range strings.Split(o.ask(demo.Claims{}, http.MethodGet, address, "", nil).Body.String(), "BEGIN:VEVENT")[1:] {
		byUID[uidOf(e)] = e
	}
	return byUID
}

func uidOf(event string) string {
	_, uid, _ := strings.Cut(event, "UID:")
	uid, _, _ = strings.Cut(uid, "\r\n")
	return uid
}

// TestCase_C26_AnActivityThatAPlannerMovesLosesNobody is: a planner moves an activity from a
// day on, and ends it later. Attendance and past days stay, the bookings follow, what
// collides then is listed, and a calendar program sees each occurrence move or be called off.
func TestCase_C26_AnActivityThatAPlannerMovesLosesNobody(t *testing.T) {
	o := open(t, dataWith(t, early, ""))
	writer, colleague := staff(actor.Planner, "planner-1"), staff(actor.Planner, "planner-2")
	today, next := civil.Date(day(0)), civil.Date(day(7))
	target := next.AddDays(1) // to which the occurrence of next week is moved, in its week
	if next.MidnightUTC().Weekday() == 0 {
		target = next.AddDays(-1)
	}
	weekday := func(d civil.Date) string { return strings.ToLower(d.MidnightUTC().Weekday().String()) }
	series := func(d civil.Date, from, to string) map[string]any {
		return map[string]any{"name": "Påhittad stickning", "category": "health", "day": weekday(d), "from": from, "to": to, "place": "Påhittad plats"}
	}
	activate := func(object string) {
		t.Helper()
		o.want(200, colleague, http.MethodPost, object+"/activation", o.version(colleague, object), nil)
	}
	made := o.want(201, writer, http.MethodPost, "/programme-objects", "", map[string]any{
		"kind": "series", "municipality": "1481", "validFrom": today, "decision": "Påhittat beslut 1", "series": series(today, "10:00", "11:00"),
	})
	object := "/programme-objects/" + made["id"].(string)
	activity := strings.TrimPrefix(made["id"].(string), "series.")
	activate(object)

	participant, training := o.runs(261, civil.Date(day(-20)), target)
	enrolment := o.want(200, coach1, http.MethodGet, training, "", nil)["enrolment"]
	booked := o.want(201, coach1, http.MethodPost, "/bookings", "", map[string]any{"enrolment": enrolment, "activity": activity, "from": today})
	booking := "/bookings/" + booked["id"].(string)
	o.want(200, coach1, http.MethodPost, booking+"/attendances", o.version(coach1, booking), map[string]any{"date": today, "attendance": "present"})
	off := o.want(201, coach1, http.MethodPost, "/activities/"+activity+"/cancellations", "", map[string]any{"date": next.AddDays(7), "reason": "leader_absent"})
	address := o.calendar(participant)
	before := o.events(address)

	// Moved within the week, onto the training: from its Monday on.
	monday := next
	for monday.MidnightUTC().Weekday() != 1 {
		monday = monday.AddDays(-1)
	}
	since := max(monday, today.AddDays(1))
	o.want(200, writer, http.MethodPut, object+"/draft", o.version(writer, object), map[string]any{"validFrom": since, "decision": "Påhittat beslut 2", "series": series(target, "08:00", "08:30")})
	if impact := o.want(200, writer, http.MethodPost, object+"/check", "", nil)["impact"].(map[string]any); impact["bookings"] != 1.0 || impact["conflicts"] != 1.0 {
		t.Errorf("the check says %v", impact)
	}
	activate(object)
	o.eventually("both bookings say that they collide", func() bool { return len(o.list(coach1, "/bookings?conflict=true")) == 2 })
	for _, b := range o.list(coach1, "/bookings?conflict=true") {
		c := b["conflicts"].([]any)[0].(map[string]any)
		if other := "/bookings/" + c["booking"].(string); c["on"] != string(target) || other != map[bool]string{true: training, false: booking}[b["id"] == booked["id"]] {
			t.Errorf("%v collides: %v", b["name"], c)
		}
	}
	got := o.want(200, coach1, http.MethodGet, booking, "", nil)
	timeline := got["timeline"].([]any)
	if step := timeline[len(timeline)-1].(map[string]any); step["kind"] != "moved" || step["day"] != weekday(target) || step["from"] != "08:00" {
		t.Errorf("the last step: %v", step)
	}
	if list := o.list(coach1, "/activities/"+activity+"/days/"+string(today)); len(list) != 1 || list[0]["attendance"] != "present" {
		t.Errorf("who was there: %v", list)
	}
	if c := o.want(200, coach1, http.MethodGet, "/activities/"+activity+"/cancellations/"+off["id"].(string), "", nil); c["state"] != "void" {
		t.Errorf("what was called off: %v", c["state"])
	}
	is := o.entriesAt(address)
	for _, c := range []struct {
		sentence string
		date     civil.Date
		contains []string
	}{
		{"today has been", today, []string{"SEQUENCE:0", "STATUS:CONFIRMED", strings.ReplaceAll(string(today), "-", "") + "T100000"}},
		{"next week it is moved", next, []string{"SEQUENCE:1", "STATUS:CONFIRMED", strings.ReplaceAll(string(target), "-", "") + "T080000"}},
	} {
		uid := uidOf(before[c.date])
		for _, text := range c.contains {
			if uid == "" || !strings.Contains(is[uid], text) {
				t.Errorf("%s: %q lacks %s (it was %q)", c.sentence, is[uid], text, before[c.date])
			}
		}
	}

	// It ends: the booking ends with it, and what was to come is called off.
	end := next.AddDays(14)
	o.want(200, writer, http.MethodPost, object+"/ending", o.version(writer, object), map[string]any{"from": end, "decision": "Påhittat beslut 3"})
	activate(object)
	o.eventually("the booking ends", func() bool {
		return o.want(200, coach1, http.MethodGet, booking, "", nil)["until"] == string(end.AddDays(-1))
	})
	calledOff := 0
	for uid, e := range o.entriesAt(address) {
		if strings.Contains(is[uid], "STATUS:CONFIRMED") && strings.Contains(e, "STATUS:CANCELLED") {
			calledOff++
			if !strings.Contains(e, "SUMMARY:INSTÄLLT: ") || strings.Contains(e, "SEQUENCE:0") || strings.Contains(e, "SEQUENCE:1\r") {
				t.Errorf("called off: %s", e)
			}
		}
	}
	if calledOff < 20 {
		t.Errorf("%d occurrences are called off", calledOff)
	}
	if list := o.list(coach1, "/activities/"+activity+"/days/"+string(today)); len(list) != 1 || list[0]["attendance"] != "present" {
		t.Errorf("who was there: %v", list)
	}
}
