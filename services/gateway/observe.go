package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/tracecontext"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/services/gateway/trust"
)

// observer traces and measures each request, and writes it to the security log.
type observer struct {
	log    slog.Handler // of lines that come with every request
	tracer trace.Tracer
	meters *meters
	now    func() time.Time

	mu       sync.Mutex
	refusals map[[2]string]refusals // by authority and outcome
}

// refusals are those that no line of the log has spoken of since the last one.
type refusals struct {
	count int64
	last  time.Time
}

// refusalInterval is how often the log has a line of an authority whose requests are refused
// because they are too many, as each line costs about as much as the refusal.
const refusalInterval = time.Second

// answer is the caller's ResponseWriter, with what is logged and measured of a request.
type answer struct {
	http.ResponseWriter
	request   *http.Request
	status    int    // 0: not answered yet
	operation string // its id, never the path itself
	caller    caller
	cached    string // hit, miss, or "" where the cache was not asked
	waits     bool   // a long poll
	isShed    bool   // there was no place for it
	start     time.Time
	span      trace.Span
}

// WriteHeader implements http.ResponseWriter. No more of the request is read after it.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
		server.LeaveBody(a, a.request)
		a.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer itself.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// unrouted is the operation of a request that asks for none.
const unrouted = "unrouted"

var unroutedStart = spanStart(attribute.String("finsam.operation", unrouted))

func spanStart(attributes ...attribute.KeyValue) []trace.SpanStartOption {
	return []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...)}
}

// begin names and traces the request, and says so in the answer. The request that it
// returns has both in its context.
func (o *observer) begin(w http.ResponseWriter, r *http.Request, op *operation) (*answer, *http.Request) {
	a := &answer{ResponseWriter: w, operation: unrouted, start: o.now()}
	name, start := unrouted, unroutedStart
	if op != nil {
		a.operation, a.waits = op.ID, op.waits(r)
		name, start = op.span, op.start
	}
	ctx := tracecontext.FromCaller(r.Context(), r.Header.Get(web.HeaderTraceParent))
	ctx, a.span = o.tracer.Start(ctx, name, start...)
	ctx = tracecontext.Ensure(ctx)
	id := tracecontext.RequestID(r.Header.Get(web.HeaderRequestID))
	h := w.Header()
	values := []string{id, tracecontext.Header(ctx)}
	h[web.HeaderRequestID], h[web.HeaderTraceParent] = values[:1:1], values[1:]
	a.request = r.WithContext(web.With(ctx, web.Request{ID: id}))
	return a, a.request
}

// end records the decision and the outcome: one line in the security log, one value in
// the metrics. Neither names a person or what was asked for.
func (o *observer) end(a *answer, r *http.Request) {
	a.status = cmp.Or(a.status, http.StatusOK)
	ctx, now := r.Context(), o.now()
	duration := now.Sub(a.start)
	server.EndSpan(a.span, a.status, a.caller.Authority)
	o.meters.record(ctx, a, duration)
	level, outcome := slog.LevelInfo, outcomeOf(a.status)
	if outcome != outcomeAllowed {
		level = slog.LevelWarn
	}
	if !o.log.Enabled(ctx, level) {
		return
	}
	count := int64(1)
	if a.isShed || a.caller.isRest || outcome == outcomeLimited {
		o.mu.Lock()
		key := [2]string{a.caller.Authority, outcome}
		before := o.refusals[key]
		count += before.count
		isDue := now.Sub(before.last) >= refusalInterval
		if isDue {
			o.refusals[key] = refusals{last: now}
		} else {
			o.refusals[key] = refusals{count, before.last}
		}
		o.mu.Unlock()
		if !isDue {
			return
		}
	}
	line := slog.NewRecord(now, level, "access", 0)
	line.AddAttrs(
		slog.String("operation", a.operation), slog.String("outcome", outcome), slog.Int("status", a.status),
		slog.String("association", a.caller.Association), slog.String("authority", a.caller.Authority), slog.String("role", joinRoles(a.caller.Roles)),
		slog.String("issuer", a.caller.issuer), slog.String("request", web.From(ctx).ID), slog.String("cache", a.cached),
		slog.Int64("micros", duration.Microseconds()))
	if count > 1 {
		line.AddAttrs(slog.Int64("requests", count))
	}
	_ = o.log.Handle(ctx, line) // a log has no other place to report it
}

const (
	outcomeAllowed = "allowed"
	outcomeLimited = "limited"
)

// outcomeOf returns what a status says of access, in a word.
func outcomeOf(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "unauthenticated"
	case status == http.StatusForbidden:
		return "forbidden"
	case status == http.StatusNotFound:
		return "not-found"
	case status == http.StatusTooManyRequests:
		return outcomeLimited
	case status >= 500:
		return "failed"
	case status >= 400:
		return "refused"
	}
	return outcomeAllowed
}

// joinRoles returns the roles as one text, without an allocation for the usual single one.
func joinRoles(roles []actor.Role) string {
	text := ""
	for i, r := range roles {
		if i > 0 {
			text += " "
		}
		text += string(r)
	}
	return text
}

// meters measure the front door. What an operator is alerted of is counted from zero, so
// that a query finds it before it happens.
type meters struct {
	durations metric.Float64Histogram
	failures  metric.Int64Counter
	cache     metric.Int64Counter
	limited   metric.Int64Counter
	refused   metric.Int64Counter
	waits     metric.Float64Histogram
	shed      metric.Int64Counter
	sets      metrics.Sets[requestLabels]
	results   metrics.Sets[[2]string]
}

type requestLabels struct {
	operation, authority, outcome string
	class                         int
}

// newMeters creates the instruments.
func newMeters(operations []*operation, isCaching bool, v *trust.Verifier) *meters {
	m := &meters{
		durations: metrics.Seconds("finsam.gateway.request.duration", "Duration of requests at the gateway, by operation, outcome and authority."),
		failures:  metrics.Counter("finsam.gateway.failures", "Requests answered with 500 and above, by operation."),
		cache:     metrics.Counter("finsam.gateway.cache", "Requests for what may be cached, by operation and result."),
		limited:   metrics.Counter("finsam.gateway.limited", "Requests refused because an authority, or an address, exceeded its rate."),
		refused:   metrics.Counter("finsam.gateway.tokens.refused", "Requests refused because of their access token, by the code of the problem."),
		waits:     metrics.Seconds("finsam.gateway.wait", "How long requests waited for a place, of those that waited, by class."),
		shed:      metrics.Counter("finsam.gateway.shed", "Requests refused because there was no place for them, by authority, class and reason: share, their authority asks for too much; full, nobody has one."),
	}
	upstreams := map[*upstream]bool{}
	for _, op := range operations {
		if u := op.upstream; u != nil && !upstreams[u] {
			upstreams[u] = true
			metrics.Watch(metrics.Labels{"upstream": u.name}, metrics.Gauge{
				Name: "finsam.gateway.places", Description: "How many calls of a service may be under way; it follows how long the service takes.",
				Read: func() (float64, bool) { limit, _, _ := u.calls.State(); return float64(limit), true },
			})
		}
	}
	metrics.Watch(nil,
		metrics.Gauge{Name: "finsam.gateway.in_flight", Description: "Requests that wait for a service, or for a place.",
			Read: func() (float64, bool) {
				sum := 0
				for u := range upstreams {
					_, taken, waiting := u.calls.State()
					sum += taken + waiting
				}
				return float64(sum), true
			}},
		metrics.Gauge{Name: "finsam.gateway.trust.file.wrong", Description: "1 while the trust file is invalid and the previous one is used.",
			Read: func() (float64, bool) {
				if v.IsFileInvalid() {
					return 1, true
				}
				return 0, true
			}})
	// An error of an instrument is a fault of its constant name; a test would not find it.
	_, _ = metrics.Provider().Meter(scope).Int64ObservableGauge("finsam.gateway.issuer.keys",
		metric.WithDescription("Known public keys of an authority's issuers; with 0 none of its tokens is accepted."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			for authority, keys := range v.KeysByAuthority() {
				o.Observe(int64(keys.Known), metrics.Labels{"authority": authority}.Option())
			}
			return nil
		}))
	_, _ = metrics.Provider().Meter(scope).Int64ObservableGauge("finsam.gateway.issuer.keys.left_out",
		metric.WithDescription("Public keys of an authority's issuers that cannot be used here, such as those of a new kind; the others hold."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			for authority, keys := range v.KeysByAuthority() {
				o.Observe(int64(keys.LeftOut), metrics.Labels{"authority": authority}.Option())
			}
			return nil
		}))
	ctx := context.Background()
	m.failures.Add(ctx, 0, metrics.Labels{"operation": unrouted}.Option())
	for _, op := range operations {
		m.failures.Add(ctx, 0, metrics.Labels{"operation": op.ID}.Option())
		if op.Cache.Seconds > 0 && isCaching {
			for _, result := range []string{hit, miss} {
				m.cache.Add(ctx, 0, metrics.Labels{"operation": op.ID, "result": result}.Option())
			}
		}
	}
	for authority := range v.KeysByAuthority() {
		m.limited.Add(ctx, 0, metrics.Labels{"authority": authority, "by": byAuthority}.Option())
		for _, reason := range []string{shedShare, shedFull} {
			m.shed.Add(ctx, 0, metrics.Labels{"authority": authority, "class": string(classCall), "reason": reason}.Option())
		}
	}
	m.limited.Add(ctx, 0, metrics.Labels{"authority": "", "by": byAddress}.Option())
	for _, f := range append(slices.Clone(trust.Faults), ErrNoToken) {
		m.refused.Add(ctx, 0, metrics.Labels{"reason": f.Code}.Option())
	}
	return m
}

// The limits that refuse a request.
const (
	byAuthority = "authority"
	byAddress   = "address"
)

// The reasons why there is no place for a request.
const (
	shedShare = "share"
	shedFull  = "full"
)

func (m *meters) record(ctx context.Context, a *answer, duration time.Duration) {
	if a.waits && a.status < http.StatusInternalServerError {
		return
	}
	key := requestLabels{a.operation, a.caller.Authority, outcomeOf(a.status), a.status / 100}
	m.durations.Record(ctx, duration.Seconds(), m.sets.Get(key, func() metrics.Labels {
		return metrics.Labels{
			"operation": key.operation, "authority": key.authority, "outcome": key.outcome, "status_class": strconv.Itoa(key.class) + "xx",
		}
	}).Record...)
	if a.status >= http.StatusInternalServerError {
		m.failures.Add(ctx, 1, metrics.Labels{"operation": a.operation}.Option())
	}
	if a.cached != "" {
		m.cache.Add(ctx, 1, m.results.Get([2]string{a.operation, a.cached}, func() metrics.Labels {
			return metrics.Labels{"operation": a.operation, "result": a.cached}
		}).Add...)
	}
}
