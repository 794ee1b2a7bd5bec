package traced

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/finsam/finsam/pkg/metrics"
)

// verbs are the calls of a store.Engine whose failures are counted from zero on.
var verbs = []string{"get", "insert", "replace", "delete", "find", "count", "unsettled", "settle", "ping"}

// measured is how long calls took, by service, verb and collection, and which
// verbs failed.
type measured struct {
	service  string
	duration metric.Float64Histogram
	failures metric.Int64Counter
	sets     metrics.Sets[call]
}

// call is what calls are measured by.
type call struct{ verb, collection string }

func newMeasured(service string) *measured {
	m := &measured{
		service:  service,
		duration: metrics.Seconds("finsam.store.duration", "How long calls of the store took, by verb and collection."),
		failures: metrics.Counter("finsam.store.failures", "Calls that the store did not answer, by verb."),
	}
	for _, verb := range verbs {
		m.failures.Add(context.Background(), 0, m.failing(verb))
	}
	return m
}

// took notes a call. What is prepared at the start is not timed: it would be one
// value, kept for ever, for each collection.
func (m *measured) took(ctx context.Context, verb, collection string, took time.Duration, err error) {
	if verb == "prepare" && err == nil {
		return
	}
	m.duration.Record(ctx, took.Seconds(), m.sets.Get(call{verb, collection}, func() metric.MeasurementOption {
		return metrics.Labels{"component": m.service, "verb": verb, "collection": collection}.Option()
	}))
	if failed(err) {
		m.failures.Add(ctx, 1, m.failing(verb))
	}
}

func (m *measured) failing(verb string) metric.MeasurementOption {
	return metrics.Labels{"component": m.service, "verb": verb}.Option()
}
