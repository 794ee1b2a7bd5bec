// Package migration prepares a service's database for the program that opens it,
// while programs of other versions may be working on the same database.
//
// What a program declares has a version number. The highest one that has prepared
// the database is stored in the collection "schema" of that database. A program of
// a higher version recomputes the keys of documents that were stored when other
// keys were declared, and then stores its own number. A program of a lower version
// works on beside the newer one, unless that one has excluded it (Schema.Least).
//
// Nothing is locked. Several programs may migrate one database at once: each write
// is a compare-and-swap that can be repeated, so two of them only do the same work
// twice, and one that stops half-way is followed by one that starts from the
// beginning.
package migration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/store"
)

const (
	// overlapGrace is how long an older program may go on writing unnoticed: the
	// last pods of a rolling upgrade, and the time between two looks of Watch.
	overlapGrace  = 10 * time.Minute
	watchInterval = time.Minute
)

// Schema is what one version of a program declares of its service's database.
type Schema struct {
	Service string
	// Version is higher in each release that declares other keys or writes what
	// older programs could misunderstand.
	Version int64
	// Least is the lowest version that may work on the database beside this one.
	// Raising it stops older programs, and only a backup leads back to them. Zero:
	// every version may.
	Least       int64
	Collections []Collection
}

// Collection is what a migration needs of a collection; a store.Schema is one.
type Collection interface {
	Spec() store.Spec
	RekeyAll(ctx context.Context, e store.Engine) (store.RekeyResult, error)
}

// Declaration is what a collection declared when its keys were last recomputed.
type Declaration struct {
	Keys   []string `json:"keys"`
	Unique []string `json:"unique"` // each index as its keys, joined by "+"
}

// Declared returns what the schema declares now, by collection.
func (s Schema) Declared() map[string]Declaration {
	all := map[string]Declaration{}
	for _, c := range s.Collections {
		spec := c.Spec()
		d := Declaration{Keys: slices.Sorted(slices.Values(spec.Keys)), Unique: []string{}}
		for _, ix := range spec.Unique {
			d.Unique = append(d.Unique, strings.Join(ix, "+"))
		}
		slices.Sort(d.Unique)
		all[spec.Name] = d
	}
	return all
}

// state is the one document that describes the database.
type state struct {
	Version  int64                  `json:"version"`
	Least    int64                  `json:"least"`
	Declared map[string]Declaration `json:"declared"` // by collection
	// Recheck is set while an older program may be writing documents without the
	// newest keys: Unix milliseconds after which all keys are recomputed.
	Recheck int64  `json:"recheck"`
	Program string `json:"program"` // that wrote this
	Writes  int64  `json:"writes"`
}

const stateID = "-"

// Migration is a schema and the database that it is for.
type Migration struct {
	Schema  Schema
	Engine  store.Engine
	Program string // the program's own version, for the operator
	Now     func() time.Time
	Log     *slog.Logger
}

// Plan is what Up would do.
type Plan struct {
	Service  string
	Database int64    // the version of the database
	Program  int64    // the version of the program
	Rekey    []string // collections whose keys would be recomputed
	Excludes bool     // programs that may work on the database now may not do so afterwards
	Refused  string   // why Up would refuse; empty: it would not
}

// NothingToDo reports whether Up would leave the database as it is.
func (p Plan) NothingToDo() bool {
	return p.Refused == "" && (p.Database > p.Program || p.Database == p.Program && len(p.Rekey) == 0)
}

// String returns the plan in sentences for an operator, one a line.
func (p Plan) String() string {
	lines := []string{fmt.Sprintf("%s: database at version %d, program at version %d", p.Service, p.Database, p.Program)}
	switch {
	case p.Refused != "":
		lines = append(lines, "refused: "+p.Refused)
	case p.Database > p.Program:
		lines = append(lines, "nothing to do: the program works beside the newer one")
	case p.NothingToDo():
		lines = append(lines, "nothing to do")
	default:
		if p.Database < p.Program {
			lines = append(lines, fmt.Sprintf("set the version to %d", p.Program))
		}
		for _, name := range p.Rekey {
			lines = append(lines, "recompute the keys of "+name)
		}
		if p.Excludes {
			lines = append(lines, "older programs cannot work on the database afterwards; the only way back is a backup")
		}
	}
	return strings.Join(lines, "\n  ")
}

// Check returns what Up would do, and changes nothing.
func (m Migration) Check(ctx context.Context) (Plan, error) {
	_, _, plan, err := m.inspect(ctx)
	return plan, err
}

// inspect reads the state, whose version is 0 where none was stored yet, and plans
// from it.
func (m Migration) inspect(ctx context.Context) (*store.Collection[state], store.Versioned[state], Plan, error) {
	states, err := store.Open(ctx, m.Engine, store.Schema[state]{
		Name:    "schema",
		ID:      func(*state) (string, string) { return store.NoAssociation, stateID },
		Version: func(s *state) int64 { return s.Writes },
	})
	if err != nil {
		return nil, store.Versioned[state]{}, Plan{}, err
	}
	stored, err := states.Get(ctx, store.NoAssociation, stateID)
	if errors.Is(err, store.ErrNotFound) {
		stored, err = store.Versioned[state]{Value: &state{}}, nil
	}
	if err != nil {
		return nil, stored, Plan{}, err
	}
	return states, stored, m.plan(*stored.Value), nil
}

func (m Migration) plan(s state) Plan {
	p := Plan{Service: m.Schema.Service, Database: s.Version, Program: m.Schema.Version, Excludes: m.Schema.Least > max(s.Least, 1)}
	if s.Least > p.Program {
		p.Refused = fmt.Sprintf("the database of %s is at version %d and cannot be used by programs below version %d; this program has version %d: "+
			"start the newer program (%s), or restore a backup made before the upgrade", p.Service, s.Version, s.Least, p.Program, s.Program)
	}
	if p.Database > p.Program {
		return p
	}
	declared := m.Schema.Declared()
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		now := declared[name]
		before, known := s.Declared[name]
		if !known || !slices.Equal(before.Keys, now.Keys) || !slices.Equal(before.Unique, now.Unique) || s.Recheck > 0 {
			p.Rekey = append(p.Rekey, name)
		}
		// Older programs would go on writing what the index forbids, and fail.
		for _, ix := range now.Unique {
			if known && !slices.Contains(before.Unique, ix) {
				p.Refused = fmt.Sprintf("%s: the collection %s cannot be given the unique index %s while it is in use; declare a new collection with the index", p.Service, name, ix)
			}
		}
	}
	return p
}

// Up prepares the database for the program and returns when it may be used. On a
// database of a newer version it only records that this program still writes. It
// may run in several programs at once.
//
// Its error says what to do when this program may not use the database; otherwise
// it is the store's.
func (m Migration) Up(ctx context.Context) error {
	for {
		states, stored, plan, err := m.inspect(ctx)
		switch {
		case err != nil:
			return err
		case plan.Refused != "":
			return errors.New(plan.Refused)
		case plan.Database > plan.Program:
			return m.workBeside(ctx, states, *stored.Value)
		case plan.NothingToDo():
			return nil
		}
		err = m.apply(ctx, states, stored, plan)
		if !errors.Is(err, store.ErrStale) && !errors.Is(err, store.ErrExists) {
			return err
		}
		// Another program saved the state first: look at what is left to do.
	}
}

// apply recomputes the keys and then saves the state, so that a program that stops
// in between leaves the old version and the next one repeats the work.
func (m Migration) apply(ctx context.Context, states *store.Collection[state], stored store.Versioned[state], plan Plan) error {
	began, isNew := time.Now(), stored.Version == 0
	total, err := m.rekey(ctx, plan.Rekey)
	if err != nil {
		return err
	}
	s := stored.Value
	if s.Declared == nil {
		s.Declared = map[string]Declaration{}
	}
	maps.Copy(s.Declared, m.Schema.Declared())
	if (!isNew || total.Seen > 0) && (plan.Database < plan.Program || total.Stale > 0) {
		s.Recheck = m.Now().Add(overlapGrace).UnixMilli()
	}
	s.Version, s.Least = plan.Program, max(s.Least, m.Schema.Least)
	s.Program, s.Writes = m.Program, s.Writes+1
	if isNew {
		_, err = states.Insert(ctx, s)
	} else {
		_, err = states.Replace(ctx, stored)
	}
	if err == nil && (!isNew || total.Seen > 0) {
		m.Log.InfoContext(ctx, "the database has been migrated", "component", m.Schema.Service, "version", s.Version,
			"examined", total.Seen, "rewritten", total.Stale, "millis", time.Since(began).Milliseconds())
	}
	return err
}

// rekey recomputes the keys of the named collections.
func (m Migration) rekey(ctx context.Context, names []string) (total store.RekeyResult, err error) {
	for _, c := range m.Schema.Collections {
		if !slices.Contains(names, c.Spec().Name) {
			continue
		}
		r, err := c.RekeyAll(ctx, m.Engine)
		if err != nil {
			return total, fmt.Errorf("%s: recompute keys: %w", m.Schema.Service, err)
		}
		total.Seen, total.Stale = total.Seen+r.Seen, total.Stale+r.Stale
	}
	return total, nil
}

// workBeside records that this older program still writes, so that the newer one
// recomputes the keys once more when it has stopped.
func (m Migration) workBeside(ctx context.Context, states *store.Collection[state], s state) error {
	m.Log.WarnContext(ctx, "a newer program has migrated the database; this one keeps working beside it",
		"component", m.Schema.Service, "database", s.Version, "program", m.Schema.Version, "newer", s.Program)
	_, err := states.Update(ctx, store.NoAssociation, stateID, 0, func(s *state) error {
		s.Recheck, s.Writes = m.Now().Add(overlapGrace).UnixMilli(), s.Writes+1
		return nil
	})
	return err
}

// Watch looks at the database's version every minute until ctx ends, and then
// returns nil. It records that this program still writes beside a newer one, and
// returns an error when a newer one has excluded it. In the newest program it
// recomputes all keys ten minutes after the last older one has written.
func (m Migration) Watch(ctx context.Context) error {
	for backoff.Sleep(ctx, watchInterval) {
		if err := m.look(ctx); errors.Is(err, errExcluded) {
			return err
		} else if err != nil && ctx.Err() == nil {
			m.Log.WarnContext(ctx, "cannot check the version of the database", "component", m.Schema.Service, "error", err)
		}
	}
	return nil
}

var errExcluded = errors.New("a newer program has migrated the database")

// look is one round of Watch.
func (m Migration) look(ctx context.Context) error {
	states, stored, plan, err := m.inspect(ctx)
	if err != nil {
		return err
	}
	s := stored.Value
	switch {
	case s.Least > m.Schema.Version:
		return fmt.Errorf("%w: %s", errExcluded, plan.Refused)
	case plan.Database > plan.Program:
		return m.workBeside(ctx, states, *s)
	case plan.Database < plan.Program || s.Recheck == 0 || s.Recheck > m.Now().UnixMilli():
		return nil
	}
	total, err := m.rekey(ctx, slices.Collect(maps.Keys(m.Schema.Declared())))
	if err != nil {
		return err
	}
	s.Recheck, s.Program, s.Writes = 0, m.Program, s.Writes+1
	// Stale: an older program has written meanwhile, or another one did the same.
	if _, err := states.Replace(ctx, stored); errors.Is(err, store.ErrStale) {
		return nil
	} else if err != nil {
		return err
	}
	m.Log.InfoContext(ctx, "no older program writes to the database any more", "component", m.Schema.Service, "rewritten", total.Stale)
	return nil
}
