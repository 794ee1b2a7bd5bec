//go:build cluster

package cluster

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// Who asks. All of them are invented.
var (
	sender = suite.Caller{Role: "integration", Authority: "fk"}
	intake = suite.Caller{Role: "intake", Authority: "molndal", Municipality: "1481", Subject: "intake-1"}
	coach  = suite.Caller{Role: "coach", Authority: "molndal", Municipality: "1481", Subject: "coach-1"}
)

// waiting bounds the requests under way: while so many wait for an answer, the next
// one is sent later.
const waiting = 200

// load asks the front door so many times a second, and posts referrals one after
// the other beside it, until it is stopped.
type load struct {
	room
	*suite.Suite
	light, personal []suite.Request // take turns
	share           int             // of the personal ones, in percent
	patient         bool            // a referral is posted again, with its key, until it is acknowledged

	wg     sync.WaitGroup
	began  time.Time
	ended  chan struct{}
	places chan struct{}

	mu     sync.Mutex
	asked  int
	slow   time.Duration // the slowest good answer
	failed []failure
	posted []suite.Request // those that were acknowledged
	ids    []string        // what they became
}

type failure struct {
	at   time.Time
	what string // the request and what came instead of its answer
	kind string // the status, or the error without addresses
}

// share is how much of the load reads personal data, in percent: on a real
// MongoDB all of it. Each such answer waits for its entry in the access log, and
// the stand-in writes one thing at a time and looks through whole collections.
func share() int {
	if mongoURI != "" {
		return 100
	}
	return standInShare
}

// pause is the time between two posted referrals. The stand-in becomes slower with
// each of them.
func pause() time.Duration {
	if mongoURI != "" {
		return 200 * time.Millisecond
	}
	return 2 * time.Second
}

// under begins a load of so many requests a second.
func (r room) under(p suite.Place, people []person, rate, share int, patient bool) *load {
	r.Helper()
	l := &load{
		room: r, Suite: suite.At(r.T, p), share: share, patient: patient,
		began: time.Now(), ended: make(chan struct{}), places: make(chan struct{}, waiting),
	}
	l.light, l.personal = l.questions(people)
	l.wg.Go(func() { l.asks(rate) })
	if share > 0 {
		post := l.Token(r.T, sender)
		l.wg.Go(func() { l.posts(post) })
	}
	return l
}

// questions are what is asked: of no person, and of persons, at every service.
func (l *load) questions(people []person) (light, personal []suite.Request) {
	c, s := l.Token(l.room.T, coach), l.Token(l.room.T, sender)
	get := func(token, path string) suite.Request { return suite.Request{Method: "GET", Path: path, Token: token} }
	light = []suite.Request{get(c, "/activities?municipality=1481"), get(c, "/municipalities/1481/week?week="+isoWeek(time.Now()))}
	for _, p := range people {
		personal = append(personal,
			get(s, "/referrals/"+p.referral), get(c, "/participants/"+p.participant),
			get(c, "/enrolments/"+p.enrolment), get(c, "/bookings/"+p.booking),
			suite.Request{Method: "POST", Path: "/participants/identities", Token: c, Body: map[string]any{"participants": []string{p.participant}}},
		)
	}
	return light, personal
}

func isoWeek(t time.Time) string {
	year, week := t.ISOWeek()
	return fmt.Sprintf("%d-W%02d", year, week)
}

// asks at the rate, whatever the answers take; what this machine had no time to send
// is sent later.
func (l *load) asks(rate int) {
	for n, persons := 1, 0; ; n++ {
		select {
		case <-l.ended:
			return
		case <-time.After(time.Until(l.began.Add(time.Duration(n) * time.Second / time.Duration(rate)))):
		}
		q := l.light[n%len(l.light)]
		if n*l.share/100 > persons {
			q = l.personal[persons%len(l.personal)]
			persons++
		}
		select {
		case l.places <- struct{}{}:
			l.wg.Go(func() {
				l.send(q, http.StatusOK)
				<-l.places
			})
		case <-l.ended:
			return
		}
	}
}

// posts sends one referral after the other: an acknowledged one must be there
// afterwards, whatever happened.
func (l *load) posts(token string) {
	numbers := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 3))
	for {
		q := post(token, numbers)
		for end := time.Now().Add(90 * time.Second); ; {
			a, ok := l.send(q, http.StatusCreated)
			if ok {
				l.mu.Lock()
				l.posted, l.ids = append(l.posted, q), append(l.ids, a.Text("id"))
				l.mu.Unlock()
			}
			if ok || !l.patient {
				break
			}
			if time.Now().After(end) {
				l.Error("a referral was not acknowledged within a minute and a half")
				break
			}
			time.Sleep(200 * time.Millisecond)
		}
		select {
		case <-l.ended:
			return
		case <-time.After(pause()):
		}
	}
}

// post is a referral of an invented person, with a key of its own.
func post(token string, chance *rand.Rand) suite.Request {
	today := time.Now().UTC().Format(time.DateOnly)
	return suite.Request{
		Method: "POST", Path: "/referrals", Token: token, Header: map[string]string{"Idempotency-Key": fmt.Sprintf("load-%x", chance.Uint64())},
		Body: map[string]any{
			"person": map[string]any{"personalIdentityNumber": persontest.NumberAged(chance, today, 40, false), "givenName": "Tolvan", "familyName": "Påhittad"},
			"unit":   "fk-molndal", "wishedMunicipality": "1481", "reason": "Påhittat exempel.",
			"targetGroup": map[string]any{"reasons": []string{"long_absence"}, "authoritiesConcerned": []string{"social_insurance", "region"}},
			"consent":     map[string]any{"given": true, "givenOn": day(-30), "textVersion": "2026-1", "authorities": []string{"fk", "molndal"}},
		},
	}
}

func (l *load) send(q suite.Request, want int) (suite.Answer, bool) {
	began := time.Now()
	a, err := l.Do(q)
	switch {
	case err != nil:
		l.note(q, err.Error(), "no answer")
		return a, false
	case a.Status != want:
		l.note(q, fmt.Sprintf("%d %.200s", a.Status, a.Raw), fmt.Sprintf("%d %s", a.Status, a.Text("code")))
		return a, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	l.slow = max(l.slow, time.Since(began))
	return a, true
}

func (l *load) note(q suite.Request, what, kind string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	l.failed = append(l.failed, failure{time.Now(), fmt.Sprintf("%s %s %s: %s", time.Now().Format("15:04:05.000"), q.Method, q.Path, what), kind})
}

// stop ends the load and returns what failed. Every acknowledged referral must be
// there, and still be the answer to its key.
func (l *load) stop(what string) result {
	l.Helper()
	close(l.ended)
	took := time.Since(l.began)
	l.wg.Wait()
	res := result{what: what, took: took, asked: l.asked, failed: l.failed, acknowledged: len(l.ids), slow: l.slow}
	for i, id := range l.ids {
		if a, err := l.settled(suite.Request{Method: "GET", Path: "/referrals/" + id, Token: l.posted[i].Token}); err != nil || a.Status != http.StatusOK {
			l.Errorf("referral %s was acknowledged and is lost: %d %v", id, a.Status, err)
		}
		if !l.patient {
			continue
		}
		if a, err := l.settled(l.posted[i]); err != nil || a.Status != http.StatusCreated || a.Text("id") != id {
			l.Errorf("referral %s became another one when it was posted again: %d %v", id, a.Status, err)
		}
	}
	l.Log(res)
	return res
}

// settled returns the answer that says something of the request itself: what is refused for
// the moment, or comes to nobody, is asked again for half a minute.
func (l *load) settled(q suite.Request) (a suite.Answer, err error) {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(500 * time.Millisecond) {
		a, err = l.Do(q)
		if isFinal := err == nil && a.Status < 500 && a.Status != http.StatusTooManyRequests; isFinal || time.Now().After(end) {
			return a, err
		}
	}
}

// result is what became of a load.
type result struct {
	what                string
	took                time.Duration
	asked, acknowledged int
	failed              []failure
	slow                time.Duration
}

// over returns for how long requests failed, from the first to the last.
func (r result) over() time.Duration {
	if len(r.failed) == 0 {
		return 0
	}
	return r.failed[len(r.failed)-1].at.Sub(r.failed[0].at)
}

// String implements fmt.Stringer.
func (r result) String() string {
	text := fmt.Sprintf("%s: %d requests in %s, %d failed", r.what, r.asked, r.took.Round(time.Second), len(r.failed))
	if len(r.failed) > 0 {
		text += fmt.Sprintf(" over %s", r.over().Round(100*time.Millisecond))
	}
	return text + fmt.Sprintf("; %d referrals acknowledged, all there; slowest good answer %s", r.acknowledged, r.slow.Round(time.Millisecond))
}

// kinds returns how many failed in which way and when.
func (r result) kinds() string {
	at := map[string][]time.Time{}
	for _, f := range r.failed {
		at[f.kind] = append(at[f.kind], f.at)
	}
	var all []string
	for _, k := range slices.Sorted(maps.Keys(at)) {
		all = append(all, fmt.Sprintf("%d times %s, from %s to %s", len(at[k]), k, at[k][0].Format(time.TimeOnly), at[k][len(at[k])-1].Format(time.TimeOnly)))
	}
	return strings.Join(all, "; ")
}

// some returns the kinds of failure, and the first ones.
func (r result) some() string {
	text := "\n" + r.kinds()
	for _, f := range r.failed[:min(len(r.failed), 10)] {
		text += "\n" + f.what
	}
	return text
}
