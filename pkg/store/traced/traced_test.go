package traced_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/finsam/finsam/pkg/metrics/metricstest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/pkg/store/traced"
)

func opened(t *testing.T) store.Engine {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return traced.Engine(db.Engine("referral"), "referral")
}

// record sends the spans of the test to a recorder.
func record(t *testing.T) *tracetest.SpanRecorder {
	t.Helper()
	before := otel.GetTracerProvider()
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	spans := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	return spans
}

type doc struct {
	Name string `json:"name"`
}

func TestEachCallWithinATraceIsASpanWithNamesOnly(t *testing.T) {
	spans := record(t)
	e := opened(t)
	ctx, root := otel.Tracer("test").Start(t.Context(), "root")
	r := store.Record{Association: "a", ID: "Anna", Version: 1, Keys: store.Keys{"k": "Anna"}, Body: &doc{"Anna"}}
	s := store.Spec{Name: "referrals", Keys: []string{"k"}, Indexes: []store.Index{{"k"}}, Published: true}
	q := store.Query{Association: "a", Where: []store.Cond{{Key: "k", Op: store.Eq, Value: "Anna"}}, Limit: 1}
	all := []error{e.Prepare(ctx, s), e.Insert(ctx, "referrals", r)}
	r.Version = 2
	all = append(all, e.Replace(ctx, "referrals", r, 1))
	f, err := e.Get(ctx, "referrals", "a", "Anna")
	all = append(all, err)
	found, err := e.Find(ctx, "referrals", q)
	all = append(all, err)
	groups, err := e.Count(ctx, "referrals", "a", nil, nil)
	all = append(all, err)
	unpublished, err := e.Unpublished(ctx, "referrals", 1)
	all = append(all, err, e.MarkPublished(ctx, "referrals", []store.PublishedMark{{Association: "a", ID: "Anna", Published: 2}}),
		e.Delete(ctx, "referrals", "a", "Anna", 2), e.Ping(ctx))
	for i, err := range all {
		if err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if f.Version != 2 || len(found) != 1 || len(groups) != 1 || len(unpublished) != 1 {
		t.Error("what the engine answered was lost on the way")
	}
	if _, err := e.Get(ctx, "referrals", "a", "Bo"); err == nil {
		t.Error("a missing document was found")
	}
	root.End()
	var names []string
	for _, s := range spans.Ended() {
		names = append(names, s.Name())
		if strings.Contains(s.Name(), "store") && s.Parent().SpanID() != root.SpanContext().SpanID() {
			t.Errorf("%s does not hang on its request", s.Name())
		}
		for _, a := range s.Attributes() {
			if strings.Contains(a.Value.String(), "Anna") {
				t.Errorf("%s has %s=%s", s.Name(), a.Key, a.Value.String())
			}
		}
		if s.Status().Description != "" {
			t.Errorf("%s failed: a missing document is an answer", s.Name())
		}
	}
	want := "store prepare referrals, store insert referrals, store replace referrals, store get referrals, store find referrals, " +
		"store count referrals, store unpublished referrals, store mark_published referrals, store delete referrals, store ping , store get referrals, root"
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("spans\n%s\nwant\n%s", got, want)
	}
}

func TestOutsideATraceThereAreNoSpans(t *testing.T) {
	spans := record(t)
	if err := opened(t).Ping(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := len(spans.Ended()); n != 0 {
		t.Fatalf("%d spans of a poll", n)
	}
}

// broken is an engine whose only answer is that nothing is found.
type broken struct{ store.Engine }

func (broken) Ping(context.Context) error { return errors.New("broken") }
func (broken) Get(ctx context.Context, _, _, _ string) (store.Document, error) {
	return store.Document{}, store.ErrNotFound
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
	e := traced.Engine(broken{}, "referral")
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
	e := traced.Engine(broken{}, "referral")
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = e.Get(ctx, "referrals", "a", "x")
	}
}
