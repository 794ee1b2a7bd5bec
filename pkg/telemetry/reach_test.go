package telemetry_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/finsam/finsam/pkg/telemetry"
)

// lines is a log that may be read while it is written, without the lines of requests.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(string(p)) {
		if !strings.Contains(line, `"msg":"request"`) {
			l.text.WriteString(line)
		}
	}
	return len(p), nil
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// TestCase_G3_ACollectorThatIsAwayHoldsNobody breaks the collector in each way while spans
// and lines are made: nobody waits, memory is bounded, there is one warning, and once the
// collector answers it is used again.
func TestCase_G3_ACollectorThatIsAwayHoldsNobody(t *testing.T) {
	for name, fail := range map[string]http.HandlerFunc{
		"killed": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"silent": func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() },
		"slow": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(500 * time.Millisecond)
		},
		"full":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"refusing": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
	} {
		t.Run(name, func(t *testing.T) {
			var isAway atomic.Bool
			isAway.Store(true)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if isAway.Load() {
					fail(w, r)
				}
			}))
			defer s.Close()
			for variable, value := range map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": s.URL, "OTEL_TRACES_SAMPLER": "always_on", "OTEL_BSP_EXPORT_TIMEOUT": "200", "OTEL_BLRP_EXPORT_TIMEOUT": "200",
				"OTEL_BLRP_SCHEDULE_DELAY": "100", "OTEL_METRIC_EXPORT_TIMEOUT": "200", "OTEL_METRIC_EXPORT_INTERVAL": "100",
			} {
				t.Setenv(variable, value)
			}
			before := slog.Default()
			defer slog.SetDefault(before)
			var out lines
			log := telemetry.Logger(telemetry.NewOutput(&out), "referral", slog.LevelInfo)
			slog.SetDefault(log)
			shutdown, err := telemetry.Start(t.Context(), telemetry.Program{Service: "finsam-test", Version: "v1"})
			if err != nil {
				t.Fatal(err)
			}
			request := func() {
				ctx, span := otel.Tracer("test").Start(t.Context(), "GET /things/{id}")
				log.InfoContext(ctx, "request")
				span.End()
			}
			soon := func(what string, ok func() bool) {
				t.Helper()
				for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatal("not soon: ", what)
					}
					request()
				}
			}
			soon("a warning", func() bool { return out.count("telemetry could not be sent") > 0 })
			var memory, later runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&memory)
			longest := time.Duration(0)
			for end := time.Now().Add(time.Second); time.Now().Before(end); {
				began := time.Now()
				request()
				longest = max(longest, time.Since(began))
			}
			runtime.GC()
			runtime.ReadMemStats(&later)
			if longest > 500*time.Millisecond || later.HeapAlloc > memory.HeapAlloc+16<<20 {
				t.Errorf("the longest request took %s, and %d bytes more are kept", longest, later.HeapAlloc-memory.HeapAlloc)
			}
			isAway.Store(false)
			soon("sent again", func() bool { return out.count("telemetry is sent again") > 0 })
			if n := out.count(`"WARN"`); n != 1 {
				t.Errorf("%d warnings: %s", n, out.text.String())
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := shutdown(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}
