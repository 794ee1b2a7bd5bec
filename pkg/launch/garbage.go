package launch

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"time"
)

// garbage is how much may gather before it is collected, in percent of what is in
// use. With Go's own 100 the collector takes a sixth of the processor under load:
// little is in use here, so it runs often (docs/performance.md).
const garbage = 400

// settled is how long after its start a service gives back the memory that only
// the start needed.
const settled = time.Second

// usable is how much of the memory that a process may use the collector lets it
// take, in percent: the rest is for what it does not see (SQLite's pages, stacks of
// the kernel), so that garbage never gets a process killed.
const usable = 85

// collect sets how garbage is collected, unless GOGC says so. The memory is bounded
// by FINSAM_MEMORY_LIMIT, the bytes that the platform kills the process at, or by
// GOMEMLIMIT as an operator sets it.
func collect(ctx context.Context) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	if text := os.Getenv("FINSAM_MEMORY_LIMIT"); text != "" && os.Getenv("GOMEMLIMIT") == "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1<<20 {
			return fmt.Errorf("FINSAM_MEMORY_LIMIT: %q is no number of bytes above a million", text)
		}
		debug.SetMemoryLimit(n / 100 * usable)
	}
	select {
	case <-time.After(settled):
		debug.FreeOSMemory()
	case <-ctx.Done():
	}
	return nil
}
