package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/test/suite"
)

// municipalityCode is one of Västra Götaland's, as the example has them.
var municipalityCode = regexp.MustCompile(`"14([0-9]{2})"`)

// twoAssociations is a suite in one process that serves a second association,
// kalmar, with municipalities of its own, beside insjoriket, and an issuer that
// says of a caller whatever a test wants.
func twoAssociations(t *testing.T) (*suite.Suite, *issuer) {
	t.Helper()
	s := suite.OneProcess(t, unlimited...)
	text, err := os.ReadFile(filepath.Join("..", "..", "services", "standalone", "example", "insjoriket.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.NewReplacer("insjoriket", "kalmar", "Insjöriket", "Kalmar").Replace(string(text))
	other = municipalityCode.ReplaceAllString(other, `"08$1"`)
	file := filepath.Join(t.TempDir(), "kalmar.yaml")
	if err := os.WriteFile(file, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	p := s.Processes["finsam"]
	p.Stop()
	s.Finsam(t, "load", "--data", s.Data, file)
	i := newIssuer(t, filepath.Join(s.Data, "demo"), "insjoriket", "kalmar")
	p.Start(t)
	p.WaitReady(t)
	return s, i
}

// tenant is an association in the stories that both live at once, in one municipality each.
type tenant struct {
	team
	initiative, activity string
	weeks                []int // of the blocks; all but the last have a check-in
}

var tenants = []tenant{
	{team{"insjoriket", "molndal", "1481", "activera"}, "activera", "Träningspass", []int{6, 6, 6, 6}},
	{team{"kalmar", "kalmar", "0880", "pahittade-vagen"}, "pahittade-vagen", "Påhittad gympa", []int{8, 12}},
}

// TestBothAssociationsLiveTheirStoriesAtOnceAndNobodySeesTheOthers runs the stories of a person,
// of a group and of a programme in both shipped associations, on one suite at the same time; the
// persons are the same. Then everybody of one asks for all that anybody of the other came by.
func TestBothAssociationsLiveTheirStoriesAtOnceAndNobodySeesTheOthers(t *testing.T) {
	o := openOffices(t)
	var mu sync.Mutex
	persons := map[string]string{} // a participant of each
	t.Run("at once", func(t *testing.T) {
		for _, m := range tenants {
			t.Run(m.association, func(t *testing.T) {
				t.Parallel()
				own := *o
				own.t = t
				person := own.goesFromReferralToOutcome(m)
				own.fillsAGroup(m)
				own.changesAPlan(m)
				mu.Lock()
				defer mu.Unlock()
				persons[m.association] = person
			})
		}
	})
	if t.Failed() {
		return
	}
	seen := map[string]*sighting{}
	for _, m := range tenants {
		seen[m.association] = o.crawl(m.callers(persons[m.association]))
		t.Logf("%s: %d addresses, %d ids", m.association, len(seen[m.association].addresses), len(seen[m.association].ids))
		if len(seen[m.association].ids) < 20 {
			t.Errorf("the crawl of %s came by %d ids", m.association, len(seen[m.association].ids))
		}
	}
	for n, m := range tenants {
		o.findsNothing(m.callers(persons[m.association]), seen[m.association], seen[tenants[1-n].association])
		of := tenants[1-n]
		pretender := suite.Caller{Association: m.association, Role: "participant", Authority: "self", Participant: persons[of.association], Subject: "person-9"}
		o.findsNothing([]suite.Caller{pretender}, seen[m.association], seen[of.association])
	}
}

// goesFromReferralToOutcome is the main story; it returns the participant.
func (o *offices) goesFromReferralToOutcome(m tenant) string {
	o.t.Helper()
	coach, intake := m.caller("coach"), m.caller("intake")
	officer := suite.Caller{Association: m.association, Role: "referrer", Authority: "fk", Unit: "fk-molndal", Subject: "officer-1"}
	thing := o.refer(m.team, 1)
	if at := o.ask(200, intake, "GET", thing, nil).Text("_links.capacity.href"); !strings.Contains(at, m.initiative) {
		o.t.Errorf("the room of the wished initiative is asked for at %q", at)
	}
	start := civil.Date(o.open(m.team, 210))
	enrolment := o.enrol(m.team, thing, m.initiative, 210)
	e := o.step(200, coach, enrolment, "start", map[string]any{"startedOn": start})
	if blocks, _ := e.At("blocks").([]any); len(blocks) != len(m.weeks) {
		o.t.Fatalf("%d blocks: %s", len(blocks), e.Raw)
	}
	activity := o.activity(m.team, m.activity)
	booking := o.book(m.team, enrolment, activity, day(-40))
	date := ""
	for back := 14; date == "" && back < 40; back += 7 { // an occurrence that was not closed
		items, _ := o.ask(200, coach, "GET", "/municipalities/"+m.municipality+"/week?week="+isoWeek(time.Now().AddDate(0, 0, -back)), nil).At("items").([]any)
		for _, x := range items {
			if x := x.(map[string]any); x["activity"] == activity && x["state"] == "planned" {
				date = x["date"].(string)
			}
		}
	}
	o.step(200, coach, booking, "attendances", map[string]any{"date": date, "attendance": "present"})
	last := start
	for n, weeks := range m.weeks[:len(m.weeks)-1] {
		walk{o.Suite, o.t}.soon(o.issuer.Token(o.t, coach), enrolment, "check_in_due")
		last = last.AddWeeks(weeks)
		checkIn := fmt.Sprintf("check-ins/%d/", n+1)
		o.step(200, officer, enrolment, checkIn+"answer", map[string]any{"readiness": "ready", "text": "Påhittat svar."})
		o.step(200, coach, enrolment, checkIn+"decision", map[string]any{"decision": "continue", "decidedOn": last})
		o.step(200, coach, enrolment, fmt.Sprintf("blocks/%d/start", n+2), map[string]any{"startedOn": last})
	}
	walk{o.Suite, o.t}.soon(o.issuer.Token(o.t, coach), enrolment, "closing")
	o.step(200, coach, enrolment, "closing-conversation", map[string]any{"heldOn": day(-35), "text": "Påhittat samtal."})
	o.step(200, coach, enrolment, "closing-documentation", map[string]any{
		"closedOn": day(-35), "endReason": "according_to_plan", "occupationAfter": map[string]any{"kind": "works", "extent": 50}, "livelihoodAfter": []string{"salary"}, "summary": "Påhittat.",
	})
	walk{o.Suite, o.t}.soon(o.issuer.Token(o.t, officer), thing, "closed")
	if a := o.ask(200, officer, "GET", thing, nil); a.Text("outcome") != "completed" {
		o.t.Errorf("the sender reads %s", a.Raw)
	}
	return e.Text("participant")
}

// soon reads a thing until it is in a state.
func (w walk) soon(token, thing, state string) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		a, err := w.Do(suite.Request{Method: "GET", Path: thing, Token: token})
		if err == nil && a.Text("state") == state {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("%s never became %s: %d %s %v", thing, state, a.Status, a.Raw, err)
		}
	}
}

// fillsAGroup: two planners begin a course of two places, three persons want one, and one who
// leaves makes room.
func (o *offices) fillsAGroup(m tenant) {
	o.t.Helper()
	begins := civil.DateOf(time.Now()).AddDays(7)
	for o.files[m.association].CalendarIn(m.municipality).IsClosed(begins) {
		begins = begins.AddDays(1)
	}
	first, second, coach := m.caller("planner"), m.caller("planner"), m.caller("coach")
	second.Subject = "planner-2"
	made := o.ask(201, first, "POST", "/programme-objects", map[string]any{
		"kind": "series", "municipality": m.municipality, "validFrom": string(civil.DateOf(time.Now())), "decision": "Påhittat beslut",
		"series": map[string]any{
			"name": "Påhittad kurs", "category": "health", "day": strings.ToLower(begins.MidnightUTC().Weekday().String()), "from": "15:00", "to": "16:00",
			"closedGroup": map[string]any{"sessions": 2, "least": 1, "most": 2, "starts": []string{string(begins)}},
		},
	})
	at := "/programme-objects/" + made.Text("id")
	o.ask(200, second, "POST", at+"/activation", nil, "If-Match", `"1"`)
	var enrolments, bookings []string
	for n := range uint64(3) {
		enrolment := o.enrol(m.team, o.refer(m.team, 100+n), m.initiative, 20)
		o.step(200, coach, enrolment, "start", map[string]any{"startedOn": o.open(m.team, 20)})
		enrolments = append(enrolments, enrolment)
		bookings = append(bookings, o.book(m.team, enrolment, strings.TrimPrefix(made.Text("id"), "series."), string(begins)))
	}
	if bookings[0] == "" || bookings[1] == "" || bookings[2] != "" {
		o.t.Fatalf("of three, places have %q", bookings)
	}
	o.step(200, coach, bookings[0], "cancellation", map[string]any{"from": string(civil.DateOf(time.Now()))})
	if o.book(m.team, enrolments[2], strings.TrimPrefix(made.Text("id"), "series."), string(begins)) == "" {
		o.t.Error("a place that was given up is not free")
	}
}

// changesAPlan: the association's staff give the municipality another plan. Who is planned keeps
// the former one until the coach decides otherwise.
func (o *offices) changesAPlan(m tenant) {
	o.t.Helper()
	admin, other, coach := m.caller("association_admin"), m.caller("association_admin"), m.caller("coach")
	admin.Authority, admin.Municipality, other.Authority, other.Municipality, other.Subject = "forbundet", "", "forbundet", "", "admin-2"
	before := o.enrol(m.team, o.refer(m.team, 200), m.initiative, 20)
	id := "plan." + m.initiative + "." + m.municipality
	o.ask(201, admin, "POST", "/programme-objects", map[string]any{
		"kind": "plan", "id": id, "municipality": m.municipality, "validFrom": string(civil.DateOf(time.Now())), "decision": "Påhittat beslut", "plan": map[string]any{"maxWeeks": 10, "blocks": []any{
			map[string]any{"number": 1, "weeks": 4, "checkIn": true, "content": []string{"health", "social"}}, map[string]any{"number": 2, "weeks": 6, "closing": true, "content": []string{"health", "social"}},
		}},
	})
	o.ask(200, admin, "POST", "/programme-objects/"+id+"/check", nil)
	o.ask(200, other, "POST", "/programme-objects/"+id+"/activation", nil, "If-Match", `"1"`)
	total := 0
	for _, weeks := range m.weeks {
		total += weeks
	}
	if weeks := o.ask(200, coach, "GET", before, nil).At("maxWeeks"); weeks != float64(total) {
		o.t.Errorf("the planned enrolment has %v weeks at most", weeks)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) { // the participant service follows
		tag := o.ask(200, coach, "GET", before, nil).Header.Get("ETag")
		a, err := o.Do(suite.Request{Method: "POST", Path: before + "/plan", Token: o.issuer.Token(o.t, coach), Header: map[string]string{"If-Match": tag}, Body: map[string]any{"planVersion": "1", "reason": "Påhittat skäl."}})
		if err == nil && a.Status == 200 {
			if blocks, _ := a.At("blocks").([]any); len(blocks) != 2 || a.At("maxWeeks") != 10.0 {
				o.t.Errorf("moved, it is %s", a.Raw)
			}
			return
		}
		if time.Now().After(end) {
			o.t.Fatalf("the planned enrolment is not moved: %d %s %v", a.Status, a.Raw, err)
		}
	}
}

// callers are those of an association, one of each role.
func (m tenant) callers(participant string) []suite.Caller {
	all := []suite.Caller{
		m.sender(), {Association: m.association, Role: "referrer", Authority: "fk", Unit: "fk-molndal", Subject: "officer-1"},
		{Association: m.association, Role: "participant", Authority: "self", Participant: participant, Subject: "person-1"},
	}
	for _, role := range []string{"intake", "coach", "supervisor", "manager", "planner"} {
		all = append(all, m.caller(role))
	}
	for _, role := range []string{"association_admin", "board", "reviewer"} {
		all = append(all, suite.Caller{Association: m.association, Role: role, Authority: "forbundet", Subject: role + "-1"})
	}
	return all
}

// sighting is what the callers of an association came by: addresses, and ids of which nobody
// else has one.
type sighting struct{ addresses, ids map[string]bool }

var (
	anID      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	anAddress = regexp.MustCompile(`"href": ?"(?:https?://[^/"]+)?/finsam/v1(/[^"]*)"`)
)

// crawl lets callers read every list and all that its answers lead to.
func (o *offices) crawl(callers []suite.Caller) *sighting {
	o.t.Helper()
	seen := &sighting{map[string]bool{}, map[string]bool{}}
	paths, _ := o.Must(o.t, 200, suite.Request{Method: "GET", Path: "/openapi.json"}).JSON["paths"].(map[string]any)
	var lists []string
	for path, of := range paths {
		if get, _ := of.(map[string]any)["get"].(map[string]any); get != nil && !strings.Contains(path, "{") && get["security"] == nil {
			lists = append(lists, path)
		}
	}
	for _, c := range callers {
		queue, asked := slices.Clone(lists), map[string]bool{}
		for len(queue) > 0 {
			path := queue[0]
			if queue = queue[1:]; asked[path] {
				continue
			}
			asked[path], seen.addresses[path] = true, true
			a, err := o.Do(suite.Request{Method: "GET", Path: path, Token: o.issuer.Token(o.t, c)})
			if err != nil {
				o.t.Fatal(err)
			}
			if a.Status != 200 {
				continue
			}
			for _, id := range anID.FindAllString(string(a.Raw), -1) {
				seen.ids[id] = true
			}
			for _, found := range anAddress.FindAllStringSubmatch(string(a.Raw), -1) {
				// Weeks lead to weeks without end; a calendar's address is itself a key.
				if next := strings.ReplaceAll(found[1], "&amp;", "&"); !strings.Contains(next, "week=") && !strings.HasPrefix(next, "/calendars/") {
					queue = append(queue, next)
				}
			}
		}
	}
	return seen
}

// onlyTried reports whether the entries of an access log that have an id are all of what was
// asked for in vain.
func onlyTried(a suite.Answer, id string) bool {
	items, _ := a.At("items").([]any)
	return !slices.ContainsFunc(items, func(x any) bool {
		return strings.Contains(fmt.Sprint(x), id) && x.(map[string]any)["outcome"] == "done"
	})
}

// findsNothing lets callers of one association ask for all that the other's came by, and try to
// change it: they are refused as for what does not exist, or see what is their own.
func (o *offices) findsNothing(callers []suite.Caller, own, others *sighting) {
	o.t.Helper()
	foreign := func(text string) (ids []string) {
		for _, id := range anID.FindAllString(text, -1) {
			if others.ids[id] && !own.ids[id] {
				ids = append(ids, id)
			}
		}
		return ids
	}
	if n := len(foreign(strings.Join(slices.Collect(maps.Keys(others.ids)), " "))); n != len(others.ids) {
		o.t.Errorf("%d ids are in both associations", len(others.ids)-n)
	}
	asked := 0
	for _, c := range callers {
		token := o.issuer.Token(o.t, c)
		for path := range others.addresses {
			thing, query, _ := strings.Cut(path, "?")
			for _, method := range []string{"GET", "POST", "DELETE"} {
				if method != "GET" && len(foreign(thing)) == 0 {
					continue
				}
				r := suite.Request{Method: method, Path: path, Token: token, Header: map[string]string{"If-Match": `"1"`}}
				if method == "POST" {
					r.Body = map[string]any{}
				}
				a, err := o.Do(r)
				if err != nil {
					o.t.Fatal(err)
				}
				asked++
				leaked := slices.DeleteFunc(foreign(string(a.Raw)), func(id string) bool { // but for what the caller says itself
					return strings.Contains(query, id) && strings.Contains(string(a.Raw), `"items":[]`) || path == "/me" && id == c.Participant ||
						strings.HasPrefix(thing, "/access-log") && onlyTried(a, id)
				})
				switch {
				case a.Status >= 500, len(foreign(thing)) > 0 && !slices.Contains([]int{400, 403, 404, 405}, a.Status), a.Status == 200 && len(leaked) > 0:
					o.t.Errorf("%s of %s: %s %s is answered %d %.300s", c.Role, c.Association, method, path, a.Status, a.Raw)
				}
			}
		}
	}
	o.t.Logf("%d calls", asked)
}
