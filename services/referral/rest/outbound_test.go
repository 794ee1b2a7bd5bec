package rest_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
)

func badEvents() []refusal {
	query := func(sentence, q string) refusal {
		return refusal{sentence, webtest.Request{Path: "/events?" + q}}
	}
	return []refusal{
		query("with a limit that is too high", "limit=201"),
		query("with a wait that is too long", "wait=26"),
		query("behind a position that was never given", "after=bm9wZQ"),
		query("behind a position that is not yet", "after=YXp6"),
		query("with an unknown parameter", "personnummer=1"),
	}
}

// hook is the body of a webhook without fault.
func hook() map[string]any {
	return map[string]any{"url": "https://halsa.example.se/finsam", "kinds": []any{"accepted"}, "description": "Påhittad."}
}

// madeHook creates a webhook and changes it once.
func madeHook(t *testing.T, f *front) string {
	t.Helper()
	var w api.WebhookWithSecret
	f.do(t, webtest.Request{Method: "POST", Path: "/webhooks", As: referraltest.FK, Body: hook()}).Into(t, 201, &w)
	changed := f.do(t, webtest.Request{Method: "PUT", Path: "/webhooks/" + w.Id, As: referraltest.FK, Body: hook(), Header: map[string]string{"If-Match": `"1"`}})
	changed.Into(t, 200, &api.Webhook{})
	return w.Id
}

// offHook creates a webhook that is off; its test has been made before.
func offHook(t *testing.T, f *front) string {
	t.Helper()
	id := madeHook(t, f)
	b := hook()
	b["active"] = false
	f.do(t, webtest.Request{Method: "PUT", Path: "/webhooks/" + id, As: referraltest.FK, Body: b, Header: map[string]string{"If-Match": `"2"`}}).Into(t, 200, &api.Webhook{})
	return id
}

func webhookOperations() []operation {
	other := referraltest.FK
	other.Subject, other.Authority, other.AuthorityKind = "af-system", "af", "employment_service"
	at := func(rest string) func(string) string {
		return func(id string) string { return "/webhooks/" + id + rest }
	}
	of := func(id, method, rest string, made func(*testing.T, *front) string, matched bool) operation {
		return operation{id: id, method: method, path: at(rest), who: referraltest.FK, foreign: other, made: made, matched: matched}
	}
	optional := []string{"kinds", "description"}
	create := operation{id: "createWebhook", method: "POST", path: fixed("/webhooks"), who: referraltest.FK, body: hook(), may: optional, more: badHooks()}
	change := of("changeWebhook", "PUT", "", madeHook, true)
	change.body, change.may, change.more = hook(), optional, badHooks()
	list := of("listDeliveries", "GET", "/deliveries", madeHook, false)
	list.more = []refusal{{"in a state that does not exist", webtest.Request{Path: "/webhooks/00000000-0000-4000-8000-000000000000/deliveries?state=lost"}}}
	return []operation{
		create, change, list,
		{id: "listWebhooks", method: "GET", path: fixed("/webhooks"), who: referraltest.FK,
			more: []refusal{{"with a limit that is too high", webtest.Request{Path: "/webhooks?limit=201"}}}},
		of("getWebhook", "GET", "", madeHook, false),
		of("removeWebhook", "DELETE", "", madeHook, true),
		of("rotateWebhookSecret", "POST", "/secrets", madeHook, true),
		withGood(of("testWebhook", "POST", "/test-deliveries", offHook, false), "while the webhook is off"),
		withGood(of("resendDeadLetters", "POST", "/resending", offHook, false), "while the webhook is off"),
		withGood(of("resendDelivery", "POST", "/deliveries/00000000-0000-4000-8000-000000000000/resending", madeHook, false), "that is not of the webhook"),
	}
}

// withGood tries the call that is refused for the thing's own sake.
func withGood(op operation, sentence string) operation {
	op.more = append(op.more, refusal{sentence, webtest.Request{}})
	return op
}

func badHooks() []refusal {
	var all []refusal
	for sentence, url := range map[string]string{
		"without encryption": "http://halsa.example.se/", "to a name of the own network": "https://finsam.internal/",
		"to a number": "https://203.0.113.7/", "to a closed network": "https://closed.example.se/",
		"with a user's name": "https://u:p@halsa.example.se/", "with a fragment": "https://halsa.example.se/#x",
		"to a port of the system": "https://halsa.example.se:25/", "with a personal number": "https://halsa.example.se/191212121212",
	} {
		all = append(all, body(sentence, "url", url, hook()))
	}
	slices.SortFunc(all, func(a, b refusal) int { return strings.Compare(a.sentence, b.sentence) })
	return append(all, body("of a kind that does not exist", "kinds", []any{"lost"}, hook()))
}

func TestAWebhookIsMadeRotatedTriedAndRemoved(t *testing.T) {
	f := newFront(t)
	f.Run(t)
	ask := func(method, path, etag string, body any, status int, into any) {
		t.Helper()
		r := webtest.Request{Method: method, Path: path, As: referraltest.FK, Body: body, Header: map[string]string{}}
		if etag != "" {
			r.Header["If-Match"] = etag
		}
		a := f.do(t, r)
		if into != nil {
			a.Into(t, status, into)
		} else if a.Status != status {
			t.Fatalf("%d: %s", a.Status, a.Body)
		}
	}
	var made, rotated api.WebhookWithSecret
	ask("POST", "/webhooks", "", hook(), 201, &made)
	at := "/webhooks/" + made.Id
	ask("POST", at+"/secrets", `"1"`, nil, 200, &rotated)
	if made.Secret == rotated.Secret || !strings.HasPrefix(rotated.Secret, "whsec_") {
		t.Errorf("secrets %q and %q", made.Secret, rotated.Secret)
	}
	read := f.do(t, webtest.Request{Method: "GET", Path: at, As: referraltest.FK})
	if strings.Contains(string(read.Body), "whsec_") || strings.Contains(string(read.Body), "secret\"") {
		t.Errorf("a secret is shown: %s", read.Body)
	}
	var d api.Delivery
	ask("POST", at+"/test-deliveries", "", nil, 202, &d)
	delivered := func(state string) api.DeliveryList {
		var l api.DeliveryList
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && len(l.Items) == 0; time.Sleep(10 * time.Millisecond) {
			ask("GET", at+"/deliveries?state="+state, "", nil, 200, &l)
		}
		return l
	}
	if l := delivered("delivered"); len(l.Items) != 1 || l.Items[0].Id != d.Id || len(l.Items[0].Tries) != 1 || l.Items[0].Tries[0].Outcome != "ok" {
		t.Fatalf("got %s", indented(t, l))
	}
	ask("POST", at+"/deliveries/"+d.Id+"/resending", "", nil, 200, &d)
	for end := time.Now().Add(20 * time.Second); len(f.Hooks.Got()) < 2 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
	if got := f.Hooks.Got(); len(got) != 2 || got[0].ID != got[1].ID || len(strings.Fields(got[0].Signature)) != 2 {
		t.Fatalf("received %d", len(got))
	}
	var l api.WebhookList
	ask("GET", "/webhooks", "", nil, 200, &l)
	if len(l.Items) != 1 || l.Items[0].State != "on" {
		t.Fatalf("got %s", indented(t, l))
	}
	ask("DELETE", at, `"2"`, nil, 204, nil)
	ask("GET", at, "", nil, 404, nil)
}

func TestAnAuthorityFollowsItsEventsFromAnswerToAnswer(t *testing.T) {
	f := newFront(t)
	f.Run(t)
	made := f.post(t, "FK-E", "e")
	id := read(t, made, 201).Id
	ask := func(query string) api.EventList {
		var l api.EventList
		f.do(t, webtest.Request{Method: "GET", Path: "/events?limit=50" + query, As: referraltest.FK}).Into(t, 200, &l)
		return l
	}
	first := ask("&wait=20")
	if len(first.Events) != 1 || first.Events[0].Type != "se.finsam.referral.submitted" || first.Events[0].Id != id+"/1" ||
		first.Events[0].Data.Referral != id || *first.Events[0].Data.Municipality != "1481" {
		t.Fatalf("got %s", indented(t, first))
	}
	f.act(t, referraltest.Intake, id, "rejection", `"1"`, rejection)
	second := ask("&wait=20&after=" + first.After)
	if len(second.Events) != 1 || second.Events[0].Type != "se.finsam.referral.rejected" {
		t.Fatalf("got %s", indented(t, second))
	}
	for last, n := second, 0; n < 3; n++ { // a position is written in another way each time
		if last = ask("&after=" + last.After); len(last.Events) != 0 {
			t.Fatalf("got %s", indented(t, last))
		}
	}
}

// The service sends no mail: the authority's system receives the event and informs its own people.
// moreData is what the contract says that an event's data has, by the kind of step, beside
// what all have.
var moreData = sync.OnceValues(func() (all map[string][]string, err error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(doc.Components.Schemas["EventType"].Value.Extensions["x-data"])
	return all, errors.Join(err, json.Unmarshal(text, &all))
})

// isInContract holds the data of an event against what the contract says of its type.
func isInContract(t *testing.T, name string, data any) {
	t.Helper()
	all, err := moreData()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(data)
	var left map[string]string
	if err != nil || json.Unmarshal(text, &left) != nil {
		t.Fatal(err)
	}
	for _, field := range append([]string{"referral", "municipality", "unit"}, all[strings.TrimPrefix(name, referral.EventPrefix)]...) {
		field, optional := strings.CutSuffix(field, "?")
		if left[field] == "" && !optional {
			t.Errorf("%s: %s is missing in %s", name, field, text)
		}
		delete(left, field)
	}
	if len(left) > 0 {
		t.Errorf("%s: the contract does not name %v", name, left)
	}
}

func TestBothMunicipalitiesAndTheSenderAreNotifiedOfAnOverdueTurn(t *testing.T) {
	f := newFront(t)
	f.Run(t)
	wide := newReferral()
	wide["consent"].(map[string]any)["authorities"] = []any{"fk", "molndal", "partille"}
	id := read(t, f.do(t, webtest.Request{Method: "POST", Path: "/referrals", As: referraltest.FK, Body: wide, Header: map[string]string{"Idempotency-Key": "w"}}), 201).Id
	read(t, f.act(t, referraltest.Intake, id, "transfer-requests", `"1"`, map[string]any{"municipality": "1402", "text": "Påhittad flytt."}), 200)
	f.Clock.Advance(8 * 24 * time.Hour)
	if err := f.Service.MarkOverdue(t.Context()); err != nil { // or the sweeper was there before
		t.Fatal(err)
	}
	for name, who := range map[string]actor.Actor{"referrer": referraltest.FK, "asked": referraltest.Partille, "asks": referraltest.Intake} {
		var overdue *api.EventData
		for end, after := time.Now().Add(20*time.Second), ""; overdue == nil && time.Now().Before(end); {
			var l api.EventList
			f.do(t, webtest.Request{Method: "GET", Path: "/events?limit=50&wait=1" + after, As: who}).Into(t, 200, &l)
			for _, e := range l.Events {
				if e.Type == "se.finsam.referral.overdue" {
					overdue = &e.Data
				}
			}
			after = "&after=" + l.After
		}
		if overdue == nil {
			t.Fatalf("the %s has no event", name)
		}
		want := api.EventData{
			Referral: id, Municipality: new("1481"), To: new("1402"), Unit: new("fk-molndal"), Party: new("asked"), Wait: new("transfer"),
			Since: overdue.Since, Due: overdue.Due,
		}
		if overdue.Since == nil || overdue.Due == nil || !reflect.DeepEqual(*overdue, want) {
			t.Errorf("the event of the %s is %s", name, indented(t, overdue))
		}
	}
}
