package suite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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
	if _, err := Busy(); err != nil {
		t.Error(err)
	}
}

func TestThisProcessHasMemoryAndUsesTime(t *testing.T) {
	if m, err := Memory(os.Getpid()); err != nil || m.Now < 1<<20 || m.Peak < m.Now {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := CPU(os.Getpid()); err != nil {
		t.Error(err)
	}
}

func TestTablesAreWrittenBetweenTheMarkersOfThePage(t *testing.T) {
	beginMark, endMark := Marks("make bench")
	path := filepath.Join(t.TempDir(), "page.md")
	for _, c := range []struct{ page, want string }{
		{"a\n" + beginMark + "\nold\n" + endMark + "\nb\n", "a\n" + beginMark + "\nnew\n" + endMark + "\nb\n"},
		{"a\n" + endMark + "\n", ""}, {"a\n" + beginMark + "\n", ""},
	} {
		if err := os.WriteFile(path, []byte(c.page), 0o600); err != nil {
			t.Fatal(err)
		}
		err := WritePage(path, "make bench", []byte("\nnew\n"))
		if text, _ := os.ReadFile(path); c.want == "" && (err == nil || string(text) != c.page) || c.want != "" && string(text) != c.want {
			t.Errorf("%q became %q, %v", c.page, text, err)
		}
	}
	for page, command := range map[string]string{"performance.md": "make bench", "reliability.md": "make attack"} {
		begin, end := Marks(command)
		text, err := os.ReadFile("../../docs/" + page)
		if err != nil || strings.Count(string(text), begin) != 1 || strings.Count(string(text), end) != 1 {
			t.Errorf("docs/%s does not have both markers of %s once (%v)", page, command, err)
		}
	}
}
