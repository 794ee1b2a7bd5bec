package e2e

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/finsam/finsam/test/suite"
)

// probe calls one operation so that the answer shows whether the caller was
// admitted, and nothing is changed: a change names a version that is not there
// (412), or is not allowed by a rule that is asked after the right (422).
type probe struct {
	op     operation
	body   func(w *world, c suite.Caller, t thing) any // nil: the contract's own example
	header map[string]string
	status int                                           // of an allowed call
	sees   func(a suite.Answer, t thing) bool            // for lists: whether the thing is shown
	denied string                                        // for a creation: the code that says whose it is not, with 422
	own    func(c suite.Caller, t thing) thing           // the thing that the caller asks for, if it depends on the caller
	views  map[string]func(a suite.Answer, t thing) bool // whether a part of the answer is shown, by name of the view
}

// probeOf returns the probe of an operation. An operation that is new is probed by
// its contract alone; if that is not enough, the test says so.
func probeOf(op operation) probe {
	p := probe{op: op, status: 200, header: map[string]string{}}
	if takes(op, "If-Match") {
		p.header["If-Match"], p.status = `"999999"`, 412
	}
	switch op.ID {
	case "createReferral":
		p.body, p.status, p.denied = refusedReferral, 422, "unit-not-yours"
		p.own = ownReferral
	case "createReferrals":
		p.body = func(w *world, c suite.Caller, t thing) any {
			return map[string]any{"items": []any{map[string]any{"referral": refusedReferral(w, c, t)}}}
		}
		p.own = ownReferral
		p.sees = func(a suite.Answer, _ thing) bool {
			code := a.Text("items.0.problem.code")
			return code != "unit-not-yours" && code != "token-without-unit"
		}
	case "createDraft":
		p.status, p.denied, p.own = 201, "unit-not-yours", ownDraft
		p.header["Idempotency-Key"] = "access"
	case "listDrafts":
		p.own, p.sees = draftOf, listed(func(t thing) string { return t.draft })
	case "getDraft", "replaceDraft", "deleteDraft", "sendDraft":
		p.own = draftOf
	case "listUnits":
		p.sees = func(a suite.Answer, _ thing) bool { return strings.Contains(string(a.Raw), `"fk-molndal"`) }
	case "makePublication": // of a period that is not over, which is asked after the right
		p.status = 422
		p.body = func(*world, suite.Caller, thing) any { return map[string]any{"period": "2099"} }
		p.own = func(c suite.Caller, _ thing) thing { return thing{association: association(c)} }
	case "replaceUnits", "replaceUnit", "listPublications", "listChecklists", "listCodeLists", "listConsentTexts", "listProgrammeObjects", "getLeaderWeek", "listStaffCalendars", "getStaffCalendar", "revokeStaffCalendar", "listAccesses": // both associations have the same questions
		p.own = func(c suite.Caller, _ thing) thing { return thing{association: association(c)} }
	case "createProgrammeObject": // from a day that has been, which is asked after the right
		p.status, p.denied = 422, "not-yours-to-plan"
		p.body = func(*world, suite.Caller, thing) any { return series(day(-1)) }
		p.own = func(c suite.Caller, _ thing) thing { return thing{association: association(c), municipality: "1481"} }
	case "listTasks", "getReferralFigures":
		p.own = func(c suite.Caller, _ thing) thing {
			return thing{association: association(c), authority: c.Authority, unit: c.Unit, municipality: c.Municipality, participant: c.Participant}
		}
	case "readIdentities":
		p.body = func(_ *world, _ suite.Caller, t thing) any {
			return map[string]any{"participants": []string{t.participant}}
		}
		p.sees = listed(func(t thing) string { return t.participant })
	case "searchParticipants": // by neither number nor name, which is asked after the right
		p.status = 422
		p.body = func(*world, suite.Caller, thing) any { return map[string]any{"purpose": "case_work"} }
		p.own = func(c suite.Caller, _ thing) thing {
			return thing{association: association(c), municipality: c.Municipality}
		}
	case "getCapacity":
		p.denied = "not-a-member-municipality" // of the other association
	case "listWaiting":
		p.sees = func(a suite.Answer, _ thing) bool { return strings.Contains(string(a.Raw), `"waitlisted"`) }
	case "listReferrals", "listEvents":
		p.sees = listed(func(t thing) string { return t.referral })
	case "exportReferrals":
		p.sees = func(a suite.Answer, t thing) bool { return strings.Contains(string(a.Raw), t.number+";") }
	case "listEnrolments":
		p.sees = listed(func(t thing) string { return t.enrolment })
	case "listBookings":
		p.sees = listed(func(t thing) string { return t.booking })
	case "listPlacements":
		p.sees = listed(func(t thing) string { return t.placement })
	case "createPlacement": // with a last day before the first, which is asked after the right
		p.status = 422
		p.body = func(w *world, _ suite.Caller, t thing) any { return w.placing(t.enrolment, day(0), day(-1)) }
	case "getSiteDay":
		p.own = func(c suite.Caller, _ thing) thing { return thing{association: "insjoriket", municipality: "1481"} }
	case "getSitePlaces": // the other association has no such site
	case "listActivities", "listInitiatives", "listPlans", "listMunicipalities", "listAuthorities":
		p.sees = func(a suite.Answer, _ thing) bool { return strings.Contains(string(a.Raw), `"1481"`) }
	case "cancelOccurrence":
		p.status = 422
		p.body = func(*world, suite.Caller, thing) any { return map[string]any{"date": day(-1), "reason": "other"} }
	case "noteDayAttendances": // by a clock that is ahead, which is asked after the right
		p.body = func(_ *world, _ suite.Caller, t thing) any {
			return map[string]any{"items": []any{map[string]any{"clientId": nobodys, "notedAt": "2099-01-01T00:00:00Z", "booking": t.booking, "attendance": "present"}}}
		}
	case "getDay":
		p.sees = listed(func(t thing) string { return t.booking })
	case "listAbsenceSignals":
		p.sees = listed(func(t thing) string { return t.enrolment })
	case "listWeeklyShortfalls", "getActivityFigures": // of the own municipality, which has no rule here
		p.own = func(c suite.Caller, _ thing) thing {
			return thing{association: association(c), municipality: c.Municipality}
		}
	case "reportAbsence": // until before it begins, which is asked after the right
		p.status = 422
		p.body = func(*world, suite.Caller, thing) any {
			return map[string]any{"from": day(0), "until": day(-1), "reason": "ill"}
		}
	case "noteDropIn": // at an activity that has none, which is asked after the right
		p.status = 422
		p.body = func(_ *world, _ suite.Caller, t thing) any { return map[string]any{"participant": t.participant} }
	case "createBooking":
		p.status = 422
		p.body = func(w *world, _ suite.Caller, t thing) any {
			return map[string]any{"enrolment": t.enrolment, "activity": w.activity, "from": day(0), "until": day(-1)}
		}
	case "createGroup": // from a day that has been, which is asked after the right
		p.status = 422
		p.body = func(*world, suite.Caller, thing) any { return map[string]any{"from": day(-1)} }
	case "listGroups":
		p.sees = func(a suite.Answer, _ thing) bool { return strings.Contains(string(a.Raw), `"activity":`) }
	case "listGroupProposals":
		p.own = func(c suite.Caller, _ thing) thing {
			return thing{association: association(c), municipality: c.Municipality}
		}
	case "createGroupWait": // who waits already, which is asked after the right
		p.status = 409
		p.body = func(_ *world, _ suite.Caller, t thing) any {
			return map[string]any{"enrolment": t.enrolment, "category": "creative"}
		}
	case "listGroupWaits":
		p.sees = listed(func(t thing) string { return t.wait })
	case "createCalendarFeed":
		p.status = 201
	case "createStaffCalendar":
		p.status = 201
		p.body = func(*world, suite.Caller, thing) any { return map[string]any{} }
		p.own = func(c suite.Caller, _ thing) thing { return thing{association: association(c)} }
	case "createWebhook":
		p.status, p.denied = 201, "no-place-of-ones-own"
		p.header["Idempotency-Key"] = "access"
		p.body = func(*world, suite.Caller, thing) any { return silentWebhook }
		p.own = func(c suite.Caller, _ thing) thing {
			return thing{association: association(c), authority: c.Authority, municipality: cmp.Or(c.Municipality, "none")}
		}
	case "changeWebhook":
		p.body = func(*world, suite.Caller, thing) any { return silentWebhook }
	case "testWebhook", "resendDelivery", "resendDeadLetters":
		p.status = 409 // it is off
	case "listWebhooks":
		p.sees = listed(func(t thing) string { return t.webhook })
	case "addAttachment": // a title of two lines is not allowed, and that is asked after the right
		p.status, p.header["Content-Type"] = 422, formType
		p.body = func(*world, suite.Caller, thing) any { return form("Påhittad\ntitel", "", pdf) }
	case "rectifyParticipant": // not the name, by which the other probes know the person
		p.body = func(*world, suite.Caller, thing) any {
			return map[string]any{"gender": "female", "reason": "Påhittat skäl."}
		}
	case "withdrawConsent":
		p.body = func(_ *world, _ suite.Caller, t thing) any { return map[string]any{"referral": t.referral} }
	}
	p.views = views[op.ID]
	return p
}

// series is an invented activity of Mölndal from a day on.
func series(from string) map[string]any {
	return map[string]any{"kind": "series", "municipality": "1481", "validFrom": from, "series": map[string]any{"name": "Påhittad promenad", "category": "social", "day": "tuesday", "from": "13:00", "to": "14:00"}}
}

// site is an invented site of work training in Mölndal.
const site = "site.1481.pahittad-verkstad"

// placing is an offer of a place there.
func (w *world) placing(enrolment, from, until string) map[string]any {
	return map[string]any{
		"enrolment": enrolment, "site": site, "area": "carpentry", "from": from, "until": until, "answerBy": from, "extent": 10,
		"days": []any{map[string]any{"day": "saturday"}}, "tasks": "Påhittade uppgifter.",
	}
}

// silentWebhook is one that is never called.
var silentWebhook = map[string]any{"url": "https://hooks.finsam.example/", "active": false}

// views tell whether a part of an answer is shown.
var views = map[string]map[string]func(suite.Answer, thing) bool{
	"getReferral": {
		"progress":   func(a suite.Answer, t thing) bool { return a.Text("progress.enrolment") == t.enrolment },
		"text":       func(a suite.Answer, _ thing) bool { return a.Text("reason") != "" },
		"duplicates": func(a suite.Answer, _ thing) bool { return a.At("duplicates") != nil },
	},
	"getBooking": {"text": func(a suite.Answer, _ thing) bool {
		return strings.Contains(string(a.Raw), "Påhittad rättelse.")
	}},
	"getPlacement":       {"text": func(a suite.Answer, _ thing) bool { return a.Text("tasks") != "" }},
	"getGroup":           {"members": func(a suite.Answer, t thing) bool { return strings.Contains(string(a.Raw), `"`+t.participant+`"`) }},
	"getProgrammeObject": {"draft": func(a suite.Answer, _ thing) bool { return a.At("draft") != nil }},
	"getPlaces":          {"use": func(a suite.Answer, _ thing) bool { return a.At("taken") != nil }},
	"getParticipant": {"identity": func(a suite.Answer, t thing) bool {
		return a.Text("familyName") == t.family && a.Text("personalIdentityNumber") != ""
	}},
	"getEnrolment": {"text": func(a suite.Answer, _ thing) bool {
		return strings.Contains(string(a.Raw), "Påhittat svar.")
	}},
	"readIdentities": {
		"name": func(a suite.Answer, t thing) bool {
			return strings.Contains(a.Text("items.0.displayName"), t.family)
		},
		"number": func(a suite.Answer, _ thing) bool { return a.Text("items.0.personalIdentityNumber") != "" },
	},
}

// ownReferral is what somebody refers: for the unit of the body, of the own
// authority; to the municipality of the body; or about oneself.
func ownReferral(c suite.Caller, _ thing) thing {
	t := thing{association: association(c), authority: c.Authority, unit: "fk-molndal", municipality: "1481", participant: c.Participant}
	if t.participant == "" {
		t.participant = nobodys
	}
	return t
}

// ownDraft is what somebody drafts: for the own unit or municipality, so that only
// one who has none is shut out.
func ownDraft(c suite.Caller, _ thing) thing {
	return thing{association: association(c), authority: c.Authority, unit: cmp.Or(c.Unit, "none"), municipality: cmp.Or(c.Municipality, "none")}
}

// draftOf is the draft of those of whom the caller is one: the unit's, or for
// receivers the municipality's.
func draftOf(c suite.Caller, t thing) thing {
	if c.Role == "intake" {
		t.draft = t.receiversDraft
	}
	return t
}

// refusedReferral lacks the consent, which is asked after the unit.
func refusedReferral(*world, suite.Caller, thing) any {
	body := referral(adult, "Tolvan", "Påhittad")
	body["consent"].(map[string]any)["given"] = false
	return body
}

func takes(op operation, header string) bool {
	return slices.ContainsFunc(op.Params, func(p parameter) bool { return p.Name == header })
}

func listed(id func(thing) string) func(suite.Answer, thing) bool {
	return func(a suite.Answer, t thing) bool { return strings.Contains(string(a.Raw), `"`+id(t)+`"`) }
}

// request creates the call for one caller and one thing.
func (p probe) request(w *world, c suite.Caller, t thing, token string) suite.Request {
	if p.op.Tag == "drafts" {
		t = p.own(c, t)
	}
	if p.op.Path == "/staff-calendars/{feed}" && w.t != nil { // each has its own
		t.feed = nobodys
		made, err := w.Do(suite.Request{Method: "POST", Path: "/staff-calendars", Token: token, Body: map[string]any{}, Header: ownKey(c)})
		if err == nil && made.Status == 201 {
			t.feed = made.Text("id")
		}
	}
	r := suite.Request{Method: p.op.Method, Path: w.path(p.op, t), Token: token, Header: p.header}
	switch {
	case p.body != nil:
		r.Body = p.body(w, c, t)
	case p.op.Body != nil:
		r.Body = p.op.Example
	}
	if p.op.ID == "createStaffCalendar" {
		r.Header = ownKey(c)
	}
	if p.op.ID == "createCalendarFeed" {
		r.Header = map[string]string{"Idempotency-Key": "access-" + t.participant}
	}
	return r
}

// ownKey is an Idempotency-Key with which each caller makes a thing of its own once.
func ownKey(c suite.Caller) map[string]string {
	return map[string]string{"Idempotency-Key": "access-" + c.Authority + "-" + c.Subject}
}

// path fills in the ids of the thing, by the first word of the path.
func (w *world) path(op operation, t thing) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(op.Path, "/"), "/")
	id := map[string]string{
		"referrals": t.referral, "participants": t.participant, "enrolments": t.enrolment,
		"bookings": t.booking, "placements": cmp.Or(t.placement, nobodys), "activities": w.activity, "groups": cmp.Or(w.group, nobodys), "group-waits": cmp.Or(t.wait, nobodys), "webhooks": t.webhook, "drafts": t.draft, "publications": cmp.Or(w.publication, nobodys), "absence-signals": t.enrolment,
		"programme-objects": cmp.Or(w.object, "series."+nobodys),
	}[first]
	path := strings.NewReplacer("{id}", id, "{number}", "1", "{feed}", t.feed, "{absence}", cmp.Or(t.absence, nobodys), "{token}", t.secret, "{code}", "1481", "{site}", site,
		"{cancellation}", w.cancellation, "{leader}", "me", "{delivery}", nobodys, "{attachment}", cmp.Or(t.attachment, nobodys), "{date}", w.date, "{municipality}", "1481", "{unit}", "fk-molndal", "{initiative}", "activera").Replace(op.Path)
	query := url.Values{}
	for name, value := range map[string]string{"limit": "200", "initiative": "activera"} {
		if (op.ID == "listReferrals" || op.ID == "exportReferrals") && name == "initiative" {
			continue // a filter that only the municipality has
		}
		if takes(op, name) && !strings.Contains(op.Path, "{"+name+"}") {
			query.Set(name, value)
		}
	}
	if op.ID == "listAccesses" {
		query.Set("from", day(-1)+"T00:00:00Z")
		query.Set("to", day(1)+"T00:00:00Z")
	}
	if op.ID == "getCapacity" {
		query.Set("municipality", "1481")
	}
	if op.ID == "listStaff" { // colleagues are asked about by the role alone, the other side about a person
		query.Set("participant", t.participant)
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// judge returns what is wrong with an answer; empty: nothing. It holds the answer
// against the table.
func (p probe) judge(table map[string][]cell, c suite.Caller, t thing, a suite.Answer) (want verdict, wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if p.own != nil {
		t = p.own(c, t)
	}
	want = says(table[p.op.ID], c, t)
	if p.op.ID == "createReferral" && c.Unit == "" && want == hidden {
		p.denied = "token-without-unit"
	}
	if p.op.ID == "readCalendar" && t.protected {
		want = hidden // a person whose identity is protected has no calendar
	}
	switch {
	case p.op.ID == "createCalendarFeed" && t.protected && want == allowed:
		if a.Status != 409 || a.Text("code") != "calendar-of-protected-person" {
			say("%d %s, want 409 calendar-of-protected-person", a.Status, a.Text("code"))
		}
	case want == forbidden:
		if a.Status != 403 {
			say("%d, want 403", a.Status)
		}
		return want, wrong
	case p.sees != nil:
		if a.Status != 200 {
			say("%d, want 200", a.Status)
		} else if shown := p.sees(a, t); shown != (want == allowed) {
			say("shown: %v, but %s", shown, want)
		}
	case want == hidden && p.denied != "":
		if a.Status != 422 || a.Text("code") != p.denied {
			say("%d %s, want 422 %s", a.Status, a.Text("code"), p.denied)
		}
	case want == hidden:
		if a.Status != 404 {
			say("%d, want 404", a.Status)
		}
	case a.Status != p.status, p.denied != "" && a.Text("code") == p.denied:
		say("%d %s, want %d", a.Status, a.Text("code"), p.status)
	}
	return want, wrong
}

// judgeViews compares the parts of an answer with the table, and returns how many
// there were.
func (p probe) judgeViews(table map[string][]cell, c suite.Caller, t thing, a suite.Answer) (n int, wrong []string) {
	if a.Status != 200 || says(table[p.op.ID], c, t) != allowed {
		return 0, nil
	}
	for view, shown := range p.views {
		n++
		if want := says(table[p.op.ID+"#"+view], c, t); shown(a, t) != (want == allowed) {
			wrong = append(wrong, fmt.Sprintf("#%s shown: %v, but %s", view, shown(a, t), want))
		}
	}
	return n, wrong
}
