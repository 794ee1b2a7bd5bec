package standalone_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/services/standalone/demo"
)

// officer is somebody of the unit that refers.
var officer = demo.Claims{Roles: []actor.Role{actor.Referrer}, Authority: "fk", Unit: "fk-molndal", Subject: "fk-9", Lifetime: time.Hour}

// day returns a day so many days from today.
func day(n int) string { return string(civil.DateOf(time.Now()).AddDays(n)) }

// enrolled refers an invented person, accepts it from a day on, and returns the address
// of the enrolment once it is planned.
func (o *office) enrolled(n uint64, start string) (enrolment string) {
	o.t.Helper()
	id, _ := o.refer(n, nil)
	at := "/referrals/" + id
	o.want(200, intake7, http.MethodPost, at+"/acceptance", o.version(intake7, at), map[string]any{"initiative": "activera", "startDate": start, "coach": "coach-1"})
	return o.enrolmentOf(id)
}

// enrolmentOf returns the address of the enrolment that an accepted referral leads to.
func (o *office) enrolmentOf(referral string) (enrolment string) {
	o.t.Helper()
	at := "/referrals/" + referral
	o.eventually("the enrolment is planned", func() bool {
		progress, _ := o.want(200, intake7, http.MethodGet, at, "", nil)["progress"].(map[string]any)
		enrolment, _ = progress["enrolment"].(string)
		return enrolment != ""
	})
	return "/enrolments/" + enrolment
}

// change takes a step of an enrolment at its present version, and wants this status. What an
// event changes meanwhile is read once more, as a person would do.
func (o *office) change(status int, who demo.Claims, enrolment, step string, body any) map[string]any {
	o.t.Helper()
	for n := 0; ; n++ {
		w := o.ask(who, http.MethodPost, enrolment+"/"+step, o.version(who, enrolment), body)
		if w.Code != http.StatusPreconditionFailed || n == 5 {
			return o.wanted(status, who, http.MethodPost, enrolment+"/"+step, w)
		}
	}
}

// goesOn takes an enrolment that began weeks ago from its first block into the next ones.
func (o *office) goesOn(enrolment string, start, blocks int) {
	o.t.Helper()
	for block := 1; block < blocks; block++ {
		at, last := fmt.Sprintf("check-ins/%d/", block), day(start+42*block)
		o.change(200, officer, enrolment, at+"answer", map[string]any{"readiness": "ready"})
		o.change(200, coach1, enrolment, at+"decision", map[string]any{"decision": "continue", "decidedOn": last})
		o.change(200, coach1, enrolment, fmt.Sprintf("blocks/%d/start", block+1), map[string]any{"startedOn": last})
	}
}

// TestCase_C20_AnEnrolmentEndsAfterItsLastBlockAndConversation is: an enrolment does not end
// before its last block and its closing conversation, and work has an extent.
func TestCase_C20_AnEnrolmentEndsAfterItsLastBlockAndConversation(t *testing.T) {
	o := open(t, newData(t))
	const start = -200 // block 4 runs to day -33
	e := o.enrolled(20, day(start))
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(start)})
	o.goesOn(e, start, 4)
	o.change(200, coach1, e, "closing-conversation", map[string]any{"heldOn": day(-31), "text": "Påhittat samtal."})
	closing := func(on int, occupation map[string]any) map[string]any {
		return map[string]any{"closedOn": day(on), "endReason": "according_to_plan", "occupationAfter": occupation,
			"livelihoodAfter": []string{"salary"}, "summary": "Påhittad sammanfattning."}
	}
	half := map[string]any{"kind": "works", "extent": 50}
	for _, c := range []struct {
		sentence      string
		body          map[string]any
		pointer, code string
	}{
		{"within block 4", closing(-73, half), "/closedOn", "date-too-early"},
		{"on the last day of block 4", closing(-33, half), "/closedOn", "date-too-early"},
		{"the day before the conversation", closing(-32, half), "/closedOn", "date-too-early"},
		{"work without extent", closing(-31, map[string]any{"kind": "works"}), "/occupationAfter/extent", "extent-missing"},
		{"studies without extent", closing(-31, map[string]any{"kind": "studies"}), "/occupationAfter/extent", "extent-missing"},
		{"an extent of nothing", closing(-31, map[string]any{"kind": "none", "extent": 50}), "/occupationAfter/extent", "extent-without-occupation"},
	} {
		answer := o.change(422, coach1, e, "closing-documentation", c.body)
		if pointer, code := fault(t, answer); pointer != c.pointer || code != c.code {
			t.Errorf("%s: %s at %s", c.sentence, code, pointer)
		}
	}
	if got := o.change(200, coach1, e, "closing-documentation", closing(-31, half)); got["outcome"] != "completed" {
		t.Errorf("on the day of the conversation: %v", got["outcome"])
	}
}

// TestCase_C22_NothingIsBookedOutsideTheEnrolmentOrItsBlock is: nobody is booked, and no
// attendance is noted, before the enrolment begins, while it is paused, and in what does not
// belong to its block.
func TestCase_C22_NothingIsBookedOutsideTheEnrolmentOrItsBlock(t *testing.T) {
	o := open(t, newData(t))
	const start = -20
	activities := map[string]string{}
	for _, a := range o.list(coach1, "/activities?municipality=1481&limit=100") {
		activities[a["name"].(string)] = a["id"].(string)
	}
	health, social := activities["Utomhusträning"], activities["Lugn promenad"]
	e := o.enrolled(22, day(start))
	book := func(activity, from string) *httptest.ResponseRecorder {
		return o.ask(coach1, http.MethodPost, "/bookings", "", map[string]any{"enrolment": strings.TrimPrefix(e, "/enrolments/"), "activity": activity, "from": from})
	}
	refused := func(sentence string, w *httptest.ResponseRecorder, status int, pointer, code string) {
		t.Helper()
		var answer map[string]any
		_ = json.Unmarshal(w.Body.Bytes(), &answer)
		if w.Code != status {
			t.Fatalf("%s: %d, want %d\n%s", sentence, w.Code, status, w.Body)
		}
		if at, is := fault(t, answer); at != pointer || is != code {
			t.Errorf("%s: %s at %s", sentence, is, at)
		}
	}
	o.eventually("the activity service knows the enrolment", func() bool { return book(health, day(0)).Code != 404 })
	refused("planned", book(health, day(start)), 409, "/enrolment", "enrolment-not-begun")
	refused("planned, from a day to come", book(health, day(7)), 409, "/enrolment", "enrolment-not-begun")

	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(start)})
	o.eventually("the activity service knows the start", func() bool { return book(health, day(start-1)).Code == 422 })
	refused("before the start", book(health, day(start-1)), 422, "/from", "before-enrolment")
	refused("a social walk in block 1", book(social, day(start)), 422, "/activity", "activity-not-in-block")
	if w := book(health, day(start)); w.Code != 201 {
		t.Errorf("health in block 1: %d %s", w.Code, w.Body)
	}

	const early = -60 // block 1 runs to day -19
	e = o.enrolled(23, day(early))
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(early)})
	var made *httptest.ResponseRecorder
	o.eventually("the second person is booked", func() bool { made = book(health, day(early)); return made.Code == 201 })
	var booking map[string]any
	_ = json.Unmarshal(made.Body.Bytes(), &booking)
	at := "/bookings/" + booking["id"].(string)
	attend := func(from, to int) (w *httptest.ResponseRecorder) {
		for n := from; n <= to; n++ { // one of these days has an occurrence
			w = o.ask(coach1, http.MethodPost, at+"/attendances", o.version(coach1, at), map[string]any{"date": day(n), "attendance": "present"})
			if !strings.Contains(w.Body.String(), "no-occurrence") {
				return w
			}
		}
		return w
	}
	o.change(200, officer, e, "check-ins/1/answer", map[string]any{"readiness": "not_ready"})
	o.change(200, coach1, e, "check-ins/1/decision", map[string]any{"decision": "pause", "decidedOn": day(-18)})
	o.eventually("the activity service knows the pause", func() bool {
		return book(health, day(0)).Code == 409 && strings.Contains(book(health, day(0)).Body.String(), "paused")
	})
	refused("paused", book(activities["Återhämtning"], day(0)), 409, "/enrolment", "enrolment-paused")
	refused("attendance in the pause", attend(-17, -11), 409, "/date", "enrolment-paused")
	if w := attend(-26, -20); w.Code != 200 {
		t.Errorf("attendance in block 1: %d %s", w.Code, w.Body)
	}
}

// TestCase_C23_NoStartBeforeTheConsentOrOutsideTheAges is: no enrolment begins before the
// person consented to the referral, or at an age that is outside the initiative's on the day
// on which it begins.
func TestCase_C23_NoStartBeforeTheConsentOrOutsideTheAges(t *testing.T) {
	o := open(t, newData(t))
	born := civil.DateOf(time.Now()).AddDays(-5).AddYears(-65) // sixty-five since five days
	nine := strings.ReplaceAll(string(born), "-", "")[2:] + "238"
	id, _ := o.refer(23, func(referral, person map[string]any) {
		person["personalIdentityNumber"] = string(born[:2]) + nine + fmt.Sprint(persontest.CheckDigit(nine))
		referral["consent"].(map[string]any)["givenOn"] = day(-30)
	})
	at := "/referrals/" + id
	accept := func(status int, start string) map[string]any {
		t.Helper()
		return o.want(status, intake7, http.MethodPost, at+"/acceptance", o.version(intake7, at), map[string]any{"initiative": "activera", "startDate": start, "coach": "coach-1"})
	}
	for start, code := range map[string]string{day(-300): "start-before-consent", day(-31): "start-before-consent", day(0): "age-out-of-range"} {
		if pointer, got := fault(t, accept(422, start)); pointer != "/startDate" || got != code {
			t.Errorf("accepted from %s: %s at %s", start, got, pointer)
		}
	}
	accept(200, day(-20))
	e := o.enrolmentOf(id)
	for on, code := range map[string]string{day(-31): "start-before-consent", day(-5): "age-out-of-range", day(0): "age-out-of-range"} {
		if pointer, got := fault(t, o.change(422, coach1, e, "start", map[string]any{"startedOn": on})); pointer != "/startedOn" || got != code {
			t.Errorf("begun on %s: %s at %s", on, got, pointer)
		}
	}
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(-6)})
}

// TestCase_C24_ACheckInIsAnsweredBeforeItsBlockEnds is: a check-in is answered and decided
// before its block is over, as many days as the programme says, and the meeting has a date.
func TestCase_C24_ACheckInIsAnsweredBeforeItsBlockEnds(t *testing.T) {
	o := open(t, newData(t))
	begun := func(n uint64, start int) string { // block 1 runs to start+41
		e := o.enrolled(n, day(start))
		o.change(200, coach1, e, "start", map[string]any{"startedOn": day(start)})
		return e
	}
	late, early := begun(24, -39), begun(25, -26) // two and fifteen days before the last day
	ready := func(held int) map[string]any { return map[string]any{"readiness": "ready", "heldOn": day(held)} }

	if got := o.change(409, officer, early, "check-ins/1/answer", map[string]any{"readiness": "ready"}); got["code"] != "check-in-too-early" {
		t.Errorf("fifteen days before: %v", got)
	}
	first := func(e string) map[string]any {
		return o.want(200, officer, http.MethodGet, e, "", nil)["checkIns"].([]any)[0].(map[string]any)
	}
	if got := first(early); got["openFrom"] != day(1) || got["dueOn"] != day(16) {
		t.Errorf("the check-in opens tomorrow: %v", got)
	}
	links := o.want(200, officer, http.MethodGet, late, "", nil)["_links"].(map[string]any)
	if links["answer"] == nil {
		t.Errorf("no link to the answer: %v", links)
	}
	for held, code := range map[int]string{-13: "date-too-early", 1: "date-in-future"} {
		if pointer, got := fault(t, o.change(422, officer, late, "check-ins/1/answer", ready(held))); pointer != "/heldOn" || got != code {
			t.Errorf("held on day %d: %s at %s", held, got, pointer)
		}
	}
	o.change(200, officer, late, "check-ins/1/answer", ready(-1))
	if answer := first(late)["answer"].(map[string]any); answer["heldOn"] != day(-1) {
		t.Errorf("the meeting: %v", answer)
	}
	decide := func(on int) map[string]any { return map[string]any{"decision": "continue", "decidedOn": day(on)} }
	if pointer, got := fault(t, o.change(422, coach1, late, "check-ins/1/decision", decide(-2))); pointer != "/decidedOn" || got != "date-too-early" {
		t.Errorf("decided before the meeting: %s at %s", got, pointer)
	}
	if got := o.change(200, coach1, late, "check-ins/1/decision", decide(0)); got["state"] != "decided" {
		t.Errorf("decided: %v", got["state"])
	}
	if pointer, got := fault(t, o.change(422, coach1, late, "blocks/2/start", map[string]any{"startedOn": day(0)})); pointer != "/startedOn" || got != "date-too-early" {
		t.Errorf("block 2 before the end of block 1: %s at %s", got, pointer)
	}
}
