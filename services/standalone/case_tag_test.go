package standalone_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/gateway"
	"github.com/finsam/finsam/services/standalone/demo"
)

// walk reads every operation of the contract that answers JSON with an entity tag, and
// remembers by caller and address which body had which tag.
type walk struct {
	*office
	paths   map[string]string            // of things, by the path of the contract
	callers map[string]demo.Claims       // who reads
	bodies  map[string]map[string]string // by tag
	last    map[string]string            // the latest tag
	changed map[string]bool              // addresses whose body has changed
	unasked map[string]bool              // those that take no If-None-Match
	reads   int
}

// newWalk returns a walk of these callers over these things, and the paths of the contract
// that answer JSON with an entity tag.
func newWalk(o *office, callers map[string]demo.Claims, paths map[string]string) (w *walk, tagged []string) {
	o.t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../gateway/contract/openapi.json")
	if err != nil {
		o.t.Fatal(err)
	}
	w = &walk{office: o, paths: paths, callers: callers, bodies: map[string]map[string]string{}, last: map[string]string{}, changed: map[string]bool{}, unasked: map[string]bool{}}
	for path, item := range doc.Paths.Map() {
		if item.Get == nil {
			continue
		}
		ok := item.Get.Responses.Status(200).Value
		if ok.Headers["ETag"] == nil || ok.Content["application/json"] == nil {
			continue
		}
		tagged = append(tagged, path)
		// A changed body has another tag all the same.
		w.unasked[path] = item.Get.Parameters.GetByInAndName("header", "If-None-Match") == nil
	}
	return w, tagged
}

// read wants of each address, of each caller, that a body that has changed has another tag,
// and that one that has not is not sent again.
func (w *walk) read(when string) {
	w.t.Helper()
	for path, at := range w.paths {
		for name, who := range w.callers {
			answer := w.ask(who, http.MethodGet, at, "", nil)
			if answer.Code != 200 {
				continue
			}
			w.reads++
			key, tag, body := name+" "+path, answer.Header().Get("ETag"), answer.Body.String()
			known, isKnown := w.bodies[key][tag]
			if isKnown && known != body {
				w.t.Errorf("%s, %s: the body has changed, and its tag is still %s:\n%s\n%s", when, key, tag, known, body)
			}
			if w.bodies[key] == nil {
				w.bodies[key] = map[string]string{}
			}
			if last := w.last[key]; last != "" {
				again := w.know(who, at, last)
				if w.bodies[key][last] != body {
					w.changed[path] = true
				}
				if want := 304; w.unasked[path] || w.bodies[key][last] != body {
					if want = 200; again.Code != want {
						w.t.Errorf("%s, %s: who has the former body is answered %d", when, key, again.Code)
					}
				} else if again.Code != want || again.Body.Len() > 0 || again.Header().Get("ETag") != tag {
					w.t.Errorf("%s, %s: who has the body is answered %d %s", when, key, again.Code, again.Body)
				}
			}
			w.bodies[key][tag], w.last[key] = body, tag
		}
	}
}

// know reads an address as somebody who has what had a tag.
func (w *walk) know(who demo.Claims, at, tag string) *httptest.ResponseRecorder {
	token, err := w.issuer.Token(who)
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, gateway.BasePath+at, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("If-None-Match", tag)
	answer := httptest.NewRecorder()
	w.door.ServeHTTP(answer, r)
	return answer
}

// TestCase_D2_AChangedBodyNeverKeepsItsTag is: the entity tag follows all that an answer
// shows, also what is no step of the thing itself: the person's consent and handlers, what
// joined, other referrals, the unit's contact, the caller's role and the day.
func TestCase_D2_AChangedBodyNeverKeepsItsTag(t *testing.T) {
	o := open(t, newData(t))
	e := o.enrolled(301, day(-30))
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(-30)})
	booking, date := o.booked(e, "Utomhusträning")
	enrolment := o.want(200, coach1, http.MethodGet, e, "", nil)
	participant, referral := "/participants/"+enrolment["participant"].(string), "/referrals/"+enrolment["referral"].(string)
	feed := participant + "/calendar-feeds/" + o.want(201, coach1, http.MethodPost, participant+"/calendar-feeds", "", nil)["id"].(string)
	staff1 := "/staff-calendars/" + o.want(201, coach1, http.MethodPost, "/staff-calendars", "", map[string]any{})["id"].(string)
	draft := "/drafts/" + o.want(201, officer, http.MethodPost, "/drafts", "", map[string]any{"reason": "Påhittat utkast."})["id"].(string)
	activity := "/activities/" + o.want(200, coach1, http.MethodGet, booking, "", nil)["activity"].(string) + "/cancellations"
	off := o.want(201, coach1, http.MethodPost, activity, "", map[string]any{"date": date, "reason": "weather"})
	ill := participant + "/absences/" + o.want(201, coach1, http.MethodPost, participant+"/absences", "", map[string]any{"from": day(1), "until": day(2), "reason": "ill"})["id"].(string)
	w, tagged := newWalk(o, map[string]demo.Claims{
		"coach": coach1, "another coach": staff(actor.Coach, "coach-2"), "intake": intake7, "head": chef, "officer": officer, "system": sender, "other sender": employment, "reviewer": reviewer,
		"person": {Roles: []actor.Role{actor.Participant}, Participant: enrolment["participant"].(string), Authority: "molndal", Subject: "person-1", Lifetime: time.Hour},
		"staff":  office1,
	}, map[string]string{
		"/activities/{id}/cancellations/{cancellation}": activity + "/" + off["id"].(string), "/bookings/{id}": booking, "/drafts/{id}": draft,
		"/enrolments/{id}": e, "/participants/{id}": participant, "/participants/{id}/calendar-feeds/{feed}": feed, "/staff-calendars/{feed}": staff1, "/participants/{id}/protection": participant + "/protection",
		"/referrals/{id}": referral, "/capacities/{initiative}/{municipality}": "/capacities/activera/1481", "/municipalities/{code}/week": "/municipalities/1481/week",
		"/participants/{id}/absences/{absence}": ill, "/leaders/{leader}/week": "/leaders/me/week",
	})
	// The first three are in the next story; the next four need a programme with sites,
	// weeks of absence and a group, which the demo has not; the others change with the program alone.
	elsewhere := map[string]bool{
		"/programme-objects/{id}": true, "/publications/{id}": true, "/webhooks/{id}": true,
		"/placements/{id}": true, "/absence-signals/{id}": true, "/groups/{id}": true, "/group-waits/{id}": true, "/api-info": true, "/api-docs": true,
	}
	for _, path := range tagged {
		if !strings.Contains(path, "{") && !elsewhere[path] {
			w.paths[path] = path
		} else if w.paths[path] == "" && !elsewhere[path] {
			t.Errorf("%s has an entity tag and is not read here", path)
		}
	}

	w.read("at first")
	w.read("unchanged")
	second := o.referOf(301, employment)
	w.read("another referral of the person")
	o.change(200, coach1, second, "joining", map[string]any{"answersCheckIns": true})
	o.eventually("it is followed", func() bool { return o.ask(employment, http.MethodGet, e, "", nil).Code == 200 })
	w.read("it has joined")
	o.protect(strings.TrimPrefix(participant, "/participants/"), "confidentiality_marking")
	o.eventually("the referral is protected", func() bool { return o.want(200, intake7, http.MethodGet, referral, "", nil)["reason"] == nil })
	w.read("the person is protected")
	before := o.version(sender, referral)
	o.want(200, chef, http.MethodPost, participant+"/protection", o.version(chef, participant), map[string]any{"level": "confidentiality_marking", "handlers": []string{"coach-2"}})
	o.eventually("the referral follows", func() bool { return o.version(sender, referral) != before })
	w.read("another handles it")
	o.change(200, coach1, participant, "consent-withdrawals", map[string]any{"referral": strings.TrimPrefix(second, "/referrals/")})
	w.read("a consent is withdrawn")
	o.want(200, intake7, http.MethodPut, "/capacities/activera/1481", o.version(intake7, "/capacities/activera/1481"), map[string]any{"places": 8})
	w.read("places are set")
	o.want(200, coach1, http.MethodPost, activity+"/"+off["id"].(string)+"/restoration", o.version(coach1, activity+"/"+off["id"].(string)), nil)
	w.read("an occurrence takes place after all")
	for _, path := range []string{"/enrolments/{id}", "/participants/{id}", "/referrals/{id}", "/participants/{id}/protection", "/capacities/{initiative}/{municipality}", "/activities/{id}/cancellations/{cancellation}"} {
		if !w.changed[path] {
			t.Errorf("%s has not changed: this proves little of it", path)
		}
	}
	if got := fmt.Sprint(o.want(200, coach1, http.MethodGet, e, "", nil)["version"]); w.reads < 200 || got != fmt.Sprint(enrolment["version"]) {
		t.Errorf("%d reads; the enrolment itself has changed from version %v to %s", w.reads, enrolment["version"], got)
	}
}

// TestCase_D2_TheProgrammeAPublicationAndAWebhookHaveTheirTagsToo is: what the association and
// a sender keep follows its body as well, for who may change it, who may not, and the one who
// reads it only from a step on.
func TestCase_D2_TheProgrammeAPublicationAndAWebhookHaveTheirTagsToo(t *testing.T) {
	o := open(t, newData(t))
	planner, second, office2 := plans("molndal", "1481", "planner-1"), plans("molndal", "1481", "planner-2"), office1
	office2.Subject = "admin-2"
	made := func(who demo.Claims, path string, body map[string]any) string {
		t.Helper()
		return path + "/" + o.want(201, who, http.MethodPost, path, "", body)["id"].(string)
	}
	walks := func(from, to string) map[string]any {
		return map[string]any{"name": "Påhittad vandring", "category": "health", "day": "monday", "from": from, "to": to}
	}
	series := made(planner, "/programme-objects", map[string]any{"kind": "series", "municipality": "1481", "validFrom": day(7), "decision": "Påhittat beslut 1", "series": walks("06:00", "06:30")})
	publication := made(office1, "/publications", map[string]any{"period": strconv.Itoa(time.Now().Year()-1) + "-t2"})
	hook := made(sender, "/webhooks", map[string]any{"url": "https://fk.example/handelser", "active": false})
	w, _ := newWalk(o, map[string]demo.Claims{
		"planner": planner, "second planner": second, "another municipality's planner": plans("partille", "1402", "planner-3"), "coach": coach1, "system": sender,
		"staff": office1, "second staff": office2, "board": {Roles: []actor.Role{actor.Board}, Authority: "forbundet", Subject: "board-1", Lifetime: time.Hour},
	}, map[string]string{"/programme-objects/{id}": series, "/publications/{id}": publication, "/webhooks/{id}": hook})
	step := func(status int, who demo.Claims, method, path, thing string, body any) {
		t.Helper()
		o.want(status, who, method, path, o.version(who, thing), body)
		w.read(method + " " + path)
		w.read("unchanged since")
	}

	w.read("at first")
	w.read("unchanged")
	step(200, planner, http.MethodPut, series+"/draft", series, map[string]any{"validFrom": day(7), "decision": "Påhittat beslut 2", "series": walks("07:00", "07:30")})
	step(200, second, http.MethodPost, series+"/activation", series, nil)
	step(200, planner, http.MethodPut, series+"/draft", series, map[string]any{"validFrom": day(21), "decision": "Påhittat beslut 3", "series": walks("08:00", "08:30")})
	step(204, planner, http.MethodDelete, series+"/draft", series, nil)
	step(200, office2, http.MethodPost, publication+"/release", publication, nil)
	step(200, sender, http.MethodPut, hook, hook, map[string]any{"url": "https://fk.example/handelser", "active": false, "description": "Påhittad mottagare."})
	step(200, sender, http.MethodPost, hook+"/secrets", hook, nil)
	for path := range w.paths {
		if !w.changed[path] {
			t.Errorf("%s has not changed: this proves little of it", path)
		}
	}
	for name, path := range map[string]string{"system": "/programme-objects/{id}", "board": "/publications/{id}"} { // since it is in force, and released
		if w.last[name+" "+path] == "" {
			t.Errorf("the %s never reads %s", name, path)
		}
	}
}
