package outbound

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/store"
)

// between is how often the queue is counted.
const between = 15 * time.Second

// measured is what the metrics tell of the webhooks: never whose they are.
type measured struct {
	depth, oldest, off atomic.Int64 // oldest: Unix milliseconds; 0: none waits
	counted            atomic.Int64 // Unix nanoseconds, when that was counted

	tries   metric.Int64Counter
	dead    metric.Int64Counter
	seconds metric.Float64Histogram
	labels  sync.Map // Outcome -> metric.MeasurementOption
	none    metric.MeasurementOption
}

func newMeasured() *measured {
	m := &measured{
		tries:   metrics.Counter("finsam.webhook.tries", "Tries to deliver to a webhook, by outcome."),
		dead:    metrics.Counter("finsam.webhook.dead.letters", "Deliveries given up: tried for 24 hours, or to a receiver that is gone."),
		seconds: metrics.Seconds("finsam.webhook.try.duration", "How long tries to deliver to a webhook took."),
		none:    metrics.Labels{}.Option(),
	}
	ctx := context.Background()
	for _, o := range []Outcome{OK, Refused, OutcomeGone, TimedOut, Unreachable, Untrusted, AddressClosed, Interrupted} {
		m.tries.Add(ctx, 0, m.by(o))
	}
	m.dead.Add(ctx, 0, m.none)
	return m
}

func (m *measured) by(o Outcome) metric.MeasurementOption {
	if l, ok := m.labels.Load(o); ok {
		return l.(metric.MeasurementOption)
	}
	l, _ := m.labels.LoadOrStore(o, metrics.Labels{"outcome": string(o)}.Option())
	return l.(metric.MeasurementOption)
}

func (m *measured) tried(ctx context.Context, o Outcome, then DeliveryState, took time.Duration) {
	m.tries.Add(ctx, 1, m.by(o))
	m.seconds.Record(ctx, took.Seconds(), m.none)
	if then == Dead {
		m.dead.Add(ctx, 1, m.none)
	}
}

// watch shows the gauges until stop is called.
func (s *Service) watch() (stop func()) {
	m := s.measured
	return metrics.Watch(metrics.Labels{},
		metrics.Gauge{Name: "finsam.events.waiters", Description: "Callers that wait for events now.",
			Read: func() (float64, bool) { return float64(s.waiting.count()), true }},
		metrics.Gauge{Name: "finsam.webhook.queue.depth", Description: "Deliveries that wait, to webhooks that are on.",
			Read: func() (float64, bool) { return float64(m.depth.Load()), true }},
		metrics.Gauge{Name: "finsam.webhook.queue.age", Unit: "s", Description: "Since the oldest delivery that waits, to a webhook that is on, was made; 0: none.",
			Read: func() (float64, bool) { return metrics.Age(m.oldest.Load()), true }},
		metrics.Gauge{Name: "finsam.webhook.off", Description: "Webhooks that are off as their receiver said that it was gone.",
			Read: func() (float64, bool) { return float64(m.off.Load()), true }},
	)
}

// measure counts the queue now and then. What cannot be counted stays as it was.
func (s *Service) measure(ctx context.Context) {
	m := s.measured
	if time.Since(time.Unix(0, m.counted.Load())) < between {
		return
	}
	m.counted.Store(time.Now().UnixNano())
	var depth, oldest, off int64
	for _, a := range s.Associations.All() {
		webhooks, err := s.webhooks.Find(ctx, store.Query{Association: a.ID, Limit: 1000})
		if err != nil {
			return
		}
		for _, w := range webhooks.Items {
			if w.Value.Off == OffGone {
				off++
			}
			if !w.Value.On() {
				continue
			}
			n, first, err := s.waitingFor(ctx, w.Value)
			if err != nil {
				return
			}
			if depth += n; n > 0 && (oldest == 0 || first < oldest) {
				oldest = first
			}
		}
	}
	m.depth.Store(depth)
	m.oldest.Store(oldest)
	m.off.Store(off)
}

// waitingFor returns how many deliveries wait for a webhook, and since when the
// oldest does, in Unix milliseconds.
func (s *Service) waitingFor(ctx context.Context, w *Webhook) (n, oldest int64, err error) {
	where := []store.Cond{
		{Key: keyWebhook, Op: store.Eq, Value: w.ID}, {Key: keyState, Op: store.Eq, Value: string(Waiting)},
	}
	if n, err = s.deliveries.Count(ctx, w.Association, where); err != nil || n == 0 {
		return n, 0, err
	}
	page, err := s.deliveries.Find(ctx, store.Query{
		Association: w.Association, Where: where, Sort: []store.Order{{Key: keyAt}}, Limit: 1,
	})
	if err != nil || len(page.Items) == 0 {
		return 0, 0, err
	}
	return n, page.Items[0].Value.MadeAt.UnixMilli(), nil
}
