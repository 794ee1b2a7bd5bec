package rest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/services/activity"
	. "github.com/finsam/finsam/services/activity/activitytest"
	"github.com/finsam/finsam/services/activity/service"
)

// TestTwoPhonesWithoutCoverage is also run on MongoDB's wire (test/storemongo).
func TestTwoPhonesWithoutCoverage(t *testing.T) {
	for range 3 {
		t.Run("", func(t *testing.T) {
			f := newFace(t)
			Offline(t, f.Suite, f.api)
		})
	}
}

// led is the walk of the example with a leader.
var led = []string{`name: Promenad, category: social, day: tuesday`, `name: Promenad, leader: leader-1, category: social, day: tuesday`}

func faceOf(t *testing.T, changes ...string) *face {
	t.Helper()
	f := &face{Suite: Start(t, changes...), t: t}
	servicetest.Run(t, f.Service.Run)
	f.Enrolled(t, Person, Molndal)
	f.api = servicetest.NewAPI(t, f.World, api.Spec, func(c server.Config) (*echo.Echo, error) { return New(f.Service, c) })
	return f
}

func TestWhoLeadsAnActivityHasItsLists(t *testing.T) {
	f := faceOf(t, led...)
	b := f.booking()
	leader, colleague := with(actor.Supervisor), with(actor.Supervisor)
	leader.Subject, colleague.Subject = "leader-1", "leader-2"
	const list = "/activities/" + Walk + "/days/2026-11-17"
	rows := object{"items": []object{{"clientId": noID, "notedAt": "2026-11-17T12:05:00Z", "booking": b.Id, "attendance": "present"}}}
	for _, c := range []struct {
		who    actor.Actor
		status int
	}{{leader, 200}, {colleague, 404}, {coach, 200}} {
		f.do(c.who, "GET", list, nil).Into(t, c.status, nil)
		f.do(c.who, "POST", list+"/attendances", rows).Into(t, c.status, nil)
	}
	f.do(colleague, "POST", "/bookings/"+b.Id+"/attendance-corrections", object{"date": "2026-11-17", "reason": "Påhittat."}, "If-Match", `"2"`).Into(t, 404, nil)
	for who, want := range map[*actor.Actor]int{&leader: 1, &colleague: 0} {
		var day api.StaffDay
		f.do(*who, "GET", "/days/2026-11-17", nil).Into(t, 200, &day)
		walks := 0
		for _, x := range day.Items {
			if x.Activity == Walk && len(x.Items) == 1 {
				walks++
			}
		}
		if walks != want || len(day.Items) < 1 || !slices.IsSortedFunc(day.Items, func(a, b api.ActivityDay) int { return a.Occurrence.StartsAt.Compare(*b.Occurrence.StartsAt) }) {
			t.Errorf("%s has the walk %d times of %d lists", who.Subject, walks, len(day.Items))
		}
	}
}

func TestTheRowsOfAListAreIndependent(t *testing.T) {
	f := newFace(t)
	b := f.booking()
	const path = "/activities/" + Walk + "/days/2026-11-17/attendances"
	row := func(client, booking string, changes object) object {
		o := object{"clientId": "00000000-0000-4000-8000-00000000000" + client, "notedAt": "2026-11-17T13:05:00+01:00", "booking": booking, "attendance": "present"}
		for k, v := range changes {
			o[k] = v
		}
		return o
	}
	rows := []object{
		row("1", b.Id, object{"attendance": "late", "minutes": 10}),
		row("1", b.Id, object{"attendance": "late", "minutes": 10}),
		row("2", noID, nil),
		row("3", b.Id, object{"attendance": "absent", "absenceReason": "ill", "notedAt": "2026-11-18T08:00:00Z"}),
		row("4", b.Id, object{"attendance": "here"}),
		row("5", b.Id, object{"minutes": 7}),
		row("6", b.Id, object{"notedAt": "2026-11-21T08:00:00Z"}),
		{"booking": b.Id},
	}
	var got api.DayAttendances
	f.do(coach, "POST", path, object{"items": rows}, "Accept-Language", "en").Into(t, 200, &got)
	var outcomes []string
	for _, x := range got.Items {
		text := string(x.Outcome)
		if x.Problem != nil {
			text += " " + x.Problem.Code
		}
		outcomes = append(outcomes, text)
	}
	want := "noted, already, refused not-on-the-list, conflict, refused invalid-request, refused minutes-of-who-is-late, refused noted-in-future, refused invalid-request"
	if text := strings.Join(outcomes, ", "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if p := got.Items[5].Problem; p == nil || len(p.Errors) != 1 || p.Errors[0].Pointer != "/minutes" || !strings.HasPrefix(p.Detail, "Give minutes") {
		t.Errorf("got %+v", p)
	}
	if n := got.Items[3].Note; n == nil || n.Attendance != "absent" || n.Contradictions == nil || (*n.Contradictions)[0].Attendance != "late" {
		t.Errorf("got %+v", n)
	}
	var contradicted api.BookingList
	if f.do(coach, "GET", "/bookings?contradicted=true", nil).Into(t, 200, &contradicted); len(contradicted.Items) != 1 || contradicted.Items[0].Id != b.Id {
		t.Errorf("waits for a decision: %+v", contradicted)
	}
	// The one who noted it decides.
	f.do(coach, "POST", "/bookings/"+b.Id+"/attendance-corrections", object{"date": "2026-11-17", "attendance": "late", "minutes": 10, "reason": "Påhittat."}, "If-Match", `"3"`).Into(t, 200, &b)
	if n := b.Attendances[0]; len(b.Attendances) != 1 || n.Attendance != "late" || *n.Minutes != 10 || n.Contradictions != nil || b.Timeline[1].CorrectedBy == nil || b.Timeline[2].CorrectedBy == nil {
		t.Errorf("decided: %+v, %+v", b.Attendances, b.Timeline)
	}
	if f.do(coach, "GET", "/bookings?contradicted=true", nil).Into(t, 200, &contradicted); len(contradicted.Items) != 0 {
		t.Errorf("waits no more: %+v", contradicted)
	}
	entries := 0
	for _, e := range f.Accesses(t) {
		if e.Operation == "noteDayAttendances" && slices.Equal(e.Participants, []string{Person}) {
			entries++
		}
	}
	if entries != 1 {
		t.Errorf("%d entries of the access log", entries)
	}
}

// TestWhatWasCalledOffAndNotedIsShown is: the note is kept and contradicts the cancellation,
// and who knows lifts that, also of a day that has been.
func TestWhatWasCalledOffAndNotedIsShown(t *testing.T) {
	f := newFace(t)
	b := f.booking()
	var c api.Cancellation
	f.do(coach, "POST", "/activities/"+Walk+"/cancellations", object{"date": "2026-11-17", "reason": "weather"}).Into(t, 201, &c)
	const day = "/activities/" + Walk + "/days/2026-11-17"
	rows := object{"items": []object{{"clientId": noID, "notedAt": "2026-11-17T12:05:00Z", "booking": b.Id, "attendance": "present"}}}
	for range 2 {
		var got api.DayAttendances
		if f.do(coach, "POST", day+"/attendances", rows).Into(t, 200, &got); got.Items[0].Outcome != api.AttendanceOutcomeConflict || *got.Items[0].Version != 2 {
			t.Errorf("got %+v", got)
		}
	}
	var list api.ActivityDay
	if f.do(coach, "GET", day, nil).Into(t, 200, &list); list.Occurrence.State != api.OccurrenceStateCancelled || *list.Items[0].Attendance != api.AttendancePresent {
		t.Errorf("got %+v", list)
	}
	f.do(coach, "POST", servicetest.PathOf(t, c.UnderscoreLinks.Href("restoration")), nil, "If-Match", `"1"`).Into(t, 200, nil)
	if f.do(coach, "GET", day, nil).Into(t, 200, &list); list.Occurrence.State != api.OccurrenceStatePlanned || *list.Items[0].Attendance != api.AttendancePresent {
		t.Errorf("it took place: %+v", list)
	}
	f.do(coach, "POST", "/activities/"+Walk+"/cancellations", object{"date": "2026-11-17", "reason": "weather"}).Into(t, 409, nil)
}

// TestRowsAndACancellationAtOnce lets a coach call off what a leader notes at the same
// moment: either it is off and what was noted contradicts that, or it took place.
func TestRowsAndACancellationAtOnce(t *testing.T) {
	f := newFace(t)
	b := f.booking()
	leader, off := with(actor.Supervisor), 0
	for i := range 12 {
		date := civil.Date("2026-11-17").AddWeeks(i)
		f.Clock.Set(date.At(14 * time.Hour))
		var status int
		var got api.DayAttendances
		var both sync.WaitGroup
		both.Go(func() {
			status = f.do(coach, "POST", "/activities/"+Walk+"/cancellations", object{"date": date, "reason": "weather"}).Status
		})
		both.Go(func() {
			rows := object{"items": []object{{"clientId": fmt.Sprintf("00000000-0000-4000-8000-%012d", i), "notedAt": f.Clock.Now(), "booking": b.Id, "attendance": "present"}}}
			f.do(leader, "POST", "/activities/"+Walk+"/days/"+string(date)+"/attendances", rows).Into(t, 200, &got)
		})
		both.Wait()
		if want := map[int]api.AttendanceOutcome{201: api.AttendanceOutcomeConflict, 409: api.AttendanceOutcomeNoted}[status]; got.Items[0].Outcome != want {
			t.Errorf("%s: the cancellation is answered %d, the row %s", date, status, got.Items[0].Outcome)
		}
		if status == 201 {
			off++
		}
	}
	t.Logf("%d of 12 were called off", off)
}

func TestAnAbsenceHoldsForWhatIsBookedLaterToo(t *testing.T) {
	f := newFace(t)
	all := "/participants/" + Person + "/absences"
	r := f.do(Participant(Person), "POST", all, object{"from": "2026-11-23", "until": "2026-11-27", "reason": "ill"}, "Idempotency-Key", "k1")
	var x api.Absence
	r.Into(t, 201, &x)
	f.do(Participant(Person), "POST", all, object{"from": "2026-11-23", "until": "2026-11-27", "reason": "ill"}, "Idempotency-Key", "k1").Into(t, 201, nil)
	f.booking()
	attendance := func() (week, day string) {
		t.Helper()
		var w api.ParticipantWeek
		var d api.ActivityDay
		f.do(coach, "GET", "/participants/"+Person+"/week?week=2026-W48", nil).Into(t, 200, &w)
		f.do(coach, "GET", "/activities/"+Walk+"/days/2026-11-24", nil).Into(t, 200, &d)
		say := func(n *api.AttendanceNote) string {
			if n == nil {
				return ""
			}
			return fmt.Sprint(n.Attendance, " ", *n.AbsenceReason, " ", *n.Notified, " ", *n.Absence == x.Id)
		}
		return say(w.Items[0].Note), say(d.Items[0].Note)
	}
	if week, day := attendance(); week != "absent ill true true" || day != week {
		t.Errorf("got %q, %q", week, day)
	}
	at := servicetest.PathOf(t, r.Header.Get("Location"))
	f.do(coach, "POST", at+"/correction", object{"from": "2026-11-23", "until": "2026-11-25", "reason": "care"}, "If-Match", `"1"`).Into(t, 200, &x)
	if week, day := attendance(); week != "absent care true true" || day != week || len(x.Timeline) != 2 {
		t.Errorf("got %q, %q", week, day)
	}
	f.do(coach, "POST", servicetest.PathOf(t, x.UnderscoreLinks.Href("withdrawal")), nil, "If-Match", `"2"`).Into(t, 200, &x)
	if week, day := attendance(); week != "" || day != "" || x.State != api.AbsenceStateWithdrawn || x.UnderscoreLinks.Href("correction") != "" {
		t.Errorf("got %q, %q, %+v", week, day, x)
	}
	var l api.AbsenceList
	if f.do(Participant(Person), "GET", all+"?page=1", nil).Into(t, 200, &l); len(l.Items) != 1 || *l.UnderscoreMeta.TotalRecords != 1 {
		t.Errorf("got %+v", l)
	}
}

func TestTheCoachFollowsUpAbsence(t *testing.T) {
	f := newFace(t)
	b := f.made("/bookings", object{"enrolment": Enrolment, "activity": Walk, "from": "2026-10-19"})
	note := func(date, attendance string, version int) {
		t.Helper()
		f.do(coach, "POST", "/bookings/"+b+"/attendances", object{"date": date, "attendance": attendance}, "If-Match", fmt.Sprintf(`"%d"`, version)).Into(t, 200, nil)
	}
	note("2026-11-03", "absent", 1)
	note("2026-11-10", "absent", 2)
	note("2026-11-17", "absent", 3)
	var l api.AbsenceSignalList
	servicetest.Eventually(t, "both patterns are noticed", func() bool {
		f.do(coach, "GET", "/absence-signals?state=open&coach=coach-1", nil).Into(t, 200, &l)
		return len(l.Items) == 1 && len(l.Items[0].Patterns) == 2
	})
	f.do(Coach(Alingsas), "GET", "/absence-signals", nil).Into(t, 200, &l)
	if len(l.Items) != 0 {
		t.Errorf("another municipality sees %+v", l)
	}
	at := "/absence-signals/" + Enrolment
	var x api.AbsenceSignal
	f.do(coach, "GET", at, nil).Into(t, 200, &x)
	f.do(coach, "POST", servicetest.PathOf(t, x.UnderscoreLinks.Href("followUp")), object{"action": "contacted"}, "If-Match", fmt.Sprintf(`"%d"`, *x.Version)).Into(t, 200, &x)
	if x.State != "followed_up" || len(x.Patterns) != 0 || *x.Timeline[len(x.Timeline)-1].Action != "contacted" {
		t.Errorf("got %+v", x)
	}
	f.do(coach, "POST", at+"/follow-up", object{"action": "contacted"}, "If-Match", fmt.Sprintf(`"%d"`, *x.Version)).Into(t, 409, nil)
	servicetest.Eventually(t, "both are events", func() bool {
		events, err := f.Feed.After(t.Context(), 0, 100, 0)
		servicetest.Must(t, err)
		noticed := 0
		for _, e := range events {
			if e.Type == "se.finsam.absence_signal.noticed" && e.Data["coach"] == "coach-1" && e.Data["pattern"] != "" {
				noticed++
			}
		}
		return noticed == 2
	})
}

func TestWhoseWeekLacksWhatTheProgrammeWants(t *testing.T) {
	f := faceOf(t, "maxWeeks: 24", "maxWeeks: 24\n  rules: [{ id: outside, category: social, times: 1, sv: En gång ut, en: Once outside }]")
	f.EmitBlock(Enrolment, Person, Molndal, 2, "2026-11-02", "2026-12-13")
	lacks := func(week string) (list, flag string) {
		t.Helper()
		var l api.WeeklyShortfallList
		var w api.ParticipantWeek
		f.do(coach, "GET", "/weekly-shortfalls?coach=coach-1&week="+week, nil).Into(t, 200, &l)
		f.do(Participant(Person), "GET", "/participants/"+Person+"/week?week="+week, nil).Into(t, 200, &w)
		say := func(x []api.Shortfall) (text string) {
			for _, s := range x {
				text += fmt.Sprint(s.Rule, " ", s.Planned, " ", s.Attended, " ", s.Lacks)
			}
			return text
		}
		if len(l.Items) > 0 {
			list = say(l.Items[0].Lacks)
		}
		if w.Lacks != nil {
			flag = say(*w.Lacks)
		}
		return list, flag
	}
	servicetest.Eventually(t, "the block is known", func() bool {
		list, flag := lacks("2026-W47")
		return list == "outside 0 0 planned" && flag == list
	})
	f.booking()
	if list, flag := lacks("2026-W47"); list != "" || flag != "" {
		t.Errorf("once it is booked: %q, %q", list, flag)
	}
	f.Clock.Advance(4 * 24 * time.Hour)
	if list, flag := lacks("2026-W47"); list != "outside 1 0 attended" || flag != list {
		t.Errorf("the week is over: %q, %q", list, flag)
	}
	if list, flag := lacks("2026-W44"); list != "" || flag != "" {
		t.Errorf("before the enrolment: %q, %q", list, flag)
	}
}

// made creates something as the coach and returns its id.
func (f *face) made(path string, body any) string {
	f.t.Helper()
	var made struct{ ID string }
	f.do(coach, "POST", path, body).Into(f.t, 201, &made)
	return made.ID
}

// BenchmarkDay measures lists of 30: one read, and 30 rows noted in one call. What follows
// from them by the feed is not in it.
func BenchmarkDay(b *testing.B) {
	s := Start(b)
	following, stop := context.WithCancel(b.Context())
	followed := make(chan error, 1)
	go func() { followed <- s.Service.Run(following) }()
	var ids []string
	for i := range 30 {
		enrolment, person := fmt.Sprintf("11111111-1111-4111-8111-0000000000%02d", i), fmt.Sprintf("22222222-2222-4222-8222-0000000000%02d", i)
		s.Emit("started", enrolment, person, Molndal, 1, "")
		s.Enrolled(b, person, Molndal)
		made, err := s.Service.Book(servicetest.As(coach), activity.BookingRequest{Enrolment: enrolment, Activity: Walk, From: "2026-10-26"}, "")
		servicetest.Must(b, err)
		ids = append(ids, made.ID)
	}
	stop()
	servicetest.Must(b, <-followed)
	dates := []civil.Date{"2026-11-03", "2026-11-10", "2026-11-17"}
	b.Run("list of 30", func(b *testing.B) {
		for b.Loop() {
			got, err := s.Service.Day(servicetest.As(coach), Walk, "2026-11-17")
			servicetest.Must(b, err)
			if len(got.Bookings) != 30 {
				b.Fatal(len(got.Bookings))
			}
		}
	})
	n, spent := 0, time.Duration(0)
	b.Run("30 attendances", func(b *testing.B) {
		for b.Loop() {
			rows := make([]service.Row, len(ids))
			for i, id := range ids {
				n++
				rows[i] = service.Row{Booking: id, Note: activity.Note{Attendance: activity.Present, Client: fmt.Sprintf("00000000-0000-4000-8000-%012d", n), At: s.Clock.Now()}}
			}
			before := cpu(b)
			answers, err := s.Service.NoteDay(servicetest.As(coach), Walk, dates[n%3], rows)
			spent += cpu(b) - before
			if err != nil || answers[29].Outcome != activity.OutcomeNoted {
				b.Fatal(answers[29], err)
			}
		}
		b.ReportMetric(float64(spent.Microseconds())/float64(n/len(ids)), "cpu-µs/op")
	})
}

// cpu returns the processor time that the process has used.
func cpu(t testing.TB) time.Duration {
	var u syscall.Rusage
	servicetest.Must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
