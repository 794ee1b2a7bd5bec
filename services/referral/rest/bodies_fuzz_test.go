package rest_test

import (
	"bufio"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/rest"
)

// FuzzBodies hands whole bodies, and items of a batch and of a register, to the
// real handlers: whatever comes, it is taken or is the caller's own fault.
func FuzzBodies(f *testing.F) {
	w, trust := referraltest.New(f), webtest.NewTrust(f, nil)
	h, err := rest.New(w.Service, server.Config{Verifier: trust.Verifier, AccessLog: w.AccessLog, Feed: w.Feed, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	v, err := w.Service.Create(referraltest.As(referraltest.FK), "", referraltest.Submission())
	if err != nil {
		f.Fatal(err)
	}
	places := []struct {
		method, path, before, behind string
		who                          actor.Actor
		body                         any
	}{
		{"POST", "/referrals", "", "", referraltest.FK, unreferenced()},
		{"POST", "/referrals/batch", `{"items":[`, `]}`, referraltest.FK, map[string]any{"key": "k", "referral": unreferenced()}},
		{"PUT", "/units", `{"items":[`, `]}`, referraltest.Admin, unit()},
		{"POST", "/referrals/" + v.Referral.ID + "/amendments", "", "", referraltest.FK, amendment()},
		{"POST", "/referrals/" + v.Referral.ID + "/acceptance", "", "", referraltest.Intake, map[string]any{"initiative": "activera", "startDate": "2026-03-16", "coach": "c"}},
		{"PUT", "/capacities/activera/1481", "", "", referraltest.Admin, map[string]any{"places": 1}},
		{"POST", "/referrals/" + v.Referral.ID + "/transfer-requests", "", "", referraltest.Intake, map[string]any{"municipality": "1402", "text": "Påhittat."}},
		{"POST", "/webhooks", "", "", referraltest.FK, map[string]any{"url": "https://hooks.example.se/", "kinds": []string{"accepted"}}},
		{"POST", "/drafts", "", "", referraltest.Officer, unreferenced()},
	}
	for i, p := range places {
		text, err := json.Marshal(p.body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), string(text))
		f.Add(uint8(i), "{}")
	}
	f.Fuzz(func(t *testing.T, at uint8, text string) {
		p := places[int(at)%len(places)]
		a := trust.Do(t, h, webtest.Request{Method: p.method, Path: p.path, As: p.who, Body: p.before + text + p.behind, Header: map[string]string{"If-Match": `"7"`}})
		if a.Status >= 500 || a.Status >= 400 && a.Header.Get("Content-Type") != "application/problem+json" {
			t.Fatalf("%s %s: %d: %s", p.method, p.path, a.Status, a.Body)
		}
		if p.path == "/referrals/batch" && a.Status == 200 {
			var b struct{ Items []struct{ Status int } }
			a.Into(t, 200, &b)
			for _, item := range b.Items {
				if item.Status >= 500 {
					t.Fatalf("%s: %s", text, a.Body)
				}
			}
		}
		if p.path == "/drafts" && a.Status == 201 { // what was kept as it came is read again when it is sent
			var d struct{ ID string }
			a.Into(t, 201, &d)
			read := trust.Do(t, h, webtest.Request{Method: "GET", Path: "/drafts/" + d.ID, As: p.who})
			sent := trust.Do(t, h, webtest.Request{Method: "POST", Path: "/drafts/" + d.ID + "/sending", As: p.who, Header: map[string]string{"If-Match": read.Header.Get("ETag")}})
			if read.Status != 200 || sent.Status >= 500 {
				t.Fatalf("%s: read %d, sent %d: %s", text, read.Status, sent.Status, sent.Body)
			}
		}
	})
}

// FuzzQueries hands parameters to every list and file: whatever comes, it is
// taken or is the caller's own fault, and what is taken links to itself.
func FuzzQueries(f *testing.F) {
	w, trust := referraltest.New(f), webtest.NewTrust(f, nil)
	h, err := rest.New(w.Service, server.Config{Verifier: trust.Verifier, AccessLog: w.AccessLog, Feed: w.Feed, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := w.Service.Create(referraltest.As(referraltest.FK), "", referraltest.Submission()); err != nil {
		f.Fatal(err)
	}
	lists := []string{"/referrals", "/tasks", "/waiting-list", "/referral-exports", "/referral-figures", "/capacity", "/events", "/drafts", "/webhooks", "/units"}
	for i, query := range []string{
		"state=submitted&state=closed&sort=dueAt", "source=self_referral&order=desc", "municipality=1481&unit=fk-molndal", "receivedFrom=2026-01-01&receivedTo=2026-02-30",
		"responsible=mottagare-1&initiative=activera&overdue=true", "limit=200&page=2", "limit=201&page=-1", "page=99999999999999999999", "cursor=rd-", "after=x&wait=0",
		"externalReference=%C3%A5&registryNumber=2026-1", "transferTo=1402&kind=%00", "format=xlsx&identities=true", "format=csv&from=2026-01&to=2026-12", "active=nej",
	} {
		for at := range lists {
			if at%5 == i%5 || at == 0 {
				f.Add(uint8(at), query)
			}
		}
	}
	f.Fuzz(func(t *testing.T, at uint8, query string) {
		if _, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET /?" + query + " HTTP/1.0\r\n\r\n"))); err != nil {
			return // no server hands that on
		}
		for _, who := range []actor.Actor{referraltest.FK, referraltest.Intake} {
			path := lists[int(at)%len(lists)]
			if path == "/events" {
				query += "&wait=0"
			}
			a := trust.Do(t, h, webtest.Request{Method: "GET", Path: path + "?" + query, As: who})
			if a.Status >= 500 || a.Status >= 400 && a.Header.Get("Content-Type") != "application/problem+json" {
				t.Fatalf("%s?%s: %d: %s", path, query, a.Status, a.Body)
			}
			var b struct {
				Links struct{ Self *struct{ Href string } } `json:"_links"`
			}
			if a.Status != 200 || json.Unmarshal(a.Body, &b) != nil || b.Links.Self == nil {
				continue
			}
			again := trust.Do(t, h, webtest.Request{Method: "GET", Path: servicetest.PathOf(t, b.Links.Self.Href), As: who})
			if again.Status != 200 {
				t.Fatalf("%s?%s links to itself as %s, which is %d: %s", path, query, b.Links.Self.Href, again.Status, again.Body)
			}
		}
	})
}
