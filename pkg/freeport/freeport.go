// Package freeport finds ports for servers of tests that must know their port before
// they start.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// The ports that are searched: below those that the system itself hands out, which an
// outgoing connection could take before the server starts.
const (
	first = 10_000
	last  = 32_000
	tries = 100
)

// taken are the ports that this process has handed out.
var taken sync.Map

// Addr returns an address of this machine that nobody listens on and that no earlier
// call in this process has returned.
func Addr(tb testing.TB) string {
	tb.Helper()
	for range tries {
		addr := fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(last-first))
		if _, twice := taken.LoadOrStore(addr, true); twice {
			continue
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			tb.Fatal(err)
		}
		return addr
	}
	tb.Fatalf("no free port in %d tries", tries)
	return ""
}
