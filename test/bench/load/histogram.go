package load

import (
	"math/bits"
	"time"
)

// steps is how many buckets a doubling of time has: a percentile is right to
// within 1/32 of itself.
const steps = 32

// Histogram counts durations up to about an hour. Its zero value is empty.
type Histogram struct {
	buckets [steps * 32]uint64
	count   uint64
}

// bucket finds the place of a duration, in units of 1.024 µs.
func bucket(d time.Duration) int {
	v := uint64(max(d, 0)) >> 10
	if v < steps {
		return int(v)
	}
	shift := bits.Len64(v) - 6 // v>>shift lies in 32..63
	return min((shift+1)*steps+int(v>>shift)-steps, steps*32-1)
}

// upper is the largest duration of a bucket.
func upper(b int) time.Duration {
	if b < steps {
		return time.Duration(b+1)<<10 - 1
	}
	shift := b/steps - 1
	return time.Duration(b%steps+steps+1)<<(shift+10) - 1
}

// Note counts a duration.
func (h *Histogram) Note(d time.Duration) {
	h.buckets[bucket(d)]++
	h.count++
}

// Add counts what another has counted.
func (h *Histogram) Add(o *Histogram) {
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
	h.count += o.count
}

// Count tells how many durations there are.
func (h *Histogram) Count() int { return int(h.count) }

// Percentile gives the duration that p percent of all do not exceed; 0 when
// there are none.
func (h *Histogram) Percentile(p float64) time.Duration {
	if h.count == 0 {
		return 0
	}
	want := max(uint64(float64(h.count)*p/100+0.5), 1)
	var seen uint64
	for i, n := range h.buckets {
		if seen += n; seen >= want {
			return upper(i)
		}
	}
	return upper(len(h.buckets) - 1)
}
