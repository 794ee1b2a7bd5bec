// Package traced shows what is asked of a store: how long every call of an engine
// took, and within a trace a span for it, "store get referrals". Names only: no
// id, key or value.
package traced

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// Engine returns an engine that does what e does, timed, and with a span for each
// call made within a trace that is recorded. Elsewhere, in a poll or a trace that
// was not sampled, there is no span and no cost of one.
func Engine(e store.Engine, service string) store.Engine {
	return &engine{
		next: e, service: service, tracer: otel.Tracer("github.com/finsam/finsam/pkg/store/traced"), measured: newMeasured(service),
	}
}

type engine struct {
	next     store.Engine
	service  string
	tracer   trace.Tracer
	measured *measured
}

// do times one call.
func (e *engine) do(ctx context.Context, verb, collection string, call func(context.Context) error) error {
	// Not IsRecording: what an event asks for belongs to the trace that led to
	// it, whose span was another process's and is no longer recording.
	sampled, began := trace.SpanContextFromContext(ctx).IsSampled(), time.Now()
	if !sampled {
		err := call(ctx)
		e.measured.took(unsampled, verb, collection, time.Since(began), err)
		return err
	}
	err := e.spanned(ctx, verb, collection, call)
	e.measured.took(ctx, verb, collection, time.Since(began), err)
	return err
}

// unsampled is the context of a time that no trace is the example of, so that
// the request's own is not searched for one again.
var unsampled = context.Background()

// spanned runs one call within a span.
func (e *engine) spanned(ctx context.Context, verb, collection string, call func(context.Context) error) error {
	ctx, span := e.tracer.Start(ctx, "store "+verb+" "+collection, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.operation.name", verb), attribute.String("db.collection.name", collection),
			attribute.String("finsam.service", e.service)))
	defer span.End()
	err := call(ctx)
	if failed(err) {
		span.SetStatus(codes.Error, "the store failed")
	} else if err != nil {
		span.SetAttributes(attribute.String("finsam.fault", fault.Of(err).Code))
	}
	return err
}

// failed reports whether the store failed. A fault such as "not found" is an
// answer; that it is not available is none, unless it was the caller who left.
func failed(err error) bool {
	var f *fault.Error
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	return !errors.As(err, &f) || f.Status == fault.Unavailable || f.Status == fault.Internal
}

// Prepare implements store.Engine.
func (e *engine) Prepare(ctx context.Context, s store.Spec) error {
	return e.do(ctx, "prepare", s.Name, func(ctx context.Context) error { return e.next.Prepare(ctx, s) })
}

// Get implements store.Engine.
func (e *engine) Get(ctx context.Context, collection, association, id string) (f store.Found, err error) {
	err = e.do(ctx, "get", collection, func(ctx context.Context) error {
		f, err = e.next.Get(ctx, collection, association, id)
		return err
	})
	return f, err
}

// Insert implements store.Engine.
func (e *engine) Insert(ctx context.Context, collection string, r store.Record) error {
	return e.do(ctx, "insert", collection, func(ctx context.Context) error { return e.next.Insert(ctx, collection, r) })
}

// Replace implements store.Engine.
func (e *engine) Replace(ctx context.Context, collection string, r store.Record, from int64) error {
	return e.do(ctx, "replace", collection, func(ctx context.Context) error { return e.next.Replace(ctx, collection, r, from) })
}

// Delete implements store.Engine.
func (e *engine) Delete(ctx context.Context, collection, association, id string, from int64) error {
	return e.do(ctx, "delete", collection, func(ctx context.Context) error {
		return e.next.Delete(ctx, collection, association, id, from)
	})
}

// Find implements store.Engine.
func (e *engine) Find(ctx context.Context, collection string, q store.Query) (f []store.Found, err error) {
	err = e.do(ctx, "find", collection, func(ctx context.Context) error {
		f, err = e.next.Find(ctx, collection, q)
		return err
	})
	return f, err
}

// Count implements store.Engine.
func (e *engine) Count(ctx context.Context, collection, association string, where []store.Cond, by []string) (g []store.Group, err error) {
	err = e.do(ctx, "count", collection, func(ctx context.Context) error {
		g, err = e.next.Count(ctx, collection, association, where, by)
		return err
	})
	return g, err
}

// Unpublished implements store.Engine.
func (e *engine) Unpublished(ctx context.Context, collection string, limit int) (f []store.Found, err error) {
	err = e.do(ctx, "unsettled", collection, func(ctx context.Context) error {
		f, err = e.next.Unpublished(ctx, collection, limit)
		return err
	})
	return f, err
}

// MarkPublished implements store.Engine.
func (e *engine) MarkPublished(ctx context.Context, collection string, marks []store.PublishedMark) error {
	return e.do(ctx, "settle", collection, func(ctx context.Context) error { return e.next.MarkPublished(ctx, collection, marks) })
}

// Ping implements store.Engine.
func (e *engine) Ping(ctx context.Context) error {
	return e.do(ctx, "ping", "", e.next.Ping)
}
