package metrics

import (
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/metric"
)

// maxSets bounds how many sets of labels a Sets remembers. What is above costs a
// little more each time; it is not lost.
const maxSets = 4096

// Sets remembers the labels made for a key, so that a request makes none.
type Sets[K comparable] struct {
	all   sync.Map // K -> metric.MeasurementOption
	known atomic.Int64
}

// Get returns the labels of the key, made by f at the first time.
func (s *Sets[K]) Get(key K, f func() metric.MeasurementOption) metric.MeasurementOption {
	if set, ok := s.all.Load(key); ok {
		return set.(metric.MeasurementOption)
	}
	set := f()
	if s.known.Load() < maxSets {
		if _, there := s.all.LoadOrStore(key, set); !there {
			s.known.Add(1)
		}
	}
	return set
}
