package rest

import (
	"slices"
	"testing"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/servicetest"
	. "github.com/finsam/finsam/services/activity/activitytest"
)

// TestTheBalanceOfAWeek is: the participant says what is managed, the coach sees the week beside
// it, and of what would be better only what has a place; nothing is changed by looking.
func TestTheBalanceOfAWeek(t *testing.T) {
	f := faceOf(t, `      - { name: Promenad, category: social, day: tuesday, from: "13:00", to: "14:00", place: Frölundagatan 49 }`, `      - { name: Promenad, category: social, day: tuesday, from: "13:00", to: "14:00", place: Frölundagatan 49, load: { social: 2, physical: 1 } }
      - { name: Påhittat fikabord, category: social, day: tuesday, from: "15:00", to: "16:00", place: Frölundagatan 49, load: { social: 3 } }
      - { name: Påhittad full grupp, category: social, day: wednesday, from: "15:00", to: "16:00", capacity: 1, load: { social: 1 } }
      - { name: Påhittad liten grupp, category: social, day: thursday, from: "15:00", to: "16:00", capacity: 2, load: { social: 1 } }
      - { name: Påhittad läsecirkel, category: social, day: friday, from: "15:00", to: "16:00", load: { social: 1 } }`)
	f.enrols(1)
	ids := map[string]string{}
	var all api.ActivityList
	f.do(coach, "GET", "/activities?municipality="+Molndal+"&limit=100", nil).Into(t, 200, &all)
	for _, x := range all.Items {
		ids[x.Name] = x.Id
	}
	for _, name := range []string{"Promenad", "Påhittat fikabord"} {
		f.made("/bookings", object{"enrolment": Enrolment, "activity": ids[name], "from": "2026-11-23"})
	}
	f.made("/bookings", object{"enrolment": enrolmentOf(0), "activity": ids["Påhittad full grupp"], "from": "2026-11-23"})

	me := Participant(Person)
	at := "/participants/" + Person
	var m api.ManageableLoad
	if f.do(me, "GET", at+"/manageable-load", nil).Into(t, 200, &m); m.Most != nil || len(m.Timeline) != 0 {
		t.Errorf("nobody has said anything: %+v", m)
	}
	f.do(me, "PUT", at+"/manageable-load", object{"most": object{"social": 3}}).Into(t, 200, &m)
	if f.do(coach, "PUT", at+"/manageable-load", object{"most": object{"social": 4, "physical": 0}}).Into(t, 200, &m); *m.Most.Social != 4 || *m.Most.Physical != 0 || len(m.Timeline) != 2 || *m.Timeline[1].By != "coach-1" {
		t.Errorf("the coach has said: %+v", m)
	}
	var b api.WeekBalance
	f.do(coach, "GET", at+"/week-balance?week=2026-W49", nil).Into(t, 200, &b)
	if d := b.Days[1]; d.Date != "2026-12-01" || *d.Load.Social != 5 || d.Over == nil || len(*d.Over) != 2 {
		t.Errorf("Tuesday: %+v", d)
	}
	got := map[string]bool{}
	for _, p := range b.Proposals {
		got[p.In.Name] = true
		if p.Out == nil || p.Reason != "over" || *p.Relief < 1 {
			t.Errorf("proposed: %+v", p)
		}
	}
	if !got["Påhittad liten grupp"] || got["Påhittad full grupp"] {
		t.Errorf("of the groups, one has a place: %v", got)
	}
	var week api.ParticipantWeek
	if f.do(me, "GET", at+"/week?week=2026-W49", nil).Into(t, 200, &week); len(week.Items) != 2 {
		t.Errorf("the week has changed: %+v", week.Items)
	}

	proposed := func() (names []string) {
		f.do(coach, "GET", at+"/week-balance?week=2026-W49", nil).Into(t, 200, &b)
		for _, p := range b.Proposals {
			names = append(names, p.In.Name)
		}
		return names
	}
	f.made(at+"/absences", object{"from": "2026-12-03", "until": "2026-12-03", "reason": "care"})
	if names := proposed(); slices.Contains(names, "Påhittad liten grupp") || len(names) == 0 {
		t.Errorf("nothing is proposed for a day of reported absence, on others it is: %v", names)
	}
	f.Emit("check_in_recorded", Enrolment, Person, Molndal, 3, "2026-11-27", "state", "paused", "decision", "pause")
	servicetest.Eventually(t, "nothing is proposed that a paused enrolment cannot book", func() bool { return len(proposed()) == 0 })
}

// balanceTables are the bad inputs to what is about the balance of a week.
func balanceTables(w *world) map[string][]bad {
	manageable, balance := "/participants/"+Person+"/manageable-load", "/participants/"+Person+"/week-balance"
	return map[string][]bad{
		"getManageableLoad": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: manageable},
			{sentence: "a personal number for an id", method: "GET", path: "/participants/191212121212/manageable-load"},
			{sentence: "somebody unknown", method: "GET", path: "/participants/" + noID + "/manageable-load"},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "GET", path: manageable},
			{sentence: "another participant", who: Participant(noID), method: "GET", path: manageable},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: manageable},
		},
		"stateManageableLoad": {
			{sentence: "without a token", who: w.nobody, method: "PUT", path: manageable, body: object{}},
			{sentence: "an unknown kind", method: "PUT", path: manageable, body: object{"most": object{"moral": 3}}},
			{sentence: "a text for a number", method: "PUT", path: manageable, body: object{"most": object{"social": "some"}}},
			{sentence: "less than nothing", method: "PUT", path: manageable, body: object{"most": object{"social": -1}}},
			{sentence: "more in a week than its days hold", method: "PUT", path: manageable, body: object{"most": object{"social": 1}, "least": object{"social": 8}}},
			{sentence: "a text about the person", method: "PUT", path: manageable, body: object{"text": "fritt"}},
			{sentence: "somebody unknown", method: "PUT", path: "/participants/" + noID + "/manageable-load", body: object{}},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "PUT", path: manageable, body: object{}},
			{sentence: "another participant", who: Participant(noID), method: "PUT", path: manageable, body: object{}},
			{sentence: "a role without a row", who: w.referrer, method: "PUT", path: manageable, body: object{}},
		},
		"getWeekBalance": {
			{sentence: "without a token", who: w.nobody, method: "GET", path: balance},
			{sentence: "a week that is no week", method: "GET", path: balance + "?week=nu"},
			{sentence: "a week that its year lacks", method: "GET", path: balance + "?week=2027-W53"},
			{sentence: "somebody unknown", method: "GET", path: "/participants/" + noID + "/week-balance"},
			{sentence: "another municipality's coach", who: w.elsewhere, method: "GET", path: balance},
			{sentence: "another participant", who: Participant(noID), method: "GET", path: balance},
			{sentence: "a role without a row", who: w.referrer, method: "GET", path: balance},
		},
	}
}
