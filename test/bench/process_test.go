package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
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

// clockTick is the unit of processor time in /proc: USER_HZ is 100 on every Linux
// that Go runs on.
const clockTick = 10 * time.Millisecond

// cpu returns the processor time that a process has used, in user and system mode.
func cpu(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return cpuTime(text)
}

// cpuTime reads fields 14 and 15 (proc(5)); the name, field 2, may hold anything
// and ends at the last parenthesis.
func cpuTime(stat []byte) (time.Duration, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, errors.New("/proc/…/stat is not as expected")
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/proc/…/stat: %w", err)
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * clockTick, err
}

// busy returns the processor time that everything on the machine has used.
func busy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return busyTime(text)
}

// busyTime adds user, nice, system, irq and softirq of the first line (proc(5)).
func busyTime(stat []byte) (sum time.Duration, err error) {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 8 || string(fields[0]) != "cpu" {
		return 0, errors.New("/proc/stat is not as expected")
	}
	for _, i := range []int{1, 2, 3, 6, 7} {
		ticks, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		sum += time.Duration(ticks) * clockTick
	}
	return sum, nil
}

func cpuOf(t testing.TB, processes []*suite.Process) (sum time.Duration) {
	t.Helper()
	for _, p := range processes {
		sum += must(cpu(p.Pid()))(t)
	}
	return sum
}

// memory returns the bytes of memory that a process has resident.
func memory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("/proc/…/status has no VmRSS")
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

func TestProcessorTimeIsReadAfterAnyName(t *testing.T) {
	const stat = "17 (a ) b (c) S 1 17 17 0 -1 4194560 1 2 3 4 250 50 9 9 20 0 8 0 100 200 300"
	if got, err := cpuTime([]byte(stat)); err != nil || got != 3*time.Second {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "17 (x) S 1", "17 (x) S 1 2 3 4 5 6 7 8 9 10 a b"} {
		if _, err := cpuTime([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestTheMachinesProcessorTimeIsReadWithoutIdleTime(t *testing.T) {
	if got, err := busyTime([]byte("cpu  100 20 30 9999 9999 4 6 9999 0 0\ncpu0 1 2 3\n")); err != nil || got != 1600*time.Millisecond {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "cpu 1 2", "cpu a b c d e f g", "intr 1 2 3 4 5 6 7 8"} {
		if _, err := busyTime([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	if _, err := busy(); err != nil {
		t.Error(err)
	}
}

func TestThisProcessHasMemoryAndUsesTime(t *testing.T) {
	if m, err := memory(os.Getpid()); err != nil || m < 1<<20 {
		t.Errorf("%d bytes, %v", m, err)
	}
	if _, err := cpu(os.Getpid()); err != nil {
		t.Error(err)
	}
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
