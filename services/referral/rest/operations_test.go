package rest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral/referraltest"
)

// put is an operation on the register of units: nobody may spoil it for another.
func put(id, path string, body map[string]any, may []string, more ...refusal) operation {
	tag := map[string]string{"If-Match": `"1"`}
	for i := range more {
		more[i].request.Header = tag
	}
	return operation{
		id: id, method: "PUT", path: fixed(path), who: referraltest.Admin, body: body, may: may, header: tag,
		more: append(more,
			refusal{"by a role that sees persons", webtest.Request{As: referraltest.Intake, Header: tag}},
			refusal{"without If-Match", webtest.Request{Header: map[string]string{"If-Match": ""}}},
			refusal{"with If-Match of another version", webtest.Request{Header: map[string]string{"If-Match": `"7"`}}}),
	}
}

// unit is one of the register, without fault.
func unit() map[string]any {
	return map[string]any{"name": "Påhittat kontor", "kind": "insurance_office", "authority": "fk", "municipality": "1481", "active": true, "contact": workContact()}
}

// workContact is a function at a unit, without fault.
func workContact() map[string]any {
	return map[string]any{"name": "Påhittad växel", "email": "vaxel@fk.example.se", "phone": "+46 31 000 00 02"}
}

func badUnits() []refusal {
	items := func(sentence string, change func(map[string]any)) refusal {
		u := unit()
		u["id"] = "fk-molndal"
		change(u)
		return refusal{sentence, webtest.Request{Body: map[string]any{"items": []any{u}}}}
	}
	u := unit()
	u["id"] = "fk-molndal"
	return []refusal{
		{"with the same unit twice", webtest.Request{Body: map[string]any{"items": []any{u, u}}}},
		items("with a unit without id", func(u map[string]any) { delete(u, "id") }),
		items("with an id of forbidden characters", func(u map[string]any) { u["id"] = "FK Mölndal" }),
		items("with a kind that does not exist", func(u map[string]any) { u["kind"] = "church" }),
		items("with a member's unit without a member", func(u map[string]any) { delete(u, "authority") }),
		items("with a municipality that is no member", func(u map[string]any) { u["municipality"] = "0180" }),
		items("with a unit named by a personal number", func(u map[string]any) { u["name"] = "19121212-1212" }),
		items("with a contact named by a personal number", func(u map[string]any) { u["contact"] = map[string]any{"name": "19121212-1212"} }),
		items("with a contact without a name", func(u map[string]any) { u["contact"] = map[string]any{"phone": "+46 31 000 00 02"} }),
	}
}

// on returns the path of an action on a referral.
func on(action string) func(string) string {
	return func(id string) string { return "/referrals/" + id + action }
}

// fixed returns a path without an id.
func fixed(path string) func(string) string { return func(string) string { return path } }

// rejection leads to a state in which nothing may happen any more.
var rejection = map[string]any{"code": "other", "text": "Påhittat."}

// operations lists every operation of the contract.
func operations() []operation {
	return append(slices.Concat(webhookOperations(), draftOperations(), publicationOperations()), []operation{
		{id: "listReferrals", method: "GET", path: fixed("/referrals"), who: referraltest.Intake, more: badLists()},
		{id: "exportReferrals", method: "GET", path: fixed("/referral-exports"), who: referraltest.Intake, more: badExports()},
		{id: "getReferralFigures", method: "GET", path: fixed("/referral-figures"), who: referraltest.Intake, more: []refusal{
			{"of a month that does not exist", webtest.Request{Path: "/referral-figures?from=2026-13"}},
			{"of a period turned round", webtest.Request{Path: "/referral-figures?from=2026-03&to=2026-02"}},
			{"of a period without end", webtest.Request{Path: "/referral-figures?from=1926-01&to=2026-02"}},
			{"of another municipality", webtest.Request{Path: "/referral-figures?municipality=1402"}},
			{"of one that is no member, for a sender", webtest.Request{Path: "/referral-figures?municipality=0180", As: referraltest.FK}},
			{"by the association's staff", webtest.Request{As: referraltest.Admin}},
		}},
		{id: "listTasks", method: "GET", path: fixed("/tasks"), who: referraltest.Intake, more: []refusal{
			{"with a limit that is too high", webtest.Request{Path: "/tasks?limit=201"}},
			{"with a cursor of another list", webtest.Request{Path: "/tasks?cursor=rd-WzEsImEiXQ"}},
			{"of somebody's at another authority", webtest.Request{Path: "/tasks?responsible=mottagare-1", As: referraltest.FK}},
		}},
		{id: "createReferral", method: "POST", path: fixed("/referrals"), who: referraltest.FK, body: unreferenced(), more: badReferrals(),
			may: []string{"unit", "consent/dataCategories", "person/email", "person/gender", "person/phone"}},
		{id: "createReferrals", method: "POST", path: fixed("/referrals/batch"), who: referraltest.FK, body: map[string]any{"items": []any{map[string]any{"referral": unreferenced()}}}, more: []refusal{
			{"without any referral", webtest.Request{Body: map[string]any{"items": []any{}}}},
			{"with more than it takes", webtest.Request{Body: map[string]any{"items": make([]any, 501)}}},
		}},
		{id: "listEvents", method: "GET", path: fixed("/events"), who: referraltest.FK, more: badEvents()},
		{id: "getReferral", method: "GET", path: on(""), who: referraltest.Officer},
		change("acceptReferral", "/acceptance", referraltest.Intake, []string{"municipality"},
			map[string]any{"initiative": "activera", "startDate": "2026-03-16", "coach": "coach-1", "municipality": "1481"}, badAcceptances()...),
		change("joinReferral", "/joining", referraltest.Intake, []string{"initiative", "answersCheckIns"}, map[string]any{"initiative": "activera", "answersCheckIns": true},
			body("an initiative that does not exist", "initiative", "lugn", map[string]any{}), refusal{"without an enrolment that runs", webtest.Request{}}),
		change("rejectReferral", "/rejection", referraltest.Intake, nil, map[string]any{"code": "no_capacity", "text": "Påhittat: fullt."},
			body("with a code that does not exist", "code", "tired", rejection)),
		change("waitlistReferral", "/waitlisting", referraltest.Intake, []string{"initiative"}, map[string]any{"priority": "high", "initiative": "activera"},
			body("for an initiative that does not exist", "initiative", "lugn", map[string]any{"priority": "high"}),
			body("with a priority that does not exist", "priority", "urgent", map[string]any{})),
		change("requestSupplement", "/supplement-requests", referraltest.Intake, nil, map[string]any{"text": "Påhittad fråga?"}),
		change("sendSupplement", "/supplements", referraltest.Officer, nil, map[string]any{"text": "Påhittat svar."},
			refusal{"when nothing was asked for", webtest.Request{}}),
		change("withdrawReferral", "/withdrawal", referraltest.Officer, []string{"text"}, map[string]any{"by": "person", "text": "Påhittat."},
			body("by somebody who does not exist", "by", "neighbour", map[string]any{})),
		change("amendReferral", "/amendments", referraltest.Officer,
			[]string{"changes/consent", "changes/consent/dataCategories", "changes/contact", "changes/contact/email", "changes/contact/phone", "changes/externalReference", "changes/reason", "changes/rightTime", "changes/targetGroup"}, amendment(), badAmendments()...),
		change("correctReferral", "/corrections", referraltest.Intake,
			[]string{"replacement", "replacement/code", "replacement/coach", "replacement/priority", "replacement/startDate", "replacement/text"},
			map[string]any{"step": 1, "reason": "Påhittat: fel.", "replacement": map[string]any{
				"startDate": "2026-03-16", "coach": "coach-1", "code": "other", "text": "Påhittat.", "priority": "low"}},
			body("of a step that is not there", "step", 99, map[string]any{"reason": "Påhittat: fel."}),
			body("with nothing instead", "replacement", map[string]any{}, map[string]any{"step": 1, "reason": "Påhittat: fel."}),
			refusal{"of what the sender did", webtest.Request{}}),
		change("assignReferral", "/assignment", referraltest.Intake, []string{"responsible"}, map[string]any{"responsible": "mottagare-2"},
			body("to a personal number", "responsible", "19121212-1212", map[string]any{})),
		change("requestTransfer", "/transfer-requests", referraltest.Intake, nil, map[string]any{"municipality": "1402", "text": "Påhittat: flyttat."},
			body("to the municipality that has it", "municipality", "1481", map[string]any{"text": "Påhittat."}),
			body("to a municipality that is no member", "municipality", "0180", map[string]any{"text": "Påhittat."}),
			body("to one that the consent leaves out", "municipality", "1402", map[string]any{"text": "Påhittat."}),
			body("to one of no such form", "municipality", "Partille", map[string]any{"text": "Påhittat."})),
		change("acceptTransfer", "/transfer-acceptance", referraltest.Intake, []string{"text"}, map[string]any{"text": "Påhittat ja."},
			refusal{"when nobody was asked", webtest.Request{}}),
		change("declineTransfer", "/transfer-refusal", referraltest.Intake, nil, map[string]any{"text": "Påhittat nej."},
			refusal{"when nobody was asked", webtest.Request{}}),
		change("cancelTransfer", "/transfer-cancellation", referraltest.Intake, []string{"text"}, map[string]any{"text": "Påhittat."},
			refusal{"when nobody was asked", webtest.Request{}}),
		{id: "getCapacity", method: "GET", path: fixed("/capacity?initiative=activera&municipality=1481"), who: referraltest.FK, more: []refusal{
			{"of an initiative that does not exist", webtest.Request{Path: "/capacity?initiative=lugn&municipality=1481"}},
			{"of several things that are none", webtest.Request{Path: "/capacity?initiative=lugn&municipality=0180"}},
			{"without a municipality", webtest.Request{Path: "/capacity?initiative=activera"}},
			{"of a municipality by its name", webtest.Request{Path: "/capacity?initiative=activera&municipality=Lerum"}},
		}},
		{id: "listWaiting", method: "GET", path: fixed("/waiting-list?initiative=activera"), who: referraltest.Intake, more: []refusal{
			{"for an initiative that does not exist", webtest.Request{Path: "/waiting-list?initiative=lugn"}},
			{"with a cursor that was never given", webtest.Request{Path: "/waiting-list?initiative=activera&cursor=bm9wZQ"}},
			{"with a limit of nothing", webtest.Request{Path: "/waiting-list?initiative=activera&limit=0"}},
		}},
		{id: "getPlaces", method: "GET", path: fixed("/capacities/activera/1481"), who: referraltest.Intake, more: badPlaces()},
		{id: "setPlaces", method: "PUT", path: fixed("/capacities/activera/1481"), who: referraltest.Intake, body: map[string]any{"places": 20, "maxWaiting": 15},
			header: map[string]string{"If-Match": `"1"`}, may: []string{"maxWaiting"}, more: append(badPlaces(),
				refusal{"without If-Match", webtest.Request{Header: map[string]string{"If-Match": ""}}},
				refusal{"with If-Match of another version", webtest.Request{Header: map[string]string{"If-Match": `"7"`}}},
				body("with fewer than none", "places", -1, map[string]any{}), body("with more than there can be", "places", 1001, map[string]any{}),
				body("with half a place", "places", 1.5, map[string]any{}))},
		{id: "listUnits", method: "GET", path: fixed("/units"), who: referraltest.Intake, nobody: true, more: []refusal{
			{"of a kind that does not exist", webtest.Request{Path: "/units?kind=church"}},
			{"of a municipality that is no code", webtest.Request{Path: "/units?municipality=Lerum"}},
		}},
		put("replaceUnits", "/units", map[string]any{"items": []any{}}, nil, badUnits()...),
		put("replaceUnit", "/units/fk-molndal", unit(), []string{"authority", "contact", "contact/email", "contact/phone", "municipality"},
			body("of a kind that does not exist", "kind", "church", unit()), body("of a member's without a member", "authority", nil, unit()),
			refusal{"of an id of forbidden characters", webtest.Request{Path: "/units/FK"}}),
		{id: "addAttachment", method: "POST", path: on("/attachments"), who: referraltest.Officer, form: form("", "intyg.pdf", "application/pdf", pdf),
			free: true, spoilt: "rejection", by: referraltest.Intake, with: rejection, more: badForms()},
		{id: "getAttachment", method: "GET", path: on("/attachments/" + noAttachment), who: referraltest.Officer,
			more: []refusal{{"of an attachment that does not exist", webtest.Request{}}}},
		{id: "removeAttachment", method: "DELETE", path: on("/attachments/" + noAttachment), who: referraltest.Officer,
			spoilt: "rejection", by: referraltest.Intake, with: rejection, more: []refusal{{"of an attachment that does not exist", webtest.Request{}}}},
		change("markReferralInError", "/error-marking", referraltest.FK, nil, map[string]any{"text": "Påhittat: fel person."}),
	}...)
}

func change(id, action string, who actor.Actor, may []string, body map[string]any, more ...refusal) operation {
	return operation{
		id: id, method: "POST", path: on(action), who: who, body: body, may: may,
		spoilt: "rejection", by: referraltest.Intake, with: rejection, more: more,
	}
}

// body is a refusal of a body with another value of one field.
func body(sentence, field string, value any, of map[string]any) refusal {
	b := clone(of)
	if b[field] = value; value == nil {
		delete(b, field)
	}
	return refusal{sentence, webtest.Request{Body: b}}
}

// unreferenced is a new referral without an external reference, so that it is
// refused for nothing but what is tried.
func unreferenced() map[string]any {
	b := newReferral()
	delete(b, "externalReference")
	return b
}

func badLists() []refusal {
	query := func(sentence, q string) refusal {
		return refusal{sentence, webtest.Request{Path: "/referrals?" + q}}
	}
	return []refusal{
		query("with a limit of nothing", "limit=0"),
		query("with a limit that is too high", "limit=201"),
		query("with a limit that is no number", "limit=many"),
		query("with a page before the first", "page=0"),
		query("with a state that does not exist", "state=lost"),
		query("with one state of several that does not exist", "state=submitted,lost"),
		query("with an order that does not exist", "sort=name"),
		query("with a direction that does not exist", "order=sideways"),
		query("with a first day that does not exist", "receivedFrom=2026-02-30"),
		query("with a last day of another form", "receivedTo=2026-2"),
		query("with an overdue that is neither", "overdue=perhaps"),
		query("sorted by priority outside the waiting list", "sort=priority&state=submitted"),
		query("with a cursor of another order", "sort=dueAt&cursor=rd-WzEsImEiXQ"),
		query("with a cursor of an order that does not exist", "cursor=xx-WzEsImEiXQ"),
		{"by who is responsible at another authority", webtest.Request{Path: "/referrals?responsible=mottagare-1", As: referraltest.FK}},
		{"by initiative at another authority", webtest.Request{Path: "/referrals?initiative=activera", As: referraltest.FK}},
		query("with a municipality that is no code", "municipality=Lerum"),
		query("with a cursor that was never given", "cursor=bm9wZQ"),
		query("with a cursor of forbidden characters", "cursor=%C3%A5"),
		query("with an unknown parameter", "personnummer=1"),
	}
}

func badExports() []refusal {
	query := func(sentence, q string, as actor.Actor) refusal {
		return refusal{sentence, webtest.Request{Path: "/referral-exports?" + q, As: as}}
	}
	return []refusal{
		query("of a format that does not exist", "format=pdf", referraltest.Intake),
		query("with identities that are neither", "identities=perhaps", referraltest.Intake),
		query("with identities, by a role that may see names but no numbers", "identities=true", referraltest.Officer),
		query("with identities, by an authority's system", "identities=true", referraltest.FK),
		query("with a page, as if it were a list", "page=2", referraltest.Intake),
		query("with a state that does not exist", "state=lost", referraltest.Intake),
		query("with a first day that does not exist", "receivedFrom=2026-02-30", referraltest.Intake),
		query("sorted by priority outside the waiting list", "sort=priority&state=submitted", referraltest.Intake),
		query("by who is responsible at another authority", "responsible=mottagare-1", referraltest.FK),
	}
}

func badReferrals() []refusal {
	// inside returns a referral with another value of a field of a part.
	inside := func(sentence, part, field string, value any) refusal {
		b := unreferenced()
		p := clone(b[part].(map[string]any))
		p[field] = value
		b[part] = p
		return refusal{sentence, webtest.Request{Body: b}}
	}
	all := unreferenced()
	all["wishedMunicipality"] = "0180"
	all["consent"] = map[string]any{"given": false, "givenOn": "2026-03-03", "textVersion": "1", "authorities": []any{"af"}}
	official := referraltest.Officer
	official.Unit = "fk-lerum"
	return []refusal{
		inside("about a number that is nobody's", "person", "personalIdentityNumber", referraltest.BadNumber),
		inside("about a number of a wrong form", "person", "personalIdentityNumber", "1912-12-12"),
		inside("with a gender that does not exist", "person", "gender", "unspoken"),
		inside("with what is no address", "person", "email", "tolvan"),
		inside("with an authority named twice", "targetGroup", "authoritiesConcerned", []any{"region", "region"}),
		inside("with an authority that does not exist", "targetGroup", "authoritiesConcerned", []any{"region", "church"}),
		body("with an answer to no question of the checklist", "rightTime", []any{map[string]any{"item": "sleeps_well", "answer": "yes"}}, unreferenced()),
		body("with an answer that does not exist", "rightTime", []any{map[string]any{"item": "wants_to", "answer": "perhaps"}}, unreferenced()),
		inside("with a reason that does not exist", "targetGroup", "reasons", []any{"boredom"}),
		inside("without the person's consent", "consent", "given", false),
		inside("with a consent of tomorrow", "consent", "givenOn", "2026-03-03"),
		inside("with a consent of no such day", "consent", "givenOn", "2026-02-30"),
		inside("with a consent that leaves the referrer out", "consent", "authorities", []any{"af"}),
		inside("with a consent about data that does not exist", "consent", "dataCategories", []any{"shoe_size"}),
		body("with a contact without a name", "contact", map[string]any{"phone": "+46 31 000 00 02"}, unreferenced()),
		body("with a contact of no visible name", "contact", map[string]any{"name": "\u200b"}, unreferenced()),
		body("with a contact of two lines", "contact", map[string]any{"name": "Påhittad\nväxel"}, unreferenced()),
		body("with a contact that has a personal number", "contact", map[string]any{"name": "Påhittad 19121212-1212"}, unreferenced()),
		body("with a contact whose address has no at sign", "contact", map[string]any{"name": "Påhittad växel", "email": "tolvan"}, unreferenced()),
		body("with a contact at home too", "contact", map[string]any{"name": "Påhittad växel", "address": "Påhittad väg 1"}, unreferenced()),
		body("to a municipality that is no member", "wishedMunicipality", "0180", unreferenced()),
		body("with a reference that is a personal number", "externalReference", "19121212-1212", unreferenced()),
		body("without a unit", "unit", nil, unreferenced()),
		body("on behalf of somebody who does not exist", "source", "neighbour", unreferenced()),
		body("on behalf of another, by an authority", "source", "self_referral", unreferenced()),
		{"by a receiver for nobody", webtest.Request{As: referraltest.Intake}},
		{"by a receiver to another municipality", webtest.Request{As: referraltest.Partille}},
		{"by a person with a reference", webtest.Request{As: referraltest.Person("p1"), Body: newReferral()}},
		{"by a person with a contact at work", webtest.Request{As: referraltest.Person("p1"), Body: body("", "contact", workContact(), unreferenced()).request.Body}},
		body("with a reference that is taken", "externalReference", "FK-A", unreferenced()),
		{"with several things against the rules", webtest.Request{Body: all}},
		{"by an official of another unit", webtest.Request{As: official}},
		{"with a key of another request", webtest.Request{Header: map[string]string{"Idempotency-Key": "a"}}},
		{"with a key of forbidden characters", webtest.Request{Header: map[string]string{"Idempotency-Key": "å b"}}},
		{"with a key that is too long", webtest.Request{Header: map[string]string{"Idempotency-Key": strings.Repeat("k", 129)}}},
	}
}

// amendment corrects all that can be corrected.
func amendment() map[string]any {
	return map[string]any{"reason": "Påhittat: rättat.", "changes": map[string]any{
		"reason": "Påhittad kanarieorsak.", "externalReference": "FK-2026-2", "contact": workContact(),
		"rightTime":   []any{map[string]any{"item": "wants_to", "answer": "yes"}},
		"targetGroup": map[string]any{"reasons": []any{"young_adult"}, "authoritiesConcerned": []any{"social_insurance", "region"}},
		"consent":     map[string]any{"givenOn": "2026-03-01", "textVersion": "2026-1", "authorities": []any{"fk", "molndal", "partille"}},
	}}
}

func badAmendments() []refusal {
	changes := func(sentence string, c map[string]any) refusal {
		return refusal{sentence, webtest.Request{Body: map[string]any{"reason": "Påhittat.", "changes": c}}}
	}
	consent := func(givenOn, version string, authorities ...any) map[string]any {
		return map[string]any{"consent": map[string]any{"givenOn": givenOn, "textVersion": version, "authorities": authorities}}
	}
	return []refusal{
		changes("that changes nothing", map[string]any{"reason": "Påhittad kanarieorsak."}),
		changes("without any change", map[string]any{}),
		changes("with a reference that is a personal number", map[string]any{"externalReference": "19121212-1212"}),
		changes("with a reference that is taken", map[string]any{"externalReference": "FK-C"}),
		changes("with a consent of tomorrow", consent("2026-03-03", "2026-1", "fk", "molndal")),
		changes("with a consent that covers less", consent("2026-03-01", "2026-1", "fk")),
		changes("with a consent whose version is a personal number", consent("2026-03-01", "19121212-1212", "fk", "molndal")),
		changes("with an answer to no question of the checklist", map[string]any{"rightTime": []any{map[string]any{"item": "sleeps_well", "answer": "yes"}}}),
		changes("with an answer that does not exist", map[string]any{"rightTime": []any{map[string]any{"item": "wants_to", "answer": "perhaps"}}}),
		changes("with a contact that is a personal number", map[string]any{"contact": map[string]any{"name": "Påhittad växel", "phone": "19121212-1212"}}),
		changes("with a contact whose phone has no number", map[string]any{"contact": map[string]any{"name": "Påhittad växel", "phone": "växeln"}}),
		changes("of another municipality", map[string]any{"wishedMunicipality": "1402"}),
	}
}

func badPlaces() []refusal {
	return []refusal{
		{"of another municipality", webtest.Request{As: referraltest.Partille}},
		{"of a municipality that is no member", webtest.Request{Path: "/capacities/activera/0180"}},
		{"of an initiative that does not exist", webtest.Request{Path: "/capacities/lugn/1481"}},
		{"of what is no code", webtest.Request{Path: "/capacities/activera/Lerum"}},
	}
}

func badAcceptances() []refusal {
	good := map[string]any{"initiative": "activera", "startDate": "2026-03-16", "coach": "coach-1"}
	return []refusal{
		body("into an initiative that does not exist", "initiative", "lugn", good),
		body("from a day that does not exist", "startDate", "2026-02-30", good),
		body("from a day too long ago", "startDate", "2025-03-01", good),
		body("from a day too far ahead", "startDate", "2027-03-03", good),
		body("into another municipality", "municipality", "1402", good),
		body("with a coach of forbidden characters", "coach", "coach ett", good),
	}
}

func TestEveryOperationOfTheContractHasItsRefusals(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, op := range operations() {
		known[op.id] = true
	}
	n := 0
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			n++
			if !known[op.OperationID] {
				t.Errorf("%s %s (%s) has no golden file", method, path, op.OperationID)
			}
		}
	}
	if n != len(known) {
		t.Errorf("the contract has %d operations, %d are tested", n, len(known))
	}
}
