package memory_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/finsam/finsam/pkg/cache/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(tb testing.TB, size int64) *memory.Cache {
	tb.Helper()
	c, err := memory.New(size)
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

func set(tb testing.TB, c *memory.Cache, key string, value []byte) {
	tb.Helper()
	e, err := c.Get(tb.Context(), "g", key)
	if err == nil {
		err = c.Set(tb.Context(), "g", key, e.Version, value, time.Minute)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func holds(tb testing.TB, c *memory.Cache, key string) bool {
	e, _ := c.Get(tb.Context(), "g", key)
	return e.Value != nil
}

func TestItHoldsNoMoreThanItsBytes(t *testing.T) {
	const size, each = 1 << 20, 10_000
	c := open(t, size)
	for i := range 1000 {
		set(t, c, fmt.Sprint(i), bytes.Repeat([]byte{1}, each))
	}
	var kept int
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		kept = 0
		for i := range 1000 {
			if holds(t, c, fmt.Sprint(i)) {
				kept++
			}
		}
		if kept*each <= size {
			break
		}
	}
	if kept == 0 || kept*each > size {
		t.Fatalf("%d values of %d bytes in a cache of %d", kept, each, size)
	}
}

func TestOneValueCannotFillIt(t *testing.T) {
	c := open(t, 1<<20)
	set(t, c, "a", make([]byte, 1<<19))
	if holds(t, c, "a") {
		t.Fatal("kept a value of half the cache")
	}
}

func TestASizeMustBeGiven(t *testing.T) {
	if _, err := memory.New(0); err == nil {
		t.Fatal("made a cache of nothing")
	}
}

func BenchmarkGet(b *testing.B) {
	c := open(b, 1<<24)
	set(b, c, "a", make([]byte, 4096))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if !holds(b, c, "a") {
				b.Fail()
			}
		}
	})
}
