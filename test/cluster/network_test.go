//go:build cluster

package cluster

import (
	"slices"
	"strings"
)

// hasPolicies checks that the cluster holds a policy for each workload, and the one
// that denies the rest, in both directions. The test cluster does not enforce
// policies; test/policies lists their rules.
func (r room) hasPolicies(workloads ...string) {
	r.Helper()
	got := strings.Fields(r.kubectl("get", "networkpolicy", "-o", `jsonpath={range .items[*]}{.metadata.name}={.spec.policyTypes}{"\n"}{end}`))
	for _, name := range append(workloads, "default-deny", "test") {
		if !slices.Contains(got, "finsam-"+name+`=["Ingress","Egress"]`) {
			r.Errorf("no policy in both directions for %s among %v", name, got)
		}
	}
}
