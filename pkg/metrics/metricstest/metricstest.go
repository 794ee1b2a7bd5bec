// Package metricstest reads what a test has measured.
package metricstest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/finsam/finsam/pkg/metrics"
)

// Meter is a provider whose measurements the test reads.
type Meter struct {
	metric.MeterProvider
	reader *sdk.ManualReader
}

// New creates a provider, which package metrics uses until the test ends. A test
// with it must not be parallel.
func New(t testing.TB) *Meter {
	t.Helper()
	r := sdk.NewManualReader()
	m := &Meter{MeterProvider: sdk.NewMeterProvider(sdk.WithReader(r)), reader: r}
	before := metrics.Provider()
	metrics.Use(m)
	t.Cleanup(func() { metrics.Use(before) })
	return m
}

// Read returns every series by its name and sorted labels, such as
// `finsam.feed.head{source=referral}`: the value of a counter or gauge, of a
// histogram how many values it has.
func (m *Meter) Read(t testing.TB) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := m.reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					values[series(m.Name, p.Attributes.MarshalLog())] = float64(p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					values[series(m.Name, p.Attributes.MarshalLog())] = float64(p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range d.DataPoints {
					values[series(m.Name, p.Attributes.MarshalLog())] = p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					values[series(m.Name, p.Attributes.MarshalLog())] = float64(p.Count)
				}
			}
		}
	}
	return values
}

// series names a series; labels is a map, which fmt prints in the order of keys.
func series(name string, labels any) string {
	text := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(labels), "map["), "]")
	return name + "{" + strings.ReplaceAll(text, ":", "=") + "}"
}
