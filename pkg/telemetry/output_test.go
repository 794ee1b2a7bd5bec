package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/metrics/metricstest"
)

// writes notes what was written with each call.
type writes struct {
	mu  sync.Mutex
	all []string
}

// Write implements io.Writer.
func (w *writes) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(b))
	return len(b), nil
}

func (w *writes) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.all
	w.all = nil
	return all
}

func TestLinesThatMayWaitAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &writes{}
		o := NewOutput(w)
		o.Append([]byte("1\n"))
		o.Append([]byte("2\n"))
		synctest.Wait()
		if got := w.take(); len(got) != 0 {
			t.Errorf("written at once: %q", got)
		}
		time.Sleep(flushInterval)
		synctest.Wait()
		if got := w.take(); len(got) != 1 || got[0] != "1\n2\n" {
			t.Errorf("after a while: %q", got)
		}
		o.Append([]byte("3\n"))
		_, _ = o.Write([]byte("4\n"))
		if got := w.take(); len(got) != 1 || got[0] != "3\n4\n" {
			t.Errorf("with a line that does not wait: %q", got)
		}
		o.Append([]byte("5\n"))
		o.Flush()
		if got := w.take(); len(got) != 1 || got[0] != "5\n" {
			t.Errorf("at the end: %q", got)
		}
		long := bytes.Repeat([]byte("x"), flushBytes)
		o.Append(long)
		synctest.Wait()
		if got := w.take(); len(got) != 1 || len(got[0]) != len(long) {
			t.Errorf("%d writes of what is long enough", len(got))
		}
		time.Sleep(time.Second)
		if got := w.take(); len(got) > 1 {
			t.Errorf("then %q", got)
		}
	})
}

func TestManyWritersKeepEveryLine(t *testing.T) {
	w := &writes{}
	o := NewOutput(w)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				if line := []byte("a line of the log\n"); n == 0 && i%100 == 0 {
					_, _ = o.Write(line)
				} else {
					o.Append(line)
				}
			}
		})
	}
	wg.Wait()
	o.Flush()
	if n := strings.Count(strings.Join(w.take(), ""), "a line of the log\n"); n != 16_000 {
		t.Errorf("%d lines of 16,000", n)
	}
}

// A reader that does not read holds nobody for ever; what it missed is counted, and when
// it reads again it gets the rest in order.
func TestABlockedReaderHoldsNobody(t *testing.T) {
	m := metricstest.New(t)
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		o := NewOutput(w)
		start := time.Now()
		_, _ = o.Write([]byte("first\n"))
		if waited := time.Since(start); waited != writeTimeout {
			t.Errorf("the first one waited %s", waited)
		}
		for range 10 {
			_, _ = o.Write([]byte("next\n"))
		}
		for range maxWaiting / 100 {
			o.Append(bytes.Repeat([]byte("x"), 99))
			o.Append([]byte("\n"))
		}
		o.Append([]byte("one too many, by its length of more than what is left\n"))
		o.Flush()
		if waited := time.Since(start); waited != writeTimeout {
			t.Errorf("the others waited %s", waited-writeTimeout)
		}
		got := make(chan string)
		go func() {
			text, _ := io.ReadAll(r)
			got <- string(text)
		}()
		synctest.Wait()
		_, _ = o.Write([]byte("again\n"))
		_ = w.Close()
		text := <-got
		if !strings.HasPrefix(text, "first\nnext\n") || !strings.HasSuffix(text, "\nagain\n") || strings.Contains(text, "too many") {
			t.Errorf("%d bytes, ending in %q", len(text), text[len(text)-20:])
		}
	})
	if n := m.Read(t)["finsam.log.dropped{}"]; n < 1 {
		t.Errorf("%v lines were counted as dropped", n)
	}
}

// A line that is written by hand is what slog would have written.
func TestABufferedLineIsAsTheOthers(t *testing.T) {
	w := &writes{}
	o := NewOutput(w)
	log := Logger(o, "gateway", slog.LevelInfo).With("component", "door", "n", 7)
	id, _ := trace.TraceIDFromHex("4bf92f3577b34da6a3ce929d0e0e4736")
	traced := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: trace.SpanID{1}}))
	for name, ctx := range map[string]context.Context{"in a request": traced, "elsewhere": t.Context()} {
		line := slog.NewRecord(time.Now(), slog.LevelWarn, "access", 0)
		line.AddAttrs(slog.String("plain", "abc"), slog.String("empty", ""), slog.String("odd", "\"\\\n\x00å\xff<&>\u2028"), slog.Int("status", 200), slog.Int64("micros", -1))
		for _, h := range []slog.Handler{log.Handler(), Buffered(log)} {
			if !h.Enabled(ctx, slog.LevelInfo) || h.Enabled(ctx, slog.LevelDebug) {
				t.Error("the level is another one")
			}
			if err := h.Handle(ctx, line); err != nil {
				t.Fatal(err)
			}
			o.Flush()
		}
		got := w.take()
		if len(got) != 2 {
			t.Fatalf("%s: %q", name, got)
		}
		var want, is map[string]any
		if err := json.Unmarshal([]byte(got[0]), &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(got[1]), &is); err != nil || !maps.Equal(want, is) || !strings.HasSuffix(got[1], "}\n") {
			t.Errorf("%s: got %s, want %s (%v)", name, got[1], got[0], err)
		}
	}
	grouped := log.WithGroup("g")
	if !reflect.DeepEqual(Buffered(grouped), grouped.Handler()) {
		t.Error("a group is lost")
	}
	if plain := slog.New(slog.DiscardHandler); Buffered(plain) != plain.Handler() {
		t.Error("another handler is not kept")
	}
}

func BenchmarkBufferedLine(b *testing.B) {
	f, err := os.Create(b.TempDir() + "/log")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	o := NewOutput(f)
	h := Buffered(Logger(o, "gateway", slog.LevelInfo))
	b.ReportAllocs()
	for b.Loop() {
		line := slog.NewRecord(time.Now(), slog.LevelInfo, "access", 0)
		line.AddAttrs(slog.String("operation", "getReferral"), slog.String("outcome", "allowed"), slog.Int("status", 200),
			slog.String("association", "insjoriket"), slog.String("authority", "fk"), slog.String("role", "integration"), slog.Int64("micros", 123))
		_ = h.Handle(b.Context(), line)
	}
	o.Flush()
}
