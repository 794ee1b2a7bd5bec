package prometheus

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

const chart = "../../deploy/helm/finsam/"

// query is one of the chart's, with its place.
type query struct{ place, expr, legend string }

// panels returns the queries of every dashboard.
func panels(t *testing.T) []query {
	t.Helper()
	files, err := filepath.Glob(chart + "dashboards/*.json")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d dashboards: %v", len(files), err)
	}
	var all []query
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr, LegendFormat string }
			}
		}
		if err := json.Unmarshal(text, &board); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, p := range board.Panels {
			for i, target := range p.Targets {
				place := fmt.Sprintf("%s: %s %c", filepath.Base(file), p.Title, 'A'+i)
				all = append(all, query{place, variables.Replace(target.Expr), target.LegendFormat})
			}
		}
	}
	return all
}

// variables are what Grafana puts in.
var variables = strings.NewReplacer("$namespace", ".*", "$__rate_interval", "1m")

// alerts returns the alerts, as Prometheus reads them.
func alerts(t *testing.T, p parser.Parser) []rulefmt.Rule {
	t.Helper()
	file, errs := rulefmt.ParseFile(chart+"files/alerts.yaml", false, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var all []rulefmt.Rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// check finds every series and every label that the query names among what was
// scraped, and says what is missing.
func (s *server) check(q query) (wrong []string) {
	expr, err := s.parser.ParseExpr(q.expr)
	if err != nil {
		return []string{err.Error()}
	}
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			if len(s.series(n.LabelMatchers)) == 0 {
				wrong = append(wrong, fmt.Sprintf("no series is %s", n))
			}
		case *parser.AggregateExpr:
			wrong = append(wrong, s.missing(n.Grouping, "by", n.Expr)...)
		case *parser.BinaryExpr:
			if m := n.VectorMatching; m != nil {
				wrong = append(wrong, s.missing(m.MatchingLabels, "on", n.LHS)...)
				wrong = append(wrong, s.missing(m.MatchingLabels, "on", n.RHS)...)
				one := n.RHS
				if m.Card == parser.CardOneToMany {
					one = n.LHS
				}
				wrong = append(wrong, s.missing(m.Include, "group", one)...)
			}
		}
		return nil
	})
	return wrong
}

// missing says which of the names no series below the node has as a label.
func (s *server) missing(names []string, word string, below parser.Node) (wrong []string) {
	if len(names) == 0 {
		return nil
	}
	known := map[string]bool{}
	parser.Inspect(below, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			for _, l := range s.series(v.LabelMatchers) {
				l.Range(func(l labels.Label) { known[l.Name] = true })
			}
		}
		return nil
	})
	for _, name := range names {
		if !known[name] {
			wrong = append(wrong, fmt.Sprintf("%s (%s): no series below has this label", word, name))
		}
	}
	return wrong
}

var legendLabels = regexp.MustCompile(`\{\{\s*([a-zA-Z_]+)\s*\}\}`)

// shows checks that the panel has something to draw, and names it.
func (s *server) shows(q query) (wrong []string) {
	v, err := s.ask(q.expr)
	if err != nil {
		return []string{err.Error()}
	}
	if len(v) == 0 {
		return []string{"shows nothing"}
	}
	for _, m := range legendLabels.FindAllStringSubmatch(q.legend, -1) {
		if !slices.ContainsFunc(v, func(sample sample) bool { return sample.Metric.Get(m[1]) != "" }) {
			wrong = append(wrong, fmt.Sprintf("the legend names %s, which no result has", m[1]))
		}
	}
	return wrong
}

func TestEveryPanelIsDescribedAndOverlapsNoOther(t *testing.T) {
	const columns = 24 // of Grafana's grid
	files, err := filepath.Glob(chart + "dashboards/*.json")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d dashboards: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			Title, Description string
			Panels             []struct {
				Type, Title, Description string
				GridPos                  struct{ X, Y, W, H int }
				FieldConfig              struct{ Defaults struct{ Unit string } }
				Targets                  []struct{ LegendFormat string }
			}
		}
		if err := json.Unmarshal(text, &board); err != nil || board.Title == "" || board.Description == "" {
			t.Fatalf("%s: %v, or no title or description", file, err)
		}
		taken := map[[2]int]string{}
		for _, p := range board.Panels {
			if p.Type != "row" && (p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0) {
				t.Errorf("%s: %q lacks a title, a description, a unit or a query", file, p.Title)
			}
			for _, target := range p.Targets {
				if target.LegendFormat == "" && p.Type != "stat" {
					t.Errorf("%s: %q: a query without a legend", file, p.Title)
				}
			}
			g := p.GridPos
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					if other, ok := taken[[2]int{x, y}]; ok || x >= columns {
						t.Errorf("%s: %s overlaps %q or the edge", file, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}
