package standalone_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/persontest"
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
	tag := d.call(who, http.MethodGet, thing, nil, nil).Header().Get("ETag")
	return d.call(who, http.MethodPost, thing+"/"+action, map[string]string{"If-Match": tag}, body)
}

// changed is change of what must be possible.
func (d desk) changed(who demo.Claims, thing, action string, body any) {
	d.t.Helper()
	if w := d.change(who, thing, action, body); w.Code != http.StatusOK {
		d.t.Fatalf("%s %s: %d %s", thing, action, w.Code, w.Body)
	}
}

func TestCase_A4(t *testing.T) {
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

func TestCase_C19(t *testing.T) {
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
