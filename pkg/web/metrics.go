package web

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/finsam/finsam/pkg/metrics"
)

// meters measure a service's requests. Rate, errors and durations are one
// histogram, by operation, class of status and authority; beside it stands how
// many requests are under way.
type meters struct {
	service  string
	duration metric.Float64Histogram
	inFlight atomic.Int64
	sets     metrics.Sets[durationKey]
}

type durationKey struct {
	operation, authority string
	class                int
}

func newMeters(p metric.MeterProvider, service string) (*meters, error) {
	m := &meters{service: service}
	var err error
	m.duration, err = p.Meter(scope).Float64Histogram("finsam.request.duration",
		metric.WithUnit("s"), metric.WithDescription("How long requests took, by service, operation, status class and authority."),
		metrics.Buckets)
	if err != nil {
		return nil, err
	}
	own := metrics.Labels{"component": service}.Option()
	inFlight, err := p.Meter(scope).Int64ObservableGauge("finsam.requests.in_flight",
		metric.WithDescription("Requests under way in the service, without those that wait for events."))
	if err != nil {
		return nil, err
	}
	// Registered by itself: of several services in one process, each shows its own.
	_, err = p.Meter(scope).RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(inFlight, m.inFlight.Load(), own)
		return nil
	}, inFlight)
	return m, err
}

// under counts a request as begun (1) or ended (-1). One that waits for events
// does no work meanwhile, and is not counted.
func (m *meters) under(change int64) { m.inFlight.Add(change) }

// record notes how a request went that took that long.
func (m *meters) record(ctx context.Context, op *operation, status int, authority string, took time.Duration) {
	key := durationKey{op.id, authority, status / 100}
	m.duration.Record(ctx, took.Seconds(), m.sets.Get(key, func() metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(
			attribute.String("component", m.service),
			attribute.String("operation", key.operation),
			attribute.String("status_class", strconv.Itoa(key.class)+"xx"),
			attribute.String("authority", key.authority),
		))
	}))
}
