package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	logs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	metrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// span is one span, with the service that sent it.
type span struct {
	Service, Name, Kind string
	Trace, ID, Parent   string // hexadecimal; Parent is empty for a root
	Attributes          map[string]string
}

// logLine is one line of a log, with the service that sent it.
type logLine struct {
	Service, Text string
	Trace, Span   string // hexadecimal; empty outside a request
	Attributes    map[string]string
}

// collector is an OTLP/HTTP collector: the processes of the suite send it their spans,
// logs and metrics, and the tests look at them.
type collector struct {
	URL string

	mu     sync.Mutex
	spans  []span
	lines  []logLine
	series map[[2]string]map[string]bool // by service and metric, the exemplars' traces
	raw    bytes.Buffer
}

// startCollector starts a collector that ends with the test.
func startCollector(t testing.TB) *collector {
	t.Helper()
	c := &collector{series: map[[2]string]map[string]bool{}}
	server := httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// Env is what makes a process of the suite send everything here, at once.
func (c *collector) Env() []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL,
		"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
		"OTEL_TRACES_SAMPLER=parentbased_always_on",
		"OTEL_BSP_SCHEDULE_DELAY=100",
		"OTEL_BLRP_SCHEDULE_DELAY=100",
		"OTEL_METRIC_EXPORT_INTERVAL=500",
	}
}

// Raw returns the bodies of all requests, uncompressed, metrics and logs among them.
func (c *collector) Raw() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.raw.Bytes())
}

// Of returns the spans of one trace.
func (c *collector) Of(trace string) (spans []span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.Trace == trace {
			spans = append(spans, s)
		}
	}
	return spans
}

// Wait waits until the spans of a trace are as ok wants them, at most ten seconds,
// and returns them either way.
func (c *collector) Wait(trace string, ok func([]span) bool) []span {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if spans := c.Of(trace); ok(spans) {
			return spans
		}
	}
	return c.Of(trace)
}

// Lines returns the lines of all logs.
func (c *collector) Lines() []logLine {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.lines)
}

// Exemplars returns the traces that a service's metric has named as its examples.
// The metric is known, without any, once it was sent.
func (c *collector) Exemplars(service, metric string) (traces map[string]bool, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, known := c.series[[2]string{service, metric}]
	return maps.Clone(found), known
}

func (c *collector) serve(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	var err error
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, err = gzip.NewReader(r.Body)
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(body)
	}
	if err == nil {
		err = c.keep(r.URL.Path, text)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *collector) keep(path string, body []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(body)
	switch {
	case strings.HasSuffix(path, "/v1/logs"):
		var request logs.ExportLogsServiceRequest
		if err := proto.Unmarshal(body, &request); err != nil {
			return err
		}
		for _, rl := range request.ResourceLogs {
			for _, sl := range rl.ScopeLogs {
				for _, l := range sl.LogRecords {
					c.lines = append(c.lines, logLine{
						Service: attributes(rl.Resource.GetAttributes())[serviceName], Text: l.GetBody().GetStringValue(), Attributes: attributes(l.Attributes),
						Trace: hex.EncodeToString(l.TraceId), Span: hex.EncodeToString(l.SpanId),
					})
				}
			}
		}
	case strings.HasSuffix(path, "/v1/metrics"):
		var request metrics.ExportMetricsServiceRequest
		if err := proto.Unmarshal(body, &request); err != nil {
			return err
		}
		for _, rm := range request.ResourceMetrics {
			for _, sm := range rm.ScopeMetrics {
				for _, m := range sm.Metrics {
					key := [2]string{attributes(rm.Resource.GetAttributes())[serviceName], m.Name}
					if c.series[key] == nil {
						c.series[key] = map[string]bool{}
					}
					for _, p := range m.GetHistogram().GetDataPoints() {
						for _, e := range p.Exemplars {
							c.series[key][hex.EncodeToString(e.TraceId)] = true
						}
					}
				}
			}
		}
	default:
		var request traces.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &request); err != nil {
			return err
		}
		for _, rs := range request.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans {
					c.spans = append(c.spans, spanOf(attributes(rs.Resource.GetAttributes())[serviceName], s))
				}
			}
		}
	}
	return nil
}

// serviceName is the attribute of a resource that names the service.
const serviceName = "service.name"

func spanOf(service string, s *trace.Span) span {
	all := attributes(s.Attributes)
	for _, e := range s.Events {
		for k, v := range attributes(e.Attributes) {
			all["event "+e.Name+" "+k] = v
		}
	}
	if m := s.GetStatus().GetMessage(); m != "" {
		all["status"] = m
	}
	return span{
		Service: service, Name: s.Name, Kind: strings.TrimPrefix(s.Kind.String(), "SPAN_KIND_"),
		Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId),
		Attributes: all,
	}
}

func attributes(kvs []*common.KeyValue) map[string]string {
	all := map[string]string{}
	for _, kv := range kvs {
		all[kv.Key] = kv.Value.String()
		if s, ok := kv.Value.GetValue().(*common.AnyValue_StringValue); ok {
			all[kv.Key] = s.StringValue
		}
	}
	return all
}
