package fault

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestEveryStatusHasItsOwnHTTPStatus(t *testing.T) {
	seen := map[int]Status{}
	for k := Internal; k <= Timeout; k++ {
		s := k.HTTP()
		if s < 400 || s > 599 {
			t.Errorf("status %d is HTTP status %d", k, s)
		}
		if other, dup := seen[s]; dup {
			t.Errorf("statuses %d and %d share HTTP status %d", k, other, s)
		}
		seen[s] = k
		if StatusOf(s) != k {
			t.Errorf("StatusOf(%d) = %d, want %d", s, StatusOf(s), k)
		}
	}
	if StatusOf(418) != Internal {
		t.Error("an unknown status must be internal")
	}
}

func TestACopyStillMatchesItsSentinel(t *testing.T) {
	err := fmt.Errorf("load: %w", ErrStale.AtField("version").Because(errors.New("v3")).After(time.Second))
	if !errors.Is(err, ErrStale) || errors.Is(err, ErrNotFound) {
		t.Fatal("a fault is known by its code")
	}
	f := Of(err)
	if f.RetryAfter != time.Second || len(f.Fields) != 1 || f.Fields[0].Pointer != "version" {
		t.Fatalf("lost on the way: %+v", f)
	}
	if len(ErrStale.Fields) != 0 || ErrStale.cause != nil {
		t.Fatal("the sentinel itself was changed")
	}
}

func TestWhatIsNoFaultIsInternalAndKeepsItsCause(t *testing.T) {
	cause := errors.New("disk full")
	f := Of(cause)
	if f.Status != Internal || !errors.Is(f, cause) {
		t.Fatalf("got %+v", f)
	}
	if Of(nil) != nil {
		t.Fatal("no error is no fault")
	}
}
