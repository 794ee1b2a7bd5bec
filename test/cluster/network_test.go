//go:build cluster

package cluster

import (
	"encoding/json"
	"fmt"
	"slices"
)

// The test cluster does not enforce NetworkPolicies, so they are read as objects:
// what Kubernetes' rules for them say of each pair of pods.

type policy struct {
	Spec struct {
		PodSelector selector `json:"podSelector"`
		PolicyTypes []string `json:"policyTypes"`
		Ingress     []rule   `json:"ingress"`
		Egress      []rule   `json:"egress"`
	} `json:"spec"`
}

type rule struct {
	From  []peer `json:"from"`
	To    []peer `json:"to"`
	Ports []struct {
		Port any `json:"port"`
	} `json:"ports"`
}

type peer struct {
	PodSelector       *selector `json:"podSelector"`
	NamespaceSelector *selector `json:"namespaceSelector"`
	IPBlock           any       `json:"ipBlock"`
}

type selector struct {
	MatchLabels map[string]string `json:"matchLabels"`
}

func (s selector) selects(labels map[string]string) bool {
	for k, v := range s.MatchLabels {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// end is one side of a connection: a pod of the release's namespace, or of
// another one that is named.
type end struct {
	labels    map[string]string
	namespace string
}

// component gives a pod of the release.
func component(name string) end {
	return end{labels: map[string]string{
		"app.kubernetes.io/name": "finsam", "app.kubernetes.io/instance": "finsam", "app.kubernetes.io/component": name,
	}}
}

// stranger is a pod of nobody's, in the same namespace.
var stranger = end{labels: map[string]string{"app": "stranger"}}

func (p peer) is(e end) bool {
	switch {
	case p.IPBlock != nil:
		return false
	case p.NamespaceSelector == nil:
		return e.namespace == "" && p.PodSelector.selects(e.labels)
	case !p.NamespaceSelector.selects(map[string]string{"kubernetes.io/metadata.name": e.namespace}):
		return false
	}
	return p.PodSelector == nil || p.PodSelector.selects(e.labels)
}

func (r rule) lets(peers []peer, e end, port string) bool {
	onPort := len(r.Ports) == 0
	for _, p := range r.Ports {
		onPort = onPort || fmt.Sprint(p.Port) == port
	}
	return onPort && (len(peers) == 0 || slices.ContainsFunc(peers, func(p peer) bool { return p.is(e) }))
}

// allowed tells whether a connection is let out by the policies of where it comes
// from, and let in by those of where it goes.
func allowed(policies []policy, from, to end, port string) bool {
	out, outBound, in, inBound := false, false, false, false
	for _, p := range policies {
		if from.namespace == "" && p.Spec.PodSelector.selects(from.labels) && slices.Contains(p.Spec.PolicyTypes, "Egress") {
			outBound = true
			for _, r := range p.Spec.Egress {
				out = out || r.lets(r.To, to, port)
			}
		}
		if to.namespace == "" && p.Spec.PodSelector.selects(to.labels) && slices.Contains(p.Spec.PolicyTypes, "Ingress") {
			inBound = true
			for _, r := range p.Spec.Ingress {
				in = in || r.lets(r.From, from, port)
			}
		}
	}
	return (out || !outBound) && (in || !inBound)
}

// allowsOnlyTheCalls checks every pair of pods of the release, and strangers.
func (r room) allowsOnlyTheCalls() {
	r.Helper()
	var list struct {
		Items []policy `json:"items"`
	}
	if err := json.Unmarshal([]byte(r.kubectl("get", "networkpolicy", "-o", "json")), &list); err != nil || len(list.Items) == 0 {
		r.Fatalf("no policies: %v", err)
	}
	calls := map[string][]string{
		"gateway": {"referral", "participant", "activity"}, "referral": {"participant"}, "participant": {"referral"}, "activity": {"participant"},
		"test": {"gateway"}, "backup": nil,
	}
	services := []string{"gateway", "referral", "participant", "activity"}
	for from, callees := range calls {
		for _, to := range services {
			if got, want := allowed(list.Items, component(from), component(to), "http"), slices.Contains(callees, to); got != want && from != to {
				r.Errorf("%s to %s: allowed %v, want %v", from, to, got, want)
			}
			if allowed(list.Items, component(from), component(to), "admin") {
				r.Errorf("%s reaches the admin port of %s", from, to)
			}
		}
		if from != "backup" && from != "test" && allowed(list.Items, component(from), stranger, "http") {
			r.Errorf("%s reaches strangers", from)
		}
	}
	for _, to := range services {
		if got := allowed(list.Items, stranger, component(to), "http"); got != (to == "gateway") {
			r.Errorf("a stranger to %s: allowed %v; the example lets everybody to the front door, and nowhere else", to, got)
		}
	}
	for _, s := range services[1:] {
		mongo := end{labels: map[string]string{"app": "mongodb"}}
		if !allowed(list.Items, component(s), mongo, "27017") || allowed(list.Items, component("gateway"), mongo, "27017") {
			r.Errorf("%s must reach MongoDB, and the gateway must not", s)
		}
	}
}
