package accesslog

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/finsam/finsam/pkg/metrics"
)

// measured counts what is logged: by authority and outcome, never whose data or
// who asked. The number of participants that an authority's users were shown
// reveals mass reading.
type measured struct {
	service                           string
	blocks, entries, people, failures metric.Int64Counter
	wait                              metric.Float64Histogram
	own                               metrics.Series // the service alone
	sets                              metrics.Sets[series]
}

// series is what entries are counted by.
type series struct {
	authority string
	outcome   Outcome
}

func newMeasured(service string) *measured {
	m := &measured{
		service:  service,
		blocks:   metrics.Counter("finsam.access_log.blocks", "Blocks of the access log made durable."),
		entries:  metrics.Counter("finsam.access_log.entries", "Entries of the access log made durable, by the caller's authority and the outcome."),
		people:   metrics.Counter("finsam.access_log.people", "Participants in those entries; one who is shown twice counts twice."),
		failures: metrics.Counter("finsam.access_log.failures", "Entries that could not be made durable; the data was not shown."),
		wait:     metrics.Seconds("finsam.access_log.wait", "How long answers were held back until their entries were durable."),
		own:      metrics.Labels{"component": service}.Series(),
	}
	for _, zero := range []metric.Int64Counter{m.blocks, m.failures} {
		zero.Add(context.Background(), 0, m.own.Add...)
	}
	return m
}

// written counts a block's entries.
func (m *measured) written(entries []Entry) {
	ctx := context.Background()
	m.blocks.Add(ctx, 1, m.own.Add...)
	for _, e := range entries {
		labels := m.sets.Get(series{e.Authority, e.Outcome}, func() metrics.Labels {
			return metrics.Labels{"component": m.service, "authority": e.Authority, "outcome": string(e.Outcome)}
		})
		m.entries.Add(ctx, 1, labels.Add...)
		m.people.Add(ctx, int64(len(e.Participants)), labels.Add...)
	}
}

// waited records that a request has waited since then. The request's own time has
// the trace as its example; here it is not searched for again.
func (m *measured) waited(since time.Time) {
	m.wait.Record(context.Background(), time.Since(since).Seconds(), m.own.Record...)
}
