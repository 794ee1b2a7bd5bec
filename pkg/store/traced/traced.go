// Package traced measures a store: how long each call of an engine takes and which
// calls fail, and within a trace a span for each call, such as "store get
// referrals". Labels and spans contain names only: no id, key or value.
package traced

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/store"
)

// countedVerbs are the calls whose failures are counted from zero on, so that an
// alert sees the first one.
var countedVerbs = []string{"get", "insert", "replace", "delete", "find", "count", "unpublished", "mark_published", "ping"}

// Engine returns an engine that does what next does, measured. A span is made only
// within a sampled trace: polls and unsampled requests do not pay for one.
func Engine(next store.Engine, service string) store.Engine {
	e := &engine{
		next: next, service: service, tracer: otel.Tracer("github.com/finsam/finsam/pkg/store/traced"),
		duration: metrics.Seconds("finsam.store.duration", "Duration of the store's calls, by verb and collection."),
		failures: metrics.Counter("finsam.store.failures", "Calls that the store failed to answer, by verb."),
	}
	for _, verb := range countedVerbs {
		e.failures.Add(context.Background(), 0, metrics.Labels{"component": e.service, "verb": verb}.Option())
	}
	return e
}

type engine struct {
	next     store.Engine
	service  string
	tracer   trace.Tracer
	duration metric.Float64Histogram
	failures metric.Int64Counter
	labels   metrics.Sets[call]
}

type call struct{ verb, collection string }

// measured is one call under way.
type measured struct {
	*engine
	call
	in    context.Context // for the histogram
	span  trace.Span      // nil: none
	began time.Time
}

// measure begins one call, and its span in the context that it returns.
func (e *engine) measure(ctx context.Context, verb, collection string) (context.Context, measured) {
	// The histogram searches the context that it is given for an example trace;
	// outside a sampled trace that is wasted.
	m := measured{engine: e, call: call{verb, collection}, in: context.Background(), began: time.Now()}
	// Not IsRecording: a call made for an event belongs to the trace that led to
	// it, whose span was another process's and no longer records.
	if trace.SpanContextFromContext(ctx).IsSampled() {
		m.in = ctx
		ctx, m.span = e.tracer.Start(ctx, "store "+verb+" "+collection, trace.WithSpanKind(trace.SpanKindClient),
			trace.WithAttributes(attribute.String("db.operation.name", verb), attribute.String("db.collection.name", collection),
				attribute.String("finsam.service", e.service)))
	}
	return ctx, m
}

// end ends the call with the error that it finds.
func (m *measured) end(result *error) {
	err, failed := *result, false
	if err != nil {
		// A fault such as "not found" is an answer, but "unavailable" is a failure unless the
		// caller went away.
		var f *fault.Error
		failed = !errors.Is(err, context.Canceled) && (!errors.As(err, &f) || f.Status == fault.Unavailable || f.Status == fault.Internal)
	}
	if m.span != nil {
		if failed {
			m.span.SetStatus(codes.Error, "the store failed")
		} else if err != nil {
			m.span.SetAttributes(attribute.String("finsam.fault", fault.Of(err).Code))
		}
		m.span.End()
	}
	if m.verb == "prepare" && !failed {
		return // happens at the start only, and would be a series for ever
	}
	m.duration.Record(m.in, time.Since(m.began).Seconds(), m.labels.Get(m.call, m.seriesLabels).Record...)
	if failed {
		m.failures.Add(m.in, 1, metrics.Labels{"component": m.service, "verb": m.verb}.Option())
	}
}

func (m *measured) seriesLabels() metrics.Labels {
	return metrics.Labels{"component": m.service, "verb": m.verb, "collection": m.collection}
}

func (e *engine) Prepare(ctx context.Context, s store.Spec) (err error) {
	ctx, m := e.measure(ctx, "prepare", s.Name)
	defer m.end(&err)
	return e.next.Prepare(ctx, s)
}

func (e *engine) Get(ctx context.Context, collection, association, id string) (_ store.Document, err error) {
	ctx, m := e.measure(ctx, "get", collection)
	defer m.end(&err)
	return e.next.Get(ctx, collection, association, id)
}

func (e *engine) Insert(ctx context.Context, collection string, r store.Record) (err error) {
	ctx, m := e.measure(ctx, "insert", collection)
	defer m.end(&err)
	return e.next.Insert(ctx, collection, r)
}

func (e *engine) Replace(ctx context.Context, collection string, r store.Record, from int64) (err error) {
	ctx, m := e.measure(ctx, "replace", collection)
	defer m.end(&err)
	return e.next.Replace(ctx, collection, r, from)
}

func (e *engine) Delete(ctx context.Context, collection, association, id string, from int64) (err error) {
	ctx, m := e.measure(ctx, "delete", collection)
	defer m.end(&err)
	return e.next.Delete(ctx, collection, association, id, from)
}

func (e *engine) Find(ctx context.Context, collection string, q store.Query) (_ []store.Document, err error) {
	ctx, m := e.measure(ctx, "find", collection)
	defer m.end(&err)
	return e.next.Find(ctx, collection, q)
}

func (e *engine) Count(ctx context.Context, collection, association string, where []store.Cond, by []string) (_ []store.Group, err error) {
	ctx, m := e.measure(ctx, "count", collection)
	defer m.end(&err)
	return e.next.Count(ctx, collection, association, where, by)
}

func (e *engine) CountUpTo(ctx context.Context, collection, association string, where []store.Cond, limit int) (_ int64, err error) {
	ctx, m := e.measure(ctx, "count", collection)
	defer m.end(&err)
	return e.next.CountUpTo(ctx, collection, association, where, limit)
}

func (e *engine) Unpublished(ctx context.Context, collection string, limit int) (_ []store.Document, err error) {
	ctx, m := e.measure(ctx, "unpublished", collection)
	defer m.end(&err)
	return e.next.Unpublished(ctx, collection, limit)
}

func (e *engine) MarkPublished(ctx context.Context, collection string, marks []store.PublishedMark) (err error) {
	ctx, m := e.measure(ctx, "mark_published", collection)
	defer m.end(&err)
	return e.next.MarkPublished(ctx, collection, marks)
}

func (e *engine) Walk(ctx context.Context, collection string, after store.Position, limit int) (_ []store.Document, err error) {
	ctx, m := e.measure(ctx, "walk", collection)
	defer m.end(&err)
	return e.next.Walk(ctx, collection, after, limit)
}

func (e *engine) Rekey(ctx context.Context, collection string, r store.Record) (err error) {
	ctx, m := e.measure(ctx, "rekey", collection)
	defer m.end(&err)
	return e.next.Rekey(ctx, collection, r)
}

func (e *engine) Ping(ctx context.Context) (err error) {
	ctx, m := e.measure(ctx, "ping", "")
	defer m.end(&err)
	return e.next.Ping(ctx)
}
