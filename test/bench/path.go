package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// The people of a whole path, beside the bench's own. All are invented.
var (
	receiver = suite.Caller{Role: "intake", Authority: "molndal", Municipality: "1481", Subject: "costs-intake"}
	coach    = suite.Caller{Role: "coach", Authority: "molndal", Municipality: "1481", Subject: "coach-1"}
	officer  = suite.Caller{Role: "referrer", Authority: "fk", Unit: "fk-molndal", Subject: "costs-officer"}
)

// path takes a participant all the way: referred, accepted, enrolled, twice booked,
// 12 times present, three check-ins, closed.
type path struct {
	*suite.Suite
	t          *stage
	activities []string
	dates      []string // of the first activity, gone by
	calls      atomic.Int64
	mu         sync.Mutex
	ids        []string // of the referrals
}

const pathDays = 210 // ago that it began

func ago(days int) string { return time.Now().UTC().AddDate(0, 0, -days).Format(time.DateOnly) }

func newPath(t *stage, s *suite.Suite) *path {
	p := &path{Suite: s, t: t}
	for weeks := range 12 {
		year, week := time.Now().UTC().AddDate(0, 0, -pathDays+14+7*weeks).ISOWeek()
		a := s.Must(t, http.StatusOK, suite.Request{
			Method: "GET", Path: fmt.Sprintf("/municipalities/1481/week?week=%d-W%02d", year, week), Token: s.Token(t, coach),
		})
		items, _ := a.At("items").([]any)
		for _, name := range []string{"Promenad", "Återhämtning"} {
			for _, i := range items {
				o, _ := i.(map[string]any)
				if o["name"] != name || o["state"] != "planned" {
					continue
				}
				if weeks == 0 {
					p.activities = append(p.activities, o["activity"].(string))
				}
				if name == "Promenad" && o["activity"] == p.activities[0] {
					p.dates = append(p.dates, o["date"].(string))
				}
				break
			}
		}
	}
	if len(p.activities) != 2 || len(p.dates) == 0 {
		t.Fatalf("the example's weeks are not as expected: %d activities, %d dates", len(p.activities), len(p.dates))
	}
	for _, c := range []suite.Caller{sender, receiver, coach, officer} {
		s.Token(t, c)
	}
	return p
}

// take takes n participants their way, eight at a time.
func (p *path) take(n int) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	failed := make(chan error, 8)
	for range cap(failed) {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				if err := p.one(); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// do sends a request until it is answered with the status and ok holds: what
// follows from events takes a moment.
func (p *path) do(status int, q suite.Request, ok func(suite.Answer) bool) (suite.Answer, error) {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		a, err := p.Do(q)
		p.calls.Add(1)
		if err == nil && a.Status == status && (ok == nil || ok(a)) {
			return a, nil
		}
		if time.Now().After(end) {
			return a, fmt.Errorf("%s %s: %d %v %s", q.Method, q.Path, a.Status, err, a.Raw)
		}
	}
}

func (p *path) get(c suite.Caller, path string, ok func(suite.Answer) bool) (suite.Answer, error) {
	return p.do(http.StatusOK, suite.Request{Method: "GET", Path: path, Token: p.Token(p.t, c)}, ok)
}

// act is a step: the thing is read for its version, and when it is in the state.
type act struct {
	who         suite.Caller
	path, state string
	do          string
	body        map[string]any
}

func (p *path) act(a act) error {
	got, err := p.get(a.who, a.path, func(x suite.Answer) bool { return a.state == "" || x.Text("state") == a.state })
	if err != nil {
		return fmt.Errorf("before %s: %w", a.do, err)
	}
	_, err = p.do(http.StatusOK, suite.Request{
		Method: "POST", Path: a.path + "/" + a.do, Token: p.Token(p.t, a.who), Body: a.body, Header: map[string]string{"If-Match": got.Header.Get("ETag")},
	}, nil)
	return err
}

func (p *path) one() error {
	chance := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	who := persontest.New(chance, ago(0))
	text := strings.Repeat("Påhittat exempel: sjukskriven länge, vill tillbaka i egen takt. ", 8)
	made, err := p.do(http.StatusCreated, suite.Request{
		Method: "POST", Path: "/referrals", Token: p.Token(p.t, sender), Header: map[string]string{"Idempotency-Key": fmt.Sprintf("path-%x", chance.Uint64())},
		Body: map[string]any{
			"person": map[string]any{"personalIdentityNumber": who.Number, "givenName": who.GivenName, "familyName": who.FamilyName, "email": who.Email, "phone": who.Phone},
			"unit":   "fk-molndal", "wishedMunicipality": "1481", "reason": text,
			"targetGroup": map[string]any{"reasons": []string{"long_absence"}, "authoritiesConcerned": []string{"social_insurance", "region"}},
			"consent":     map[string]any{"given": true, "givenOn": ago(pathDays + 10), "textVersion": "2026-1", "authorities": []string{"fk", "molndal"}},
		},
	}, nil)
	if err != nil {
		return err
	}
	referral := "/referrals/" + made.Text("id")
	if err := p.act(act{receiver, referral, "submitted", "acceptance", map[string]any{"initiative": "activera", "startDate": ago(pathDays), "coach": "coach-1"}}); err != nil {
		return err
	}
	seen, err := p.get(receiver, referral, func(a suite.Answer) bool { return a.Text("course.enrolment") != "" })
	if err != nil {
		return err
	}
	if err := p.enrolled("/enrolments/"+seen.Text("course.enrolment"), text); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids = append(p.ids, made.Text("id"))
	return nil
}

// enrolled is the way from the enrolment's start to its end.
func (p *path) enrolled(e, text string) error {
	if err := p.act(act{coach, e, "", "start", map[string]any{"startedOn": ago(pathDays)}}); err != nil {
		return err
	}
	for i, a := range p.activities {
		b, err := p.do(http.StatusCreated, suite.Request{
			Method: "POST", Path: "/bookings", Token: p.Token(p.t, coach), Header: map[string]string{"Idempotency-Key": fmt.Sprint("path-", i, strings.TrimPrefix(e, "/enrolments/"))},
			Body: map[string]any{"enrolment": strings.TrimPrefix(e, "/enrolments/"), "activity": a, "from": ago(pathDays)},
		}, nil)
		if err != nil {
			return err
		}
		if i > 0 {
			continue
		}
		for _, d := range p.dates {
			if err := p.act(act{coach, "/bookings/" + b.Text("id"), "", "attendances", map[string]any{"date": d, "attendance": "present"}}); err != nil {
				return err
			}
		}
	}
	var steps []act
	for n := 1; n <= 3; n++ {
		on := ago(pathDays - 42*n)
		steps = append(steps,
			act{officer, e, "check_in_due", fmt.Sprintf("check-ins/%d/answer", n), map[string]any{"readiness": "ready", "text": text}},
			act{coach, e, "", fmt.Sprintf("check-ins/%d/decision", n), map[string]any{"decision": "continue", "decidedOn": on}},
			act{coach, e, "", fmt.Sprintf("blocks/%d/start", n+1), map[string]any{"startedOn": on}})
	}
	steps = append(steps,
		act{coach, e, "closing", "closing-conversation", map[string]any{"heldOn": ago(40), "text": text}},
		act{coach, e, "", "closing-documentation", map[string]any{
			"closedOn": ago(40), "endReason": "according_to_plan", "occupationAfter": map[string]any{"kind": "works", "extent": 50},
			"livelihoodAfter": []string{"salary"}, "summary": text,
		}})
	for _, s := range steps {
		if err := p.act(s); err != nil {
			return err
		}
	}
	return nil
}
