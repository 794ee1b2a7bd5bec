// Package traced shows what is asked of a place for blobs: how long every call
// took, how many bytes went which way, what failed, and within a trace a span for
// it, "blob get". No name of a blob.
package traced

import (
	"context"
	"errors"
	"io"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/blob"
	"github.com/finsam/finsam/pkg/metrics"
)

// verbs are the calls of a blob.Store.
var verbs = []string{"put", "get", "delete"}

// Store returns a store that does what s does, measured under the service's name.
// The time of a get lasts until its content is closed.
func Store(s blob.Store, service string) blob.Store {
	t := &store{
		next: s, tracer: otel.Tracer("github.com/finsam/finsam/pkg/blob/traced"), labels: map[string]metric.MeasurementOption{},
		duration: metrics.Seconds("finsam.blob.duration", "How long calls of the place for blobs took, by verb."),
		bytes:    metrics.Counter("finsam.blob.bytes", "Sealed bytes put into and got from the place for blobs, by verb."),
		failures: metrics.Counter("finsam.blob.failures", "Calls that the place for blobs did not answer, by verb."),
	}
	for _, verb := range verbs {
		t.labels[verb] = metrics.Labels{"component": service, "verb": verb}.Option()
		t.bytes.Add(context.Background(), 0, t.labels[verb])
		t.failures.Add(context.Background(), 0, t.labels[verb])
	}
	return t
}

type store struct {
	next     blob.Store
	tracer   trace.Tracer
	duration metric.Float64Histogram
	bytes    metric.Int64Counter
	failures metric.Int64Counter
	labels   map[string]metric.MeasurementOption
}

// call is one call under way.
type call struct {
	*store
	ctx   context.Context
	verb  string
	span  trace.Span
	began time.Time
	bytes int64
	ended bool
}

func (s *store) begin(ctx context.Context, verb string) *call {
	ctx, span := s.tracer.Start(ctx, "blob "+verb, trace.WithSpanKind(trace.SpanKindClient))
	return &call{store: s, ctx: ctx, verb: verb, span: span, began: time.Now()}
}

// end notes how the call went, once. A caller who left and a blob that is not
// there are no failures of the place.
func (c *call) end(err error, ours bool) {
	if c.ended {
		return
	}
	c.ended = true
	labels := c.labels[c.verb]
	c.duration.Record(c.ctx, time.Since(c.began).Seconds(), labels)
	c.store.bytes.Add(c.ctx, c.bytes, labels)
	if err != nil && ours && !errors.Is(err, context.Canceled) && !errors.Is(err, blob.ErrNotFound) {
		c.failures.Add(c.ctx, 1, labels)
		c.span.SetStatus(codes.Error, "the place for blobs failed")
	}
	c.span.SetAttributes(attribute.Int64("finsam.bytes", c.bytes))
	c.span.End()
}

// Put implements blob.Store. What the caller could not write is no failure here.
func (s *store) Put(ctx context.Context, name string, fill func(io.Writer) error) error {
	c := s.begin(ctx, "put")
	var refused error
	err := s.next.Put(c.ctx, name, func(w io.Writer) error {
		counted := &writer{call: c, to: w}
		err := fill(counted)
		if err != nil && counted.err == nil {
			refused = err
		}
		return err
	})
	c.end(err, refused == nil)
	return err
}

type writer struct {
	call *call
	to   io.Writer
	err  error
}

// Write implements io.Writer.
func (w *writer) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	w.call.bytes += int64(n)
	if err != nil {
		w.err = err
	}
	return n, err
}

// Get implements blob.Store.
func (s *store) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	c := s.begin(ctx, "get")
	r, err := s.next.Get(c.ctx, name)
	if err != nil {
		c.end(err, true)
		return nil, err
	}
	return &reader{call: c, from: r}, nil
}

type reader struct {
	call *call
	from io.ReadCloser
	err  error
}

// Read implements io.Reader.
func (r *reader) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	r.call.bytes += int64(n)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.call.end(r.err, true)
	return r.from.Close()
}

// Delete implements blob.Store.
func (s *store) Delete(ctx context.Context, name string) error {
	c := s.begin(ctx, "delete")
	err := s.next.Delete(c.ctx, name)
	c.end(err, true)
	return err
}
