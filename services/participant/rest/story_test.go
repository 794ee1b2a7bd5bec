package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web/webtest"
	. "github.com/finsam/finsam/services/participant/participanttest"
)

type object = map[string]any

// TestTheWayByItsLinks goes from the plan to the closing by nothing but the
// links of each answer.
func TestTheWayByItsLinks(t *testing.T) {
	s := newFace(t)
	_, _, id := s.Enrolled(1, "2026-04-20")
	at := "/enrolments/" + id
	var e api.Enrolment
	got := s.get(Coach, at)
	got.Into(t, 200, &e)
	step := func(link string, body object) {
		t.Helper()
		href := e.UnderscoreLinks.Href(link)
		if href == "" {
			t.Fatalf("in state %s there is no link %s: %v", e.State, link, e.UnderscoreLinks)
		}
		who := Coach
		if link == "answer" {
			who = FKUnit
		}
		tag := got.Header.Get("ETag")
		at = servicetest.PathOf(t, href)
		got = s.post(who, at, tag, body)
		e = api.Enrolment{}
		got.Into(t, 200, &e)
		if link == "answer" { // the referrer's links are not the coach's
			at = servicetest.PathOf(t, e.UnderscoreLinks.Href("self"))
			got = s.get(Coach, at)
			e = api.Enrolment{}
			got.Into(t, 200, &e)
		}
	}
	step("start", object{"startedOn": "2026-04-20"})
	days := []string{"2026-06-01", "2026-07-13", "2026-08-24"}
	for _, day := range days {
		if e.State != api.EnrolmentStateCheckInDue {
			t.Fatalf("a block is over, and the state is %s", e.State)
		}
		// The coach's answer names no way to answer; the referrer's does.
		at = "/enrolments/" + id
		e = api.Enrolment{}
		got = s.get(FKUnit, at)
		got.Into(t, 200, &e)
		step("answer", object{"readiness": "ready", "text": "Gärna vidare."})
		step("decision", object{"decision": "continue", "decidedOn": day})
		step("startBlock", object{"startedOn": day})
	}
	step("closingConversation", object{"heldOn": "2026-10-05", "text": "Ett gott samtal."})
	step("closingDocumentation", object{
		"closedOn": "2026-10-06", "endReason": "according_to_plan", "summary": "Halvtid från november.",
		"occupationAfter": object{"kind": "works", "extent": 50}, "livelihoodAfter": []string{"salary"},
	})
	if e.State != api.EnrolmentStateClosed || *e.Outcome != api.Completed || e.ActiveWeeks != 24 {
		t.Fatalf("got %s", got.Body)
	}
	var seen api.Enrolment
	s.get(FKUnit, "/enrolments/"+id).Into(t, 200, &seen)
	if *seen.Closing.Documentation.Summary != "Halvtid från november." || len(seen.UnderscoreLinks) != 3 {
		t.Errorf("the referrer sees %+v, may %v", seen.Closing, seen.UnderscoreLinks)
	}
}

func TestAPersonIsSeenByRelation(t *testing.T) {
	s := newFace(t)
	in, id, _ := s.Enrolled(2, "2026-12-07")
	var p api.Participant
	s.get(Coach, "/participants/"+id).Into(t, 200, &p)
	if p.Masked || *p.PersonalIdentityNumber != in.Number || *p.GivenName != in.GivenName || *p.Phone != in.Contact.Phone || len(p.Consents) != 1 {
		t.Errorf("the coach sees %+v", p)
	}
	p = api.Participant{}
	got := s.post(Coach, "/participants/"+id+"/protection", `"3"`, object{"level": "protected_registration", "handlers": []string{"coach-17"}})
	got.Into(t, 200, &p)
	if p.Masked || p.Phone != nil || p.Email != nil || p.Protection != api.ProtectionProtectedRegistration || len(*p.Handlers) != 1 {
		t.Errorf("the handler sees %s", got.Body)
	}
	for _, a := range []struct {
		name string
		got  *webtest.Response
	}{{"intake", s.get(Intake, "/participants/"+id)}, {"sender", s.get(FKUnit, "/participants/"+id)}} {
		for _, canary := range []string{in.Number[:8], in.Number[8:], in.GivenName, in.FamilyName, in.Contact.Email, in.Contact.Phone, "coach-17\"]"} {
			if strings.Contains(string(a.got.Body), canary) {
				t.Errorf("%s sees %q of a protected person", a.name, canary)
			}
		}
		if a.got.Status != 200 {
			t.Errorf("%s: %s", a.name, a.got.Body)
		}
	}
	var masked api.Participant
	s.post(Reviewer, "/participants/"+id+"/protection-removal", s.protection(id), object{}).Into(t, 200, &masked)
	if !masked.Masked || masked.Protection != api.ProtectionNone {
		t.Errorf("got %+v", masked)
	}
	p = api.Participant{}
	s.get(Intake, "/participants/"+id).Into(t, 200, &p)
	if p.Masked || p.Phone != nil {
		t.Errorf("after the removal: %+v", p)
	}
}

func TestAReferrerKnowsNothingOfAnothersReferral(t *testing.T) {
	s := newFace(t)
	in := Person(3)
	id := s.Store(in)
	other := in
	other.Consent.Referral, other.Consent.Authority, other.Consent.Unit = "9b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11", "af", "af-1"
	s.Store(other)
	got := s.get(AF, "/participants/"+id)
	if got.Status != 200 || strings.Contains(string(got.Body), in.Consent.Referral) || strings.Contains(string(got.Body), `"fk"`) && strings.Contains(string(got.Body), "fk-molndal") {
		t.Errorf("got %s", got.Body)
	}
	if !strings.Contains(string(got.Body), other.Consent.Referral) {
		t.Errorf("its own is missing: %s", got.Body)
	}
}

func TestWhatTheCallerHasAlreadyIsNotSentAgain(t *testing.T) {
	s := newFace(t)
	_, id, enrolment := s.Enrolled(4, "2026-12-07")
	for path, version := range map[string]string{"/participants/" + id: `"3"`, "/enrolments/" + enrolment: `"1"`} {
		read := s.get(Coach, path).Header
		got := s.do(webtest.Request{Method: http.MethodGet, Path: path, As: Coach, Header: map[string]string{"If-None-Match": read.Get("ETag")}})
		if got.Status != 304 || len(got.Body) != 0 || got.Header.Get("ETag") != read.Get("ETag") || servicetest.Version(read) != version {
			t.Errorf("%s: %d %s %s", path, got.Status, got.Header.Get("ETag"), got.Body)
		}
	}
}

func TestTheListGoesOnByItsLinks(t *testing.T) {
	s := newFace(t)
	for n := range 5 {
		s.Enrolled(uint64(10+n), "2026-12-07")
	}
	var l api.EnrolmentList
	s.get(Coach, "/enrolments?limit=2&page=1&state=planned").Into(t, 200, &l)
	if *l.UnderscoreMeta.TotalRecords != 5 || *l.UnderscoreMeta.TotalPages != 3 || *l.UnderscoreMeta.Page != 1 || len(l.Items) != 2 {
		t.Fatalf("got %+v", l.UnderscoreMeta)
	}
	seen := map[string]bool{}
	for pages := 1; ; pages++ {
		for _, item := range l.Items {
			seen[item.Id] = true
		}
		next := l.UnderscoreLinks.Href("next")
		if next == "" {
			if pages != 3 || len(seen) != 5 {
				t.Errorf("%d pages, %d enrolments", pages, len(seen))
			}
			break
		}
		l = api.EnrolmentList{}
		s.get(Coach, servicetest.PathOf(t, next)).Into(t, 200, &l)
	}
	var empty api.EnrolmentList
	s.get(Elsewhere, "/enrolments").Into(t, 200, &empty)
	s.get(Coach, "/enrolments?municipality=1402&page=1").Into(t, 200, &l)
	if len(empty.Items)+len(l.Items) != 0 {
		t.Error("another municipality's enrolments were listed")
	}
	if m := l.UnderscoreMeta; m.TotalRecords == nil || *m.TotalRecords != 0 || m.Page == nil {
		t.Errorf("an empty list has its total too: %+v", m)
	}
}

func TestABatchOfIdentities(t *testing.T) {
	s := newFace(t)
	in := Person(20)
	id := s.Store(in)
	var got api.Identities
	s.post(Coach, "/participants/identities", "", object{"participants": []string{id, "5b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11"}}).Into(t, 200, &got)
	if len(got.Items) != 1 || got.Items[0].DisplayName != in.GivenName+" "+in.FamilyName {
		t.Errorf("got %+v", got)
	}
}

func TestAnotherAssociationSharesNothing(t *testing.T) {
	s := newFace(t)
	_, id, _ := s.Enrolled(21, "2026-12-07")
	stranger := Coach
	stranger.Association = "kalmar"
	var l api.EnrolmentList
	s.get(stranger, "/enrolments").Into(t, 200, &l)
	var named api.Identities
	s.post(stranger, "/participants/identities", "", object{"participants": []string{id}}).Into(t, 200, &named)
	if len(l.Items)+len(named.Items) != 0 {
		t.Errorf("got %+v and %+v", l.Items, named.Items)
	}
}

func TestARefusalIsWordedInTheCallersLanguage(t *testing.T) {
	s := newFace(t)
	_, _, id := s.Enrolled(22, "2026-12-07")
	got := s.do(webtest.Request{
		Method: http.MethodPost, Path: "/enrolments/" + id + "/start", As: Coach, Body: object{"startedOn": "2026-11-23"},
		Header: map[string]string{"If-Match": `"1"`, "Accept-Language": "en"},
	})
	if p := got.Problem(t, 422); p.Detail != "The day is in the future. Give the day on which it happened." || p.Errors[0].Pointer != "/startedOn" {
		t.Errorf("got %+v", p)
	}
}

func TestTheIdOfWhoAppliesFirstLooksAsOthers(t *testing.T) {
	s := newFace(t)
	me := actor.Actor{Subject: "person-1", Association: Tenant, Authority: "self", AuthorityKind: actor.Self, Roles: []actor.Role{actor.Participant}}
	var ref api.PersonRef
	s.post(me, "/internal/persons/own", "", object{"personalIdentityNumber": Person(84).Number}).Into(t, 200, &ref)
	if id, err := uuid.Parse(ref.Participant); err != nil || id.Version() != 4 || id.Variant() != uuid.RFC4122 {
		t.Errorf("%s is of version %d, %v", ref.Participant, id.Version(), err)
	}
}
