package launch

import (
	"context"
	"os"
	"runtime/debug"
	"time"
)

// garbage is how much may gather before it is collected, in percent of what is in
// use. With Go's own 100 the collector takes a sixth of the processor under load:
// little is in use here, so it runs often (docs/performance.md).
const garbage = 400

// settled is how long after its start a service gives back the memory that only
// the start needed.
const settled = time.Second

// collect sets how garbage is collected, unless GOGC says so. GOMEMLIMIT bounds
// the memory in any case, as an operator sets it.
func collect(ctx context.Context) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	select {
	case <-time.After(settled):
		debug.FreeOSMemory()
	case <-ctx.Done():
	}
	return nil
}
