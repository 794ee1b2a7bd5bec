package feed

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// silent is an engine that answers no more once isAway is set.
type silent struct {
	store.Engine
	isAway bool
}

func (s *silent) Get(ctx context.Context, collection, association, id string) (store.Document, error) {
	if s.isAway {
		return store.Document{}, store.ErrUnavailable
	}
	return s.Engine.Get(ctx, collection, association, id)
}

func TestARoundThatCannotReadTheLogIsNotCountedAsPublishing(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	e := &silent{Engine: db.Engine("test")}
	log, err := OpenLog(t.Context(), e, "/services/test")
	if err != nil {
		t.Fatal(err)
	}
	p := NewPublisher(log, slog.New(slog.DiscardHandler))
	if _, err := p.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	const before = 1
	p.metrics.done.Store(before)
	e.isAway = true
	if _, err := p.round(t.Context()); !errors.Is(err, store.ErrUnavailable) || p.metrics.done.Load() != before {
		t.Errorf("%v, and publishing last succeeded at %d", err, p.metrics.done.Load())
	}
	e.isAway = false
	if _, err := p.round(t.Context()); err != nil || p.metrics.done.Load() == before {
		t.Errorf("%v, and it does not succeed again", err)
	}
}
