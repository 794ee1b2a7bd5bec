package feed

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/finsam/finsam/pkg/metrics"
)

// Following measures how far a follower has come: its position, the age of the
// oldest event that it knows of and has not handled, and for how long the log has not
// answered. Other followers than Follower may use one too; its methods may be called
// at once.
type Following struct {
	service, source string

	position atomic.Int64
	oldest   atomic.Int64 // Unix milliseconds of the oldest event not handled; 0: none known
	heard    atomic.Int64 // Unix milliseconds of the log's last answer

	delay             metric.Float64Histogram
	failures, skipped metric.Int64Counter
	labels            metrics.Series
}

// NewFollowing creates the metrics of the service that follows the log of source;
// both are names such as "referral".
func NewFollowing(service, source string) *Following {
	f := &Following{
		service: service, source: source,
		delay:    metrics.Seconds("finsam.follower.delay", "Time from a step until its event was handled, by follower and source."),
		failures: metrics.Counter("finsam.follower.failures", "Times that a follower could not read the log or handle an event."),
		skipped:  metrics.Counter("finsam.follower.skipped", "Events skipped because they cannot be handled."),
		labels:   metrics.Labels{"component": service, "source": source}.Series(),
	}
	f.heard.Store(time.Now().UnixMilli())
	f.failures.Add(context.Background(), 0, f.labels.Add...)
	f.skipped.Add(context.Background(), 0, f.labels.Add...)
	return f
}

// Watch shows the gauges until stop is called.
func (f *Following) Watch() (stop func()) {
	return metrics.Watch(
		metrics.Labels{"component": f.service, "source": f.source},
		metrics.Gauge{Name: "finsam.follower.position", Description: "Sequence number of the last event handled.",
			Read: func() (float64, bool) { return float64(f.position.Load()), true }},
		metrics.Gauge{Name: "finsam.follower.lag", Unit: "s", Description: "Age of the oldest event known and not handled; 0: none.",
			Read: func() (float64, bool) { return metrics.Age(f.oldest.Load()), true }},
		metrics.Gauge{Name: "finsam.follower.silence", Unit: "s", Description: "Time since the log last answered.",
			Read: func() (float64, bool) { return metrics.Age(f.heard.Load()), true }},
	)
}

// Begin records the position that a round of reading begins at.
func (f *Following) Begin(position int64) { f.position.Store(position) }

// Read records that the log answered with these events.
func (f *Following) Read(events []Event) {
	f.heard.Store(time.Now().UnixMilli())
	f.await(events)
}

// Handled records that the first of the events was handled, and those behind it
// are not yet.
func (f *Following) Handled(ctx context.Context, events []Event) {
	f.position.Store(events[0].Sequence)
	f.delay.Record(ctx, max(time.Since(events[0].Time).Seconds(), 0), f.labels.Record...)
	f.await(events[1:])
}

func (f *Following) await(events []Event) {
	if len(events) == 0 {
		f.oldest.Store(0)
		return
	}
	f.oldest.Store(events[0].Time.UnixMilli())
}

// Failed records that the log could not be read, or an event not be handled.
func (f *Following) Failed(ctx context.Context) { f.failures.Add(ctx, 1, f.labels.Add...) }

// publisherMetrics measures how far a publisher has come.
type publisherMetrics struct {
	source  string       // the service, such as "referral"
	head    atomic.Int64 // sequence of the newest event in the log
	backlog atomic.Int64 // steps found and not yet published, at most a batch of each source
	oldest  atomic.Int64 // Unix milliseconds of the oldest of them; 0: none
	done    atomic.Int64 // Unix milliseconds of the last round that succeeded

	failures metric.Int64Counter
	labels   metric.MeasurementOption
}

// published records that everything is published and where the log ends.
func (m *publisherMetrics) published(head int64) {
	m.head.Store(head)
	m.backlog.Store(0)
	m.oldest.Store(0)
	m.done.Store(time.Now().UnixMilli())
}
