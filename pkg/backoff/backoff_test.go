package backoff

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestEachFailureDoublesTheWaitUpToTheLimit(t *testing.T) {
	b := Backoff{First: 200 * time.Millisecond, Max: 5 * time.Second}
	for failures, want := range map[int]time.Duration{
		-1: 200 * time.Millisecond, 0: 200 * time.Millisecond, 1: 200 * time.Millisecond, 2: 400 * time.Millisecond,
		5: 3200 * time.Millisecond, 6: 5 * time.Second, 1000: 5 * time.Second,
	} {
		different := map[time.Duration]bool{}
		for range 100 {
			got := b.After(failures)
			if got < want/2 || got > want {
				t.Errorf("after %d failures: got %s, want %s to %s", failures, got, want/2, want)
			}
			different[got] = true
		}
		if len(different) < 50 {
			t.Errorf("after %d failures: only %d different waits", failures, len(different))
		}
	}
	if got := (Backoff{First: time.Second}).After(5); got < 8*time.Second || got > 16*time.Second {
		t.Errorf("without a limit: %s", got)
	}
	if got := (Backoff{}).After(3); got != 0 {
		t.Errorf("the zero value waits %s", got)
	}
}

func TestAWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if Sleep(ctx, time.Minute) || time.Since(began) != time.Second {
			t.Errorf("slept %s", time.Since(began))
		}
		if Sleep(ctx, 0) {
			t.Error("a context that has ended lets nobody try again")
		}
		if !(Backoff{First: time.Second}).Wait(t.Context(), 1) {
			t.Error("a wait without an end of the context says not to try again")
		}
	})
}

func ExampleBackoff_Wait() {
	dial := func(try int) error {
		if try < 3 {
			return fmt.Errorf("try %d: connection refused", try)
		}
		return nil
	}
	wait := Backoff{First: time.Millisecond, Max: time.Second}
	for failures := 1; ; failures++ {
		err := dial(failures)
		if err == nil || !wait.Wait(context.Background(), failures) {
			fmt.Println("connected after", failures, "tries:", err)
			return
		}
	}
	// Output: connected after 3 tries: <nil>
}
