package prometheus

import (
	"os"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v3"
)

// history is a history of series, and nothing else that Prometheus knows.
type history struct {
	It     string        `yaml:"it"`
	Every  time.Duration `yaml:"every"` // between two values; zero: a minute
	Series []string      `yaml:"series"`
}

func TestEachAlertIsRaisedByWhatItIsForAndSilentElsewhere(t *testing.T) {
	text, err := os.ReadFile("testdata/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]struct{ Raised, Silent []history }
	if err := yaml.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	rules := alerts(t, newParser())
	if len(cases) != len(rules) {
		t.Errorf("%d alerts, and cases for %d", len(rules), len(cases))
	}
	for _, rule := range rules {
		c := cases[rule.Alert]
		if len(c.Raised) == 0 || len(c.Silent) == 0 {
			t.Errorf("%s has no case that raises it, or none that does not", rule.Alert)
		}
		for _, g := range c.Raised {
			t.Run(rule.Alert+"/raised: "+g.It, func(t *testing.T) {
				if !g.raises(t, rule) {
					t.Error("it is silent")
				}
			})
		}
		for _, g := range c.Silent {
			t.Run(rule.Alert+"/silent: "+g.It, func(t *testing.T) {
				if g.raises(t, rule) {
					t.Error("it is raised")
				}
			})
		}
	}
}

// raises reports whether the alert is raised at the last of the values, with the
// rule looked at once per value as Prometheus does: an alert is raised when its
// expression has held for as long as `for` says.
func (g history) raises(t *testing.T, rule rulefmt.Rule) bool {
	t.Helper()
	if g.Every == 0 {
		g.Every = time.Minute
	}
	s, values := g.load(t)
	// What was before the last stretch of `for` makes no difference.
	first := values - 1 - int((time.Duration(rule.For)+g.Every-1)/g.Every)
	since, raised := map[uint64]time.Time{}, false
	for i := max(first, 0); i < values; i++ {
		now := start.Add(time.Duration(i) * g.Every)
		found, err := s.askAt(rule.Expr, now)
		if err != nil {
			t.Fatal(err)
		}
		pending := map[uint64]time.Time{}
		raised = false
		for _, sample := range found {
			id := sample.Metric.Hash()
			if pending[id] = now; !since[id].IsZero() {
				pending[id] = since[id]
			}
			raised = raised || now.Sub(pending[id]) >= time.Duration(rule.For)
		}
		since = pending
	}
	return raised
}

// start is when all series begin.
var start = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// load puts the series into a memory of their own, and returns how many values
// the longest has.
func (g history) load(t *testing.T) (s *server, longest int) {
	t.Helper()
	kept := newMemory()
	p := newParser()
	for _, text := range g.Series {
		labels, values, err := p.ParseSeriesDesc(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		longest = max(longest, len(values))
		for i, v := range values {
			if v.Omitted {
				continue
			}
			if err := kept.add(labels, start.Add(time.Duration(i)*g.Every).UnixMilli(), v.Value); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
	}
	return &server{t: t, kept: kept, parser: p, engine: newEngine(p)}, longest
}
