//go:build cluster

package cluster

import (
	"strings"

	"github.com/finsam/finsam/test/policies"
)

// allowsOnlyTheCalls checks every connection between pods of the release, neighbours
// and the world. The test cluster does not enforce NetworkPolicies, so those that it
// holds are read as objects; make chart checks those of every example.
func (r room) allowsOnlyTheCalls(workloads []string, lets string) {
	r.Helper()
	all, err := policies.Read(strings.NewReader(r.kubectl("get", "networkpolicy", "-o", "yaml")))
	if err != nil || len(all) == 0 {
		r.Fatalf("%d policies: %v", len(all), err)
	}
	w := policies.World{Namespace: r.name, Release: "finsam", Workloads: workloads, Lets: lets}
	wrong, err := w.Differences(all)
	if err != nil {
		r.Fatal(err)
	}
	if len(wrong) > 0 {
		r.Errorf("%d connections are not as they should be:\n%s", len(wrong), strings.Join(wrong[:min(20, len(wrong))], "\n"))
	}
}
