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

// measure begins one call and puts its span into the context. The function that it
// returns ends the call with the error that it finds.
func (e *engine) measure(ctx *context.Context, verb, collection string) func(*error) {
	// The histogram searches the context that it is given for an example trace;
	// outside a sampled trace that is wasted.
	in, span, began := context.Background(), trace.Span(nil), time.Now()
	// Not IsRecording: a call made for an event belongs to the trace that led to
	// it, whose span was another process's and no longer records.
	if trace.SpanContextFromContext(*ctx).IsSampled() {
		in = *ctx
		*ctx, span = e.tracer.Start(in, "store "+verb+" "+collection, trace.WithSpanKind(trace.SpanKindClient),
			trace.WithAttributes(attribute.String("db.operation.name", verb), attribute.String("db.collection.name", collection),
				attribute.String("finsam.service", e.service)))
	}
	return func(result *error) {
		err := *result
		// A fault such as "not found" is an answer, but "unavailable" is a failure unless the
		// caller went away.
		var f *fault.Error
		failed := err != nil && !errors.Is(err, context.Canceled) &&
			(!errors.As(err, &f) || f.Status == fault.Unavailable || f.Status == fault.Internal)
		if span != nil {
			if failed {
				span.SetStatus(codes.Error, "the store failed")
			} else if err != nil {
				span.SetAttributes(attribute.String("finsam.fault", fault.Of(err).Code))
			}
			span.End()
		}
		if verb == "prepare" && !failed {
			return // happens at the start only, and would be a series for ever
		}
		e.duration.Record(in, time.Since(began).Seconds(), e.labels.Get(call{verb, collection}, func() metric.MeasurementOption {
			return metrics.Labels{"component": e.service, "verb": verb, "collection": collection}.Option()
		}))
		if failed {
			e.failures.Add(in, 1, metrics.Labels{"component": e.service, "verb": verb}.Option())
		}
	}
}

func (e *engine) Prepare(ctx context.Context, s store.Spec) (err error) {
	defer e.measure(&ctx, "prepare", s.Name)(&err)
	return e.next.Prepare(ctx, s)
}

func (e *engine) Get(ctx context.Context, collection, association, id string) (_ store.Document, err error) {
	defer e.measure(&ctx, "get", collection)(&err)
	return e.next.Get(ctx, collection, association, id)
}

func (e *engine) Insert(ctx context.Context, collection string, r store.Record) (err error) {
	defer e.measure(&ctx, "insert", collection)(&err)
	return e.next.Insert(ctx, collection, r)
}

func (e *engine) Replace(ctx context.Context, collection string, r store.Record, from int64) (err error) {
	defer e.measure(&ctx, "replace", collection)(&err)
	return e.next.Replace(ctx, collection, r, from)
}

func (e *engine) Delete(ctx context.Context, collection, association, id string, from int64) (err error) {
	defer e.measure(&ctx, "delete", collection)(&err)
	return e.next.Delete(ctx, collection, association, id, from)
}

func (e *engine) Find(ctx context.Context, collection string, q store.Query) (_ []store.Document, err error) {
	defer e.measure(&ctx, "find", collection)(&err)
	return e.next.Find(ctx, collection, q)
}

func (e *engine) Count(ctx context.Context, collection, association string, where []store.Cond, by []string) (_ []store.Group, err error) {
	defer e.measure(&ctx, "count", collection)(&err)
	return e.next.Count(ctx, collection, association, where, by)
}

func (e *engine) CountUpTo(ctx context.Context, collection, association string, where []store.Cond, limit int) (_ int64, err error) {
	defer e.measure(&ctx, "count", collection)(&err)
	return e.next.CountUpTo(ctx, collection, association, where, limit)
}

func (e *engine) Unpublished(ctx context.Context, collection string, limit int) (_ []store.Document, err error) {
	defer e.measure(&ctx, "unpublished", collection)(&err)
	return e.next.Unpublished(ctx, collection, limit)
}

func (e *engine) MarkPublished(ctx context.Context, collection string, marks []store.PublishedMark) (err error) {
	defer e.measure(&ctx, "mark_published", collection)(&err)
	return e.next.MarkPublished(ctx, collection, marks)
}

func (e *engine) Walk(ctx context.Context, collection string, after store.Position, limit int) (_ []store.Document, err error) {
	defer e.measure(&ctx, "walk", collection)(&err)
	return e.next.Walk(ctx, collection, after, limit)
}

func (e *engine) Rekey(ctx context.Context, collection string, r store.Record) (err error) {
	defer e.measure(&ctx, "rekey", collection)(&err)
	return e.next.Rekey(ctx, collection, r)
}

func (e *engine) Ping(ctx context.Context) (err error) {
	defer e.measure(&ctx, "ping", "")(&err)
	return e.next.Ping(ctx)
}
