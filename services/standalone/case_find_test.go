package standalone_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/standalone/demo"
)

// TestCase_D2_WhateverHasAnEntityTagHasItsVersionInTheBodyToo reads every operation of the
// contract. What the two say of a thing is compared in every answer that a test reads: see
// servicetest.VersionIsTag.
func TestCase_D2_WhateverHasAnEntityTagHasItsVersionInTheBodyToo(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("../gateway/contract/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	tagged := 0
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for status, r := range op.Responses.Map() {
				body := r.Value.Content["application/json"]
				if r.Value.Headers["ETag"] == nil || body == nil || body.Schema.Value.Properties["_links"] == nil || path == "/api-info" {
					continue // nothing, a file, or a document of the API
				}
				if tagged++; body.Schema.Value.Properties["version"] == nil {
					t.Errorf("%s %s: %s has an entity tag and no version", method, path, status)
				}
			}
		}
	}
	if tagged < 45 {
		t.Errorf("%d answers have an entity tag", tagged)
	}
}

// TestCase_D2_TheListsNameTheVersionOfEachThing reads the lists of persons' things, and the
// things themselves.
func TestCase_D2_TheListsNameTheVersionOfEachThing(t *testing.T) {
	o := open(t, newData(t))
	const start = -20
	e := o.enrolled(2, day(start))
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(start)})
	participant := o.want(200, coach1, http.MethodGet, e, "", nil)["participant"].(string)
	for _, a := range o.list(coach1, "/activities?municipality=1481&limit=100") {
		if a["name"] == "Utomhusträning" {
			o.eventually("the activity service knows the start", func() bool {
				return o.ask(coach1, http.MethodPost, "/bookings", "", map[string]any{"enrolment": strings.TrimPrefix(e, "/enrolments/"), "activity": a["id"], "from": day(0)}).Code == 201
			})
			break
		}
	}
	feeds := "/participants/" + participant + "/calendar-feeds"
	o.do(coach1, 201, http.MethodPost, feeds, nil, nil)
	for _, list := range []string{"/enrolments", "/bookings", feeds} {
		items := o.list(coach1, list)
		if len(items) != 1 {
			t.Fatalf("%s: %v", list, items)
		}
		at := list + "/" + items[0]["id"].(string)
		if one := o.do(coach1, 200, http.MethodGet, at, nil, nil); one["version"] == nil || items[0]["version"] != one["version"] {
			t.Errorf("%s: the version is %v in the list and %v alone", list, items[0]["version"], one["version"])
		}
	}
	o.do(coach1, 200, http.MethodGet, "/participants/"+participant, nil, nil)
	o.do(coach1, 200, http.MethodGet, "/municipalities/1481/week", nil, nil)
}

// TestCase_D5_TwoCoachesDoNotGetTheSameTasks is: the lists of referrals, tasks and enrolments
// are narrowed by participant, coach and responsible, for those who may know of them.
func TestCase_D5_TwoCoachesDoNotGetTheSameTasks(t *testing.T) {
	o := open(t, newData(t))
	type found struct{ referral, participant, enrolment string }
	cases := map[string]found{}
	for n, coach := range []string{"coach-1", "coach-2"} {
		id, participant := o.refer(uint64(50+n), nil)
		at := "/referrals/" + id
		o.want(200, intake7, http.MethodPost, at+"/assignment", o.version(intake7, at), map[string]any{"responsible": "mottagare-" + coach})
		o.want(200, intake7, http.MethodPost, at+"/acceptance", o.version(intake7, at), map[string]any{"initiative": "activera", "startDate": day(-3), "coach": coach})
		cases[coach] = found{id, participant, strings.TrimPrefix(o.enrolmentOf(id), "/enrolments/")}
	}
	for coach, c := range cases {
		for path, want := range map[string]string{
			"/referrals?coach=" + coach: c.referral, "/referrals?participant=" + c.participant: c.referral, "/referrals?responsible=mottagare-" + coach: c.referral,
			"/tasks?coach=" + coach: c.referral, "/tasks?participant=" + c.participant: c.referral, "/tasks?responsible=mottagare-" + coach: c.referral,
			"/enrolments?coach=" + coach: c.enrolment, "/enrolments?participant=" + c.participant: c.enrolment, "/enrolments?participant=" + strings.ToUpper(c.participant): c.enrolment,
			"/referrals?coach=" + coach + "&participant=" + c.participant + "&state=accepted,enrolled": c.referral,
		} {
			o.eventually(path+" finds the one", func() bool {
				items := o.list(coach1, path)
				return len(items) == 1 && items[0]["id"] == want
			})
		}
	}
	if items := o.list(coach1, "/tasks"); len(items) != 2 {
		t.Errorf("without a filter a coach has the tasks of the municipality: %d", len(items))
	}
	if items := o.list(coach1, "/tasks?coach=coach-1&participant="+cases["coach-2"].participant); len(items) != 0 {
		t.Errorf("two filters: %v", items)
	}
	// A sender finds its own by the participant, and nothing by what it may not know.
	if items := o.list(officer, "/referrals?participant="+cases["coach-1"].participant); len(items) != 1 {
		t.Errorf("the sender finds %d", len(items))
	}
	if items := o.list(partille, "/referrals?participant="+cases["coach-1"].participant); len(items) != 0 {
		t.Errorf("another municipality finds %v", items)
	}
	for _, path := range []string{"/referrals?coach=coach-1", "/tasks?coach=coach-1"} {
		if got := o.want(422, officer, http.MethodGet, path, "", nil); got["code"] != "not-yours-to-filter-by" {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// TestCase_D5_AListIsRefreshedByWhatHasChanged reads what has changed since an instant, what
// changed first before the rest.
func TestCase_D5_AListIsRefreshedByWhatHasChanged(t *testing.T) {
	o := open(t, newData(t))
	var ids []string
	for n := range 3 {
		id, _ := o.refer(uint64(60+n), nil)
		ids = append(ids, id)
	}
	asked := "/referrals/" + ids[0]
	o.want(200, intake7, http.MethodPost, asked+"/supplement-requests", o.version(intake7, asked), map[string]any{"text": "Påhittat: vad saknas?"})
	of := func(id string) string {
		for _, item := range o.list(intake7, "/referrals") {
			if item["id"] == id {
				return item["changedAt"].(string)
			}
		}
		return ""
	}
	found := func(who demo.Claims, path string) (all []string) {
		for _, item := range o.list(who, path) {
			all = append(all, item["id"].(string))
		}
		return all
	}
	for _, who := range []demo.Claims{intake7, officer, sender} {
		if got := found(who, "/referrals?changedSince="+of(ids[1])); !slices.Equal(got, []string{ids[1], ids[2], ids[0]}) {
			t.Errorf("%v since the second came: %v of %v", who.Roles, got, ids)
		}
		if got := found(who, "/referrals?changedSince="+of(ids[0])); !slices.Equal(got, ids[:1]) {
			t.Errorf("%v since the question: %v", who.Roles, got)
		}
	}
	first := o.do(intake7, 200, http.MethodGet, "/referrals?limit=2&changedSince="+of(ids[1]), nil, nil)
	next := first["_links"].(map[string]any)["next"].(map[string]any)["href"].(string)
	if got := found(intake7, strings.TrimPrefix(next, "/finsam/v1")); !slices.Equal(got, ids[:1]) {
		t.Errorf("the next page %s has %v", next, got)
	}
	o.want(422, intake7, http.MethodGet, "/referrals?sort=dueAt&changedSince="+of(ids[1]), "", nil)
	o.want(400, intake7, http.MethodGet, "/referrals?changedSince=yesterday", "", nil)

	e := o.enrolled(64, day(-3))
	planned := o.list(coach1, "/enrolments")[0]["changedAt"].(string)
	other := strings.TrimPrefix(o.enrolled(65, day(-3)), "/enrolments/")
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(-3)})
	started := strings.TrimPrefix(e, "/enrolments/")
	if got := found(coach1, "/enrolments?changedSince="+planned); !slices.Equal(got, []string{other, started}) {
		t.Errorf("enrolments: %v, want %s and %s", got, other, started)
	}
	page := o.do(coach1, 200, http.MethodGet, "/enrolments?limit=1&changedSince="+planned, nil, nil)
	next = page["_links"].(map[string]any)["next"].(map[string]any)["href"].(string)
	if got := found(coach1, strings.TrimPrefix(next, "/finsam/v1")); !slices.Equal(got, []string{started}) {
		t.Errorf("the next page %s has %v", next, got)
	}
	cursor := page["_meta"].(map[string]any)["nextCursor"].(string)
	o.want(400, coach1, http.MethodGet, "/enrolments?limit=1&cursor="+cursor, "", nil)
}

// TestCase_D5_APersonIsFoundByNumberOrNameInTheOwnMunicipality is: who receives or coaches
// finds whom the municipality has to do with, and each search is logged with its purpose and
// those whom it showed.
func TestCase_D5_APersonIsFoundByNumberOrNameInTheOwnMunicipality(t *testing.T) {
	data := newData(t)
	o := open(t, data)
	number := ""
	refer := func(n uint64, given, family string) (referral, participant string) {
		return o.refer(n, func(referral, person map[string]any) {
			person["givenName"], person["familyName"], number = given, family, person["personalIdentityNumber"].(string)
			referral["consent"].(map[string]any)["authorities"] = []string{"fk", "molndal", "partille"}
		})
	}
	_, zoe := refer(70, "Zoé Åsa", "Påhittadsson")
	_, hidden := refer(71, "Zoé", "Påhittadsson-Ek")
	referral, other := refer(72, "Bo", "Ek")
	bo := number
	o.protect(hidden, "confidentiality_marking")
	search := func(status int, who demo.Claims, body map[string]any) (all []string) {
		t.Helper()
		body["purpose"] = "contacted_by_person"
		answer := o.want(status, who, http.MethodPost, "/participants/searches", "", body)
		items, _ := answer["items"].([]any)
		for _, i := range items {
			all = append(all, i.(map[string]any)["participant"].(string))
		}
		return all
	}
	name := func(text string) map[string]any { return map[string]any{"name": text} }
	by := func(text string) map[string]any { return map[string]any{"personalIdentityNumber": text} }
	for _, c := range []struct {
		sentence string
		who      demo.Claims
		body     map[string]any
		want     []string
	}{
		{"by the beginning of a name", intake7, name("påhittads"), []string{zoe}},
		{"in any order, without marks, in any case", intake7, name("PAHITT zoe"), []string{zoe}},
		{"a handler finds a protected person", coach1, name("zoe påhittadsson"), []string{hidden, zoe}},
		{"a short name whole", coach1, name("bo ek"), []string{other}},
		{"by number, as it is typed", intake7, by(bo[:8] + "-" + bo[8:]), []string{other}},
		{"another municipality finds nobody by name", partille, name("bo ek"), nil},
		{"nor by number", partille, by(bo), nil},
		{"nor does anybody find who is not known", intake7, by("191212121212"), nil},
	} {
		if got := search(200, c.who, c.body); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.sentence, got, c.want)
		}
	}
	at := "/referrals/" + referral
	o.want(200, intake7, http.MethodPost, at+"/transfer-requests", o.version(intake7, at), map[string]any{"municipality": "1402", "text": "Påhittat: flyttar."})
	o.want(200, partille, http.MethodPost, at+"/transfer-acceptance", o.version(partille, at), map[string]any{})
	o.eventually("the person has moved with the referral", func() bool {
		return slices.Equal(search(200, partille, name("bo ek")), []string{other}) && search(200, intake7, name("bo ek")) == nil
	})

	search(422, coach1, map[string]any{})
	search(422, coach1, map[string]any{"name": "Bo Ek", "personalIdentityNumber": bo})
	search(422, coach1, name("b ek"))
	search(422, coach1, by("191212121213"))
	search(403, sender, name("bo ek"))
	search(403, chef, name("bo ek"))
	o.want(400, coach1, http.MethodPost, "/participants/searches", "", name("bo ek")) // for no purpose
	restless := staff(actor.Coach, "coach-9")
	for range 20 {
		search(200, restless, name("ingen alls"))
	}
	search(429, restless, name("ingen alls"))
	entries := slices.DeleteFunc(o.entries(data), func(e accesslog.Entry) bool { return e.Operation != "searchParticipants" })
	if len(entries) < 8 {
		t.Fatal(entries)
	}
	first, third, fifth := entries[0], entries[2], entries[4]
	if first.Thing != "participants/searches/name" || first.Purpose != "contacted_by_person" || first.Why != "own-municipality" ||
		first.Identity != accesslog.Shown || !slices.Equal(first.Participants, []string{zoe}) || first.Subject != "intake-7" {
		t.Errorf("a search by name is entered as %+v", first)
	}
	if !slices.Equal(third.Participants, []string{hidden, zoe}) || fifth.Thing != "participants/searches/number" {
		t.Errorf("got %+v and %+v", third, fifth)
	}
	if last := entries[len(entries)-1]; last.Outcome != accesslog.Failed || last.Code != "too-many-searches" {
		t.Errorf("one search too many is entered as %+v", last)
	}
	text, _ := json.Marshal(entries)
	for _, personal := range []string{bo, bo[2:], "Ek", "ek", "hitt"} {
		if regexp.MustCompile(`"`+personal+`\b`).Match(text) || strings.Contains(string(text), bo) { // a hash may begin with two of the letters
			t.Errorf("the log holds %q", personal)
		}
	}
}

// TestCase_D6_AListNamesItsPersonsInOneCall is: with include=identity the items of a list
// name the persons, as far as the vault shows them to the caller, and the vault's log has one
// entry for the page.
func TestCase_D6_AListNamesItsPersonsInOneCall(t *testing.T) {
	data := newData(t)
	o := open(t, data)
	name := func(given, family string) func(referral, person map[string]any) {
		return func(_, person map[string]any) { person["givenName"], person["familyName"] = given, family }
	}
	first, zoe := o.refer(80, name("Zoé", "Påhittad"))
	second, hidden := o.refer(81, name("Bo", "Hemlig"))
	var enrolment string
	for _, id := range []string{first, second} {
		at := "/referrals/" + id
		o.want(200, intake7, http.MethodPost, at+"/acceptance", o.version(intake7, at), map[string]any{"initiative": "activera", "startDate": day(-20), "coach": "coach-1"})
		enrolment = o.enrolmentOf(id)
		o.change(200, coach1, enrolment, "start", map[string]any{"startedOn": day(-20)})
		var activity string
		for _, a := range o.list(coach1, "/activities?municipality=1481&limit=100") {
			if a["name"] == "Utomhusträning" && activity == "" {
				activity = a["id"].(string)
			}
		}
		o.eventually("the activity service knows the enrolment", func() bool {
			return o.call(coach1, http.MethodPost, "/bookings", map[string]string{"Idempotency-Key": id}, map[string]any{
				"enrolment": strings.TrimPrefix(enrolment, "/enrolments/"), "activity": activity, "from": day(0),
			}).Code == 201
		})
	}
	o.want(200, coach1, http.MethodPost, "/participants/"+hidden+"/protection", o.version(coach1, "/participants/"+hidden), map[string]any{"level": "confidentiality_marking", "handlers": []string{"coach-2"}})
	booked := o.list(coach1, "/bookings")[0]
	dayList := ""
	for n := range 7 { // the next day of the activity
		path := "/activities/" + booked["activity"].(string) + "/days/" + day(n)
		if o.call(coach1, http.MethodGet, path, nil, nil).Code == 200 {
			dayList = path
		}
	}
	leader := staff(actor.Supervisor, "ledare-1")
	seen := 0
	for path, who := range map[string][]demo.Claims{
		"/referrals": {intake7, coach1, officer, sender}, "/tasks": {coach1}, "/enrolments": {coach1, intake7}, "/bookings": {coach1}, dayList: {coach1, leader},
	} {
		for _, c := range who {
			for _, item := range o.list(c, path+"?include=identity") {
				i, _ := item["identity"].(map[string]any)
				switch {
				case item["participant"] == zoe && (i["displayName"] != "Zoé Påhittad" || i["protected"] != false):
					t.Errorf("%s as %v: %v", path, c.Roles, item)
				case item["participant"] == hidden && (i["protected"] != true || strings.Contains(i["displayName"].(string), "Hemlig") || i["personalIdentityNumber"] != nil):
					t.Errorf("%s as %v: %v", path, c.Roles, item)
				}
				seen++
			}
			for _, item := range o.list(c, path) {
				if item["identity"] != nil {
					t.Errorf("%s names without being asked: %v", path, item)
				}
			}
		}
	}
	if seen < 18 {
		t.Errorf("only %d persons were seen", seen)
	}
	handler := staff(actor.Coach, "coach-2")
	if all := o.do(handler, 200, http.MethodGet, "/enrolments?include=identity", nil, nil); !strings.Contains(fmt.Sprint(all), "Bo Hemlig") {
		t.Errorf("a handler reads %v", all)
	}
	person := demo.Claims{Roles: []actor.Role{actor.Participant}, Authority: "self", Participant: zoe, Subject: "person-1", Lifetime: time.Hour}
	for _, path := range []string{"/referrals", "/enrolments", "/bookings"} {
		o.want(403, person, http.MethodGet, path+"?include=identity", "", nil)
		o.want(200, person, http.MethodGet, path, "", nil)
	}
	o.want(400, coach1, http.MethodGet, "/referrals?include=everything", "", nil)
	if w := o.call(coach1, http.MethodGet, "/referrals?limit=1&include=identity", nil, nil); !strings.Contains(w.Body.String(), "&include=identity") && !strings.Contains(w.Body.String(), `u0026include=identity`) || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("the next page is not asked for alike, or the answer may be kept: %v %s", w.Header(), w.Body)
	}
	shown := slices.DeleteFunc(o.entries(data), func(e accesslog.Entry) bool {
		return e.Operation != "readIdentities" || e.Subject != "coach-2" || e.Identity != accesslog.Shown || len(e.Participants) != 2
	})
	if len(shown) != 1 {
		t.Errorf("the handler's page is entered as %v", shown)
	}
}

// TestCase_D10_AReceiverKnowsWhomToAskAtTheSender is: a referral names a contact at work, or
// else its unit in the register does; the receiver's task names it, and the person's does not.
func TestCase_D10_AReceiverKnowsWhomToAskAtTheSender(t *testing.T) {
	o := open(t, newData(t))
	contact := func(name, phone string) map[string]any {
		return map[string]any{"name": name, "email": "remisser@fk.example.se", "phone": phone}
	}
	register := func(contact any) {
		t.Helper()
		o.want(200, office1, http.MethodPut, "/units/fk-molndal", o.version(office1, "/units"),
			map[string]any{"name": "Påhittat kontor", "kind": "insurance_office", "authority": "fk", "active": true, "contact": contact})
	}
	desk, own := contact("Påhittad växel", "+46 31 000 00 02"), contact("Påhittad handläggare", "031-000 00 03")
	register(desk)
	with, person := o.refer(90, func(referral, _ map[string]any) { referral["contact"] = own })
	without, hidden := o.refer(91, nil)
	of := func(answer map[string]any) map[string]any {
		c, _ := answer["referrer"].(map[string]any)["contact"].(map[string]any)
		return c
	}
	read := func(who demo.Claims, id string, want map[string]any) {
		t.Helper()
		if got := of(o.want(200, who, http.MethodGet, "/referrals/"+id, "", nil)); !maps.Equal(got, want) {
			t.Errorf("%v reads %v, want %v", who.Roles, got, want)
		}
	}
	o.protect(hidden, "confidentiality_marking")
	for _, who := range []demo.Claims{intake7, coach1, chef, officer, sender} {
		read(who, with, own)
		read(who, without, desk) // of a protected person too: it says nothing of the person
	}
	applicant := demo.Claims{Roles: []actor.Role{actor.Participant}, Authority: "self", Participant: person, Subject: "person-1", Lifetime: time.Hour}
	read(applicant, with, nil)
	tasks := map[string]map[string]any{}
	for _, item := range o.list(intake7, "/tasks") {
		tasks[item["id"].(string)] = of(item)
	}
	if !maps.Equal(tasks[with], own) || !maps.Equal(tasks[without], desk) {
		t.Errorf("the tasks name %v", tasks)
	}
	if item := o.list(intake7, "/referrals")[0]; of(item) != nil {
		t.Errorf("a list names %v", item)
	}

	batch := o.want(200, sender, http.MethodPost, "/referrals/batch", "", map[string]any{"items": []any{map[string]any{
		"referral": o.referral(92, func(referral, _ map[string]any) { referral["contact"] = own }),
	}}})
	read(intake7, batch["items"].([]any)[0].(map[string]any)["id"].(string), own)
	draft := "/drafts/" + o.want(201, officer, http.MethodPost, "/drafts", "", o.referral(93, func(referral, _ map[string]any) { referral["contact"] = own }))["id"].(string)
	sent := o.want(201, officer, http.MethodPost, draft+"/sending", o.version(officer, draft), nil)
	read(intake7, sent["id"].(string), own)

	at, other := "/referrals/"+with, contact("Påhittad efterträdare", "+46 31 000 00 04")
	amend := func(status int, contact any) map[string]any {
		t.Helper()
		return o.want(status, officer, http.MethodPost, at+"/amendments", o.version(officer, at), map[string]any{"reason": "Påhittat: ny handläggare.", "changes": map[string]any{"contact": contact}})
	}
	amend(200, other)
	if got := amend(422, other); got["code"] != "nothing-amended" {
		t.Errorf("the same again: %v", got)
	}
	if got := amend(422, contact("19121212-1212", "031-000 00 03")); got["code"] != "personal-identity-number-here" {
		t.Errorf("a number: %v", got)
	}
	read(intake7, with, other)
	for who, want := range map[*demo.Claims]bool{&intake7: true, &officer: true, &applicant: false} {
		log := fmt.Sprint(o.want(200, *who, http.MethodGet, at, "", nil)["changeLog"])
		if strings.Contains(log, "handläggare phone") != want || strings.Contains(log, "efterträdare") != want {
			t.Errorf("%v reads the change %s", who.Roles, log)
		}
	}
	unread := map[string]string{"If-None-Match": o.version(officer, "/referrals/"+without)}
	for i, now := range []any{contact("Påhittad ny växel", "+46 31 000 00 02"), nil, desk} {
		register(now)
		want := 200
		if i == 2 { // as it was read
			want = 304
		}
		if w := o.call(officer, http.MethodGet, "/referrals/"+without, unread, nil); w.Code != want || want == 200 && strings.Contains(w.Body.String(), "växel") != (now != nil) {
			t.Errorf("after the register has %v: %d %s", now, w.Code, w.Body)
		}
	}
	for _, who := range []demo.Claims{sender, intake7} {
		var text string
		o.eventually("the events have come", func() bool {
			text = o.call(who, http.MethodGet, "/events", nil, nil).Body.String()
			return strings.Contains(text, with)
		})
		if strings.Contains(text, "växel") || strings.Contains(text, "efterträdare") || strings.Contains(text, "remisser@") {
			t.Errorf("the events name the contact: %s", text)
		}
	}
}

// TestCase_D10_AContactIsRemoved is: the sender takes its contact away, and then the unit's
// is shown.
func TestCase_D10_AContactIsRemoved(t *testing.T) {
	o := open(t, newData(t))
	desk, own := map[string]any{"name": "Påhittad växel"}, map[string]any{"name": "Påhittad handläggare"}
	o.want(200, office1, http.MethodPut, "/units/fk-molndal", o.version(office1, "/units"),
		map[string]any{"name": "Påhittat kontor", "kind": "insurance_office", "authority": "fk", "active": true, "contact": desk})
	id, _ := o.refer(94, func(referral, _ map[string]any) { referral["contact"] = own })
	at := "/referrals/" + id
	remove := func(status int, changes map[string]any) map[string]any {
		t.Helper()
		changes["remove"] = []string{"contact"}
		return o.want(status, officer, http.MethodPost, at+"/amendments", o.version(officer, at), map[string]any{"reason": "Påhittat: fråga växeln.", "changes": changes})
	}
	if got := remove(422, map[string]any{"contact": desk}); got["code"] != "contact-removed-and-given" {
		t.Errorf("removed and given: %v", got)
	}
	remove(200, map[string]any{})
	got := o.want(200, intake7, http.MethodGet, at, "", nil)
	change := got["changeLog"].([]any)[0].(map[string]any)["changes"].(map[string]any)["contact"]
	if !reflect.DeepEqual(got["referrer"].(map[string]any)["contact"], desk) || !reflect.DeepEqual(change, map[string]any{"old": own}) {
		t.Errorf("the receiver reads %v, changed by %v", got["referrer"], change)
	}
	if got := remove(422, map[string]any{}); got["code"] != "nothing-amended" {
		t.Errorf("removed again: %v", got)
	}
	if got := o.want(400, officer, http.MethodPost, at+"/amendments", o.version(officer, at), map[string]any{"reason": "Påhittat.", "changes": map[string]any{"remove": []string{"reason"}}}); !strings.Contains(fmt.Sprint(got["errors"]), "/changes/remove/0") {
		t.Errorf("what cannot be removed: %v", got)
	}
}
