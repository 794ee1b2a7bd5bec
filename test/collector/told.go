package collector

import (
	"encoding/hex"

	logs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	metrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	metric "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// Line is one line of a log, with the service that sent it.
type Line struct {
	Service, Text string
	Trace, Span   string // hexadecimal; empty outside a request
	Attributes    map[string]string
}

// Lines returns the lines of all logs.
func (c *Collector) Lines() []Line {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Line(nil), c.lines...)
}

// Exemplars returns the traces that a service's metric has named as its examples.
// The metric is known, without any, once it was sent.
func (c *Collector) Exemplars(service, metric string) (traces map[string]bool, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	traces, known = map[string]bool{}, c.series[[2]string{service, metric}] != nil
	for id := range c.series[[2]string{service, metric}] {
		traces[id] = true
	}
	return traces, known
}

// takeLogs notes the lines of a request; the caller holds mu.
func (c *Collector) takeLogs(body []byte) error {
	var request logs.ExportLogsServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil {
		return err
	}
	for _, rl := range request.ResourceLogs {
		for _, sl := range rl.ScopeLogs {
			for _, l := range sl.LogRecords {
				c.lines = append(c.lines, Line{
					Service: serviceOf(rl.Resource), Text: l.GetBody().GetStringValue(), Attributes: attributes(l.Attributes),
					Trace: hex.EncodeToString(l.TraceId), Span: hex.EncodeToString(l.SpanId),
				})
			}
		}
	}
	return nil
}

// takeMetrics notes which series a request has, and the exemplars of histograms;
// the caller holds mu.
func (c *Collector) takeMetrics(body []byte) error {
	var request metrics.ExportMetricsServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil {
		return err
	}
	for _, rm := range request.ResourceMetrics {
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				c.takeMetric(serviceOf(rm.Resource), m)
			}
		}
	}
	return nil
}

func (c *Collector) takeMetric(service string, m *metric.Metric) {
	key := [2]string{service, m.Name}
	if c.series == nil {
		c.series = map[[2]string]map[string]bool{}
	}
	if c.series[key] == nil {
		c.series[key] = map[string]bool{}
	}
	for _, p := range m.GetHistogram().GetDataPoints() {
		for _, e := range p.Exemplars {
			c.series[key][hex.EncodeToString(e.TraceId)] = true
		}
	}
}
