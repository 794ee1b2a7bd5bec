package server

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/finsam/finsam/pkg/metrics"
)

// meters measure a service's requests: rate, errors and durations are one histogram,
// by operation, class of status and authority.
type meters struct {
	service  string
	duration metric.Float64Histogram
	inFlight atomic.Int64 // without requests that wait for events
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

func (m *meters) record(ctx context.Context, op *operation, status int, authority string, duration time.Duration) {
	key := durationKey{op.ID, authority, status / 100}
	m.duration.Record(ctx, duration.Seconds(), m.sets.Get(key, func() metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(
			attribute.String("component", m.service),
			attribute.String("operation", key.operation),
			attribute.String("status_class", strconv.Itoa(key.class)+"xx"),
			attribute.String("authority", key.authority),
		))
	}))
}
