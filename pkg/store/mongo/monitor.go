package mongo

import (
	"context"
	"errors"
	"sync"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// spanKey identifies a command from its start to its end.
type spanKey struct {
	connection string
	request    int64
}

// newMonitor makes a span of each command within a trace: its name, the database
// and the collection, and the error's code. Never a value of the command, which may
// be personal data.
func newMonitor() *event.CommandMonitor {
	tracer := otel.Tracer("github.com/finsam/finsam/pkg/store/mongo")
	var spans sync.Map
	end := func(e event.CommandFinishedEvent, failure error) {
		v, ok := spans.LoadAndDelete(spanKey{e.ConnectionID, e.RequestID})
		if !ok {
			return
		}
		span := v.(trace.Span)
		if failure != nil {
			span.SetStatus(codes.Error, "the command failed")
			var server mongo.CommandError
			if errors.As(failure, &server) {
				span.SetAttributes(attribute.Int64("db.response.status_code", int64(server.Code)))
			}
		}
		span.End()
	}
	return &event.CommandMonitor{
		Started: func(ctx context.Context, e *event.CommandStartedEvent) {
			if !trace.SpanContextFromContext(ctx).IsValid() {
				return
			}
			name := e.CommandName
			at := []attribute.KeyValue{
				attribute.String("db.system.name", "mongodb"),
				attribute.String("db.operation.name", e.CommandName),
				attribute.String("db.namespace", e.DatabaseName),
			}
			if collection, ok := e.Command.Lookup(e.CommandName).StringValueOK(); ok {
				name += " " + collection
				at = append(at, attribute.String("db.collection.name", collection))
			}
			_, span := tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(at...))
			spans.Store(spanKey{e.ConnectionID, e.RequestID}, span)
		},
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) { end(e.CommandFinishedEvent, nil) },
		Failed:    func(_ context.Context, e *event.CommandFailedEvent) { end(e.CommandFinishedEvent, e.Failure) },
	}
}
