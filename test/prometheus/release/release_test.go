//go:build chart

package release

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

const chart = "../../../deploy/helm/finsam"

// The chart writes the release's namespace into the alerts: each query must still be
// one, and ask for nothing of another namespace.
func TestEveryAlertOfAReleaseIsOfItsNamespace(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "helm", "template", "finsam", chart, "-n", "samordning", "-f", chart+"/examples/services-replica-set.yaml", "-s", "templates/prometheusrule.yaml")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var object struct {
		Spec struct {
			Groups []struct {
				Rules []struct{ Alert, Expr string }
			}
		}
	}
	if err := yaml.NewDecoder(bytes.NewReader(out)).Decode(&object); err != nil {
		t.Fatal(err)
	}
	p := parser.NewParser(parser.Options{})
	count := 0
	for _, g := range object.Spec.Groups {
		for _, r := range g.Rules {
			count++
			expr, err := p.ParseExpr(r.Expr)
			if err != nil {
				t.Errorf("%s: %v\n%s", r.Alert, err, r.Expr)
				continue
			}
			parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
				if v, ok := n.(*parser.VectorSelector); ok && !ofNamespace(v.LabelMatchers) {
					t.Errorf("%s: %s is of every namespace", r.Alert, v)
				}
				return nil
			})
		}
	}
	text, err := os.ReadFile(chart + "/files/alerts.yaml")
	if want := bytes.Count(text, []byte("- alert: ")); err != nil || want == 0 || count != want {
		t.Errorf("%d alerts of %d: %v", count, want, err)
	}
}

func ofNamespace(all []*labels.Matcher) bool {
	for _, m := range all {
		if m.Name == "namespace" && m.Type == labels.MatchEqual && m.Value == "samordning" {
			return true
		}
	}
	return false
}
