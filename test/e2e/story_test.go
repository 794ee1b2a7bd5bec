// Package e2e runs the stories of the suite over HTTP, as its users live them.
package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/test/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }

// The people of the stories. All of them, and all numbers, are invented.
var (
	fkSystem  = suite.Caller{Role: "integration", Authority: "fk"}
	fkOfficer = suite.Caller{Role: "referrer", Authority: "fk", Unit: "fk-molndal", Subject: "fk-officer-1"}
	afOfficer = suite.Caller{Role: "referrer", Authority: "af", Unit: "af-molndal", Subject: "af-officer-1"}
	intake    = suite.Caller{Role: "intake", Authority: "molndal", Municipality: "1481", Subject: "intake-1"}
	coach     = suite.Caller{Role: "coach", Authority: "molndal", Municipality: "1481", Subject: "coach-1"}
	board     = suite.Caller{Role: "board", Authority: "forbundet", Subject: "board-1"}
)

// day returns the date n days from today in Sweden, as the API writes dates.
func day(n int) string { return string(civil.DateOf(time.Now()).AddDays(n)) }

// referral is a complete referral of an invented person.
func referral(number, given, family string) map[string]any {
	return map[string]any{
		"person": map[string]any{
			"personalIdentityNumber": number, "givenName": given, "familyName": family, "gender": "female",
			"phone": "+46 31 123 45 67",
		},
		"unit":               "fk-molndal",
		"targetGroup":        map[string]any{"reasons": []string{"long_absence"}, "authoritiesConcerned": []string{"social_insurance", "region"}},
		"consent":            map[string]any{"given": true, "givenOn": day(-220), "textVersion": "2026-1", "authorities": []string{"fk", "molndal"}},
		"wishedMunicipality": "1481",
		"reason":             "Påhittat exempel: sjukskriven länge, vill tillbaka i egen takt.",
	}
}

// walk is one story under way.
type walk struct {
	*suite.Suite
	t *testing.T
}

func (w walk) get(c suite.Caller, path string) suite.Answer {
	w.t.Helper()
	return w.Must(w.t, 200, suite.Request{Method: "GET", Path: path, Token: w.Token(w.t, c)})
}

// change reads the thing for its version and then does something to it.
func (w walk) change(c suite.Caller, thing, action string, body map[string]any) suite.Answer {
	w.t.Helper()
	return w.MustChange(w.t, 200, thing, suite.Request{Method: "POST", Path: thing + "/" + action, Token: w.Token(w.t, c), Body: body})
}

// until reads the thing until ok holds; what follows from an event takes up to a
// second, and a loaded machine longer.
func (w walk) until(c suite.Caller, path, what string, ok func(suite.Answer) bool) suite.Answer {
	w.t.Helper()
	var a suite.Answer
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var err error
		a, err = w.Do(suite.Request{Method: "GET", Path: path, Token: w.Token(w.t, c)})
		if err == nil && a.Status == 200 && ok(a) {
			return a
		}
	}
	w.t.Fatalf("%s never became %s: %d\n%s", path, what, a.Status, a.Raw)
	return a
}

func (w walk) state(c suite.Caller, path, state string) suite.Answer {
	w.t.Helper()
	return w.until(c, path, state, func(a suite.Answer) bool { return a.Text("state") == state })
}

func TestFromAPostedReferralToTheReferrersOutcomeInOneProcess(t *testing.T) {
	t.Parallel()
	fromReferralToOutcome(t, suite.OneProcess(t))
}

func TestFromAPostedReferralToTheReferrersOutcomeOverFourProcesses(t *testing.T) {
	t.Parallel()
	fromReferralToOutcome(t, suite.FourProcesses(t))
}

func fromReferralToOutcome(t *testing.T, s *suite.Suite) {
	w := walk{s, t}
	thing := w.referredAndAccepted()
	enrolment := w.enrolled(thing)
	participant := w.get(coach, enrolment).Text("participant")
	w.change(coach, enrolment, "start", map[string]any{"startedOn": day(-210)})
	w.fillsTheWeek(enrolment, participant)
	w.threeBlocksWithCheckIns(enrolment)
	w.closes(enrolment)
	w.readsTheOutcome(thing)
	w.othersAreShutOut(thing)
}

// referredAndAccepted: an authority's system posts, repeats itself, and the
// municipality's receiver finds the referral and accepts it.
func (w walk) referredAndAccepted() string {
	post := suite.Request{
		Method: "POST", Path: "/referrals", Token: w.Token(w.t, fkSystem), Body: referral("198001012387", "Tolvan", "Påhittad"),
		Header: map[string]string{"Idempotency-Key": "story-1"},
	}
	created := w.Must(w.t, 201, post)
	id := created.Text("id")
	if created.Header.Get("ETag") == "" || created.Header.Get("Location") == "" || created.At("_links") == nil {
		w.t.Fatalf("a created referral has ETag, Location and _links: %v %s", created.Header, created.Raw)
	}
	again := w.Must(w.t, 201, post)
	if string(again.Raw) != string(created.Raw) || again.Header.Get("ETag") != created.Header.Get("ETag") {
		w.t.Fatalf("the repeat answered otherwise:\n%s\n%s", created.Raw, again.Raw)
	}
	list := w.get(intake, "/referrals?state=submitted")
	if items, _ := list.At("items").([]any); len(items) != 1 || list.Text("items.0.id") != id {
		w.t.Fatalf("the receiver's list: %s", list.Raw)
	}
	thing := "/referrals/" + id
	w.change(intake, thing, "acceptance", map[string]any{"initiative": "activera", "startDate": day(-210), "coach": "coach-1"})
	return thing
}

// enrolled: the enrolment follows from the event, with four blocks and dates, and
// the referral shows it.
func (w walk) enrolled(thing string) string {
	w.t.Helper()
	a := w.state(intake, thing, "enrolled")
	id := a.Text("progress.enrolment")
	if id == "" {
		w.t.Fatalf("the referral does not show its enrolment: %s", a.Raw)
	}
	e := w.get(coach, "/enrolments/"+id)
	blocks, _ := e.At("blocks").([]any)
	if len(blocks) != 4 || e.Text("blocks.0.plannedFirstDay") != day(-210) || e.Text("blocks.3.plannedLastDay") != day(-210+24*7-1) {
		w.t.Fatalf("four blocks of six weeks: %s", e.Raw)
	}
	return "/enrolments/" + id
}

func (w walk) threeBlocksWithCheckIns(enrolment string) {
	for block := 1; block <= 3; block++ {
		w.state(coach, enrolment, "check_in_due")
		checkIn := fmt.Sprintf("check-ins/%d/", block)
		w.change(fkOfficer, enrolment, checkIn+"answer", map[string]any{"readiness": "ready", "text": "Påhittat: vi ser framsteg."})
		last := day(-210 + 42*block)
		w.change(coach, enrolment, checkIn+"decision", map[string]any{"decision": "continue", "decidedOn": last})
		w.change(coach, enrolment, fmt.Sprintf("blocks/%d/start", block+1), map[string]any{"startedOn": last})
	}
}

func (w walk) closes(enrolment string) {
	w.state(coach, enrolment, "closing")
	w.change(coach, enrolment, "closing-conversation", map[string]any{"heldOn": day(-40), "text": "Påhittat: samtal om nästa steg."})
	w.change(coach, enrolment, "closing-documentation", map[string]any{
		"closedOn": day(-40), "endReason": "according_to_plan",
		"occupationAfter": map[string]any{"kind": "works", "extent": 50}, "livelihoodAfter": []string{"salary"},
		"summary": "Påhittat: halvtid i trädgård.",
	})
}

func (w walk) readsTheOutcome(thing string) {
	w.state(intake, thing, "closed")
	for _, c := range []suite.Caller{fkOfficer, fkSystem} {
		if a := w.get(c, thing); a.At("outcome") == nil || a.Text("progress.enrolment") == "" {
			w.t.Errorf("%s does not see the outcome: %s", c.Role, a.Raw)
		}
	}
}

func (w walk) othersAreShutOut(thing string) {
	for _, c := range []struct {
		sentence string
		token    string
		status   int
	}{
		{"another authority's referrer finds nothing", w.Token(w.t, afOfficer), 404},
		{"another municipality's receiver finds nothing", w.Token(w.t, suite.Caller{Role: "intake", Authority: "partille", Municipality: "1402"}), 404},
		{"a board member may not ask", w.Token(w.t, board), 403},
		{"nobody gets nothing", "", 401},
		{"a made-up token is no token", "eyJhbGciOiJub25lIn0.e30.", 401},
	} {
		a, err := w.Do(suite.Request{Method: "GET", Path: thing, Token: c.token})
		if err != nil || a.Status != c.status || a.Header.Get("Content-Type") != "application/problem+json" {
			w.t.Errorf("%s: %d %s, want %d as a problem: %s, %v", c.sentence, a.Status, a.Header.Get("Content-Type"), c.status, a.Raw, err)
		}
	}
}
