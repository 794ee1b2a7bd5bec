//go:build cluster

package cluster

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// inFlight is the metric that the gateway's autoscaler follows.
const inFlight = "finsam_gateway_in_flight"

// adapter replaces prometheus-adapter: it serves custom.metrics.k8s.io from the
// gateways' /metrics. docs/operations/alerts.md has the rule for the real
// one, and test/prometheus asks what that would ask. It listens on the node where this
// test runs, so it is for the test cluster only.
func (l *life) adapter() {
	l.Helper()
	cert, err := tls.LoadX509KeyPair(l.ca, filepath.Join(filepath.Dir(l.ca), "tls.key"))
	if err != nil {
		l.Fatal(err)
	}
	node := l.kubectl("get", "nodes", "-o", `jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`)
	listener, err := tls.Listen("tcp", net.JoinHostPort(node, "0"), &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		l.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(l.metrics), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	l.Cleanup(func() {
		undo("kubectl", "delete", "apiservice", "v1beta1.custom.metrics.k8s.io")
		_ = server.Close()
	})
	l.apply(fmt.Sprintf(`apiVersion: v1
kind: Service
metadata: { name: adapter }
spec: { ports: [{ name: https, port: 443 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: adapter, labels: { kubernetes.io/service-name: adapter } }
addressType: IPv4
endpoints: [{ addresses: [%q] }]
ports: [{ name: https, port: %d }]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: { name: v1beta1.custom.metrics.k8s.io }
spec:
  group: custom.metrics.k8s.io
  version: v1beta1
  service: { name: adapter, namespace: %s, port: 443 }
  insecureSkipTLSVerify: true
  groupPriorityMinimum: 100
  versionPriority: 100
`, node, listener.Addr().(*net.TCPAddr).Port, l.name))
	l.kubectl("wait", "--for=condition=Available", "apiservice/v1beta1.custom.metrics.k8s.io", "--timeout=1m")
}

var (
	podsMetric = "/apis/custom.metrics.k8s.io/v1beta1/namespaces/%s/pods/*/" + inFlight
	sampled    = regexp.MustCompile(`(?m)^` + inFlight + `(?:\{[^}]*\})? ([0-9.e+]+)$`)
)

// metrics answers the API server: what there is, and the value of each gateway's pod.
func (l *life) metrics(w http.ResponseWriter, r *http.Request) {
	type object = map[string]any
	answer := object{
		"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "custom.metrics.k8s.io/v1beta1",
		"resources": []object{{"name": "pods/" + inFlight, "namespaced": true, "kind": "MetricValueList", "verbs": []string{"get"}}},
	}
	if r.URL.Path == fmt.Sprintf(podsMetric, l.name) {
		pods, err := run(l.T, 10*time.Second, nil, "kubectl", "-n", l.name, "get", "pods", "-l", r.URL.Query().Get("labelSelector"),
			"--field-selector", "status.phase=Running", "-o", `jsonpath={range .items[*]}{.metadata.name}={.status.podIP}{"\n"}{end}`)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		items := []object{}
		for pod := range strings.FieldsSeq(pods) {
			name, ip, _ := strings.Cut(pod, "=")
			if value := inFlightOf(ip); value != "" {
				items = append(items, object{
					"describedObject": object{"kind": "Pod", "namespace": l.name, "name": name, "apiVersion": "/v1"},
					"metricName":      inFlight, "timestamp": time.Now().UTC().Format(time.RFC3339), "value": value, "selector": nil,
				})
			}
		}
		answer = object{"kind": "MetricValueList", "apiVersion": "custom.metrics.k8s.io/v1beta1", "metadata": object{}, "items": items}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// inFlightOf returns a pod's own count of its requests in flight; empty: no answer.
func inFlightOf(ip string) string {
	resp, err := (&http.Client{Timeout: 2 * time.Second}).Get("http://" + net.JoinHostPort(ip, "9090") + "/metrics")
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if m := sampled.FindSubmatch(text); err == nil && m != nil {
		return string(m[1])
	}
	return ""
}

// scalesInFlight lets the gateway follow its requests in flight, by no other metric:
// its processor time would have to be twenty times what it asks for.
func (l *life) scalesInFlight() {
	l.Helper()
	if hostPath == "" {
		l.Skip("no adapter for custom metrics can be served to this cluster from here")
	}
	l.adapter()
	l.helm("upgrade", "finsam", chart, "--reuse-values", "--wait", "--timeout", "3m", "--set", strings.Join([]string{
		"gateway.autoscaling.enabled=true", "gateway.autoscaling.minReplicas=1", "gateway.autoscaling.maxReplicas=3",
		"gateway.autoscaling.targetCPUUtilizationPercentage=2000", "gateway.autoscaling.behavior.scaleDown.stabilizationWindowSeconds=5",
		"gateway.autoscaling.inFlight.enabled=true", "gateway.autoscaling.inFlight.averageValue=100m",
	}, ","))
	l.podsBecome(1, 3*time.Minute)
	load := l.under(l.door, l.everybody(), 100, share(), false)
	out := l.podsBecome(3, 3*time.Minute)
	res := load.stop("scaled from 1 gateway to 3 by requests in flight")
	if len(res.failed) > 0 {
		l.Errorf("%s%s", res, res.some())
	}
	in := l.podsBecome(1, 3*time.Minute)
	figure("services, 100 requests/s: by requests in flight from 1 gateway to 3 in %s, back to 1 in %s after the load", out.Round(time.Second), in.Round(time.Second))
	if said := l.kubectl("get", "hpa", "finsam-gateway", "-o", "jsonpath={.status.currentMetrics[*].pods.metric.name}"); said != inFlight {
		l.Errorf("the autoscaler followed %q", said)
	}
}
