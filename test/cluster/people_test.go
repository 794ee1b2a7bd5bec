//go:build cluster

package cluster

import (
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// person is somebody invented, with all that the services keep of a participant.
type person struct{ referral, participant, enrolment, booking string }

// ask repeats a call until it is answered with the status, for what follows from
// events and for a suite that has just been installed.
func (r room) ask(s *suite.Suite, status int, timeout time.Duration, q suite.Request, ok func(suite.Answer) bool) suite.Answer {
	r.Helper()
	for end := time.Now().Add(timeout); ; time.Sleep(50 * time.Millisecond) {
		a, err := s.Do(q)
		if err == nil && a.Status == status && (ok == nil || ok(a)) {
			return a
		}
		if time.Now().After(end) {
			r.Fatalf("%s %s: %d, %v within %s\n%s", q.Method, q.Path, a.Status, err, timeout, a.Raw)
		}
	}
}

// accepted posts a referral and accepts it.
func (r room) accepted(s *suite.Suite, timeout time.Duration) string {
	r.Helper()
	chance := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 5))
	made := r.ask(s, http.StatusCreated, timeout, post(s.Token(r.T, sender), chance), nil)
	r.does(s, intake, "/referrals/"+made.Text("id"), "acceptance", map[string]any{
		"initiative": "activera", "startDate": day(-20), "coach": "coach-1",
	})
	return made.Text("id")
}

// does reads a thing for its version and then does something to it.
func (r room) does(s *suite.Suite, c suite.Caller, thing, action string, body map[string]any) {
	r.Helper()
	a := r.ask(s, http.StatusOK, time.Minute, suite.Request{Method: "GET", Path: thing, Token: s.Token(r.T, c)}, nil)
	s.Must(r.T, http.StatusOK, suite.Request{
		Method: "POST", Path: thing + "/" + action, Token: s.Token(r.T, c), Body: body, Header: map[string]string{"If-Match": a.Header.Get("ETag")},
	})
}

func day(n int) string { return time.Now().UTC().AddDate(0, 0, n).Format(time.DateOnly) }

// people makes some persons who are referred, enrolled and booked.
func (r room) people(p suite.Place, n int) (all []person) {
	r.Helper()
	s := suite.At(r.T, p)
	token := s.Token(r.T, coach)
	week := r.ask(s, http.StatusOK, time.Minute, suite.Request{Method: "GET", Path: "/municipalities/1481/week?week=" + isoWeek(time.Now().AddDate(0, 0, -14)), Token: token}, nil)
	activity := ""
	items, _ := week.At("items").([]any)
	for _, i := range items {
		if o, _ := i.(map[string]any); o["name"] == "Återhämtning" && o["state"] == "planned" {
			activity, _ = o["activity"].(string)
		}
	}
	for range n {
		var one person
		one.referral = r.accepted(s, time.Minute)
		a := r.ask(s, http.StatusOK, time.Minute, suite.Request{Method: "GET", Path: "/referrals/" + one.referral, Token: s.Token(r.T, intake)},
			func(a suite.Answer) bool { return a.Text("progress.enrolment") != "" })
		one.participant, one.enrolment = a.Text("participant"), a.Text("progress.enrolment")
		r.does(s, coach, "/enrolments/"+one.enrolment, "start", map[string]any{"startedOn": day(-20)})
		one.booking = r.ask(s, http.StatusCreated, time.Minute, suite.Request{
			Method: "POST", Path: "/bookings", Token: token, Header: map[string]string{"Idempotency-Key": "book-" + one.enrolment},
			Body: map[string]any{"enrolment": one.enrolment, "activity": activity, "from": day(-20)},
		}, nil).Text("id")
		all = append(all, one)
	}
	return all
}
