package rest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral/referraltest"
)

// tolvan is the person of newReferral, and other another one.
var (
	tolvan = referraltest.Person((&referraltest.People{}).Of("191212121212"))
	other  = referraltest.Person((&referraltest.People{}).Of("nobody"))
)

// handed is a body that a person sends, or a municipality for the source.
func handed(source string) map[string]any {
	body := unreferenced()
	delete(body, "unit")
	body["person"].(map[string]any)["personalIdentityNumber"] = "191212121212"
	body["consent"].(map[string]any)["authorities"] = []any{"molndal", "partille"}
	if source == "private_care" {
		body["unit"] = "pahittad-vard"
	}
	if source != "" {
		body["source"] = source
	}
	return body
}

// hand sends a referral as the actor, with an own clock's tick behind it.
func (f *front) hand(t *testing.T, who actor.Actor, body map[string]any) api.Referral {
	t.Helper()
	r := read(t, f.do(t, webtest.Request{Method: "POST", Path: "/referrals", As: who, Body: body}), 201)
	f.Clock.Advance(time.Second)
	return r
}

func (f *front) tasks(t *testing.T, who actor.Actor) (l api.ReferralList) {
	t.Helper()
	f.do(t, webtest.Request{Method: "GET", Path: "/tasks", As: who}).Into(t, 200, &l)
	return l
}

func waits(l api.ReferralList, id string) bool {
	return slices.ContainsFunc(l.Items, func(r api.ReferralSummary) bool { return r.Id == id })
}

// TestThoseWhoAppliedOrHandedInAnswerForTheSender: a supplement that is
// asked for never waits for somebody who cannot send it.
func TestThoseWhoAppliedOrHandedInAnswerForTheSender(t *testing.T) {
	for _, c := range []struct {
		sentence string
		sender   actor.Actor
		source   string
		answers  []actor.Actor
		never    map[string]actor.Actor
	}{
		{"a person's own application", tolvan, "", []actor.Actor{tolvan}, map[string]actor.Actor{
			"another person": other, "the receiver": referraltest.Intake, "another municipality": referraltest.Partille, "an authority that calls itself self": selfish}},
		{"an application that was handed in", referraltest.Intake, "self_referral", []actor.Actor{tolvan, referraltest.Intake}, map[string]actor.Actor{
			"another person": other, "another municipality": referraltest.Partille, "another authority": referraltest.FK}},
		{"a private care giver's letter", referraltest.Intake, "private_care", []actor.Actor{referraltest.Intake}, map[string]actor.Actor{
			"the person": tolvan, "another person": other, "another municipality": referraltest.Partille}},
		{"an authority's referral", referraltest.FK, "fk", []actor.Actor{referraltest.Officer}, map[string]actor.Actor{
			"the person": tolvan, "the receiver": referraltest.Intake}},
	} {
		for _, by := range c.answers {
			t.Run(c.sentence+" by "+by.Subject, func(t *testing.T) {
				f := newFront(t)
				body := handed(c.source)
				if c.source == "fk" {
					body = unreferenced()
				}
				r := f.hand(t, c.sender, body)
				if waits(f.tasks(t, tolvan), r.Id) {
					t.Error("nothing is asked yet")
				}
				asked := read(t, f.act(t, referraltest.Intake, r.Id, "supplement-requests", `"1"`, map[string]any{"text": "Vad säger vården?"}), 200)
				if asked.Turn == nil || asked.Turn.Party != "sender" {
					t.Errorf("the turn is %s", indented(t, asked.Turn))
				}
				text := map[string]any{"text": "Påhittat svar."}
				for who, a := range c.never {
					if got := f.act(t, a, r.Id, "supplements", `"2"`, text).Status; got != 404 {
						t.Errorf("%s supplements: %d", who, got)
					}
					if a.Has(actor.Intake) || a.Has(actor.Participant) {
						if waits(f.tasks(t, a), r.Id) {
							t.Errorf("it waits for %s", who)
						}
					}
				}
				tasks := f.tasks(t, by)
				if !waits(tasks, r.Id) || tasks.Items[0].UnderscoreLinks.Href("supplements") != "/finsam/v1/referrals/"+r.Id+"/supplements" {
					t.Fatalf("it does not wait for %s: %s", by.Subject, indented(t, tasks))
				}
				shown := read(t, f.do(t, webtest.Request{Method: "GET", Path: "/referrals/" + r.Id, As: by}), 200)
				for _, link := range []string{"supplements", "amendments", "withdrawal", "errorMarking", "attachments"} {
					if shown.UnderscoreLinks.Href(link) == "" {
						t.Errorf("%s is not offered, but %v", link, names(shown.UnderscoreLinks))
					}
				}
				sent := read(t, f.act(t, by, r.Id, "supplements", `"2"`, text), 200)
				if sent.State != "submitted" || waits(f.tasks(t, tolvan), r.Id) || !waits(f.tasks(t, referraltest.Intake), r.Id) {
					t.Errorf("then it is %s, and the receiver's turn", sent.State)
				}
				done := read(t, f.act(t, referraltest.Intake, r.Id, "acceptance", `"3"`, map[string]any{"initiative": "activera", "startDate": "2026-03-16", "coach": "coach-1"}), 200)
				if done.State != "accepted" {
					t.Errorf("at last it is %s", done.State)
				}
			})
		}
	}
}

// selfish is an authority's system whose authority has the name that is used in
// persons' own applications.
var selfish = func() actor.Actor {
	a := referraltest.FK
	a.Authority = "self"
	return a
}()

// TestAnApplicantDoesWhatASenderMay: amends, withdraws, marks in error and attaches.
func TestAnApplicantDoesWhatASenderMay(t *testing.T) {
	why := map[string]any{"text": "Påhittat."}
	amendment := func(changes map[string]any) map[string]any {
		return map[string]any{"reason": "Påhittad rättelse.", "changes": changes}
	}
	for _, c := range []struct {
		act    string
		body   map[string]any
		state  api.ReferralState
		status int // of the person; 0: 200
		code   string
	}{
		{"amendments", amendment(map[string]any{"reason": "Påhittat: rättat."}), "submitted", 200, ""},
		{"amendments", amendment(map[string]any{"externalReference": "X-1"}), "submitted", 422, "reference-of-person"},
		{"amendments", amendment(map[string]any{"contact": workContact()}), "submitted", 422, "contact-of-person"},
		{"withdrawal", map[string]any{"by": "person"}, "withdrawn", 200, ""},
		{"error-marking", why, "entered_in_error", 200, ""},
	} {
		for source, sender := range map[string]actor.Actor{"": tolvan, "self_referral": referraltest.Intake} {
			f := newFront(t)
			r := f.hand(t, sender, handed(source))
			a := f.act(t, tolvan, r.Id, c.act, `"1"`, c.body)
			if a.Status != c.status || c.code != "" && a.Problem(t, c.status).Code != c.code {
				t.Errorf("%s by the person, handed in as %q: %d %s", c.act, source, a.Status, a.Body)
			}
			if a.Status == 200 && read(t, a, 200).State != c.state {
				t.Errorf("%s: %s", c.act, a.Body)
			}
			// And the municipality does so with what it handed in, not with what a person sent.
			want := map[string]int{"": 404, "self_referral": 200}[source]
			second := f.hand(t, sender, handed(source))
			if got := f.act(t, referraltest.Intake, second.Id, c.act, `"1"`, c.body).Status; got != want {
				t.Errorf("%s by the receiver, handed in as %q: %d", c.act, source, got)
			}
		}
	}
}

// TestAHandInGoesWithTheReferral: a municipality that takes over what another one
// has handed in takes the sender's place from then on.
func TestAHandInGoesWithTheReferral(t *testing.T) {
	f := newFront(t)
	r := f.hand(t, referraltest.Intake, handed("private_care"))
	read(t, f.act(t, referraltest.Intake, r.Id, "transfer-requests", `"1"`, map[string]any{"municipality": "1402", "text": "Bor där."}), 200)
	if a := f.act(t, referraltest.Partille, r.Id, "withdrawal", `"2"`, map[string]any{"by": "referrer"}); a.Status != 404 {
		t.Errorf("the one that is asked withdraws: %d", a.Status)
	}
	read(t, f.act(t, referraltest.Partille, r.Id, "transfer-acceptance", `"2"`, map[string]any{}), 200)
	read(t, f.act(t, referraltest.Partille, r.Id, "supplement-requests", `"3"`, map[string]any{"text": "Vad säger vården?"}), 200)
	if a := f.act(t, referraltest.Intake, r.Id, "supplements", `"4"`, map[string]any{"text": "x"}); a.Status != 404 {
		t.Errorf("the one that handed it over supplements: %d", a.Status)
	}
	if waits(f.tasks(t, referraltest.Intake), r.Id) || !waits(f.tasks(t, referraltest.Partille), r.Id) {
		t.Error("it waits for the one that handed it over")
	}
	read(t, f.act(t, referraltest.Partille, r.Id, "supplements", `"4"`, map[string]any{"text": "Påhittat svar."}), 200)
}

// TestAPersonFindsWhatIsAboutThePerson: anyone who applied comes back to it without
// having kept its id.
func TestAPersonFindsWhatIsAboutThePerson(t *testing.T) {
	f := newFront(t)
	sent, applied := f.hand(t, referraltest.FK, referred("191212121212")), f.hand(t, tolvan, handed(""))
	f.hand(t, referraltest.FK, referred(numbers[1]))
	for query, want := range map[string][]string{
		"":                      {applied.Id, sent.Id},
		"?source=self_referral": {applied.Id},
		"?state=submitted&sort=receivedAt&order=ascending": {sent.Id, applied.Id},
		"?state=withdrawn":                 {},
		"?overdue=true":                    {},
		"?municipality=1402":               {},
		"?receivedFrom=2026-03-01":         {applied.Id, sent.Id},
		"?state=submitted&limit=1":         {applied.Id},
		"?unit=fk-molndal&state=submitted": {sent.Id},
	} {
		var l api.ReferralList
		f.do(t, webtest.Request{Method: "GET", Path: "/referrals" + query, As: tolvan}).Into(t, 200, &l)
		got := []string{}
		for _, r := range l.Items {
			got = append(got, r.Id)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: want %v, got %v", query, want, got)
		}
	}
	for who, a := range map[string]actor.Actor{"another person": other, "one without a person": referraltest.Person("")} {
		var l api.ReferralList
		f.do(t, webtest.Request{Method: "GET", Path: "/referrals", As: a}).Into(t, 200, &l)
		if len(l.Items) != 0 {
			t.Errorf("%s is shown %s", who, indented(t, l))
		}
	}
	if a := f.do(t, webtest.Request{Method: "GET", Path: "/referrals?responsible=mottagare-1", As: tolvan}); a.Status != 422 {
		t.Errorf("who is responsible is the municipality's to ask: %d", a.Status)
	}
}

// referred is a referral of an authority about the person of this number.
func referred(number string) map[string]any {
	body := unreferenced()
	body["person"].(map[string]any)["personalIdentityNumber"] = number
	return body
}
