package outbound

import (
	"errors"
	"testing"
)

// FuzzPosition hands in places of the feed: each has one way to be written, and
// the rest is the caller's own fault.
func FuzzPosition(f *testing.F) {
	for _, text := range []string{"", position(0), position(1), position(1 << 62), "YQ", "YS0x", "YTA0", "b1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parsePosition(text)
		switch {
		case err != nil && !errors.Is(err, ErrPosition):
			t.Fatalf("%q: %v", text, err)
		case err == nil && (n < 0 || text != "" && position(n) != text):
			t.Fatalf("%q is %d, which is %q", text, n, position(n))
		}
	})
}
