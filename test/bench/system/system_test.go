package system

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestProcessorTimeIsReadBehindAnyName(t *testing.T) {
	const stat = "17 (a ) b (c) S 1 17 17 0 -1 4194560 1 2 3 4 250 50 9 9 20 0 8 0 100 200 300"
	got, err := cpuOf([]byte(stat))
	if err != nil || got != 3*time.Second {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "17 (x) S 1", "17 (x) S 1 2 3 4 5 6 7 8 9 10 a b"} {
		if _, err := cpuOf([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestThisProcessHasMemoryAndUsesTime(t *testing.T) {
	if m, err := Memory(os.Getpid()); err != nil || m < 1<<20 {
		t.Errorf("%d bytes, %v", m, err)
	}
	if _, err := CPU(os.Getpid()); err != nil {
		t.Error(err)
	}
}

func TestAllocationsAreReadFromTheMetrics(t *testing.T) {
	const text = "# HELP x y\ngo_memstats_mallocs_total 1.5e+06\nother{a=\"b\"} 3\ngo_memstats_alloc_bytes_total 2.25e+08\n"
	if h, err := heapOf(strings.NewReader(text)); err != nil || h != (Heap{1.5e6, 2.25e8}) {
		t.Errorf("%+v, %v", h, err)
	}
	for _, bad := range []string{"", "go_memstats_mallocs_total 1\n", "go_memstats_mallocs_total x\ngo_memstats_alloc_bytes_total 1\n"} {
		if _, err := heapOf(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
