package rest_test

import (
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/rest"
)

// FuzzBodies hands whole bodies, and items of a batch and of a register, to the
// real handlers: whatever comes, it is taken or is the caller's own fault.
func FuzzBodies(f *testing.F) {
	w, trust := referraltest.New(f), webtest.NewTrust(f, nil)
	h, err := rest.New(w.Service, web.Options{Verify: trust.Verifier, Access: w.Access, Feed: w.Feed, Log: slog.New(slog.DiscardHandler)})
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
	})
}
