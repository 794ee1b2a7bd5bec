package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
)

const attachments = aReferral + "/attachments"

// holding has the referral service answer nobody until the gate is closed, but who asks for
// free=1.
func (r *rig) holding() (gate chan struct{}) {
	gate = make(chan struct{})
	r.services["referral"].answer = func(w http.ResponseWriter, q *http.Request) {
		if q.URL.RawQuery != "free=1" {
			<-gate
		}
		w.WriteHeader(http.StatusOK)
	}
	return gate
}

// flood sends n requests of one authority at once, and waits until the service has as many
// as may be taken and all others are answered 429. It returns a function that waits for all
// and returns how many were refused.
func (r *rig) flood(n, taken int, method, target, body string, headers ...string) (refused func() int) {
	var mu sync.Mutex
	codes, ended := map[int]int{}, 0
	headers = append([]string{"Authorization", "Bearer " + r.token("fk", actor.Integration)}, headers...)
	before := r.services["referral"].times()
	for range n {
		go func() {
			w := r.ask(method, target, body, headers...)
			mu.Lock()
			defer mu.Unlock()
			codes[w.Code]++
			ended++
		}()
	}
	r.soon(fmt.Sprintf("%d of %d are taken and the others refused", taken, n), func() bool {
		mu.Lock()
		defer mu.Unlock()
		return r.services["referral"].times()-before == taken && codes[http.StatusTooManyRequests] == n-taken
	})
	return func() int {
		r.soon("all have ended", func() bool { mu.Lock(); defer mu.Unlock(); return ended == n })
		mu.Lock()
		defer mu.Unlock()
		return codes[http.StatusTooManyRequests]
	}
}

// TestCase_G5_SlowUploadsAndPollsOfOneAuthorityKeepNoPlaceFromOthers has one authority hold
// every upload, long poll, export and batch that it can get.
func TestCase_G5_SlowUploadsAndPollsOfOneAuthorityKeepNoPlaceFromOthers(t *testing.T) {
	const form = "multipart/form-data; boundary=grans"
	for name, c := range map[string]struct {
		taken                      int // of the places of the class, a quarter
		method, target, body, kind string
	}{
		"uploads":    {16, "POST", attachments, "{}", form},
		"long polls": {64, "GET", aPoll, "", ""},
		"exports":    {4, "GET", "/finsam/v1/referral-exports", "", ""},
		"batches":    {2, "POST", "/finsam/v1/referrals/batch", "{}", "application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			gate := r.holding()
			refused := r.flood(c.taken+10, c.taken, c.method, c.target, c.body, "Content-Type", c.kind)
			others := make(chan int)
			go func() {
				others <- r.as("af", actor.Integration, c.method, c.target, c.body, "Content-Type", c.kind).Code
			}()
			r.soon("another's of the same class is in the service", func() bool { return r.services["referral"].times() == c.taken+1 })
			if w := r.as("af", actor.Integration, "GET", aReferral+"?free=1", ""); w.Code != http.StatusOK {
				t.Errorf("another's reading: %d", w.Code)
			}
			if w := r.as("fk", actor.Integration, "GET", aReferral+"?free=1", ""); w.Code != http.StatusOK {
				t.Errorf("its own reading: %d", w.Code)
			}
			close(gate)
			if code := <-others; code != http.StatusOK || refused() != 10 {
				t.Errorf("another's: %d", code)
			}
		})
	}
}

// TestCase_G7_WhoAsksForLittleIsServedWhileOthersAskForAll has two authorities hold all the
// places that they can get, and wait for more.
func TestCase_G7_WhoAsksForLittleIsServedWhileOthersAskForAll(t *testing.T) {
	r := newRig(t, func(o *Config) { o.MaxInFlight = 16 })
	gate := r.holding()
	refused := r.flood(20, 12, "GET", aReferral, "")
	for i := range 10 {
		if w := r.as("af", actor.Integration, "GET", aReferral+"?free=1", ""); w.Code != http.StatusOK {
			t.Fatalf("request %d of one that asks for little: %d", i, w.Code)
		}
	}
	close(gate)
	if n := refused(); n != 8 {
		t.Errorf("%d of 20 were refused", n)
	}
	if w := r.as("fk", actor.Integration, "GET", aReferral, ""); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d", w.Code)
	}
}

// TestCase_G7_TheLogHasALineASecondOfWhoIsRefused counts the lines of a hundred refusals.
func TestCase_G7_TheLogHasALineASecondOfWhoIsRefused(t *testing.T) {
	var passed atomic.Int64
	now := func() time.Time { return time.Unix(1_800_000_000+passed.Load(), 0) }
	r := newRig(t, func(o *Config) { o.Unauthenticated, o.Now = strangers(t, 1, 1), now })
	lines := func() int { return strings.Count(r.log.String(), `"outcome":"limited"`) }
	for range 101 {
		r.ask("GET", aReferral, "")
	}
	if n := lines(); n != 1 {
		t.Errorf("%d lines of 100 refusals within a second", n)
	}
	passed.Add(1)
	r.ask("GET", aReferral, "")
	if n := lines(); n != 2 || !strings.Contains(r.log.String(), `"requests":100`) {
		t.Errorf("%d lines after a second:\n%s", n, r.log)
	}
	if n := strings.Count(r.log.String(), `"outcome":"unauthenticated"`); n != 1 {
		t.Errorf("%d lines of one without a token", n)
	}
}

// BenchmarkAdmission is what a place costs a request while there is room.
func BenchmarkAdmission(b *testing.B) {
	r := newRig(b, toNothing)
	op := &operation{class: classCall, upstream: &upstream{calls: newPlaces(1024, classCall)}}
	who := caller{Actor: actor.Actor{Association: "insjoriket", Authority: "fk"}}
	req := httptest.NewRequest("GET", aReferral, nil)
	b.ReportAllocs()
	for b.Loop() {
		p, err := r.g.forwarder.enter(req.Context(), op, op.class, who)
		if err != nil {
			b.Fatal(err)
		}
		p.Leave([2]string{who.Association, who.Authority}, 1)
	}
}
