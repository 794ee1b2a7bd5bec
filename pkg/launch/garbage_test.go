package launch

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestGarbageGetsNoProcessKilled(t *testing.T) {
	before, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetMemoryLimit(before); debug.SetGCPercent(percent) })
	for _, c := range []struct {
		of, own string
		want    int64 // 0: as it was
	}{{"", "", 0}, {"268435456", "", 268435456 / 100 * usablePercent}, {"268435456", "100MiB", 0}} {
		debug.SetMemoryLimit(before)
		t.Setenv("FINSAM_MEMORY_LIMIT", c.of)
		t.Setenv("GOMEMLIMIT", c.own)
		if err := boundMemory(); err != nil {
			t.Fatal(err)
		}
		if c.want == 0 {
			c.want = before
		}
		if got := debug.SetMemoryLimit(-1); got != c.want {
			t.Errorf("%q and %q: %d, want %d", c.of, c.own, got, c.want)
		}
	}
	t.Setenv("GOMEMLIMIT", "")
	for _, bad := range []string{"256Mi", "-1", "12"} {
		t.Setenv("FINSAM_MEMORY_LIMIT", bad)
		if err := boundMemory(); err == nil || !strings.Contains(err.Error(), "FINSAM_MEMORY_LIMIT") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
