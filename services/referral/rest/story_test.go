package rest_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral/referraltest"
)

func names(l api.Links) (all []string) {
	for _, link := range l {
		all = append(all, link.Name)
	}
	slices.Sort(all)
	return all
}

func TestAReferralGoesFromPostedToDecided(t *testing.T) {
	f := newFront(t)
	first := f.post(t, "FK-1", "key-1")
	r := read(t, first, 201)
	if first.Header.Get("Location") != "/finsam/v1/referrals/"+r.Id || first.Header.Get("ETag") != `"1"` {
		t.Errorf("got Location %q, ETag %q", first.Header.Get("Location"), first.Header.Get("ETag"))
	}
	if again := f.post(t, "FK-1", "key-1"); again.Status != 201 || string(again.Body) != string(first.Body) {
		t.Errorf("the repeat: %d %s", again.Status, again.Body)
	}

	asked := read(t, f.act(t, referraltest.Intake, r.Id, "supplement-requests", `"1"`, map[string]any{"text": "Vad säger vården?"}), 200)
	if asked.State != "supplement_requested" || !slices.Equal(names(asked.UnderscoreLinks), []string{"assignment", "attachments", "participant", "rejection", "self"}) {
		t.Errorf("got %s with %v", asked.State, names(asked.UnderscoreLinks))
	}
	sent := read(t, f.act(t, referraltest.Officer, r.Id, "supplements", `"2"`, map[string]any{"text": "Återbesök i april."}), 200)
	if last := sent.Timeline[2]; *last.Text != "Återbesök i april." || *last.By != "fk-1" || sent.Timeline[1].By != nil {
		t.Errorf("the referrer's timeline: %s", indented(t, sent.Timeline))
	}
	waits := read(t, f.act(t, referraltest.Intake, r.Id, "waitlisting", `"3"`, map[string]any{"priority": "high"}), 200)
	if *waits.Priority != "high" {
		t.Errorf("got priority %v", waits.Priority)
	}
	answer := f.act(t, referraltest.Intake, r.Id, "acceptance", `"4"`, map[string]any{
		"initiative": "activera", "startDate": "2026-03-16", "coach": "coach-1", "municipality": "1481",
	})
	accepted := read(t, answer, 200)
	if accepted.State != "accepted" || accepted.Acceptance.Coach != "coach-1" || answer.Header.Get("ETag") != `"5"` {
		t.Errorf("got %s at %s", accepted.State, answer.Header.Get("ETag"))
	}
}

func TestARejectionAWithdrawalAndAnErrorAreAnswered(t *testing.T) {
	f := newFront(t)
	one, two, three := read(t, f.post(t, "FK-1", "1"), 201), read(t, f.post(t, "FK-2", "2"), 201), read(t, f.post(t, "FK-3", "3"), 201)
	rejected := read(t, f.act(t, referraltest.Intake, one.Id, "rejection", `"1"`, map[string]any{"code": "no_capacity", "text": "Fullt i vår."}), 200)
	if rejected.Rejection.Code != "no_capacity" || *rejected.Rejection.Text != "Fullt i vår." {
		t.Errorf("got %s", indented(t, rejected.Rejection))
	}
	if w := read(t, f.act(t, referraltest.Person(two.Participant), two.Id, "withdrawal", `"1"`, map[string]any{"by": "person"}), 200); w.State != "withdrawn" {
		t.Errorf("got %s", w.State)
	}
	if m := read(t, f.act(t, referraltest.FK, three.Id, "error-marking", `"1"`, map[string]any{"text": "Fel person."}), 200); m.State != "entered_in_error" {
		t.Errorf("got %s", m.State)
	}
}

func TestLinksAreTheSameFromWhereverTheAnswerCame(t *testing.T) {
	f := newFront(t)
	r := read(t, f.post(t, "FK-1", "1"), 201)
	want := "/finsam/v1/referrals/" + r.Id
	var list api.ReferralList
	f.do(t, webtest.Request{Method: "GET", Path: "/referrals", As: referraltest.Intake}).Into(t, 200, &list)
	got := read(t, f.do(t, webtest.Request{Method: "GET", Path: "/referrals/" + r.Id, As: referraltest.Intake}), 200)
	acted := read(t, f.act(t, referraltest.Intake, r.Id, "waitlisting", `"1"`, map[string]any{"priority": "low"}), 200)
	for from, links := range map[string]api.Links{
		"/referrals": list.Items[0].UnderscoreLinks, "/referrals/" + r.Id: got.UnderscoreLinks, "/referrals/" + r.Id + "/waitlisting": acted.UnderscoreLinks,
	} {
		for _, l := range links {
			if l.Name == "participant" && l.Href() != "/finsam/v1/participants/"+r.Participant || l.Name == "self" && l.Href() != want ||
				l.Name != "participant" && !strings.HasPrefix(l.Href(), want) {
				t.Errorf("from %s: %s leads to %s", from, l.Name, l.Href())
			}
		}
	}
}

func TestWhoHasTheVersionAlreadyGetsNoBody(t *testing.T) {
	f := newFront(t)
	r := read(t, f.post(t, "FK-1", "1"), 201)
	get := webtest.Request{Method: "GET", Path: "/referrals/" + r.Id, As: referraltest.FK, Header: map[string]string{}}
	tag := f.do(t, get).Header.Get("ETag")
	get.Header["If-None-Match"] = "W/" + tag
	if a := f.do(t, get); a.Status != 304 || len(a.Body) != 0 || a.Header.Get("ETag") != tag || servicetest.Version(a.Header) != `"1"` {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	get.Header["If-None-Match"] = `"2"`
	if a := f.do(t, get); a.Status != 200 {
		t.Errorf("got %d", a.Status)
	}
}

// A receiver sees the person's other referrals, which come without this one changing.
func TestAReceiverReadsAgainWhatOtherReferralsChange(t *testing.T) {
	f := newFront(t)
	r := read(t, f.post(t, "FK-1", "1"), 201)
	get := webtest.Request{Method: "GET", Path: "/referrals/" + r.Id, As: referraltest.Intake, Header: map[string]string{"If-None-Match": `"1"`}}
	f.post(t, "FK-2", "2")
	if got := read(t, f.do(t, get), 200); got.Duplicates == nil || len(*got.Duplicates) != 1 {
		t.Errorf("got %s", indented(t, got))
	}
}

// An enrolment that is under way is reached from the new referral, and what a
// receiver does to that shows it as well.
func TestAReceiverIsLedFromAReferralToTheSamePersonsOthers(t *testing.T) {
	f := newFront(t)
	f.Run(t)
	enrolled, waits, r := read(t, f.post(t, "FK-1", "1"), 201), read(t, f.post(t, "FK-2", "2"), 201), read(t, f.post(t, "FK-3", "3"), 201)
	read(t, f.act(t, referraltest.Intake, enrolled.Id, "acceptance", `"1"`, map[string]any{"initiative": "activera", "startDate": "2026-03-16", "coach": "coach-1"}), 200)
	f.Peer.Add(feed.Event{ID: "e/1", Type: "se.finsam.enrolment.planned", Subject: "7d1f8f0a-7a55-5d5d-8a8e-0a0b6c2d3e4f", Association: "insjoriket",
		Data: map[string]string{"referral": enrolled.Id, "firstDay": "2026-03-16", "lastDay": "2026-08-30"}})
	get := webtest.Request{Method: "GET", Path: "/referrals/" + enrolled.Id, As: referraltest.Intake}
	for end := time.Now().Add(10 * time.Second); read(t, f.do(t, get), 200).State != "enrolled" && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	want := func(shown api.Referral) {
		t.Helper()
		if shown.Duplicates == nil || len(*shown.Duplicates) != 2 {
			t.Fatalf("got %s", indented(t, shown.Duplicates))
		}
		for _, d := range *shown.Duplicates {
			links := map[string]string{"self": "/finsam/v1/referrals/" + *d.Id}
			if *d.Id == enrolled.Id {
				links["enrolment"], links["participant"] = "/finsam/v1/enrolments/7d1f8f0a-7a55-5d5d-8a8e-0a0b6c2d3e4f", "/finsam/v1/participants/"+r.Participant
			} else if *d.Id != waits.Id {
				t.Errorf("shown: %s", *d.Id)
			}
			got := map[string]string{}
			for _, l := range *d.UnderscoreLinks {
				got[l.Name] = l.Href()
			}
			if !maps.Equal(got, links) {
				t.Errorf("want %v, got %v", links, got)
			}
		}
	}
	get.Path = "/referrals/" + r.Id
	want(read(t, f.do(t, get), 200))
	want(read(t, f.act(t, referraltest.Intake, r.Id, "supplement-requests", `"1"`, map[string]any{"text": "Påhittat?"}), 200))
	if sent := read(t, f.act(t, referraltest.FK, r.Id, "supplements", `"2"`, map[string]any{"text": "Påhittat."}), 200); sent.Duplicates != nil {
		t.Errorf("the sender is shown %s", indented(t, sent.Duplicates))
	}
}

func TestTheListIsReadByPageAndByCursor(t *testing.T) {
	f := newFront(t)
	for _, n := range []string{"1", "2", "3"} {
		f.post(t, "FK-"+n, n)
		f.Clock.Advance(time.Second)
	}
	read := func(path string) (l api.ReferralList) {
		f.do(t, webtest.Request{Method: "GET", Path: path, As: referraltest.FK}).Into(t, 200, &l)
		return l
	}
	l := read("/referrals?limit=2&page=1&state=submitted&municipality=1481")
	if m := l.UnderscoreMeta; *m.Page != 1 || *m.TotalRecords != 3 || *m.TotalPages != 2 || m.Count != 2 || m.Limit != 2 || *l.Items[0].ExternalReference != "FK-3" {
		t.Errorf("first page: %s", indented(t, l.UnderscoreMeta))
	}
	if m := read("/referrals?limit=2").UnderscoreMeta; m.Page != nil || m.TotalRecords != nil || m.TotalPages != nil || m.NextCursor == nil {
		t.Errorf("the beginning, without a page: %s", indented(t, m))
	}
	next := read(servicetest.PathOf(t, l.UnderscoreLinks.Href("next")))
	if m := next.UnderscoreMeta; m.Page != nil || m.TotalRecords != nil || m.NextCursor != nil || m.Count != 1 || *next.Items[0].ExternalReference != "FK-1" {
		t.Errorf("behind the cursor: %s", indented(t, next))
	}
	if l := read("/referrals?page=2&limit=2"); l.UnderscoreMeta.Count != 1 || *l.UnderscoreMeta.Page != 2 {
		t.Errorf("second page: %s", indented(t, l.UnderscoreMeta))
	}
}

func TestTheProgressAndTheOutcomeAreShownAsContracted(t *testing.T) {
	f := newFront(t)
	f.Run(t)
	r := read(t, f.post(t, "FK-1", "1"), 201)
	f.act(t, referraltest.Intake, r.Id, "acceptance", `"1"`, map[string]any{"initiative": "activera", "startDate": "2026-03-16", "coach": "coach-1"})
	tell := func(id, kind string, data map[string]string) {
		data["referral"] = r.Id
		f.Peer.Add(feed.Event{ID: id, Type: "se.finsam.enrolment." + kind, Subject: "7d1f8f0a-7a55-5d5d-8a8e-0a0b6c2d3e4f", Association: "insjoriket", Data: data})
	}
	tell("e/1", "planned", map[string]string{"firstDay": "2026-03-16", "lastDay": "2026-08-30"})
	tell("e/2", "started", map[string]string{"on": "2026-03-16", "number": "1", "firstDay": "2026-03-16", "lastDay": "2026-04-26"})
	tell("e/3", "closed", map[string]string{"on": "2026-04-01", "outcome": "interrupted"})
	var got api.Referral
	for end := time.Now().Add(10 * time.Second); got.State != "closed" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		got = read(t, f.do(t, webtest.Request{Method: "GET", Path: "/referrals/" + r.Id, As: referraltest.Officer}), 200)
	}
	if got.Outcome == nil || *got.Outcome != "interrupted" || len(got.Progress.Steps) != 3 || *got.Progress.PlannedLastDay != "2026-08-30" || *got.Progress.Steps[1].LastDay != "2026-04-26" {
		t.Errorf("got %s", indented(t, got))
	}
	if href := got.UnderscoreLinks.Href("enrolment"); href != "/finsam/v1/enrolments/7d1f8f0a-7a55-5d5d-8a8e-0a0b6c2d3e4f" {
		t.Errorf("got %s", href)
	}
}
