package group_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/group"
)

// waits returns somebody of Mölndal who waits for a course since so many hours ago.
func waits(id string, hours int, wish group.Wish, changes ...func(*activity.Enrolment)) group.Candidate {
	wish.Priority = cmpOr(wish.Priority, "normal")
	e := &activity.Enrolment{ID: "e-" + id, Participant: "p-" + id, Municipality: "1481", State: "active"}
	for _, change := range changes {
		change(e)
	}
	return group.Candidate{Enrolment: e, Wait: &group.Wait{
		ID: id, Enrolment: e.ID, Participant: e.Participant, Municipality: "1481", Category: "act", Wish: wish,
		Steps: history.Append(nil, group.WaitStep{Kind: group.WaitBegun}, by, at("2026-11-20").Add(-time.Duration(hours)*time.Hour)),
	}}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func TestWhomACourseSuits(t *testing.T) {
	planned := func(e *activity.Enrolment) { e.State = "planned" }
	toBegin := func(day string) func(*activity.Enrolment) {
		return func(e *activity.Enrolment) {
			e.State, e.Steps = "planned", []activity.EnrolmentStep{{Kind: "planned", Data: map[string]string{"firstDay": day}}}
		}
	}
	block := func(e *activity.Enrolment) {
		e.Blocks = []activity.Block{{Number: 1, First: "2026-11-02", Last: "2026-12-13", Content: []string{"health"}}}
	}
	begins := func(e *activity.Enrolment) {
		e.Blocks = []activity.Block{{Number: 1, First: "2027-01-18", Last: "2027-03-01"}}
	}
	for _, c := range []struct {
		sentence string
		course   association.Activity
		who      group.Candidate
		want     string
	}{
		{"nothing is wished", act(), waits("a", 1, group.Wish{}), ""},
		{"Tuesday mornings", act(), waits("a", 1, group.Wish{Times: []group.Time{{Day: "monday"}, {Day: "tuesday", Part: "morning"}}}), ""},
		{"all Tuesday", act(), waits("a", 1, group.Wish{Times: []group.Time{{Day: "tuesday"}}}), ""},
		{"Tuesday afternoons", act(), waits("a", 1, group.Wish{Times: []group.Time{{Day: "tuesday", Part: "afternoon"}}}), group.OtherTime},
		{"a course without a time, in the afternoon", act(func(a *association.Activity) { a.From, a.To, a.Part = "", "", "afternoon" }), waits("a", 1, group.Wish{Times: []group.Time{{Day: "tuesday", Part: "afternoon"}}}), ""},
		{"from noon on it is the afternoon", act(func(a *association.Activity) { a.From, a.To = "12:00", "14:00" }), waits("a", 1, group.Wish{Times: []group.Time{{Day: "tuesday", Part: "afternoon"}}}), ""},
		{"digital only", act(), waits("a", 1, group.Wish{Mode: "digital"}), group.OtherMode},
		{"a digital course for who wants that", act(func(a *association.Activity) { a.Mode = "digital" }), waits("a", 1, group.Wish{Mode: "digital"}), ""},
		{"a digital course for who comes to a place", act(func(a *association.Activity) { a.Mode = "digital" }), waits("a", 1, group.Wish{Mode: "place"}), group.OtherMode},
		{"another municipality", act(func(a *association.Activity) { a.Municipality = "1402" }), waits("a", 1, group.Wish{}), group.Elsewhere},
		{"another municipality, for who goes there", act(func(a *association.Activity) { a.Municipality = "1402" }), waits("a", 1, group.Wish{Municipalities: []string{"1402"}}), ""},
		{"who goes there does not come here", act(), waits("a", 1, group.Wish{Municipalities: []string{"1402"}}), group.Elsewhere},
		{"from a day that is later", act(), waits("a", 1, group.Wish{From: "2027-01-13"}), group.Later},
		{"from that day", act(), waits("a", 1, group.Wish{From: "2027-01-12"}), ""},
		{"an enrolment that has not begun", act(), waits("a", 1, group.Wish{}, planned), group.NotReady},
		{"one that is planned to begin by then", act(), waits("a", 1, group.Wish{}, toBegin("2027-01-12")), ""},
		{"one that is planned to begin the day after", act(), waits("a", 1, group.Wish{}, toBegin("2027-01-13")), group.NotReady},
		{"one in a block of other things", act(), waits("a", 1, group.Wish{}, block), group.NotReady},
		{"one that begins the week after", act(), waits("a", 1, group.Wish{}, begins), group.NotReady},
	} {
		if got, err := c.who.Fit(c.who.Enrolment, c.course, "2027-01-12", "2026-11-30"); got != c.want || (err != nil) != (c.want == group.NotReady) {
			t.Errorf("%s: got %q, %v; want %q", c.sentence, got, err, c.want)
		}
	}
}

func TestWhichGroupsAreProposed(t *testing.T) {
	small := course(association.ClosedGroup{Sessions: 2, Least: 2, Most: 3})
	tuesdays, fridays := act(small), act(small, func(a *association.Activity) {
		a.ID, a.Name, a.Day, a.From, a.To, a.Place = "friday", "ACT-kurs", "friday", "13:00", "15:30", ""
	})
	friday, tuesday := group.Wish{Times: []group.Time{{Day: "friday"}}}, group.Wish{Times: []group.Time{{Day: "tuesday"}}}
	late := group.Wish{From: "2026-12-10"}
	never := func(string, civil.Date) bool { return false }
	for _, c := range []struct {
		sentence string
		courses  []association.Activity
		waiting  []group.Candidate
		taken    func(string, civil.Date) bool
		weeks    int
		want     string // of each: course, day: invited; others with reasons
	}{
		{"nobody waits", []association.Activity{tuesdays}, nil, never, 8, ""},
		{"nothing is offered", nil, []group.Candidate{waits("a", 1, group.Wish{})}, never, 8, ""},
		{"two are enough, from the first Tuesday that is a week ahead", []association.Activity{tuesdays}, []group.Candidate{waits("a", 1, group.Wish{}), waits("b", 2, group.Wish{})}, never, 8, "act 2026-12-01: b a"},
		{"three have a place, by time", []association.Activity{tuesdays}, []group.Candidate{waits("a", 1, group.Wish{}), waits("b", 2, group.Wish{}), waits("c", 3, group.Wish{}), waits("d", 4, group.Wish{})}, never, 8, "act 2026-12-01: d c b; a no_room"},
		{"priority is before time", []association.Activity{tuesdays}, []group.Candidate{waits("a", 1, group.Wish{Priority: "high"}), waits("b", 2, group.Wish{Priority: "low"}), waits("c", 3, group.Wish{}), waits("d", 4, group.Wish{})}, never, 8, "act 2026-12-01: a d c; b no_room"},
		{"the largest group, a week later", []association.Activity{tuesdays}, []group.Candidate{waits("a", 1, group.Wish{}), waits("b", 2, group.Wish{}), waits("c", 3, late)}, never, 8, "act 2026-12-15: c b a"},
		{"if that is within the weeks", []association.Activity{tuesdays}, []group.Candidate{waits("a", 1, group.Wish{}), waits("b", 2, group.Wish{}), waits("c", 3, late)}, never, 2, "act 2026-12-01: b a; c later"},
		{"two groups, each of who can come", []association.Activity{tuesdays, fridays}, []group.Candidate{waits("a", 1, friday), waits("b", 2, tuesday), waits("c", 3, friday), waits("d", 4, tuesday), waits("e", 5, group.Wish{})}, never, 8,
			"friday 2026-11-27: e c a; d other_time b other_time | act 2026-12-01: d b"},
		{"not on a day that has a group", []association.Activity{tuesdays}, []group.Candidate{waits("a", 1, group.Wish{}), waits("b", 2, group.Wish{})}, func(_ string, d civil.Date) bool { return d == "2026-12-01" }, 8, "act 2026-12-08: b a"},
		{"one is too few: the best there is", []association.Activity{tuesdays, fridays}, []group.Candidate{waits("a", 1, friday), waits("b", 2, tuesday)}, never, 8, "friday 2026-11-27: a; b other_time (not enough)"},
		{"a start of the programme is not ours", []association.Activity{act(course(association.ClosedGroup{Sessions: 2, Least: 1, Starts: []string{"2026-12-01"}}))}, []group.Candidate{waits("a", 1, group.Wish{})}, never, 8, "act 2026-12-08: a"},
		{"a course that ends too early", []association.Activity{act(small, func(a *association.Activity) { a.Later = []association.Activity{{Since: "2026-12-07", Gone: true}} })}, []group.Candidate{waits("a", 1, group.Wish{})}, never, 8, ""},
	} {
		for range 2 { // the order in which they come does not matter
			var got []string
			for _, p := range group.Propose(c.courses, c.waiting, c.taken, "2026-11-20", c.weeks) {
				text := fmt.Sprintf("%s %s:", p.Course.ID, p.First)
				for _, x := range p.Invited {
					text += " " + x.ID
				}
				if len(p.Others) > 0 {
					text += ";"
				}
				for _, x := range p.Others {
					text += " " + x.ID + " " + x.Why
				}
				if !p.IsEnough() {
					text += " (not enough)"
				}
				got = append(got, text)
			}
			if text := strings.Join(got, " | "); text != c.want {
				t.Errorf("%s: got %q, want %q", c.sentence, text, c.want)
			}
			slices.Reverse(c.waiting)
			slices.Reverse(c.courses)
		}
	}
}

func TestAProposalSaysWhy(t *testing.T) {
	x := act(course(association.ClosedGroup{Sessions: 2, Least: 2, Most: 2}))
	waiting := []group.Candidate{
		waits("a", 1, group.Wish{}), waits("b", 2, group.Wish{}), waits("c", 3, group.Wish{}), waits("d", 4, group.Wish{Times: []group.Time{{Day: "friday"}}}),
		waits("e", 4, group.Wish{From: "2027-06-01"}), waits("f", 4, group.Wish{Mode: "digital"}), waits("g", 4, group.Wish{Municipalities: []string{"1402"}}),
		waits("h", 5, group.Wish{}, func(e *activity.Enrolment) { e.State = "paused" }),
	}
	none := func(string, civil.Date) bool { return false }
	p := group.Propose([]association.Activity{x}, waiting, none, "2026-11-20", 8)
	const want = "2 av 8 som väntar kan börja på ACT 2026-12-01 kl. 09:30–12:00, Frölundagatan 49. Det är den största grupp som kan börja inom 8 veckor; minst 2 och högst 2 behövs. " +
		"1 kan inte vara med i den kommunen. 1 vill delta på annat sätt. 1 kan inte den tiden. 1 kan börja först senare. 1 har en inskrivning som inte tillåter det då. 1 får vänta, eftersom andra har stått längre eller har högre prioritet."
	if len(p) != 1 || p[0].Text.SV != want {
		t.Errorf("got %d: %+v", len(p), p[0].Text)
	}
	digital := act(course(association.ClosedGroup{}), func(a *association.Activity) { a.Mode, a.Place, a.From, a.To = "digital", "", "", "" })
	p = group.Propose([]association.Activity{digital}, waiting[:1], none, "2026-11-20", 8)
	if len(p) != 1 || p[0].Text.EN != "1 of 1 who wait can begin ACT on 2026-12-01, digitally. No group can begin within 8 weeks, as at least 6 are needed." {
		t.Errorf("got %d: %+v", len(p), p)
	}
}
