package standalone_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/standalone/demo"
	"github.com/finsam/finsam/services/standalone/example"
)

// A participant is not booked where there is too little time for the way, unless the coach says
// that it can be managed.
func TestABookingLeavesTimeForTheWay(t *testing.T) {
	data := newData(t)
	file := strings.Replace(string(example.Insjoriket), `  - municipality: "1489"`+"\n", `  - municipality: "1402"
    activities:
      - { name: Påhittad morgon, category: health, day: monday, from: "10:00", to: "10:25", place: Påhittade gatan 1 }
      - { name: Påhittad förmiddag, category: health, day: monday, from: "10:30", to: "11:30", place: Påhittade gatan 2 }
      - { name: Påhittad middag, category: health, day: monday, from: "11:45", to: "12:30", place: Påhittade gatan 1 }
  - municipality: "1489"
`, 1)
	if _, err := association.Save(data.Associations(), []byte(file)); err != nil {
		t.Fatal(err)
	}
	o := open(t, data)
	referral, _ := o.refer(602, nil)
	o.change(200, intake7, "/referrals/"+referral, "acceptance", acceptedFrom(day(0)))
	enrolment := o.enrolmentOf(referral)
	o.change(200, coach1, enrolment, "start", map[string]any{"startedOn": day(0)})
	ids := map[string]string{}
	for _, x := range o.list(coach1, "/activities?municipality=1402") {
		ids[x["name"].(string)] = x["id"].(string)
	}
	book := func(name string, accepted bool) (int, string) {
		body := map[string]any{"enrolment": strings.TrimPrefix(enrolment, "/enrolments/"), "activity": ids[name], "from": day(0)}
		if accepted {
			body["travelAccepted"] = true
		}
		w := o.ask(coach1, http.MethodPost, "/bookings", "", body)
		return w.Code, w.Body.String()
	}
	o.eventually("the first is booked", func() bool { code, _ := book("Påhittad förmiddag", false); return code == 201 })
	if code, text := book("Påhittad middag", false); code != 201 {
		t.Errorf("a quarter of an hour is enough: %d %s", code, text)
	}
	code, text := book("Påhittad morgon", false)
	if code != 422 || !strings.Contains(text, "too-little-time-to-travel") || !strings.Contains(text, "Påhittad förmiddag kl. 10:30–11:30") || !strings.Contains(text, "15 minuter") || !strings.Contains(text, `"pointer":"/activity"`) {
		t.Errorf("five minutes: %d %s", code, text)
	}
	if code, text := book("Påhittad morgon", true); code != 201 {
		t.Errorf("five minutes that can be managed: %d %s", code, text)
	}
}

// Who receives a participant of another municipality has the name on its list of the day, for
// as long as its attendance is corrected, and by no other way.
func TestWhoReceivesAParticipantHasTheNameOnItsList(t *testing.T) {
	data := newData(t)
	const here = `  - municipality: "1402"
    activities:
      - { name: Påhittad dagverksamhet, category: health, rule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU", first: 2026-01-01, from: "08:00", to: "09:00", leader: ledare-partille-1 }
  - municipality: "1489"
`
	file := strings.Replace(string(example.Insjoriket), `  - municipality: "1489"`+"\n", here, 1)
	if _, err := association.Save(data.Associations(), []byte(file)); err != nil {
		t.Fatal(err)
	}
	now := time.Now
	o := openIn(launch.WithClock(t.Context(), func() time.Time { return now() }), t, data, "")
	at := func(role actor.Role, subject string) demo.Claims {
		return demo.Claims{Roles: []actor.Role{role}, Authority: "partille", Municipality: "1402", Subject: subject, Lifetime: time.Hour}
	}
	coach, leader, other := at(actor.Coach, "coach-partille"), at(actor.Supervisor, "ledare-partille-1"), at(actor.Supervisor, "ledare-partille-2")

	referral, id := o.refer(601, func(_, person map[string]any) { person["givenName"], person["familyName"] = "Zoé", "Påhittad" })
	o.change(200, intake7, "/referrals/"+referral, "acceptance", acceptedFrom(day(0)))
	enrolment := o.enrolmentOf(referral)
	o.change(200, coach1, enrolment, "start", map[string]any{"startedOn": day(0)})
	activity := o.list(coach1, "/activities?municipality=1402")[0]["id"].(string)
	list := "/activities/" + activity + "/days/" + day(1) + "?include=identity"
	o.want(404, other, http.MethodGet, list, "", nil)
	if all := o.list(leader, list); len(all) != 0 {
		t.Fatalf("nobody is booked, and the list has %v", all)
	}
	o.eventually("the person is booked", func() bool {
		return o.ask(coach1, http.MethodPost, "/bookings", "", map[string]any{"enrolment": strings.TrimPrefix(enrolment, "/enrolments/"), "activity": activity, "from": day(0)}).Code == 201
	})
	for _, who := range []demo.Claims{coach, leader} {
		all := o.list(who, list)
		if len(all) != 1 || !strings.Contains(words(all[0]["identity"]), `"Zoé Påhittad"`) || strings.Contains(words(all), "personalIdentityNumber") {
			t.Errorf("%s reads %v", who.Subject, all)
		}
		if w := o.ask(who, http.MethodPost, "/participants/identities", "", map[string]any{"participants": []string{id}}); strings.Contains(w.Body.String(), "Zoé") {
			t.Errorf("%s asks the vault and reads %s", who.Subject, w.Body)
		}
	}
	o.want(404, coach, http.MethodGet, enrolment, "", nil)
	if all := o.list(coach, "/bookings?received=true&include=identity"); len(all) != 1 || !strings.Contains(words(all[0]["identity"]), `"Zoé Påhittad"`) {
		t.Errorf("of what it receives, the coach reads %v", all)
	}
	o.want(404, other, http.MethodGet, list, "", nil)

	// When nothing of the day is corrected any more, the list has no names of others' participants.
	past := "/activities/" + activity + "/days/" + day(0) + "?include=identity"
	if all := o.list(leader, past); len(all) != 1 || !strings.Contains(words(all[0]["identity"]), "Zoé") {
		t.Errorf("on the day the leader reads %v", all)
	}
	now = func() time.Time { return time.Now().AddDate(0, 0, 15) }
	for _, who := range []demo.Claims{coach, leader} {
		if all := o.list(who, past); len(all) != 1 || all[0]["identity"] != nil {
			t.Errorf("15 days later %s reads %v", who.Subject, all)
		}
	}
	now = time.Now
	o.protect(id, "confidentiality_marking")
	if all := o.list(leader, list); len(all) != 1 || strings.Contains(words(all), "Zoé") || !strings.Contains(words(all), `"protected":true`) {
		t.Errorf("of a protected person the leader reads %v", all)
	}
}
