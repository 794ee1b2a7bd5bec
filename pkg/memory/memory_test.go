package memory_test

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/memory"
)

func TestMemoryIsFullWhileWhatIsInUseNearsTheLimit(t *testing.T) {
	t.Cleanup(func() { debug.SetMemoryLimit(math.MaxInt64) })
	if memory.IsFull() || memory.Limit() != 2<<30 {
		t.Errorf("without a limit: %d", memory.Limit())
	}
	debug.SetMemoryLimit(128 << 20)
	becomes := func(want bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); memory.IsFull() != want; time.Sleep(10 * time.Millisecond) {
			runtime.GC()
			if time.Now().After(end) {
				t.Fatalf("it does not become %t", want)
			}
		}
	}
	becomes(false)
	much := make([]byte, 100<<20)
	for i := range much {
		much[i] = 1
	}
	becomes(true)
	runtime.KeepAlive(much)
	much = nil
	becomes(false)
}

func BenchmarkIsFull(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		memory.IsFull()
	}
}
