package referral

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
)

// unitsPrefix begins the types of the events that the register tells.
const unitsPrefix = "se.finsam.units."

func registerCollection() store.Schema[Register] {
	return store.Schema[Register]{
		Name:    "unit_registers",
		ID:      func(g *Register) (string, string) { return g.Association, g.Association },
		Version: func(g *Register) int64 { return g.Changes },
	}
}

// changedUnits tells that the register was changed, so that what is kept of it
// elsewhere ends; what changed is read from it.
func changedUnits(g *Register, _ int64) feed.Event {
	return feed.Event{Type: unitsPrefix + "changed", Subject: g.Association, Time: g.ChangedAt, Association: g.Association}
}

// register returns the association's register; one that nobody has loaded is empty,
// at version 0.
func (s *Service) register(ctx context.Context, association string) (store.Versioned[Register], error) {
	g, err := s.registers.Get(ctx, association, association)
	if errors.Is(err, store.ErrNotFound) {
		return store.Versioned[Register]{Value: &Register{Association: association}}, nil
	}
	return g, err
}

// UnitFilter narrows the register.
type UnitFilter struct {
	Kind         Source // empty: any
	Municipality string // empty: any; else those that serve it, or every one
	Active       bool   // only those that may refer
}

// Units returns the association's register, in the order of the units' ids, with
// its version.
func (s *Service) Units(ctx context.Context, f UnitFilter) ([]Unit, int64, error) {
	a := actor.From(ctx)
	if !access.Allows("listUnits", a, access.Resource{Association: a.Association}) {
		return nil, 0, fault.ErrForbidden
	}
	g, err := s.register(ctx, a.Association)
	if err != nil {
		return nil, 0, err
	}
	units := slices.DeleteFunc(slices.Clone(g.Value.Units), func(u Unit) bool {
		return f.Kind != "" && u.Kind != f.Kind || f.Active && !u.Active ||
			f.Municipality != "" && u.Municipality != "" && u.Municipality != f.Municipality
	})
	return units, g.Version, nil
}

// LoadUnits puts another register in the place of the one at ifVersion.
func (s *Service) LoadUnits(ctx context.Context, ifVersion int64, units []Unit) ([]Unit, int64, error) {
	g, err := s.changeRegister(ctx, "replaceUnits", ifVersion, func(g *Register) error {
		in, err := s.Associations.Get(g.Association)
		if err != nil {
			return err
		}
		return g.Load(units, in, s.Now())
	})
	if err != nil {
		return nil, 0, err
	}
	return g.Value.Units, g.Version, nil
}

// ChangeUnit adds a unit to the register at ifVersion, or changes the one of its
// id there.
func (s *Service) ChangeUnit(ctx context.Context, ifVersion int64, u Unit) (Unit, int64, error) {
	g, err := s.changeRegister(ctx, "replaceUnit", ifVersion, func(g *Register) error {
		in, err := s.Associations.Get(g.Association)
		if err != nil {
			return err
		}
		return g.Change(u, in, s.Now())
	})
	return u, g.Version, err
}

func (s *Service) changeRegister(ctx context.Context, operation string, ifVersion int64, change func(*Register) error) (g store.Versioned[Register], err error) {
	a := actor.From(ctx)
	if !access.Allows(operation, a, access.Resource{Association: a.Association}) {
		return g, fault.ErrForbidden
	}
	if g, err = s.register(ctx, a.Association); err != nil {
		return g, err
	}
	if g.Version != ifVersion {
		return g, store.ErrStale
	}
	if err := change(g.Value); err != nil {
		return g, err
	}
	if ifVersion == 0 {
		if g.Version, err = s.registers.Insert(ctx, g.Value); errors.Is(err, store.ErrExists) {
			err = store.ErrStale // somebody else was the first
		}
	} else {
		g, err = s.registers.Replace(ctx, g)
	}
	if err == nil {
		s.publisher.Wake()
	}
	return g, err
}

func itoa(n int) string { return strconv.Itoa(n) }
