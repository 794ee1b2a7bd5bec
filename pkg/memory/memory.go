// Package memory says how much memory the process may use, and whether that is used up, so
// that work is refused before the platform kills all of it.
package memory

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// fullPercent is how much of the limit what is in use may be. The collector needs the
	// rest: with less it does nothing else.
	fullPercent = 70
	// interval is how long a measurement holds.
	interval = 50 * time.Millisecond
	// maxLimit bounds what is planned with, also without a limit.
	maxLimit = 2 << 30
)

// Limit returns how many bytes of memory to plan with: the collector's limit
// (FINSAM_MEMORY_LIMIT, GOMEMLIMIT), and never more than 2 GiB.
func Limit() int64 {
	return min(debug.SetMemoryLimit(-1), maxLimit)
}

var (
	until   atomic.Int64 // when the next measurement is due, Unix nanoseconds
	isFull  atomic.Bool
	mu      sync.Mutex
	samples = []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
	}
)

// IsFull reports whether the memory is used up: what the last collection found in use, or
// all that the collector could not keep below the limit. A process without a limit is never
// full. It costs a few nanoseconds, and some microseconds twenty times a second.
func IsFull() bool {
	now := time.Now().UnixNano()
	if now < until.Load() || !mu.TryLock() {
		return isFull.Load()
	}
	defer mu.Unlock()
	until.Store(now + int64(interval))
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		isFull.Store(false)
		return false
	}
	metrics.Read(samples)
	live := samples[0].Value.Uint64() + samples[1].Value.Uint64()
	held := samples[2].Value.Uint64() - samples[3].Value.Uint64()
	isFull.Store(live > uint64(limit)/100*fullPercent || held > uint64(limit)/100*105)
	return isFull.Load()
}
