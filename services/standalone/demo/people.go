package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/inprocess"
	"github.com/finsam/finsam/pkg/web"
)

// Those who act on the demo's people. All are invented.
var (
	system   = Claims{Roles: []actor.Role{actor.Integration}, Authority: "fk", Subject: "fk-integration", Lifetime: time.Hour}
	receiver = Claims{Roles: []actor.Role{actor.Intake}, Authority: "molndal", Municipality: "1481", Subject: "intake-molndal-1", Lifetime: time.Hour}
	coach    = Claims{Roles: []actor.Role{actor.Coach}, Authority: "molndal", Municipality: "1481", Subject: "coach-molndal-1", Lifetime: time.Hour}
)

// person is one of the demo's people with the way that the referral has taken. The numbers
// are the Tax Agency's own test numbers, which nobody has.
type person struct{ number, given, family, way string }

var people = []person{
	{"198710312391", "Alva", "Exempelström", "submitted"},
	{"199105242383", "Hjalmar", "Provberg", "submitted"},
	{"197704182398", "Signe", "Testander", "submitted"},
	{"199411162390", "Sixten", "Påhittsson", "assigned"},
	{"200403272388", "Noomi", "Övningsgren", "assigned"},
	{"197702192381", "Vera", "Modellqvist", "supplement requested"},
	{"197603232385", "Saga", "Skissmark", "supplement requested"},
	{"200301252391", "Ture", "Utkastius", "supplemented"},
	{"199809222384", "Love", "Exempelström", "waiting"},
	{"198107122387", "Kim", "Provberg", "waiting"},
	{"198704142390", "Alva", "Testander", "transfer requested"},
	{"200302132394", "Hjalmar", "Påhittsson", "rejected"},
	{"199810022393", "Signe", "Övningsgren", "rejected"},
	{"199303232384", "Sixten", "Modellqvist", "withdrawn"},
	{"197602072386", "Noomi", "Skissmark", "marked as an error"},
	{"199808272380", "Vera", "Utkastius", "planned"},
	{"199207262388", "Saga", "Exempelström", "planned"},
	{"200404192387", "Ture", "Provberg", "started"},
	{"197706082398", "Love", "Testander", "started"},
	{"199908022396", "Kim", "Påhittsson", "started"},
	{"198311122389", "Alva", "Övningsgren", "cancelled"},
	{"198601082384", "Hjalmar", "Modellqvist", "closed"},
}

// step is something that somebody does with the referral or, later, with the enrolment
// that follows from it.
type step struct {
	by          Claims
	ofEnrolment bool
	path        string
	body        map[string]any
}

// ways returns the steps of each way, on a day.
func ways(today string) map[string][]step {
	note := func(text string) map[string]any { return map[string]any{"text": "Påhittat: " + text} }
	accepted := step{receiver, false, "acceptance", map[string]any{"initiative": "activera", "startDate": today, "coach": coach.Subject}}
	started := step{coach, true, "start", map[string]any{"startedOn": today}}
	asked := step{receiver, false, "supplement-requests", note("Vilken tid på dagen passar bäst?")}
	return map[string][]step{
		"submitted":            nil,
		"assigned":             {{receiver, false, "assignment", map[string]any{"responsible": receiver.Subject}}},
		"supplement requested": {asked},
		"supplemented":         {asked, {system, false, "supplements", note("Förmiddagar passar bäst.")}},
		"waiting":              {{receiver, false, "waitlisting", map[string]any{"initiative": "activera", "priority": "normal"}}},
		"transfer requested":   {{receiver, false, "transfer-requests", map[string]any{"municipality": "1402", "text": "Påhittat: personen har flyttat till Partille."}}},
		"rejected":             {{receiver, false, "rejection", map[string]any{"code": "not_right_time", "text": "Påhittat: behandlingen behöver bli klar först."}}},
		"withdrawn":            {{system, false, "withdrawal", map[string]any{"by": "person", "text": "Påhittat: personen vill vänta."}}},
		"marked as an error":   {{system, false, "error-marking", note("fel person.")}},
		"planned":              {accepted},
		"started":              {accepted, started},
		"cancelled":            {accepted, {coach, true, "cancellation", note("personen har tackat nej.")}},
		"closed": {accepted, started, {coach, true, "closing-documentation", map[string]any{
			"closedOn": today, "endReason": "work", "occupationAfter": map[string]any{"kind": "works", "extent": 50},
			"livelihoodAfter": []string{"salary"}, "summary": "Påhittat: halvtid i trädgård.",
		}}},
	}
}

// Fill has the demo's people referred, and what follows from it done, by calls of the
// public API that door answers. today is a day such as 2026-01-31.
func (i *Issuer) Fill(ctx context.Context, door http.Handler, today string) error {
	d := &director{i, http.Client{Transport: inprocess.Transport{Handler: door}}}
	steps := ways(today)
	for n, p := range people {
		if err := d.live(ctx, n, p, steps[p.way], today); err != nil {
			return fmt.Errorf("the demo's person %d (%s): %w", n+1, p.way, err)
		}
	}
	return nil
}

// director makes the calls of Fill.
type director struct {
	issuer *Issuer
	client http.Client
}

func (d *director) live(ctx context.Context, n int, p person, steps []step, today string) error {
	created, _, err := d.call(ctx, system, http.MethodPost, "/referrals", fmt.Sprint("demo-person-", n+1), map[string]any{
		"person":             map[string]any{"personalIdentityNumber": p.number, "givenName": p.given, "familyName": p.family},
		"unit":               "fk-molndal",
		"targetGroup":        map[string]any{"reasons": []string{"long_absence"}, "authoritiesConcerned": []string{"social_insurance", "region"}},
		"consent":            map[string]any{"given": true, "givenOn": today, "textVersion": "2026-1", "authorities": []string{"fk", "molndal", "partille"}},
		"wishedMunicipality": "1481",
		"reason":             "Påhittat exempel: sjukskriven länge, vill tillbaka i egen takt.",
	})
	if err != nil {
		return err
	}
	id, _ := created["id"].(string)
	referral := "/referrals/" + id
	for _, s := range steps {
		thing := referral
		if s.ofEnrolment {
			if thing, err = d.enrolment(ctx, referral); err != nil {
				return err
			}
		}
		_, etag, err := d.call(ctx, s.by, http.MethodGet, thing, "", nil)
		if err == nil {
			_, _, err = d.call(ctx, s.by, http.MethodPost, thing+"/"+s.path, etag, s.body)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enrolment waits for the enrolment that follows from an accepted referral.
func (d *director) enrolment(ctx context.Context, referral string) (string, error) {
	for range 500 {
		r, _, err := d.call(ctx, receiver, http.MethodGet, referral, "", nil)
		if err != nil {
			return "", err
		}
		progress, _ := r["progress"].(map[string]any)
		if id, ok := progress["enrolment"].(string); ok {
			return "/enrolments/" + id, nil
		}
		if !backoff.Sleep(ctx, 10*time.Millisecond) {
			return "", ctx.Err()
		}
	}
	return "", errors.New("no enrolment has followed within five seconds")
}

// call makes one call and returns the answer with its ETag; any but a success is an error.
// The key of a creation, or else the ETag that a step is based on, is its tag.
func (d *director) call(ctx context.Context, who Claims, method, path, tag string, body map[string]any) (answer map[string]any, etag string, err error) {
	token, err := d.issuer.Token(who)
	if err != nil {
		return nil, "", err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, "", err
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://demo"+web.BasePath+path, bytes.NewReader(text))
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	if path == "/referrals" {
		r.Header.Set("Idempotency-Key", tag)
	} else if tag != "" {
		r.Header.Set("If-Match", tag)
	}
	resp, err := d.client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, "", err
	}
	if resp.StatusCode >= 300 {
		return nil, "", fmt.Errorf("%s is answered %d %v: %v", method, resp.StatusCode, answer["code"], answer["detail"])
	}
	return answer, resp.Header.Get("ETag"), nil
}
