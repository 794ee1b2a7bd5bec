package redis_test

import (
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/finsam/finsam/pkg/cache"
	"github.com/finsam/finsam/pkg/cache/cachetest"
	"github.com/finsam/finsam/pkg/cache/redis"
	"github.com/finsam/finsam/pkg/cache/redistest"
)

// unproven is what a run without Redis does not prove here.
const unproven = "that the shared cache holds its contract on a real Redis, and what it does when that is killed, emptied, slow or replaced"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(tb testing.TB, url string) *redis.Cache {
	tb.Helper()
	c, err := redis.Open(url, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

func set(tb testing.TB, c cache.Cache, key string, tags ...string) {
	tb.Helper()
	if err := c.Set(tb.Context(), key, []byte("x"), time.Minute, tags...); err != nil {
		tb.Fatal(err)
	}
}

func holds(tb testing.TB, c cache.Cache, key string) bool {
	tb.Helper()
	_, ok, err := c.Get(tb.Context(), key)
	if err != nil {
		tb.Fatal("a reader got an error:", err)
	}
	return ok
}

// eventually waits for what happens within seconds of Redis being back.
func eventually(tb testing.TB, what string, happens func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); !happens(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatal("never: ", what)
		}
	}
}

func TestTheCacheHoldsTheContract(t *testing.T) {
	if redistest.Without(t, unproven) {
		return
	}
	s := redistest.Start(t)
	cachetest.Run(t, func(t *testing.T) cache.Cache {
		s.Must("FLUSHALL")
		return open(t, s.URL())
	})
}

func TestProcessesShareWhatIsSetAndDropped(t *testing.T) {
	if redistest.Without(t, unproven) {
		return
	}
	s := redistest.Start(t)
	one, two := open(t, s.URL()), open(t, s.URL())
	set(t, one, "a", "t")
	if !holds(t, two, "a") {
		t.Fatal("not shared")
	}
	if err := two.Drop(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	if holds(t, one, "a") {
		t.Fatal("dropped by the other, and still there")
	}
}

func TestARedisThatIsNotThereIsAMissAtOnce(t *testing.T) {
	c := open(t, "redis://127.0.0.1:1/0") // nobody listens there
	began := time.Now()
	for range 100 {
		set(t, c, "a")
		if holds(t, c, "a") {
			t.Fatal("held by nobody")
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Fatalf("100 misses took %v", took)
	}
	if err := c.Drop(t.Context(), "t"); err == nil {
		t.Fatal("a drop that reached nobody must say so")
	}
}

func TestAKilledRedisComesBackEmptyAndServesAgain(t *testing.T) {
	if redistest.Without(t, unproven) {
		return
	}
	s := redistest.Start(t)
	c := open(t, s.URL())
	set(t, c, "a", "t")
	s.Kill()
	if holds(t, c, "a") {
		t.Fatal("held by a dead server")
	}
	s.Start()
	eventually(t, "it serves again", func() bool { set(t, c, "b"); return holds(t, c, "b") })
	if holds(t, c, "a") {
		t.Fatal("came back from nowhere")
	}
}

func TestARedisRestoredFromAnOldCopyBeginsAnew(t *testing.T) {
	if redistest.Without(t, unproven) {
		return
	}
	s := redistest.Start(t)
	c := open(t, s.URL())
	set(t, c, "a", "t")
	s.Must("SAVE")
	if err := c.Drop(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Start() // with the copy, in which "a" is valid
	eventually(t, "it serves again", func() bool { set(t, c, "b"); return holds(t, c, "b") })
	if holds(t, c, "a") || holds(t, open(t, s.URL()), "a") {
		t.Fatal("an answer from before the drop came back")
	}
}

func TestTagsThatRedisThrewAwayMakeMisses(t *testing.T) {
	if redistest.Without(t, unproven) {
		return
	}
	s := redistest.Start(t)
	c := open(t, s.URL())
	set(t, c, "a", "t")
	s.Must("EVAL", "for _,k in ipairs(redis.call('KEYS','finsam:*:g:*')) do redis.call('DEL',k) end", 0)
	if holds(t, c, "a") {
		t.Fatal("believed without its tag")
	}
	set(t, c, "b", "t") // makes the tag anew, with another number
	if holds(t, c, "a") {
		t.Fatal("believed by a tag made later")
	}
}

func TestForeignValuesAreMisses(t *testing.T) {
	if redistest.Without(t, unproven) {
		return
	}
	s := redistest.Start(t)
	c := open(t, s.URL())
	set(t, c, "a")
	for _, foreign := range []string{"", "x", "finsam1\x00", "finsam1\x00\x01\x05ab", "finsam1\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		s.Must("EVAL", "for _,k in ipairs(redis.call('KEYS','finsam:*:v:a')) do redis.call('SET',k,ARGV[1]) end", 0, foreign)
		if holds(t, c, "a") {
			t.Fatalf("believed %q", foreign)
		}
	}
	s.Must("EVAL", "for _,k in ipairs(redis.call('KEYS','finsam:*:v:a')) do redis.call('DEL',k); redis.call('LPUSH',k,'x') end", 0)
	if holds(t, c, "a") {
		t.Fatal("believed a list")
	}
}

func TestASlowRedisIsLeftAlone(t *testing.T) {
	if redistest.Without(t, unproven) {
		return
	}
	s := redistest.Start(t)
	c := open(t, s.URL())
	set(t, c, "a")
	s.Must("CLIENT", "PAUSE", 2000, "ALL")
	began := time.Now()
	for range 50 {
		if holds(t, c, "a") {
			t.Fatal("a paused server answered")
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Fatalf("50 misses took %v", took)
	}
	eventually(t, "it serves again", func() bool { return holds(t, c, "a") })
}

func TestAURLThatCannotBeReadIsNotRepeated(t *testing.T) {
	_, err := redis.Open("http://user:secret@host", slog.New(slog.DiscardHandler))
	if err == nil || len(err.Error()) > 120 {
		t.Fatalf("got %v", err)
	}
}

func BenchmarkGetTagged(b *testing.B) {
	if redistest.Without(b, unproven) {
		return
	}
	c := open(b, redistest.Start(b).URL())
	set(b, c, "a", "t")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, ok, _ := c.Get(b.Context(), "a"); !ok {
				b.Fail()
			}
		}
	})
}
