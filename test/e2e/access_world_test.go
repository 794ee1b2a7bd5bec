package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// world is a running suite with everything in it that a right can be about.
type world struct {
	walk
	things       []thing
	activity     string // of Mölndal, with a weekday
	date         string // of an occurrence that has been
	cancellation string
	publication  string // released
	object       string // of the programme: a series of Mölndal with a draft
	course       string // of Mölndal
	group        string // of the course, open, with every person of the things
	groupFrom    string // its first day
}

// newWorld makes five persons' cases that differ only in what a right depends
// on, far enough on their way to have a course and texts.
func newWorld(t *testing.T, s *suite.Suite) *world {
	w := &world{walk: walk{s, t}}
	r := rand.New(rand.NewPCG(1, 2))
	past := time.Now().UTC().AddDate(0, 0, -14)
	o := w.occurrence(w.get(coach, "/municipalities/1481/week?week="+isoWeek(past)), "Återhämtning")
	w.activity, w.date = o["activity"].(string), o["date"].(string)
	w.cancellation, w.publication, w.object = w.callOff(), w.published(), w.planned()
	w.opensSite()
	w.planGroup()
	for _, th := range []thing{
		{name: "an open case", consent: true},
		{name: "a case without consent"},
		{name: "a person protected by the municipality", consent: true, protected: true, handledBy: "molndal"},
		{name: "a person whose handlers the head of the unit named", consent: true, protected: true, handledBy: "molndal", byHead: true},
		{name: "an application that was handed in", consent: true, applied: true, handedIn: true},
	} {
		w.things = append(w.things, w.onTheWay(th, persontest.New(r, day(0)), len(w.things)))
	}
	waits := w.Must(t, 201, suite.Request{
		Method: "POST", Path: "/referrals", Token: w.Token(t, fkSystem), Body: referral(persontest.New(r, day(0)).Number, "Väntar", "Påhittad"),
	})
	w.change(intake, "/referrals/"+waits.Text("id"), "waitlisting", map[string]any{"priority": "low"})
	return w
}

// published makes and releases a publication.
func (w *world) published() string {
	w.t.Helper()
	second := forbundets
	second.Subject = "admin-2"
	made := w.Must(w.t, 201, suite.Request{Method: "POST", Path: "/publications", Token: w.Token(w.t, forbundets), Body: map[string]any{"period": "2025"}})
	w.Must(w.t, 200, suite.Request{
		Method: "POST", Path: "/publications/" + made.Text("id") + "/release", Token: w.Token(w.t, second), Header: map[string]string{"If-Match": `"1"`},
	})
	return made.Text("id")
}

// planned makes a series of Mölndal that holds from next week on, and drafts its next form.
func (w *world) planned() string {
	w.t.Helper()
	first := suite.Caller{Role: "planner", Authority: "molndal", Municipality: "1481", Subject: "planner-1"}
	second := first
	second.Subject = "planner-2"
	made := w.Must(w.t, 201, suite.Request{Method: "POST", Path: "/programme-objects", Token: w.Token(w.t, first), Body: series(day(7))})
	at := "/programme-objects/" + made.Text("id")
	w.Must(w.t, 200, suite.Request{Method: "POST", Path: at + "/activation", Token: w.Token(w.t, second), Header: map[string]string{"If-Match": `"1"`}})
	next := series(day(14))
	delete(next, "kind")
	delete(next, "municipality")
	w.Must(w.t, 200, suite.Request{Method: "PUT", Path: at + "/draft", Token: w.Token(w.t, first), Body: next, Header: map[string]string{"If-Match": `"2"`}})
	return made.Text("id")
}

// opensSite makes a site of work training that two people supervise.
func (w *world) opensSite() {
	w.t.Helper()
	first := suite.Caller{Role: "planner", Authority: "molndal", Municipality: "1481", Subject: "planner-1"}
	second := first
	second.Subject = "planner-2"
	w.Must(w.t, 201, suite.Request{Method: "POST", Path: "/programme-objects", Token: w.Token(w.t, first), Body: map[string]any{
		"kind": "site", "id": site, "municipality": "1481", "validFrom": day(0), "site": map[string]any{
			"name": "Påhittad verkstad", "workTraining": true, "areas": []string{"carpentry"}, "supervisors": []string{"somebody", "named"},
			"open": []any{map[string]any{"day": "saturday", "from": "08:00", "to": "16:00"}}, "places": []any{map[string]any{"area": "carpentry", "places": 100}},
		},
	}})
	w.Must(w.t, 200, suite.Request{Method: "POST", Path: "/programme-objects/" + site + "/activation", Token: w.Token(w.t, second), Header: map[string]string{"If-Match": `"1"`}})
}

// planGroup opens a closed group of Mölndal's course.
func (w *world) planGroup() {
	w.t.Helper()
	o := w.occurrence(w.get(coach, "/municipalities/1481/week?week="+isoWeek(time.Now().UTC().AddDate(0, 0, 14))), "ACT - att hantera stress och främja hälsa")
	w.course, w.groupFrom = o["activity"].(string), o["date"].(string)
	w.group = w.Must(w.t, 201, suite.Request{
		Method: "POST", Path: "/activities/" + w.course + "/groups", Token: w.Token(w.t, coach), Body: map[string]any{"from": w.groupFrom},
		Header: map[string]string{"Idempotency-Key": "world"},
	}).Text("id")
	w.change(coach, "/groups/"+w.group, "opening", nil)
}

// callOff calls off an occurrence that the other tests do not need.
func (w *world) callOff() string {
	w.t.Helper()
	soon := time.Now().UTC().AddDate(0, 0, 21)
	o := w.occurrence(w.get(coach, "/municipalities/1481/week?week="+isoWeek(soon)), "Återhämtning")
	a := w.Must(w.t, 201, suite.Request{
		Method: "POST", Path: "/activities/" + o["activity"].(string) + "/cancellations", Token: w.Token(w.t, coach),
		Body: map[string]any{"date": o["date"], "reason": "weather"}, Header: map[string]string{"Idempotency-Key": "world"},
	})
	return a.Text("id")
}

// onTheWay leads a person to the answered check-in after block 1, and then
// withdraws the consent or protects the person.
func (w *world) onTheWay(th thing, p persontest.Person, n int) thing {
	w.t.Helper()
	th.authority, th.unit, th.municipality, th.association, th.family = "fk", "fk-molndal", "1481", "insjoriket", p.FamilyName
	th.host = "1481" // of the walk
	sender, system, officer, body := fkSystem, fkSystem, fkOfficer, referral(p.Number, p.GivenName, p.FamilyName)
	if th.handedIn {
		th.authority, th.unit = "molndal", "molndal-1"
		sender, system = intake, suite.Caller{Role: "integration", Authority: "molndal"}
		officer = suite.Caller{Role: "referrer", Authority: "molndal", Unit: "molndal-1"}
		delete(body, "unit")
		body["source"] = "self_referral"
	}
	made := w.Must(w.t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(w.t, sender), Body: body})
	th.referral, th.participant, th.number = made.Text("id"), made.Text("participant"), made.Text("registryNumber")
	at := "/referrals/" + th.referral
	th.attachment = w.attach(system, at, form("", "", pdf)).Text("id")
	w.change(intake, at, "acceptance", map[string]any{"initiative": "activera", "startDate": day(-60), "coach": "coach-1"})
	th.enrolment = w.state(intake, at, "enrolled").Text("progress.enrolment")
	enrolment := "/enrolments/" + th.enrolment
	w.change(coach, enrolment, "start", map[string]any{"startedOn": day(-60)})
	w.state(coach, enrolment, "check_in_due")
	w.change(officer, enrolment, "check-ins/1/answer", map[string]any{"readiness": "ready", "text": "Påhittat svar."})
	booking := w.book(enrolment, map[string]any{"activity": w.activity}, fmt.Sprint("world-", n))
	th.booking = strings.TrimPrefix(booking, "/bookings/")
	w.change(coach, booking, "attendances", map[string]any{"date": w.date, "attendance": "present"})
	w.change(coach, booking, "attendance-corrections", map[string]any{"date": w.date, "attendance": "absent", "reason": "Påhittad rättelse."})
	w.change(coach, booking, "attendances", map[string]any{"date": civil.Date(w.date).AddDays(-7), "attendance": "absent"})
	w.until(coach, "/absence-signals/"+th.enrolment, "noticed", func(a suite.Answer) bool { return a.Text("state") == "open" })
	th.absence = w.Must(w.t, 201, suite.Request{
		Method: "POST", Path: "/participants/" + th.participant + "/absences", Token: w.Token(w.t, coach), Body: map[string]any{"from": day(30), "until": day(31), "reason": "ill"},
	}).Text("id")
	th.placement = w.Must(w.t, 201, suite.Request{
		Method: "POST", Path: "/placements", Token: w.Token(w.t, coach), Body: w.placing(strings.TrimPrefix(enrolment, "/enrolments/"), day(7), day(21)),
		Header: map[string]string{"Idempotency-Key": fmt.Sprint("placed-", n)},
	}).Text("id")
	w.Must(w.t, 201, suite.Request{Method: "POST", Path: "/bookings", Token: w.Token(w.t, coach), Body: map[string]any{"enrolment": th.enrolment, "activity": w.course, "from": w.groupFrom}})
	th.wait = w.Must(w.t, 201, suite.Request{Method: "POST", Path: "/group-waits", Token: w.Token(w.t, coach), Body: map[string]any{"enrolment": th.enrolment, "category": "creative"}}).Text("id")
	me := suite.Caller{Role: "participant", Authority: "self", Participant: th.participant, Subject: "somebody"}
	feed := w.Must(w.t, 201, suite.Request{
		Method: "POST", Path: "/participants/" + th.participant + "/calendar-feeds", Token: w.Token(w.t, me),
	})
	th.feed, th.secret = feed.Text("id"), feed.Text("token")
	system.Municipality = th.municipality
	th.webhook = w.Must(w.t, 201, suite.Request{
		Method: "POST", Path: "/webhooks", Token: w.Token(w.t, system), Body: silentWebhook,
	}).Text("id")
	th.draft, th.receiversDraft = w.drafted(officer), w.drafted(intake)
	w.settle(th)
	return th
}

// drafted saves a draft and returns its id.
func (w *world) drafted(c suite.Caller) string {
	w.t.Helper()
	return w.Must(w.t, 201, suite.Request{
		Method: "POST", Path: "/drafts", Token: w.Token(w.t, c), Body: map[string]any{"person": map[string]any{"givenName": "Påhittad"}},
	}).Text("id")
}

// settle brings consent and protection to what the thing says, and waits until
// the referral service knows of it too.
func (w *world) settle(th thing) {
	w.t.Helper()
	person, at := "/participants/"+th.participant, "/referrals/"+th.referral
	if !th.consent {
		w.change(coach, person, "consent-withdrawals", map[string]any{"referral": th.referral})
		w.until(fkSystem, at, "without course", func(a suite.Answer) bool { return a.At("progress") == nil })
	}
	if !th.protected {
		return
	}
	by := coach
	if th.byHead {
		by = suite.Caller{Role: "manager", Authority: "molndal", Municipality: "1481", Subject: "chef-1"}
	}
	etag := w.get(coach, person).Header.Get("ETag")
	w.Must(w.t, 200, suite.Request{
		Method: "POST", Path: person + "/protection", Token: w.Token(w.t, by), Header: map[string]string{"If-Match": etag},
		Body: map[string]any{"level": "protected_registration", "handlers": []string{"named"}},
	})
	w.until(intake, at, "masked", func(a suite.Answer) bool { return a.At("reason") == nil })
}
