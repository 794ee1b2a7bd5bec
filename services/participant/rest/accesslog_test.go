package rest_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/web/webtest"
	. "github.com/finsam/finsam/services/participant/participanttest"
)

func TestEveryAccessIsEnteredWithItsRelationAndOutcome(t *testing.T) {
	f := newFace(t)
	_, person, enrolment := f.Enrolled(40, "2026-04-20")
	_, protected, _ := f.Enrolled(41, "2026-12-07")
	f.post(Coach, "/participants/"+protected+"/protection", `"3"`, object{"level": "assumed_identity", "handlers": []string{"coach-17"}}).Into(t, 200, nil)
	one, way, hidden := "/participants/"+person, "/enrolments/"+enrolment, "/participants/"+protected
	const relevant, shown, masked = "own-municipality", accesslog.Shown, accesslog.Masked
	start := object{"startedOn": "2026-04-20"}
	for _, c := range []struct {
		sentence string
		as       actor.Actor
		path     string
		version  string
		body     object
		status   int
		want     accesslog.Entry
	}{
		{"a coach reads a person", Coach, one, "", nil, 200,
			accesslog.Entry{Operation: "getParticipant", Thing: "participant/" + person, Outcome: accesslog.Done, Why: relevant, Identity: shown}},
		{"the sender's unit does", FKUnit, one, "", nil, 200,
			accesslog.Entry{Operation: "getParticipant", Thing: "participant/" + person, Outcome: accesslog.Done, Why: "own-unit", Identity: shown}},
		{"the sender's system does", FK, one, "", nil, 200,
			accesslog.Entry{Operation: "getParticipant", Thing: "participant/" + person, Outcome: accesslog.Done, Why: "own-authority", Identity: shown}},
		{"the person does", Participant(person), one, "", nil, 200,
			accesslog.Entry{Operation: "getParticipant", Thing: "participant/" + person, Outcome: accesslog.Done, Why: "own-participant", Identity: shown}},
		{"a handler reads a protected person", Coach, hidden, "", nil, 200,
			accesslog.Entry{Operation: "getParticipant", Thing: "participant/" + protected, Outcome: accesslog.Done, Why: relevant, Identity: shown}},
		{"one who is not a handler does, and sees no identity", Intake, hidden, "", nil, 200,
			accesslog.Entry{Operation: "getParticipant", Thing: "participant/" + protected, Outcome: accesslog.Done, Why: relevant, Identity: masked}},
		{"a coach of another municipality is not related", Elsewhere, one, "", nil, 404,
			accesslog.Entry{Operation: "getParticipant", Thing: "participant/" + person, Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"}},
		{"nor is anybody to a person who is not there", Coach, "/participants/" + nobody, "", nil, 404,
			accesslog.Entry{Operation: "getParticipant", Thing: "participant/" + nobody, Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"}},
		{"a role without a row", Board, one, "", nil, 403,
			accesslog.Entry{Operation: "getParticipant", Outcome: accesslog.Refused, Why: "role", Code: "forbidden"}},
		{"a role without a row, in a batch", Board, "/participants/identities", "", object{"participants": []string{person}}, 403,
			accesslog.Entry{Operation: "readIdentities", Outcome: accesslog.Refused, Why: "role", Code: "forbidden"}},
		{"a role without a row, in a list", Board, "/enrolments", "", nil, 403,
			accesslog.Entry{Operation: "listEnrolments", Outcome: accesslog.Refused, Why: "role", Code: "forbidden"}},
		{"a list", Coach, "/enrolments", "", nil, 200,
			accesslog.Entry{Operation: "listEnrolments", Thing: "enrolments", Outcome: accesslog.Done, Why: relevant}},
		{"a coach reads an enrolment", Coach, way, "", nil, 200,
			accesslog.Entry{Operation: "getEnrolment", Thing: "enrolment/" + enrolment, Outcome: accesslog.Done, Why: relevant}},
		{"the sender's unit reads it", FKUnit, way, "", nil, 200,
			accesslog.Entry{Operation: "getEnrolment", Thing: "enrolment/" + enrolment, Outcome: accesslog.Done, Why: "own-unit"}},
		{"another authority is not related", AF, way, "", nil, 404,
			accesslog.Entry{Operation: "getEnrolment", Thing: "enrolment/" + enrolment, Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"}},
		{"a start at a version that has passed", Coach, way + "/start", `"7"`, start, 412,
			accesslog.Entry{Operation: "startEnrolment", Thing: "enrolment/" + enrolment, Outcome: accesslog.Failed, Why: relevant, Code: "stale-version"}},
		{"a start that a rule stops", Coach, way + "/start", `"1"`, object{"startedOn": "2026-11-23"}, 422,
			accesslog.Entry{Operation: "startEnrolment", Thing: "enrolment/" + enrolment, Outcome: accesslog.Failed, Why: relevant, Code: "date-in-future"}},
		{"a start by a coach of another municipality", Elsewhere, way + "/start", `"1"`, start, 404,
			accesslog.Entry{Operation: "startEnrolment", Thing: "enrolment/" + enrolment, Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"}},
		{"a start", Coach, way + "/start", `"1"`, start, 200,
			accesslog.Entry{Operation: "startEnrolment", Thing: "enrolment/" + enrolment, Outcome: accesslog.Done, Why: relevant}},
		{"an unknown consent", Coach, one + "/consent-withdrawals", `"3"`, object{"referral": nobody}, 422,
			accesslog.Entry{Operation: "withdrawConsent", Thing: "participant/" + person, Outcome: accesslog.Failed, Why: relevant, Code: "no-such-consent", Identity: shown}},
		{"a rectification", Intake, one + "/rectifications", `"3"`, object{"familyName": "Påhittad", "reason": "Påhittat skäl."}, 200,
			accesslog.Entry{Operation: "rectifyParticipant", Thing: "participant/" + person, Outcome: accesslog.Done, Why: relevant, Identity: shown}},
		{"one without a field", Intake, one + "/rectifications", `"4"`, object{"reason": "Påhittat skäl."}, 422,
			accesslog.Entry{Operation: "rectifyParticipant", Thing: "participant/" + person, Outcome: accesslog.Failed, Why: relevant, Code: "nothing-rectified", Identity: shown}},
		{"one by who is no handler", Intake, hidden + "/rectifications", `"4"`, object{"familyName": "Påhittad", "reason": "Påhittat skäl."}, 404,
			accesslog.Entry{Operation: "rectifyParticipant", Thing: "participant/" + protected, Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"}},
		{"one by the sender", FKUnit, one + "/rectifications", `"4"`, object{"familyName": "Påhittad", "reason": "Påhittat skäl."}, 403,
			accesslog.Entry{Operation: "rectifyParticipant", Outcome: accesslog.Refused, Why: "role", Code: "forbidden"}},
		{"a protection after which the caller is not a handler", Intake, one + "/protection", `"4"`, object{"level": "assumed_identity", "handlers": []string{"coach-17"}}, 200,
			accesslog.Entry{Operation: "protectParticipant", Thing: "participant/" + person, Outcome: accesslog.Done, Why: relevant, Identity: masked}},
		{"a reviewer's removal", Reviewer, hidden + "/protection-removal", f.protection(protected), object{}, 200,
			accesslog.Entry{Operation: "unprotectParticipant", Thing: "participant/" + protected, Outcome: accesslog.Done, Why: "association", Identity: masked}},
	} {
		before := len(f.Accesses(t))
		var r *webtest.Response
		if c.body == nil {
			r = f.get(c.as, c.path)
		} else {
			r = f.post(c.as, c.path, c.version, c.body)
		}
		if r.Status != c.status {
			t.Errorf("%s: answered %d %s", c.sentence, r.Status, r.Body)
		}
		entries := f.Accesses(t)[before:]
		if len(entries) != 1 {
			t.Errorf("%s: %d entries: %+v", c.sentence, len(entries), entries)
			continue
		}
		e := entries[0]
		if e.Operation != c.want.Operation || c.want.Thing != "" && e.Thing != c.want.Thing || e.Outcome != c.want.Outcome ||
			e.Why != c.want.Why || e.Code != c.want.Code || e.Identity != c.want.Identity || e.Subject != c.as.Subject {
			t.Errorf("%s: entered as %+v, want %+v", c.sentence, e, c.want)
		}
	}
}

func TestAPersonThatIsNotStoredIsEnteredAsFailed(t *testing.T) {
	f := newFace(t)
	in := Person(42)
	put := func(as actor.Actor, number string) accesslog.Entry {
		body := object{
			"referral": in.Consent.Referral, "authority": "fk", "unit": "fk-molndal", "municipality": "1481",
			"person":  object{"personalIdentityNumber": number, "givenName": in.GivenName, "familyName": in.FamilyName},
			"consent": object{"authorities": []string{"fk", "molndal"}, "textVersion": "2026-1", "givenOn": "2026-08-01"},
		}
		before := len(f.Accesses(t))
		f.do(webtest.Request{Method: http.MethodPost, Path: "/internal/persons", As: as, Body: body})
		entries := f.Accesses(t)[before:]
		if len(entries) != 1 || slices.Contains(entries[0].Participants, number) {
			t.Fatalf("got %+v", entries)
		}
		return entries[0]
	}
	if e := put(FK, "199001012386"); e.Outcome != accesslog.Failed || e.Why != "own-authority" || e.Code != "bad-personal-identity-number" {
		t.Errorf("a wrong number: %+v", e)
	}
	if e := put(AF, in.Number); e.Outcome != accesslog.Refused || e.Why != "not-related" {
		t.Errorf("another authority's referral: %+v", e)
	}
	if e := put(FK, in.Number); e.Outcome != accesslog.Done || e.Why != "own-authority" || len(e.Participants) != 1 {
		t.Errorf("a person: %+v", e)
	}
}
