package standalone_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/standalone/demo"
)

// A person reads which authorities have looked, in which role and why, and not which member of
// staff; a reviewer reads that too. Both read of all services, as one list.
func TestWhoHasReadIsReadByThePersonAndByAReviewer(t *testing.T) {
	for name, open := range map[string]func() *office{
		"one process":   func() *office { return open(t, newData(t)) },
		"four programs": func() *office { return openFour(context.Background(), t, newData(t)) },
	} {
		t.Run(name, func(t *testing.T) { whoHasReadIsRead(t, open()) })
	}
}

func whoHasReadIsRead(t *testing.T, o *office) {
	referral, participant := o.refer(501, nil)
	other, _ := o.refer(502, nil)
	o.want(200, intake7, http.MethodPost, "/referrals/"+referral+"/acceptance", o.version(intake7, "/referrals/"+referral), acceptedFrom(day(0)))
	enrolment := o.enrolmentOf(referral)
	o.want(200, coach1, http.MethodGet, "/participants/"+participant, "", nil)
	o.eventually("the week is read", func() bool {
		return o.ask(coach1, http.MethodGet, "/participants/"+participant+"/week", "", nil).Code == 200
	})
	o.want(200, coach1, http.MethodGet, enrolment, "", nil)
	person := demo.Claims{Roles: []actor.Role{actor.Participant}, Participant: participant, Authority: "molndal", Subject: "person-1", Lifetime: time.Hour}
	o.want(404, person, http.MethodGet, "/participants/"+o.want(200, intake7, http.MethodGet, "/referrals/"+other, "", nil)["participant"].(string)+"/accesses", "", nil)

	type access struct{ service, operation, authority, role, why string }
	read := func(who demo.Claims, path string, query url.Values) (all []access, subjects []string) {
		for cursor := ""; ; {
			if cursor != "" {
				query.Set("cursor", cursor)
			}
			answer := o.want(200, who, http.MethodGet, path+"?"+query.Encode(), "", nil)
			before := time.Now().AddDate(1, 0, 0)
			for _, x := range answer["items"].([]any) {
				item := x.(map[string]any)
				text := func(name string) string { s, _ := item[name].(string); return s }
				at, err := time.Parse(time.RFC3339, text("at"))
				if err != nil || at.After(before) {
					t.Errorf("%s comes behind %s: %v", at, before, err)
				}
				before = at
				role := ""
				if roles, _ := item["roles"].([]any); len(roles) > 0 {
					role = roles[0].(string)
				}
				all = append(all, access{text("service"), text("operation"), text("authority"), role, text("why")})
				if s := text("subject"); s != "" {
					subjects = append(subjects, s)
				}
			}
			cursor, _ = answer["nextCursor"].(string)
			if cursor == "" {
				return all, subjects
			}
		}
	}
	own, named := read(person, "/participants/"+participant+"/accesses", url.Values{"limit": {"3"}})
	for _, want := range []access{
		{"referral", "acceptReferral", "molndal", "intake", "own-municipality"}, {"participant", "getParticipant", "molndal", "coach", "own-municipality"},
		{"activity", "getParticipantWeek", "molndal", "coach", "own-municipality"}, {"participant", "getEnrolment", "molndal", "coach", "own-municipality"},
		{"referral", "createReferral", "fk", "integration", ""},
	} {
		if !slices.Contains(own, want) && !slices.ContainsFunc(own, func(a access) bool { a.why = want.why; return a == want && want.authority == "fk" }) {
			t.Errorf("the person does not read %v among %v", want, own)
		}
	}
	if len(named) > 0 {
		t.Errorf("the person reads who of the staff it was: %v", named)
	}

	reviewer := demo.Claims{Roles: []actor.Role{actor.Reviewer}, Authority: "forbundet", Subject: "reviewer-1", Lifetime: time.Hour}
	period := func(more ...string) url.Values {
		q := url.Values{"from": {time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}, "to": {time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}}
		for n := 0; n < len(more); n += 2 {
			q.Set(more[n], more[n+1])
		}
		return q
	}
	whole, _ := read(reviewer, "/access-log", period("participant", participant, "limit", "200"))
	paged, _ := read(reviewer, "/access-log", period("participant", participant, "limit", "2"))
	if len(whole) < len(own) || len(paged) < len(whole) { // each look is in the log itself
		t.Errorf("the reviewer reads %d, by pages %d, and the person %d", len(whole), len(paged), len(own))
	}
	byCoach, subjects := read(reviewer, "/access-log", period("subject", "coach-1", "operation", "getEnrolment"))
	if len(byCoach) == 0 || slices.ContainsFunc(subjects, func(s string) bool { return s != "coach-1" }) {
		t.Errorf("of coach-1 the reviewer reads %v by %v", byCoach, subjects)
	}
	if looked, _ := read(reviewer, "/access-log", period("subject", "reviewer-1", "participant", participant)); len(looked) == 0 {
		t.Error("that the reviewer has looked is not in the log")
	}
	o.want(403, coach1, http.MethodGet, "/access-log?"+period().Encode(), "", nil)
}
