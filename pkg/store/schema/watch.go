package schema

import (
	"context"
	"errors"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

// between is how often Watch looks.
const between = time.Minute

// Watch looks after the database until ctx ends. When a newer program has
// upgraded it, Watch leaves word that this one still writes, or returns an error
// when this one may not any longer. When this is the newest program and the older
// ones have gone silent, it looks once more for documents that they left without
// the newest keys.
func (m Migration) Watch(ctx context.Context) error {
	tick := time.NewTicker(between)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := m.look(ctx); errors.Is(err, errOutdated) {
			return err
		} else if err != nil && ctx.Err() == nil {
			m.Log.WarnContext(ctx, "look after the database's version", "service", m.Schema.Service, "error", err)
		}
	}
}

// errOutdated ends a program that a newer one has shut out.
var errOutdated = errors.New("a newer program has changed the database")

// look is one round of Watch.
func (m Migration) look(ctx context.Context) error {
	states, err := store.Open(ctx, m.Engine, kind())
	if err != nil {
		return err
	}
	have, err := m.read(ctx, states)
	if err != nil {
		return err
	}
	switch s := *have.Value; {
	case s.Least > m.Schema.Version():
		return errors.Join(errOutdated, m.beside(ctx, states, have))
	case s.Version > m.Schema.Version():
		return m.beside(ctx, states, have)
	case s.Version == m.Schema.Version() && s.Recheck > 0 && s.Recheck <= m.Now().UnixMilli():
		err := m.locked(ctx, 0, func(ctx context.Context) error { return m.recheck(ctx, states) })
		if errors.Is(err, errHeld) {
			return nil
		}
		return err
	}
	return nil
}

// recheck looks through all documents once more, and notes that none is left, if
// no older program has written meanwhile.
func (m Migration) recheck(ctx context.Context, states *store.Collection[state]) error {
	v, err := m.read(ctx, states)
	if err != nil || v.Value.Recheck == 0 {
		return err
	}
	rewritten := 0
	for _, c := range m.Schema.Collections {
		stale, _, err := m.rekey(ctx, c.spec.Name)
		if err != nil {
			return err
		}
		rewritten += stale
	}
	v.Value.Recheck = 0
	if _, err := m.save(ctx, states, v); err != nil && !errors.Is(err, store.ErrStale) {
		return err
	}
	m.Log.InfoContext(ctx, "no older program writes to the database any more", "service", m.Schema.Service, "rewritten", rewritten)
	return nil
}
