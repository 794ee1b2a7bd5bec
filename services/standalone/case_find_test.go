package standalone_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
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
			o.do(coach1, 201, http.MethodPost, "/bookings", nil, map[string]any{"enrolment": strings.TrimPrefix(e, "/enrolments/"), "activity": a["id"], "from": day(0)})
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
