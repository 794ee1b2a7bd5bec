package web

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// durations is how long requests took, by operation, class of status and
// authority: rate, errors and duration in one histogram.
type durations struct {
	histogram metric.Float64Histogram
	sets      sync.Map // durationKey -> metric.MeasurementOption
	known     atomic.Int64
}

type durationKey struct {
	operation, authority string
	class                int
}

// maxSets bounds the remembered sets of labels; authorities come from the trust
// file, so there are few.
const maxSets = 4096

func newDurations(p metric.MeterProvider) (*durations, error) {
	h, err := p.Meter(scope).Float64Histogram("finsam.request.duration",
		metric.WithUnit("s"), metric.WithDescription("How long requests took, by operation, status class and authority."),
		metric.WithExplicitBucketBoundaries(.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10))
	return &durations{histogram: h}, err
}

func (d *durations) record(ctx context.Context, operation string, status int, authority string, took time.Duration) {
	d.histogram.Record(ctx, took.Seconds(), d.labels(durationKey{operation, authority, status / 100}))
}

func (d *durations) labels(k durationKey) metric.MeasurementOption {
	if set, ok := d.sets.Load(k); ok {
		return set.(metric.MeasurementOption)
	}
	set := metric.WithAttributeSet(attribute.NewSet(
		attribute.String("operation", k.operation),
		attribute.String("status_class", strconv.Itoa(k.class)+"xx"),
		attribute.String("authority", k.authority),
	))
	if d.known.Add(1) <= maxSets {
		d.sets.Store(k, set)
	}
	return set
}
