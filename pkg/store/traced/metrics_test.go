package traced_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/metrics/metricstest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/traced"
)

// ill is an engine that answers nothing.
type ill struct{ store.Engine }

func (ill) Ping(context.Context) error { return errors.New("ill") }
func (ill) Get(ctx context.Context, _, _, _ string) (store.Found, error) {
	return store.Found{}, store.ErrNotFound
}

func TestEachCallIsTimedByVerbAndCollection(t *testing.T) {
	m := metricstest.New(t)
	e := opened(t)
	if err := e.Prepare(t.Context(), store.Spec{Name: "referrals"}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, _ = e.Get(t.Context(), "referrals", "a", "Anna")
	}
	got := m.Read(t)
	if n := got["finsam.store.duration{collection=referrals component=referral verb=get}"]; n != 3 {
		t.Errorf("%v calls: %v", n, got)
	}
	for series := range got {
		if strings.Contains(series, "Anna") {
			t.Errorf("%s names somebody", series)
		}
	}
}

func TestAnAnswerIsNoFailureOfTheStore(t *testing.T) {
	m := metricstest.New(t)
	e := traced.Engine(ill{}, "referral")
	_, _ = e.Get(t.Context(), "referrals", "a", "x")
	_ = e.Ping(t.Context())
	got := m.Read(t)
	for verb, want := range map[string]float64{"get": 0, "ping": 1, "insert": 0} {
		if n, there := got["finsam.store.failures{component=referral verb="+verb+"}"]; !there || n != want {
			t.Errorf("%s failed %v times (%t), want %v", verb, n, there, want)
		}
	}
}

// BenchmarkTimed measures what the timing of one call costs.
func BenchmarkTimed(b *testing.B) {
	metricstest.New(b)
	e := traced.Engine(ill{}, "referral")
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = e.Get(ctx, "referrals", "a", "x")
	}
}
