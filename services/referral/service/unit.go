package service

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
)

// unitsPrefix begins the types of the events about the register.
const unitsPrefix = "se.finsam.units."

var registerCollection = store.Schema[referral.Register]{
	Name:      "unit_registers",
	Published: true,
	ID:        func(g *referral.Register) (string, string) { return g.Association, g.Association },
	Version:   func(g *referral.Register) int64 { return g.Changes },
}

// register returns the association's register; one that nobody has loaded is empty, at
// version 0.
func (s *Service) register(ctx context.Context, association string) (store.Versioned[referral.Register], error) {
	g, err := s.registers.Get(ctx, association, association)
	if errors.Is(err, store.ErrNotFound) {
		return store.Versioned[referral.Register]{Value: &referral.Register{Association: association}}, nil
	}
	return g, err
}

// registerLifetime is how long a register is used before it is read again: a change that
// another process has made counts after that time at most, one of this process at once.
const registerLifetime = 2 * time.Second

// recentRegisters are the registers that referrals are held against, one for each
// association that is served.
type recentRegisters struct {
	mu            sync.Mutex
	byAssociation map[string]recentRegister
}

type recentRegister struct {
	store.Versioned[referral.Register]
	read time.Time
}

// recentRegister returns the register as it was within registerLifetime. It is shared:
// nobody changes it.
func (s *Service) recentRegister(ctx context.Context, association string) (*referral.Register, error) {
	s.recent.mu.Lock()
	known := s.recent.byAssociation[association]
	s.recent.mu.Unlock()
	now := s.Now()
	if age := now.Sub(known.read); known.Value != nil && 0 <= age && age < registerLifetime {
		return known.Value, nil
	}
	g, err := s.register(ctx, association)
	if err != nil {
		return nil, err
	}
	return s.remember(g, now), nil
}

// remember keeps a register that was read or written at a time, and returns it, or a
// later one that has come meanwhile.
func (s *Service) remember(g store.Versioned[referral.Register], at time.Time) *referral.Register {
	s.recent.mu.Lock()
	defer s.recent.mu.Unlock()
	if known := s.recent.byAssociation[g.Value.Association]; known.Value != nil && known.Version > g.Version {
		return known.Value
	}
	if s.recent.byAssociation == nil {
		s.recent.byAssociation = map[string]recentRegister{}
	}
	s.recent.byAssociation[g.Value.Association] = recentRegister{g, at}
	return g.Value
}

// UnitFilter narrows the register.
type UnitFilter struct {
	Kind         referral.Source // empty: any
	Municipality string          // empty: any; else units that serve it, or every municipality
	Active       bool            // only those that may refer
}

// Units returns the association's register, in the order of the units' ids, with its
// version.
func (s *Service) Units(ctx context.Context, f UnitFilter) ([]referral.Unit, int64, error) {
	a, err := guard.Caller(ctx, s.AccessLog, "listUnits", "units")
	if err != nil {
		return nil, 0, err
	}
	g, err := s.register(ctx, a.Association)
	if err != nil {
		return nil, 0, err
	}
	units := slices.DeleteFunc(slices.Clone(g.Value.Units), func(u referral.Unit) bool {
		return f.Kind != "" && u.Kind != f.Kind || f.Active && !u.Active ||
			f.Municipality != "" && u.Municipality != "" && u.Municipality != f.Municipality
	})
	return units, g.Version, nil
}

// ReplaceUnits replaces the register at ifVersion; below 0: at any.
func (s *Service) ReplaceUnits(ctx context.Context, ifVersion int64, units []referral.Unit) ([]referral.Unit, int64, error) {
	g, err := s.changeRegister(ctx, "replaceUnits", ifVersion, func(g *referral.Register, in *association.Association) error {
		return g.Load(units, in, s.Now())
	})
	if err != nil {
		return nil, 0, err
	}
	return g.Value.Units, g.Version, nil
}

// ReplaceUnit adds a unit to the register at ifVersion, or replaces the one of its id, and
// returns the register's version; below 0: at any version.
func (s *Service) ReplaceUnit(ctx context.Context, ifVersion int64, u referral.Unit) (int64, error) {
	g, err := s.changeRegister(ctx, "replaceUnit", ifVersion, func(g *referral.Register, in *association.Association) error {
		return g.Change(u, in, s.Now())
	})
	return g.Version, err
}

// changeRegister changes the register at ifVersion and enters how that ended.
func (s *Service) changeRegister(ctx context.Context, operation string, ifVersion int64, change func(*referral.Register, *association.Association) error) (g store.Versioned[referral.Register], err error) {
	a, err := guard.Caller(ctx, s.AccessLog, operation, "units")
	if err != nil {
		return g, err
	}
	entry := accesslog.Entry{Operation: operation, Thing: "units", Why: string(access.Association)}
	defer func() { err = guard.Enter(ctx, s.AccessLog, entry, err) }()
	if !access.Allows(operation, a, access.Resource{Association: a.Association}) {
		return g, fault.ErrForbidden
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return g, err
	}
	if g, err = s.register(ctx, a.Association); err != nil {
		return g, err
	}
	if ifVersion >= 0 && g.Version != ifVersion {
		return g, store.ErrStale
	}
	if err := change(g.Value, in); err != nil {
		return g, err
	}
	if g.Version == 0 {
		if g.Version, err = s.registers.Insert(ctx, g.Value); errors.Is(err, store.ErrExists) {
			err = store.ErrStale // somebody else was first
		}
	} else {
		g, err = s.registers.Replace(ctx, g)
	}
	if err == nil {
		s.remember(g, s.Now())
		s.publisher.Wake()
	}
	return g, err
}
