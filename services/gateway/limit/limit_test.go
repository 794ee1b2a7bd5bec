package limit

import (
	"context"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/cache/redis"
	"github.com/finsam/finsam/pkg/cache/redistest"
	"github.com/finsam/finsam/pkg/web/server"
)

// clock is a time that only the test moves.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time       { return time.Unix(1_800_000_000, c.at.Load()) }
func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }

func TestABucketHoldsItsBurstAndFillsByItsRate(t *testing.T) {
	var c clock
	l := New(Config{Policy: Policy{PerSecond: 10, Burst: 20}, Now: c.now})
	for i := range 20 {
		if d := l.Take(t.Context(), "fk", 1); !d.Allowed || d.Remaining != 19-i {
			t.Fatalf("take %d: %+v", i, d)
		}
	}
	d := l.Take(t.Context(), "fk", 1)
	if d.Allowed || d.RetryAfter != 100*time.Millisecond || d.Reset != 2*time.Second {
		t.Errorf("an empty bucket: %+v", d)
	}
	if !l.Take(t.Context(), "af", 1).Allowed {
		t.Error("one authority's use took from another's")
	}
	c.pass(300 * time.Millisecond)
	if d := l.Take(t.Context(), "fk", 3); !d.Allowed {
		t.Errorf("after three tenths of a second: %+v", d)
	}
	if l.Take(t.Context(), "fk", 1).Allowed {
		t.Error("more came in than the rate")
	}
}

func TestACostAboveTheBurstIsTheWholeBurst(t *testing.T) {
	var c clock
	l := New(Config{Policy: Policy{PerSecond: 5, Burst: 5}, Now: c.now})
	if !l.Take(t.Context(), "fk", 50).Allowed || l.Take(t.Context(), "fk", 1).Allowed {
		t.Error("a dear call must be possible, and leave nothing")
	}
}

func TestNoRateIsNoLimit(t *testing.T) {
	l := New(Config{})
	for range 10_000 {
		if !l.Take(t.Context(), "fk", 100).Allowed {
			t.Fatal("limited")
		}
	}
}

// unproven is what a run without Redis does not prove here.
const unproven = "that several gateways share one limit, and what they do when Redis is away"

// startRedis starts a Redis and returns its buckets; nil where the run is to do
// without.
func startRedis(t *testing.T) (*redis.Buckets, *redistest.Server) {
	t.Helper()
	if redistest.Without(t, unproven) {
		return nil, nil
	}
	s := redistest.Start(t)
	cache, buckets, err := redis.Open(s.URL, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	return buckets, s
}

func TestSeveralGatewaysShareOneLimit(t *testing.T) {
	buckets, server := startRedis(t)
	if buckets == nil {
		return
	}
	for try := 1; ; try++ { // a machine that is busy for 40 ms lets each limit by itself
		server.Must("FLUSHALL")
		var allowed atomic.Int64
		var wg sync.WaitGroup
		for range 4 {
			l := New(Config{Policy: Policy{PerSecond: 20, Burst: 200}, Redis: buckets})
			wg.Go(func() {
				for range 200 {
					if l.Take(context.Background(), "fk", 1).Allowed {
						allowed.Add(1)
					}
				}
			})
		}
		wg.Wait()
		n := allowed.Load()
		if n >= 190 && n <= 260 {
			return
		}
		if try == 5 {
			t.Fatalf("four gateways allowed %d of a burst of 200", n)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

func TestALeaseSparesRoundTrips(t *testing.T) {
	buckets, server := startRedis(t)
	if buckets == nil {
		return
	}
	l := New(Config{Policy: Policy{PerSecond: 1000, Burst: 1000}, Redis: buckets})
	calls := func() int {
		_, stat, _ := strings.Cut(server.Must("INFO", "commandstats").(string), "cmdstat_evalsha:calls=")
		text, _, _ := strings.Cut(stat, ",")
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 500 {
		if !l.Take(t.Context(), "fk", 1).Allowed {
			t.Fatal("limited too early")
		}
	}
	if n := calls(); n > 30 {
		t.Errorf("%d round trips for 500 requests", n)
	}
}

func TestWithoutRedisEachGatewayLimitsByItself(t *testing.T) {
	buckets, server := startRedis(t)
	if buckets == nil {
		return
	}
	l := New(Config{Policy: Policy{PerSecond: 1, Burst: 10}, Redis: buckets})
	if !l.Take(t.Context(), "fk", 1).Allowed {
		t.Fatal("the first was refused")
	}
	server.Kill()
	start, allowed := time.Now(), 0
	for range 50 {
		if l.Take(t.Context(), "fk", 1).Allowed {
			allowed++
		}
	}
	if allowed < 10 || allowed > 12 || time.Since(start) > time.Second {
		t.Errorf("allowed %d in %s", allowed, time.Since(start))
	}
}

func TestARedisThatHangsHoldsNoRequestUp(t *testing.T) {
	buckets, server := startRedis(t)
	if buckets == nil {
		return
	}
	l := New(Config{Policy: Policy{PerSecond: 10, Burst: 10}, Redis: buckets})
	l.Take(t.Context(), "fk", 1)
	server.Must("CLIENT", "PAUSE", 10_000, "ALL")
	start := time.Now()
	for range 10 {
		l.Take(t.Context(), "af", 1)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("ten requests took %s", took)
	}
}

func TestAnAddressIsChargedForFailures(t *testing.T) {
	var c clock
	s, err := NewUnauthenticated(Policy{PerSecond: 2, Burst: 4}, c.now)
	if err != nil {
		t.Fatal(err)
	}
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range 4 {
		if s.Wait(a) != 0 {
			t.Fatal("stopped too early")
		}
		s.Charge(a, 1)
	}
	if wait := s.Wait(a); wait != 500*time.Millisecond {
		t.Errorf("waits %s", wait)
	}
	if s.Wait(b) != 0 {
		t.Error("another address was stopped")
	}
	c.pass(time.Second)
	if s.Wait(a) != 0 {
		t.Error("still stopped after a second")
	}
}

func TestAnIPv6AddressCountsAsItsNetwork(t *testing.T) {
	for one, two := range map[string]string{"192.0.2.1": "::ffff:192.0.2.1", "2001:db8::1": "2001:db8::ffff"} {
		if server.Network(netip.MustParseAddr(one)) != server.Network(netip.MustParseAddr(two)) {
			t.Errorf("%s and %s are two", one, two)
		}
	}
	if server.Network(netip.MustParseAddr("192.0.2.1")) == server.Network(netip.MustParseAddr("192.0.2.2")) {
		t.Error("two IPv4 addresses are one")
	}
	server.Network(netip.Addr{})
}

func BenchmarkTake(b *testing.B) {
	l := New(Config{Policy: Policy{PerSecond: 1_000_000_000, Burst: 1_000_000_000}})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Take(context.Background(), "insjoriket/fk", 1)
		}
	})
}
