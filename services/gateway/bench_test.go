package gateway

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/telemetry"
	"github.com/finsam/finsam/services/gateway/limit"
)

// logged has the decisions logged as in production, to a file.
func logged(b *testing.B) func(*Config) {
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	output := telemetry.NewOutput(f)
	b.Cleanup(func() { output.Flush(); _ = f.Close() })
	return func(o *Config) { o.Log = telemetry.Logger(output, "gateway", slog.LevelInfo) }
}

// loadedRig is a gateway as in production: limits on, decisions logged.
func loadedRig(b *testing.B, change ...func(*Config)) *rig {
	r := newRig(b, append(change, logged(b), func(o *Config) {
		o.Limits = limit.New(limit.Config{Policy: limit.Policy{PerSecond: 1_000_000, Burst: 1_000_000}})
	})...)
	for _, s := range r.services {
		s.answer = small
	}
	return r
}

// small answers with 1 KB, as a referral has.
func small(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.Header()["Etag"] = []string{`"1"`}
	_, _ = io.WriteString(w, kilobyte)
}

var kilobyte = `{"text":"` + strings.Repeat("a", 1000) + `"}`

// sink is a writer that keeps nothing.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func inProcess(b *testing.B, r *rig, target string) {
	token := "Bearer " + r.token("fk", actor.Integration)
	if w := r.ask("GET", target, "", "Authorization", token); w.Code != http.StatusOK {
		b.Fatal(w.Code, w.Body)
	}
	b.ReportAllocs()
	before := cpu()
	b.RunParallel(func(pb *testing.PB) {
		req := httptest.NewRequest("GET", target, nil)
		req.Header.Set("Authorization", token)
		w := &sink{}
		for pb.Next() {
			w.h = make(http.Header, 16)
			r.g.ServeHTTP(w, req)
		}
	})
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

func BenchmarkCachedGetInProcess(b *testing.B) {
	r := loadedRig(b)
	r.run()
	inProcess(b, r, aWeek)
}

func BenchmarkForwardInProcess(b *testing.B) {
	r := loadedRig(b, toNothing)
	inProcess(b, r, aReferral)
}

// toNothing has every service answer at no cost.
func toNothing(o *Config) {
	for i := range o.Services {
		o.Services[i].Transport = instant{}
	}
}

// instant is a service that costs nothing.
type instant struct{}

// RoundTrip implements http.RoundTripper.
func (instant) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(kilobyte)),
		Body: io.NopCloser(strings.NewReader(kilobyte))}, nil
}

// connections is how many callers there are at once over the network.
const connections = 128

// overNetwork measures with callers, gateway and services each behind a socket,
// all in this process: the load generator's share is in the figures.
func overNetwork(b *testing.B, h http.Handler, target, token string) {
	front := httptest.NewServer(h)
	defer front.Close()
	request := "GET " + target + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n\r\n"
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu()
	for range connections {
		wg.Go(func() {
			if err := call(front.Listener.Addr().String(), request, &left); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// call sends requests over one connection until none are left.
func call(addr, request string, left *atomic.Int64) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for left.Add(-1) >= 0 {
		if _, err := io.WriteString(c, request); err != nil {
			return err
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != http.StatusOK {
			return io.ErrUnexpectedEOF
		}
	}
	return nil
}

func BenchmarkForwardOverNetwork(b *testing.B) {
	behind := httptest.NewServer(http.HandlerFunc(small))
	defer behind.Close()
	r := newRig(b, logged(b), func(o *Config) { toNetwork(b, o, "referral", behind.URL) })
	overNetwork(b, r.g, aReferral, r.token("fk", actor.Integration))
}

func BenchmarkForwardToServiceInProcess(b *testing.B) {
	r := newRig(b, toNothing, logged(b))
	overNetwork(b, r.g, aReferral, r.token("fk", actor.Integration))
}

func BenchmarkCachedGetOverNetwork(b *testing.B) {
	r := loadedRig(b)
	r.run()
	overNetwork(b, r.g, aWeek, r.token("fk", actor.Integration))
}

// BenchmarkNothingOverNetwork is the floor: the same callers, an empty handler.
func BenchmarkNothingOverNetwork(b *testing.B) {
	overNetwork(b, http.HandlerFunc(small), aReferral, "x")
}
