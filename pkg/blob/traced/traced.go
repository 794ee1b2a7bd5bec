// Package traced measures a blob.Store: how long its calls take, how many bytes they
// move and which fail; and it adds a span for each, such as "blob get". The name of a
// blob is in neither.
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

// Store returns a store that does what s does and measures it under the service's
// name. The duration of a get lasts until its content is closed.
func Store(s blob.Store, service string) blob.Store {
	t := &store{
		next: s, tracer: otel.Tracer("github.com/finsam/finsam/pkg/blob/traced"), labels: map[string]metric.MeasurementOption{},
		duration: metrics.Seconds("finsam.blob.duration", "How long calls of the blob store took, by verb."),
		bytes:    metrics.Counter("finsam.blob.bytes", "Encrypted bytes put into and read from the blob store, by verb."),
		failures: metrics.Counter("finsam.blob.failures", "Calls that failed in the blob store, by verb."),
	}
	for _, verb := range []string{"put", "get", "delete"} {
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

// end records how the call went, once. It is a failure of the store unless the caller
// left, or the blob does not exist, or fill failed and not the store (ours is false).
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
		c.span.SetStatus(codes.Error, "the blob store failed")
	}
	c.span.SetAttributes(attribute.Int64("finsam.bytes", c.bytes))
	c.span.End()
}

// Put implements blob.Store. An error of fill itself is not a failure of the store.
func (s *store) Put(ctx context.Context, name string, fill func(io.Writer) error) error {
	c := s.begin(ctx, "put")
	var fillErr error
	err := s.next.Put(c.ctx, name, func(w io.Writer) error {
		counted := &writer{call: c, to: w}
		err := fill(counted)
		if err != nil && counted.err == nil {
			fillErr = err
		}
		return err
	})
	c.end(err, fillErr == nil)
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
