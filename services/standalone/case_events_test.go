package standalone_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/finsam/finsam/services/standalone/demo"
)

// TestCase_G10_WhatOneAuthorityDoesCountsInNothingThatAnotherReads is: an authority reads the
// same, byte for byte, before and after steps of others; only its position in the events is
// written in another way each time, and says nothing to the one who has it.
func TestCase_G10_WhatOneAuthorityDoesCountsInNothingThatAnotherReads(t *testing.T) {
	o := open(t, newData(t))
	ofPartille := func(referral, _ map[string]any) {
		referral["wishedMunicipality"] = "1402"
		referral["consent"].(map[string]any)["authorities"] = []string{"fk", "partille"}
	}
	own, _ := o.refer(20, ofPartille)
	read := func() (all map[string]string, position string) {
		all = map[string]string{}
		for _, path := range []string{
			"/events?limit=200", "/referrals?limit=1", "/referrals?page=1&limit=1", "/referrals/" + own, "/tasks", "/waiting-list?initiative=activera&municipality=1402",
			"/capacity", "/units", "/webhooks", "/enrolments", "/me", "/drafts",
		} {
			w := o.ask(partille, http.MethodGet, path, "", nil)
			var events struct{ After string }
			_ = json.Unmarshal(w.Body.Bytes(), &events)
			body := w.Body.Bytes()
			if events.After != "" {
				position, body = events.After, bytes.ReplaceAll(body, []byte(events.After), []byte("position"))
			}
			if w.Code != http.StatusOK {
				body = nil // not for this role: the status is compared
			}
			all[path] = http.StatusText(w.Code) + " " + w.Header().Get("ETag") + " " + string(body)
		}
		return all, position
	}
	o.eventually("its own step is an event", func() bool {
		return bytes.Contains(o.ask(partille, http.MethodGet, "/events", "", nil).Body.Bytes(), []byte("submitted"))
	})
	before, position := read()
	o.refer(21, nil)
	theirs, _ := o.refer(22, nil)
	o.want(200, receiver, http.MethodPost, "/referrals/"+theirs+"/acceptance", o.version(receiver, "/referrals/"+theirs), map[string]any{"initiative": "activera", "startDate": day(7), "coach": "coach-1"})
	o.eventually("the others' steps are events", func() bool {
		return bytes.Contains(o.ask(receiver, http.MethodGet, "/events", "", nil).Body.Bytes(), []byte("accepted"))
	})
	after, next := read()
	for path := range before {
		if before[path] != after[path] {
			t.Errorf("%s\nbefore: %s\nafter:  %s", path, before[path], after[path])
		}
	}
	if _, again := read(); len(next) != len(position) || next == position || next == again {
		t.Errorf("positions %s, %s and %s", position, next, again)
	}
	for _, who := range []demo.Claims{partille, receiver} {
		w := o.ask(who, http.MethodGet, "/events?after="+position, "", nil)
		if of := who.Authority == "partille"; (w.Code == 200) != of {
			t.Errorf("%s with Partille's position: %d %s", who.Authority, w.Code, w.Body)
		}
	}
	if refused := o.want(400, partille, http.MethodGet, "/events?after=YTE", "", nil); refused["code"] != "position-unknown" { // a number in clear
		t.Errorf("%v", refused)
	}
}
