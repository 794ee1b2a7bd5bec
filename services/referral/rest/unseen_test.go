package rest_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
)

// unseen is a referral whose sender asks for all that it can ask for, again and
// again.
type unseen struct {
	*front
	referral, participant string
	hook, attachment      string
	told                  int // events about the course
}

// newUnseen returns an accepted referral under a consent to these sorts of data, and
// a webhook of the sender's that is called with everything.
func newUnseen(t *testing.T, categories ...any) *unseen {
	t.Helper()
	f := newFront(t)
	f.Run(t)
	u := &unseen{front: f}
	var w api.WebhookWithSecret
	f.do(t, webtest.Request{Method: "POST", Path: "/webhooks", As: referraltest.FK, Body: map[string]any{"url": "https://fk.example.se/"}}).Into(t, 201, &w)
	r := read(t, f.do(t, u.posting(categories)), 201)
	var a api.Attachment
	f.do(t, webtest.Request{Method: "POST", Path: "/referrals/" + r.Id + "/attachments", As: referraltest.FK,
		Body: form("", "a.txt", "text/plain", "Påhittat."), Header: map[string]string{"Content-Type": formType}}).Into(t, 201, &a)
	u.hook, u.referral, u.participant, u.attachment = w.Id, r.Id, r.Participant, a.Id
	read(t, u.act(t, referraltest.Intake, u.referral, "acceptance", `"2"`, map[string]any{"initiative": "activera", "startDate": "2026-03-16", "coach": "coach-1"}), 200)
	u.settled(t, 3)
	return u
}

// posting is the request by which the referral is made, and made again.
func (u *unseen) posting(categories []any) webtest.Request {
	b := newReferral()
	b["consent"].(map[string]any)["dataCategories"] = categories
	return webtest.Request{Method: "POST", Path: "/referrals", As: referraltest.FK, Body: b, Header: map[string]string{"Idempotency-Key": "unseen-1"}}
}

// settled waits until the municipality has received so many steps, and with it
// everybody, and nothing waits to be sent.
func (u *unseen) settled(t *testing.T, steps int) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var e api.EventList
		u.do(t, webtest.Request{Method: "GET", Path: "/events?limit=200", As: referraltest.Intake}).Into(t, 200, &e)
		var d api.DeliveryList
		u.do(t, webtest.Request{Method: "GET", Path: "/webhooks/" + u.hook + "/deliveries?state=waiting", As: referraltest.FK}).Into(t, 200, &d)
		if len(e.Events) == steps && len(d.Items) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d steps have an event, %d deliveries wait; want %d and none", len(e.Events), len(d.Items), steps)
		}
	}
}

// goes lets the enrolment tell of the course.
func (u *unseen) goes(t *testing.T, kind string, data map[string]string) {
	t.Helper()
	u.told++
	all := map[string]string{"referral": u.referral, "participant": u.participant}
	for k, v := range data {
		all[k] = v
	}
	u.Peer.Add(feed.Event{ID: fmt.Sprint("e/", u.told), Type: "se.finsam.enrolment." + kind, Subject: "7d1f8f0a-7a55-5d5d-8a8e-0a0b6c2d3e4f", Association: "insjoriket", Data: all})
}

// ofRequest is what an answer has from its request alone.
var ofRequest = regexp.MustCompile(`"(traceId|instance|countedUntil)":"[^"]*"`)

// asks returns what everything that a sender can call answers, by what was asked.
// Left out is what concerns the whole suite: the id of the request, and the
// position in the feed of everybody's events.
func (u *unseen) asks(t *testing.T, etag string, categories []any) map[string]string {
	t.Helper()
	all := map[string]string{}
	ask := func(who actor.Actor, r webtest.Request) *webtest.Response {
		r.As = who
		a := u.do(t, r)
		body := string(a.Body)
		if strings.HasPrefix(r.Path, "/events") {
			var e api.EventList
			a.Into(t, 200, &e)
			text, err := json.Marshal(e.Events)
			if err != nil {
				t.Fatal(err)
			}
			body = string(text)
		}
		name := fmt.Sprint(who.Subject, " ", r.Method, " ", r.Path, " ", r.Header, " ", r.Body)
		all[name] = fmt.Sprint(a.Status, " ", a.Header.Get("ETag"), "\n", ofRequest.ReplaceAllString(body, ""))
		return a
	}
	get := func(who actor.Actor, path string) { ask(who, webtest.Request{Method: "GET", Path: path}) }
	for _, who := range []actor.Actor{referraltest.FK, referraltest.Officer} {
		at := "/referrals/" + u.referral
		get(who, at)
		ask(who, webtest.Request{Method: "GET", Path: at, Header: map[string]string{"If-None-Match": etag}})
		get(who, "/tasks")
		get(who, "/referral-exports")
		get(who, "/referral-exports?identities=true")
		queries := []string{"", "sort=receivedAt&order=ascending", "sort=dueAt", "sort=dueAt&order=descending", "sort=priority", "overdue=true", "overdue=false",
			"municipality=1481", "municipality=1402", "source=social_insurance", "receivedFrom=2026-01-01", "initiative=activera", "externalReference=FK-2026-004711", "limit=1"}
		for i, s := range referral.States {
			queries = append(queries, "state="+string(s), "state="+string(s)+","+string(referral.States[(i+1)%len(referral.States)]), "overdue=true&state="+string(s))
		}
		for _, q := range queries {
			get(who, "/referrals?"+q)
			get(who, "/referral-exports?"+q)
		}
		act := func(method, path string, body any) {
			header := map[string]string{"If-Match": etag}
			if _, ok := body.([]byte); ok {
				header["Content-Type"] = formType
			}
			for _, tag := range []string{etag, `"4"`, `"7"`, `"9"`, ``} {
				if header["If-Match"] = tag; tag == "" {
					delete(header, "If-Match")
				}
				a := ask(who, webtest.Request{Method: method, Path: at + path, Header: header, Body: body})
				if a.Status < 400 {
					t.Fatalf("%s %s changed what this test looks at: %d", method, path, a.Status)
				}
			}
		}
		act("POST", "/supplements", map[string]any{"text": "Påhittat."})
		act("POST", "/withdrawal", map[string]any{"by": "referrer"})
		act("POST", "/withdrawal", map[string]any{"by": "person"})
		act("POST", "/error-marking", map[string]any{"text": "Påhittat."})
		act("POST", "/amendments", map[string]any{"reason": "Påhittat.", "changes": map[string]any{"reason": "Påhittad."}})
		act("POST", "/attachments", form("", "a.txt", "text/plain", "Påhittat."))
		act("DELETE", "/attachments/"+noAttachment, nil)
		act("DELETE", "/attachments/"+u.attachment, nil)
		get(who, at+"/attachments/"+u.attachment)
		act("POST", "/assignment", map[string]any{})
		act("POST", "/acceptance", map[string]any{"initiative": "activera", "startDate": "2026-03-16", "coach": "coach-1"})
		get(who, "/referral-figures?from=2026-01&to=2026-12")
		get(who, "/waiting-list")
	}
	if r := u.posting(categories); categories != nil {
		ask(referraltest.FK, r)
		ask(referraltest.FK, webtest.Request{Method: "POST", Path: "/referrals/batch", Body: map[string]any{"items": []any{map[string]any{"key": "unseen-1", "referral": r.Body}}}})
		other := u.posting(categories)
		other.Header = nil
		ask(referraltest.FK, other) // the external reference is taken
	}
	get(referraltest.FK, "/events?limit=200")
	get(referraltest.FK, "/events?limit=1")
	get(referraltest.FK, "/webhooks/"+u.hook+"/deliveries")
	var sent []string
	for _, m := range u.Hooks.Got() {
		sent = append(sent, m.ID+string(m.Body))
	}
	all["what was sent"] = strings.Join(sent, "\n")
	return all
}

// same compares what was answered with what was answered before.
func same(t *testing.T, when string, before, now map[string]string) {
	t.Helper()
	var names []string
	for name := range before {
		if now[name] != before[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names[:min(len(names), 5)] {
		t.Errorf("%s: %s\nwas %s\nis  %s", when, name, before[name], now[name])
	}
	if len(names) > 5 {
		t.Errorf("%s: and %d more", when, len(names)-5)
	}
	if len(before) < 100 || len(before) != len(now) {
		t.Errorf("%s: %d answers, before %d", when, len(now), len(before))
	}
}

// way is a course with all that it can tell.
var way = []struct {
	kind string
	data map[string]string
}{
	{"planned", map[string]string{"firstDay": "2026-03-16", "lastDay": "2026-08-30"}},
	{"started", map[string]string{"on": "2026-03-16", "number": "1"}},
	{"check_in_due", map[string]string{"number": "1"}},
	{"not_answered", map[string]string{"number": "1"}},
	{"decided", map[string]string{"number": "1", "decision": "end"}},
	{"closed", map[string]string{"outcome": "completed"}},
}

func TestWithoutConsentNothingThatTheSenderCanAskForRevealsTheProgress(t *testing.T) {
	categories := []any{"identity"}
	u := newUnseen(t, categories...)
	before := u.asks(t, `"3"`, categories)
	for i, e := range way {
		u.goes(t, e.kind, e.data)
		u.settled(t, 4+i)
		u.Clock.Advance(time.Minute)
		same(t, "after "+e.kind, before, u.asks(t, `"3"`, categories))
	}
}

func TestWithoutConsentAnOverdueStartIsNotReported(t *testing.T) {
	categories := []any{"identity"}
	u := newUnseen(t, categories...)
	before := u.asks(t, `"3"`, nil)
	u.Clock.Advance(40 * 24 * time.Hour)
	if err := u.Service.MarkOverdue(t.Context()); err != nil {
		t.Fatal(err)
	}
	u.settled(t, 4)
	same(t, "after the overdue start", before, u.asks(t, `"3"`, nil))
}

func TestNothingIsSentAfterTheConsentIsWithdrawn(t *testing.T) {
	categories := []any{"progress", "outcome"}
	u := newUnseen(t, categories...)
	for i, e := range way[:2] {
		u.goes(t, e.kind, e.data)
		u.settled(t, 4+i)
	}
	get := webtest.Request{Method: "GET", Path: "/referrals/" + u.referral, As: referraltest.FK}
	with := u.do(t, get)
	if r := read(t, with, 200); r.State != "enrolled" || r.Progress == nil || servicetest.Version(with.Header) != `"5"` {
		t.Fatalf("while the consent holds the sender sees %s at %s", r.State, with.Header.Get("ETag"))
	}
	u.Peer.Add(feed.Event{ID: "p/1", Type: "se.finsam.participant.consent_withdrawn", Subject: u.participant, Association: "insjoriket", Data: map[string]string{"referral": u.referral}})
	u.settled(t, 6)
	// What it holds from before is not what it may see now, and no answer confirms it.
	for _, tag := range []string{`"1"`, `"2"`, `"3"`, `"4"`, `"5"`} {
		get.Header = map[string]string{"If-None-Match": tag}
		if r := read(t, u.do(t, get), 200); r.State != "accepted" || r.Progress != nil || r.Consent.Holds {
			t.Fatalf("after the withdrawal the sender sees %s, course %v", r.State, r.Progress)
		}
	}
	before := u.asks(t, `"6"`, nil)
	for i, e := range way[2:] {
		u.goes(t, e.kind, e.data)
		u.settled(t, 7+i)
		u.Clock.Advance(time.Minute)
		same(t, "after "+e.kind, before, u.asks(t, `"6"`, nil))
	}
}

func TestTheNumbersOfStepsDoNotCountWhatTheSenderNeverSaw(t *testing.T) {
	u := newUnseen(t, "identity")
	for i, e := range way {
		u.goes(t, e.kind, e.data)
		u.settled(t, 4+i)
	}
	u.Peer.Add(feed.Event{ID: "p/1", Type: "se.finsam.participant.consent_withdrawn", Subject: u.participant, Association: "insjoriket", Data: map[string]string{"referral": u.referral}})
	u.settled(t, 10)
	a := u.do(t, webtest.Request{Method: "GET", Path: "/referrals/" + u.referral, As: referraltest.FK})
	r := read(t, a, 200)
	if last := r.Timeline[len(r.Timeline)-1]; r.State != "accepted" || servicetest.Version(a.Header) != `"4"` || len(r.Timeline) != 4 || last.N != 4 || last.Kind != "consent_withdrawn" {
		t.Errorf("the sender sees %s at %s: %s", r.State, a.Header.Get("ETag"), indented(t, r.Timeline))
	}
	var e api.EventList
	u.do(t, webtest.Request{Method: "GET", Path: "/events?limit=200", As: referraltest.FK}).Into(t, 200, &e)
	var d api.DeliveryList
	u.do(t, webtest.Request{Method: "GET", Path: "/webhooks/" + u.hook + "/deliveries", As: referraltest.FK}).Into(t, 200, &d)
	sent := u.Hooks.Got()
	for i, s := range r.Timeline {
		id := fmt.Sprint(u.referral, "/", s.N)
		if len(e.Events) != 4 || e.Events[i].Id != id || len(sent) != 4 || sent[i].ID != id || !strings.Contains(string(sent[i].Body), fmt.Sprintf(`"step":"%d"`, s.N)) ||
			len(d.Items) != 4 || !slices.ContainsFunc(d.Items, func(d api.Delivery) bool { return d.Event == id }) {
			t.Errorf("step %d has the event %v, is sent as %v, listed as %v", s.N, e.Events, sent, d.Items)
		}
	}
	for _, m := range sent {
		var message struct {
			Type string
			Data map[string]string
		}
		if err := json.Unmarshal(m.Body, &message); err != nil {
			t.Fatal(err)
		}
		delete(message.Data, "step") // which every webhook has
		isInContract(t, message.Type, message.Data)
	}
	own := u.do(t, webtest.Request{Method: "GET", Path: "/referrals/" + u.referral, As: referraltest.Coach})
	if r := read(t, own, 200); r.State != "closed" || servicetest.Version(own.Header) != `"10"` || len(r.Timeline) != 10 {
		t.Errorf("the municipality itself sees %s at %s", r.State, own.Header.Get("ETag"))
	}
}
