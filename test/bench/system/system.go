// Package system asks the operating system, and the processes' own /metrics, what
// running programs cost: processor time, memory, allocations, time to start. It
// reads /proc and so knows Linux only.
package system

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor time in /proc: USER_HZ is 100 on every Linux
// that Go runs on.
const tick = 10 * time.Millisecond

// CPU gives the processor time that a process has used, in user and system mode.
func CPU(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return cpuOf(text)
}

// cpuOf reads fields 14 and 15 (proc(5)); the name, field 2, may hold anything
// and ends at the last parenthesis.
func cpuOf(stat []byte) (time.Duration, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, errors.New("/proc/…/stat is not as expected")
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/…/stat: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

// Memory gives the bytes of memory that a process has resident.
func Memory(pid int) (int64, error) {
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

// Heap is what a process has allocated since it started.
type Heap struct{ Objects, Bytes float64 }

var client = &http.Client{Timeout: 5 * time.Second}

// Allocated reads what a process has allocated from its /metrics.
func Allocated(admin string) (Heap, error) {
	resp, err := client.Get(admin + "/metrics")
	if err != nil {
		return Heap{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return Heap{}, fmt.Errorf("%s/metrics: %s", admin, resp.Status)
	}
	return heapOf(resp.Body)
}

func heapOf(metrics io.Reader) (h Heap, err error) {
	found := 0
	lines := bufio.NewScanner(metrics)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		into := map[string]*float64{"go_memstats_mallocs_total": &h.Objects, "go_memstats_alloc_bytes_total": &h.Bytes}[name]
		if into == nil {
			continue
		}
		if *into, err = strconv.ParseFloat(value, 64); err != nil {
			return h, fmt.Errorf("%s: %w", name, err)
		}
		found++
	}
	if err := lines.Err(); err != nil {
		return h, err
	}
	if found != 2 {
		return h, errors.New("/metrics does not tell what was allocated")
	}
	return h, nil
}

// Ready waits until GET /readyz at the admin address answers 200. It asks often
// and cheaply, so that the time it takes is that of the program.
func Ready(ctx context.Context, admin string) error {
	addr := strings.TrimPrefix(admin, "http://")
	for ctx.Err() == nil {
		if ready(addr) {
			return nil
		}
		time.Sleep(300 * time.Microsecond)
	}
	return fmt.Errorf("%s was not ready in time", admin)
}

func ready(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(conn, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		return false
	}
	status := make([]byte, len("HTTP/1.1 200"))
	_, err = io.ReadFull(conn, status)
	return err == nil && string(status) == "HTTP/1.1 200"
}
