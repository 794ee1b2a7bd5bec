package standalone_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/telemetry"
	"github.com/finsam/finsam/services/gateway"
)

// BenchmarkGet measures what being measured costs: a referral is read through
// the front door, the service, the store and the access log, without metrics and
// with all of them, and what the request and the recorder of the test cost, with no
// answer. The processor's time counts; the rest is the disk's.
func BenchmarkGet(b *testing.B) {
	b.Run("test alone", func(b *testing.B) { readReferral(b, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) })
	b.Run("bare", func(b *testing.B) {
		otel.SetMeterProvider(noop.NewMeterProvider())
		metrics.Use(noop.NewMeterProvider())
		readReferral(b, nil)
	})
	b.Run("measured", func(b *testing.B) {
		stop, err := telemetry.Start(b.Context(), telemetry.Program{Service: "finsam"})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = stop(b.Context()) }()
		readReferral(b, nil)
	})
}

// readReferral reads through a handler; nil: through the front door.
func readReferral(b *testing.B, through http.Handler) {
	o := open(b, newData(b))
	if through == nil {
		through = o.door
	}
	made := o.do(sender, http.StatusCreated, http.MethodPost, "/referrals", map[string]string{"Idempotency-Key": "bench-1"}, json.RawMessage(aReferral))
	token, err := o.issuer.Token(sender)
	if err != nil {
		b.Fatal(err)
	}
	target := fmt.Sprintf("%s/referrals/%s", gateway.BasePath, made["id"])
	b.SetParallelism(32) // so that the entries of many share one flush of the disk
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequest("GET", target, nil)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			if through.ServeHTTP(w, r); w.Code != http.StatusOK {
				b.Error(w.Code, w.Body)
				return
			}
		}
	})
	b.ReportMetric(float64((processorTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// BenchmarkCachedGet measures what the front door answers from its cache: a week, as before
// programmes were data, and what a form is built of. B/answer is the size of the body.
func BenchmarkCachedGet(b *testing.B) {
	o := open(b, newData(b))
	token, err := o.issuer.Token(sender)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- o.door.(*gateway.Gateway).Run(ctx) }() // it follows the feeds
	defer func() { cancel(); <-done }()
	for _, path := range []string{"/municipalities/1481/week", "/plans", "/plans?on=2027-03-01", "/checklists", "/code-lists"} {
		b.Run(path[1:], func(b *testing.B) {
			request := func() *http.Request {
				r := httptest.NewRequest("GET", gateway.BasePath+path, nil)
				r.Header.Set("Authorization", "Bearer "+token)
				return r
			}
			size := 0
			for end := time.Now().Add(10 * time.Second); ; { // the feeds are followed first
				w := httptest.NewRecorder()
				o.door.ServeHTTP(w, request())
				if size = w.Body.Len(); w.Code == http.StatusOK && w.Header().Get("Age") != "" {
					break
				}
				if time.Now().After(end) {
					b.Fatal("not from the cache: ", w.Code)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			before := processorTime()
			b.RunParallel(func(pb *testing.PB) {
				r, w := request(), &discard{}
				for pb.Next() {
					w.header = make(http.Header, 16)
					o.door.ServeHTTP(w, r)
				}
			})
			b.ReportMetric(float64((processorTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(size), "B/answer")
		})
	}
}

// discard is a writer that keeps nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkPost measures what a referral costs from the front door to the disk, with
// the events, notices and figures behind it: the processor's time of the process, and
// what it made the disk write. As many referrals as are measured are stored before.
func BenchmarkPost(b *testing.B) {
	o := open(b, newData(b))
	token, err := o.issuer.Token(sender)
	if err != nil {
		b.Fatal(err)
	}
	var posted, refused atomic.Int64
	post := func(n int) {
		var wg sync.WaitGroup
		last := posted.Load() + int64(n)
		for range 128 {
			wg.Go(func() {
				for i := posted.Add(1); i <= last; i = posted.Add(1) {
					p := persontest.New(rand.New(rand.NewPCG(2, uint64(i))), "2026-01-01")
				again:
					r := httptest.NewRequest("POST", gateway.BasePath+"/referrals", strings.NewReader(strings.Replace(aReferral, "198001012387", p.Number, 1)))
					r.Header.Set("Authorization", "Bearer "+token)
					r.Header.Set("Content-Type", "application/json")
					r.Header.Set("Idempotency-Key", fmt.Sprint("bench-", i))
					w := httptest.NewRecorder()
					if o.door.ServeHTTP(w, r); w.Code == http.StatusTooManyRequests { // its authority's share, on a slow machine
						refused.Add(1)
						time.Sleep(10 * time.Millisecond)
						goto again
					}
					if w.Code != http.StatusCreated {
						b.Error(w.Code, w.Body)
						return
					}
				}
			})
		}
		wg.Wait()
		posted.Store(last)
	}
	post(b.N)
	b.ReportAllocs()
	b.ResetTimer()
	before, written := processorTime(), writtenBytes(b)
	refused.Store(0)
	post(b.N)
	b.ReportMetric(float64(refused.Load())/float64(b.N), "refused/op")
	b.ReportMetric(float64((processorTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(writtenBytes(b)-written)/float64(b.N)/1024, "KB-written/op")
}

// writtenBytes returns what the process has made the disk write; zero where the system
// does not count it.
func writtenBytes(tb testing.TB) (n int64) {
	tb.Helper()
	text, _ := os.ReadFile("/proc/self/io")
	if _, rest, ok := strings.Cut(string(text), "\nwrite_bytes: "); ok {
		_, _ = fmt.Sscan(rest, &n)
	}
	return n
}

// aReferral is of an invented person.
const aReferral = `{"person":{"personalIdentityNumber":"198001012387","givenName":"Tolvan","familyName":"Påhittad","gender":"female"},
"unit":"fk-molndal","targetGroup":{"reasons":["long_absence"],"authoritiesConcerned":["social_insurance","region"]},
"consent":{"given":true,"givenOn":"2026-01-01","textVersion":"2026-1","authorities":["fk","molndal"]},
"wishedMunicipality":"1481","reason":"Påhittat exempel."}`

// processorTime returns the processor's time that this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
