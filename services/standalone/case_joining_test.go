package standalone_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/standalone/demo"
	"github.com/finsam/finsam/services/standalone/example"
)

// employment is somebody of another authority's unit, who refers too.
var employment = demo.Claims{Roles: []actor.Role{actor.Referrer}, Authority: "af", Unit: "af-molndal", Subject: "af-9", Lifetime: time.Hour}

// referOf sends another referral of the person whom refer sent with the same n.
func (o *office) referOf(n uint64, who demo.Claims, categories ...string) (at string) {
	o.t.Helper()
	body := o.referral(n, func(referral, _ map[string]any) {
		referral["unit"], referral["externalReference"] = who.Unit, fmt.Sprintf("%s-%d-%s", who.Authority, n, rand.Text())
		consent := referral["consent"].(map[string]any)
		if consent["authorities"] = []string{who.Authority, "molndal"}; len(categories) > 0 {
			consent["dataCategories"] = categories
		}
	})
	return "/referrals/" + o.want(201, who, http.MethodPost, "/referrals", "", body)["id"].(string)
}

func acceptedFrom(start string) map[string]any {
	return map[string]any{"initiative": "activera", "startDate": start, "coach": "coach-1"}
}

// links returns the names of what an answer links to.
func links(answer map[string]any) (names []string) {
	for name := range answer["_links"].(map[string]any) {
		names = append(names, name)
	}
	return names
}

// TestCase_A5_ASecondReferralJoinsTheEnrolmentThatRuns is: a person has one enrolment in
// an initiative; another authority's referral joins it, takes no place, and follows it by
// its own consent until it ends.
func TestCase_A5_ASecondReferralJoinsTheEnrolmentThatRuns(t *testing.T) {
	o := open(t, newData(t))
	const start = -41 // the check-in of block 1 is open
	e := o.enrolled(5, day(start))
	lead := o.want(200, intake7, http.MethodGet, e, "", nil)["referral"].(string)
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(start)})
	second, blind := o.referOf(5, employment), o.referOf(5, employment, "identity")

	refused := o.want(409, intake7, http.MethodPost, second+"/acceptance", o.version(intake7, second), acceptedFrom(day(0)))
	if refused["code"] != "already-enrolled" || !strings.Contains(refused["detail"].(string), lead) {
		t.Errorf("a second acceptance: %v", refused)
	}
	shown := o.want(200, intake7, http.MethodGet, second, "", nil)
	if names := links(shown); slices.Contains(names, "acceptance") || !slices.Contains(names, "joining") {
		t.Errorf("links: %v", names)
	}
	if names := links(o.want(200, employment, http.MethodGet, second, "", nil)); slices.Contains(names, "joining") {
		t.Errorf("a sender's links: %v", names)
	}

	join := func(at string, asked bool) {
		t.Helper()
		o.want(428, intake7, http.MethodPost, at+"/joining", "", map[string]any{})
		o.want(200, coach1, http.MethodPost, at+"/joining", o.version(coach1, at), map[string]any{"answersCheckIns": asked})
		o.eventually("the referral follows the enrolment", func() bool {
			return o.want(200, intake7, http.MethodGet, at, "", nil)["state"] == "enrolled"
		})
	}
	join(second, true)
	join(blind, true)
	own := o.want(200, employment, http.MethodGet, second, "", nil)
	if own["acceptance"].(map[string]any)["joins"] != strings.TrimPrefix(e, "/enrolments/") || own["state"] != "enrolled" {
		t.Errorf("its sender reads %v", own)
	}
	hidden := o.want(200, employment, http.MethodGet, blind, "", nil)
	if text, _ := json.Marshal(hidden); hidden["state"] != "accepted" || hidden["acceptance"] != nil || strings.Contains(string(text), strings.TrimPrefix(e, "/enrolments/")) {
		t.Errorf("without consent to the progress its sender reads %s", text)
	}
	followed := o.want(200, employment, http.MethodGet, e, "", nil)
	if "/referrals/"+followed["referral"].(string) != second || followed["joinedReferrals"] != nil {
		t.Errorf("the enrolment names to a sender that joined %v, %v", followed["referral"], followed["joinedReferrals"])
	}
	if got := o.want(200, coach1, http.MethodGet, e, "", nil); len(got["joinedReferrals"].([]any)) != 2 || got["referral"] != lead {
		t.Errorf("the coach reads %v", got["joinedReferrals"])
	}

	// The one whom the coach asks may answer, and what it says is not for the other.
	o.change(200, employment, e, "check-ins/1/answer", map[string]any{"readiness": "ready", "text": "Påhittat svar."})
	if text, _ := json.Marshal(o.want(200, officer, http.MethodGet, e, "", nil)); strings.Contains(string(text), "Påhittat svar.") || strings.Contains(string(text), `"readiness"`) || strings.Contains(string(text), "af") && strings.Contains(string(text), "af-9") {
		t.Errorf("the first sender reads %s", text)
	}
	o.change(200, coach1, e, "check-ins/1/decision", map[string]any{"decision": "continue", "decidedOn": day(0)})
	o.eventually("the decision is in the progress of what joined", func() bool {
		text, _ := json.Marshal(o.want(200, employment, http.MethodGet, second, "", nil)["progress"])
		return strings.Contains(string(text), `"decided"`) && strings.Contains(string(text), `"ready"`)
	})
	if text, _ := json.Marshal(o.want(200, officer, http.MethodGet, "/referrals/"+lead, "", nil)["progress"]); strings.Contains(string(text), `"ready"`) {
		t.Errorf("the first sender's referral shows another's answer: %s", text)
	}

	// The end of the enrolment ends what joined.
	closing := map[string]any{"closedOn": day(0), "endReason": "moved", "occupationAfter": map[string]any{"kind": "none"}, "livelihoodAfter": []string{"salary"}, "summary": "Påhittat."}
	o.change(200, coach1, e, "closing-documentation", closing)
	for _, at := range []string{"/referrals/" + lead, second, blind} {
		o.eventually("the referral is closed", func() bool {
			got := o.want(200, intake7, http.MethodGet, at, "", nil)
			return got["state"] == "closed" && got["outcome"] == "interrupted"
		})
	}
	if got := o.want(200, employment, http.MethodGet, blind, "", nil); got["state"] != "accepted" || got["outcome"] != nil {
		t.Errorf("without consent to the outcome its sender reads %v, %v", got["state"], got["outcome"])
	}

	// Weeks that were used are shown, and count from the next start on.
	third := o.referOf(5, officer)
	o.want(200, intake7, http.MethodPost, third+"/acceptance", o.version(intake7, third), acceptedFrom(day(0)))
	again := o.enrolmentOf(strings.TrimPrefix(third, "/referrals/"))
	if got := o.want(200, coach1, http.MethodGet, again, "", nil); got["weeksUsedBefore"] != 6.0 || got["maxWeeks"] != 24.0 {
		t.Errorf("weeks used before: %v of %v", got["weeksUsedBefore"], got["maxWeeks"])
	}
	if got := o.want(200, officer, http.MethodGet, again, "", nil); got["weeksUsedBefore"] != nil {
		t.Errorf("the sender reads that the person was enrolled before: %v weeks", got["weeksUsedBefore"])
	}
	o.eventually("the figures have counted", func() bool {
		figures := o.want(200, intake7, http.MethodGet, "/referral-figures?from="+day(0)[:7]+"&to="+day(0)[:7], "", nil)
		text, _ := json.Marshal(figures)
		return strings.Contains(string(text), `"by":"total","count":4,"measure":"received"`) &&
			strings.Contains(string(text), `"by":"total","count":2,"measure":"accepted"`) && strings.Contains(string(text), `"by":"total","count":1,"measure":"closed"}`)
	})
}

// TestCase_A5_WeeksUsedBeforeCountUnlessTheProgrammeIgnoresThem is: who has used six of eight
// weeks begins with six more as the programme says; the weeks are shown either way.
func TestCase_A5_WeeksUsedBeforeCountUnlessTheProgrammeIgnoresThem(t *testing.T) {
	head, tail, _ := strings.Cut(string(example.Insjoriket), "  blocks:\n")
	_, weeks, _ := strings.Cut(tail, "\nweeks:\n")
	for rule, status := range map[string]int{"count": 422, "ignore": 200} {
		o := open(t, newDataOf(t, []byte(strings.Replace(head, "  maxWeeks: 24\n", "  maxWeeks: 8\n  weeksUsedBefore: "+rule+"\n", 1)+
			"  blocks:\n    - { number: 1, name: Lära känna, weeks: 6, closing: true, content: [health, act] }\nweeks:\n"+weeks)))
		if plan := entry(t, o.want(200, officer, http.MethodGet, "/plans", "", nil)["items"], "plan.activera"); plan["weeksUsedBefore"] != rule || plan["maxWeeks"] != 8.0 {
			t.Fatalf("the plan: %v", plan)
		}
		e := o.enrolled(11, day(-60))
		o.change(200, coach1, e, "start", map[string]any{"startedOn": day(-60)})
		o.change(200, coach1, e, "closing-documentation", map[string]any{"closedOn": day(-10), "endReason": "moved", "occupationAfter": map[string]any{"kind": "none"},
			"livelihoodAfter": []string{"salary"}, "summary": "Påhittat."})
		second := o.referOf(11, officer)
		o.eventually("the person can be enrolled again", func() bool {
			return o.ask(intake7, http.MethodPost, second+"/acceptance", o.version(intake7, second), acceptedFrom(day(0))).Code == 200
		})
		again := o.enrolmentOf(strings.TrimPrefix(second, "/referrals/"))
		if got := o.want(200, coach1, http.MethodGet, again, "", nil); got["weeksUsedBefore"] != 6.0 || got["maxWeeks"] != 8.0 {
			t.Errorf("%s: weeks used before: %v of %v", rule, got["weeksUsedBefore"], got["maxWeeks"])
		}
		got := o.change(status, coach1, again, "start", map[string]any{"startedOn": day(0)})
		if code := got["code"]; status == 422 && code != "more-weeks-than-planned" || status == 200 && got["state"] != "active" {
			t.Errorf("%s: six weeks more: %v %v", rule, code, got["state"])
		}
	}
}

// TestCase_A5_AWithdrawalOfWhatJoinedEndsItsFollowingOnly is: its sender and its consent
// end what it follows, and the enrolment goes on.
func TestCase_A5_AWithdrawalOfWhatJoinedEndsItsFollowingOnly(t *testing.T) {
	o := open(t, newData(t))
	e := o.enrolled(6, day(-10))
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(-10)})
	second := o.referOf(6, employment)
	o.want(200, intake7, http.MethodPost, second+"/joining", o.version(intake7, second), map[string]any{"initiative": "activera"})
	o.eventually("it is followed", func() bool { return o.ask(employment, http.MethodGet, e, "", nil).Code == 200 })
	o.change(404, employment, e, "check-ins/1/answer", map[string]any{"readiness": "ready"}) // nobody asked
	if names := links(o.want(200, employment, http.MethodGet, second, "", nil)); !slices.Contains(names, "withdrawal") {
		t.Errorf("links: %v", names)
	}
	o.want(200, employment, http.MethodPost, second+"/withdrawal", o.version(employment, second), map[string]any{"by": "referrer"})
	o.eventually("it is followed no more", func() bool { return o.ask(employment, http.MethodGet, e, "", nil).Code == 404 })
	if got := o.want(200, officer, http.MethodGet, e, "", nil); got["state"] != "active" {
		t.Errorf("the enrolment: %v", got["state"])
	}
	lead := "/referrals/" + o.want(200, coach1, http.MethodGet, e, "", nil)["referral"].(string)
	o.want(409, officer, http.MethodPost, lead+"/withdrawal", o.version(officer, lead), map[string]any{"by": "referrer"})
}

// TestCase_A5_AWrongJoiningIsTakenBack is: who let a referral join takes that back, or the
// head does; its sender follows no more, the enrolment goes on without a trace, and the
// referral can join again.
func TestCase_A5_AWrongJoiningIsTakenBack(t *testing.T) {
	o := open(t, newData(t))
	const start = -41 // the check-in of block 1 is open
	e := o.enrolled(9, day(start))
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(start)})
	second := o.referOf(9, employment)
	participant := "/participants/" + o.want(200, coach1, http.MethodGet, e, "", nil)["participant"].(string)
	followed := func(want int) func() bool {
		return func() bool { return o.ask(employment, http.MethodGet, e, "", nil).Code == want }
	}
	join := func() float64 {
		o.change(200, coach1, second, "joining", map[string]any{"answersCheckIns": true})
		o.eventually("it is followed", followed(200))
		o.eventually("the referral knows", func() bool { return o.want(200, intake7, http.MethodGet, second, "", nil)["state"] == "enrolled" })
		return number(t, o.want(200, intake7, http.MethodGet, second, "", nil), "accepted")
	}
	n := join()
	o.change(200, coach1, e, "check-ins/1/non-answer", map[string]any{})
	o.change(200, coach1, e, "check-ins/1/decision", map[string]any{"decision": "continue", "decidedOn": day(0)})
	o.eventually("the progress is followed", func() bool {
		return strings.Contains(words(o.want(200, employment, http.MethodGet, second, "", nil)["progress"]), `"decided"`)
	})
	before := words(o.want(200, officer, http.MethodGet, e, "", nil)["timeline"])

	o.correct(403, employment, second, n, nil)
	o.correct(403, intake7, second, n, nil) // did not let it join
	o.correct(403, staff(actor.Coach, "coach-2"), second, n, nil)
	refused := o.correct(422, coach1, second, n, map[string]any{"startDate": day(3)})
	if refused["code"] != "replacement-of-another-kind" || !strings.Contains(refused["detail"].(string), "tas tillbaka") {
		t.Errorf("another day: %v", refused)
	}
	if names := links(o.want(200, coach1, http.MethodGet, second, "", nil)); !slices.Contains(names, "corrections") {
		t.Errorf("the coach's links: %v", names)
	}
	got := o.correct(200, coach1, second, n, nil)
	if got["state"] != "submitted" || got["acceptance"] != nil || got["progress"] != nil {
		t.Errorf("taken back: %v %v", got["state"], got["progress"])
	}
	if step := stepOf(t, got, "accepted"); step["correctedBy"] != stepOf(t, got, "corrected")["n"] {
		t.Errorf("the joining in the timeline: %v", step)
	}
	o.eventually("it is followed no more", followed(404))
	if again := o.want(200, officer, http.MethodGet, e, "", nil); again["state"] != "decided" || words(again["timeline"]) != before {
		t.Errorf("the enrolment: %v", again)
	}
	if got := o.want(200, coach1, http.MethodGet, e, "", nil); got["joinedReferrals"] != nil {
		t.Errorf("the coach reads %v", got["joinedReferrals"])
	}
	if text := words(o.want(200, coach1, http.MethodGet, participant, "", nil)["timeline"]); !strings.Contains(text, `"joining_ended"`) {
		t.Errorf("the person's history: %s", text)
	}

	n = join()
	o.correct(200, chef, second, n, nil)
	o.eventually("it is followed no more", followed(404))
	o.change(200, intake7, second, "rejection", map[string]any{"code": "other_initiative", "text": "Påhittat: fel person."})
}

// TestCase_A5_ACorrectionAfterAWithdrawalOfWhatJoinedIsTaken is: a sender that follows no
// more is in the way of no correction of what was decided before.
func TestCase_A5_ACorrectionAfterAWithdrawalOfWhatJoinedIsTaken(t *testing.T) {
	o := open(t, newData(t))
	e := o.enrolled(10, day(-10))
	second := o.referOf(10, employment)
	o.change(200, intake7, second, "waitlisting", map[string]any{"priority": "normal"})
	o.change(200, intake7, second, "joining", map[string]any{})
	o.eventually("it is followed", func() bool { return o.want(200, intake7, http.MethodGet, second, "", nil)["state"] == "enrolled" })
	o.change(200, employment, second, "withdrawal", map[string]any{"by": "referrer"})
	waitlisted := o.want(200, intake7, http.MethodGet, second, "", nil)
	got := o.correct(200, intake7, second, number(t, waitlisted, "waitlisted"), map[string]any{"priority": "high"})
	if got["state"] != "withdrawn" {
		t.Errorf("corrected: %v", got["state"])
	}
	got = o.correct(200, intake7, second, number(t, got, "accepted"), nil)
	if got["state"] != "withdrawn" || got["acceptance"] != nil {
		t.Errorf("the joining taken back: %v", got)
	}
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(-10)})
}

// TestCase_A5_OfManyAcceptancesAtOnceOneEnrols is: two receivers who accept one person's
// referrals at the same moment enrol once, and one place is taken.
func TestCase_A5_OfManyAcceptancesAtOnceOneEnrols(t *testing.T) {
	o := open(t, newData(t))
	o.want(200, intake7, http.MethodPut, "/capacities/activera/1481", o.version(intake7, "/capacities/activera/1481"), map[string]any{"places": 8})
	const each = 6
	var ats []string
	for range each {
		ats = append(ats, o.referOf(7, officer), o.referOf(7, employment))
	}
	codes := make([]int, len(ats))
	var all sync.WaitGroup
	for i, at := range ats {
		all.Go(func() {
			codes[i] = o.ask(intake7, http.MethodPost, at+"/acceptance", `"1"`, acceptedFrom(day(0))).Code
		})
	}
	all.Wait()
	slices.Sort(codes)
	if codes[0] != 200 || codes[1] != 409 || codes[len(codes)-1] != 409 {
		t.Fatalf("answers: %v", codes)
	}
	for _, at := range ats {
		if got := o.want(200, intake7, http.MethodGet, at, "", nil); got["state"] == "accepted" || got["state"] == "enrolled" {
			o.enrolmentOf(strings.TrimPrefix(at, "/referrals/"))
		}
	}
	if n := len(o.list(intake7, "/enrolments")); n != 1 {
		t.Errorf("%d enrolments", n)
	}
	if p := o.want(200, intake7, http.MethodGet, "/capacities/activera/1481", "", nil); p["taken"] != 1.0 {
		t.Errorf("places: %v", p)
	}
}
