package prometheus

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/finsam/finsam/test/suite"
)

// server scrapes, remembers and answers with Prometheus' own parsers and its own engine.
type server struct {
	t      *testing.T
	kept   *memory
	engine *promql.Engine
	parser parser.Parser
}

// interval is how often the suite is scraped; thirty seconds in a cluster.
const interval = 500 * time.Millisecond

// watch scrapes every process of the suite until the test ends, with the labels that the
// operator's ServiceMonitors give.
func watch(t *testing.T, s *suite.Suite) *server {
	t.Helper()
	kept := newMemory()
	var targets []*target
	for name, p := range s.Processes {
		targets = append(targets, &target{url: p.Admin + "/metrics", labels: map[string]string{
			"job": "finsam", "instance": strings.TrimPrefix(p.Admin, "http://"), "namespace": "finsam-test", "pod": name + "-0",
		}})
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- scrape(ctx, kept, targets) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	p := newParser()
	return &server{t: t, kept: kept, parser: p, engine: newEngine(p)}
}

func newEngine(p parser.Parser) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Logger: slog.New(slog.DiscardHandler), MaxSamples: 10_000_000, Timeout: 30 * time.Second, EnableAtModifier: true, Parser: p,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
	})
}

// ask evaluates an expression now.
func (s *server) ask(expr string) (promql.Vector, error) { return s.askAt(expr, time.Now()) }

// askAt evaluates an expression as of a time.
func (s *server) askAt(expr string, at time.Time) (promql.Vector, error) {
	q, err := s.engine.NewInstantQuery(context.Background(), s.kept, nil, expr, at)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	r := q.Exec(context.Background())
	if r.Err != nil {
		return nil, r.Err
	}
	switch v := r.Value.(type) {
	case promql.Vector:
		// The result belongs to the query, which ends here.
		return append(promql.Vector(nil), v...), nil
	case promql.Scalar:
		return promql.Vector{{F: v.V}}, nil
	}
	return nil, fmt.Errorf("a %s is no vector", r.Value.Type())
}

// until asks until the expression has a value that is not zero.
func (s *server) until(what, expr string) {
	s.t.Helper()
	var last promql.Vector
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(interval / 2) {
		v, err := s.ask(expr)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, sample := range v {
			if sample.F != 0 && !math.IsNaN(sample.F) {
				return
			}
		}
		last = v
	}
	s.t.Fatalf("%s: %s is %v", what, expr, last)
}

// series returns the labels of every series of the last minute that the matchers choose.
func (s *server) series(matchers []*labels.Matcher) []labels.Labels {
	now := time.Now()
	var all []labels.Labels
	for _, one := range s.kept.find(now.Add(-time.Minute).UnixMilli(), now.UnixMilli(), matchers) {
		all = append(all, one.labels)
	}
	return all
}

// raw returns the metrics of every process as text, in both forms that they have.
func raw(t *testing.T, s *suite.Suite) string {
	t.Helper()
	var all strings.Builder
	for _, p := range s.Processes {
		for _, accept := range []string{"text/plain", "application/openmetrics-text; version=1.0.0"} {
			r, err := http.NewRequest(http.MethodGet, p.Admin+"/metrics", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", accept)
			answer, err := (&http.Client{Timeout: 10 * time.Second}).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(&all, answer.Body); err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
		}
	}
	return all.String()
}

func newParser() parser.Parser { return parser.NewParser(parser.Options{}) }
