package schema

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

// batch is how many documents are looked through at a time.
const batch = 200

// overlap is how long an older program may go on writing unseen: a rolling
// upgrade's last pods, and the time between two looks of Watch.
const overlap = 10 * time.Minute

// Up brings the database to the program's version and returns when it may be
// worked on. On a database of a newer version it changes nothing: it returns nil
// when that one says that this program may still work on it, else an error that
// says what to do.
func (m Migration) Up(ctx context.Context) error {
	states, err := store.Open(ctx, m.Engine, kind())
	if err != nil {
		return err
	}
	have, err := m.read(ctx, states)
	if err != nil {
		return err
	}
	if have.Value.Version > m.Schema.Version() {
		return m.beside(ctx, states, have)
	}
	if m.plan(*have.Value).empty() {
		return nil
	}
	return m.locked(ctx, patience, func(ctx context.Context) error {
		// Anyone who held the lease before may have done it all.
		have, err := m.read(ctx, states)
		if err != nil {
			return err
		}
		if have.Value.Version > m.Schema.Version() {
			return m.beside(ctx, states, have)
		}
		return m.change(ctx, states, have)
	})
}

// read returns what the database tells of itself; of a database that tells
// nothing yet, version 0 and Writes 0.
func (m Migration) read(ctx context.Context, states *store.Collection[state]) (store.Versioned[state], error) {
	v, err := states.Get(ctx, nobody, nobody)
	if errors.Is(err, store.ErrNotFound) {
		return store.Versioned[state]{Value: &state{}}, nil
	}
	return v, err
}

// save writes the state as changed; ErrStale when another program was faster.
func (m Migration) save(ctx context.Context, states *store.Collection[state], v store.Versioned[state]) (store.Versioned[state], error) {
	v.Value.Writes++
	v.Value.Program = m.Program
	if v.Version == 0 {
		_, err := states.Insert(ctx, v.Value)
		v.Version = v.Value.Writes
		return v, err
	}
	return states.Replace(ctx, v)
}

// beside lets this program work on a database of a newer version, if that allows
// it, and leaves word that its documents are to be looked through once more.
func (m Migration) beside(ctx context.Context, states *store.Collection[state], v store.Versioned[state]) error {
	have := *v.Value
	if have.Least > m.Schema.Version() {
		return fmt.Errorf("the database of %s is at version %d and cannot be used by programs below version %d; this program knows version %d: "+
			"start the newer program (%s), or restore a backup made before the upgrade", m.Schema.Service, have.Version, have.Least, m.Schema.Version(), have.Program)
	}
	m.Log.WarnContext(ctx, "the database has been upgraded by a newer program; this one works on beside it",
		"service", m.Schema.Service, "database", have.Version, "program", m.Schema.Version(), "newer", have.Program)
	_, err := states.Update(ctx, nobody, nobody, 0, func(s *state) error {
		s.Recheck, s.Writes = m.Now().Add(overlap).UnixMilli(), s.Writes+1
		return nil
	})
	return err
}

// change does what the plan says, under the lease. After each part it notes what
// was done, so that the next program goes on from there.
func (m Migration) change(ctx context.Context, states *store.Collection[state], v store.Versioned[state]) (err error) {
	began, fresh := time.Now(), v.Version == 0
	plan := m.plan(*v.Value)
	if err := m.uniqueStay(*v.Value); err != nil {
		return err
	}
	rewritten, seen := 0, 0
	for _, name := range plan.Rekey {
		stale, all, err := m.rekey(ctx, name)
		if err != nil {
			return err
		}
		rewritten, seen = rewritten+stale, seen+all
	}
	if v.Value.Declared == nil {
		v.Value.Declared = map[string]Declaration{}
	}
	maps.Copy(v.Value.Declared, m.Schema.Declared())
	if (!fresh || seen > 0) && (len(plan.Steps) > 0 || rewritten > 0) {
		v.Value.Recheck = m.Now().Add(overlap).UnixMilli()
	}
	if v, err = m.save(ctx, states, v); err != nil {
		return err
	}
	for i := v.Value.Version; i < m.Schema.Version(); i++ {
		if v, err = m.step(ctx, states, v, i); err != nil {
			return err
		}
	}
	if !fresh || seen > 0 {
		m.Log.InfoContext(ctx, "the database has been brought up to the program", "service", m.Schema.Service,
			"version", v.Value.Version, "steps", plan.Steps, "looked_through", seen, "rewritten", rewritten, "millis", time.Since(began).Milliseconds())
	}
	return nil
}

// step takes step i and notes it.
func (m Migration) step(ctx context.Context, states *store.Collection[state], v store.Versioned[state], i int64) (store.Versioned[state], error) {
	s := m.Schema.Steps[i]
	// First the note that shuts older programs out, then the change that they
	// could not live with; they look every so often (Watch).
	if s.Breaks && v.Value.Least <= i {
		v.Value.Least = i + 1
		var err error
		if v, err = m.save(ctx, states, v); err != nil {
			return v, err
		}
	}
	if s.Do != nil {
		if err := s.Do(ctx, m.Engine); err != nil {
			return v, fmt.Errorf("%s: step %d (%s): %w", m.Schema.Service, i+1, s.Name, err)
		}
	}
	v.Value.Version = i + 1
	return m.save(ctx, states, v)
}

// uniqueStay refuses a unique index on documents that were stored without it:
// older programs would go on writing what it forbids, and be refused for it.
func (m Migration) uniqueStay(have state) error {
	for name, now := range m.Schema.Declared() {
		before, known := have.Declared[name]
		if !known {
			continue
		}
		for _, ix := range now.Unique {
			if !slices.Contains(before.Unique, ix) {
				return fmt.Errorf("%s: the collection %s cannot be given the unique index %s, as it is in use: make a collection of its own for it", m.Schema.Service, name, ix)
			}
		}
	}
	return nil
}

// Inspect reads every document of the service, of a database that Up has brought
// up, and tells by collection how many there are and what is wrong with them.
func (m Migration) Inspect(ctx context.Context) (map[string]store.Rekeyed, error) {
	all := map[string]store.Rekeyed{}
	for _, c := range m.Schema.Collections {
		found, err := m.walk(ctx, c.spec.Name, true)
		if err != nil {
			return nil, err
		}
		all[c.spec.Name] = found
	}
	return all, nil
}

// rekey looks through one collection and writes the keys anew where they are not
// as declared; it tells how many documents that were, and how many there are.
func (m Migration) rekey(ctx context.Context, name string) (stale, seen int, err error) {
	found, err := m.walk(ctx, name, false)
	return found.Stale, found.Seen, err
}

func (m Migration) walk(ctx context.Context, name string, look bool) (total store.Rekeyed, err error) {
	i := slices.IndexFunc(m.Schema.Collections, func(c Collection) bool { return c.spec.Name == name })
	c, err := m.Schema.Collections[i].open(ctx, m.Engine)
	if err != nil {
		return total, err
	}
	for at := (store.Position{}); ; {
		r, err := c.Rekey(ctx, at, batch, look)
		if err != nil {
			return total, fmt.Errorf("%s: look through the documents: %w", m.Schema.Service, err)
		}
		total.Seen, total.Stale, total.Newer = total.Seen+r.Seen, total.Stale+r.Stale, total.Newer+r.Newer
		if at = r.Next; at == (store.Position{}) {
			return total, nil
		}
		if err := ctx.Err(); err != nil {
			return total, context.Cause(ctx)
		}
	}
}
