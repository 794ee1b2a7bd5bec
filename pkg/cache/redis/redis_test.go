package redis_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/finsam/finsam/pkg/cache"
	"github.com/finsam/finsam/pkg/cache/redis"
	"github.com/finsam/finsam/pkg/cache/redistest"
)

// unproven is what a run without Redis does not prove here.
const unproven = "what the shared cache does when Redis is killed, emptied, slow or replaced"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(tb testing.TB, url string) cache.Cache {
	tb.Helper()
	c, _, err := redis.Open(url, slog.New(slog.DiscardHandler))
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

const group = "g"

func set(tb testing.TB, c cache.Cache, key string) {
	tb.Helper()
	e, err := c.Get(tb.Context(), group, key)
	if err == nil {
		err = c.Set(tb.Context(), group, key, e.Version, []byte("x"), time.Minute)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func holds(tb testing.TB, c cache.Cache, key string) bool {
	tb.Helper()
	e, err := c.Get(tb.Context(), group, key)
	if err != nil {
		tb.Fatal("a reader got an error:", err)
	}
	return e.Value != nil
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

func TestProcessesShareWhatIsSetAndDropped(t *testing.T) {
	if redistest.Without(t, unproven) {
		return
	}
	s := redistest.Start(t)
	one, two := open(t, s.URL), open(t, s.URL)
	eventually(t, "shared", func() bool { set(t, one, "a"); return holds(t, two, "a") })
	if err := two.Drop(t.Context(), group); err != nil {
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
	if err := c.Drop(t.Context(), group); err == nil {
		t.Fatal("a drop that reached nobody must say so")
	}
}

func TestAKilledRedisComesBackEmptyAndServesAgain(t *testing.T) {
	if redistest.Without(t, unproven) {
		return
	}
	s := redistest.Start(t)
	c := open(t, s.URL)
	set(t, c, "a")
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

func TestARedisRestoredFromAnOldCopyIsEmpty(t *testing.T) {
	if redistest.Without(t, unproven) {
		return
	}
	s := redistest.Start(t)
	c := open(t, s.URL)
	set(t, c, "a")
	s.Must("SAVE")
	if err := c.Drop(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Start() // with the copy, in which "a" is valid
	eventually(t, "it serves again", func() bool { set(t, c, "b"); return holds(t, c, "b") })
	if holds(t, c, "a") || holds(t, open(t, s.URL), "a") {
		t.Fatal("an answer from before the drop came back")
	}
}

func TestAVersionThatRedisThrewAwayMakesMisses(t *testing.T) {
	if redistest.Without(t, unproven) {
		return
	}
	s := redistest.Start(t)
	c := open(t, s.URL)
	set(t, c, "a")
	s.Must("EVAL", "for _,k in ipairs(redis.call('KEYS','finsam:*:g:*')) do redis.call('DEL',k) end", 0)
	if holds(t, c, "a") {
		t.Fatal("believed without its version")
	}
	set(t, c, "b") // the group gets another version
	if holds(t, c, "a") {
		t.Fatal("believed by a later version")
	}
}

func TestForeignValuesAreMisses(t *testing.T) {
	if redistest.Without(t, unproven) {
		return
	}
	s := redistest.Start(t)
	c := open(t, s.URL)
	set(t, c, "a")
	for _, foreign := range []string{"", "x", strings.Repeat("A", 26), strings.Repeat("A", 26) + "x"} {
		s.Must("EVAL", "for _,k in ipairs(redis.call('KEYS','finsam:*:v:g:a')) do redis.call('SET',k,ARGV[1]) end", 0, foreign)
		if holds(t, c, "a") {
			t.Fatalf("believed %q", foreign)
		}
	}
	s.Must("EVAL", "for _,k in ipairs(redis.call('KEYS','finsam:*:g:*')) do redis.call('SET',k,'') end", 0)
	if holds(t, c, "a") {
		t.Fatal("believed by an empty version")
	}
	s.Must("EVAL", "for _,k in ipairs(redis.call('KEYS','finsam:*:v:g:a')) do redis.call('DEL',k); redis.call('LPUSH',k,'x') end", 0)
	if holds(t, c, "a") {
		t.Fatal("believed a list")
	}
}

func TestASlowRedisIsLeftAlone(t *testing.T) {
	if redistest.Without(t, unproven) {
		return
	}
	s := redistest.Start(t)
	c := open(t, s.URL)
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
	_, _, err := redis.Open("http://user:secret@host", slog.New(slog.DiscardHandler))
	if err == nil || len(err.Error()) > 120 {
		t.Fatalf("got %v", err)
	}
}

func BenchmarkGet(b *testing.B) {
	if redistest.Without(b, unproven) {
		return
	}
	c := open(b, redistest.Start(b).URL)
	set(b, c, "a")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if e, _ := c.Get(b.Context(), group, "a"); e.Value == nil {
				b.Fail()
			}
		}
	})
}
