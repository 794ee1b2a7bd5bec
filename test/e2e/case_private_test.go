package e2e

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

var (
	coach2 = suite.Caller{Role: "coach", Authority: "molndal", Municipality: "1481", Subject: "coach-2"}
	leader = suite.Caller{Role: "supervisor", Authority: "molndal", Municipality: "1481", Subject: "ledare-1"}
)

const placesOfMolndal = "/capacities/activera/1481"

// TestCase_A5_A11_C25_C28_D2_OverFourProcesses: one enrolment, where the services ask and
// follow one another over the network. A joining is taken back, an occurrence is called off or
// attended, a closing is reopened whose place was given on, and the person becomes protected;
// at each turn a changed body has another entity tag.
func TestCase_A5_A11_C25_C28_D2_OverFourProcesses(t *testing.T) {
	t.Parallel()
	r := newAuthority(t)
	w := walk{suite.FourProcesses(t, slices.Concat(unlimited, []string{"FINSAM_WEBHOOK_ALLOW=127.0.0.0/8", "SSL_CERT_FILE=" + r.ca})...), t}
	p := persontest.New(rand.New(rand.NewPCG(11, 5)), day(0))
	refer := func(c suite.Caller) string {
		t.Helper()
		body := referral(p.Number, p.GivenName, "Kanariefågelsson")
		body["unit"] = c.Unit
		body["consent"].(map[string]any)["authorities"] = []string{c.Authority, "molndal"}
		return "/referrals/" + w.wants(201, c, "POST", "/referrals", "", body).Text("id")
	}
	hook := "/webhooks/" + w.wants(201, fkSystem, "POST", "/webhooks", "", map[string]any{"url": r.URL + "/finsam"}).Text("id")
	w.wants(200, intake, "PUT", placesOfMolndal, placesOfMolndal, map[string]any{"places": 1})
	first := refer(fkOfficer)
	w.change(intake, first, "acceptance", map[string]any{"initiative": "activera", "startDate": day(-41), "coach": "coach-1"})
	enrolment := "/enrolments/" + w.state(intake, first, "enrolled").Text("progress.enrolment")
	w.change(coach, enrolment, "start", map[string]any{"startedOn": day(-41)})
	person := "/participants/" + w.get(coach, enrolment).Text("participant")
	second := refer(afOfficer)

	g := &tags{walk: w, bodies: map[string]map[string]string{}, last: map[string]string{}, changed: map[string]int{},
		callers: []suite.Caller{coach, coach2, intake, fkOfficer, afOfficer}, paths: []string{first, second, enrolment, person, placesOfMolndal}}
	g.read("at first")
	w.takesBackTheJoining(g, second, enrolment)
	booking, date := w.calledOffOrAttended(g, enrolment)
	w.reopensAClosing(g, enrolment)
	w.becomesProtected(g, r, hook, enrolment, booking, date)
	for _, path := range g.paths {
		if g.changed[path] == 0 {
			t.Errorf("%s has not changed: this proves little of it", path)
		}
	}
}

// tags is who has read what, with which entity tag.
type tags struct {
	walk
	callers []suite.Caller
	paths   []string
	bodies  map[string]map[string]string // by caller and address, and by tag
	last    map[string]string            // tags, by caller and address
	changed map[string]int               // bodies, by address
}

// read wants of each address, of each caller, that a changed body has another tag, and that
// who has the former body is answered by another one, or that it has not changed.
func (g *tags) read(when string) {
	g.t.Helper()
	for _, path := range g.paths {
		for _, c := range g.callers {
			key := c.Subject + " " + path
			ask := func(header map[string]string) (a suite.Answer, tag string) {
				a, err := g.Do(suite.Request{Method: "GET", Path: path, Token: g.Token(g.t, c), Header: header})
				if err != nil {
					g.t.Fatal(err)
				}
				return a, a.Header.Get("ETag")
			}
			now, tag := ask(nil)
			if known := g.last[key]; known != "" {
				again, of := ask(map[string]string{"If-None-Match": known})
				isKnown := again.Status == 304 && of == known && len(again.Raw) == 0
				isOther := again.Status == now.Status && of == tag
				if tag == known && !isKnown && path != placesOfMolndal || tag != known && !isOther { // places are always sent
					g.t.Errorf("%s, %s, who had %s: %d %s, and without it %d %s", when, key, known, again.Status, of, now.Status, tag)
				}
				if now.Status == 200 && tag != known {
					g.changed[path]++
				}
			}
			if now.Status != 200 {
				continue
			}
			if g.bodies[key] == nil {
				g.bodies[key] = map[string]string{}
			}
			if before, isKnown := g.bodies[key][tag]; isKnown && before != string(now.Raw) {
				g.t.Errorf("%s, %s: the body has changed, and its tag is still %s:\n%s\n%s", when, key, tag, before, now.Raw)
			}
			g.bodies[key][tag], g.last[key] = string(now.Raw), tag
		}
	}
}

// corrects takes back the latest step of a kind.
func (w walk) corrects(c suite.Caller, thing, kind string) suite.Answer {
	w.t.Helper()
	body := map[string]any{"reason": "Påhittat: fel."}
	for _, s := range array(w.get(c, thing).At("timeline")) {
		if object(s)["kind"] == kind {
			body["step"] = object(s)["n"]
		}
	}
	return w.wants(200, c, "POST", thing+"/corrections", thing, body)
}

// takesBackTheJoining: another authority's referral joins by mistake, and that is taken back
// while the vault is away; its sender follows no more, and the enrolment has no trace of it.
func (w walk) takesBackTheJoining(g *tags, second, enrolment string) {
	w.t.Helper()
	before := string(w.get(fkOfficer, enrolment).Raw)
	w.change(coach, second, "joining", map[string]any{"answersCheckIns": true})
	w.state(afOfficer, second, "enrolled")
	w.until(afOfficer, enrolment, "followed", func(suite.Answer) bool { return true })
	if a := w.get(coach, enrolment); "/referrals/"+a.Text("joinedReferrals.0.referral") != second {
		w.t.Errorf("the coach reads %s", a.Raw)
	}
	g.read("it has joined")

	vault := w.Processes["participant"]
	vault.Kill()
	w.corrects(coach, second, "accepted")
	vault.Start(w.t)
	vault.WaitReady(w.t)
	eventually(w.t, "its sender follows no more", func() bool {
		a, err := w.Do(suite.Request{Method: "GET", Path: enrolment, Token: w.Token(w.t, afOfficer)})
		return err == nil && a.Status == 404
	})
	if a := w.state(afOfficer, second, "submitted"); a.At("progress") != nil || a.At("acceptance") != nil {
		w.t.Errorf("its sender reads %s", a.Raw)
	}
	if a := w.get(coach, enrolment); a.At("joinedReferrals") != nil {
		w.t.Errorf("the coach reads %s", a.Raw)
	}
	if after := string(w.get(fkOfficer, enrolment).Raw); after != before {
		w.t.Errorf("the enrolment has a trace of it, for its own sender:\n%s\n%s", before, after)
	}
	g.read("it has joined no more")
}

// calledOffOrAttended: of a note that the person came and a cancellation in the same moment the
// first holds. It returns the booking, and the day on which the person came.
func (w walk) calledOffOrAttended(g *tags, enrolment string) (booking, date string) {
	w.t.Helper()
	activity := ""
	for _, a := range array(w.get(coach, "/activities?municipality=1481&limit=100").At("items")) {
		if object(a)["name"] == "Träningspass" {
			activity = "/activities/" + object(a)["id"].(string)
		}
	}
	eventually(w.t, "the activities know the start", func() bool {
		a, err := w.Do(suite.Request{Method: "POST", Path: "/bookings", Token: w.Token(w.t, coach), Body: map[string]any{
			"enrolment": strings.TrimPrefix(enrolment, "/enrolments/"), "activity": strings.TrimPrefix(activity, "/activities/"), "from": day(-41)}})
		booking = "/bookings/" + a.Text("id")
		return err == nil && a.Status == 201
	})
	monday := -1
	for weekday(monday) != "Monday" {
		monday--
	}
	date = day(monday)
	g.paths = append(g.paths, booking)
	g.read("booked")
	calls := []suite.Request{
		{Method: "POST", Path: activity + "/cancellations", Token: w.Token(w.t, coach), Body: map[string]any{"date": date, "reason": "weather"}},
		{Method: "POST", Path: booking + "/attendances", Token: w.Token(w.t, coach), Body: map[string]any{"date": date, "attendance": "present"}},
	}
	for round := range 10 {
		calls[1].Header = map[string]string{"If-Match": w.get(coach, booking).Header.Get("ETag")}
		answers := make([]suite.Answer, 2)
		var both sync.WaitGroup
		for i, call := range calls {
			both.Go(func() { answers[i], _ = w.Do(call) })
		}
		both.Wait()
		switch off, came := answers[0], answers[1]; {
		case off.Status == 201 && came.Status == 422 && strings.Contains(string(came.Raw), "occurrence-cancelled"):
			w.change(coach, activity+"/cancellations/"+off.Text("id"), "restoration", nil)
		case off.Status == 409 && strings.Contains(string(off.Raw), "occurrence-attended") && came.Status == 200:
			w.change(coach, booking, "attendance-corrections", map[string]any{"date": date, "reason": "Påhittat: fel."})
		default:
			w.t.Fatalf("round %d: %d %s, %d %s", round, off.Status, off.Raw, came.Status, came.Raw)
		}
	}
	w.change(coach, booking, "attendances", map[string]any{"date": date, "attendance": "present"})
	g.read("attended")
	return booking, date
}

// reopensAClosing: the only place is given on after a closing that was a mistake; reopened, two
// have one place, and nobody else gets one.
func (w walk) reopensAClosing(g *tags, enrolment string) {
	w.t.Helper()
	r := rand.New(rand.NewPCG(25, 28))
	taken := func(n float64) {
		w.t.Helper()
		w.until(intake, placesOfMolndal, "taken so often", func(a suite.Answer) bool { return a.At("places") == 1.0 && a.At("taken") == n })
	}
	taken(1)
	w.change(coach, enrolment, "closing-documentation", map[string]any{
		"closedOn": day(0), "endReason": "moved", "occupationAfter": map[string]any{"kind": "none"}, "livelihoodAfter": []string{"none"}, "summary": "Påhittat.",
	})
	taken(0)
	g.read("closed")
	accepted := map[string]any{"initiative": "activera", "startDate": day(3), "coach": "coach-1"}
	other, _ := w.sent(r, nil)
	w.change(intake, other, "acceptance", accepted)
	taken(1)
	w.corrects(coach, enrolment, "closed")
	taken(2)
	third, _ := w.sent(r, nil)
	if a := w.wants(409, intake, "POST", third+"/acceptance", third, accepted); a.Text("code") != "no-place" {
		w.t.Errorf("a third acceptance: %s", a.Raw)
	}
	g.read("reopened")
}

// becomesProtected: from then on texts about attendance are for the handlers, the list of the
// day names an alias, and a notice that waits names nobody.
func (w walk) becomesProtected(g *tags, r *authority, hook, enrolment, booking, date string) {
	w.t.Helper()
	const reason = "Påhittat: personen var på sjukhus."
	person := "/participants/" + w.get(coach, enrolment).Text("participant")
	dayList := "/activities/" + w.get(coach, booking).Text("activity") + "/days/" + date + "?include=identity"
	w.until(coach, booking, "going on again", func(a suite.Answer) bool { return a.Text("state") == "booked" })
	w.change(coach, booking, "attendance-corrections", map[string]any{"date": date, "attendance": "absent", "reason": reason})
	reads := func(c suite.Caller) bool { return strings.Contains(string(w.get(c, booking).Raw), reason) }
	names := func(c suite.Caller) bool { return strings.Contains(string(w.get(c, dayList).Raw), "Kanariefågelsson") }
	for _, c := range []suite.Caller{coach, coach2} {
		if !reads(c) || !names(c) || !names(leader) {
			w.t.Errorf("of an open person %s reads %s %s", c.Subject, w.get(c, booking).Raw, w.get(c, dayList).Raw)
		}
	}
	// While its receiver is busy with one notice, the next one about the referral waits.
	r.mu.Lock()
	isFree := sync.OnceFunc(r.mu.Unlock)
	defer isFree()
	w.change(coach, enrolment, "check-ins/1/non-answer", map[string]any{})
	w.change(coach, enrolment, "check-ins/1/decision", map[string]any{"decision": "continue", "decidedOn": day(0)})
	waiting := func() (n int) {
		return strings.Count(string(w.get(fkSystem, hook+"/deliveries?state=waiting").Raw), `"se.finsam.referral.progress_reported"`)
	}
	eventually(w.t, "two notices are under way", func() bool { return waiting() >= 2 })

	w.change(coach, person, "protection", map[string]any{"level": "assumed_identity", "handlers": []string{"coach-1"}})
	if names(coach2) || names(leader) || !names(coach) { // in the very next call
		w.t.Errorf("of a protected person the leader reads %s", w.get(leader, dayList).Raw)
	}
	isFree()
	eventually(w.t, "the text is for the handler only", func() bool { return reads(coach) && !reads(coach2) && !reads(chief) })
	g.read("protected")
	w.change(chief, person, "protection", map[string]any{"level": "assumed_identity", "handlers": []string{"coach-2"}})
	eventually(w.t, "the text follows whom the head appoints", func() bool { return !reads(coach) && reads(coach2) })
	g.read("another handles it")

	eventually(w.t, "what waited arrives", func() bool { return waiting() == 0 && len(r.has("se.finsam.referral.progress_reported", 204)) >= 3 })
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.got {
		for _, word := range []string{"protected", "assumed_identity", "Kanariefågelsson", reason} {
			if strings.Contains(string(m.body), word) {
				w.t.Errorf("a message has %q: %s", word, m.body)
			}
		}
	}
}
