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
		"getLeaderWeek": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: "/leaders/me/week"},
			{sentence: "a leader by number", method: "GET", path: "/leaders/19121212-1212/week"},
			{sentence: "a week that its year lacks", method: "GET", path: "/leaders/me/week?week=2027-W53"},
			{sentence: "an unknown parameter", method: "GET", path: "/leaders/me/week?vecka=2026-W48"},
			{sentence: "an association that is not served", who: w.foreign, method: "GET", path: "/leaders/me/week"},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: "/leaders/me/week"},
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
			{sentence: "a last day before the first", method: "POST", path: calls, body: object{"date": "2026-12-08", "until": "2026-12-01", "reason": "weather"}},
			{sentence: "a span of more than 100 days", method: "POST", path: calls, body: object{"date": "2026-12-08", "until": "2027-03-18", "reason": "weather"}},
			{sentence: "a span without an occurrence", method: "POST", path: calls, body: object{"date": "2026-12-09", "until": "2026-12-14", "reason": "weather"}},
			{sentence: "a span in which somebody came", method: "POST", path: calls, body: object{"date": "2026-11-16", "until": "2026-12-14", "reason": "weather"}},
			{sentence: "a message with somebody's number", method: "POST", path: calls, body: object{"date": "2026-12-08", "reason": "leader_absent", "message": "Ring 19121212-1212."}},
			{sentence: "a message of two lines", method: "POST", path: calls, body: object{"date": "2026-12-08", "reason": "leader_absent", "message": "Hej\nhej"}},
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
			{sentence: "an unknown field of the content", who: planner, method: "POST", path: all, body: body(object{"series": object{"name": "Promenad", "category": "social", "person": "Påhittad", "closedGroup": object{"persons": 8}}})},
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
			bad{sentence: "an unknown field of the content", who: planner, method: "PUT", path: drafted + "/draft", body: version(object{"series": object{"name": "Promenad", "category": "social", "person": "Påhittad"}}), header: match("1")},
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
	door := "/activities/" + Walk + "/days/2026-11-17/drop-ins"
	answers := func(path string) []bad {
		return []bad{
			{sentence: "without a token", who: w.nobody, method: "POST", path: one + path},
			{sentence: "without If-Match", method: "POST", path: one + path},
			{sentence: "a stale version", method: "POST", path: one + path, header: match("1")},
			{sentence: "nothing is offered", method: "POST", path: one + path, header: match("2")},
			{sentence: "another municipality's", who: w.elsewhere, method: "POST", path: one + path, header: match("2")},
			{sentence: "one that does not exist", method: "POST", path: "/bookings/" + noID + path, header: match("2")},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: one + path, header: match("2")},
		}
	}
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
			{sentence: "an activity without a weekday, of another municipality", method: "POST", path: "/bookings", body: body("activity", w.Activity(w.t, Alingsas, 0))},
			{sentence: "days without an occurrence", method: "POST", path: "/bookings", body: body("until", "2026-11-23")},
			{sentence: "a slot of an activity that has none", method: "POST", path: "/bookings", body: body("slot", "13:00")},
			{sentence: "a slot that is no time", method: "POST", path: "/bookings", body: body("slot", "1 pm")},
			{sentence: "a priority of one's own", method: "POST", path: "/bookings", body: body("priority", "urgent")},
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
		"acceptOffer":  answers("/offer-acceptance"),
		"declineOffer": answers("/offer-refusal"),
		"getActivityPlaces": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: "/activities/" + Walk + "/days/2026-11-24/places"},
			{sentence: "a date that does not exist", method: "GET", path: "/activities/" + Walk + "/days/2026-02-30/places"},
			{sentence: "a Wednesday", method: "GET", path: "/activities/" + Walk + "/days/2026-11-25/places"},
			{sentence: "an activity that is not offered", method: "GET", path: "/activities/" + noID + "/days/2026-11-24/places"},
			{sentence: "another association's", who: w.foreign, method: "GET", path: "/activities/" + Walk + "/days/2026-11-24/places"},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: "/activities/" + Walk + "/days/2026-11-24/places"},
		},
		"noteDropIn": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: door, body: object{"participant": Person}},
			{sentence: "an empty body", method: "POST", path: door, body: object{}},
			{sentence: "a personal number for an id", method: "POST", path: door, body: object{"participant": "191212121212"}},
			{sentence: "an unknown field", method: "POST", path: door, body: object{"participant": Person, "name": "Tolvan"}},
			{sentence: "an activity that one books", method: "POST", path: door, body: object{"participant": Person}},
			{sentence: "a date that does not exist", method: "POST", path: "/activities/" + Walk + "/days/2026-02-30/drop-ins", body: object{"participant": Person}},
			{sentence: "somebody unknown", method: "POST", path: door, body: object{"participant": noID}},
			{sentence: "another municipality's activity", who: w.elsewhere, method: "POST", path: door, body: object{"participant": Person}},
			{sentence: "a key with a blank", method: "POST", path: door, body: object{"participant": Person}, header: []string{"Idempotency-Key", "a b"}},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: door, body: object{"participant": Person}},
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
			{sentence: "a word of one's own", method: "POST", path: one + "/attendance-corrections", body: object{"date": "2026-11-17", "attendance": "here", "reason": "Påhittat."}, header: match("2")},
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
			{sentence: "a word of one's own", method: "POST", path: one + "/attendances", body: object{"date": "2026-11-10", "attendance": "here"}, header: match("2")},
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
		"listStaffCalendars": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: "/staff-calendars"},
			{sentence: "a limit of zero", method: "GET", path: "/staff-calendars?limit=0"},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: "/staff-calendars"},
		},
		"createStaffCalendar": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: "/staff-calendars", body: object{}},
			{sentence: "without a body", method: "POST", path: "/staff-calendars"},
			{sentence: "a municipality by name", method: "POST", path: "/staff-calendars", body: object{"municipality": "Mölndal"}},
			{sentence: "a municipality that is no member", method: "POST", path: "/staff-calendars", body: object{"municipality": "0180"}},
			{sentence: "another leader's", method: "POST", path: "/staff-calendars", body: object{"leader": "coach-2"}},
			{sentence: "a key with a blank", method: "POST", path: "/staff-calendars", body: object{}, header: []string{"Idempotency-Key", "a b"}},
			{sentence: "an association that is not served", who: w.foreign, method: "POST", path: "/staff-calendars", body: object{}},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: "/staff-calendars", body: object{}},
		},
		"getStaffCalendar": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: "/staff-calendars/" + w.address},
			{sentence: "one that does not exist", method: "GET", path: "/staff-calendars/" + noID},
			{sentence: "a participant's", method: "GET", path: "/staff-calendars/" + w.address},
			{sentence: "an id of another form", method: "GET", path: "/staff-calendars/mine"},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: "/staff-calendars/" + w.address},
		},
		"revokeStaffCalendar": {
			{sentence: "without a token", who: w.nobody, method: "DELETE", path: "/staff-calendars/" + w.address},
			{sentence: "without If-Match", method: "DELETE", path: "/staff-calendars/" + w.address},
			{sentence: "a participant's", method: "DELETE", path: "/staff-calendars/" + w.address, header: []string{"If-Match", `"1"`}},
			{sentence: "one that does not exist", method: "DELETE", path: "/staff-calendars/" + noID, header: []string{"If-Match", `"1"`}},
			{sentence: "a role without a row", who: w.referrer, method: "DELETE", path: "/staff-calendars/" + w.address, header: []string{"If-Match", `"1"`}},
		},
		"readCalendar": {
			{sentence: "a secret that never was", who: w.nobody, method: "GET", path: "/calendars/" + noToken},
			{sentence: "a secret of the wrong form", who: w.nobody, method: "GET", path: "/calendars/hemlig"},
		},
	}
}

// attendanceTables are the bad inputs to whole lists, and to absence.
func attendanceTables(w *world) map[string][]bad {
	day, absences, signals := "/activities/"+Walk+"/days/2026-11-17/attendances", "/participants/"+Person+"/absences", "/absence-signals"
	one, signal := absences+"/"+w.absence, signals+"/"+noID
	rows := func(n int) object {
		all := make([]object, n)
		for i := range all {
			all[i] = object{"clientId": noID, "notedAt": "2026-11-17T12:05:00Z", "booking": w.booking, "attendance": "present"}
		}
		return object{"items": all}
	}
	ill := func(from, until any) object { return object{"from": from, "until": until, "reason": "ill"} }
	match := func(version string) []string { return []string{"If-Match", `"` + version + `"`} }
	return map[string][]bad{
		"noteDayAttendances": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: day, body: rows(1)},
			{sentence: "without a body", method: "POST", path: day},
			{sentence: "no rows", method: "POST", path: day, body: rows(0)},
			{sentence: "too many rows", method: "POST", path: day, body: rows(201)},
			{sentence: "an unknown field", method: "POST", path: day, body: object{"items": []object{}, "text": "fritt"}},
			{sentence: "a day that does not exist", method: "POST", path: "/activities/" + Walk + "/days/2026-02-30/attendances", body: rows(1)},
			{sentence: "an activity that is not offered", method: "POST", path: "/activities/" + noID + "/days/2026-11-17/attendances", body: rows(1)},
			{sentence: "another municipality's", who: w.elsewhere, method: "POST", path: day, body: rows(1)},
			{sentence: "the person itself", who: Participant(Person), method: "POST", path: day, body: rows(1)},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: day, body: rows(1)},
		},
		"getDay": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: "/days/2026-11-17"},
			{sentence: "a day of another form", method: "GET", path: "/days/tuesday"},
			{sentence: "a day that does not exist", method: "GET", path: "/days/2026-02-30"},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: "/days/2026-11-17"},
		},
		"reportAbsence": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: absences, body: ill("2026-11-24", "2026-11-27")},
			{sentence: "an empty body", method: "POST", path: absences, body: object{}},
			{sentence: "an unknown field", method: "POST", path: absences, body: object{"from": "2026-11-24", "until": "2026-11-27", "reason": "ill", "text": "fritt"}},
			{sentence: "a reason of one's own", method: "POST", path: absences, body: object{"from": "2026-11-24", "until": "2026-11-27", "reason": "football"}},
			{sentence: "a day that does not exist", method: "POST", path: absences, body: ill("2026-11-31", "2026-12-01")},
			{sentence: "until a day that does not exist", method: "POST", path: absences, body: ill("2026-11-24", "2026-11-31")},
			{sentence: "a day of the wrong type", method: "POST", path: absences, body: ill(20261124, "2026-11-27")},
			{sentence: "from long ago", method: "POST", path: absences, body: ill("2026-11-01", "2026-11-27")},
			{sentence: "backwards", method: "POST", path: absences, body: ill("2026-11-24", "2026-11-23")},
			{sentence: "for too long", method: "POST", path: absences, body: ill("2026-11-24", "2027-11-23")},
			{sentence: "somebody unknown", method: "POST", path: "/participants/" + noID + "/absences", body: ill("2026-11-24", "2026-11-27")},
			{sentence: "another participant", who: Participant(noID), method: "POST", path: absences, body: ill("2026-11-24", "2026-11-27")},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "POST", path: absences, body: ill("2026-11-24", "2026-11-27")},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: absences, body: ill("2026-11-24", "2026-11-27")},
			{sentence: "in English", method: "POST", path: absences, body: ill("2026-11-24", "2026-11-23"), header: []string{"Accept-Language", "en"}},
		},
		"listAbsences": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: absences},
			{sentence: "a limit of zero", method: "GET", path: absences + "?limit=0"},
			{sentence: "a cursor of one's own", method: "GET", path: absences + "?cursor=next"},
			{sentence: "another participant", who: Participant(noID), method: "GET", path: absences},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "GET", path: absences},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: absences},
		},
		"getAbsence": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: one},
			{sentence: "one that does not exist", method: "GET", path: absences + "/" + noID},
			{sentence: "under another participant", who: Participant(noID), method: "GET", path: "/participants/" + noID + "/absences/" + w.absence},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "GET", path: one},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: one},
		},
		"correctAbsence": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: one + "/correction", body: ill("2026-11-24", "2026-11-27"), header: match("1")},
			{sentence: "without If-Match", method: "POST", path: one + "/correction", body: ill("2026-11-24", "2026-11-27")},
			{sentence: "a stale version", method: "POST", path: one + "/correction", body: ill("2026-11-24", "2026-11-27"), header: match("7")},
			{sentence: "backwards", method: "POST", path: one + "/correction", body: ill("2026-11-24", "2026-11-23"), header: match("1")},
			{sentence: "what was withdrawn", method: "POST", path: absences + "/" + w.gone + "/correction", body: ill("2026-11-24", "2026-11-27"), header: match("2")},
			{sentence: "one that does not exist", method: "POST", path: absences + "/" + noID + "/correction", body: ill("2026-11-24", "2026-11-27"), header: match("1")},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: one + "/correction", body: ill("2026-11-24", "2026-11-27"), header: match("1")},
		},
		"withdrawAbsence": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: one + "/withdrawal", header: match("1")},
			{sentence: "without If-Match", method: "POST", path: one + "/withdrawal"},
			{sentence: "a stale version", method: "POST", path: one + "/withdrawal", header: match("7")},
			{sentence: "what was withdrawn", method: "POST", path: absences + "/" + w.gone + "/withdrawal", header: match("2")},
			{sentence: "another participant", who: Participant(noID), method: "POST", path: one + "/withdrawal", header: match("1")},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: one + "/withdrawal", header: match("1")},
		},
		"listAbsenceSignals": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: signals},
			{sentence: "a state of one's own", method: "GET", path: signals + "?state=new"},
			{sentence: "a limit of zero", method: "GET", path: signals + "?limit=0"},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: signals},
		},
		"getAbsenceSignal": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: signal},
			{sentence: "one that does not exist", method: "GET", path: signal},
			{sentence: "an id of another form", method: "GET", path: signals + "/one"},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: signal},
		},
		"followUpAbsence": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: signal + "/follow-up", body: object{"action": "contacted"}, header: match("1")},
			{sentence: "without If-Match", method: "POST", path: signal + "/follow-up", body: object{"action": "contacted"}},
			{sentence: "an action of one's own", method: "POST", path: signal + "/follow-up", body: object{"action": "football"}, header: match("1")},
			{sentence: "one that does not exist", method: "POST", path: signal + "/follow-up", body: object{"action": "contacted"}, header: match("1")},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: signal + "/follow-up", body: object{"action": "contacted"}, header: match("1")},
		},
		"getActivityFigures": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: "/activity-figures"},
			{sentence: "a week that is no week", method: "GET", path: "/activity-figures?from=48"},
			{sentence: "a first week that its year lacks", method: "GET", path: "/activity-figures?from=2027-W53&to=2028-W02"},
			{sentence: "a last week that its year lacks", method: "GET", path: "/activity-figures?from=2027-W50&to=2027-W53"},
			{sentence: "a period turned round", method: "GET", path: "/activity-figures?from=2026-W48&to=2026-W47"},
			{sentence: "a period of more than a year", method: "GET", path: "/activity-figures?from=2025-W01&to=2026-W02"},
			{sentence: "another municipality's", method: "GET", path: "/activity-figures?municipality=1402"},
			{sentence: "a format that is not made", method: "GET", path: "/activity-figures?format=pdf"},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: "/activity-figures"},
		},
		"listWeeklyShortfalls": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: "/weekly-shortfalls"},
			{sentence: "a week that is no week", method: "GET", path: "/weekly-shortfalls?week=48"},
			{sentence: "a week that its year lacks", method: "GET", path: "/weekly-shortfalls?week=2027-W53"},
			{sentence: "a limit of zero", method: "GET", path: "/weekly-shortfalls?limit=0"},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: "/weekly-shortfalls"},
		},
	}
}

// placing is an offer in the workshop's carpentry, with changes.
func placing(changes object) object {
	o := object{
		"enrolment": Enrolment, "site": Workshop, "area": "carpentry", "from": "2026-11-23", "until": "2026-12-18", "answerBy": "2026-11-22",
		"days": []object{{"day": "monday", "from": "09:00", "to": "12:00"}}, "extent": 7,
	}
	for field, value := range changes {
		if o[field] = value; value == nil {
			delete(o, field)
		}
	}
	return o
}

// placementTables are the bad inputs to what is about work training.
func placementTables(w *world) map[string][]bad {
	all, offered, runs, places, day := "/placements", "/placements/"+w.offered, "/placements/"+w.runs, "/sites/"+Workshop+"/places", "/sites/"+Workshop+"/days/2026-11-20"
	match := func(version string) []string { return []string{"If-Match", `"` + version + `"`} }
	stranger := with(actor.Supervisor)
	stranger.Subject = "supervisor-3"
	changes := func(path string, body any, more ...bad) []bad {
		return append([]bad{
			{sentence: "without a token", who: w.nobody, method: "POST", path: runs + path, body: body},
			{sentence: "without If-Match", method: "POST", path: runs + path, body: body},
			{sentence: "a stale version", method: "POST", path: runs + path, body: body, header: match("1")},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "POST", path: runs + path, body: body, header: match("3")},
			{sentence: "one that does not exist", method: "POST", path: "/placements/" + noID + path, body: body, header: match("1")},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: runs + path, body: body, header: match("3")},
		}, more...)
	}
	offer := func(sentence string, change object) bad {
		return bad{sentence: sentence, method: "POST", path: all, body: placing(change)}
	}
	run := func(sentence, path string, body object) bad {
		return bad{sentence: sentence, method: "POST", path: runs + path, body: body, header: match("3")}
	}
	return map[string][]bad{
		"createPlacement": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: all, body: placing(nil)},
			{sentence: "without a body", method: "POST", path: all},
			{sentence: "an empty body", method: "POST", path: all, body: object{}},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "POST", path: all, body: placing(nil)},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: all, body: placing(nil)},
			{sentence: "the key of another offer", method: "POST", path: all, body: placing(object{"extent": 5}), header: []string{"Idempotency-Key", "placed"}},
			offer("an unknown field", object{"name": "Påhittad"}),
			offer("an enrolment that does not exist", object{"enrolment": noID}),
			offer("a site that does not exist", object{"site": "site.1481.ingenstans"}),
			offer("another municipality's site", object{"site": "site.1489.ingenstans"}),
			offer("a site without places", object{"site": "site.1481.neon-resurscenter"}),
			offer("an area that the site does not have", object{"area": "garden"}),
			offer("a first day that has been", object{"from": "2026-11-19"}),
			offer("a first day that does not exist", object{"from": "2026-02-30"}),
			offer("a last day before the first", object{"until": "2026-11-22"}),
			offer("an offer that ends after the first day", object{"answerBy": "2026-11-24"}),
			offer("a day on which the site is closed", object{"days": []object{{"day": "tuesday"}}}),
			offer("a day twice", object{"days": []object{{"day": "monday"}, {"day": "monday"}}}),
			offer("before the site opens", object{"days": []object{{"day": "monday", "from": "07:00"}}}),
			offer("more than the days have", object{"extent": 50}),
			offer("a follow-up before the first day", object{"followUps": []string{"2026-11-20"}}),
			offer("after the agreement", object{"from": "2027-11-19", "until": "2028-02-01"}),
			offer("at a time that the participant is there already", nil),
		},
		"listPlacements": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: all},
			{sentence: "a state of one's own", method: "GET", path: all + "?state=wanted"},
			{sentence: "a site of another form", method: "GET", path: all + "?site=verkstad"},
			{sentence: "a limit beyond the highest", method: "GET", path: all + "?limit=201"},
			{sentence: "a cursor of one's own", method: "GET", path: all + "?cursor=x"},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: all},
		},
		"getPlacement": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: offered},
			{sentence: "one that does not exist", method: "GET", path: all + "/" + noID},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "GET", path: offered},
			{sentence: "who supervises another site", who: stranger, method: "GET", path: offered},
			{sentence: "another participant", who: Participant(noID), method: "GET", path: offered},
			{sentence: "another association's", who: w.foreign, method: "GET", path: offered},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: offered},
		},
		"agreePlacement": changes("/agreement", nil,
			bad{sentence: "one that runs", method: "POST", path: runs + "/agreement", header: match("3")}),
		"declinePlacement": changes("/declination", object{"reason": "site"}, run("one that runs", "/declination", object{"reason": "site"}),
			run("a reason of one's own", "/declination", object{"reason": "football"})),
		"endPlacement": changes("/ending", object{"from": "2026-12-01", "reason": "work"},
			run("before its first day", "/ending", object{"from": "2026-11-19", "reason": "work"}), run("behind its end", "/ending", object{"from": "2027-12-01", "reason": "work"}),
			run("a day that does not exist", "/ending", object{"from": "2026-02-30", "reason": "work"}), run("without a reason", "/ending", object{"from": "2026-12-01"}),
			bad{sentence: "one that does not run", method: "POST", path: offered + "/ending", body: object{"from": "2026-12-01", "reason": "work"}, header: match("1")}),
		"notePlacementAttendance": changes("/attendances", object{"date": "2026-11-20", "attendance": "present"},
			run("a word of one's own", "/attendances", object{"date": "2026-11-20", "attendance": "asleep"}),
			run("late without minutes", "/attendances", object{"date": "2026-11-20", "attendance": "late"}),
			run("absent without a reason", "/attendances", object{"date": "2026-11-20", "attendance": "absent"}),
			run("a Thursday", "/attendances", object{"date": "2026-11-26", "attendance": "present"}),
			run("a Friday to come", "/attendances", object{"date": "2026-11-27", "attendance": "present"}),
			bad{sentence: "who supervises another site", who: stranger, method: "POST", path: runs + "/attendances", body: object{"date": "2026-11-20", "attendance": "present"}, header: match("3")},
			bad{sentence: "the person itself", who: Participant(Person), method: "POST", path: runs + "/attendances", body: object{"date": "2026-11-20", "attendance": "present"}, header: match("3")},
			bad{sentence: "one that does not run", method: "POST", path: offered + "/attendances", body: object{"date": "2026-11-25", "attendance": "present"}, header: match("1")}),
		"recordFollowUp": changes("/follow-ups", object{"planned": "2026-12-04"},
			run("one that is not planned", "/follow-ups", object{"planned": "2026-12-05"})),
		"getSitePlaces": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: places},
			{sentence: "an id of another form", method: "GET", path: "/sites/verkstad/places"},
			{sentence: "a site that does not exist", method: "GET", path: "/sites/site.1481.ingenstans/places"},
			{sentence: "a last day before the first", method: "GET", path: places + "?from=2026-12-02&until=2026-12-01"},
			{sentence: "more than a quarter of a year", method: "GET", path: places + "?from=2026-12-02&until=2027-12-01"},
			{sentence: "a day that does not exist", method: "GET", path: places + "?from=2026-02-30"},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: places},
		},
		"getSiteDay": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: day},
			{sentence: "a day that does not exist", method: "GET", path: "/sites/" + Workshop + "/days/2026-02-30"},
			{sentence: "a site that does not exist", method: "GET", path: "/sites/site.1481.ingenstans/days/2026-11-20"},
			{sentence: "who supervises another site", who: stranger, method: "GET", path: day},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "GET", path: day},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: day},
		},
	}
}

// groupTables are the bad inputs to what is about closed groups and who waits for one.
func groupTables(w *world) map[string][]bad {
	plan, planned, begun, over := "/activities/"+w.course()+"/groups", "/groups/"+w.group, "/groups/"+w.begun, "/groups/"+w.over
	waits, wait, waited, planner := "/group-waits", "/group-waits/"+w.wait, "/group-waits/"+w.waited, with(actor.Planner)
	match := func(version string) []string { return []string{"If-Match", `"` + version + `"`} }
	changes := func(path, below, operation string, body any) []bad {
		all := []bad{
			{sentence: "without a token", who: w.nobody, method: operation, path: path + below, body: body},
			{sentence: "without If-Match", method: operation, path: path + below, body: body},
			{sentence: "a stale version", method: operation, path: path + below, body: body, header: match("9")},
			{sentence: "another municipality's coach", who: w.elsewhere, method: operation, path: path + below, body: body, header: match("1")},
			{sentence: "a role without a row", who: w.referrer, method: operation, path: path + below, body: body, header: match("1")},
		}
		first, _, _ := strings.Cut(path[1:], "/")
		return append(all, bad{sentence: "one that does not exist", method: operation, path: "/" + first + "/" + noID + below, body: body, header: match("1")})
	}
	put := func(body object) bad { return bad{method: "PUT", path: planned, body: body, header: match("1")} }
	say := func(sentence string, b bad) bad {
		b.sentence = sentence
		return b
	}
	return map[string][]bad{
		"createGroup": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: plan, body: object{"from": "2027-02-02"}},
			{sentence: "an empty body", method: "POST", path: plan, body: object{}},
			{sentence: "an unknown field", method: "POST", path: plan, body: object{"from": "2027-02-02", "participants": []string{Person}}},
			{sentence: "a day that does not exist", method: "POST", path: plan, body: object{"from": "2027-02-30"}},
			{sentence: "a Wednesday", method: "POST", path: plan, body: object{"from": "2027-02-03"}},
			{sentence: "a day that has been", method: "POST", path: plan, body: object{"from": "2026-11-17"}},
			{sentence: "a day too far away", method: "POST", path: plan, body: object{"from": "2029-01-02"}},
			{sentence: "the first day of another group", method: "POST", path: plan, body: object{"from": "2027-01-12"}},
			{sentence: "more sessions than the programme says", method: "POST", path: plan, body: object{"from": "2027-02-02", "sessions": 12}},
			{sentence: "at least more than at most", method: "POST", path: plan, body: object{"from": "2027-02-02", "least": 9, "most": 4}},
			{sentence: "nobody", method: "POST", path: plan, body: object{"from": "2027-02-02", "most": 0}},
			{sentence: "a Wednesday skipped", method: "POST", path: plan, body: object{"from": "2027-02-02", "skip": []string{"2027-02-10"}}},
			{sentence: "more contents than sessions", method: "POST", path: plan, body: object{"from": "2027-02-02", "contents": []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}}},
			{sentence: "a personal number for a leader", method: "POST", path: plan, body: object{"from": "2027-02-02", "leader": "191212121212"}},
			{sentence: "a personal number in a content", method: "POST", path: plan, body: object{"from": "2027-02-02", "contents": []string{"19121212-1212"}}},
			{sentence: "a walk", method: "POST", path: "/activities/" + Walk + "/groups", body: object{"from": "2027-02-02"}},
			{sentence: "an activity that is not offered", method: "POST", path: "/activities/" + noID + "/groups", body: object{"from": "2027-02-02"}},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "POST", path: plan, body: object{"from": "2027-02-02"}},
			{sentence: "a key with a blank", method: "POST", path: plan, body: object{"from": "2027-02-02"}, header: []string{"Idempotency-Key", "a b"}},
			{sentence: "a role without a row", who: w.referrer, method: "POST", path: plan, body: object{"from": "2027-02-02"}},
			{sentence: "in English", method: "POST", path: plan, body: object{"from": "2027-02-03"}, header: []string{"Accept-Language", "en"}},
		},
		"listGroups": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: "/groups"},
			{sentence: "a state of one's own", method: "GET", path: "/groups?state=lost"},
			{sentence: "a code that is no code", method: "GET", path: "/groups?municipality=molndal"},
			{sentence: "an unknown parameter", method: "GET", path: "/groups?name=x"},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: "/groups"},
		},
		"getGroup": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: planned},
			{sentence: "an id of another form", method: "GET", path: "/groups/1"},
			{sentence: "one that does not exist", method: "GET", path: "/groups/" + noID},
			{sentence: "another association's", who: w.foreign, method: "GET", path: planned},
			{sentence: "who is not in it", who: Participant(Person), method: "GET", path: planned},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: planned},
		},
		"changeGroup": append(changes(planned, "", "PUT", object{"leader": "leader-2"}),
			say("an unknown field", put(object{"state": "open"})),
			say("skips without saying from when", put(object{"skip": []string{"2027-02-09"}})),
			say("a Wednesday", put(object{"from": "2027-01-13"})),
			say("the first day of another group", put(object{"from": "2027-03-30"})),
			say("at least more than at most", put(object{"least": 9})),
			say("more contents than sessions", put(object{"contents": []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}})),
			bad{sentence: "other days of an open group", who: planner, method: "PUT", path: begun, body: object{"from": "2027-02-02"}, header: match("2")},
			bad{sentence: "a cancelled group", who: planner, method: "PUT", path: over, body: object{}, header: match("2")}),
		"openGroup": append(changes(planned, "/opening", "POST", nil),
			bad{sentence: "open already", method: "POST", path: begun + "/opening", header: match("2")},
			bad{sentence: "cancelled", method: "POST", path: over + "/opening", header: match("2")},
			bad{sentence: "the planner", who: planner, method: "POST", path: planned + "/opening", header: match("1")}),
		"startGroup": append(changes(planned, "/start", "POST", nil),
			bad{sentence: "not open yet", method: "POST", path: planned + "/start", header: match("1")},
			bad{sentence: "before its first day", method: "POST", path: begun + "/start", header: match("2")},
			bad{sentence: "cancelled", method: "POST", path: over + "/start", header: match("2")}),
		"cancelGroup": append(changes(planned, "/cancellation", "POST", object{"reason": "other"}),
			bad{sentence: "without a reason", method: "POST", path: planned + "/cancellation", body: object{}, header: match("1")},
			bad{sentence: "a reason of one's own", method: "POST", path: planned + "/cancellation", body: object{"reason": "rain"}, header: match("1")},
			bad{sentence: "a text of 2,000 letters", method: "POST", path: planned + "/cancellation", body: object{"reason": "other", "text": strings.Repeat("x", 2000)}, header: match("1")},
			bad{sentence: "cancelled already", method: "POST", path: over + "/cancellation", body: object{"reason": "other"}, header: match("2")}),
		"listGroupProposals": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: "/group-proposals?category=act"},
			{sentence: "within no week", method: "GET", path: "/group-proposals?weeks=0"},
			{sentence: "a kind of one's own", method: "GET", path: "/group-proposals?category=dance"},
			{sentence: "within a year", method: "GET", path: "/group-proposals?category=act&weeks=52"},
			{sentence: "a planner", who: planner, method: "GET", path: "/group-proposals?category=act"},
		},
		"createGroupWait": {
			{sentence: "without a token", who: w.nobody, method: "POST", path: waits, body: object{"enrolment": Enrolment, "category": "act"}},
			{sentence: "an empty body", method: "POST", path: waits, body: object{}},
			{sentence: "an enrolment that is no id", method: "POST", path: waits, body: object{"enrolment": "191212121212", "category": "act"}},
			{sentence: "a kind of one's own", method: "POST", path: waits, body: object{"enrolment": Enrolment, "category": "dance"}},
			{sentence: "a priority of one's own", method: "POST", path: waits, body: object{"enrolment": Enrolment, "category": "act", "priority": "now"}},
			{sentence: "a time of one's own", method: "POST", path: waits, body: object{"enrolment": Enrolment, "category": "act", "times": []object{{"day": "tuesday", "part": "night"}}}},
			{sentence: "a day that does not exist", method: "POST", path: waits, body: object{"enrolment": Enrolment, "category": "act", "from": "2027-02-30"}},
			{sentence: "a day too far away", method: "POST", path: waits, body: object{"enrolment": Enrolment, "category": "act", "from": "2029-02-20"}},
			{sentence: "a municipality that is no member", method: "POST", path: waits, body: object{"enrolment": Enrolment, "category": "act", "municipalities": []string{"1481", "0180"}}},
			{sentence: "who waits already", method: "POST", path: waits, body: object{"enrolment": Enrolment, "category": "health"}},
			{sentence: "an enrolment that does not exist", method: "POST", path: waits, body: object{"enrolment": noID, "category": "act"}},
			{sentence: "another municipality's enrolment", who: w.elsewhere, method: "POST", path: waits, body: object{"enrolment": Enrolment, "category": "act"}},
			{sentence: "the person itself", who: Participant(Person), method: "POST", path: waits, body: object{"enrolment": Enrolment, "category": "act"}},
		},
		"listGroupWaits": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: waits},
			{sentence: "a kind of one's own", method: "GET", path: waits + "?category=dance"},
			{sentence: "a cursor of one's own", method: "GET", path: waits + "?cursor=abc"},
			{sentence: "a planner", who: planner, method: "GET", path: waits},
		},
		"getGroupWait": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: wait},
			{sentence: "one that does not exist", method: "GET", path: waits + "/" + noID},
			{sentence: "another municipality's", who: w.elsewhere, method: "GET", path: wait},
			{sentence: "another participant's", who: Participant(noID), method: "GET", path: wait},
			{sentence: "a planner", who: planner, method: "GET", path: wait},
		},
		"declineGroupOffer": append(changes(wait, "/refusal", "POST", nil),
			bad{sentence: "without an offer", method: "POST", path: wait + "/refusal", header: match("1")},
			bad{sentence: "who does not wait any more", method: "POST", path: waited + "/refusal", header: match("2")}),
		"endGroupWait": append(changes(wait, "/ending", "POST", nil),
			bad{sentence: "who does not wait any more", method: "POST", path: waited + "/ending", header: match("2")}),
	}
}
