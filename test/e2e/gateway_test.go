package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// weekly is what of a municipality's week the tests watch: one occurrence.
type weekly struct {
	walk
	path, activity, date string
}

// nextWeek looks at an occurrence some weeks ahead, one for each test.
func nextWeek(w walk, weeks int) weekly {
	w.t.Helper()
	path := "/municipalities/1481/week?week=" + isoWeek(time.Now().UTC().AddDate(0, 0, 7*weeks))
	o := w.occurrence(w.get(coach, path), "Promenad")
	return weekly{w, path, o["activity"].(string), o["date"].(string)}
}

// state returns the occurrence's state as the caller reads it now.
func (w weekly) state(c suite.Caller) string {
	a, err := w.Do(suite.Request{Method: "GET", Path: w.path, Token: w.Token(w.t, c)})
	if err != nil || a.Status != 200 {
		return fmt.Sprintf("%d %s %v", a.Status, a.Raw, err)
	}
	items, _ := a.At("items").([]any)
	for _, item := range items {
		if o := item.(map[string]any); o["activity"] == w.activity && o["date"] == w.date {
			return o["state"].(string)
		}
	}
	return "gone"
}

// shows waits, from now on at most a second, until everybody reads the state.
func (w weekly) shows(state string) {
	w.t.Helper()
	said := time.Now()
	for got := ""; got != state; time.Sleep(5 * time.Millisecond) {
		if got = w.state(board); time.Since(said) > time.Second && got != state {
			w.t.Errorf("a second after it became %s the week still shows %q", state, got)
			return
		}
	}
	for _, c := range []suite.Caller{coach, fkOfficer} {
		if got := w.state(c); got != state {
			w.t.Errorf("the %s still reads %q, not %q", c.Role, got, state)
		}
	}
}

// callsOffAndRestores changes the week twice and wants both to be seen.
func (w weekly) callsOffAndRestores() {
	w.t.Helper()
	w.state(board) // now it is kept
	made := w.Must(w.t, 201, suite.Request{
		Method: "POST", Path: "/activities/" + w.activity + "/cancellations", Token: w.Token(w.t, coach),
		Body: map[string]any{"date": w.date, "reason": "leader_absent"},
	})
	w.shows("cancelled")
	w.Must(w.t, 200, suite.Request{
		Method: "POST", Path: "/activities/" + w.activity + "/cancellations/" + made.Text("id") + "/restoration", Token: w.Token(w.t, coach),
		Header: map[string]string{"If-Match": made.Header.Get("ETag")},
	})
	w.shows("planned")
}

func TestAKeptWeekShowsACalledOffOccurrenceWithinASecond(t *testing.T) {
	w := walk{suite.OneProcess(t, unlimited...), t}
	nextWeek(w, 3).callsOffAndRestores()
}

func TestAKeptWeekStaysRightOverFourProcessesAlsoWhenRedisDies(t *testing.T) {
	r := startRedis(t)
	w := walk{suite.FourProcesses(t, slices.Concat(unlimited, r.env())...), t}
	nextWeek(w, 3).callsOffAndRestores()
	if r.server != nil && !strings.Contains(string(r.dump(t)), "Promenad") {
		t.Error("the week is not in Redis: the cache was not used, and nothing is proven")
	}
	four, five := nextWeek(w, 4), nextWeek(w, 5)
	four.state(board)
	r.kill()
	four.callsOffAndRestores()
	five.callsOffAndRestores()
	thing := "/referrals/" + w.Must(t, 201, suite.Request{
		Method: "POST", Path: "/referrals", Token: w.Token(t, fkSystem), Body: referral(adult, "Tolvan", "Påhittad"),
	}).Text("id")
	w.get(intake, thing)
}

func TestACallerWithTheNewestVersionGets304(t *testing.T) {
	t.Parallel()
	w := walk{suite.OneProcess(t, unlimited...), t}
	made := w.Must(t, 201, suite.Request{
		Method: "POST", Path: "/referrals", Token: w.Token(t, fkSystem), Body: referral(adult, "Tolvan", "Påhittad"),
	})
	week := nextWeek(w, 3)
	for _, path := range []string{"/referrals/" + made.Text("id"), week.path, week.path} {
		first := w.get(coach, path)
		etag := first.Header.Get("ETag")
		same := w.Must(t, 304, suite.Request{
			Method: "GET", Path: path, Token: w.Token(t, coach), Header: map[string]string{"If-None-Match": etag},
		})
		if len(same.Raw) > 0 || same.Header.Get("ETag") != etag || etag == "" {
			t.Errorf("%s: a 304 with ETag %q and %d bytes, want %q and none", path, same.Header.Get("ETag"), len(same.Raw), etag)
		}
		w.Must(t, 200, suite.Request{
			Method: "GET", Path: path, Token: w.Token(t, coach), Header: map[string]string{"If-None-Match": `"another"`},
		})
	}
	personal, public := w.get(coach, "/referrals/"+made.Text("id")), w.get(coach, week.path)
	if got := personal.Header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
		t.Errorf("personal data may be kept: Cache-Control %q", got)
	}
	if got := public.Header.Get("ETag"); got == "" {
		t.Error("a week has no ETag")
	}
}

func TestACallerThatAsksTooOftenGets429AndOthersAreServed(t *testing.T) {
	holdsBack(t, suite.OneProcess(t, limited...))
}

func TestTheSharedLimitHoldsAndServesOnWhenRedisDies(t *testing.T) {
	r := startRedis(t)
	s := suite.FourProcesses(t, slices.Concat(limited, r.env())...)
	holdsBack(t, s)
	r.kill()
	holdsBack(t, s)
}

// holdsBack asks too often as one authority, and then as another.
func holdsBack(t *testing.T, s *suite.Suite) {
	t.Helper()
	refused := storm(t, s, s.Token(t, fkSystem))
	if refused.Status != 429 {
		t.Fatal("nobody was held back")
	}
	if refused.Header.Get("Retry-After") == "" || refused.Header.Get("RateLimit") == "" || refused.Header.Get("RateLimit-Policy") == "" ||
		refused.Header.Get("Content-Type") != "application/problem+json" || refused.Text("code") == "" {
		t.Errorf("a 429 without Retry-After, RateLimit and a problem: %v %s", refused.Header, refused.Raw)
	}
	a := s.Must(t, 200, suite.Request{Method: "GET", Path: "/referrals", Token: s.Token(t, intake)})
	if a.Header.Get("RateLimit") == "" {
		t.Error("an answer does not tell how much of the limit is left")
	}
	time.Sleep(1500 * time.Millisecond)
	s.Must(t, 200, suite.Request{Method: "GET", Path: "/referrals", Token: s.Token(t, fkSystem)})
}

// storm asks as fast as it can and returns the first refusal.
func storm(t *testing.T, s *suite.Suite, token string) (refused suite.Answer) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				a, err := s.Do(suite.Request{Method: "GET", Path: "/referrals", Token: token})
				if err != nil || a.Status != 200 && a.Status != 429 {
					t.Errorf("%d %s %v", a.Status, a.Raw, err)
					return
				}
				if a.Status == 429 {
					mu.Lock()
					refused = a
					mu.Unlock()
					return
				}
			}
		})
	}
	wg.Wait()
	return refused
}
