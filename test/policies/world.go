package policies

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// World is an installation among its neighbours. Lets says, line by line, which
// connections are let through, such as "gateway > referral,activity 8080/TCP"; of
// all others with a pod of the release at one end none is.
//
// Groups are written in capitals: OTHERS are all that are not of the release, WORLD
// public addresses, PODS all pods of the release.
type World struct {
	Namespace, Release string
	Workloads          []string // those of the mode; "test" and "other" are always there
	Lets               string
}

// Services is what is let through in mode services, whatever else the values say.
const Services = `
gateway > referral,participant,activity 8080/TCP
referral,activity > participant 8080/TCP
participant > referral 8080/TCP
test > gateway 8080/TCP
gateway,referral,participant,activity,test > dns 53/UDP,53/TCP,5353/UDP,5353/TCP
`

// Standalone is the same in mode standalone; the pod of the backup speaks with nobody.
const Standalone = `
test > standalone 8080/TCP
standalone,test > dns 53/UDP,53/TCP,5353/UDP,5353/TCP
`

// Demo and Small are what the examples demo.yaml and standalone-small.yaml let through,
// which the cluster's tests install.
const (
	Demo = Services + `
OTHERS > gateway 8080/TCP     # ingressFrom is empty
referral,participant,activity > OTHERS 27017/TCP
gateway > OTHERS 6379/TCP
gateway > OTHERS 443/TCP      # issuers.to is empty
referral > WORLD 443/TCP      # webhooks
`
	Small = Standalone + `
ingress > standalone 8080/TCP
standalone > OTHERS 443/TCP   # issuers.to is empty
`
)

// The workloads of both modes.
var (
	OfServices   = []string{"gateway", "referral", "participant", "activity"}
	OfStandalone = []string{"standalone", "backup"}
)

// ports are those that somebody listens on, and one that nobody does.
var (
	ports     = []int{22, 53, 80, 443, 3128, 4318, 5353, 6379, 8080, 9090, 27015, 27016, 27017}
	protocols = []string{"TCP", "UDP", "SCTP"}
)

// places are all ends of connections, by name: pods of the release, pods that look
// like others' or ours, and addresses outside.
func (w World) places() (all map[string]Place, own []string) {
	all = map[string]Place{}
	next := netip.MustParseAddr("10.1.0.1")
	pod := func(name, namespace string, labels ...string) {
		p := Place{Namespace: namespace, Labels: map[string]string{}, Address: next, Names: map[string]int{"http": 8080, "admin": 9090}}
		for _, l := range labels {
			k, v, _ := strings.Cut(l, "=")
			p.Labels[k] = v
		}
		all[name], next = p, next.Next()
	}
	const app, instance, component = "app.kubernetes.io/name=", "app.kubernetes.io/instance=", "app.kubernetes.io/component="
	own = append(slices.Clone(w.Workloads), "test", "other")
	for _, name := range own {
		pod(name, w.Namespace, app+"finsam", instance+w.Release, component+name)
	}
	// Of the same namespace: the databases, what an operator starts by hand (restore,
	// look first), and another release.
	pod("mongodb", w.Namespace, "app=mongodb-svc")
	pod("redis", w.Namespace, app+"redis")
	pod("by-hand", w.Namespace)
	pod("other-release", w.Namespace, app+"finsam", instance+"other", component+"gateway")
	// Of others: some look like what is let through elsewhere.
	pod("same-release-elsewhere", "somewhere", app+"finsam", instance+w.Release, component+"gateway")
	pod("mongodb-elsewhere", "somewhere", "app=mongodb-svc")
	pod("dns-elsewhere", "somewhere", "k8s-app=kube-dns")
	pod("dns", "kube-system", "k8s-app=kube-dns")
	pod("not-dns", "kube-system", "k8s-app=metrics-server")
	pod("ingress", "ingress-nginx", app+"ingress-nginx")
	pod("envoy", "gateways", "app=envoy")
	pod("prometheus", "monitoring", app+"prometheus")
	pod("collector", "observability", "app=otel-collector")
	for name, address := range map[string]string{
		"public": "203.0.113.10", "public6": "2001:db8::10", "store": "192.0.2.10", // the examples' bucket and Atlas
		"region": "10.20.0.5", "node": "192.168.4.4", "office": "172.16.5.5", "carrier": "100.64.0.9",
		"metadata": "169.254.169.254", "private6": "fd00::7", "link6": "fe80::7",
	} {
		all[name] = Place{Address: netip.MustParseAddr(address)}
	}
	return all, own
}

// Differences compares every connection between two places, on every port and
// protocol, with what the policies let through, and tells those that differ.
func (w World) Differences(policies []Policy) ([]string, error) {
	all, own := w.places()
	lets, err := w.read(all, own)
	if err != nil {
		return nil, err
	}
	var wrong []string
	for _, from := range slices.Sorted(maps.Keys(all)) {
		for _, to := range slices.Sorted(maps.Keys(all)) {
			if from == to && all[from].Labels == nil || !slices.Contains(own, from) && !slices.Contains(own, to) {
				continue
			}
			for _, port := range ports {
				for _, protocol := range protocols {
					c := connection{from, to, port, protocol}
					if got := Allow(policies, all[from], all[to], port, protocol); got != lets[c] {
						wrong = append(wrong, fmt.Sprintf("%s > %s %d/%s: %s", from, to, port, protocol, map[bool]string{true: "let through", false: "denied"}[got]))
					}
				}
			}
		}
	}
	return wrong, nil
}

type connection struct {
	from, to string
	port     int
	protocol string
}

// read reads the lines of Lets.
func (w World) read(all map[string]Place, own []string) (map[connection]bool, error) {
	lets := map[connection]bool{}
	for line := range strings.Lines(w.Lets) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 4 || f[1] != ">" {
			return nil, fmt.Errorf("%q is not a line such as \"gateway > referral 8080/TCP\"", line)
		}
		for _, from := range names(f[0], all, own) {
			for _, to := range names(f[2], all, own) {
				for on := range strings.SplitSeq(f[3], ",") {
					number, protocol, _ := strings.Cut(on, "/")
					port, err := strconv.Atoi(number)
					known := all[from].Address.IsValid() && all[to].Address.IsValid()
					if err != nil || !known || !slices.Contains(ports, port) || !slices.Contains(protocols, protocol) {
						return nil, fmt.Errorf("%q names a place, port or protocol that is not looked at", line)
					}
					lets[connection{from, to, port, protocol}] = true
				}
			}
		}
	}
	return lets, nil
}

// names gives the places of a list, its groups taken apart.
func names(list string, all map[string]Place, own []string) (places []string) {
	for name := range strings.SplitSeq(list, ",") {
		switch name {
		case "PODS":
			places = append(places, own...)
		case "WORLD":
			places = append(places, "public", "public6", "store")
		case "OTHERS":
			for other := range all {
				if !slices.Contains(own, other) {
					places = append(places, other)
				}
			}
		default:
			places = append(places, name)
		}
	}
	return places
}
