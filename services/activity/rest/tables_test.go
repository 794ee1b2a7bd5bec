package rest

import (
	"strings"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/activity"
	. "github.com/finsam/finsam/services/activity/activitytest"
)

func contractText() []byte { return api.Spec }

// weekTables are the bad inputs to what is about activities.
func weekTables(w *world) map[string][]bad {
	calls := "/activities/" + Walk + "/cancellations"
	off, lifted := calls+"/"+w.off, calls+"/"+w.restored
	late := strings.Repeat("x", 200)
	return map[string][]bad{
		"getMunicipalityWeek": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: "/municipalities/1481/week"},
			{sentence: "a code that is no code", method: "GET", path: "/municipalities/molndal/week"},
			{sentence: "a municipality that is no member", method: "GET", path: "/municipalities/0180/week"},
			{sentence: "a week that is no week", method: "GET", path: "/municipalities/1481/week?week=48"},
			{sentence: "a week that its year lacks", method: "GET", path: "/municipalities/1481/week?week=2027-W53"},
			{sentence: "an unknown parameter", method: "GET", path: "/municipalities/1481/week?vecka=2026-W48"},
			{sentence: "an association that is not served", who: w.foreign, method: "GET", path: "/municipalities/1481/week"},
			{sentence: "a role without a row", who: with(actor.Reviewer), method: "GET", path: "/municipalities/1481/week"},
		},
		"listActivities": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: "/activities"},
			{sentence: "a code that is no code", method: "GET", path: "/activities?municipality=14810"},
			{sentence: "a limit of zero", method: "GET", path: "/activities?limit=0"},
			{sentence: "a limit beyond the highest", method: "GET", path: "/activities?limit=201"},
			{sentence: "a page that is a word", method: "GET", path: "/activities?page=first"},
			{sentence: "a role without a row", who: with(actor.Reviewer), method: "GET", path: "/activities"},
		},
		"cancelOccurrence": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: calls, body: object{"date": "2026-12-08", "reason": "weather"}},
			{sentence: "without a body", method: "POST", path: calls},
			{sentence: "an empty body", method: "POST", path: calls, body: object{}},
			{sentence: "no JSON", method: "POST", path: calls, body: `{"date":`},
			{sentence: "an unknown field", method: "POST", path: calls, body: object{"date": "2026-12-08", "reason": "weather", "text": "fritt"}},
			{sentence: "a reason of one's own", method: "POST", path: calls, body: object{"date": "2026-12-08", "reason": "football"}},
			{sentence: "a date of the wrong type", method: "POST", path: calls, body: object{"date": 20261208, "reason": "weather"}},
			{sentence: "a date that does not exist", method: "POST", path: calls, body: object{"date": "2026-02-30", "reason": "weather"}},
			{sentence: "a Wednesday", method: "POST", path: calls, body: object{"date": "2026-12-09", "reason": "weather"}},
			{sentence: "a day on which somebody came", method: "POST", path: calls, body: object{"date": "2026-11-17", "reason": "weather"}},
			{sentence: "a day too far away", method: "POST", path: calls, body: object{"date": "2028-11-21", "reason": "weather"}},
			{sentence: "already called off", method: "POST", path: calls, body: object{"date": "2026-11-24", "reason": "weather"}},
			{sentence: "an activity without a weekday", who: w.elsewhere, method: "POST", path: "/activities/" + w.Activity(w.t, Alingsas, 0) + "/cancellations", body: object{"date": "2026-12-08", "reason": "weather"}},
			{sentence: "an activity that is not offered", method: "POST", path: "/activities/" + noID + "/cancellations", body: object{"date": "2026-12-08", "reason": "weather"}},
			{sentence: "another municipality's activity", who: w.elsewhere, method: "POST", path: calls, body: object{"date": "2026-12-08", "reason": "weather"}},
			{sentence: "an id of another form", method: "POST", path: "/activities/promenad/cancellations", body: object{"date": "2026-12-08", "reason": "weather"}},
			{sentence: "a key that is too long", method: "POST", path: calls, body: object{"date": "2026-12-08", "reason": "weather"}, header: []string{"Idempotency-Key", late}},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: calls, body: object{"date": "2026-12-08", "reason": "weather"}},
			{sentence: "in English", method: "POST", path: calls, body: object{"date": "2026-12-09", "reason": "weather"}, header: []string{"Accept-Language", "en"}},
		},
		"getCancellation": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: off},
			{sentence: "one that does not exist", method: "GET", path: calls + "/" + noID},
			{sentence: "under another activity", method: "GET", path: "/activities/" + noID + "/cancellations/" + w.off},
			{sentence: "an id of another form", method: "GET", path: calls + "/one"},
			{sentence: "another association's", who: w.foreign, method: "GET", path: off},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: off},
		},
		"restoreOccurrence": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: off + "/restoration"},
			{sentence: "without If-Match", method: "POST", path: off + "/restoration"},
			{sentence: "a stale version", method: "POST", path: off + "/restoration", header: []string{"If-Match", `"7"`}},
			{sentence: "a version without quotes", method: "POST", path: off + "/restoration", header: []string{"If-Match", "1"}},
			{sentence: "already lifted", method: "POST", path: lifted + "/restoration", header: []string{"If-Match", `"2"`}},
			{sentence: "another municipality's", who: w.elsewhere, method: "POST", path: off + "/restoration", header: []string{"If-Match", `"1"`}},
			{sentence: "one that does not exist", method: "POST", path: calls + "/" + noID + "/restoration", header: []string{"If-Match", `"1"`}},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: off + "/restoration", header: []string{"If-Match", `"1"`}},
		},
		"getActivityDay": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: "/activities/" + Walk + "/days/2026-11-17"},
			{sentence: "a day of another form", method: "GET", path: "/activities/" + Walk + "/days/tuesday"},
			{sentence: "a day that does not exist", method: "GET", path: "/activities/" + Walk + "/days/2026-02-30"},
			{sentence: "a day without an occurrence", method: "GET", path: "/activities/" + Walk + "/days/2026-11-18"},
			{sentence: "another municipality's", who: w.elsewhere, method: "GET", path: "/activities/" + Walk + "/days/2026-11-17"},
			{sentence: "an activity that is not offered", method: "GET", path: "/activities/" + noID + "/days/2026-11-17"},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: "/activities/" + Walk + "/days/2026-11-17"},
		},
	}
}

// referenceTables are the bad inputs to what a form needs.
func referenceTables(w *world) map[string][]bad {
	tables := map[string][]bad{}
	for operation, path := range map[string]string{
		"listInitiatives": "/initiatives", "listPlans": "/plans", "listConsentTexts": "/consent-texts", "listChecklists": "/checklists", "listMunicipalities": "/municipalities", "listAuthorities": "/authorities", "listCodeLists": "/code-lists",
	} {
		tables[operation] = []bad{
			{sentence: "without a token", who: w.nobody, method: "GET", path: path},
			{sentence: "an unknown parameter", method: "GET", path: path + "?sort=id"},
			{sentence: "a day that does not exist", method: "GET", path: path + "?on=2027-02-29"},
			{sentence: "a day before the programme", method: "GET", path: path + "?on=1999-12-31"},
			{sentence: "a day that nobody plans", method: "GET", path: path + "?on=2099-01-01"},
			{sentence: "an association that is not served", who: w.foreign, method: "GET", path: path},
			{sentence: "a role without a row", who: with(actor.Reviewer), method: "GET", path: path},
		}
	}
	return tables
}

// programmeTables are the bad inputs to the programme's objects.
func programmeTables(w *world) map[string][]bad {
	walk := func() object { return object{"name": "Promenad", "category": "social", "day": "tuesday"} }
	body := func(changes object) object {
		o := object{"kind": "series", "municipality": Molndal, "validFrom": "2027-01-11", "series": walk()}
		for field, value := range changes {
			if o[field] = value; value == nil {
				delete(o, field)
			}
		}
		return o
	}
	version := func(changes object) object {
		o := body(changes)
		delete(o, "kind")
		delete(o, "municipality")
		return o
	}
	planner, admin, elsewhere := with(actor.Planner), with(actor.AssociationAdmin), w.elsewhere
	elsewhere.Roles = planner.Roles
	second := planner
	second.Subject = "planner-2"
	all, drafted, active := "/programme-objects", "/programme-objects/"+w.drafted, "/programme-objects/"+w.active
	match := func(version string) []string { return []string{"If-Match", `"` + version + `"`} }
	changes := func(method, path string, body any) []bad {
		return []bad{
			{sentence: "without a token", who: w.nobody, method: method, path: drafted + path, body: body},
			{sentence: "without If-Match", who: planner, method: method, path: drafted + path, body: body},
			{sentence: "a stale version", who: planner, method: method, path: drafted + path, body: body, header: match("7")},
			{sentence: "another municipality's planner", who: elsewhere, method: method, path: drafted + path, body: body, header: match("1")},
			{sentence: "one that does not exist", who: planner, method: method, path: all + "/series." + noID + path, body: body, header: match("1")},
			{sentence: "a role without a row", who: w.referrer, method: method, path: drafted + path, body: body, header: match("1")},
		}
	}
	return map[string][]bad{
		"listProgrammeObjects": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: all},
			{sentence: "a kind of one's own", who: planner, method: "GET", path: all + "?kind=person"},
			{sentence: "a code that is no code", who: planner, method: "GET", path: all + "?municipality=molndal"},
			{sentence: "a limit beyond the highest", who: planner, method: "GET", path: all + "?limit=201"},
			{sentence: "a role without a row", who: with(actor.Reviewer), method: "GET", path: all},
		},
		"createProgrammeObject": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: all, body: body(nil)},
			{sentence: "without a body", who: planner, method: "POST", path: all},
			{sentence: "an unknown field", who: planner, method: "POST", path: all, body: body(object{"person": "Påhittad"})},
			{sentence: "a kind of one's own", who: planner, method: "POST", path: all, body: body(object{"kind": "person"})},
			{sentence: "the association", who: admin, method: "POST", path: all, body: body(object{"kind": "association"})},
			{sentence: "no content", who: planner, method: "POST", path: all, body: body(object{"series": nil})},
			{sentence: "two contents", who: planner, method: "POST", path: all, body: body(object{"terms": object{"decision": 14}})},
			{sentence: "content of another kind", who: planner, method: "POST", path: all, body: body(object{"series": nil, "site": object{"name": "Påhittad plats"}})},
			{sentence: "a category of one's own", who: planner, method: "POST", path: all, body: body(object{"series": object{"name": "Promenad", "category": "football"}})},
			{sentence: "a series of no municipality", who: admin, method: "POST", path: all, body: body(object{"municipality": nil})},
			{sentence: "an id of another kind", who: admin, method: "POST", path: all, body: body(object{"id": "plan.activera"})},
			{sentence: "from the past", who: planner, method: "POST", path: all, body: body(object{"validFrom": "2026-01-01"})},
			{sentence: "the last day before the first", who: planner, method: "POST", path: all, body: body(object{"validTo": "2027-01-10"})},
			{sentence: "another municipality's", who: elsewhere, method: "POST", path: all, body: body(nil)},
			{sentence: "a plan by a planner", who: planner, method: "POST", path: all, body: body(object{"kind": "plan", "id": "plan.activera.1481", "series": nil, "plan": object{"maxWeeks": 24}})},
			{sentence: "a key with a blank", who: planner, method: "POST", path: all, body: body(nil), header: []string{"Idempotency-Key", "a b"}},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: all, body: body(nil)},
		},
		"getProgrammeObject": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: drafted},
			{sentence: "an id of another form", who: planner, method: "GET", path: all + "/plan.activera.1481.1"},
			{sentence: "one that does not exist", who: planner, method: "GET", path: all + "/series." + noID},
			{sentence: "a draft of another municipality", who: elsewhere, method: "GET", path: drafted},
			{sentence: "another association's", who: w.foreign, method: "GET", path: drafted},
			{sentence: "a role without a row", who: with(actor.Reviewer), method: "GET", path: drafted},
		},
		"replaceProgrammeDraft": append(changes("PUT", "/draft", version(nil)),
			bad{sentence: "content of another kind", who: planner, method: "PUT", path: drafted + "/draft", body: version(object{"series": nil, "site": object{"name": "Påhittad plats"}}), header: match("1")},
			bad{sentence: "what a file owns", who: planner, method: "PUT", path: all + "/series." + Walk + "/draft", body: version(nil), header: match("1")},
			bad{sentence: "from the past", who: planner, method: "PUT", path: drafted + "/draft", body: version(object{"validFrom": "2026-01-01"}), header: match("1")},
			bad{sentence: "in English", who: planner, method: "PUT", path: drafted + "/draft", body: version(object{"validFrom": "2026-01-01"}), header: append(match("1"), "Accept-Language", "en")}),
		"discardProgrammeDraft": append(changes("DELETE", "/draft", nil),
			bad{sentence: "no draft", who: planner, method: "DELETE", path: active + "/draft", header: match("2")}),
		"checkProgrammeDraft": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: drafted + "/check"},
			{sentence: "no draft", who: planner, method: "POST", path: active + "/check"},
			{sentence: "another municipality's planner", who: elsewhere, method: "POST", path: drafted + "/check"},
			{sentence: "one that does not exist", who: planner, method: "POST", path: all + "/series." + noID + "/check"},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: drafted + "/check"},
		},
		"activateProgrammeDraft": append(changes("POST", "/activation", nil),
			bad{sentence: "one's own draft", who: planner, method: "POST", path: drafted + "/activation", header: match("1")},
			bad{sentence: "no draft", who: planner, method: "POST", path: active + "/activation", header: match("2")},
			bad{sentence: "what the check finds", who: second, method: "POST", path: all + "/" + w.wrong + "/activation", header: match("1")}),
		"endProgrammeObject": append(changes("POST", "/ending", object{"from": "2027-06-14"}),
			bad{sentence: "in the past", who: planner, method: "POST", path: active + "/ending", body: object{"from": "2026-01-01"}, header: match("2")},
			bad{sentence: "what never held", who: planner, method: "POST", path: drafted + "/ending", body: object{"from": "2027-06-14"}, header: match("1")}),
	}
}

// with is somebody of Mölndal with one role.
func with(r actor.Role) actor.Actor {
	a := Coach(Molndal)
	a.Roles = []actor.Role{r}
	return a
}

// bookingTables are the bad inputs to what is about bookings.
func bookingTables(w *world) map[string][]bad {
	one, ended := "/bookings/"+w.booking, "/bookings/"+w.ended
	body := func(changes ...string) object {
		o := object{"enrolment": Enrolment, "activity": w.Activity(w.t, Molndal, 5), "from": "2026-11-23"}
		for i := 0; i+1 < len(changes); i += 2 {
			o[changes[i]] = changes[i+1]
		}
		return o
	}
	match := func(version string) []string { return []string{"If-Match", `"` + version + `"`} }
	return map[string][]bad{
		"listBookings": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: "/bookings"},
			{sentence: "a state of one's own", method: "GET", path: "/bookings?state=lost"},
			{sentence: "a participant that is no id", method: "GET", path: "/bookings?participant=191212121212"},
			{sentence: "a cursor of one's own", method: "GET", path: "/bookings?cursor=abc"},
			{sentence: "an unknown parameter", method: "GET", path: "/bookings?name=x"},
			{sentence: "a limit beyond the highest", method: "GET", path: "/bookings?limit=1000"},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: "/bookings"},
		},
		"createBooking": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: "/bookings", body: body()},
			{sentence: "without a body", method: "POST", path: "/bookings"},
			{sentence: "an empty body", method: "POST", path: "/bookings", body: object{}},
			{sentence: "a list for a body", method: "POST", path: "/bookings", body: []int{1}},
			{sentence: "an unknown field", method: "POST", path: "/bookings", body: body("name", "Tolvan")},
			{sentence: "an enrolment that is no id", method: "POST", path: "/bookings", body: body("enrolment", "191212121212")},
			{sentence: "a date that is too long", method: "POST", path: "/bookings", body: body("from", "2026-11-23T00:00:00Z")},
			{sentence: "a date that does not exist", method: "POST", path: "/bookings", body: body("from", "2026-11-31")},
			{sentence: "an end before the start", method: "POST", path: "/bookings", body: body("until", "2026-11-01")},
			{sentence: "a start too far away", method: "POST", path: "/bookings", body: body("from", "2030-01-01")},
			{sentence: "an enrolment that does not exist", method: "POST", path: "/bookings", body: body("enrolment", noID)},
			{sentence: "another municipality's enrolment", who: w.elsewhere, method: "POST", path: "/bookings", body: body()},
			{sentence: "another association's enrolment", who: w.foreign, method: "POST", path: "/bookings", body: body()},
			{sentence: "an activity that is not offered", method: "POST", path: "/bookings", body: body("activity", noID)},
			{sentence: "another municipality's activity", method: "POST", path: "/bookings", body: body("activity", w.Activity(w.t, Alingsas, 0))},
			{sentence: "booked already", method: "POST", path: "/bookings", body: body("activity", Walk)},
			{sentence: "a key that is used", method: "POST", path: "/bookings", body: body(), header: []string{"Idempotency-Key", "used"}},
			{sentence: "a key with a blank", method: "POST", path: "/bookings", body: body(), header: []string{"Idempotency-Key", "a b"}},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: "/bookings", body: body()},
		},
		"getBooking": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: one},
			{sentence: "an id of another form", method: "GET", path: "/bookings/1"},
			{sentence: "one that does not exist", method: "GET", path: "/bookings/" + noID},
			{sentence: "another municipality's", who: w.elsewhere, method: "GET", path: one},
			{sentence: "another association's", who: w.foreign, method: "GET", path: one},
			{sentence: "another participant's", who: Participant(noID), method: "GET", path: one},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: one},
		},
		"cancelBooking": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: one + "/cancellation", body: object{"from": "2026-12-01"}},
			{sentence: "without If-Match", method: "POST", path: one + "/cancellation", body: object{"from": "2026-12-01"}},
			{sentence: "a stale version", method: "POST", path: one + "/cancellation", body: object{"from": "2026-12-01"}, header: match("1")},
			{sentence: "an empty body", method: "POST", path: one + "/cancellation", body: object{}, header: match("2")},
			{sentence: "a date that does not exist", method: "POST", path: one + "/cancellation", body: object{"from": "2026-13-01"}, header: match("2")},
			{sentence: "a day too far away", method: "POST", path: one + "/cancellation", body: object{"from": "2031-01-01"}, header: match("2")},
			{sentence: "before attendance that is noted", method: "POST", path: one + "/cancellation", body: object{"from": "2026-11-10"}, header: match("2")},
			{sentence: "cancelled already", method: "POST", path: ended + "/cancellation", body: object{"from": "2026-12-01"}, header: match("2")},
			{sentence: "another municipality's", who: w.elsewhere, method: "POST", path: one + "/cancellation", body: object{"from": "2026-12-01"}, header: match("2")},
			{sentence: "one that does not exist", method: "POST", path: "/bookings/" + noID + "/cancellation", body: object{"from": "2026-12-01"}, header: match("2")},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: one + "/cancellation", body: object{"from": "2026-12-01"}, header: match("2")},
		},
		"correctAttendance": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: one + "/attendance-corrections", body: object{"date": "2026-11-17", "attendance": "absent", "reason": "Påhittat."}},
			{sentence: "without If-Match", method: "POST", path: one + "/attendance-corrections", body: object{"date": "2026-11-17", "attendance": "absent", "reason": "Påhittat."}},
			{sentence: "a stale version", method: "POST", path: one + "/attendance-corrections", body: object{"date": "2026-11-17", "attendance": "absent", "reason": "Påhittat."}, header: match("1")},
			{sentence: "an empty body", method: "POST", path: one + "/attendance-corrections", body: object{}, header: match("2")},
			{sentence: "a reason that says nothing", method: "POST", path: one + "/attendance-corrections", body: object{"date": "2026-11-17", "attendance": "absent", "reason": "  "}, header: match("2")},
			{sentence: "a word of one's own", method: "POST", path: one + "/attendance-corrections", body: object{"date": "2026-11-17", "attendance": "late", "reason": "Påhittat."}, header: match("2")},
			{sentence: "a day without a note", method: "POST", path: one + "/attendance-corrections", body: object{"date": "2026-11-10", "attendance": "absent", "reason": "Påhittat."}, header: match("2")},
			{sentence: "another municipality's", who: w.elsewhere, method: "POST", path: one + "/attendance-corrections", body: object{"date": "2026-11-17", "reason": "Påhittat."}, header: match("2")},
			{sentence: "one that does not exist", method: "POST", path: "/bookings/" + noID + "/attendance-corrections", body: object{"date": "2026-11-17", "reason": "Påhittat."}, header: match("2")},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: one + "/attendance-corrections", body: object{"date": "2026-11-17", "reason": "Påhittat."}, header: match("2")},
		},
		"noteAttendance": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: one + "/attendances", body: object{"date": "2026-11-10", "attendance": "present"}},
			{sentence: "without If-Match", method: "POST", path: one + "/attendances", body: object{"date": "2026-11-10", "attendance": "present"}},
			{sentence: "a stale version", method: "POST", path: one + "/attendances", body: object{"date": "2026-11-10", "attendance": "present"}, header: match("1")},
			{sentence: "an empty body", method: "POST", path: one + "/attendances", body: object{}, header: match("2")},
			{sentence: "a word of one's own", method: "POST", path: one + "/attendances", body: object{"date": "2026-11-10", "attendance": "late"}, header: match("2")},
			{sentence: "free text", method: "POST", path: one + "/attendances", body: object{"date": "2026-11-10", "attendance": "absent", "text": "sjuk"}, header: match("2")},
			{sentence: "a date that does not exist", method: "POST", path: one + "/attendances", body: object{"date": "2026-11-31", "attendance": "present"}, header: match("2")},
			{sentence: "a Wednesday", method: "POST", path: one + "/attendances", body: object{"date": "2026-11-18", "attendance": "present"}, header: match("2")},
			{sentence: "a Tuesday to come", method: "POST", path: one + "/attendances", body: object{"date": "2026-12-08", "attendance": "present"}, header: match("2")},
			{sentence: "before the booking", method: "POST", path: one + "/attendances", body: object{"date": "2026-11-03", "attendance": "present"}, header: match("2")},
			{sentence: "another municipality's", who: w.elsewhere, method: "POST", path: one + "/attendances", body: object{"date": "2026-11-10", "attendance": "present"}, header: match("2")},
			{sentence: "one that does not exist", method: "POST", path: "/bookings/" + noID + "/attendances", body: object{"date": "2026-11-10", "attendance": "present"}, header: match("2")},
			{sentence: "the person itself", who: Participant(Person), method: "POST", path: one + "/attendances", body: object{"date": "2026-11-10", "attendance": "present"}, header: match("2")},
		},
	}
}

// calendarTables are the bad inputs to what is about a participant's calendar.
func calendarTables(w *world) map[string][]bad {
	week, feeds := "/participants/"+Person+"/week", "/participants/"+Person+"/calendar-feeds"
	one := feeds + "/" + w.address
	return map[string][]bad{
		"getParticipantWeek": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: week},
			{sentence: "a personal number for an id", method: "GET", path: "/participants/191212121212/week"},
			{sentence: "a week that is no week", method: "GET", path: week + "?week=nu"},
			{sentence: "a week that its year lacks", method: "GET", path: week + "?week=2027-W53"},
			{sentence: "somebody unknown", method: "GET", path: "/participants/" + noID + "/week"},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "GET", path: week},
			{sentence: "another association's coach", who: w.foreign, method: "GET", path: week},
			{sentence: "another participant", who: Participant(noID), method: "GET", path: week},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: week},
		},
		"listCalendarFeeds": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: feeds},
			{sentence: "a limit of zero", method: "GET", path: feeds + "?limit=0"},
			{sentence: "another participant", who: Participant(noID), method: "GET", path: feeds},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "GET", path: feeds},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: feeds},
		},
		"createCalendarFeed": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: feeds},
			{sentence: "an id of another form", method: "POST", path: "/participants/me/calendar-feeds"},
			{sentence: "another participant", who: Participant(noID), method: "POST", path: feeds},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "POST", path: feeds},
			{sentence: "a key with a blank", method: "POST", path: feeds, header: []string{"Idempotency-Key", "a b"}},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: feeds},
		},
		"getCalendarFeed": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: one},
			{sentence: "one that does not exist", method: "GET", path: feeds + "/" + noID},
			{sentence: "under another participant", who: Participant(noID), method: "GET", path: "/participants/" + noID + "/calendar-feeds/" + w.address},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "GET", path: one},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: one},
		},
		"revokeCalendarFeed": {
			{sentence: "without a token", who: w.nobody, method: "DELETE", path: one},
			{sentence: "without If-Match", method: "DELETE", path: one},
			{sentence: "a stale version", method: "DELETE", path: one, header: []string{"If-Match", `"2"`}},
			{sentence: "one that does not exist", method: "DELETE", path: feeds + "/" + noID, header: []string{"If-Match", `"1"`}},
			{sentence: "another participant", who: Participant(noID), method: "DELETE", path: one, header: []string{"If-Match", `"1"`}},
			{sentence: "a role without a row", who: w.referrer, method: "DELETE", path: one, header: []string{"If-Match", `"1"`}},
		},
		"readCalendar": {
			{sentence: "a secret that never was", who: w.nobody, method: "GET", path: "/calendars/" + noToken},
			{sentence: "a secret of the wrong form", who: w.nobody, method: "GET", path: "/calendars/hemlig"},
		},
	}
}
