// Package cachetest is what a cache must hold, as a suite that each one passes.
package cachetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/cache"
)

// Run proves a cache. open gives an empty one, at least 64 KiB large, each time.
func Run(t *testing.T, open func(t *testing.T) cache.Cache) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c.run(&suite{T: t, ctx: ctx, cache: open(t)})
		})
	}
}

type suite struct {
	*testing.T
	ctx   context.Context
	cache cache.Cache
}

func (s *suite) set(key, value string, ttl time.Duration, tags ...string) {
	s.Helper()
	if err := s.cache.Set(s.ctx, key, []byte(value), ttl, tags...); err != nil {
		s.Fatal(err)
	}
}

func (s *suite) drop(tag string) {
	s.Helper()
	if err := s.cache.Drop(s.ctx, tag); err != nil {
		s.Fatal(err)
	}
}

func (s *suite) hit(key, want string) {
	s.Helper()
	got, ok, err := s.cache.Get(s.ctx, key)
	if err != nil || !ok || string(got) != want {
		s.Fatalf("%s: got %q, %v, %v; want %q", key, got, ok, err, want)
	}
}

func (s *suite) miss(key string) {
	s.Helper()
	if got, ok, err := s.cache.Get(s.ctx, key); err != nil || ok {
		s.Fatalf("%s: got %q, %v, %v; want a miss", key, got, ok, err)
	}
}

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
	{"any bytes are kept", func(s *suite) {
		value := "\x00\xff\r\n" + string(bytes.Repeat([]byte{0, 1, 2}, 1000))
		s.set("a", value, time.Minute, "t\x00", "å")
		s.hit("a", value)
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
		if err := s.cache.Set(s.ctx, "a", value, time.Minute); err != nil {
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
	{"dropping a tag drops its values", func(s *suite) {
		s.set("a", "x", time.Minute, "t")
		s.set("b", "x", time.Minute, "t", "u")
		s.drop("t")
		s.miss("a")
		s.miss("b")
	}},
	{"dropping a tag leaves the others", func(s *suite) {
		s.set("a", "x", time.Minute, "t")
		s.set("b", "x", time.Minute, "u")
		s.set("c", "x", time.Minute)
		s.drop("t")
		s.hit("b", "x")
		s.hit("c", "x")
	}},
	{"a tag is not a key", func(s *suite) {
		s.set("t", "x", time.Minute)
		s.drop("t")
		s.hit("t", "x")
	}},
	{"dropping what nobody has does nothing", func(s *suite) {
		s.drop("t")
		s.set("a", "x", time.Minute, "u")
		s.hit("a", "x")
	}},
	{"dropping twice is dropping once", func(s *suite) {
		s.set("a", "x", time.Minute, "t")
		s.drop("t")
		s.drop("t")
		s.miss("a")
	}},
	{"an answer read before the drop is not kept behind it", func(s *suite) {
		s.drop("t")
		s.set("a", "old", time.Minute, "t") // its reader began before
		s.miss("a")
	}},
	{"one dropped tag of several is enough", func(s *suite) {
		s.drop("t")
		s.set("a", "old", time.Minute, "u", "t")
		s.miss("a")
	}},
	{"a caller that has gone gets its own error", func(s *suite) {
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		if _, _, err := s.cache.Get(ctx, "a"); !errors.Is(err, context.Canceled) {
			s.Fatal(err)
		}
		if err := s.cache.Set(ctx, "a", nil, time.Minute); !errors.Is(err, context.Canceled) {
			s.Fatal(err)
		}
		if err := s.cache.Drop(ctx, "t"); !errors.Is(err, context.Canceled) {
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
			s.Fatal("a second end is none:", err)
		}
	}},
	{"many at once", many},
}

// many lets setters, getters and droppers meet: a hit is always a value that was
// set for its key, and never one from before a drop that had ended.
func many(s *suite) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				key := fmt.Sprint("k", (g*31+i)%10)
				if i%50 == 0 {
					if err := s.cache.Drop(s.ctx, "t"+key); err != nil {
						s.Error(err)
					}
				}
				if err := s.cache.Set(s.ctx, key, []byte(key), time.Minute, "t"+key); err != nil {
					s.Error(err)
				}
				if v, ok, err := s.cache.Get(s.ctx, key); err != nil || ok && string(v) != key {
					s.Errorf("%s: got %q, %v", key, v, err)
				}
			}
		})
	}
	wg.Wait()
	for i := range 10 {
		s.drop(fmt.Sprint("tk", i))
		s.miss(fmt.Sprint("k", i))
	}
}
