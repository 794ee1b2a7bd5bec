//go:build chart

package policies

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const chart = "../../deploy/helm/finsam"

type installation struct {
	sentence, example string
	set               []string
	lets              string
}

// installations are the examples, and values that open or close more. What each
// lets through beyond its mode stands here; all else is denied.
var installations = []installation{
	{"a replica set beside it", "services-replica-set.yaml", nil, Services + `
ingress > gateway 8080/TCP
prometheus > gateway,referral,participant,activity 9090/TCP
referral,participant,activity > mongodb 27017/TCP
gateway > redis 6379/TCP
gateway > OTHERS 443/TCP      # issuers.to is empty
referral > WORLD 443/TCP      # webhooks, and the bucket
`},
	{"a sharded cluster elsewhere", "services-sharded.yaml", nil, Services + `
ingress > gateway 8080/TCP
referral,participant,activity > store 27015/TCP,27016/TCP,27017/TCP
gateway > OTHERS 6379/TCP     # redis.to is empty
gateway > OTHERS 443/TCP
referral > WORLD 443/TCP
gateway,referral,participant,activity > OTHERS 4318/TCP # otlp.to is empty
`},
	{"a network with a proxy", "gateway-api-private-ca.yaml", nil, Services + `
envoy > gateway 8080/TCP
referral,participant,activity > OTHERS 27017/TCP
gateway > OTHERS 6379/TCP
# 10.0.0.0/8 holds the pods too, as the wider reading has it
gateway,referral > region,mongodb,redis,by-hand,other-release,same-release-elsewhere,mongodb-elsewhere,dns-elsewhere,dns,not-dns,ingress,envoy,prometheus,collector 3128/TCP
`},
	{"all in one", "standalone-small.yaml", nil, Small},
	{"a demo", "demo.yaml", nil, Demo},
	{"webhooks within the region too", "demo.yaml", []string{"webhooks.allow={10.20.0.0/16,fd00::/64}", "redis.existingSecret.name="}, Services + `
OTHERS > gateway 8080/TCP
referral,participant,activity > OTHERS 27017/TCP
gateway > OTHERS 443/TCP
referral > WORLD,region,private6 443/TCP
`},
	{"webhooks through a proxy that is not named by a network", "services-replica-set.yaml", []string{"webhooks.proxy=http://proxy:3128", "networkPolicy.issuers.to[0].ipBlock.cidr=192.0.2.0/24"}, Services + `
ingress > gateway 8080/TCP
prometheus > gateway,referral,participant,activity 9090/TCP
referral,participant,activity > mongodb 27017/TCP
gateway > redis 6379/TCP
gateway > store 443/TCP
referral > OTHERS 443/TCP,3128/TCP
`},
	{"four services, " + closed, "services-replica-set.yaml", append([]string{"networkPolicy.blobs.to[0].ipBlock.cidr=10.20.0.0/16"}, narrow...), Services + `
ingress > gateway 8080/TCP
prometheus > gateway,referral,participant,activity 9090/TCP
referral,participant,activity > mongodb 27017/TCP
gateway > redis 6379/TCP
gateway > office 443/TCP
referral > WORLD,region 443/TCP
gateway,referral,participant,activity > collector 4318/TCP
`},
	{"all in one, " + closed, "standalone-small.yaml", narrow, Standalone + `
ingress > standalone 8080/TCP
prometheus > standalone 9090/TCP
standalone > WORLD,office 443/TCP
standalone > collector 4318/TCP
`},
}

// closed installations have no two rules for one connection, so that each counts.
const closed = "closed as far as it goes"

var narrow = []string{
	"networkPolicy.issuers.to[0].ipBlock.cidr=172.16.0.0/12", "telemetry.endpoint=http://otel-collector.observability:4318",
	"networkPolicy.otlp.to[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=observability",
	"networkPolicy.metricsFrom[0].namespaceSelector.matchExpressions[0].key=kubernetes\\.io/metadata\\.name",
	"networkPolicy.metricsFrom[0].namespaceSelector.matchExpressions[0].operator=In",
	"networkPolicy.metricsFrom[0].namespaceSelector.matchExpressions[0].values={monitoring}",
}

func TestTheChartLetsThroughWhatItShouldAndNothingElse(t *testing.T) {
	examples, err := filepath.Glob(chart + "/examples/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, e := range examples {
		if !slices.ContainsFunc(installations, func(i installation) bool { return i.example == filepath.Base(e) && i.set == nil }) {
			t.Errorf("nothing says what %s should let through", e)
		}
	}
	for _, i := range installations {
		t.Run(i.sentence, func(t *testing.T) {
			w := World{Namespace: "finsam", Release: "finsam", Workloads: OfServices, Lets: i.lets}
			if strings.HasPrefix(i.example, "standalone") {
				w.Workloads = OfStandalone
			}
			all := rendered(t, i.example, i.set...)
			tell(t, w, all)
			if strings.HasSuffix(i.sentence, closed) {
				eachCounts(t, w, all)
			}
		})
	}
}

// rendered gives the policies that helm makes.
func rendered(t *testing.T, example string, set ...string) []Policy {
	t.Helper()
	args := []string{"template", "finsam", chart, "-n", "finsam", "-f", filepath.Join(chart, "examples", example)}
	for _, s := range set {
		args = append(args, "--set", s)
	}
	cmd := exec.CommandContext(t.Context(), "helm", args...)
	var out, says bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &says
	if err := cmd.Run(); err != nil {
		t.Fatalf("helm: %v\n%s", err, says.String())
	}
	all, err := Read(&out)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d policies: %v", len(all), err)
	}
	return all
}

func tell(t *testing.T, w World, all []Policy) {
	t.Helper()
	wrong, err := w.Differences(all)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range wrong {
		if i == 20 {
			t.Errorf("… and %d more", len(wrong)-i)
			break
		}
		t.Error(line)
	}
}

// eachCounts takes away each policy and each rule, and opens each rule to everybody
// and for every port: what is not noticed is not checked.
func eachCounts(t *testing.T, w World, all []Policy) {
	t.Helper()
	noticed := func(what string, i int, changed Policy) {
		t.Helper()
		other := slices.Clone(all)
		other[i] = changed
		if wrong, err := w.Differences(other); err != nil || len(wrong) == 0 {
			t.Errorf("%s %s makes no difference (%v)", all[i].Name, what, err)
		}
	}
	tries := 0
	for i, p := range all {
		noticed("taken away", i, Policy{})
		try := func(rules []Rule, with func([]Rule) Policy) {
			for n, r := range rules {
				noticed("without a rule", i, with(slices.Delete(slices.Clone(rules), n, n+1)))
				if wider := (Rule{Ports: r.Ports}); len(r.From)+len(r.To) > 0 {
					noticed("with a rule for everybody", i, with(append(slices.Clone(rules), wider)))
				}
				if wider := (Rule{From: r.From, To: r.To}); !within(r) {
					noticed("with a rule for every port", i, with(append(slices.Clone(rules), wider)))
				}
				tries++
			}
		}
		try(p.Spec.Ingress, func(rules []Rule) Policy { p.Spec.Ingress = rules; return p })
		p = all[i]
		try(p.Spec.Egress, func(rules []Rule) Policy { p.Spec.Egress = rules; return p })
	}
	if tries < 8 {
		t.Errorf("only %d rules were tried", tries)
	}
}

// within tells whether a rule is between two pods of the release: then both ends
// say on which port, and opening one of them opens nothing.
func within(r Rule) bool {
	return slices.ContainsFunc(slices.Concat(r.From, r.To), func(p Peer) bool {
		return p.PodSelector != nil && p.PodSelector.MatchLabels["app.kubernetes.io/component"] != ""
	})
}
