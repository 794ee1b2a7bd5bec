package prometheus

import (
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/test/suite"
)

// scales asks what prometheus-adapter asks by the rule of docs/operations/alerts.md when a
// HorizontalPodAutoscaler wants a metric of the pods of a workload.
func (s *server) scales(st *suite.Suite) {
	s.t.Helper()
	page, err := os.ReadFile("../../docs/operations/alerts.md")
	if err != nil {
		s.t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\nrules:\n")
	text, _, _ = strings.Cut(text, "```")
	var file struct {
		Rules []struct {
			Series  string `yaml:"seriesQuery"`
			Metrics string `yaml:"metricsQuery"`
		}
	}
	if err := yaml.Unmarshal([]byte("rules:\n"+text), &file); err != nil || len(file.Rules) != 1 {
		s.t.Fatalf("docs/operations/alerts.md has no rule for the adapter: %v", err)
	}
	rule := file.Rules[0]
	found, err := s.ask(rule.Series)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, metric := range []string{"finsam_gateway_in_flight", "finsam_requests_in_flight"} {
		var pods []string
		for _, f := range found {
			if f.Metric.Get("__name__") == metric {
				pods = append(pods, f.Metric.Get("pod"))
			}
		}
		slices.Sort(pods)
		pods = slices.Compact(pods)
		if want := len(st.Processes); len(pods) == 0 || metric == "finsam_requests_in_flight" && want > 1 && len(pods) < want-1 {
			s.t.Errorf("%s: the rule finds it of %v", metric, pods)
		}
		query := strings.NewReplacer("<<.Series>>", metric, "<<.GroupBy>>", "pod",
			"<<.LabelMatchers>>", `namespace="finsam-test",pod=~"`+strings.Join(pods, "|")+`"`).Replace(rule.Metrics)
		answer, err := s.ask(query)
		if err != nil || len(answer) != len(pods) {
			s.t.Errorf("%s: %v, %v, for the pods %v", query, answer, err, pods)
		}
		for _, a := range answer {
			if a.Metric.Get("pod") == "" {
				s.t.Errorf("%s: %v is of no pod", query, a)
			}
		}
	}
}
