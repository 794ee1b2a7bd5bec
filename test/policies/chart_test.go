//go:build chart

package policies

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const chart = "../../deploy/helm/finsam"

var update = flag.Bool("update", false, "write the files in testdata")

// installations are every example of the chart, and values that open or close more.
// testdata lists the rules that each renders; the pods of a release reach and are
// reached by nothing else.
var installations = []struct {
	name, example string
	set           []string
}{
	{name: "demo", example: "demo"},
	{name: "gateway-api-private-ca", example: "gateway-api-private-ca"},
	{name: "services-replica-set", example: "services-replica-set"},
	{name: "services-sharded", example: "services-sharded"},
	{name: "standalone-small", example: "standalone-small"},
	{name: "webhooks-within-the-region", example: "demo", set: []string{"webhooks.allow={10.20.0.0/16,fd00::/64}", "redis.existingSecret.name="}},
	{name: "webhooks-through-a-proxy", example: "services-replica-set", set: []string{"webhooks.proxy=http://proxy:3128", "networkPolicy.issuers.to[0].ipBlock.cidr=192.0.2.0/24"}},
	{name: "services-closed", example: "services-replica-set", set: append([]string{"networkPolicy.blobs.to[0].ipBlock.cidr=10.20.0.0/16"}, closed...)},
	{name: "standalone-closed", example: "standalone-small", set: closed},
}

// closed names a receiver for every rule that can have one.
var closed = []string{
	"networkPolicy.issuers.to[0].ipBlock.cidr=172.16.0.0/12", "telemetry.endpoint=http://otel-collector.observability:4318",
	"networkPolicy.otlp.to[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=observability",
	"networkPolicy.metricsFrom[0].namespaceSelector.matchExpressions[0].key=kubernetes\\.io/metadata\\.name",
	"networkPolicy.metricsFrom[0].namespaceSelector.matchExpressions[0].operator=In",
	"networkPolicy.metricsFrom[0].namespaceSelector.matchExpressions[0].values={monitoring}",
}

func TestTheChartAllowsTheListedConnectionsOnly(t *testing.T) {
	examples, err := filepath.Glob(chart + "/examples/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	listed := map[string]bool{}
	for _, i := range installations {
		listed[i.example+".yaml"] = true
		t.Run(i.name, func(t *testing.T) {
			args := []string{"template", "finsam", chart, "-n", "finsam", "-f", chart + "/examples/" + i.example + ".yaml"}
			for _, s := range i.set {
				args = append(args, "--set", s)
			}
			text, err := exec.CommandContext(t.Context(), "helm", args...).Output()
			if err != nil {
				t.Fatalf("helm: %v", err)
			}
			got, file := rules(t, text), filepath.Join("testdata", i.name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want, err := os.ReadFile(file); err != nil || string(want) != got {
				t.Errorf("%v; the chart's policies differ from %s; look at the difference after go test -tags chart ./test/policies -update; got:\n%s", err, file, got)
			}
		})
	}
	for _, e := range examples {
		if !listed[filepath.Base(e)] {
			t.Errorf("no installation uses %s", e)
		}
	}
}

// rules returns the NetworkPolicies among rendered objects as text: the pods that a
// policy selects, and a line for each rule.
func rules(t *testing.T, objects []byte) string {
	t.Helper()
	var out strings.Builder
	for d := yaml.NewDecoder(bytes.NewReader(objects)); ; {
		var o struct {
			Kind     string
			Metadata struct{ Name string }
			Spec     struct {
				PodSelector     any      `yaml:"podSelector"`
				PolicyTypes     []string `yaml:"policyTypes"`
				Ingress, Egress []struct {
					Ports, From, To []any
					Rest            map[string]any `yaml:",inline"`
				}
			}
		}
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			return out.String()
		} else if err != nil {
			t.Fatal(err)
		}
		if o.Kind != "NetworkPolicy" {
			continue
		}
		fmt.Fprintf(&out, "%s %s of %s\n", o.Metadata.Name, o.Spec.PolicyTypes, short(t, o.Spec.PodSelector))
		for _, r := range o.Spec.Ingress {
			fmt.Fprintf(&out, "  on %s from %s\n", short(t, r.Ports...), short(t, r.From...))
			if len(r.To)+len(r.Rest) > 0 {
				t.Errorf("%s: a rule of ingress has more than ports and from: %v", o.Metadata.Name, r)
			}
		}
		for _, r := range o.Spec.Egress {
			fmt.Fprintf(&out, "  to %s on %s\n", short(t, r.To...), short(t, r.Ports...))
			if len(r.From)+len(r.Rest) > 0 {
				t.Errorf("%s: a rule of egress has more than ports and to: %v", o.Metadata.Name, r)
			}
		}
	}
}

// short returns peers or ports in short: a port as "8080/TCP", a workload of the
// release by its name, the rest as JSON without quotes. Without any, a rule is for
// everybody or for every port.
func short(t *testing.T, all ...any) string {
	t.Helper()
	if len(all) == 0 {
		return "ANY"
	}
	var each []string
	for _, v := range all {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		s := strings.NewReplacer(`"`, "", "app.kubernetes.io/", "", "kubernetes.io/metadata.name", "namespace").Replace(string(text))
		s = port.ReplaceAllString(s, "$1/$2")
		s = workload.ReplaceAllString(s, "$1")
		each = append(each, s)
	}
	return strings.Join(each, " ")
}

var (
	port     = regexp.MustCompile(`^\{port:(\w+),protocol:(\w+)\}$`)
	workload = regexp.MustCompile(`^(?:\{podSelector:)?\{matchLabels:\{component:(\w+),instance:finsam,name:finsam\}\}(?:\})?$`)
)
