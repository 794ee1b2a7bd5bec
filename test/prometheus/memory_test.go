package prometheus

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// memory keeps series for the engine. Prometheus' own database brings the clients of half a
// dozen clouds with it, which take a cold run a minute of the processor to compile.
type memory struct {
	mu     sync.RWMutex
	series map[uint64]*series // by the hash of the labels
}

// series is one of them, its samples in the order of time.
type series struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// index returns where the samples begin that are not before a time.
func (s *series) index(at int64) int {
	i, _ := slices.BinarySearchFunc(s.samples, at, func(s chunks.Sample, at int64) int { return cmp.Compare(s.T(), at) })
	return i
}

// point is a sample that is a number, the only kind that the suite has.
type point struct {
	chunks.Sample // what it has not is never asked for
	at            int64
	value         float64
}

func (p point) T() int64                 { return p.at }
func (p point) ST() int64                { return 0 }
func (p point) F() float64               { return p.value }
func (p point) Type() chunkenc.ValueType { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample      { return p }

func newMemory() *memory { return &memory{series: map[uint64]*series{}} }

// add keeps a sample. The samples of a series come in the order of time, one at a time.
func (m *memory) add(l labels.Labels, at int64, value float64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.series[l.Hash()]
	if s == nil {
		s = &series{labels: l}
		m.series[l.Hash()] = s
	}
	if !labels.Equal(s.labels, l) {
		return fmt.Errorf("%s and %s have one hash", l, s.labels)
	}
	if n := len(s.samples); n > 0 && s.samples[n-1].T() >= at {
		return fmt.Errorf("%s: two samples at one time, or one of an earlier time", l)
	}
	s.samples = append(s.samples, point{at: at, value: value})
	return nil
}

// find returns the series that have a sample between two times, with those samples only.
func (m *memory) find(from, to int64, matchers []*labels.Matcher) []series {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var found []series
	for _, s := range m.series {
		if slices.ContainsFunc(matchers, func(l *labels.Matcher) bool { return !l.Matches(s.labels.Get(l.Name)) }) {
			continue
		}
		first, end := s.index(from), s.index(to+1)
		if first < end {
			found = append(found, series{s.labels, s.samples[first:end:end]})
		}
	}
	slices.SortFunc(found, func(a, b series) int { return labels.Compare(a.labels, b.labels) })
	return found
}

// Querier implements storage.Queryable.
func (m *memory) Querier(from, to int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		return &set{left: m.find(from, to, matchers)}
	}}, nil
}

// set hands series out, one after the other.
type set struct {
	left []series
	now  storage.Series
}

// Next implements storage.SeriesSet.
func (s *set) Next() bool {
	if len(s.left) == 0 {
		return false
	}
	s.now, s.left = storage.NewListSeries(s.left[0].labels, s.left[0].samples), s.left[1:]
	return true
}

func (s *set) At() storage.Series                { return s.now }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }
