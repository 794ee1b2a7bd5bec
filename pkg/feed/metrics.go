package feed

import (
	"context"
	"path"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/finsam/finsam/pkg/metrics"
)

// Following returns how far a follower has come, for the metrics: the position,
// how old the oldest event is that it knows of and has not handled, and for how
// long the log has not answered. Any follower may use one; it is safe for
// concurrent use.
type Following struct {
	service, source string

	position atomic.Int64
	oldest   atomic.Int64 // Unix milliseconds of the oldest event not handled; 0: none known
	heard    atomic.Int64 // Unix milliseconds of the log's last answer

	delay             metric.Float64Histogram
	failures, skipped metric.Int64Counter
	labels            metric.MeasurementOption
}

// NewFollowing creates the measurements of the service that follows the log of
// source; both are names such as "referral".
func NewFollowing(service, source string) *Following {
	f := &Following{
		service: service, source: source,
		delay:    metrics.Seconds("finsam.follower.delay", "From the step to its event being handled, by the service that follows and the one that it follows."),
		failures: metrics.Counter("finsam.follower.failures", "Times that a follower could not read the log or handle an event."),
		skipped:  metrics.Counter("finsam.follower.skipped", "Events passed over, as they can never be handled here."),
		labels:   metrics.Labels{"component": service, "source": source}.Option(),
	}
	f.heard.Store(time.Now().UnixMilli())
	f.failures.Add(context.Background(), 0, f.labels)
	f.skipped.Add(context.Background(), 0, f.labels)
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
		metrics.Gauge{Name: "finsam.follower.silence", Unit: "s", Description: "Since the log answered last.",
			Read: func() (float64, bool) { return metrics.Age(f.heard.Load()), true }},
	)
}

// Begin notes the position that a round of reading begins at.
func (f *Following) Begin(position int64) { f.position.Store(position) }

// Read notes that the log answered with these events.
func (f *Following) Read(events []Event) {
	f.heard.Store(time.Now().UnixMilli())
	f.await(events)
}

// Handled notes that the first of the events was handled, and those behind it
// are not yet.
func (f *Following) Handled(ctx context.Context, events []Event) {
	f.position.Store(events[0].Sequence)
	f.delay.Record(ctx, max(time.Since(events[0].Time).Seconds(), 0), f.labels)
	f.await(events[1:])
}

func (f *Following) await(events []Event) {
	if len(events) == 0 {
		f.oldest.Store(0)
		return
	}
	f.oldest.Store(events[0].Time.UnixMilli())
}

// Failed notes that the log could not be read, or an event not be handled.
func (f *Following) Failed(ctx context.Context) { f.failures.Add(ctx, 1, f.labels) }

// Skipped notes that an event was passed over.
func (f *Following) Skipped(ctx context.Context) { f.skipped.Add(ctx, 1, f.labels) }

// telling returns how far a publisher has come, for the metrics.
type telling struct {
	service string
	head    atomic.Int64 // sequence of the newest event in the log
	backlog atomic.Int64 // steps found and not yet told, at most a batch of each source
	oldest  atomic.Int64 // Unix milliseconds of the oldest of them; 0: none
	done    atomic.Int64 // Unix milliseconds of the last round that succeeded

	failures metric.Int64Counter
	labels   metric.MeasurementOption
}

func newTelling(source string) *telling {
	service := path.Base(source)
	t := &telling{
		service:  service,
		failures: metrics.Counter("finsam.publisher.failures", "Rounds of publishing that failed."),
		labels:   metrics.Labels{"source": service}.Option(),
	}
	t.done.Store(time.Now().UnixMilli())
	t.failures.Add(context.Background(), 0, t.labels)
	return t
}

func (t *telling) watch() (stop func()) {
	return metrics.Watch(
		metrics.Labels{"source": t.service},
		metrics.Gauge{Name: "finsam.feed.head", Description: "Sequence number of the newest event in the log of the source.",
			Read: func() (float64, bool) { return float64(t.head.Load()), true }},
		metrics.Gauge{Name: "finsam.publisher.backlog", Description: "Steps saved and not yet told, as far as one round looks.",
			Read: func() (float64, bool) { return float64(t.backlog.Load()), true }},
		metrics.Gauge{Name: "finsam.publisher.age", Unit: "s", Description: "Age of the oldest step saved and not yet told; 0: none.",
			Read: func() (float64, bool) { return metrics.Age(t.oldest.Load()), true }},
		metrics.Gauge{Name: "finsam.publisher.silence", Unit: "s", Description: "Since the last round of publishing that succeeded.",
			Read: func() (float64, bool) { return metrics.Age(t.done.Load()), true }},
	)
}

// found notes the steps that a round has found untold.
func (t *telling) found(events []Event) {
	t.backlog.Store(int64(len(events)))
	oldest := int64(0)
	for _, e := range events {
		if at := e.Time.UnixMilli(); oldest == 0 || at < oldest {
			oldest = at
		}
	}
	t.oldest.Store(oldest)
}

// told notes that nothing is untold any more and where the log ends.
func (t *telling) told(head int64) {
	t.head.Store(head)
	t.backlog.Store(0)
	t.oldest.Store(0)
	t.done.Store(time.Now().UnixMilli())
}
