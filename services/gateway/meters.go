package gateway

import (
	"context"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/services/gateway/trust"
)

// meters measure the front door. What an operator wants to be told of is counted
// by a counter that begins at zero, so that a query finds it before it happens.
type meters struct {
	durations metric.Float64Histogram
	failures  metric.Int64Counter // answers of 500 and above
	cache     metric.Int64Counter
	limited   metric.Int64Counter
	refused   metric.Int64Counter
	sets      metrics.Sets[meterKey]
	one       metrics.Sets[label]
	two       metrics.Sets[[2]label]
}

type meterKey struct {
	operation, authority, outcome string
	class                         int
}

// label is a label with its value.
type label struct{ name, value string }

func newMeters(g *Gateway) (*meters, error) {
	m, p := &meters{}, g.Meter.Meter(scope)
	var err error
	m.durations, err = p.Float64Histogram("finsam.gateway.request.duration", metric.WithUnit("s"),
		metric.WithDescription("How long requests took at the front door, by operation, outcome and authority."), metrics.Buckets)
	if err != nil {
		return nil, err
	}
	for _, c := range []struct {
		counter           *metric.Int64Counter
		name, description string
	}{
		{&m.failures, "finsam.gateway.failures", "Requests answered with 500 and above, by operation."},
		{&m.cache, "finsam.gateway.cache", "Requests for what may be cached, by operation and result."},
		{&m.limited, "finsam.gateway.limited", "Requests refused as an authority, or an address, asked for more than its rate."},
		{&m.refused, "finsam.gateway.tokens.refused", "Requests refused for their access token, by the code of the problem."},
	} {
		if *c.counter, err = p.Int64Counter(c.name, metric.WithDescription(c.description)); err != nil {
			return nil, err
		}
	}
	_, err = p.Int64ObservableGauge("finsam.gateway.in_flight", metric.WithDescription("Requests that wait for a service now."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(g.inFlight.Load())
			return nil
		}))
	if err != nil {
		return nil, err
	}
	return m, m.watchTrust(p, g.Trust)
}

// watchTrust shows whether the trust file can be read and how many keys of each
// issuer are known, whenever the metrics are read. An issuer without keys lets
// nobody in.
func (m *meters) watchTrust(p metric.Meter, v *trust.Verifier) error {
	_, err := p.Int64ObservableGauge("finsam.gateway.issuer.keys", metric.WithDescription("Public keys known of an authority's issuers."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			for authority, keys := range v.KeysByAuthority() {
				o.Observe(int64(keys), m.by(label{"authority", authority}))
			}
			return nil
		}))
	if err != nil {
		return err
	}
	_, err = p.Int64ObservableGauge("finsam.gateway.trust.file.wrong", metric.WithDescription("1 while the trust file cannot be taken and the one before still holds."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			wrong := int64(0)
			if v.Wrong() {
				wrong = 1
			}
			o.Observe(wrong)
			return nil
		}))
	return err
}

// begin sets every counter to zero that can be named before anything has happened.
func (m *meters) begin(g *Gateway) {
	ctx := context.Background()
	m.failures.Add(ctx, 0, m.by(label{"operation", unrouted}))
	for id, op := range g.operations {
		m.failures.Add(ctx, 0, m.by(label{"operation", id}))
		if op.Cache.Seconds > 0 && g.Cache != nil {
			for _, result := range []string{hit, miss} {
				m.cache.Add(ctx, 0, m.by2(label{"operation", id}, label{"result", result}))
			}
		}
	}
	for authority := range g.Trust.KeysByAuthority() {
		m.limited.Add(ctx, 0, m.by2(label{"authority", authority}, label{"by", byAuthority}))
	}
	m.limited.Add(ctx, 0, m.by2(label{"authority", ""}, label{"by", byAddress}))
	for _, f := range append(trust.Faults(), ErrNoToken) {
		m.refused.Add(ctx, 0, m.by(label{"reason", f.Code}))
	}
}

// What refuses a request that comes too often.
const (
	byAuthority = "authority"
	byAddress   = "address"
)

// tooMany counts a request that was refused as one too many.
func (m *meters) tooMany(ctx context.Context, by, authority string) {
	m.limited.Add(ctx, 1, m.by2(label{"authority", authority}, label{"by", by}))
}

// turnedAway counts a request whose token did not pass, by the fault's code.
func (m *meters) turnedAway(ctx context.Context, err error) {
	m.refused.Add(ctx, 1, m.by(label{"reason", fault.Of(err).Code}))
}

// record notes how a request went.
func (m *meters) record(ctx context.Context, x *request) {
	key := meterKey{x.route, x.actor.Authority, outcomeOf(x.status), x.status / 100}
	if x.waits() && x.status < http.StatusInternalServerError {
		return
	}
	m.durations.Record(ctx, x.g.Now().Sub(x.begun).Seconds(), m.sets.Get(key, func() metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(
			attribute.String("operation", key.operation), attribute.String("authority", key.authority),
			attribute.String("outcome", key.outcome), attribute.String("status_class", strconv.Itoa(key.class)+"xx")))
	}))
	if x.status >= http.StatusInternalServerError {
		m.failures.Add(ctx, 1, m.by(label{"operation", x.route}))
	}
	if x.kept != "" {
		m.cache.Add(ctx, 1, m.by2(label{"operation", x.route}, label{"result", x.kept}))
	}
}

func (m *meters) by(l label) metric.MeasurementOption {
	return m.one.Get(l, func() metric.MeasurementOption { return metrics.Labels{l.name: l.value}.Option() })
}

func (m *meters) by2(a, b label) metric.MeasurementOption {
	return m.two.Get([2]label{a, b}, func() metric.MeasurementOption {
		return metrics.Labels{a.name: a.value, b.name: b.value}.Option()
	})
}
