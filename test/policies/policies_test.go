package policies

import (
	"net/netip"
	"strings"
	"testing"
)

// pod makes a pod from its labels, such as "app=a".
func pod(namespace, labels, address string) Place {
	p := Place{Namespace: namespace, Labels: map[string]string{}, Address: netip.MustParseAddr(address), Names: map[string]int{"http": 8080}}
	for l := range strings.FieldsSeq(labels) {
		k, v, _ := strings.Cut(l, "=")
		p.Labels[k] = v
	}
	return p
}

func TestAPolicyMeansWhatKubernetesSays(t *testing.T) {
	a, b, b2 := pod("one", "app=a", "10.1.0.1"), pod("one", "app=b", "10.1.0.2"), pod("two", "app=b tier=x", "10.1.0.3")
	world := Place{Address: netip.MustParseAddr("203.0.113.9")}
	type try struct {
		from, to Place
		port     int
		protocol string
		want     bool
	}
	for sentence, c := range map[string]struct {
		policies []string
		tries    []try
	}{
		"without a policy all is open": {nil, []try{{a, b, 1, "UDP", true}, {world, a, 1, "TCP", true}}},
		"a policy without rules closes what it selects, in its namespace": {
			[]string{`{podSelector: {matchLabels: {app: b}}}`},
			[]try{{a, b, 1, "TCP", false}, {b, a, 1, "TCP", true}, {a, b2, 1, "TCP", true}},
		},
		"of both directions it is with rules of egress, or by its types": {
			[]string{`{podSelector: {}, egress: [{ports: [{port: 53, protocol: UDP}]}]}`},
			[]try{{a, world, 53, "UDP", true}, {a, world, 53, "TCP", false}, {world, a, 53, "UDP", false}},
		},
		"by its types it may be of one only": {
			[]string{`{podSelector: {}, policyTypes: [Egress]}`},
			[]try{{a, world, 53, "UDP", false}, {world, a, 1, "TCP", true}},
		},
		"both ends must let it through": {
			[]string{`{podSelector: {matchLabels: {app: a}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: b}}}]}]}`, `{podSelector: {matchLabels: {app: b}}, ingress: [{ports: [{port: 2}]}]}`},
			[]try{{a, b, 1, "TCP", false}, {a, b, 2, "TCP", true}, {a, world, 2, "TCP", false}},
		},
		"policies add up": {
			[]string{`{podSelector: {}}`, `{podSelector: {}, ingress: [{ports: [{port: 1}]}]}`, `{podSelector: {}, ingress: [{ports: [{port: 2}]}]}`},
			[]try{{a, b, 1, "TCP", true}, {a, b, 2, "TCP", true}, {a, b, 3, "TCP", false}},
		},
		"a port may be a name, a range, or only a protocol; unless told it is TCP": {
			[]string{`{podSelector: {}, ingress: [{ports: [{port: http}, {port: 100, endPort: 102}, {protocol: SCTP}]}]}`},
			[]try{{a, b, 8080, "TCP", true}, {a, b, 8080, "UDP", false}, {a, b, 99, "TCP", false}, {a, b, 102, "TCP", true}, {a, b, 103, "TCP", false}, {a, b, 7, "SCTP", true}},
		},
		"a name is that of the pod that listens": {
			[]string{`{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}`},
			[]try{{a, b, 8080, "TCP", true}, {a, world, 8080, "TCP", false}},
		},
		"a peer without a namespace is of the policy's own": {
			[]string{`{podSelector: {matchLabels: {app: a}}, ingress: [{from: [{podSelector: {matchLabels: {app: b}}}]}]}`},
			[]try{{b, a, 1, "TCP", true}, {b2, a, 1, "TCP", false}, {world, a, 1, "TCP", false}},
		},
		"a peer with a namespace and labels is both": {
			[]string{`{podSelector: {matchLabels: {app: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: two}}, podSelector: {matchLabels: {tier: x}}}]}]}`},
			[]try{{b2, a, 1, "TCP", true}, {b, a, 1, "TCP", false}, {pod("two", "app=b", "10.1.0.9"), a, 1, "TCP", false}},
		},
		"an empty selector of namespaces is every pod, and nothing outside": {
			[]string{`{podSelector: {matchLabels: {app: a}}, ingress: [{from: [{namespaceSelector: {}}]}]}`},
			[]try{{b, a, 1, "TCP", true}, {b2, a, 1, "TCP", true}, {world, a, 1, "TCP", false}},
		},
		"expressions select": {
			[]string{`{podSelector: {matchExpressions: [{key: app, operator: In, values: [a, c]}]}, ingress: [{from: [{podSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}, {key: app, operator: NotIn, values: [z]}, {key: app, operator: Exists}]}}]}]}`},
			[]try{{b, a, 1, "TCP", true}, {pod("one", "app=z", "10.1.0.9"), a, 1, "TCP", false}, {pod("one", "app=b tier=x", "10.1.0.9"), a, 1, "TCP", false}, {pod("one", "q=b", "10.1.0.9"), a, 1, "TCP", false}, {a, b, 1, "TCP", true}},
		},
		"a network has exceptions, and its own kind of address": {
			[]string{`{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}]}`},
			[]try{{a, world, 1, "TCP", true}, {a, b, 1, "TCP", false}, {a, Place{Address: netip.MustParseAddr("2001:db8::1")}, 1, "TCP", false}},
		},
	} {
		var all []Policy
		for _, spec := range c.policies {
			more, err := Read(strings.NewReader("kind: NetworkPolicy\nmetadata: {name: p, namespace: one}\nspec: " + spec))
			if err != nil || len(more) != 1 {
				t.Fatalf("%s: %v", sentence, err)
			}
			all = append(all, more...)
		}
		for i, x := range c.tries {
			if got := Allow(all, x.from, x.to, x.port, x.protocol); got != x.want {
				t.Errorf("%s: try %d (%d/%s): %v", sentence, i, x.port, x.protocol, got)
			}
		}
	}
}

func TestPoliciesAreReadFromWhatHelmAndKubectlWrite(t *testing.T) {
	for sentence, c := range map[string]struct {
		text string
		want int
		says string
	}{
		"a stream with other objects":  {"---\nkind: Pod\nspec: {x: 1}\n---\n# nothing\n---\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}}\n", 1, ""},
		"a list":                       {`{"kind": "List", "items": [{"kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": {"podSelector": {}}}, {"kind": "NetworkPolicy", "metadata": {"name": "q"}, "spec": {}}]}`, 2, ""},
		"what would not be understood": {"kind: NetworkPolicy\nmetadata: {name: p}\nspec: {podselectors: {}}\n", 0, `p: json: unknown field "podselectors"`},
	} {
		got, err := Read(strings.NewReader(c.text))
		if len(got) != c.want || (c.says == "") != (err == nil) || err != nil && err.Error() != c.says {
			t.Errorf("%s: %v, %v", sentence, got, err)
		}
	}
}
