package standalone_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

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
