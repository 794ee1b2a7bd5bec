package server_test

import (
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/pkg/web/server"
)

// slow is an engine whose inserts the test holds up or breaks.
type slow struct {
	store.Engine
	inserted atomic.Int64
	release  chan struct{}
	broken   atomic.Bool
}

func (s *slow) Insert(ctx context.Context, collection string, r store.Record) error {
	if s.broken.Load() {
		return errors.New("disk full")
	}
	select {
	case <-s.release:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer s.inserted.Add(1)
	return s.Engine.Insert(ctx, collection, r)
}

func gated(t *testing.T) (*slow, *accesslog.Log) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	e := &slow{Engine: db.Engine("things"), release: make(chan struct{})}
	l, err := accesslog.Open(t.Context(), e, "things", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return e, l
}

// call runs a strict handler behind the gate.
func call(l *accesslog.Log, handler func(ctx context.Context) (any, error)) (any, error) {
	c := echo.New().NewContext(httptest.NewRequest("GET", "/", nil), httptest.NewRecorder())
	return server.Gate[func(echo.Context, any) (any, error)](l)(func(c echo.Context, _ any) (any, error) { return handler(c.Request().Context()) }, "getThing")(c, nil)
}

func TestTheAnswerWaitsUntilTheEntryIsDurable(t *testing.T) {
	e, l := gated(t)
	handled := make(chan struct{})
	go func() {
		<-handled
		time.Sleep(20 * time.Millisecond)
		close(e.release)
	}()
	got, err := call(l, func(ctx context.Context) (any, error) {
		err := l.Record(ctx, accesslog.Entry{Operation: "getThing", Thing: "thing/1"})
		if e.inserted.Load() != 0 {
			t.Error("the handler had to wait")
		}
		close(handled)
		return "data", err
	})
	if got != "data" || err != nil || e.inserted.Load() != 1 {
		t.Fatalf("got %v, %v, with %d blocks stored", got, err, e.inserted.Load())
	}
}

func TestWithoutAnEntryThereIsNoAnswer(t *testing.T) {
	e, l := gated(t)
	close(e.release)
	e.broken.Store(true)
	got, err := call(l, func(ctx context.Context) (any, error) {
		_ = l.Record(ctx, accesslog.Entry{Operation: "getThing"})
		return "data", nil
	})
	if got != nil || !errors.Is(err, accesslog.ErrNotLogged) || fault.Of(err).Status.HTTP() != 503 {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestARefusedTryIsWaitedForToo(t *testing.T) {
	e, l := gated(t)
	close(e.release)
	_, err := call(l, func(ctx context.Context) (any, error) {
		_ = l.Record(ctx, accesslog.Entry{Operation: "getThing", Outcome: accesslog.Refused})
		return nil, fault.ErrNotFound
	})
	if !errors.Is(err, fault.ErrNotFound) || e.inserted.Load() != 1 {
		t.Fatalf("got %v, with %d blocks stored", err, e.inserted.Load())
	}
	e.broken.Store(true)
	_, err = call(l, func(ctx context.Context) (any, error) {
		_ = l.Record(ctx, accesslog.Entry{Operation: "getThing", Outcome: accesslog.Refused})
		return nil, io.EOF
	})
	if !errors.Is(err, accesslog.ErrNotLogged) {
		t.Fatalf("got %v", err)
	}
}
