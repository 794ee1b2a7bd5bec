package outbound

import (
	"errors"
	"testing"
)

// FuzzPosition tries texts as positions: each position is written in one way, and any
// other text is ErrPosition.
func FuzzPosition(f *testing.F) {
	for _, text := range []string{"", formatPosition(0), formatPosition(1), formatPosition(1 << 62), "YQ", "YS0x", "YTA0", "b1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parsePosition(text)
		switch {
		case err != nil && !errors.Is(err, ErrPosition):
			t.Fatalf("%q: %v", text, err)
		case err == nil && (n < 0 || text != "" && formatPosition(n) != text):
			t.Fatalf("%q is %d, which is %q", text, n, formatPosition(n))
		}
	})
}
