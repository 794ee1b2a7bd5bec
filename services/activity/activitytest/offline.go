package activitytest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web/webtest"
)

// offlineDay is a Tuesday on which there was a walk.
const offlineDay = "2026-11-17"

// row is what somebody noted on a phone.
type row struct {
	ID         string    `json:"clientId"`
	At         time.Time `json:"notedAt"`
	Booking    string    `json:"booking"`
	Attendance string    `json:"attendance"`
	Minutes    int       `json:"minutes,omitempty"`
	Reason     string    `json:"absenceReason,omitempty"`
	by         string    // subject
}

// Offline lets two people note the same walk on phones that lose calls and answers, both at
// once, in any order and some of it several times, and compares what has become of it with
// what they noted: nothing is lost and nothing doubled, what they contradict one another in
// is shown, and the access log names whom they noted. The seed of a failure is printed.
func Offline(t *testing.T, s *Suite, face *servicetest.API) {
	t.Helper()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 14))
	t.Logf("seed %d", seed)
	supervisor := Coach(Molndal)
	supervisor.Subject, supervisor.Roles = "leader-1", []actor.Role{actor.Supervisor}
	people := map[string]string{} // by booking
	for i := range 5 {
		enrolment, person := fmt.Sprintf("11111111-1111-4111-8111-00000000000%d", i), fmt.Sprintf("22222222-2222-4222-8222-00000000000%d", i)
		s.Emit("started", enrolment, person, Molndal, 1, "")
		s.Enrolled(t, person, Molndal)
		var b api.Booking
		face.Do(t, webtest.Request{Method: "POST", Path: "/bookings", As: Coach(Molndal), Body: map[string]any{"enrolment": enrolment, "activity": Walk, "from": "2026-11-09"}}).Into(t, 201, &b)
		people[b.Id] = person
	}
	var all []row
	var phones sync.WaitGroup
	for _, who := range []actor.Actor{supervisor, Coach(Molndal)} {
		rows := noted(r, who.Subject, slices.Sorted(keys(people)))
		all = append(all, rows...)
		own := rand.New(rand.NewPCG(seed, r.Uint64()))
		phones.Go(func() { phone(t, own, face, who, rows) })
	}
	phones.Wait()
	if t.Failed() {
		return
	}
	compare(t, face, all, slices.Sorted(keys(people)))
	logged := map[string]bool{}
	for _, e := range s.Accesses(t) {
		if e.Operation == "noteDayAttendances" && e.Outcome == "done" {
			for _, p := range e.Participants {
				logged[p] = true
			}
		}
	}
	for _, x := range all {
		if !logged[people[x.Booking]] {
			t.Errorf("the access log does not name who has the booking %s", x.Booking)
		}
	}
}

func keys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// noted returns what somebody notes of the walk, some of it several times as it changes.
func noted(r *rand.Rand, by string, bookings []string) (rows []row) {
	for _, b := range bookings {
		for n := range r.IntN(4) {
			x := row{
				ID: fmt.Sprintf("%08x-0000-4000-8000-%012x", r.Uint32(), r.Uint32()), Booking: b, by: by, Attendance: []string{"present", "late", "absent"}[r.IntN(3)],
				At: time.Date(2026, 11, 17, 12, 10*n, r.IntN(60), r.IntN(1000)*1e6, time.UTC),
			}
			switch x.Attendance {
			case "late":
				x.Minutes = 5 * (1 + r.IntN(2))
			case "absent":
				x.Reason = []string{"ill", "unknown"}[r.IntN(2)]
			}
			rows = append(rows, x)
		}
	}
	return rows
}

// phone sends rows until it knows of each that it has come.
func phone(t *testing.T, r *rand.Rand, face *servicetest.API, who actor.Actor, rows []row) {
	pending := map[string]bool{}
	for _, x := range rows {
		pending[x.ID] = true
	}
	for len(pending) > 0 {
		var some []row
		for _, i := range r.Perm(len(rows)) {
			if pending[rows[i].ID] && r.IntN(2) == 0 || r.IntN(8) == 0 { // what has come, too
				some = append(some, rows[i])
			}
		}
		fate := r.IntN(4)
		if len(some) == 0 || fate == 0 { // the call is lost
			continue
		}
		var answer api.DayAttendances
		got := face.Do(t, webtest.Request{Method: "POST", Path: "/activities/" + Walk + "/days/" + offlineDay + "/attendances", As: who, Body: map[string]any{"items": some}})
		if fate == 1 { // the answer is
			continue
		}
		if got.Status != 200 {
			t.Errorf("%d %s", got.Status, got.Body)
			return
		}
		got.Into(t, 200, &answer)
		for i, a := range answer.Items {
			if a.ClientId != some[i].ID || a.Outcome == api.AttendanceOutcomeRefused {
				t.Errorf("%+v became %+v", some[i], a)
				return
			}
			delete(pending, a.ClientId)
		}
	}
}

// compare holds what there is against what was noted.
func compare(t *testing.T, face *servicetest.API, all []row, bookings []string) {
	t.Helper()
	var list api.ActivityDay
	face.Do(t, webtest.Request{Method: "GET", Path: "/activities/" + Walk + "/days/" + offlineDay, As: Coach(Molndal)}).Into(t, 200, &list)
	for _, id := range bookings {
		var want, got []string
		var own []row
		for _, x := range all {
			if x.Booking == id {
				own, want = append(own, x), append(want, x.ID)
			}
		}
		var b api.Booking
		face.Do(t, webtest.Request{Method: "GET", Path: "/bookings/" + id, As: Coach(Molndal)}).Into(t, 200, &b)
		for _, s := range b.Timeline {
			if s.ClientId != nil {
				got = append(got, *s.ClientId)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("noted %v, there is %v", want, got)
		}
		i := slices.IndexFunc(list.Items, func(x api.ActivityDayItem) bool { return x.Booking == id })
		shown := ""
		if n := list.Items[i].Note; n != nil {
			shown = fmt.Sprint(n.NotedAt, n.Attendance)
			if n.Contradictions != nil {
				for _, c := range *n.Contradictions {
					shown += fmt.Sprint(" | ", c.NotedAt, c.Attendance)
				}
			}
		}
		if said := judge(own); shown != said {
			t.Errorf("%+v\nis shown as %s\nwant        %s", own, shown, said)
		}
	}
}

// judge says what should be shown: of each person the last that was noted, of all the
// latest, and the others where they say something else.
func judge(rows []row) string {
	slices.SortFunc(rows, func(a, b row) int { return a.At.Compare(b.At) })
	last := map[string]row{}
	for _, x := range rows {
		last[x.by] = x
	}
	if len(rows) == 0 {
		return ""
	}
	counts := rows[len(rows)-1]
	text := func(x row) string { return fmt.Sprint(x.At, x.Attendance) }
	parts := []string{text(counts)}
	for _, x := range rows {
		if last[x.by].ID == x.ID && (x.Attendance != counts.Attendance || x.Minutes != counts.Minutes || x.Reason != counts.Reason) {
			parts = append(parts, text(x))
		}
	}
	return strings.Join(parts, " | ")
}
