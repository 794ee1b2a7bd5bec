package e2e

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

func TestKillingAnyProcessAtAnyMomentLosesNothingAndDoesNothingTwice(t *testing.T) {
	underKills(t, suite.FourProcesses(t, unlimited...), "", fromEnv("FINSAM_KILLS", 30))
}

func TestKillingTheOneProcessAtAnyMomentLosesNothingAndDoesNothingTwice(t *testing.T) {
	underKills(t, suite.OneProcess(t, unlimited...), "", fromEnv("FINSAM_KILLS", 30)/3)
}

func TestKillingAnyProcessOnMongoDBLosesNothingAndDoesNothingTwice(t *testing.T) {
	if os.Getenv("FINSAM_TEST_MONGO_URI") == "" {
		t.Log("FINSAM_TEST_MONGO_URI is not set: that kills lose nothing on MongoDB is not proven by this run")
		return
	}
	uri := startMongo(t)
	underKills(t, suite.FourProcesses(t, append([]string{"FINSAM_STORE=" + uri}, unlimited...)...), uri, fromEnv("FINSAM_KILLS", 30))
}

// underKills lets coaches, receivers and an authority's system work while the
// processes are killed and started again, and then opens the databases and
// counts. FINSAM_KILLS says how often (30), FINSAM_SEED replays the choice of
// victims and moments.
func underKills(t *testing.T, s *suite.Suite, address string, kills int) {
	t.Helper()
	seed := fromEnv("FINSAM_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("FINSAM_SEED=%d FINSAM_KILLS=%d", seed, kills)
	names := slices.Sorted(maps.Keys(s.Processes))
	l := newLoad(t, s, uint64(seed))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.run(ctx)
	}()
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	victims := map[string]int{}
	for range kills {
		time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
		p := s.Processes[names[r.IntN(len(names))]]
		victims[p.Name]++
		p.Kill()
		time.Sleep(time.Duration(r.IntN(30)) * time.Millisecond)
		p.Start(t)
		p.WaitReady(t)
	}
	stop()
	<-done
	t.Logf("%v; %d stories completed, %d calls, %d of them repeated", victims, len(l.told), l.calls.Load(), l.again.Load())
	if len(l.told) < kills/2 {
		t.Errorf("only %d stories were completed: too few to prove anything", len(l.told))
	}
	l.readBack()
	for _, name := range names {
		s.Processes[name].Stop()
	}
	for _, wrong := range openBooks(t, s.Data, address).count(l.told) {
		t.Error(wrong)
	}
}

func fromEnv(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// load is people at work on stories that do not know of each other.
type load struct {
	*suite.Suite
	t            *testing.T
	seed         uint64
	activity     string
	date         string // of an occurrence that has been
	tokens       map[suite.Caller]string
	calls, again atomic.Int64

	mu   sync.Mutex
	told []story
}

// story is what the services have acknowledged about one person.
type story struct{ number, referral, participant, enrolment, booking string }

func newLoad(t *testing.T, s *suite.Suite, seed uint64) *load {
	l := &load{Suite: s, t: t, seed: seed, tokens: map[suite.Caller]string{}}
	w := walk{s, t}
	o := w.occurrence(w.get(coach, "/municipalities/1481/week?week="+isoWeek(time.Now().UTC().AddDate(0, 0, -14))), "Återhämtning")
	l.activity, l.date = o["activity"].(string), o["date"].(string)
	for _, c := range []suite.Caller{fkSystem, intake, coach} {
		l.tokens[c] = s.Token(t, c)
	}
	return l
}

// run runs stories until the context ends, and completes those it began.
func (l *load) run(ctx context.Context) {
	var workers sync.WaitGroup
	var n atomic.Int64
	for range 6 {
		workers.Go(func() {
			for ctx.Err() == nil && !l.t.Failed() {
				l.tell(int(n.Add(1)))
			}
		})
	}
	workers.Wait()
}

func (l *load) tell(n int) {
	p := persontest.New(rand.New(rand.NewPCG(l.seed, uint64(n))), day(0))
	st := story{number: p.Number}
	for _, chapter := range []func(*story, int, persontest.Person) bool{l.refer, l.accept, l.enrolled, l.start, l.book, l.attend} {
		if !chapter(&st, n, p) {
			return
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, st)
}

// ackTimeout is how long one acknowledgement may take while processes die.
const ackTimeout = 30 * time.Second

// until repeats a call until ok says that it is acknowledged. An answer that is
// neither that nor a passing failure ends the test.
func (l *load) until(what string, again []int, r func() (suite.Request, bool), ok func(suite.Answer) bool) bool {
	for end := time.Now().Add(ackTimeout); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		request, ready := r()
		if !ready {
			continue
		}
		l.calls.Add(1)
		a, err := l.Do(request)
		switch {
		case err != nil || a.Status >= 500 || contains(again, a.Status):
		case a.Status < 300 && ok(a):
			return true
		case a.Status >= 300:
			l.t.Errorf("%s: %d %s", what, a.Status, a.Raw)
			return false
		}
		l.again.Add(1)
	}
	l.t.Errorf("%s was not acknowledged within %s", what, ackTimeout)
	return false
}

func contains(all []int, n int) bool {
	for _, x := range all {
		if x == n {
			return true
		}
	}
	return false
}

// always creates a request that is the same each time.
func always(r suite.Request) func() (suite.Request, bool) {
	return func() (suite.Request, bool) { return r, true }
}

// refer posts with a key until it is acknowledged, and then once more.
func (l *load) refer(st *story, n int, p persontest.Person) bool {
	body := referral(p.Number, p.GivenName, p.FamilyName)
	body["externalReference"] = fmt.Sprintf("FK-%d", n)
	post := always(suite.Request{
		Method: "POST", Path: "/referrals", Token: l.tokens[fkSystem], Body: body,
		Header: map[string]string{"Idempotency-Key": fmt.Sprintf("kill-%d", n)},
	})
	taken := func(a suite.Answer) bool {
		if st.referral != "" && st.referral != a.Text("id") {
			l.t.Errorf("story %d: the repeat made another referral: %s and %s", n, st.referral, a.Text("id"))
		}
		st.referral, st.participant = a.Text("id"), a.Text("participant")
		return true
	}
	return l.until("refer", nil, post, taken) && l.until("refer again", nil, post, taken)
}

// once changes a document that has a version, unless that turns out to be
// done already: a caller whose answer was lost reads again before trying again.
func (l *load) once(what string, c suite.Caller, thing, action string, body map[string]any, done func(suite.Answer) bool) bool {
	finished := false
	return l.until(what, []int{409, 412}, func() (suite.Request, bool) {
		a, err := l.Do(suite.Request{Method: "GET", Path: thing, Token: l.tokens[c]})
		if err != nil || a.Status != 200 {
			return suite.Request{}, false
		}
		if finished = done(a); finished {
			return suite.Request{Method: "GET", Path: thing, Token: l.tokens[c]}, true
		}
		return suite.Request{
			Method: "POST", Path: thing + "/" + action, Token: l.tokens[c], Body: body,
			Header: map[string]string{"If-Match": a.Header.Get("ETag")},
		}, true
	}, func(suite.Answer) bool { return true })
}

func (l *load) accept(st *story, _ int, _ persontest.Person) bool {
	return l.once("accept", intake, "/referrals/"+st.referral, "acceptance",
		map[string]any{"initiative": "activera", "startDate": day(-20), "coach": "coach-1"},
		func(a suite.Answer) bool { return a.Text("state") != "submitted" })
}

func (l *load) enrolled(st *story, _ int, _ persontest.Person) bool {
	get := suite.Request{Method: "GET", Path: "/referrals/" + st.referral, Token: l.tokens[intake]}
	return l.until("enrolled", nil, always(get), func(a suite.Answer) bool {
		st.enrolment = a.Text("progress.enrolment")
		return st.enrolment != ""
	})
}

func (l *load) start(st *story, _ int, _ persontest.Person) bool {
	return l.once("start", coach, "/enrolments/"+st.enrolment, "start", map[string]any{"startedOn": day(-20)},
		func(a suite.Answer) bool { return a.Text("state") != "planned" })
}

func (l *load) book(st *story, n int, _ persontest.Person) bool {
	post := suite.Request{
		Method: "POST", Path: "/bookings", Token: l.tokens[coach], Header: map[string]string{"Idempotency-Key": fmt.Sprintf("book-%d", n)},
		Body: map[string]any{"enrolment": st.enrolment, "activity": l.activity, "from": day(-20)},
	}
	// 404, 409: the activity service has not heard of the enrolment, or of its start, yet.
	return l.until("book", []int{404, 409}, always(post), func(a suite.Answer) bool {
		st.booking = a.Text("id")
		return true
	})
}

func (l *load) attend(st *story, _ int, _ persontest.Person) bool {
	return l.once("attend", coach, "/bookings/"+st.booking, "attendances", map[string]any{"date": l.date, "attendance": "present"},
		func(a suite.Answer) bool { return strings.Contains(string(a.Raw), "attendance_noted") })
}

// readBack reads every acknowledged thing over the API once more, when all
// processes are up again.
func (l *load) readBack() {
	w := walk{l.Suite, l.t}
	for _, st := range l.told {
		w.until(intake, "/referrals/"+st.referral, "enrolled and started", func(a suite.Answer) bool {
			return a.Text("state") == "enrolled" && strings.Contains(string(a.Raw), `"kind":"started"`)
		})
	}
}
