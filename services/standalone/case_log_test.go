package standalone_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/services/standalone"
	"github.com/finsam/finsam/services/standalone/demo"
)

// entries stops the suite and returns what its access logs hold, in order of time.
func (o *office) entries(data standalone.Layout) (all []accesslog.Entry) {
	o.t.Helper()
	o.stop()
	err := standalone.AccessLogs(o.t.Context(), data, "", func(logs map[string]*accesslog.Log) error {
		return accesslog.Read(o.t.Context(), logs, func(_ string, e accesslog.Entry) error {
			all = append(all, e)
			return nil
		})
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return all
}

// entered wants one entry of an operation by somebody that says this, and nothing else of
// how it ended, why, of whom and whether the identity was shown.
func entered(t *testing.T, all []accesslog.Entry, who demo.Claims, want accesslog.Entry) {
	t.Helper()
	all = slices.DeleteFunc(slices.Clone(all), func(e accesslog.Entry) bool {
		return e.Subject != who.Subject || e.Authority != who.Authority || e.Operation != want.Operation
	})
	if !slices.ContainsFunc(all, func(e accesslog.Entry) bool {
		return e.Thing == want.Thing && slices.Equal(e.Participants, want.Participants) && e.Outcome == want.Outcome &&
			e.Why == want.Why && e.Code == want.Code && e.Identity == want.Identity && !e.At.IsZero() && e.TraceID != "" && len(e.Roles) > 0
	}) {
		t.Errorf("no entry %+v of %s, but %+v", want, who.Subject, all)
	}
}

// TestCase_B1_ARefusalByRoleIsEntered is: who asked in a role that may not, what for, and of
// which thing. test/e2e looks for the entry of each operation and role that is refused.
func TestCase_B1_ARefusalByRoleIsEntered(t *testing.T) {
	data := newData(t)
	o := open(t, data)
	_, id := o.refer(1, nil)
	person := "/participants/" + id
	o.want(403, reviewer, http.MethodGet, person, "", nil)
	o.want(403, officer, http.MethodPost, person+"/protection", `"1"`, map[string]any{"level": "assumed_identity"})
	o.want(403, officer, http.MethodPost, "/participants/searches", "", map[string]any{"name": "Bo Ek", "purpose": "case_work"})
	all := o.entries(data)
	entered(t, all, reviewer, accesslog.Entry{Operation: "getParticipant", Thing: "participant/" + id, Outcome: accesslog.Refused, Why: "role", Code: "forbidden"})
	entered(t, all, officer, accesslog.Entry{Operation: "protectParticipant", Thing: "participant/" + id, Outcome: accesslog.Refused, Why: "role", Code: "forbidden"})
	entered(t, all, officer, accesslog.Entry{Operation: "searchParticipants", Thing: "participants", Outcome: accesslog.Refused, Why: "role", Code: "forbidden"})
}

// TestCase_B2_AnEntryHasTheOutcomeOfTheWholeCall is: what a rule or a newer version stopped
// is entered as failed, with the reason, and only what took place as done.
func TestCase_B2_AnEntryHasTheOutcomeOfTheWholeCall(t *testing.T) {
	data := newData(t)
	o := open(t, data)
	referral, id := o.refer(1, nil)
	at := "/referrals/" + referral
	refusal := map[string]any{"code": "other_initiative", "text": "Påhittat."}
	o.want(412, intake7, http.MethodPost, at+"/rejection", `"99"`, refusal)
	o.want(422, intake7, http.MethodPost, at+"/acceptance", `"1"`, map[string]any{"initiative": "activera", "startDate": day(-3000), "coach": "coach-1"})
	o.want(200, intake7, http.MethodPost, at+"/rejection", `"1"`, refusal)
	o.want(409, intake7, http.MethodPost, at+"/acceptance", `*`, map[string]any{"initiative": "activera", "startDate": day(0), "coach": "coach-1"})
	all := o.entries(data)
	for _, e := range []accesslog.Entry{
		{Operation: "rejectReferral", Outcome: accesslog.Failed, Code: "stale-version"},
		{Operation: "acceptReferral", Outcome: accesslog.Failed, Code: "start-date-out-of-range"},
		{Operation: "rejectReferral", Outcome: accesslog.Done},
		{Operation: "acceptReferral", Outcome: accesslog.Failed, Code: "wrong-state"},
	} {
		e.Thing, e.Participants, e.Why = "referral/"+referral, []string{id}, "own-municipality"
		entered(t, all, intake7, e)
	}
}

// TestCase_B3_AnEntrySaysByWhichRelation is: the relation that opened, or "not-related".
// The purpose of a search is in TestCase_D5_APersonIsFoundByNumberOrNameInTheOwnMunicipality.
func TestCase_B3_AnEntrySaysByWhichRelation(t *testing.T) {
	data := newData(t)
	o := open(t, data)
	referral, id := o.refer(1, nil)
	person := "/participants/" + id
	opens := map[*demo.Claims]string{&intake7: "own-municipality", &coach1: "own-municipality", &officer: "own-unit"}
	for who := range opens {
		o.want(200, *who, http.MethodGet, person, "", nil)
	}
	made := o.want(201, officer, http.MethodPost, "/drafts", "", map[string]any{"reason": "Påhittat utkast."})["id"].(string)
	o.want(422, sender, http.MethodPost, "/referrals", "", o.referral(2, func(referral, _ map[string]any) { referral["consent"].(map[string]any)["given"] = false }))
	hook := map[string]any{"url": "https://fk.example/handelser", "kinds": []string{"closed"}}
	o.want(201, sender, http.MethodPost, "/webhooks", "", hook)
	o.want(200, sender, http.MethodGet, "/webhooks", "", nil)
	o.want(404, partille, http.MethodGet, person, "", nil)
	o.want(404, abroad, http.MethodGet, "/referrals/"+referral, "", nil)
	all := o.entries(data)
	for who, why := range opens {
		entered(t, all, *who, accesslog.Entry{Operation: "getParticipant", Thing: "participant/" + id, Participants: []string{id}, Outcome: accesslog.Done, Why: why, Identity: accesslog.Shown})
	}
	entered(t, all, officer, accesslog.Entry{Operation: "createDraft", Thing: "draft/" + made, Outcome: accesslog.Done, Why: "own-unit"})
	entered(t, all, partille, accesslog.Entry{Operation: "getParticipant", Thing: "participant/" + id, Participants: []string{id}, Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"})
	entered(t, all, abroad, accesslog.Entry{Operation: "getReferral", Thing: "referral/" + referral, Participants: []string{id}, Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"})
	for _, e := range all {
		if e.Why == "" {
			t.Errorf("an entry that says no reason: %+v", e)
		}
	}
}

// TestCase_B4_AnEntrySaysWhetherTheIdentityWasShown is: a read of a protected person by a
// handler and by who sees the person masked differ.
func TestCase_B4_AnEntrySaysWhetherTheIdentityWasShown(t *testing.T) {
	data := newData(t)
	o := open(t, data)
	_, id := o.refer(1, nil)
	o.protect(id, "assumed_identity")
	for _, who := range []demo.Claims{intake7, coach1} {
		o.want(200, who, http.MethodGet, "/participants/"+id, "", nil)
		o.want(200, who, http.MethodPost, "/participants/identities", "", map[string]any{"participants": []string{id}})
	}
	all := o.entries(data)
	for who, identity := range map[*demo.Claims]accesslog.Identity{&intake7: accesslog.Masked, &coach1: accesslog.Shown} {
		for operation, thing := range map[string]string{"getParticipant": "participant/" + id, "readIdentities": "participants"} {
			entered(t, all, *who, accesslog.Entry{Operation: operation, Thing: thing, Participants: []string{id}, Outcome: accesslog.Done, Why: "own-municipality", Identity: identity})
		}
	}
}
