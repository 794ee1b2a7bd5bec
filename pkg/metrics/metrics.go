// Package metrics lets every package count and time what it does, also those that may
// import neither an SDK nor a network: it knows OpenTelemetry's interface only.
//
// The service that measures is the label "component", because the operator of
// Prometheus sets the label "service" itself, and "namespace", "pod", "job" and
// "instance".
//
// Package telemetry sets the provider when the process starts; before that, and in
// most tests, measurements are dropped. Labels are operations, authorities,
// collections and fixed words: bounded sets, and never a person, a subject or a
// resource.
package metrics

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// provider boxes the interface, as atomic values need one type.
type provider struct{ metric.MeterProvider }

var current atomic.Pointer[provider]

// Use sets the provider of every instrument that is created afterwards.
func Use(p metric.MeterProvider) { current.Store(&provider{p}) }

// Provider returns the provider that Use has set, else one that keeps nothing.
func Provider() metric.MeterProvider {
	if p := current.Load(); p != nil {
		return p.MeterProvider
	}
	return noop.NewMeterProvider()
}

// Buckets are the bounds of histograms of time, in seconds: from half a
// millisecond, a read in memory, to ten seconds, when most calls are given up.
var Buckets = metric.WithExplicitBucketBoundaries(.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10)

// scope is the instrumentation scope of all instruments.
const scope = "github.com/finsam/finsam"

// Counter creates a counter of the current provider. The names of instruments are
// constants, so an error is a mistake in the program; it returns an instrument that
// counts nothing then, and a test finds the metric missing.
func Counter(name, description string) metric.Int64Counter {
	c, err := Provider().Meter(scope).Int64Counter(name, metric.WithDescription(description))
	if err != nil {
		return noop.Int64Counter{}
	}
	return c
}

// Seconds creates a histogram of times.
func Seconds(name, description string) metric.Float64Histogram {
	h, err := Provider().Meter(scope).Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description), Buckets)
	if err != nil {
		return noop.Float64Histogram{}
	}
	return h
}

// Gauge is a value that is read together with the metrics.
type Gauge struct {
	Name, Unit, Description string
	Read                    func() (value float64, ok bool) // ok false: the gauge has no value at present
}

// Watch reads the gauges, under the labels, whenever the metrics are read, until
// stop is called. Reading must be quick and must not block.
func Watch(labels Labels, gauges ...Gauge) (stop func()) {
	m, set := Provider().Meter(scope), labels.Option()
	all := make([]metric.Observable, len(gauges))
	instruments := make([]metric.Float64ObservableGauge, len(gauges))
	for i, g := range gauges {
		o, err := m.Float64ObservableGauge(g.Name, metric.WithUnit(g.Unit), metric.WithDescription(g.Description))
		if err != nil {
			return func() {}
		}
		all[i], instruments[i] = o, o
	}
	r, err := m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for i, g := range gauges {
			if v, ok := g.Read(); ok {
				o.ObserveFloat64(instruments[i], v, set)
			}
		}
		return nil
	}, all...)
	if err != nil {
		return func() {}
	}
	return sync.OnceFunc(func() { _ = r.Unregister() }) // fails only when done twice
}

// Age returns how long ago a time in Unix milliseconds was, in seconds; 0 for never
// and for the future.
func Age(unixMilli int64) float64 {
	if unixMilli == 0 {
		return 0
	}
	return max(time.Since(time.UnixMilli(unixMilli)).Seconds(), 0)
}

// Labels are the labels of a series, by name.
type Labels map[string]string

// Option returns the labels as an option of a measurement, to be created once and used
// often.
func (l Labels) Option() metric.MeasurementOption {
	all := make([]attribute.KeyValue, 0, len(l))
	for name, value := range l {
		all = append(all, attribute.String(name, value))
	}
	return metric.WithAttributeSet(attribute.NewSet(all...)) // sorts them
}

// Series are labels as the options of their measurements, so that a measurement creates
// none: m.Add(ctx, 1, s.Add...).
type Series struct {
	Add    []metric.AddOption
	Record []metric.RecordOption
}

// Series returns the labels for many measurements.
func (l Labels) Series() Series {
	o := l.Option()
	return Series{[]metric.AddOption{o}, []metric.RecordOption{o}}
}

// maxSets bounds how many sets of labels a Sets remembers. Labels beyond it are counted
// too, at the cost of creating them each time.
const maxSets = 4096

// Sets remembers the series created for a key, so that a request creates none. The zero
// Sets is empty; it may be used at once.
type Sets[K comparable] struct {
	mu  sync.RWMutex
	all map[K]Series
}

// Get returns the series of the key, whose labels f creates the first time.
func (s *Sets[K]) Get(key K, f func() Labels) Series {
	s.mu.RLock()
	set, ok := s.all[key]
	s.mu.RUnlock()
	if ok {
		return set
	}
	set = f().Series()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[K]Series{}
	}
	if len(s.all) < maxSets {
		s.all[key] = set
	}
	return set
}
