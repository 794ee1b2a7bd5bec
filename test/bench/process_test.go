package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// must returns the value, or fails the benchmark that it is called with.
func must[V any](v V, err error) func(testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func cpuOf(t testing.TB, processes []*suite.Process) (sum time.Duration) {
	t.Helper()
	for _, p := range processes {
		sum += must(suite.CPU(p.Pid()))(t)
	}
	return sum
}

// heap is what processes have allocated since they started.
type heap struct{ objects, bytes float64 }

// allocatedBy reads what processes have allocated from their /metrics; without any,
// what this process has.
func allocatedBy(t testing.TB, processes []*suite.Process) (sum heap) {
	t.Helper()
	if len(processes) == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return heap{float64(m.Mallocs), float64(m.TotalAlloc)}
	}
	for _, p := range processes {
		resp, err := client.Get(p.Admin + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		h := must(readHeap(resp.Body))(t)
		_ = resp.Body.Close()
		sum.objects, sum.bytes = sum.objects+h.objects, sum.bytes+h.bytes
	}
	return sum
}

var client = &http.Client{Timeout: 5 * time.Second}

func readHeap(metrics io.Reader) (h heap, err error) {
	into := map[string]*float64{"go_memstats_mallocs_total": &h.objects, "go_memstats_alloc_bytes_total": &h.bytes}
	lines := bufio.NewScanner(metrics)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if into[name] == nil {
			continue
		}
		if *into[name], err = strconv.ParseFloat(value, 64); err != nil {
			return h, fmt.Errorf("%s: %w", name, err)
		}
		delete(into, name)
	}
	if len(into) > 0 {
		err = errors.New("/metrics does not report allocations")
	}
	return h, errors.Join(err, lines.Err())
}

// waitQuiet waits until the processes have nothing left to do, such as publishing
// what was written, and returns how long that took; at most a minute.
func waitQuiet(t testing.TB, processes []*suite.Process) time.Duration {
	const interval, idle = 250 * time.Millisecond, 20 * time.Millisecond
	start := time.Now()
	if len(processes) == 0 {
		return 0
	}
	for last := time.Duration(-1); time.Since(start) < time.Minute; time.Sleep(interval) {
		used := cpuOf(t, processes)
		if last >= 0 && used-last <= idle {
			return time.Since(start) - interval
		}
		last = used
	}
	return time.Since(start)
}

// waitReady asks /readyz often, so that the time it takes is that of the program.
func waitReady(t testing.TB, admin string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(300 * time.Microsecond) {
		if resp, err := client.Get(admin + "/readyz"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
	}
	t.Fatalf("%s was not ready in time", admin)
}

func TestAllocationsAreReadFromTheMetrics(t *testing.T) {
	const text = "# HELP x y\ngo_memstats_mallocs_total 1.5e+06\nother{a=\"b\"} 3\ngo_memstats_alloc_bytes_total 2.25e+08\n"
	if h, err := readHeap(strings.NewReader(text)); err != nil || h != (heap{1.5e6, 2.25e8}) {
		t.Errorf("%+v, %v", h, err)
	}
	for _, bad := range []string{"", "go_memstats_mallocs_total 1\n", "go_memstats_mallocs_total x\ngo_memstats_alloc_bytes_total 1\n"} {
		if _, err := readHeap(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
