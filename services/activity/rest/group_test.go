package rest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/servicetest"
	. "github.com/finsam/finsam/services/activity/activitytest"
)

// Ids of invented people who are enrolled in Mölndal beside Person.
func enrolmentOf(n int) string { return fmt.Sprintf("11111111-1111-4111-8111-%012d", n) }
func personOf(n int) string    { return fmt.Sprintf("22222222-2222-4222-8222-%012d", n) }

// enrols enrols so many people.
func (f *face) enrols(n int) {
	f.t.Helper()
	for i := range n {
		f.Emit("planned", enrolmentOf(i), personOf(i), Molndal, 1, "")
		f.Emit("started", enrolmentOf(i), personOf(i), Molndal, 2, "2026-11-02")
	}
	f.Enrolled(f.t, personOf(n-1), Molndal)
}

// course is Mölndal's, on Tuesdays.
func (f *face) course() string { return f.Activity(f.t, Molndal, 2) }

// group plans and opens a group from Tuesday 1 December 2026 on.
func (f *face) group(body object) api.Group {
	f.t.Helper()
	var g api.Group
	body["from"] = "2026-12-01"
	f.do(coach, "POST", "/activities/"+f.course()+"/groups", body).Into(f.t, 201, &g)
	return f.takes(coach, g, "opening", nil, 200)
}

// takes takes a step of a group at its version now.
func (f *face) takes(who actor.Actor, g api.Group, step string, body any, status int) api.Group {
	f.t.Helper()
	f.do(coach, "GET", "/groups/"+g.Id, nil).Into(f.t, 200, &g)
	r := f.do(who, "POST", "/groups/"+g.Id+"/"+step, body, "If-Match", fmt.Sprintf(`"%d"`, *g.Version))
	if status != 200 {
		r.Into(f.t, status, nil)
		return g
	}
	g = api.Group{}
	r.Into(f.t, 200, &g)
	return g
}

// joins books somebody into the group and returns the booking's id, empty if that is refused.
func (f *face) joins(n int) string {
	f.t.Helper()
	r := f.do(coach, "POST", "/bookings", object{"enrolment": enrolmentOf(n), "activity": f.course(), "from": "2026-11-30"})
	if r.Status != 201 {
		return ""
	}
	var b api.Booking
	r.Into(f.t, 201, &b)
	return b.Id
}

func (f *face) waits(n int, more object) api.GroupWait {
	f.t.Helper()
	var w api.GroupWait
	body := object{"enrolment": enrolmentOf(n), "category": "act"}
	for k, v := range more {
		body[k] = v
	}
	f.do(coach, "POST", "/group-waits", body).Into(f.t, 201, &w)
	return w
}

// read reads a wait.
func (f *face) read(w api.GroupWait) (now api.GroupWait) {
	f.t.Helper()
	f.do(coach, "GET", "/group-waits/"+w.Id, nil).Into(f.t, 200, &now)
	return now
}

func TestAGroupFromItsPlanToItsEnd(t *testing.T) {
	f := newFace(t)
	f.enrols(5)
	planner := with(actor.Planner)
	var g api.Group
	f.do(planner, "POST", "/activities/"+f.course()+"/groups", object{"from": "2026-12-01", "leader": "leader-1", "least": 2, "most": 3, "contents": []string{"Påhittat första"}}).Into(t, 201, &g)
	if g.State != api.GroupStatePlanned || g.LastDay != "2027-01-19" || len(g.Sessions) != 8 || *g.Sessions[0].Content != "Påhittat första" || *g.Minutes != 150 || g.Members != nil {
		t.Fatalf("planned: %+v", g)
	}
	if f.joins(0) != "" {
		t.Error("somebody joined a group that is not open")
	}
	f.takes(planner, g, "opening", nil, 403)
	g = f.takes(coach, g, "opening", nil, 200)
	b := f.joins(0)
	var own api.Booking
	f.do(coach, "GET", "/bookings/"+b, nil).Into(t, 200, &own)
	if *own.Group != g.Id || own.From != "2026-12-01" || *own.Until != "2027-01-19" {
		t.Errorf("the booking: %+v", own)
	}
	f.Clock.Set(time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC))
	f.takes(coach, g, "start", nil, 409)
	if f.joins(1) == "" || f.joins(2) == "" {
		t.Fatal("there were places")
	}
	if f.joins(3) != "" {
		t.Error("a fourth joined a group of three")
	}
	g = f.takes(coach, g, "start", nil, 200)
	if g.State != api.GroupStateRunning || g.Taken != 3 {
		t.Errorf("started: %+v", g)
	}
	var note api.Booking
	f.do(coach, "POST", "/bookings/"+b+"/attendances", object{"date": "2026-12-01", "attendance": "present"}, "If-Match", `"1"`).Into(t, 200, &note)
	var week api.ParticipantWeek
	f.do(Participant(personOf(0)), "GET", "/participants/"+personOf(0)+"/week?week=2026-W49", nil).Into(t, 200, &week)
	if len(week.Items) != 1 || *week.Items[0].Attendance != api.AttendancePresent {
		t.Errorf("the week: %+v", week)
	}
	var day api.ActivityDay
	f.do(coach, "GET", "/activities/"+f.course()+"/days/2026-12-08", nil).Into(t, 200, &day)
	if len(day.Items) != 3 {
		t.Errorf("the day's list has %d", len(day.Items))
	}

	// Who sees what.
	leader, other, abroad := with(actor.Supervisor), with(actor.Supervisor), Coach(Alingsas)
	leader.Subject, other.Subject = "leader-1", "leader-2"
	for _, c := range []struct {
		who  actor.Actor
		want int // members; -1: none is shown
	}{{coach, 3}, {leader, 3}, {other, -1}, {abroad, -1}, {planner, -1}, {Participant(personOf(1)), 1}} {
		var seen api.Group
		f.do(c.who, "GET", "/groups/"+g.Id, nil).Into(t, 200, &seen)
		if got := seen.Members; (got == nil) != (c.want < 0) || got != nil && len(*got) != c.want {
			t.Errorf("%s %v sees %v", c.who.Subject, c.who.Roles, got)
		}
	}
	f.do(Participant(personOf(4)), "GET", "/groups/"+g.Id, nil).Into(t, 404, nil)
	f.do(coach, "GET", "/groups/"+g.Id, nil).Into(t, 200, &g)
	if m := (*g.Members)[0]; *m.Present != 1 || *m.Noted != 1 || *g.Sessions[0].Present != 1 {
		t.Errorf("attendance: %+v in %+v", m, g.Sessions[0])
	}
	var list api.GroupList
	f.do(Participant(personOf(1)), "GET", "/groups?page=1", nil).Into(t, 200, &list)
	if len(list.Items) != 1 || list.Items[0].Id != g.Id || list.Items[0].Members != nil {
		t.Errorf("own groups: %+v", list.Items)
	}
	f.do(Participant(personOf(4)), "GET", "/groups", nil).Into(t, 200, &list)
	if len(list.Items) != 0 {
		t.Errorf("groups of who is in none: %+v", list.Items)
	}
	f.do(planner, "GET", "/groups?municipality=1481&state=running&activity="+f.course(), nil).Into(t, 200, &list)
	if len(list.Items) != 1 {
		t.Errorf("running groups: %+v", list.Items)
	}

	// Its last session has been.
	f.Clock.Set(time.Date(2027, 1, 20, 8, 0, 0, 0, time.UTC))
	servicetest.Must(t, f.Service.Groups.Job.Do(t.Context()))
	f.do(coach, "GET", "/groups/"+g.Id, nil).Into(t, 200, &g)
	if g.State != api.GroupStateEnded {
		t.Errorf("after its last session: %s", g.State)
	}
}

func TestWhoWaitsIsOfferedWhatIsFree(t *testing.T) {
	f := newFace(t)
	f.enrols(6)
	low, first, second := f.waits(0, object{"priority": "low"}), f.waits(1, nil), api.GroupWait{}
	f.Clock.Advance(time.Minute)
	second = f.waits(2, nil)
	never := f.waits(3, object{"priority": "high", "times": []object{{"day": "friday"}}})
	f.do(coach, "POST", "/group-waits", object{"enrolment": enrolmentOf(3), "category": "act"}).Into(t, 409, nil)
	var list api.GroupWaitList
	f.do(coach, "GET", "/group-waits?category=act", nil).Into(t, 200, &list)
	order := ""
	for _, w := range list.Items {
		order += w.Enrolment[len(w.Enrolment)-1:]
	}
	if order != "3120" {
		t.Errorf("they wait in the order %s", order)
	}
	g := f.group(object{"least": 1, "most": 2})
	if g.Offered != 2 || g.Free != 0 || f.read(first).State != api.GroupWaitStateOffered || f.read(second).State != api.GroupWaitStateOffered || f.read(low).State != api.GroupWaitStateWaiting || f.read(never).State != api.GroupWaitStateWaiting {
		t.Fatalf("offered: %+v", g)
	}
	if f.joins(4) != "" {
		t.Error("somebody took a place that others are offered")
	}
	if f.joins(1) == "" {
		t.Error("who has an offer takes it")
	}
	if w := f.read(first); w.State != api.GroupWaitStatePlaced || *w.Group != g.Id {
		t.Errorf("the first: %+v", w)
	}

	// The second declines: the next is offered it, and the second waits on.
	w := f.read(second)
	f.do(coach, "POST", servicetest.PathOf(t, w.UnderscoreLinks.Href("refusal")), nil, "If-Match", `"2"`).Into(t, 200, &w)
	if w = f.read(second); w.State != api.GroupWaitStateWaiting || f.read(low).State != api.GroupWaitStateOffered {
		t.Errorf("after the refusal: %+v, %+v", w, f.read(low))
	}
	// The offer is not answered in seven days.
	f.Clock.Set(time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC))
	servicetest.Must(t, f.Service.Groups.Job.Do(t.Context()))
	if w = f.read(low); w.State != api.GroupWaitStateWaiting || *w.Timeline[2].Reason != api.GroupWaitReasonLapsed {
		t.Errorf("after seven days: %+v", w)
	}
	// Nobody is left who has not had an offer: others may join.
	if f.joins(4) == "" {
		t.Error("a place that nobody waits for")
	}

	// The first is closed: the place is offered to who begins to wait then.
	f.Emit("closed", enrolmentOf(1), personOf(1), Molndal, 3, "2026-11-28")
	servicetest.Eventually(t, "the place is free", func() bool {
		f.do(coach, "GET", "/groups/"+g.Id, nil).Into(t, 200, &g)
		return g.Taken == 1
	})
	late := f.waits(5, nil)
	servicetest.Eventually(t, "the next is offered the place", func() bool { return f.read(late).State == api.GroupWaitStateOffered }) // by the request or the job
	// The group is cancelled: the bookings end, participants see why, who waited waits again.
	if f.joins(5) == "" {
		t.Fatal("who has an offer takes it")
	}
	g = f.takes(coach, g, "cancellation", object{"reason": "too_few", "text": "Påhittat: ny grupp i mars."}, 200)
	var seen api.Group
	f.do(Participant(personOf(5)), "GET", "/groups/"+g.Id, nil).Into(t, 200, &seen)
	if seen.State != api.GroupStateCancelled || *seen.CancelledFor != api.GroupCancellationReasonTooFew || *seen.Text != "Påhittat: ny grupp i mars." {
		t.Errorf("what a participant sees: %+v", seen)
	}
	seen = api.Group{}
	f.do(Coach(Alingsas), "GET", "/groups/"+g.Id, nil).Into(t, 200, &seen)
	if seen.Text != nil {
		t.Errorf("another municipality reads %s", *seen.Text)
	}
	if w = f.read(late); w.State != api.GroupWaitStateWaiting {
		t.Errorf("who had a place: %+v", w)
	}
	var bookings api.BookingList
	f.do(coach, "GET", "/bookings?state=booked&activity="+f.course(), nil).Into(t, 200, &bookings)
	if len(bookings.Items) != 0 {
		t.Errorf("bookings that are left: %+v", bookings.Items)
	}
	w = f.read(never)
	f.do(coach, "POST", servicetest.PathOf(t, w.UnderscoreLinks.Href("ending")), nil, "If-Match", `"1"`).Into(t, 200, &w)
	if w.State != api.GroupWaitStateEnded {
		t.Errorf("ended: %+v", w)
	}
}

func TestNobodyJoinsAGroupAfterItsFirstDay(t *testing.T) {
	f := newFace(t)
	f.enrols(3)
	g := f.group(object{"least": 1, "most": 3})
	if f.joins(0) == "" {
		t.Fatal("there were places")
	}
	f.Clock.Set(time.Date(2026, 12, 2, 8, 0, 0, 0, time.UTC))
	for _, from := range []string{"2026-11-25", "2026-12-01", "2026-12-02", "2026-12-08"} { // also afterwards
		r := f.do(coach, "POST", "/bookings", object{"enrolment": enrolmentOf(1), "activity": f.course(), "from": from})
		if r.Status != 422 || !strings.Contains(string(r.Body), `"group-running"`) {
			t.Errorf("from %s: %d %s", from, r.Status, r.Body)
		}
	}
	g = f.takes(coach, g, "start", nil, 200)
	if g.State != api.GroupStateRunning {
		t.Errorf("started a day late: %+v", g)
	}
}

func TestAPlaceOfABookingThatIsGoneIsFreed(t *testing.T) {
	f := newFace(t)
	f.enrols(3)
	g := f.group(object{"least": 1, "most": 1})
	b := f.joins(0)
	if f.joins(1) != "" {
		t.Error("a second joined a group of one")
	}
	f.do(coach, "POST", "/bookings/"+b+"/cancellation", object{"from": "2026-12-08"}, "If-Match", `"1"`).Into(t, 200, nil)
	if f.joins(1) != "" {
		t.Error("who leaves after the first session keeps the place")
	}
	f.do(coach, "GET", "/groups/"+g.Id, nil).Into(t, 200, &g)
	if m := (*g.Members)[0]; m.State != api.GroupMemberStateLeft {
		t.Errorf("who leaves early: %+v", m)
	}
	g = f.takes(coach, g, "cancellation", object{"reason": "other"}, 200)
	g = f.group(object{"least": 1, "most": 1})
	if b = f.joins(1); b == "" {
		t.Fatal("a new group from the same day")
	}
	f.do(coach, "POST", "/bookings/"+b+"/cancellation", object{"from": "2026-11-25"}, "If-Match", `"1"`).Into(t, 200, nil)
	if f.joins(2) == "" {
		t.Error("the place of one who left before is free")
	}
}

func TestProposalsAreOfThoseWhoWait(t *testing.T) {
	f := newFace(t)
	f.enrols(7)
	for n := range 6 {
		f.waits(n, object{"times": []object{{"day": "tuesday", "part": "morning"}}})
	}
	f.waits(6, object{"mode": "digital"})
	var p api.GroupProposals
	f.do(coach, "GET", "/group-proposals?category=act&weeks=4", nil).Into(t, 200, &p)
	if len(p.Items) != 1 || !p.Items[0].Enough || len(p.Items[0].Invited) != 6 || p.Items[0].FirstDay != "2026-12-01" || *p.Items[0].Others[0].Excluded != api.GroupExclusionOtherMode {
		t.Fatalf("got %+v", p)
	}
	if !strings.HasPrefix(p.Items[0].Explanation.Sv, "6 av 7 som väntar kan börja på ACT") {
		t.Errorf("it says %q", p.Items[0].Explanation.Sv)
	}
	last := f.Accesses(t)
	if e := last[len(last)-1]; e.Operation != "listGroupProposals" || len(e.Participants) != 7 {
		t.Errorf("the access log: %+v", e)
	}
	f.do(Coach(Alingsas), "GET", "/group-proposals?category=act", nil).Into(t, 200, &p)
	if len(p.Items) != 0 {
		t.Errorf("another municipality sees %+v", p)
	}
	g := f.group(object{}) // as proposed
	if g.Offered != 6 {
		t.Errorf("opened: %+v", g)
	}
}
