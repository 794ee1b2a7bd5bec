package accesslog_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, e store.Engine) *accesslog.Log {
	t.Helper()
	l, err := accesslog.Open(context.Background(), e, "referral", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func official() context.Context {
	return actor.With(context.Background(), actor.Actor{
		Subject: "af-1", Association: "insjoriket", Authority: "af", Unit: "molndal-1", Roles: []actor.Role{actor.Referrer},
	})
}

func stored(m *memory) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.docs)
}

func TestOutsideARequestAnEntryIsStoredWhenRecordReturns(t *testing.T) {
	m := newMemory()
	l := open(t, m)
	for i := range 3 {
		if err := l.Record(official(), accesslog.Entry{Operation: "getReferral", Thing: "referral/1"}); err != nil {
			t.Fatal(err)
		}
		if got := stored(m); got != i+1 {
			t.Fatalf("%d blocks stored after %d touches", got, i+1)
		}
	}
}

func TestAnEntrySaysWhoAskedAndInWhichTrace(t *testing.T) {
	m := newMemory()
	l := open(t, m)
	id, _ := trace.TraceIDFromHex("4bf92f3577b34da6a3ce929d0e0e4736")
	ctx := trace.ContextWithSpanContext(official(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: trace.SpanID{1}}))
	if err := l.Record(ctx, accesslog.Entry{Operation: "getReferral", Participants: []string{"p1"}, Subject: "forged"}); err != nil {
		t.Fatal(err)
	}
	for _, text := range m.docs {
		for _, want := range []string{`"subject":"af-1"`, `"authority":"af"`, `"unit":"molndal-1"`, `"roles":["referrer"]`, `"outcome":"done"`, id.String()} {
			if !strings.Contains(string(text), want) {
				t.Errorf("no %s in %s", want, text)
			}
		}
	}
}

func TestWithinARequestRecordDoesNotWaitAndWaitDoes(t *testing.T) {
	m := newMemory()
	release := make(chan struct{})
	m.refuse = func(string) (bool, error) { <-release; return true, nil }
	l := open(t, m)
	ctx := accesslog.Begin(official())
	for range 5 {
		if err := l.Record(ctx, accesslog.Entry{Operation: "readIdentities"}); err != nil {
			t.Fatal(err)
		}
	}
	impatient, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := l.Wait(impatient); !errors.Is(err, accesslog.ErrNotLogged) {
		t.Fatalf("while nothing is stored, Wait gave %v", err)
	}
	close(release)
	if err := l.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if got := stored(m); got == 0 || got > 2 {
		t.Fatalf("5 entries cost %d writes", got)
	}
}

func TestOneWaitIsForTheEntriesOfAllLogs(t *testing.T) {
	m := newMemory()
	m.refuse = func(string) (bool, error) { return false, errors.New("disk full") }
	one, other := open(t, newMemory()), open(t, m)
	ctx := accesslog.Begin(official())
	for _, l := range []*accesslog.Log{one, other} {
		if err := l.Record(ctx, accesslog.Entry{Operation: "createReferral"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.Wait(ctx); !errors.Is(err, accesslog.ErrNotLogged) {
		t.Errorf("while the other service's log fails, Wait returned %v", err)
	}
}

func TestARequestWithoutRecordesHasNothingToWaitFor(t *testing.T) {
	l := open(t, newMemory())
	if err := l.Wait(accesslog.Begin(context.Background())); err != nil {
		t.Fatal(err)
	}
	if err := l.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestWhenTheStoreFailsNothingIsShown(t *testing.T) {
	m := newMemory()
	m.refuse = func(string) (bool, error) { return false, errors.New("disk full") }
	l := open(t, m)
	ctx := accesslog.Begin(official())
	_ = l.Record(ctx, accesslog.Entry{Operation: "getReferral"})
	if err := l.Wait(ctx); !errors.Is(err, accesslog.ErrNotLogged) {
		t.Fatalf("got %v", err)
	}
	m.mu.Lock()
	m.refuse = nil
	m.mu.Unlock()
	if err := l.Record(official(), accesslog.Entry{Operation: "getReferral"}); err != nil {
		t.Fatalf("the log must go on when the store does: %v", err)
	}
	sound(t, l, 1)
}

func TestAWriteOfUnknownOutcomeIsStoredOnce(t *testing.T) {
	m := newMemory()
	first := true
	m.refuse = func(string) (bool, error) {
		if first {
			first = false
			return true, errors.New("the reply was lost")
		}
		return true, nil
	}
	l := open(t, m)
	if err := l.Record(official(), accesslog.Entry{Operation: "getReferral"}); err != nil {
		t.Fatal(err)
	}
	sound(t, l, 1)
}

func TestAChainHangsOnTheOneBeforeItAfterARestart(t *testing.T) {
	m := newMemory()
	for range 3 {
		l := open(t, m)
		if err := l.Record(official(), accesslog.Entry{Operation: "getReferral"}); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond) // chains sort by their first millisecond
	}
	r := sound(t, open(t, m), 3)
	if r.Chains != 3 || r.Blocks != 6 {
		t.Fatalf("3 starts, each with an entry and an end, gave %+v", r)
	}
}

func TestAfterCloseNothingIsTaken(t *testing.T) {
	l := open(t, newMemory())
	_ = l.Close()
	if err := l.Record(official(), accesslog.Entry{}); !errors.Is(err, accesslog.ErrNotLogged) {
		t.Fatalf("got %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAFullQueueHoldsTheCallerBackUntilItsPatienceEnds(t *testing.T) {
	m := newMemory()
	release := make(chan struct{})
	m.refuse = func(string) (bool, error) { <-release; return true, nil }
	l := open(t, m)
	t.Cleanup(func() { close(release) })
	ctx := accesslog.Begin(official())
	impatient, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	var err error
	taken := 0
	for err == nil && taken < 5000 {
		if err = l.Record(impatient, accesslog.Entry{Operation: "x"}); err == nil {
			taken++
		}
	}
	if !errors.Is(err, accesslog.ErrNotLogged) || taken < 512 || taken > 1024 {
		t.Fatalf("%d entries were let in, then %v", taken, err)
	}
}

func TestManyAtOnceAllAreDurableAndTheChainIsWhole(t *testing.T) {
	m := newMemory()
	l := open(t, m)
	const callers, each = 32, 50
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				ctx := accesslog.Begin(official())
				_ = l.Record(ctx, accesslog.Entry{Operation: "getReferral", Thing: fmt.Sprintf("referral/%d-%d", c, i)})
				if err := l.Wait(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	r := sound(t, l, callers*each)
	if r.Blocks >= callers*each {
		t.Fatalf("%d blocks: nothing was committed together", r.Blocks)
	}
}

func TestAnEntryOfOtherBytesThanTextVerifiesAsItIsStored(t *testing.T) {
	l := open(t, newMemory())
	for _, thing := range []string{"referral/\xff", "referral/\xc3", strings.Repeat("a", 299) + "å"} {
		if err := l.Record(official(), accesslog.Entry{Operation: "getReferral", Thing: thing}); err != nil {
			t.Fatal(err)
		}
	}
	sound(t, l, 3)
}

// sound fails the test unless the log verifies and holds so many entries.
func sound(t *testing.T, l *accesslog.Log, entries int) accesslog.Report {
	t.Helper()
	r, err := l.Verify(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Flaws) > 0 || r.Entries != entries {
		t.Fatalf("%d entries, want %d; flaws %v", r.Entries, entries, r.Flaws)
	}
	return r
}

func TestItDoesNotReachTheNetwork(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains("\n"+string(out), "\nnet/http\n") {
		t.Fatal("the services' nouns use this package, and they must not reach net/http")
	}
}

func TestTheLogWaitsForMoreOnlyWhileManyAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const written = time.Millisecond
		m := newMemory()
		m.refuse = func(string) (bool, error) { time.Sleep(written); return true, nil }
		l := open(t, m)
		ask := func() time.Duration {
			began := time.Now()
			if err := l.Record(official(), accesslog.Entry{Operation: "getReferral"}); err != nil {
				t.Error(err)
			}
			return time.Since(began)
		}
		for range 20 {
			if waited := ask(); waited != written {
				t.Fatalf("who asks alone waited %v", waited)
			}
		}
		many := func() {
			ctx := accesslog.Begin(official())
			for range 8 {
				_ = l.Record(ctx, accesslog.Entry{Operation: "getReferral"})
			}
			if err := l.Wait(ctx); err != nil {
				t.Error(err)
			}
		}
		many()
		if waited := ask(); waited <= written || waited > written+3*time.Millisecond {
			t.Errorf("after many the next block came after %v", waited)
		}
		many()
		time.Sleep(3 * time.Millisecond)
		if waited := ask(); waited != written {
			t.Errorf("who asks alone soon after waited %v", waited)
		}
		_ = l.Close()
	})
}
