// Package telemetry starts and stops a process's traces, metrics and logs, connected by
// the trace's id.
//
// They are sent over OTLP only when the standard variables name a collector
// (OTEL_EXPORTER_OTLP_ENDPOINT and its like) and do not switch the signal off
// (OTEL_LOGS_EXPORTER=none and its like); metrics can always be read at /metrics, and
// every line of the log goes to standard error. They have names of operations, routes,
// collections and authorities, never the values of a request: no person is in a span, a
// metric or a log.
package telemetry

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelbridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"github.com/finsam/finsam/pkg/metrics"
)

// gathered is the registry of the latest Start; OpenTelemetry's own providers are global
// in the same way.
var gathered atomic.Pointer[prometheus.Registry]

// Program identifies the binary in traces and metrics.
type Program struct {
	Service  string // such as "finsam-referral"
	Version  string // of the release
	Revision string // the commit that it was built from; empty: not known
}

// Start sets the process's providers of traces, metrics and logs, also that of package
// metrics, and sends them under the program's name where the OTEL_* variables say.
// shutdown sends what is left, until its context ends.
func Start(ctx context.Context, p Program) (shutdown func(context.Context) error, err error) {
	res, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", p.Service), attribute.String("service.version", p.Version)), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("telemetry: OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	// Without a collector nothing is recorded, but every request still has its trace id, for
	// logs and problems. With one, OTEL_TRACES_SAMPLER says what is.
	reach := &reach{failing: map[string]bool{}}
	traces, stopTraces := trace.TracerProvider(unrecorded{}), func(context.Context) error { return nil }
	if collector("TRACES") {
		exporter, err := otlptracehttp.New(ctx)
		if err != nil {
			return nil, fmt.Errorf("telemetry: OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
		}
		sdk := sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithBatcher(notedSpans{exporter, reach}, sdktrace.WithBatchTimeout(time.Second)))
		traces, stopTraces = sdk, sdk.Shutdown
	}
	meters, err := startMetrics(ctx, res, reach)
	if err != nil {
		return nil, errors.Join(err, stopTraces(ctx))
	}
	logs, err := startLogs(ctx, res, reach)
	if err != nil {
		return nil, errors.Join(err, stopTraces(ctx), meters.Shutdown(ctx))
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		slog.WarnContext(context.WithValue(context.Background(), localKey{}, true), "telemetry failed", "cause", err.Error())
	}))
	otel.SetTextMapPropagator(propagation.TraceContext{})
	otel.SetTracerProvider(traces)
	otel.SetMeterProvider(meters)
	metrics.Use(meters)
	metrics.Watch(metrics.Labels{"component": p.Service, "version": p.Version, "revision": cmp.Or(p.Revision, "unknown")}, metrics.Gauge{
		Name: "finsam.build.info", Description: "The version that is running; always 1.",
		Read: func() (float64, bool) { return 1, true },
	})
	return func(ctx context.Context) error {
		return errors.Join(stopTraces(ctx), meters.Shutdown(ctx), logs(ctx))
	}, nil
}

// unrecorded is the provider of a program without a collector.
type unrecorded struct{ embedded.TracerProvider }

// Tracer implements trace.TracerProvider.
func (unrecorded) Tracer(string, ...trace.TracerOption) trace.Tracer { return idsOnly{} }

// idsOnly is a tracer whose spans have their ids and nothing else. A part of one of them is
// no span of its own: nobody would see where it begins.
type idsOnly struct{ embedded.Tracer }

// Start implements trace.Tracer.
func (idsOnly) Start(ctx context.Context, _ string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	parent := trace.SpanContextFromContext(ctx)
	if parent.IsValid() && !parent.IsRemote() && !parent.IsSampled() {
		return ctx, trace.SpanFromContext(ctx)
	}
	c := trace.SpanContextConfig{TraceID: parent.TraceID(), TraceState: parent.TraceState()}
	if !parent.IsValid() {
		binary.NativeEndian.PutUint64(c.TraceID[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(c.TraceID[8:], rand.Uint64())
	}
	binary.NativeEndian.PutUint64(c.SpanID[:], rand.Uint64())
	ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(c))
	return ctx, trace.SpanFromContext(ctx)
}

// collector reports whether a collector is named for the signal.
func collector(signal string) bool {
	if os.Getenv("OTEL_"+signal+"_EXPORTER") == "none" {
		return false
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != ""
}

func startMetrics(ctx context.Context, res *resource.Resource, reach *reach) (*metric.MeterProvider, error) {
	registry := prometheus.NewRegistry()
	process := prometheus.NewRegistry() // the metrics of the Go runtime and the process, for both exporters
	for _, c := range []prometheus.Collector{collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})} {
		registry.MustRegister(c)
		process.MustRegister(c)
	}
	reader, err := otelprom.New(otelprom.WithRegisterer(registry), otelprom.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("telemetry: metrics: %w", err)
	}
	options := []metric.Option{metric.WithResource(res), metric.WithReader(reader)}
	if collector("METRICS") {
		exporter, err := otlpmetrichttp.New(ctx)
		if err != nil {
			return nil, fmt.Errorf("telemetry: OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
		}
		options = append(options, metric.WithReader(metric.NewPeriodicReader(notedMetrics{exporter, reach},
			metric.WithProducer(otelbridge.NewMetricProducer(otelbridge.WithGatherer(process))))))
	}
	gathered.Store(registry)
	return metric.NewMeterProvider(options...), nil
}

// Metrics serves what has been measured since Start, as Prometheus reads it. A
// scraper that asks for OpenMetrics also gets the trace of slow requests that are
// recorded (exemplars).
func Metrics() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		registry := gathered.Load()
		if registry == nil {
			http.Error(w, "nothing is measured yet", http.StatusServiceUnavailable)
			return
		}
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{Timeout: 5 * time.Second, EnableOpenMetrics: true}).ServeHTTP(w, r)
	})
}
