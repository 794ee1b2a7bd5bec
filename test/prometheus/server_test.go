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

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/finsam/finsam/test/suite"
)

// server is a Prometheus without its web pages: it scrapes, stores and answers.
type server struct {
	t      *testing.T
	db     *tsdb.DB
	engine *promql.Engine
	parser parser.Parser
}

// interval is how often the suite is scraped; thirty seconds in a cluster.
const interval = 500 * time.Millisecond

const settings = `
global: { scrape_interval: 500ms, scrape_timeout: 400ms }
scrape_configs:
  - job_name: finsam
    static_configs: [{ targets: [placeholder] }]
`

// watch starts a Prometheus that scrapes every process of the suite, with the
// labels that the operator's ServiceMonitors give.
func watch(t *testing.T, s *suite.Suite) *server {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	db, err := tsdb.Open(t.TempDir(), quiet, nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := scrape.NewManager(nil, quiet, nil, db, nil, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(settings, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.ApplyConfig(c); err != nil {
		t.Fatal(err)
	}
	targets := make(chan map[string][]*targetgroup.Group, 1)
	targets <- map[string][]*targetgroup.Group{"finsam": groups(s)}
	ended := make(chan error, 1)
	go func() { ended <- m.Run(targets) }()
	t.Cleanup(func() {
		m.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	p := newParser()
	return &server{t: t, db: db, parser: p, engine: newEngine(p)}
}

func newEngine(p parser.Parser) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Logger: slog.New(slog.DiscardHandler), MaxSamples: 10_000_000, Timeout: 30 * time.Second, EnableAtModifier: true, Parser: p,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
	})
}

func groups(s *suite.Suite) []*targetgroup.Group {
	var all []*targetgroup.Group
	for name, p := range s.Processes {
		all = append(all, &targetgroup.Group{
			Source:  name,
			Targets: []model.LabelSet{{model.AddressLabel: model.LabelValue(strings.TrimPrefix(p.Admin, "http://"))}},
			Labels:  model.LabelSet{"namespace": "finsam-test", "pod": model.LabelValue(name + "-0")},
		})
	}
	return all
}

// ask evaluates an expression now.
func (s *server) ask(expr string) (promql.Vector, error) { return s.askAt(expr, time.Now()) }

// askAt evaluates an expression as of a time.
func (s *server) askAt(expr string, at time.Time) (promql.Vector, error) {
	q, err := s.engine.NewInstantQuery(context.Background(), s.db, nil, expr, at)
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

// series returns the labels of every series that the matchers choose now.
func (s *server) series(matchers []*labels.Matcher) []labels.Labels {
	s.t.Helper()
	now := time.Now()
	q, err := s.db.Querier(now.Add(-time.Minute).UnixMilli(), now.UnixMilli())
	if err != nil {
		s.t.Fatal(err)
	}
	defer q.Close()
	var all []labels.Labels
	set := q.Select(context.Background(), false, nil, matchers...)
	for set.Next() {
		all = append(all, set.At().Labels().Copy())
	}
	if set.Err() != nil {
		s.t.Fatal(set.Err())
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
