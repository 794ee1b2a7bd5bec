package association

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
)

func TestWhatIsSavedIsLoaded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "associations")
	saved, err := Save(dir, realFile(t))
	if err != nil {
		t.Fatal(err)
	}
	// Saving again replaces; what is not YAML is left alone.
	if _, err := Save(dir, realFile(t)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Get("insjoriket")
	if err != nil || got.Version != saved.Version || len(r.All()) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 2 {
		t.Errorf("want no left-overs, got %v", entries)
	}
}

func TestAnAssociationThatIsNotServedIsNotFound(t *testing.T) {
	r, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get("elsewhere"); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("before any is known: %v", err)
	}
	r.Serve("insjoriket", func(civil.Date) *Association { return &Association{ID: "insjoriket"} })
	if _, err := r.Get("elsewhere"); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestAnAssociationIsAssembledOnceForEachDayInSweden(t *testing.T) {
	r, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	now, assembled := time.Time{}, []civil.Date{}
	r.Now = func() time.Time { return now }
	serve := func(name string) {
		r.Serve("insjoriket", func(on civil.Date) *Association {
			assembled = append(assembled, on)
			return &Association{ID: "insjoriket", Name: name + " on " + string(on)}
		})
	}
	serve("first")
	for _, c := range []struct {
		at   string
		want string
	}{
		{"2026-03-28T22:59:59Z", "first on 2026-03-28"},
		{"2026-03-28T23:00:00Z", "first on 2026-03-29"}, // the day on which the clocks change
		{"2026-03-29T21:59:59Z", "first on 2026-03-29"},
		{"2026-03-29T22:00:00Z", "first on 2026-03-30"},
		{"2026-03-29T12:00:00Z", "first on 2026-03-29"}, // the clock was set back
	} {
		if now, err = time.Parse(time.RFC3339, c.at); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if a, err := r.Get("insjoriket"); err != nil || a.Name != c.want || r.All()[0] != a {
				t.Errorf("%s: %+v, %v", c.at, a, err)
			}
		}
	}
	if got := fmt.Sprint(assembled); got != "[2026-03-28 2026-03-29 2026-03-30 2026-03-29]" {
		t.Errorf("assembled for %s", got)
	}
	serve("second")
	if a, err := r.Get("insjoriket"); err != nil || a.Name != "second on 2026-03-29" {
		t.Errorf("what replaces it: %+v, %v", a, err)
	}
}

// TestOtherDaysAreAssembledOnceWhileTheyAreAskedFor asks for more days than are kept, many at
// once.
func TestOtherDaysAreAssembledOnceWhileTheyAreAskedFor(t *testing.T) {
	r, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	r.Now = func() time.Time { return time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC) }
	var assembled, atOnce atomic.Int64
	serve := func() {
		r.Serve("insjoriket", func(on civil.Date) *Association {
			if on == "2026-11-30" { // today is not one of them
				return &Association{ID: "insjoriket", Name: string(on)}
			}
			assembled.Add(1)
			if atOnce.Add(1) > 1 {
				t.Error("two at once")
			}
			defer atOnce.Add(-1)
			return &Association{ID: "insjoriket", Name: string(on)}
		})
	}
	serve()
	ask := func(days ...civil.Date) {
		t.Helper()
		var all sync.WaitGroup
		for range 4 {
			for _, on := range days {
				all.Go(func() {
					if a, err := r.On("insjoriket", on); err != nil || a.Name != string(on) {
						t.Errorf("%s: %+v, %v", on, a, err)
					}
				})
			}
		}
		all.Wait()
	}
	var days []civil.Date
	for n := range maxRecent {
		days = append(days, civil.Date("2027-01-01").AddDays(n))
	}
	for _, on := range days {
		ask(on)
	}
	ask(days...)
	if n := assembled.Load(); n != maxRecent {
		t.Errorf("assembled %d times for %d days", n, maxRecent)
	}
	ask("2028-01-01")
	ask(days[1:]...)
	if n := assembled.Load(); n != maxRecent+1 {
		t.Errorf("with one more day: %d times", n)
	}
	serve()
	if ask(days[1]); assembled.Load() != maxRecent+2 {
		t.Errorf("what was is asked for after an activation: %d", assembled.Load())
	}
}

// Every request gets its association: that takes no memory and no lock.
func BenchmarkGet(b *testing.B) {
	r, err := NewRegistry()
	if err != nil {
		b.Fatal(err)
	}
	r.Serve("insjoriket", func(civil.Date) *Association { return &Association{ID: "insjoriket"} })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Get("insjoriket"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestABadFileIsNotSaved(t *testing.T) {
	dir := t.TempDir()
	if _, err := Save(dir, []byte("association: {}")); err == nil {
		t.Error("want an error")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("got %v", entries)
	}
}

func TestLoadingNamesTheFilesThatAreWrong(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one.yaml", "two.yml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("association: {}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := LoadDir(dir)
	if err == nil || !strings.Contains(err.Error(), "one.yaml: ") || !strings.Contains(err.Error(), "two.yml: ") {
		t.Errorf("got %v", err)
	}
	if _, err := LoadDir(filepath.Join(dir, "missing")); err == nil {
		t.Error("want an error for a folder that is not there")
	}
}

func TestTheSameAssociationTwiceIsRefused(t *testing.T) {
	a, err := Parse(realFile(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewRegistry(a, a); err == nil {
		t.Error("want an error")
	}
}
