package e2e

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/mongowire"
	"github.com/finsam/finsam/test/suite"
)

// TestMongoDBIsAwayUnderLoad takes the server away while people read and post: nobody is
// answered 500, every 503 says when to try again, nobody waits once the outage is known,
// and what was acknowledged is there afterwards.
func TestMongoDBIsAwayUnderLoad(t *testing.T) {
	server := mongowire.Before(t, startMongo(t))
	s := suite.FourProcesses(t, append([]string{"FINSAM_STORE=" + server.URI}, unlimited...)...)
	tokens := map[string]string{"POST": s.Token(t, fkSystem), "GET": s.Token(t, intake)}
	const (
		known   = 5 * time.Second // each process waits two seconds from when it noticed
		maximum = 3 * time.Second // of one process, and what a busy machine adds
	)
	var away, refused atomic.Int64
	var over atomic.Bool
	var mu sync.Mutex
	var acknowledged []string
	ask := func(method string, n uint64) {
		r := suite.Request{Method: method, Path: "/referrals", Token: tokens[method]}
		if method == "POST" {
			p := persontest.New(rand.New(rand.NewPCG(11, n)), day(0))
			r.Body, r.Header = referral(p.Number, p.GivenName, p.FamilyName), map[string]string{"Idempotency-Key": fmt.Sprint("away-", n)}
		}
		began, since := time.Now(), away.Load()
		a, err := s.Do(r)
		switch took := time.Since(began); {
		case err != nil:
			t.Errorf("%s: %v", method, err)
		case a.Status == 503 && a.Header.Get("Retry-After") != "":
			refused.Add(1)
			if since > 0 && began.Sub(time.UnixMilli(since)) > known && took > maximum {
				t.Errorf("%s: refused after %s in a known outage", method, took)
			}
		case a.Status == 201:
			mu.Lock()
			acknowledged = append(acknowledged, a.Text("id"))
			mu.Unlock()
		case a.Status != 200:
			t.Errorf("%s: %d %s", method, a.Status, a.Raw)
		}
	}
	var workers sync.WaitGroup
	for n := range uint64(6) {
		workers.Go(func() {
			for i := n; !over.Load(); i += 6 {
				ask([]string{"POST", "GET"}[i%2], i)
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	time.Sleep(time.Second)
	away.Store(time.Now().UnixMilli())
	server.Away.Store(true)
	time.Sleep(8 * time.Second)
	server.Away.Store(false)
	time.Sleep(3 * time.Second)
	over.Store(true)
	workers.Wait()
	w := walk{s, t}
	for _, id := range acknowledged {
		w.until(intake, "/referrals/"+id, "readable", func(suite.Answer) bool { return true })
	}
	t.Logf("%d posts acknowledged, %d requests refused", len(acknowledged), refused.Load())
	if refused.Load() == 0 || len(acknowledged) == 0 {
		t.Error("nothing was refused or nothing acknowledged: this proves little")
	}
}
