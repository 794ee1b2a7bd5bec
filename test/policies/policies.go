// Package policies says what Kubernetes' NetworkPolicies let through, as their
// definition has it (networking.k8s.io/v1): for a cluster that enforces none, and for
// a chart that is not installed at all. World says of every pair of pods what should be.
package policies

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Policy is a NetworkPolicy. What is not understood here is not read either.
type Policy struct {
	Name, Namespace string
	Spec            Spec
}

// Spec is what a policy says.
type Spec struct {
	PodSelector Selector `json:"podSelector"`
	PolicyTypes []string `json:"policyTypes"`
	Ingress     []Rule   `json:"ingress"`
	Egress      []Rule   `json:"egress"`
}

// Rule lets through what comes from one of From (ingress) or goes to one of To
// (egress), on one of Ports; an empty list is everybody and every port.
type Rule struct {
	From  []Peer `json:"from"`
	To    []Peer `json:"to"`
	Ports []Port `json:"ports"`
}

// Peer is who a rule is about: pods by their labels and namespaces, or a network.
type Peer struct {
	PodSelector       *Selector `json:"podSelector"`
	NamespaceSelector *Selector `json:"namespaceSelector"`
	IPBlock           *struct {
		CIDR   netip.Prefix   `json:"cidr"`
		Except []netip.Prefix `json:"except"`
	} `json:"ipBlock"`
}

// Port is a port, by number, as a range up to EndPort, or by the name that the pod
// gives it. An empty Protocol is TCP.
type Port struct {
	Protocol string `json:"protocol"`
	Port     any    `json:"port"`
	EndPort  int    `json:"endPort"`
}

// Selector selects by labels; an empty one selects all.
type Selector struct {
	MatchLabels      map[string]string `json:"matchLabels"`
	MatchExpressions []struct {
		Key      string   `json:"key"`
		Operator string   `json:"operator"`
		Values   []string `json:"values"`
	} `json:"matchExpressions"`
}

// Place is one end of a connection: a pod, or an address outside the cluster, which
// has neither namespace nor labels.
type Place struct {
	Namespace string
	Labels    map[string]string
	Address   netip.Addr
	Names     map[string]int // its ports' names
}

// Read reads the policies of a stream of YAML documents or a list of kubectl's, and
// passes over other objects. A field that is not known here is an error.
func Read(r io.Reader) ([]Policy, error) {
	type object struct {
		Kind     string `yaml:"kind"`
		Metadata struct {
			Name      string `yaml:"name"`
			Namespace string `yaml:"namespace"`
		} `yaml:"metadata"`
		Spec  any            `yaml:"spec"`
		Items []any          `yaml:"items"`
		Rest  map[string]any `yaml:",inline"`
	}
	var all []Policy
	for d := yaml.NewDecoder(r); ; {
		var o object
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		for _, item := range o.Items {
			text, err := yaml.Marshal(item)
			if err != nil {
				return nil, err
			}
			more, err := Read(bytes.NewReader(text))
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		if o.Kind != "NetworkPolicy" {
			continue
		}
		text, err := json.Marshal(o.Spec)
		if err != nil {
			return nil, err
		}
		p := Policy{Name: o.Metadata.Name, Namespace: o.Metadata.Namespace}
		strict := json.NewDecoder(bytes.NewReader(text))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&p.Spec); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		all = append(all, p)
	}
}

// Allow tells whether a connection is let out by the policies of where it comes from,
// and let in by those of where it goes. Policies add up; a pod that none selects for
// a direction is open in it.
func Allow(all []Policy, from, to Place, port int, protocol string) bool {
	return passes(all, "Egress", from, to, to, port, protocol) && passes(all, "Ingress", to, from, to, port, protocol)
}

// passes looks at one direction: at the policies that bind a pod, and at its other
// end; the port is always the listener's.
func passes(all []Policy, direction string, bound, other, listener Place, port int, protocol string) bool {
	free := true
	for _, p := range all {
		if bound.Labels == nil || p.Namespace != bound.Namespace || !p.Spec.PodSelector.selects(bound.Labels) || !slices.Contains(p.types(), direction) {
			continue
		}
		free = false
		rules := p.Spec.Egress
		if direction == "Ingress" {
			rules = p.Spec.Ingress
		}
		for _, r := range rules {
			if r.onPort(listener, port, protocol) && among(slices.Concat(r.From, r.To), p.Namespace, other) {
				return true
			}
		}
	}
	return free
}

// types are those of the policy; without any it is of Ingress, and of Egress if it
// has such rules.
func (p Policy) types() []string {
	switch {
	case len(p.Spec.PolicyTypes) > 0:
		return p.Spec.PolicyTypes
	case len(p.Spec.Egress) > 0:
		return []string{"Ingress", "Egress"}
	}
	return []string{"Ingress"}
}

func (r Rule) onPort(listener Place, port int, protocol string) bool {
	return len(r.Ports) == 0 || slices.ContainsFunc(r.Ports, func(p Port) bool {
		if p.Protocol != protocol && (p.Protocol != "" || protocol != "TCP") {
			return false
		}
		switch n := p.Port.(type) {
		case nil:
			return true
		case string:
			return listener.Names[n] == port
		case float64:
			return int(n) == port || int(n) <= port && port <= p.EndPort
		}
		return false
	})
}

func among(peers []Peer, namespace string, p Place) bool {
	return len(peers) == 0 || slices.ContainsFunc(peers, func(peer Peer) bool { return peer.is(namespace, p) })
}

// is tells whether a place is the peer of a policy in a namespace. Whether a network
// holds pods too is left to the cluster's plugin; here it does, the wider reading.
func (p Peer) is(namespace string, at Place) bool {
	if b := p.IPBlock; b != nil {
		return b.CIDR.Contains(at.Address) && !slices.ContainsFunc(b.Except, func(e netip.Prefix) bool { return e.Contains(at.Address) })
	}
	if at.Labels == nil {
		return false
	}
	if p.NamespaceSelector == nil {
		return at.Namespace == namespace && p.PodSelector.selects(at.Labels)
	}
	of := map[string]string{"kubernetes.io/metadata.name": at.Namespace} // every namespace has it
	return p.NamespaceSelector.selects(of) && (p.PodSelector == nil || p.PodSelector.selects(at.Labels))
}

func (s Selector) selects(labels map[string]string) bool {
	for k, v := range s.MatchLabels {
		if has, ok := labels[k]; !ok || has != v {
			return false
		}
	}
	for _, e := range s.MatchExpressions {
		value, there := labels[e.Key]
		switch e.Operator {
		case "In":
			there = there && slices.Contains(e.Values, value)
		case "NotIn":
			there = !there || !slices.Contains(e.Values, value)
		case "Exists":
		case "DoesNotExist":
			there = !there
		default:
			there = false
		}
		if !there {
			return false
		}
	}
	return true
}
