package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/finsam/finsam/pkg/cache"
	"github.com/finsam/finsam/pkg/cache/memory"
	"github.com/finsam/finsam/pkg/cache/redis"
	"github.com/finsam/finsam/pkg/cache/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheCacheOfAProcessHoldsTheContract(t *testing.T) {
	holdTheContract(t, func() (cache.Cache, error) { return memory.New(1 << 20) })
}

func TestTheSharedCacheHoldsTheContract(t *testing.T) {
	if redistest.Without(t, "that the shared cache holds its contract on a real Redis") {
		return
	}
	s := redistest.Start(t)
	holdTheContract(t, func() (cache.Cache, error) {
		s.Must("FLUSHALL")
		c, _, err := redis.Open(s.URL, slog.New(slog.DiscardHandler))
		return c, err
	})
}

// holdTheContract tests each case on an empty cache.
func holdTheContract(t *testing.T, open func() (cache.Cache, error)) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for try := 1; isLost(t, open, c.run); try++ {
				if try == 5 {
					t.Fatal("what was set is a miss, five times")
				}
			}
		})
	}
}

// lost is the panic of a case whose value was lost, as a cache may do at any time: a busy
// machine is slower than the patience with Redis.
type lost struct{}

// isLost runs a case on an empty cache and reports whether it must run again.
func isLost(t *testing.T, open func() (cache.Cache, error), run func(*suite)) (again bool) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	opened, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
		p := recover()
		if _, again = p.(lost); p != nil && !again {
			panic(p)
		}
	}()
	run(&suite{t, ctx, opened, "g"})
	return false
}

type suite struct {
	*testing.T
	ctx   context.Context
	cache cache.Cache
	group string
}

// in returns the suite on another group.
func (s *suite) in(group string) *suite { return &suite{s.T, s.ctx, s.cache, group} }

func (s *suite) get(key string) cache.Entry {
	s.Helper()
	e, err := s.cache.Get(s.ctx, s.group, key)
	if err != nil {
		s.Fatal(err)
	}
	return e
}

func (s *suite) set(key, value string, ttl time.Duration) {
	s.Helper()
	s.setAs(s.get(key).Version, key, value, ttl)
}

func (s *suite) setAs(version, key, value string, ttl time.Duration) {
	s.Helper()
	if err := s.cache.Set(s.ctx, s.group, key, version, []byte(value), ttl); err != nil {
		s.Fatal(err)
	}
}

func (s *suite) drop() {
	s.Helper()
	if err := s.cache.Drop(s.ctx, s.group); err != nil {
		s.Fatal(err)
	}
}

func (s *suite) hit(key, want string) {
	s.Helper()
	e := s.get(key)
	if e.Value == nil {
		panic(lost{})
	}
	if string(e.Value) != want {
		s.Fatalf("%s in %s: got %q, want %q", key, s.group, e.Value, want)
	}
}

func (s *suite) miss(key string) {
	s.Helper()
	if e := s.get(key); e.Value != nil {
		s.Fatalf("%s in %s: got %q, want a miss", key, s.group, e.Value)
	}
}

// cases are the contract.
var cases = []struct {
	name string
	run  func(*suite)
}{
	{"what was never set is a miss", func(s *suite) { s.miss("a") }},
	{"what was set is a hit", func(s *suite) { s.set("a", "x", time.Minute); s.hit("a", "x") }},
	{"the later value counts", func(s *suite) {
		s.set("a", "x", time.Minute)
		s.set("a", "y", time.Minute)
		s.hit("a", "y")
	}},
	{"keys do not meet", func(s *suite) {
		s.set("a", "x", time.Minute)
		s.set("a:b", "y", time.Minute)
		s.hit("a", "x")
		s.hit("a:b", "y")
		s.miss("b")
	}},
	{"groups do not meet", func(s *suite) {
		s.in("g").set("a", "x", time.Minute)
		s.in("h").set("a", "y", time.Minute)
		s.in("g").hit("a", "x")
		s.in("h").hit("a", "y")
		s.in("g:a").miss("")
	}},
	{"any bytes are kept", func(s *suite) {
		value := "\x00\xff\r\n" + string(bytes.Repeat([]byte{0, 1, 2}, 1000))
		s.in("å\x00").set("a", value, time.Minute)
		s.in("å\x00").hit("a", value)
	}},
	{"an empty value is a value", func(s *suite) { s.set("a", "", time.Minute); s.hit("a", "") }},
	{"a key may be any text", func(s *suite) {
		for _, key := range []string{"", " ", "å ö", "a\nb", string(bytes.Repeat([]byte("k"), 2000))} {
			s.set(key, "x", time.Minute)
			s.hit(key, "x")
		}
	}},
	{"changing what was handed in changes nothing", func(s *suite) {
		value := []byte("x")
		if err := s.cache.Set(s.ctx, s.group, "a", s.get("a").Version, value, time.Minute); err != nil {
			s.Fatal(err)
		}
		value[0] = 'y'
		s.hit("a", "x")
	}},
	{"it ends when its time is up", func(s *suite) {
		s.set("a", "x", 40*time.Millisecond)
		s.set("b", "x", time.Minute)
		time.Sleep(60 * time.Millisecond)
		s.miss("a")
		s.hit("b", "x")
	}},
	{"no time is no keeping", func(s *suite) { s.set("a", "x", 0); s.set("b", "x", -time.Second); s.miss("a"); s.miss("b") }},
	{"no time ends what was there", func(s *suite) { s.set("a", "x", time.Minute); s.set("a", "y", 0); s.miss("a") }},
	{"a longer time than the longest is cut, not refused", func(s *suite) { s.set("a", "x", 1000*cache.MaxTTL); s.hit("a", "x") }},
	{"dropping a group drops its values and no other's", func(s *suite) {
		s.set("a", "x", time.Minute)
		s.set("b", "x", time.Minute)
		s.in("h").set("a", "x", time.Minute)
		s.drop()
		s.miss("a")
		s.miss("b")
		s.in("h").hit("a", "x")
	}},
	{"after a drop, also one of nothing, values are kept", func(s *suite) {
		s.drop()
		s.drop()
		s.set("a", "x", time.Minute)
		s.hit("a", "x")
	}},
	{"a group is not a key", func(s *suite) { s.set("t", "x", time.Minute); s.in("t").drop(); s.hit("t", "x") }},
	{"what was read before the drop is not kept after it", func(s *suite) {
		version := s.get("a").Version
		s.drop()
		s.setAs(version, "a", "old", time.Minute)
		s.miss("a")
	}},
	{"without a version nothing is kept", func(s *suite) { s.setAs("", "a", "x", time.Minute); s.miss("a") }},
	{"a caller that has gone gets its own error", func(s *suite) {
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		if _, err := s.cache.Get(ctx, s.group, "a"); !errors.Is(err, context.Canceled) {
			s.Fatal(err)
		}
		if err := s.cache.Set(ctx, s.group, "a", "v", nil, time.Minute); !errors.Is(err, context.Canceled) {
			s.Fatal(err)
		}
		if err := s.cache.Drop(ctx, s.group); !errors.Is(err, context.Canceled) {
			s.Fatal(err)
		}
	}},
	{"after the end everything is a miss", func(s *suite) {
		s.set("a", "x", time.Minute)
		if err := s.cache.Close(); err != nil {
			s.Fatal(err)
		}
		s.miss("a")
		if err := s.cache.Close(); err != nil {
			s.Fatal("closed twice:", err)
		}
	}},
	{"many at once", func(s *suite) {
		// A hit is always a value that was set for its key, and never one from before a
		// drop that had ended.
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 100 {
					key := fmt.Sprint("k", (g*31+i)%10)
					if i%50 == 0 {
						if err := s.cache.Drop(s.ctx, key); err != nil {
							s.Error(err)
						}
					}
					e, err := s.cache.Get(s.ctx, key, key)
					if err != nil || e.Value != nil && string(e.Value) != key {
						s.Errorf("%s: got %q, %v", key, e.Value, err)
					}
					if err := s.cache.Set(s.ctx, key, key, e.Version, []byte(key), time.Minute); err != nil {
						s.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for i := range 10 {
			key := fmt.Sprint("k", i)
			s.in(key).drop()
			s.in(key).miss(key)
		}
	}},
}
