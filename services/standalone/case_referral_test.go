package standalone_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/standalone/demo"
)

// The people of the cases besides those of the suite. None of them exists.
var (
	partille = demo.Claims{Roles: []actor.Role{actor.Intake}, Authority: "partille", Municipality: "1402", Subject: "intake-2", Lifetime: time.Hour}
	office1  = demo.Claims{Roles: []actor.Role{actor.AssociationAdmin}, Authority: "forbundet", Subject: "admin-1", Lifetime: time.Hour}
)

// desk is a suite in which cases are tried.
type desk struct {
	*office
	people *rand.Rand
}

func newDesk(t *testing.T) desk {
	t.Helper()
	return desk{open(t, newData(t)), rand.New(rand.NewPCG(1, 9))}
}

// body is a referral of another invented person, without fault but for the change.
func (d desk) body(change func(map[string]any)) map[string]any {
	var b map[string]any
	if err := json.Unmarshal([]byte(aReferral), &b); err != nil {
		d.t.Fatal(err)
	}
	b["person"].(map[string]any)["personalIdentityNumber"] = persontest.New(d.people, "2026-01-01").Number
	if change != nil {
		change(b)
	}
	return b
}

// between names the authorities of the consent.
func between(authorities ...string) func(map[string]any) {
	return func(b map[string]any) { b["consent"].(map[string]any)["authorities"] = authorities }
}

// sent returns the path of a new referral.
func (d desk) sent(change func(map[string]any)) string {
	d.t.Helper()
	return "/referrals/" + d.do(sender, http.StatusCreated, http.MethodPost, "/referrals", nil, d.body(change))["id"].(string)
}

// refused wants the problem and the first field of it.
func (d desk) refused(w *httptest.ResponseRecorder, status int, code, field string) {
	d.t.Helper()
	var p struct {
		Code   string
		Errors []struct{ Pointer, Parameter string }
	}
	_ = json.Unmarshal(w.Body.Bytes(), &p)
	got := ""
	if len(p.Errors) > 0 {
		got = p.Errors[0].Pointer + p.Errors[0].Parameter
	}
	if w.Code != status || p.Code != code || got != field {
		d.t.Errorf("want %d %s at %q, got %d %s at %q: %s", status, code, field, w.Code, p.Code, got, w.Body)
	}
}

// change does something to a thing at the version that the caller reads.
func (d desk) change(who demo.Claims, thing, action string, body any) *httptest.ResponseRecorder {
	d.t.Helper()
	for n := 0; ; n++ {
		tag := d.call(who, http.MethodGet, thing, nil, nil).Header().Get("ETag")
		w := d.call(who, http.MethodPost, thing+"/"+action, map[string]string{"If-Match": tag}, body)
		if w.Code != http.StatusPreconditionFailed || n == 5 { // what an event changed meanwhile is read once more
			return w
		}
	}
}

// changed is change of what must be possible.
func (d desk) changed(who demo.Claims, thing, action string, body any) {
	d.t.Helper()
	if w := d.change(who, thing, action, body); w.Code != http.StatusOK {
		d.t.Fatalf("%s %s: %d %s", thing, action, w.Code, w.Body)
	}
}

func TestCase_A4_AConsentCoversSenderAndReceiver(t *testing.T) {
	d := newDesk(t)
	post := func(change func(map[string]any)) *httptest.ResponseRecorder {
		return d.call(sender, http.MethodPost, "/referrals", nil, d.body(change))
	}
	d.refused(post(between("fk")), 422, "consent-without-receiver", "/consent/authorities")
	d.refused(post(between("fk", "molndahl")), 422, "no-such-authority", "/consent/authorities")
	d.refused(post(between("fk", "molndal", "molndahl")), 422, "no-such-authority", "/consent/authorities")
	d.refused(post(between("molndal")), 422, "consent-without-referrer", "/consent/authorities")
	if found := d.list(receiver, "/referrals"); len(found) != 0 {
		t.Errorf("the receiver reads what was refused: %v", found)
	}
	for _, names := range [][]string{{"fk", "molndal"}, {"fk", "municipality"}, {"social_insurance", "molndal", "vgr"}} {
		d.sent(between(names...))
	}
	// Another municipality receives once an amendment has added it.
	thing := d.sent(nil)
	move := map[string]any{"municipality": "1402", "text": "Påhittat: har flyttat."}
	d.refused(d.change(receiver, thing, "transfer-requests", move), 422, "consent-without-municipality", "/municipality")
	amend := func(givenOn string, names ...string) map[string]any {
		return map[string]any{"reason": "Påhittat: har flyttat.", "changes": map[string]any{
			"consent": map[string]any{"givenOn": givenOn, "textVersion": "2026-1", "authorities": names},
		}}
	}
	d.refused(d.change(sender, thing, "amendments", amend("2026-01-02", "fk", "molndal", "molndahl")), 422, "no-such-authority", "/changes/consent/authorities")
	d.changed(sender, thing, "amendments", amend("2026-01-02", "fk", "molndal", "partille"))
	d.changed(receiver, thing, "transfer-requests", move)
	d.changed(partille, thing, "transfer-acceptance", map[string]any{})
	if got := d.do(partille, 200, http.MethodGet, thing, nil, nil)["municipality"]; got != "1402" {
		t.Errorf("it is in %v", got)
	}
}

func TestCase_C19_WhatCannotBeIsRefused(t *testing.T) {
	d := newDesk(t)
	unit := map[string]any{"name": "Påhittat kontor", "kind": "insurance_office", "authority": "nosuch", "active": true}
	tag := d.call(office1, http.MethodGet, "/units", nil, nil).Header().Get("ETag")
	d.refused(d.call(office1, http.MethodPut, "/units/x-1", map[string]string{"If-Match": tag}, unit), 422, "no-such-authority", "/authority")
	d.refused(d.call(office1, http.MethodPut, "/units", map[string]string{"If-Match": tag}, map[string]any{"items": []any{
		map[string]any{"id": "x-1", "name": "Påhittat kontor", "kind": "insurance_office", "authority": "nosuch", "active": true},
	}}), 422, "no-such-authority", "/items/0/authority")

	thing := d.sent(nil)
	d.sent(nil)
	d.refused(d.change(sender, thing, "amendments", map[string]any{"reason": "Påhittat.", "changes": map[string]any{
		"consent": map[string]any{"givenOn": "2025-12-31", "textVersion": "2026-1", "authorities": []string{"fk", "molndal"}},
	}}), 422, "consent-before-former", "/changes/consent/givenOn")

	next := d.do(sender, 200, http.MethodGet, "/referrals?limit=1", nil, nil)["_links"].(map[string]any)["next"].(map[string]any)["href"].(string)
	_, query, _ := strings.Cut(next, "?")
	d.do(sender, 200, http.MethodGet, "/referrals?"+query, nil, nil)
	d.refused(d.call(sender, http.MethodGet, "/referrals?"+query+"&page=2", nil, nil), 400, "cursor-with-page", "page")

	d.refused(d.call(sender, http.MethodPost, "/referrals", nil, d.body(func(b map[string]any) {
		b["person"].(map[string]any)["personalIdentityNumber"] = "181201012380" // invented; the oldest test numbers of the Tax Agency are of 1890
	})), 422, "born-too-early", "/person/personalIdentityNumber")
}

// notices returns the kinds of what a municipality reads of a referral.
func (d desk) notices(who demo.Claims, thing string) (kinds []string) {
	d.t.Helper()
	events, _ := d.do(who, http.StatusOK, http.MethodGet, "/events?limit=200", nil, nil)["events"].([]any)
	for _, e := range events {
		if e := e.(map[string]any); strings.HasSuffix(thing, e["subject"].(string)) {
			kinds = append(kinds, e["type"].(string))
		}
	}
	return kinds
}

func TestCase_A10_NothingIsLeftOfARequestThatWasDeclined(t *testing.T) {
	d := newDesk(t)
	move := map[string]any{"municipality": "1402", "text": "Påhittat: har flyttat."}
	for action, who := range map[string]demo.Claims{"transfer-refusal": partille, "transfer-cancellation": receiver} {
		thing := d.sent(between("fk", "molndal", "partille"))
		d.changed(receiver, thing, "transfer-requests", move)
		for end := time.Now().Add(15 * time.Second); len(d.notices(partille, thing)) == 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("Partille never learns that it was asked")
			}
		}
		d.changed(who, thing, action, map[string]any{"text": "Påhittat."})
		for end := time.Now().Add(15 * time.Second); len(d.notices(receiver, thing)) < 3; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("Mölndal never learns of the end")
			}
		}
		if got := d.notices(partille, thing); len(got) > 0 {
			t.Errorf("after the %s Partille reads %v", action, got)
		}
	}
}

// upload adds a file to a referral and returns the answer.
func (d desk) upload(thing, key, text string) *httptest.ResponseRecorder {
	d.t.Helper()
	form := "--x\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nPåhittat intyg\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n" + text + "\r\n--x--\r\n"
	return d.call(sender, http.MethodPost, thing+"/attachments", map[string]string{"Idempotency-Key": key, "Content-Type": "multipart/form-data; boundary=x"}, []byte(form))
}

func TestCase_C14_AnAttachmentIsRemovedByItsOwnTag(t *testing.T) {
	d := newDesk(t)
	thing := d.sent(nil)
	added := d.upload(thing, "c14", "Påhittat.")
	if added.Code != http.StatusCreated {
		t.Fatalf("%d %s", added.Code, added.Body)
	}
	tag := servicetest.Version(d.call(sender, http.MethodGet, thing, nil, nil).Header())
	if again := d.upload(thing, "c14", "Påhittat."); added.Header().Get("ETag") != tag || again.Header().Get("ETag") != tag {
		t.Errorf("the upload says %s, its repeat %s, the referral %s", added.Header().Get("ETag"), again.Header().Get("ETag"), tag)
	}
	var a struct{ ID string }
	_ = json.Unmarshal(added.Body.Bytes(), &a)
	file := thing + "/attachments/" + a.ID
	read := d.call(sender, http.MethodGet, file, nil, nil).Header().Get("ETag")
	removed := d.call(sender, http.MethodDelete, file, map[string]string{"If-Match": read}, nil)
	if removed.Code != http.StatusNoContent {
		t.Fatalf("by the tag %s that was read: %d %s", read, removed.Code, removed.Body)
	}
	if now := servicetest.Version(d.call(sender, http.MethodGet, thing, nil, nil).Header()); removed.Header().Get("ETag") != now || now == read {
		t.Errorf("the removal says %s, the referral %s", removed.Header().Get("ETag"), now)
	}
}

func TestCase_C15_TheFirstOfTwoEqualKeysWins(t *testing.T) {
	d := newDesk(t)
	for n := range 12 {
		key := fmt.Sprint("c15-", n)
		items := []any{map[string]any{"key": key, "referral": d.body(nil)}, map[string]any{"key": key, "referral": d.body(nil)}}
		answers := d.do(sender, http.StatusOK, http.MethodPost, "/referrals/batch", nil, map[string]any{"items": items})["items"].([]any)
		first, second := answers[0].(map[string]any), answers[1].(map[string]any)
		if first["status"] != 201.0 || second["status"] == 201.0 {
			t.Errorf("the first was answered %v, the second %v", first["status"], second["status"])
		}
	}
}

func TestCase_C16_AReferenceIsFreeWhenItsReferralHasEnded(t *testing.T) {
	d := newDesk(t)
	reference := func(r string) func(map[string]any) {
		return func(b map[string]any) { b["externalReference"] = r }
	}
	refusal := map[string]any{"code": "no_capacity", "text": "Påhittat: fullt."}
	for action, c := range map[string]struct {
		who  demo.Claims
		body map[string]any
	}{
		"withdrawal":    {sender, map[string]any{"by": "referrer", "text": "Påhittat."}},
		"error-marking": {sender, map[string]any{"text": "Påhittat."}},
		"rejection":     {receiver, refusal},
	} {
		thing := d.sent(reference("FK-" + action))
		taken := d.call(sender, http.MethodPost, "/referrals", nil, d.body(reference("FK-"+action)))
		d.refused(taken, 409, "external-reference-taken", "/externalReference")
		if !strings.Contains(taken.Body.String(), strings.TrimPrefix(thing, "/referrals/")) {
			t.Errorf("it does not say which has it: %s", taken.Body)
		}
		d.changed(c.who, thing, action, c.body)
		again := d.sent(reference("FK-" + action))
		if found := d.list(sender, "/referrals?externalReference=FK-"+action); len(found) != 2 {
			t.Errorf("after the %s %d are found by it", action, len(found))
		}
		other := d.sent(reference("FK-other-" + action))
		amended := d.change(sender, other, "amendments", map[string]any{"reason": "Påhittat.", "changes": map[string]any{"externalReference": "FK-" + action}})
		d.refused(amended, 409, "external-reference-taken", "/changes/externalReference")
		if !strings.Contains(amended.Body.String(), strings.TrimPrefix(again, "/referrals/")) {
			t.Errorf("an amendment does not say which has it: %s", amended.Body)
		}
	}
	// Another authority's reference is nobody's business.
	d.sent(reference("SAME-1"))
	af := demo.Claims{Roles: []actor.Role{actor.Integration}, Authority: "af", Lifetime: time.Hour}
	d.do(af, http.StatusCreated, http.MethodPost, "/referrals", nil, d.body(func(b map[string]any) {
		b["externalReference"], b["unit"] = "SAME-1", "af-molndal"
		between("af", "molndal")(b)
	}))
}

func TestCase_C18_TheUnitIsTheTokensAndAMunicipalityIsAskedFor(t *testing.T) {
	d := newDesk(t)
	asked := d.call(sender, http.MethodGet, "/capacity", nil, nil)
	d.refused(asked, 422, "municipality-required", "municipality")
	if !strings.Contains(asked.Body.String(), `"Ange kommun.`) {
		t.Errorf("got %s", asked.Body)
	}
	d.refused(d.call(sender, http.MethodGet, "/capacity?municipality=0180", nil, nil), 422, "not-a-member-municipality", "municipality")
	official := demo.Claims{Roles: []actor.Role{actor.Referrer}, Authority: "fk", Unit: "fk-molndal", Subject: "fk-1", Lifetime: time.Hour}
	body := d.body(nil)
	delete(body, "unit")
	made := d.do(official, http.StatusCreated, http.MethodPost, "/referrals", nil, body)
	if unit := made["referrer"].(map[string]any)["unit"]; unit != "fk-molndal" {
		t.Errorf("the unit is %v", unit)
	}
}

func TestCase_D9_LinksAreShownWhereTheyCanBeFollowed(t *testing.T) {
	d := newDesk(t)
	shows := func(path string, want ...string) {
		t.Helper()
		answer := d.do(receiver, http.StatusOK, http.MethodGet, path, nil, nil)
		if items, ok := answer["items"].([]any); ok {
			answer = items[0].(map[string]any)
		}
		links := answer["_links"].(map[string]any)
		for _, name := range []string{"acceptance", "waitlisting"} {
			if _, shown := links[name]; shown != slices.Contains(want, name) {
				t.Errorf("%s: %s is shown: %t", path, name, shown)
			}
		}
	}
	sets := func(body map[string]any) {
		t.Helper()
		const places = "/capacities/activera/1481"
		tag := d.call(office1, http.MethodGet, places, nil, nil).Header().Get("ETag")
		d.do(office1, http.StatusOK, http.MethodPut, places, map[string]string{"If-Match": tag}, body)
	}
	accept := map[string]any{"initiative": "activera", "startDate": civil.DateOf(time.Now()), "coach": "coach-1"}
	thing := d.sent(nil)
	shows(thing, "acceptance", "waitlisting")
	sets(map[string]any{"places": 0})
	shows(thing, "waitlisting")
	shows("/tasks", "waitlisting")
	sets(map[string]any{"places": 0, "maxWaiting": 0})
	shows(thing)
	shows("/referrals")
	for action, body := range map[string]map[string]any{"acceptance": accept, "waitlisting": {"priority": "normal"}} {
		if w := d.change(receiver, thing, action, body); w.Code != http.StatusConflict {
			t.Errorf("%s: %d %s", action, w.Code, w.Body)
		}
	}
	sets(map[string]any{"places": 1, "maxWaiting": 0})
	shows(thing, "acceptance")
	d.changed(receiver, thing, "acceptance", accept)
}

// TestCase_D2_WhatAReferralIsMadeOfHasItsVersionInTheBody reads of each thing of the
// referral service its version, which is what its entity tag says.
func TestCase_D2_WhatAReferralIsMadeOfHasItsVersionInTheBody(t *testing.T) {
	d := newDesk(t)
	official := demo.Claims{Roles: []actor.Role{actor.Referrer}, Authority: "fk", Unit: "fk-molndal", Subject: "fk-1", Lifetime: time.Hour}
	draft := "/drafts/" + d.do(official, http.StatusCreated, http.MethodPost, "/drafts", nil, map[string]any{"reason": "Påhittat utkast."})["id"].(string)
	thing := d.sent(nil)
	for path, who := range map[string]demo.Claims{thing: sender, draft: official, "/units": office1, "/capacities/activera/1481": office1} {
		w := d.call(who, http.MethodGet, path, nil, nil)
		var b struct{ Version int64 }
		_ = json.Unmarshal(w.Body.Bytes(), &b)
		if got := fmt.Sprintf("%q", fmt.Sprint(b.Version)); got != servicetest.Version(w.Header()) {
			t.Errorf("%s: version %s, tag %s: %s", path, got, w.Header().Get("ETag"), w.Body)
		}
	}
	for path, who := range map[string]demo.Claims{"/referrals": sender, "/tasks": receiver, "/drafts": official} {
		for _, item := range d.list(who, path) {
			if item["version"] != 1.0 {
				t.Errorf("%s: an item has the version %v", path, item["version"])
			}
		}
	}
}

// TestCase_C17_AFaultIsASentenceAndNoPattern is: what is wrong with a field is said in a
// sentence of what is wanted, in both languages, and never by a pattern.
func TestCase_C17_AFaultIsASentenceAndNoPattern(t *testing.T) {
	o := open(t, newData(t))
	id, _ := o.refer(17, nil)
	at := "/referrals/" + id
	for _, language := range []string{"sv", "en"} {
		r := o.send(intake7, http.MethodPost, at+"/acceptance", `{"initiative":"activera","startDate":"2026-12-07","coach":"Åsa Berg"}`, "If-Match", `"1"`, "Accept-Language", language)
		text := r.Body.String()
		if r.Code != 400 || !strings.Contains(text, `"pointer":"/coach"`) {
			t.Errorf("a coach by name: %d %s", r.Code, text)
		}
		for _, word := range []string{"^", "x00", "mönstret", "the pattern"} {
			if strings.Contains(text, word) {
				t.Errorf("%s: %q in %s", language, word, text)
			}
		}
	}
}
