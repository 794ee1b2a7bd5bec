package rest_test

import (
	"strings"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/participant"
	. "github.com/finsam/finsam/services/participant/participanttest"
	"github.com/finsam/finsam/services/participant/service"
)

// stages are enrolments that have come to each state, with their versions.
type stages struct {
	person, referral, protection                                 string
	planned, due, answered, decided, paused, closing, closed     string
	vPlanned, vDue, vAnswered, vDecided, vPaused, vClosing, vEnd string
	asked, vAsked                                                string // for an exception
	plan                                                         string // its version, which all follow
}

const longAgo = civil.Date("2026-04-20")

func newStages(s *face) *stages {
	g := &stages{}
	n := uint64(30)
	next := func() string {
		n++
		_, _, id := s.Enrolled(n, string(longAgo))
		return id
	}
	in, person, planned := s.Enrolled(30, "2026-12-07")
	g.person, g.referral, g.planned, g.vPlanned = person, in.Consent.Referral, planned, rest.ETag(1)
	g.protection = s.protection(person)
	to := func(decision participant.Decision) (id string, v *service.EnrolmentView) {
		id = next()
		v = must(s.Start(servicetest.As(Coach), id, 1, longAgo, nil, ""))
		if decision == "" {
			return id, v
		}
		v = must(s.AnswerCheckIn(servicetest.As(FKUnit), id, v.Version, 1, "ready", "", ""))
		if decision == "answered" {
			return id, v
		}
		return id, must(s.DecideCheckIn(servicetest.As(Coach), id, v.Version, 1, participant.CheckInDecision{Decision: decision, On: "2026-06-02"}, "", ""))
	}
	var v *service.EnrolmentView
	g.due, v = to("")
	g.plan = v.Plan.Version
	g.vDue = rest.ETag(v.Version)
	g.answered, v = to("answered")
	g.vAnswered = rest.ETag(v.Version)
	g.asked, v = to("answered")
	v = must(s.DecideCheckIn(servicetest.As(Coach), g.asked, v.Version, 1, participant.CheckInDecision{
		Decision: participant.Prolong, On: "2026-06-02", Weeks: 2, Exception: &participant.Exception{}}, "", "Sjukdom."))
	g.vAsked = rest.ETag(v.Version)
	g.decided, v = to(participant.Continue)
	g.vDecided = rest.ETag(v.Version)
	g.paused, v = to(participant.Pause)
	g.vPaused = rest.ETag(v.Version)
	g.closing, v = to(participant.End)
	g.vClosing = rest.ETag(v.Version)
	g.closed, v = to(participant.End)
	v = must(s.Close(servicetest.As(Coach), g.closed, v.Version, participant.Documentation{On: "2026-06-03", EndReason: "moved", Occupation: participant.Occupation{Kind: "none"}}, ""))
	g.vEnd = rest.ETag(v.Version)
	return g
}

// targets returns, for every operation, a request that would succeed, and the
// mistakes that only its rules can find.
func targets(s *face) map[string]*target {
	g := newStages(s)
	all := map[string]*target{}
	people(all, g)
	internal(all, g)
	for operation, t := range map[string]*target{
		"startEnrolment": on(g.planned, "/start", g.vPlanned, object{"startedOn": "2026-11-20"},
			state(g.due, g.vDue), body("a day to come", object{"startedOn": "2026-11-23"}), body("years before the plan", object{"startedOn": "2020-01-01"})),
		"startBlock": on(g.decided, "/blocks/2/start", g.vDecided, object{"startedOn": "2026-06-02"},
			state(g.due, g.vDue), path("not the next block", g.decided, "/blocks/3/start"), path("no such block", g.decided, "/blocks/99/start"),
			body("before the decision", object{"startedOn": "2026-06-01"}), body("a day to come", object{"startedOn": "2026-11-23"})),
		"answerCheckIn": by(FKUnit, on(g.due, "/check-ins/1/answer", g.vDue, object{"readiness": "ready", "text": "Gärna."},
			state(g.planned, g.vPlanned), state(g.decided, g.vDecided), path("not due", g.due, "/check-ins/2/answer"), as("another unit's", unit("fk-lerum")), as("another authority's", AF),
			again(g.answered, g.vAnswered))),
		"recordNonAnswer": on(g.due, "/check-ins/1/non-answer", g.vDue, object{"text": "Ringt två gånger."},
			state(g.planned, g.vPlanned), path("not due", g.due, "/check-ins/3/non-answer"), again(g.answered, g.vAnswered)),
		"decideCheckIn": on(g.answered, "/check-ins/1/decision", g.vAnswered,
			object{"decision": "prolong", "decidedOn": "2026-06-02", "weeks": 1, "reason": "Mer tid.", "exception": object{"reason": "Sjukdom."}},
			state(g.planned, g.vPlanned), again(g.due, g.vDue), path("not due", g.answered, "/check-ins/2/decision"),
			body("a prolongation without weeks", object{"decision": "prolong", "decidedOn": "2026-06-02"}),
			body("weeks without prolongation", object{"decision": "continue", "decidedOn": "2026-06-02", "weeks": 2}),
			body("an exception without prolongation", object{"decision": "end", "decidedOn": "2026-06-02", "exception": object{"reason": "Sjukdom."}}),
			body("more weeks than the plan", object{"decision": "prolong", "decidedOn": "2026-06-02", "weeks": 2}),
			body("decided tomorrow", object{"decision": "continue", "decidedOn": "2026-11-23"}),
			body("decided before the block", object{"decision": "continue", "decidedOn": "2026-04-19"})),
		"resumeEnrolment": on(g.paused, "/resumption", g.vPaused, object{"resumedOn": "2026-08-10"},
			state(g.decided, g.vDecided), body("before the pause", object{"resumedOn": "2026-06-01"}), body("a day to come", object{"resumedOn": "2026-11-23"})),
		"holdClosingConversation": on(g.closing, "/closing-conversation", g.vClosing, object{"heldOn": "2026-06-03", "text": "Ett samtal."},
			state(g.due, g.vDue), body("a day to come", object{"heldOn": "2026-11-23", "text": "Ett samtal."}),
			body("before the decision to end", object{"heldOn": "2026-06-01", "text": "Ett samtal."})),
		"closeEnrolment": on(g.closing, "/closing-documentation", g.vClosing, closingBody("own_choice"),
			state(g.planned, g.vPlanned), state(g.closed, g.vEnd), body("according to plan without conversation", closingBody("according_to_plan")),
			wrong{"according to plan in the middle", webtest.Request{Path: "/enrolments/" + g.due + "/closing-documentation", Header: match(g.vDue), Body: closingBody("according_to_plan")}},
			body("a day to come", with(closingBody("moved"), "closedOn", "2026-11-23")),
			body("no livelihood and one", with(closingBody("moved"), "livelihoodAfter", []string{"none", "salary"})),
			body("before the decision to end", with(closingBody("moved"), "closedOn", "2026-06-01")),
			body("work without extent", with(closingBody("work"), "occupationAfter", object{"kind": "works"})),
			body("an extent of nothing", with(closingBody("moved"), "occupationAfter", object{"kind": "none", "extent": 50}))),
		"approveException": by(Manager, on(g.asked, "/approvals", g.vAsked, object{"approved": false, "text": "Planens veckor räcker."},
			again(g.answered, g.vAnswered), as("a coach may not", Coach), as("nor the sender", FKUnit))),
		"correctEnrolment": on(g.closed, "/corrections", g.vEnd, object{"step": 6, "reason": "Fel person.", "replacement": object{
			"closedOn": "2026-06-04", "endReason": "moved", "occupationAfter": object{"kind": "works", "extent": 50}, "livelihoodAfter": []any{"salary"}, "text": "Rätt."}},
			body("no such step", object{"step": 99, "reason": "Fel person."}), body("of the time", object{"step": 3, "reason": "Fel person."}),
			body("of a planning", object{"step": 1, "reason": "Fel person."}), body("a reason that says nothing", object{"step": 6, "reason": "  "}),
			body("a start of a closing", object{"step": 6, "reason": "Fel person.", "replacement": object{"startedOn": "2026-06-04"}}),
			body("closed before the decision to end", object{"step": 6, "reason": "Fel person.", "replacement": object{"closedOn": "2026-06-01"}}),
			body("a later step", object{"step": 2, "reason": "Fel person."}), as("the sender did not take it", FKUnit)),
		"moveEnrolmentPlan": on(g.decided, "/plan", g.vDecided, object{"planVersion": g.plan, "reason": "Mer arbetsträning."},
			state(g.closed, g.vEnd), again(g.answered, g.vAnswered), body("a version that does not hold", object{"planVersion": "99", "reason": "Mer arbetsträning."}),
			body("a reason that says nothing", object{"planVersion": g.plan, "reason": "  "})),
		"cancelEnrolment": on(g.planned, "/cancellation", g.vPlanned, object{"text": "Tackat nej."}, state(g.due, g.vDue)),
	} {
		all[operation] = t
	}
	return all
}

func people(all map[string]*target, g *stages) {
	at := "/participants/" + g.person
	missing := "/participants/" + nobody
	all["readIdentities"] = &target{path: "/participants/identities", as: Coach, body: object{"participants": []any{g.person}}}
	all["searchParticipants"] = &target{path: "/participants/searches", as: Coach, body: object{"name": "Vera Exempel", "purpose": "case_work"}, rules: []wrong{
		as("a sender may not", FK), body("by nothing", object{"purpose": "case_work"}), body("by both", object{"name": "Vera", "personalIdentityNumber": "191212121212", "purpose": "case_work"}),
		body("by one letter", object{"name": "V Exempel", "purpose": "case_work"}), body("by no number", object{"personalIdentityNumber": "191212121213", "purpose": "case_work"}),
	}}
	all["getParticipant"] = &target{path: at, missing: missing, as: Coach, rules: []wrong{
		as("another municipality's", Elsewhere), as("another unit's", unit("fk-lerum")), as("another authority's", AF), as("another person", Participant(nobody)),
	}}
	all["withdrawConsent"] = &target{path: at + "/consent-withdrawals", missing: missing + "/consent-withdrawals", as: Coach, tag: rest.ETag(3),
		body: object{"referral": g.referral, "text": "Vill inte längre."}, rules: []wrong{
			as("another municipality's", Elsewhere), as("the sender may not", FKUnit), body("of another referral", object{"referral": nobody}),
			{"of another referral, by the person", webtest.Request{As: Participant(g.person), Body: object{"referral": nobody}}},
		}}
	all["rectifyParticipant"] = &target{path: at + "/rectifications", missing: missing + "/rectifications", as: Coach, tag: rest.ETag(3),
		body: object{"familyName": "Påhittad", "gender": "female", "email": "v@invented.example", "phone": "070-1740605", "reason": "Enligt folkbokföringen."}, rules: []wrong{
			as("another municipality's", Elsewhere), as("the sender may not", FKUnit), as("nor the person", Participant(g.person)),
			body("no field", object{"reason": "Enligt folkbokföringen."}), body("a reason of blanks", object{"familyName": "Påhittad", "reason": "   "}),
		}}
	all["protectParticipant"] = &target{path: at + "/protection", missing: missing + "/protection", as: Coach, tag: rest.ETag(3),
		body: object{"level": "assumed_identity", "handlers": []any{"coach-17"}}, rules: []wrong{
			as("another municipality's", Elsewhere), as("the sender may not", FKUnit),
			body("a handler with a blank", object{"level": "assumed_identity", "handlers": []any{"coach 17"}}),
			body("a handler who is a personal number", object{"level": "assumed_identity", "handlers": []any{"191212121212"}}),
			body("a handler twice", object{"level": "assumed_identity", "handlers": []any{"a", "a"}}),
		}}
	all["listStaff"] = &target{path: "/staff?ids=coach-17", as: Coach, rules: []wrong{
		as("a person", Participant(g.person)), as("a system", FK), as("the board", Board),
		{"of no text", webtest.Request{Path: "/staff?ids="}}, {"of more than 50", webtest.Request{Path: "/staff?ids=a" + strings.Repeat(",a", 50)}},
		{"of a person who is not there", webtest.Request{Path: "/staff?ids=coach-17&participant=" + nobody}},
		{"of another municipality's person", webtest.Request{Path: "/staff?ids=coach-17&participant=" + g.person, As: Elsewhere}},
		{"of another unit's person", webtest.Request{Path: "/staff?ids=coach-17&participant=" + g.person, As: unit("fk-lerum")}},
	}}
	all["getForecast"] = &target{path: "/forecasts/activera/1481", missing: "/forecasts/activera/0180", as: FKUnit, rules: []wrong{
		as("the board reads no live figures", Board), as("nor does who leads an activity", Leader), as("nor the head of a unit", Manager), as("nor a reviewer", Reviewer),
		{"of an initiative that is not there", webtest.Request{Path: "/forecasts/nothing/1481"}},
		{"of an initiative by its name", webtest.Request{Path: "/forecasts/ACTivera/1481"}},
		{"of a municipality by its name", webtest.Request{Path: "/forecasts/activera/molndal"}},
	}}
	const year = "from=2026-01-01T00:00:00Z&to=2026-12-31T00:00:00Z"
	log := func(sentence, query string) wrong {
		return wrong{sentence, webtest.Request{Path: "/access-log?" + query}}
	}
	all["listAccesses"] = &target{path: "/access-log?" + year, as: Reviewer, rules: []wrong{
		as("a coach may not", Coach), as("nor the person", Participant(g.person)), log("by days", "from=2026-01-01&to=2026-12-31"), log("that ends before it begins", "from=2026-12-31T00:00:00Z&to=2026-01-01T00:00:00Z"),
		log("of two years", "from=2025-01-01T00:00:00Z&to=2026-12-31T00:00:00Z"), log("by a personal number", year+"&subject=191212121212"),
		log("by no id", year+"&participant=17"), log("by no operation", year+"&operation=get%20all"), log("behind no place", year+"&cursor=abc"), log("of none", year+"&limit=0"),
	}}
	all["listOwnAccesses"] = &target{path: at + "/accesses", missing: missing + "/accesses", as: Participant(g.person), rules: []wrong{
		as("another person", Participant(nobody)), as("a coach may not", Coach), as("nor a reviewer", Reviewer),
		{"that ends before it begins", webtest.Request{Path: at + "/accesses?from=2026-12-31T00:00:00Z&to=2026-01-01T00:00:00Z"}},
		{"from a day of which none is known", webtest.Request{Path: at + "/accesses?from=yesterday"}},
	}}
	all["getProtection"] = &target{path: at + "/protection", missing: missing + "/protection", as: Reviewer, rules: []wrong{as("a coach may not", Coach)}}
	all["unprotectParticipant"] = &target{path: at + "/protection-removal", missing: missing + "/protection-removal", as: Reviewer, tag: g.protection,
		body: object{"text": "Markeringen är borttagen."}, rules: []wrong{
			as("a coach may not", Coach), body("of a person who is not protected", object{}), body("lower than nothing", object{"level": "confidentiality_marking"}),
		}}
	all["listEnrolments"] = &target{path: "/enrolments", as: Coach, rules: []wrong{
		query1("limit=0"), query1("limit=201"), query1("limit=many"), query1("page=0"), query1("state=lost"), query1("municipality=Mölndal"),
		query1("participant=17"), query1("cursor=abc"), query1("limit=2&limit=3"),
	}}
	all["getEnrolment"] = &target{path: "/enrolments/" + g.planned, missing: "/enrolments/" + nobody, as: Coach, rules: []wrong{
		as("another municipality's", Elsewhere), as("another unit's", unit("fk-lerum")), as("another authority's", AF), as("another person", Participant(nobody)),
	}}
}

func internal(all map[string]*target, g *stages) {
	person := object{"personalIdentityNumber": "191212121212", "givenName": "Vera", "familyName": "Exempel", "gender": "female", "email": "v@invented.example", "phone": "070-1740605"}
	good := object{
		"referral": nobody, "authority": "fk", "unit": "fk-molndal", "municipality": "1481", "person": person,
		"consent": object{"givenOn": "2026-08-01", "textVersion": "2026-1", "authorities": []any{"fk"}},
	}
	all["putPerson"] = &target{path: "/internal/persons", as: FK, body: good, rules: []wrong{
		as("another authority's", AF), as("another unit's", unit("fk-lerum")),
		body("a unit that is a personal number", with(good, "unit", "191212121212")),
		body("a consent text that is a personal number", with(good, "consent", object{"givenOn": "2026-08-01", "textVersion": "121212+1212", "authorities": []any{"fk"}})),
		body("a wrong check digit", with(good, "person", with(person, "personalIdentityNumber", "191212121213"))),
		body("no such day of birth", with(good, "person", with(person, "personalIdentityNumber", "199002302385"))),
		body("a consent of tomorrow", with(good, "consent", object{"givenOn": "2026-11-23", "textVersion": "2026-1", "authorities": []any{"fk"}})),
	}}
	me := actor.Actor{Subject: "person-1", Association: FK.Association, Authority: "self", AuthorityKind: actor.Self, Roles: []actor.Role{actor.Participant}}
	all["identifyOwn"] = &target{path: "/internal/persons/own", as: me, body: object{"personalIdentityNumber": "191212121212"}, rules: []wrong{
		as("an official's", FK), body("a wrong check digit", object{"personalIdentityNumber": "191212121213"}),
	}}
	all["noteStaff"] = &target{path: "/internal/staff", as: Coach, body: object{"name": "Kim Påhittad"}, rules: []wrong{
		as("a person's", me), as("a system's", FK), as("the board's", Board), body("two lines", object{"name": "Kim\nPåhittad"}), body("nothing to see", object{"name": "   "}),
		body("too long", object{"name": strings.Repeat("Kim ", 30)}),
	}}
	all["readListedIdentities"] = &target{path: "/internal/identities", as: Coach, body: object{"participants": []any{g.person}}, rules: []wrong{
		as("a sender has no lists", FK), as("nor has a receiver", Intake), body("of nobody", object{"participants": []any{}}), body("by no id", object{"participants": []any{"17"}}),
	}}
	all["readGenders"] = &target{path: "/internal/genders", as: Coach, body: object{"participants": []any{g.person}}, rules: []wrong{
		as("a sender has no figures of activities", FK), as("nor has the board", Board), body("of nobody", object{"participants": []any{}}), body("by no id", object{"participants": []any{"17"}}),
	}}
	at := "/internal/persons/" + g.person + "/age"
	all["readAge"] = &target{path: at + "?on=2026-12-07", missing: "/internal/persons/" + nobody + "/age?on=2026-12-07", as: Intake, rules: []wrong{
		{"without day", webtest.Request{Path: at}}, {"no such day", webtest.Request{Path: at + "?on=2026-02-30"}}, as("a coach may not", Coach),
	}}
}

func on(id, action, tag string, good object, rules ...wrong) *target {
	for i := range rules {
		rules[i].Path = strings.Replace(rules[i].Path, "{action}", action, 1)
	}
	return &target{path: "/enrolments/" + id + action, missing: "/enrolments/" + nobody + action, as: Coach, tag: tag, body: good,
		rules: append([]wrong{as("another municipality's", Elsewhere)}, rules...)}
}

// by is an operation of the referrer, to whom municipalities mean nothing.
func by(a actor.Actor, t *target) *target {
	t.as, t.rules = a, t.rules[1:]
	return t
}

func state(id, tag string) wrong {
	return wrong{"wrong state", webtest.Request{Path: "/enrolments/" + id + "{action}", Header: match(tag)}}
}

func again(id, tag string) wrong {
	return wrong{"at the wrong moment", webtest.Request{Path: "/enrolments/" + id + "{action}", Header: match(tag)}}
}

func path(name, id, action string) wrong {
	return wrong{name, webtest.Request{Path: "/enrolments/" + id + action}}
}

func body(name string, b object) wrong { return wrong{name, webtest.Request{Body: b}} }

func as(name string, a actor.Actor) wrong { return wrong{name, webtest.Request{As: a}} }

func query1(q string) wrong { return wrong{"?" + q, webtest.Request{Path: "/enrolments?" + q}} }

func unit(name string) actor.Actor {
	a := FKUnit
	a.Unit = name
	return a
}

func match(tag string) map[string]string { return map[string]string{"If-Match": tag} }

func closingBody(reason string) object {
	return object{
		"closedOn": "2026-06-03", "endReason": reason, "summary": "Som det blev.",
		"occupationAfter": object{"kind": "works", "extent": 50}, "livelihoodAfter": []any{"salary"},
	}
}
