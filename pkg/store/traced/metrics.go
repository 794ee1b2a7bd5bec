package traced

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/finsam/finsam/pkg/measure"
)

// verbs are the calls of a store.Engine, as they are measured.
var verbs = []string{"prepare", "get", "insert", "replace", "delete", "find", "count", "unsettled", "settle", "ping"}

// measured is how long calls took, by service, verb and collection, and which
// verbs failed.
type measured struct {
	service  string
	duration metric.Float64Histogram
	failures metric.Int64Counter
	sets     measure.Sets[call]
	failing  map[string]metric.MeasurementOption // by verb
}

// call is what calls are measured by.
type call struct{ verb, collection string }

func newMeasured(service string) *measured {
	m := &measured{
		service:  service,
		duration: measure.Seconds("finsam.store.duration", "How long calls of the store took, by verb and collection."),
		failures: measure.Counter("finsam.store.failures", "Calls that the store did not answer, by verb."),
		failing:  map[string]metric.MeasurementOption{},
	}
	for _, verb := range verbs {
		m.failing[verb] = measure.Labels{"service": service, "verb": verb}.Option()
		m.failures.Add(context.Background(), 0, m.failing[verb])
	}
	return m
}

func (m *measured) took(ctx context.Context, verb, collection string, took time.Duration, err error) {
	m.duration.Record(ctx, took.Seconds(), m.sets.Get(call{verb, collection}, func() metric.MeasurementOption {
		return measure.Labels{"service": m.service, "verb": verb, "collection": collection}.Option()
	}))
	if failed(err) {
		m.failures.Add(ctx, 1, m.failing[verb])
	}
}
