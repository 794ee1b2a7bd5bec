package standalone_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/gateway"
	"github.com/finsam/finsam/services/standalone/demo"
)

// staff returns somebody of Mölndal.
func staff(role actor.Role, subject string) demo.Claims {
	return demo.Claims{Roles: []actor.Role{role}, Authority: "molndal", Municipality: "1481", Subject: subject, Lifetime: time.Hour}
}

var (
	coach1   = staff(actor.Coach, "coach-1")
	intake7  = staff(actor.Intake, "intake-7")
	chef     = staff(actor.Manager, "chef-1")
	abroad   = demo.Claims{Roles: []actor.Role{actor.Manager}, Authority: "partille", Municipality: "1402", Subject: "chef-2", Lifetime: time.Hour}
	reviewer = demo.Claims{Roles: []actor.Role{actor.Reviewer}, Authority: "forbundet", Subject: "rev", Lifetime: time.Hour}
)

// ask sends a request with the header If-Match, unless it is empty.
func (o *office) ask(who demo.Claims, method, path, version string, body any) *httptest.ResponseRecorder {
	o.t.Helper()
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body)
	}
	r := httptest.NewRequestWithContext(o.t.Context(), method, gateway.BasePath+path, bytes.NewReader(text))
	if who.Authority != "" {
		token, err := o.issuer.Token(who)
		if err != nil {
			o.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("Content-Type", "application/json")
	if version != "" {
		r.Header.Set("If-Match", version)
	}
	w := httptest.NewRecorder()
	o.door.ServeHTTP(w, r)
	return w
}

// want asks and wants this status; it returns the body.
func (o *office) want(status int, who demo.Claims, method, path, version string, body any) map[string]any {
	o.t.Helper()
	return o.wanted(status, who, method, path, o.ask(who, method, path, version, body))
}

// wanted wants this status of an answer; it returns the body.
func (o *office) wanted(status int, who demo.Claims, method, path string, w *httptest.ResponseRecorder) map[string]any {
	o.t.Helper()
	if w.Code != status {
		o.t.Fatalf("%s %s as %s: %d, want %d\n%s", method, path, who.Subject, w.Code, status, w.Body)
	}
	var answer map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &answer)
	return answer
}

// version returns the entity tag of what a path names.
func (o *office) version(who demo.Claims, path string) string {
	o.t.Helper()
	return o.ask(who, http.MethodGet, path, "", nil).Header().Get("ETag")
}

// refer sends a referral of an invented person with what change adds to it, and returns
// the ids of the referral and the participant.
func (o *office) refer(n uint64, change func(referral, person map[string]any)) (referral, participant string) {
	o.t.Helper()
	made := o.want(201, sender, http.MethodPost, "/referrals", "", o.referral(n, change))
	return made["id"].(string), made["participant"].(string)
}

// referral returns a referral of an invented person with what change adds to it.
func (o *office) referral(n uint64, change func(referral, person map[string]any)) (body map[string]any) {
	o.t.Helper()
	text := strings.Replace(aReferral, "198001012387", persontest.New(rand.New(rand.NewPCG(7, n)), "2026-01-01").Number, 1)
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		o.t.Fatal(err)
	}
	if change != nil {
		change(body, body["person"].(map[string]any))
	}
	return body
}

// protect protects a person as the coach who handles it then.
func (o *office) protect(participant, level string) {
	o.t.Helper()
	at := "/participants/" + participant
	o.want(200, coach1, http.MethodPost, at+"/protection", o.version(coach1, at), map[string]any{"level": level, "handlers": []string{"coach-1"}})
}

// TestCase_A1_OnlyAHandlerOrTheHeadChangesAProtection is: only a handler, or the head of the
// performing municipality's unit, changes a protection, and neither lowers it.
func TestCase_A1_OnlyAHandlerOrTheHeadChangesAProtection(t *testing.T) {
	o := open(t, newData(t))
	_, id := o.refer(1, nil)
	at := "/participants/" + id
	o.protect(id, "protected_registration")
	version := o.version(coach1, at)
	for _, c := range []struct {
		sentence string
		who      demo.Claims
		body     map[string]any
		status   int
		code     string
	}{
		{"who sees the person masked does not see the way to change it", intake7, map[string]any{"level": "confidentiality_marking", "handlers": []string{"intake-7"}}, 404, "not-found"},
		{"nor with the same level", intake7, map[string]any{"level": "protected_registration", "handlers": []string{"intake-7"}}, 404, "not-found"},
		{"nor does another municipality's head", abroad, map[string]any{"level": "assumed_identity"}, 404, "not-found"},
		{"a reviewer sets no protection", reviewer, map[string]any{"level": "assumed_identity", "handlers": []string{"coach-1"}}, 403, "forbidden"},
		{"nor does the sender's system", sender, map[string]any{"level": "assumed_identity"}, 403, "forbidden"},
		{"a handler does not lower it", coach1, map[string]any{"level": "confidentiality_marking"}, 422, "protection-lowered"},
		{"nor does the head", chef, map[string]any{"level": "confidentiality_marking"}, 422, "protection-lowered"},
		{"a handler appoints nobody", coach1, map[string]any{"level": "protected_registration", "handlers": []string{"coach-1", "coach-2"}}, 403, "handlers-by-manager"},
	} {
		if got := o.want(c.status, c.who, http.MethodPost, at+"/protection", version, c.body); got["code"] != c.code {
			t.Errorf("%s: %v", c.sentence, got)
		}
	}
	if got := o.want(200, intake7, http.MethodGet, at, "", nil); got["masked"] != true || got["_links"].(map[string]any)["protection"] != nil {
		t.Errorf("who sees the person masked: %v", got)
	}
	seen := o.want(200, chef, http.MethodGet, at, "", nil)
	if seen["masked"] != true || seen["familyName"] != nil || len(seen["handlers"].([]any)) != 1 {
		t.Errorf("the head sees what appointing needs and no more: %v", seen)
	}
	if got := o.want(200, coach1, http.MethodPost, at+"/protection", version, map[string]any{"level": "assumed_identity"}); got["protection"] != "assumed_identity" || len(got["handlers"].([]any)) != 1 {
		t.Errorf("a handler raises the level, and stays: %v", got)
	}
	o.want(200, chef, http.MethodPost, at+"/protection", o.version(chef, at), map[string]any{"level": "assumed_identity", "handlers": []string{"intake-7"}})
	if got := o.want(200, intake7, http.MethodGet, at, "", nil); got["masked"] != false {
		t.Errorf("whom the head appoints: %v", got)
	}
	if got := o.want(200, coach1, http.MethodGet, at, "", nil); got["masked"] != true {
		t.Errorf("who is no handler any more: %v", got)
	}
}

// TestCase_A13_AReviewerReadsTheVersionAndNotThePerson is: a reviewer reads the version that
// a removal names, and not the person; a version that was guessed or has passed is refused;
// nobody reviews itself.
func TestCase_A13_AReviewerReadsTheVersionAndNotThePerson(t *testing.T) {
	o := open(t, newData(t))
	_, id := o.refer(2, nil)
	at := "/participants/" + id
	o.want(403, reviewer, http.MethodGet, at, "", nil)
	o.protect(id, "assumed_identity")
	o.want(403, coach1, http.MethodGet, at+"/protection", "", nil)
	passed := o.version(reviewer, at+"/protection")
	o.want(200, chef, http.MethodPost, at+"/protection", o.version(chef, at), map[string]any{"level": "assumed_identity", "handlers": []string{"coach-2"}})
	shown := o.want(200, reviewer, http.MethodGet, at+"/protection", "", nil)
	if links := shown["_links"].(map[string]any); shown["protection"] != "assumed_identity" || len(shown) != 3 || shown["version"] == nil || links["protectionRemoval"] == nil {
		t.Errorf("got %v", shown)
	}
	removal := at + "/protection-removal"
	o.want(428, reviewer, http.MethodPost, removal, "", map[string]any{})
	for _, guess := range []string{`"1"`, `"2"`, `"3"`, `"4"`, `"5"`, `*`, o.version(chef, at), passed} {
		o.want(412, reviewer, http.MethodPost, removal, guess, map[string]any{})
	}
	o.want(403, chef, http.MethodPost, removal, passed, map[string]any{})
	lowered := o.want(200, reviewer, http.MethodPost, removal, o.version(reviewer, at+"/protection"), map[string]any{"level": "confidentiality_marking"})
	if lowered["protection"] != "confidentiality_marking" || lowered["masked"] != true || lowered["familyName"] != nil {
		t.Errorf("lowered: %v", lowered)
	}
	o.want(200, reviewer, http.MethodPost, removal, o.version(reviewer, at+"/protection"), map[string]any{"text": "Påhittat beslut."})
	if got := o.want(200, intake7, http.MethodGet, at, "", nil); got["masked"] != false || got["protection"] != "none" {
		t.Errorf("after the removal: %v", got)
	}
	for _, role := range []actor.Role{actor.Referrer, actor.Integration, actor.Intake, actor.Coach, actor.Supervisor, actor.Manager, actor.Participant} {
		both := reviewer
		both.Roles = []actor.Role{actor.Reviewer, role}
		if got := o.want(403, both, http.MethodGet, at+"/protection", "", nil); got["code"] != "reviewer-not-combinable" {
			t.Errorf("a reviewer who is %s too: %v", role, got)
		}
	}
}

// eventually waits until something holds that an event of another service brings about.
func (o *office) eventually(what string, holds func() bool) {
	o.t.Helper()
	for range 500 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	o.t.Fatalf("five seconds and not yet: %s", what)
}

// enrol accepts a referral and returns the id of the enrolment.
func (o *office) enrol(referral string) (enrolment string) {
	o.t.Helper()
	at := "/referrals/" + referral
	o.want(200, intake7, http.MethodPost, at+"/acceptance", o.version(intake7, at), map[string]any{
		"initiative": "activera", "startDate": time.Now().AddDate(0, 0, 7).Format(time.DateOnly), "coach": "coach-1",
	})
	o.eventually("the person is enrolled", func() bool {
		progress, _ := o.want(200, intake7, http.MethodGet, at, "", nil)["progress"].(map[string]any)
		enrolment, _ = progress["enrolment"].(string)
		return enrolment != ""
	})
	return enrolment
}

// TestCase_A11_CalendarsOfAProtectedPersonAnswerNothing is: the calendar addresses of a
// person answer 404 while the identity is protected, who made them, and nobody makes a new
// one.
func TestCase_A11_CalendarsOfAProtectedPersonAnswerNothing(t *testing.T) {
	o := open(t, newData(t))
	referral, id := o.refer(3, nil)
	o.enrol(referral)
	feeds := "/participants/" + id + "/calendar-feeds"
	var made map[string]any
	o.eventually("the activities know the enrolment", func() bool {
		w := o.ask(coach1, http.MethodPost, feeds, "", nil)
		return w.Code == 201 && json.Unmarshal(w.Body.Bytes(), &made) == nil
	})
	calendar := "/calendars/" + made["token"].(string)
	read := func(method string) int { return o.ask(demo.Claims{}, method, calendar, "", nil).Code }
	if got := read(http.MethodGet); got != 200 {
		t.Fatalf("before: %d", got)
	}
	o.protect(id, "assumed_identity")
	o.eventually("the address answers 404", func() bool { return read(http.MethodGet) == 404 })
	missing := o.want(404, demo.Claims{}, http.MethodGet, "/calendars/"+strings.Repeat("0", 64), "", nil)
	hidden := o.want(404, demo.Claims{}, http.MethodGet, calendar, "", nil)
	for _, key := range []string{"traceId", "instance"} {
		delete(missing, key)
		delete(hidden, key)
	}
	if !reflect.DeepEqual(missing, hidden) {
		t.Errorf("a protected person's address differs from one that never was: %v, %v", hidden, missing)
	}
	if got := o.want(409, coach1, http.MethodPost, feeds, "", nil); got["code"] != "calendar-of-protected-person" {
		t.Errorf("a new address: %v", got)
	}
	at := "/participants/" + id + "/protection"
	o.want(200, reviewer, http.MethodPost, at+"-removal", o.version(reviewer, at), map[string]any{})
	o.eventually("the address answers again", func() bool { return read(http.MethodGet) == 200 })
}

// TestCase_A11_WhyAttendanceWasCorrectedIsForTheHandlers is: of a protected person only the
// named handlers, and the person, read why attendance was corrected, in every answer.
func TestCase_A11_WhyAttendanceWasCorrectedIsForTheHandlers(t *testing.T) {
	o := open(t, newData(t))
	e := o.enrolled(256, day(-30))
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(-30)})
	at, date := o.booked(e, "Utomhusträning")
	id := o.want(200, coach1, http.MethodGet, at, "", nil)["participant"].(string)
	const reason = "Påhittat: personen var på sjukhus."
	correct := func(who demo.Claims, attendance string) map[string]any {
		return o.change(200, who, at, "attendance-corrections", map[string]any{"date": date, "attendance": attendance, "reason": reason})
	}
	o.change(200, coach1, at, "attendances", map[string]any{"date": date, "attendance": "present"})
	correct(coach1, "absent")
	person := demo.Claims{Roles: []actor.Role{actor.Participant}, Participant: id, Authority: "molndal", Subject: "person-1", Lifetime: time.Hour}
	coach2, leader := staff(actor.Coach, "coach-2"), staff(actor.Supervisor, "ledare-1")
	reads := func(who demo.Claims) bool {
		return strings.Contains(words(o.want(200, who, http.MethodGet, at, "", nil)), reason)
	}
	for who, want := range map[*demo.Claims]bool{&coach1: true, &coach2: true, &chef: true, &person: true} {
		if reads(*who) != want {
			t.Errorf("of an open person, as %s: not %v", who.Subject, want)
		}
	}
	o.protect(id, "confidentiality_marking")
	o.eventually("the reason is for the handler and the person only", func() bool {
		return reads(coach1) && !reads(coach2) && !reads(chef) && reads(person)
	})
	if got := correct(chef, "absent_notified"); strings.Contains(words(got), reason) {
		t.Errorf("the answer to who corrects, and is no handler: %v", got)
	}
	if got := o.want(200, leader, http.MethodPost, at+"/attendances", o.version(coach1, at), map[string]any{"date": date, "attendance": "absent_notified"}); strings.Contains(words(got), reason) {
		t.Errorf("the answer to who leads the activity: %v", got)
	}
	o.want(200, chef, http.MethodPost, "/participants/"+id+"/protection", o.version(chef, "/participants/"+id),
		map[string]any{"level": "confidentiality_marking", "handlers": []string{"coach-2", "chef-1"}})
	o.eventually("the reason follows whom the head appoints", func() bool { return !reads(coach1) && reads(coach2) && reads(chef) })
	protection := "/participants/" + id + "/protection"
	o.want(200, reviewer, http.MethodPost, protection+"-removal", o.version(reviewer, protection), map[string]any{})
	o.eventually("and is for all coaches again", func() bool { return reads(coach1) && reads(coach2) })
}

// TestCase_A11_DayListsAndWaitingNoticesFromTheMomentOfTheProtection is: the list of who comes
// on a day names a person who becomes protected to the handlers only, from the very next call
// on; a notice that waits names nobody, and none says that somebody is protected.
func TestCase_A11_DayListsAndWaitingNoticesFromTheMomentOfTheProtection(t *testing.T) {
	o := open(t, newData(t))
	hook := "/webhooks/" + o.want(201, sender, http.MethodPost, "/webhooks", "", map[string]any{"url": "https://fk.example/handelser", "active": true})["id"].(string)
	referral, id := o.refer(258, func(_, person map[string]any) { person["givenName"], person["familyName"] = "Zoé", "Hemlig" })
	at := "/referrals/" + referral
	o.change(200, intake7, at, "acceptance", acceptedFrom(day(-30)))
	e := o.enrolmentOf(referral)
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(-30)})
	booking, date := o.booked(e, "Utomhusträning")
	o.change(200, coach1, booking, "attendances", map[string]any{"date": date, "attendance": "present"})
	dayList := "/activities/" + o.want(200, coach1, http.MethodGet, booking, "", nil)["activity"].(string) + "/days/" + date
	waiting := func() string {
		return words(o.want(200, sender, http.MethodGet, hook+"/deliveries?state=waiting", "", nil)["items"])
	}
	o.eventually("notices of the acceptance wait, as nobody answers", func() bool { return strings.Contains(waiting(), `"se.finsam.referral.accepted"`) })

	coach2, leader := staff(actor.Coach, "coach-2"), staff(actor.Supervisor, "ledare-1")
	names := func(who demo.Claims) string {
		t.Helper()
		list := o.want(200, who, http.MethodGet, dayList+"?include=identity", "", nil)["items"].([]any)
		if plain := o.want(200, who, http.MethodGet, dayList, "", nil)["items"].([]any); len(list) != 1 || len(plain) != 1 || plain[0].(map[string]any)["identity"] != nil {
			t.Fatalf("%s reads the lists %v and %v", who.Subject, list, plain)
		}
		return words(list[0].(map[string]any)["identity"])
	}
	for _, who := range []demo.Claims{coach1, coach2, leader} {
		if got := names(who); !strings.Contains(got, `"Zoé Hemlig"`) {
			t.Errorf("of an open person %s reads %s", who.Subject, got)
		}
	}
	o.protect(id, "confidentiality_marking")
	for _, who := range []demo.Claims{coach2, leader} { // in the very next call
		if got := names(who); strings.Contains(got, "Zoé") || strings.Contains(got, "Hemlig") || strings.Contains(got, "personalIdentityNumber") || !strings.Contains(got, `"protected":true`) {
			t.Errorf("of a protected person %s reads %s", who.Subject, got)
		}
	}
	if got := names(coach1); !strings.Contains(got, `"Zoé Hemlig"`) {
		t.Errorf("the handler reads %s", got)
	}

	o.change(200, coach1, e, "closing-documentation", map[string]any{"closedOn": day(0), "endReason": "moved", "occupationAfter": map[string]any{"kind": "none"},
		"livelihoodAfter": []string{"none"}, "summary": "Påhittat."})
	o.eventually("a later step of the protected person's referral is among the notices", func() bool { return strings.Contains(waiting(), `"se.finsam.referral.closed"`) })
	for place, text := range map[string]string{
		"the deliveries": waiting(), "the sender's events": words(o.want(200, sender, http.MethodGet, "/events?limit=200", "", nil)),
		"the municipality's events": words(o.want(200, intake7, http.MethodGet, "/events?limit=200", "", nil)),
	} {
		for _, word := range []string{"Zoé", "Hemlig", "protected", "assumed_identity", "confidentiality", id} {
			if strings.Contains(text, word) {
				t.Errorf("%s have %q: %s", place, word, text)
			}
		}
	}
}

// booked books the person of an enrolment that has begun, 30 days ago, into an activity of
// Mölndal, and returns the path of the booking and the activity's last day before today.
func (o *office) booked(enrolment, activity string) (at, date string) {
	o.t.Helper()
	for _, a := range o.list(coach1, "/activities?municipality=1481&limit=100") {
		if a["name"] != activity {
			continue
		}
		for n := -7; n < 0; n++ {
			if strings.EqualFold(time.Now().AddDate(0, 0, n).Weekday().String(), a["day"].(string)) {
				date = day(n)
			}
		}
		o.eventually("the activity service knows the start", func() bool {
			w := o.ask(coach1, http.MethodPost, "/bookings", "", map[string]any{"enrolment": strings.TrimPrefix(enrolment, "/enrolments/"), "activity": a["id"], "from": day(-30)})
			_, at, _ = strings.Cut(w.Header().Get("Location"), gateway.BasePath)
			return w.Code == 201
		})
	}
	return at, date
}

// TestCase_A12_ASenderSaysThatAPersonIsProtected is: a sender says in the posting that the
// person's identity is protected, and from then on it is, everywhere and for the sender too.
func TestCase_A12_ASenderSaysThatAPersonIsProtected(t *testing.T) {
	o := open(t, newData(t))
	marked := func(level string) func(referral, person map[string]any) {
		return func(_, person map[string]any) {
			person["protection"], person["phone"], person["email"] = level, "070-1740605", "tolvan@finsam.example"
		}
	}
	hidden := func(sentence string, who demo.Claims, path string) {
		t.Helper()
		w := o.ask(who, http.MethodGet, path, "", nil)
		for _, word := range []string{"Tolvan", "Påhittad", "0701740605", "070-1740605", "tolvan@", "Påhittat exempel"} {
			if w.Code != 200 || strings.Contains(w.Body.String(), word) {
				t.Errorf("%s: %d, %q in %s", sentence, w.Code, word, w.Body)
			}
		}
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(strings.Replace(aReferral, "198001012387", persontest.New(rand.New(rand.NewPCG(8, 1)), "2026-01-01").Number, 1)), &body); err != nil {
		t.Fatal(err)
	}
	marked("confidentiality_marking")(body, body["person"].(map[string]any))
	w := o.ask(sender, http.MethodPost, "/referrals", "", body)
	var made map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != 201 || made["reason"] != nil {
		t.Fatalf("the answer to the sender: %d %s", w.Code, w.Body)
	}
	referral, id := made["id"].(string), made["participant"].(string)
	at := "/participants/" + id
	hidden("the sender", sender, "/referrals/"+referral)
	hidden("the receiver", intake7, "/referrals/"+referral)
	hidden("the receiver's list", intake7, "/referrals")
	hidden("the receiver's file", intake7, "/referral-exports?identities=true")
	hidden("the person, to the receiver", intake7, at)
	hidden("the person, to the sender", sender, at)
	names := o.want(200, intake7, http.MethodPost, "/participants/identities", "", map[string]any{"participants": []string{id}})
	if n := names["items"].([]any)[0].(map[string]any); n["protected"] != true || !strings.HasPrefix(n["displayName"].(string), "Deltagare ") {
		t.Errorf("the name: %v", n)
	}
	if tag := w.Header().Get("ETag"); tag != servicetest.Version(o.ask(sender, http.MethodGet, "/referrals/"+referral, "", nil).Header()) {
		t.Errorf("the version that was answered, %s, is not the one that holds", tag)
	}
	o.want(404, intake7, http.MethodPost, at+"/protection", o.version(intake7, at), map[string]any{"level": "assumed_identity", "handlers": []string{"intake-7"}})
	o.want(200, chef, http.MethodPost, at+"/protection", o.version(chef, at), map[string]any{"level": "confidentiality_marking", "handlers": []string{"intake-7"}})
	seen := o.want(200, intake7, http.MethodGet, at, "", nil)
	if seen["familyName"] != "Påhittad" || seen["phone"] != nil || seen["email"] != nil {
		t.Errorf("whom the head appoints: %v", seen)
	}

	// Of a person who is known: a later sender protects, raises, and never lowers.
	plain := body["person"].(map[string]any)
	for _, c := range []struct{ said, want string }{
		{"protected_registration", "protected_registration"}, {"confidentiality_marking", "protected_registration"}, {"", "protected_registration"},
	} {
		delete(plain, "protection")
		if c.said != "" {
			plain["protection"] = c.said
		}
		batch := o.want(200, sender, http.MethodPost, "/referrals/batch", "", map[string]any{"items": []any{map[string]any{"referral": body}}})
		item := batch["items"].([]any)[0].(map[string]any)
		if item["status"] != 201.0 {
			t.Fatalf("in a batch: %v", item)
		}
		again := "/referrals/" + item["id"].(string)
		hidden("said "+c.said+" in a batch", sender, again)
		if got := o.want(200, intake7, http.MethodGet, at, "", nil); got["protection"] != c.want || got["masked"] != false {
			t.Errorf("said %q: %v", c.said, got)
		}
	}
	known, knownID := o.refer(4, nil)
	if got := o.want(200, intake7, http.MethodGet, "/referrals/"+known, "", nil); got["reason"] == nil {
		t.Fatalf("an open person: %v", got)
	}
	if _, again := o.refer(4, marked("assumed_identity")); again != knownID {
		t.Fatal("another person")
	}
	o.eventually("the first referral about the person is hidden too", func() bool {
		return o.want(200, intake7, http.MethodGet, "/referrals/"+known, "", nil)["reason"] == nil
	})
	if got := o.want(400, sender, http.MethodPost, "/referrals", "", map[string]any{"person": map[string]any{"protection": "secret"}}); got["code"] == nil {
		t.Errorf("an unknown level: %v", got)
	}
}

// TestCase_A14_WhoDecidedReadsAboutWhom is: who rejected a referral reads about whom it
// decided; where nobody of a municipality may, there is no link.
func TestCase_A14_WhoDecidedReadsAboutWhom(t *testing.T) {
	o := open(t, newData(t))
	coach := coach1
	link := func(who demo.Claims, referral string) (href string) {
		links := o.want(200, who, http.MethodGet, "/referrals/"+referral, "", nil)["_links"].(map[string]any)
		to, _ := links["participant"].(map[string]any)
		href, _ = to["href"].(string)
		return href
	}
	end := func(n uint64, who demo.Claims, act string, body map[string]any) (referral, person string) {
		referral, id := o.refer(n, func(_, person map[string]any) { person["phone"] = "070-1740605" })
		at := "/referrals/" + referral
		o.want(200, who, http.MethodPost, at+"/"+act, o.version(who, at), body)
		return referral, "/participants/" + id
	}
	rejected, person := end(5, intake7, "rejection", map[string]any{"code": "other_initiative", "text": "Påhittat skäl."})
	var seen map[string]any
	o.eventually("the vault knows who decided", func() bool {
		w := o.ask(intake7, http.MethodGet, person, "", nil)
		seen = nil
		return w.Code == 200 && json.Unmarshal(w.Body.Bytes(), &seen) == nil && seen["phone"] == nil
	})
	if seen["familyName"] != "Påhittad" || seen["personalIdentityNumber"] == nil || seen["_links"].(map[string]any)["protection"] != nil {
		t.Errorf("who decided reads %v", seen)
	}
	o.want(404, coach, http.MethodGet, person, "", nil)
	if link(intake7, rejected) == "" || link(coach, rejected) != "" || link(sender, rejected) == "" {
		t.Errorf("links of a rejected referral: %q, %q, %q", link(intake7, rejected), link(coach, rejected), link(sender, rejected))
	}
	id := strings.TrimPrefix(person, "/participants/")
	for _, c := range []struct {
		who   demo.Claims
		names int
	}{{intake7, 1}, {coach, 0}} {
		names := o.want(200, c.who, http.MethodPost, "/participants/identities", "", map[string]any{"participants": []string{id}})
		if len(names["items"].([]any)) != c.names {
			t.Errorf("%s reads the names %v", c.who.Subject, names)
		}
	}
	for n, act := range []string{"withdrawal", "error-marking"} {
		body := map[string]any{"text": "Påhittat."}
		if act == "withdrawal" {
			body["by"] = "referrer"
		}
		referral, person := end(uint64(6+n), sender, act, body)
		o.eventually("nobody of the municipality reads the person", func() bool { return o.ask(intake7, http.MethodGet, person, "", nil).Code == 404 })
		if got := link(intake7, referral) + link(coach, referral); got != "" {
			t.Errorf("%s: a link to nobody: %s", act, got)
		}
		if isShown := o.ask(sender, http.MethodGet, person, "", nil).Code == 200; isShown != (link(sender, referral) != "") {
			t.Errorf("%s: the sender is shown the person: %v, and has the link %q", act, isShown, link(sender, referral))
		}
	}
}
