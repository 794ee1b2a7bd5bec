//go:build cluster

package cluster

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// figures are what was measured on the way, printed in one block at the end.
var figures struct {
	sync.Mutex
	lines []string
}

func figure(format string, args ...any) {
	figures.Lock()
	defer figures.Unlock()
	figures.lines = append(figures.lines, fmt.Sprintf(format, args...))
}

func TestMain(m *testing.M) {
	code := m.Run()
	if len(figures.lines) > 0 {
		fmt.Printf("== figures\n%s\n", strings.Join(figures.lines, "\n"))
	}
	os.Exit(code)
}
