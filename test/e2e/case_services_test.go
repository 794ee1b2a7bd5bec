package e2e

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/test/suite"
)

var (
	rev   = suite.Caller{Role: "reviewer", Authority: "forbundet", Subject: "rev"}
	chief = suite.Caller{Role: "manager", Authority: "molndal", Municipality: "1481", Subject: "chef-1"}
)

// wants makes a call with a body, at the present version of the thing where one is named.
func (w walk) wants(status int, c suite.Caller, method, path, thing string, body any) suite.Answer {
	w.t.Helper()
	r := suite.Request{Method: method, Path: path, Token: w.Token(w.t, c), Body: body}
	if thing != "" {
		return w.MustChange(w.t, status, thing, r)
	}
	return w.Must(w.t, status, r)
}

// sent refers an invented person and returns the paths of the referral and the person.
func (w walk) sent(r *rand.Rand, change func(map[string]any)) (referralPath, person string) {
	w.t.Helper()
	p := persontest.New(r, day(0))
	body := referral(p.Number, p.GivenName, p.FamilyName)
	if change != nil {
		change(body)
	}
	made := w.wants(201, fkSystem, "POST", "/referrals", "", body)
	return "/referrals/" + made.Text("id"), "/participants/" + made.Text("participant")
}

// TestCase_A1_A4_A10_A13_OverFourProcesses: who changes a protection, whom a consent
// covers, and what is left of a request that was declined, where the services ask and
// follow one another over the network.
func TestCase_A1_A4_A10_A13_OverFourProcesses(t *testing.T) {
	t.Parallel()
	w := walk{suite.FourProcesses(t, unlimited...), t}
	r := rand.New(rand.NewPCG(1, 13))

	// A1, A13: a receiver who sees the person masked changes nothing; the head appoints; a
	// reviewer lowers at a version that it has read, and reads no person.
	_, person := w.sent(r, nil)
	w.change(coach, person, "protection", map[string]any{"level": "assumed_identity", "handlers": []string{"coach-1"}})
	w.wants(404, intake, "POST", person+"/protection", person, map[string]any{"level": "confidentiality_marking", "handlers": []string{"intake-1"}})
	w.change(chief, person, "protection", map[string]any{"level": "assumed_identity", "handlers": []string{"intake-1"}})
	if a := w.get(intake, person); a.Text("familyName") == "" {
		t.Errorf("the handler whom the head named reads %s", a.Raw)
	}
	w.wants(403, rev, "GET", person, "", nil)
	w.wants(428, rev, "POST", person+"/protection-removal", "", map[string]any{})
	w.Must(t, 412, suite.Request{Method: "POST", Path: person + "/protection-removal", Token: w.Token(t, rev), Body: map[string]any{}, Header: map[string]string{"If-Match": `"5"`}})
	w.wants(200, rev, "POST", person+"/protection-removal", person+"/protection", map[string]any{})

	// A4: the consent covers who sends and who receives, and nobody who does not exist.
	for _, authorities := range [][]string{{"fk"}, {"fk", "molndahl"}, {"molndal"}} {
		p := persontest.New(r, day(0))
		body := referral(p.Number, p.GivenName, p.FamilyName)
		body["consent"].(map[string]any)["authorities"] = authorities
		w.wants(422, fkSystem, "POST", "/referrals", "", body)
	}

	// A10: a municipality that declined has nothing of it.
	partille := suite.Caller{Role: "intake", Authority: "partille", Municipality: "1402", Subject: "intake-2"}
	thing, person := w.sent(r, func(body map[string]any) {
		body["consent"].(map[string]any)["authorities"] = []string{"fk", "molndal", "partille"}
	})
	w.change(intake, thing, "transfer-requests", map[string]any{"municipality": "1402", "text": "Påhittat: har flyttat."})
	w.change(partille, thing, "transfer-refusal", map[string]any{"text": "Påhittat: ingen plats."})
	eventually(t, "nothing is left of the request", func() bool {
		events := w.get(partille, "/events")
		shown, err := w.Do(suite.Request{Method: "GET", Path: person, Token: w.Token(t, partille)})
		return err == nil && shown.Status == 404 && !strings.Contains(string(events.Raw), strings.TrimPrefix(thing, "/referrals/"))
	})
	w.wants(404, partille, "GET", thing, "", nil)
}

// TestCase_C1_C5_C6_C7_C8_C9_C10_C11_OverFourProcesses: what the gateway passes on is read
// by the services as the one process reads it.
func TestCase_C1_C5_C6_C7_C8_C9_C10_C11_OverFourProcesses(t *testing.T) {
	t.Parallel()
	w := walk{suite.FourProcesses(t, unlimited...), t}
	body := referral("191500882392", "Tolvan", "Påhittad") // month unknown: C1
	body["externalReference"] = nil                        // C10
	post := suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(t, fkSystem), Body: body,
		Header: map[string]string{"Idempotency-Key": `"8e03978e-40d5-43dd-bc93-6894a57f9324"`, "Content-Type": "Application/JSON"}} // C11, C8
	made := w.Must(t, 201, post)
	post.Header["Idempotency-Key"] = "8e03978e-40d5-43dd-bc93-6894a57f9324"
	if again := w.Must(t, 201, post); again.Text("id") != made.Text("id") {
		t.Errorf("the key without quotes made another referral: %s", again.Raw)
	}
	id := made.Text("id")
	ask := func(status int, method, path string, header map[string]string, body any) suite.Answer {
		t.Helper()
		return w.Must(t, status, suite.Request{Method: method, Path: path, Token: w.Token(t, intake), Header: header, Body: body})
	}
	if a := ask(200, "GET", "/referrals/"+strings.ToUpper(id), nil, nil); a.Text("id") != id { // C6
		t.Errorf("an id in upper case: %s", a.Raw)
	}
	if a := ask(200, "GET", "/referrals?state=submitted&state=accepted", nil, nil); a.Text("items.0.id") != id { // C9
		t.Errorf("a list that is repeated: %s", a.Raw)
	}
	head := ask(200, "HEAD", "/referrals/"+id, nil, nil) // C5
	if len(head.Raw) != 0 || servicetest.Version(head.Header) != `"1"` {
		t.Errorf("HEAD: %v %q", head.Header, head.Raw)
	}
	w.Must(t, 404, suite.Request{Method: "HEAD", Path: "/calendars/nobody"})
	for n, match := range []string{`"99", "1"`, `W/"2"`, "*"} { // C7
		ask(200, "POST", "/referrals/"+id+"/assignment", map[string]string{"If-Match": match}, map[string]any{"responsible": []string{"intake-1", "intake-2", "intake-3"}[n]})
	}
	ask(400, "POST", "/referrals/"+id+"/assignment", map[string]string{"If-Match": `"4`}, map[string]any{"responsible": "intake-4"})
}

// TestCase_C22_C27_C28_OverFourProcesses: what the activities know of an enrolment comes
// by events, and their calendars show it.
func TestCase_C22_C27_C28_OverFourProcesses(t *testing.T) {
	t.Parallel()
	w := walk{suite.FourProcesses(t, unlimited...), t}
	thing, person := w.sent(rand.New(rand.NewPCG(22, 28)), nil)
	w.change(intake, thing, "acceptance", map[string]any{"initiative": "activera", "startDate": day(-20), "coach": "coach-1"})
	enrolment := "/enrolments/" + w.state(intake, thing, "enrolled").Text("progress.enrolment")
	var training, course string
	activities, _ := w.get(coach, "/activities?municipality=1481&limit=100").At("items").([]any)
	for _, a := range activities {
		switch x := a.(map[string]any); {
		case x["name"] == "Träningspass":
			training = x["id"].(string)
		case x["closedGroup"] != nil:
			course = x["id"].(string)
		}
	}
	book := func(status int, activity string) suite.Answer {
		t.Helper()
		return w.wants(status, coach, "POST", "/bookings", "", map[string]any{"enrolment": strings.TrimPrefix(enrolment, "/enrolments/"), "activity": activity, "from": day(-20)})
	}
	w.until(coach, person+"/week", "known to the activities", func(suite.Answer) bool { return true })
	if a := book(409, training); a.Text("code") != "enrolment-not-begun" {
		t.Errorf("planned: %s", a.Raw)
	}
	w.change(coach, enrolment, "start", map[string]any{"startedOn": day(-20)})
	var booking string
	eventually(t, "the activities know the start", func() bool {
		a, err := w.Do(suite.Request{Method: "POST", Path: "/bookings", Token: w.Token(t, coach), Body: map[string]any{
			"enrolment": strings.TrimPrefix(enrolment, "/enrolments/"), "activity": training, "from": day(-20)}})
		booking = "/bookings/" + a.Text("id")
		return err == nil && a.Status == 201
	})
	if a := book(422, course); a.Text("code") != "group-not-open" {
		t.Errorf("a closed course without a start: %s", a.Raw)
	}

	monday := 1
	for weekday(monday) != "Monday" {
		monday++
	}
	w.change(coach, booking, "attendances", map[string]any{"date": day(monday), "attendance": "absent_notified"})
	feed := w.wants(201, coach, "POST", person+"/calendar-feeds", "", nil)
	w.wants(201, coach, "POST", "/activities/"+training+"/cancellations", "", map[string]any{"date": day(monday - 7), "reason": "weather"})
	calendar := w.Must(t, 200, suite.Request{Method: "GET", Path: "/calendars/" + feed.Text("token") + ".ics?fetched=now"})
	if n := strings.Count(string(calendar.Raw), "SUMMARY:INSTÄLLT: "); n != 1 {
		t.Errorf("%d occurrences are called off: %s", n, calendar.Raw)
	}
}

// TestCase_C2_C23_OverFourProcesses: the gateway asks the vault whose number a token has,
// and a start is held against the consent by the two services that know of it.
func TestCase_C2_C23_OverFourProcesses(t *testing.T) {
	t.Parallel()
	w := walk{suite.FourProcesses(t, unlimited...), t}
	token := w.Finsam(t, "token", "--data", w.Data, "--role", "participant", "--authority", "self", "--subject", "person-1", "--personal-number", adult)
	body := referral(adult, "Tolvan", "Påhittad")
	delete(body, "unit")
	body["consent"].(map[string]any)["authorities"] = []string{"self", "molndal"}
	own := suite.Request{Method: "POST", Path: "/referrals", Token: token, Body: body, Header: map[string]string{"Idempotency-Key": "own"}}
	made := w.Must(t, 201, own)
	w.Must(t, 200, suite.Request{Method: "GET", Path: "/referrals/" + made.Text("id"), Token: token})
	body["person"].(map[string]any)["personalIdentityNumber"], own.Header["Idempotency-Key"] = "191500882392", "other"
	if a := w.Must(t, 422, own); a.Text("code") != "number-not-yours" {
		t.Errorf("another person's number: %s", a.Raw)
	}

	thing := "/referrals/" + made.Text("id")
	accept := func(status int, start string) suite.Answer {
		t.Helper()
		return w.wants(status, intake, "POST", thing+"/acceptance", thing, map[string]any{"initiative": "activera", "startDate": start, "coach": "coach-1"})
	}
	if a := accept(422, day(-300)); a.Text("code") != "start-before-consent" {
		t.Errorf("accepted from before the consent: %s", a.Raw)
	}
	accept(200, day(-5))
	enrolment := "/enrolments/" + w.state(intake, thing, "enrolled").Text("progress.enrolment")
	if a := w.wants(422, coach, "POST", enrolment+"/start", enrolment, map[string]any{"startedOn": day(-221)}); a.Text("code") != "start-before-consent" {
		t.Errorf("begun before the consent: %s", a.Raw)
	}
	w.change(coach, enrolment, "start", map[string]any{"startedOn": day(-5)})
}

// weekday returns the English name of the day n days from today.
func weekday(n int) string { return time.Now().UTC().AddDate(0, 0, n).Weekday().String() }
