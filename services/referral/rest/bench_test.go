package rest_test

import (
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/rest"
)

// bench asks the service over its router, from many goroutines at once; the
// network, the gateway and the vault are left out.
func bench(b *testing.B, prepare int, request func(n int64, ids []string) webtest.Request, status int) {
	w, trust := referraltest.New(b), webtest.NewTrust(b, nil)
	h, err := rest.New(w.Service, server.Config{Verifier: trust.Verifier, AccessLog: w.AccessLog, Feed: w.Feed, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	w.Run(b)
	var ids []string
	for n := range prepare {
		somebody := referraltest.Submission() // each somebody else
		somebody.Person.PersonalIdentityNumber = persontest.Number(rand.New(rand.NewPCG(uint64(n), 2)), "2026-03-02")
		v, err := w.Service.Create(referraltest.As(referraltest.FK), "", somebody)
		if err != nil {
			b.Fatal(err)
		}
		ids = append(ids, v.Referral.ID)
	}
	var n atomic.Int64
	b.SetParallelism(64)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if a := trust.Do(b, h, request(n.Add(1), ids)); a.Status != status {
				b.Errorf("%d: %s", a.Status, a.Body)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// ofSomebody is a new referral of an invented person of its own: what a person's
// other referrals cost is not to be measured here.
func ofSomebody(n int64) map[string]any {
	body := newReferral()
	body["person"].(map[string]any)["personalIdentityNumber"] = persontest.Number(rand.New(rand.NewPCG(uint64(n), 1)), "2026-03-02")
	return body
}

func BenchmarkCreate(b *testing.B) {
	bench(b, 0, func(n int64, _ []string) webtest.Request {
		body := ofSomebody(n)
		body["externalReference"] = "FK-" + strconv.FormatInt(n, 10)
		return webtest.Request{Method: "POST", Path: "/referrals", As: referraltest.FK, Body: body,
			Header: map[string]string{"Idempotency-Key": strconv.FormatInt(n, 10)}}
	}, 201)
}

// BenchmarkBatchOf100 counts batches; each has a hundred referrals.
func BenchmarkBatchOf100(b *testing.B) {
	bench(b, 0, func(n int64, _ []string) webtest.Request {
		items := make([]any, 100)
		for i := range items {
			body := ofSomebody(100*n + int64(i))
			body["externalReference"] = "FK-" + strconv.FormatInt(n, 10) + "-" + strconv.Itoa(i)
			items[i] = map[string]any{"referral": body}
		}
		return webtest.Request{Method: "POST", Path: "/referrals/batch", As: referraltest.FK, Body: map[string]any{"items": items},
			Header: map[string]string{"Idempotency-Key": strconv.FormatInt(n, 10)}}
	}, 200)
}

func BenchmarkGet(b *testing.B) {
	bench(b, 1000, func(n int64, ids []string) webtest.Request {
		return webtest.Request{Method: "GET", Path: "/referrals/" + ids[n%1000], As: referraltest.Intake}
	}, 200)
}

func BenchmarkListOf20(b *testing.B) {
	bench(b, 1000, func(int64, []string) webtest.Request {
		return webtest.Request{Method: "GET", Path: "/referrals?state=submitted&limit=20", As: referraltest.Intake}
	}, 200)
}
