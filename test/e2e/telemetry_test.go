package e2e

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// TestOneTraceLeadsToItsLogLinesAndIsTheExemplarOfItsTimes follows one request by
// its trace through everything recorded about it.
func TestOneTraceLeadsToItsLogLinesAndIsTheExemplarOfItsTimes(t *testing.T) {
	t.Parallel()
	c := startCollector(t)
	s := suite.FourProcesses(t, slices.Concat(unlimited, c.Env())...)
	made := s.Must(t, 201, suite.Request{
		Method: "POST", Path: "/referrals", Token: s.Token(t, fkSystem), Body: referral(adult, "Tolvan", "Spårlöst"),
		Header: map[string]string{"traceparent": newTrace()},
	})
	trace := traceOf(made)
	spans := c.Wait(trace, func(spans []span) bool {
		return in(spans, "finsam-gateway") > 0 && in(spans, "finsam-referral") > 0
	})
	eventually(t, "no line of the log has the trace and the span of the front door", func() bool {
		return slices.ContainsFunc(c.Lines(), func(l logLine) bool {
			return l.Service == "finsam-gateway" && l.Trace == trace && slices.ContainsFunc(spans, func(s span) bool { return s.ID == l.Span && s.Service == l.Service })
		})
	})
	for service, metric := range map[string]string{
		"finsam-gateway": "finsam.gateway.request.duration", "finsam-referral": "finsam.request.duration",
	} {
		eventually(t, "no exemplar of "+metric+" is the trace", func() bool {
			traces, _ := c.Exemplars(service, metric)
			return traces[trace]
		})
		for _, own := range []string{"go_goroutines", "process_resident_memory_bytes"} {
			eventually(t, service+" does not send "+own, func() bool { _, known := c.Exemplars(service, own); return known })
		}
		page := openMetrics(t, s.Processes[strings.TrimPrefix(service, "finsam-")].Admin)
		if !strings.Contains(page, `trace_id="`+trace+`"`) || !strings.HasSuffix(page, "# EOF\n") {
			t.Errorf("/metrics of %s as OpenMetrics has no exemplar of the trace", service)
		}
	}
}

// eventually waits at most half a minute.
func eventually(t *testing.T, otherwise string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Error(otherwise)
			return
		}
	}
}

func openMetrics(t *testing.T, admin string) string {
	t.Helper()
	r, err := http.NewRequest("GET", admin+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	answer, err := plain.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
