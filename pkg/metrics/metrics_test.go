package metrics_test

import (
	"maps"
	"testing"

	"go.opentelemetry.io/otel/metric/noop"

	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/metrics/metricstest"
)

func TestWithoutAProviderMeasuringCostsAndChangesNothing(t *testing.T) {
	things, seconds := metrics.Counter("finsam.test.things", "Things."), metrics.Seconds("finsam.test.time", "Time.")
	stop := metrics.Watch(nil, metrics.Gauge{Name: "finsam.test.height", Read: func() (float64, bool) {
		t.Error("a gauge is read")
		return 1, true
	}})
	defer stop()
	if n := testing.AllocsPerRun(100, func() {
		things.Add(t.Context(), 1)
		seconds.Record(t.Context(), 1)
	}); n > 0 {
		t.Errorf("%v allocations for a measurement that nobody reads", n)
	}
	if _, keepsNothing := metrics.Provider().(noop.MeterProvider); !keepsNothing {
		t.Errorf("the provider is a %T", metrics.Provider())
	}
}

func TestWhatIsMeasuredIsReadByNameAndLabels(t *testing.T) {
	m := metricstest.New(t)
	labels := metrics.Labels{"component": "referral", "verb": "get"}.Option()
	metrics.Counter("finsam.test.things", "Things.").Add(t.Context(), 2, labels)
	metrics.Seconds("finsam.test.time", "Time.").Record(t.Context(), .1, labels)
	known := true
	stop := metrics.Watch(metrics.Labels{"component": "referral"},
		metrics.Gauge{Name: "finsam.test.height", Unit: "m", Read: func() (float64, bool) { return 7, known }})
	want := map[string]float64{
		"finsam.test.things{component=referral verb=get}": 2,
		"finsam.test.time{component=referral verb=get}":   1,
		"finsam.test.height{component=referral}":          7,
	}
	if got := m.Read(t); !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	known = false
	if _, there := m.Read(t)["finsam.test.height{component=referral}"]; there {
		t.Error("a gauge without a value was shown")
	}
	known = true
	stop()
	stop()
	if _, there := m.Read(t)["finsam.test.height{component=referral}"]; there {
		t.Error("a gauge was shown after it ended")
	}
}

func TestLabelsAreMadeOnceForAKeyAndTheirNumberIsBounded(t *testing.T) {
	var s metrics.Sets[int]
	made := 0
	f := func() metrics.Labels { made++; return metrics.Labels{"a": "b"} }
	for range 3 {
		s.Get(1, f)
	}
	if made != 1 {
		t.Errorf("made %d times", made)
	}
	for i := range 10_000 {
		s.Get(i, f)
	}
	made = 0
	for i := range 10_000 {
		s.Get(i, f)
	}
	if made != 10_000-4096 {
		t.Errorf("%d were not remembered", made)
	}
}
