package rest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral/referraltest"
)

// draftOperations lists the operations on drafts.
func draftOperations() []operation {
	on := func(action string) func(string) string {
		return func(id string) string { return "/drafts/" + id + action }
	}
	made := func(t *testing.T, f *front) string {
		return f.draft(t, referraltest.Officer, "", map[string]any{"person": map[string]any{"givenName": "Tolvan"}, "consent": map[string]any{"given": true}}).Id
	}
	written := map[string]any{"source": "self_referral", "person": map[string]any{"gender": "male"}, "consent": map[string]any{"given": true, "givenOn": "2026-02-27"}}
	may := []string{"source", "person", "person/gender", "consent", "consent/given", "consent/givenOn"}
	long := strings.Repeat("9", 4001)
	bad := []refusal{
		body("with a number that is too long", "person", map[string]any{"personalIdentityNumber": "19121212-12120"}, written),
		body("with a reason that is too long", "reason", long, written),
		body("with a ground that does not exist", "targetGroup", map[string]any{"reasons": []any{"tired"}}, written),
		body("with an unknown field of the person", "person", map[string]any{"shoeSize": 44}, written),
	}
	versions := []refusal{
		{"by a receiver of the municipality", webtest.Request{As: referraltest.Intake}},
		{"by another unit", webtest.Request{As: referraltest.OtherUnit}},
		{"by an authority's system", webtest.Request{As: referraltest.FK}},
		{"without If-Match", webtest.Request{Header: map[string]string{"If-Match": ""}}},
		{"with If-Match of another version", webtest.Request{Header: map[string]string{"If-Match": `"7"`}}},
	}
	tag := map[string]string{"If-Match": `"1"`}
	who := referraltest.Officer
	nowhere := who
	nowhere.Unit = ""
	return []operation{
		{id: "listDrafts", method: "GET", path: fixed("/drafts"), who: who, more: []refusal{
			{"with a limit that is too high", webtest.Request{Path: "/drafts?limit=201"}},
			{"with a cursor that was never given", webtest.Request{Path: "/drafts?cursor=bm9wZQ"}},
			{"by an authority's system", webtest.Request{As: referraltest.FK}},
		}},
		{id: "createDraft", method: "POST", path: fixed("/drafts"), who: who, body: written, may: may,
			more: append([]refusal{{"by somebody of no unit", webtest.Request{As: nowhere}}}, bad...)},
		{id: "getDraft", method: "GET", path: on(""), made: made, who: who, more: versions[:3]},
		{id: "replaceDraft", method: "PUT", path: on(""), made: made, who: who, body: written, may: may, header: tag, more: append(bad, versions...)},
		{id: "deleteDraft", method: "DELETE", path: on(""), made: made, who: who, header: tag, more: versions},
		{id: "sendDraft", method: "POST", path: on("/sending"), made: made, who: who, header: tag,
			more: append([]refusal{{"of what is not whole", webtest.Request{}}}, versions...)},
	}
}

// draft saves a draft and returns it.
func (f *front) draft(t *testing.T, a actor.Actor, key string, content map[string]any) (d api.Draft) {
	t.Helper()
	r := webtest.Request{Method: "POST", Path: "/drafts", As: a, Body: content}
	if key != "" {
		r.Header = map[string]string{"Idempotency-Key": key}
	}
	f.do(t, r).Into(t, 201, &d)
	return d
}

// onDraft asks something of a draft at a version.
func (f *front) onDraft(t *testing.T, a actor.Actor, method, path, etag string, content any) *webtest.Response {
	t.Helper()
	r := webtest.Request{Method: method, Path: "/drafts/" + path, As: a, Body: content}
	if etag != "" {
		r.Header = map[string]string{"If-Match": etag, "Accept-Language": "en"}
	}
	return f.do(t, r)
}

func TestADraftIsWrittenStepByStepAndSent(t *testing.T) {
	f := newFront(t)
	officer := referraltest.Officer
	d := f.draft(t, officer, "first", map[string]any{"person": map[string]any{"givenName": "Tolvan", "personalIdentityNumber": "1912"}})
	if again := f.draft(t, officer, "first", map[string]any{"person": map[string]any{"givenName": "Tolvan", "personalIdentityNumber": "1912"}}); again.Id != d.Id {
		t.Errorf("the same key made %s and %s", d.Id, again.Id)
	}
	if d.Content.Person == nil || *d.Content.Person.PersonalIdentityNumber != "1912" || d.ExpiresAt.Sub(d.ChangedAt).Hours() != 90*24 {
		t.Errorf("got %s", indented(t, d))
	}
	got := f.onDraft(t, officer, "POST", d.Id+"/sending", `"1"`, nil).Problem(t, 400)
	var wrong []string
	for _, e := range got.Errors {
		wrong = append(wrong, e.Pointer)
	}
	slices.Sort(wrong)
	wrong = slices.Compact(wrong) // the number is both too short and of no such form
	if want := []string{"/consent", "/person/familyName", "/person/personalIdentityNumber", "/reason", "/targetGroup", "/wishedMunicipality"}; !slices.Equal(wrong, want) {
		t.Errorf("not whole: got %q, want %q", wrong, want)
	}
	whole := newReferral()
	whole["consent"].(map[string]any)["given"] = false
	if a := f.onDraft(t, officer, "PUT", d.Id, `"1"`, whole); a.Status != 200 || a.Header.Get("ETag") != `"2"` {
		t.Fatalf("got %d %s", a.Status, a.Body)
	}
	if p := f.onDraft(t, officer, "POST", d.Id+"/sending", `"2"`, nil).Problem(t, 422); p.Code != "consent-missing" || p.Errors[0].Pointer != "/consent/given" {
		t.Errorf("got %+v", p)
	}
	f.onDraft(t, officer, "PUT", d.Id, `"2"`, newReferral())
	sent := f.onDraft(t, officer, "POST", d.Id+"/sending", `"3"`, nil)
	r := read(t, sent, 201)
	if at := sent.Header.Get("Location"); at != "/finsam/v1/referrals/"+r.Id || r.State != "submitted" || *r.ExternalReference != "FK-2026-004711" || r.RegistryNumber == nil {
		t.Errorf("at %s: %s", at, indented(t, r))
	}
	if a := f.onDraft(t, officer, "GET", d.Id, "", nil); a.Status != 404 {
		t.Errorf("the draft is still there: %d", a.Status)
	}
	if again := read(t, f.onDraft(t, officer, "POST", d.Id+"/sending", `"3"`, nil), 201); again.Id != r.Id {
		t.Errorf("the repeat made %s, not %s", again.Id, r.Id)
	}
	for _, a := range []actor.Actor{referraltest.OtherUnit, referraltest.AF, referraltest.Intake} {
		if b := f.onDraft(t, a, "POST", d.Id+"/sending", `"3"`, nil); b.Status != 404 {
			t.Errorf("%s sent it again: %d", a.Subject, b.Status)
		}
	}
	if f.People.Puts != 1 {
		t.Errorf("the vault was called %d times", f.People.Puts)
	}
}

func TestAReceiverDraftsForTheOwnMunicipality(t *testing.T) {
	f := newFront(t)
	content := newReferral()
	delete(content, "externalReference")
	delete(content, "unit")
	content["source"] = "self_referral"
	d := f.draft(t, referraltest.Intake, "", content)
	for a, want := range map[*actor.Actor]int{&referraltest.Intake2: 200, &referraltest.Partille: 404, &referraltest.Officer: 404, &referraltest.Coach: 403} {
		if got := f.onDraft(t, *a, "GET", d.Id, "", nil); got.Status != want {
			t.Errorf("%s: %d, want %d", a.Subject, got.Status, want)
		}
	}
	r := read(t, f.onDraft(t, referraltest.Intake2, "POST", d.Id+"/sending", `"1"`, nil), 201)
	if r.Source == nil || *r.Source != "self_referral" {
		t.Errorf("got %s", indented(t, r))
	}
	if again := read(t, f.onDraft(t, referraltest.Intake, "POST", d.Id+"/sending", `"1"`, nil), 201); again.Id != r.Id {
		t.Errorf("the repeat made %s, not %s", again.Id, r.Id)
	}
}

func TestAListShowsTheOwnDraftsWithoutWhatIsWritten(t *testing.T) {
	f := newFront(t)
	var made []string
	for i := range 3 {
		made = append(made, f.draft(t, referraltest.Officer, fmt.Sprint("d", i), map[string]any{"person": map[string]any{"givenName": "Tolvan"}}).Id)
	}
	for a, want := range map[*actor.Actor]int{&referraltest.Officer: 3, &referraltest.OtherUnit: 0, &referraltest.AF: 0, &referraltest.Intake: 0} {
		var seen []string
		for path := "/drafts?limit=2"; path != ""; {
			var l api.DraftList
			b := f.do(t, webtest.Request{Method: "GET", Path: path, As: *a})
			b.Into(t, 200, &l)
			if strings.Contains(string(b.Body), "Tolvan") {
				t.Errorf("the list says what is written: %s", b.Body)
			}
			for _, d := range l.Items {
				seen = append(seen, d.Id)
			}
			if path = ""; l.UnderscoreLinks.Href("next") != "" {
				path = servicetest.PathOf(t, l.UnderscoreLinks.Href("next"))
			}
		}
		if len(seen) != want {
			t.Errorf("%s sees %v of %v", a.Subject, seen, made)
		}
	}
	var l api.ReferralList
	f.do(t, webtest.Request{Method: "GET", Path: "/referrals", As: referraltest.Officer}).Into(t, 200, &l)
	if len(l.Items) != 0 {
		t.Errorf("drafts stand in the list of referrals: %s", indented(t, l))
	}
}
