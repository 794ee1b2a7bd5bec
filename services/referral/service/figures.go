package service

import (
	"context"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/services/referral/figures"
)

// Figures is the result of a period, as one caller may see it.
type Figures struct {
	*figures.Period
	Municipality string // empty: all of the association
	Exact        bool   // without noise
}

// Figures returns what happened from one month to another ("2026-01"), both included: a
// municipality's own exactly, the association's as aggregates under the Cell Key Method.
func (s *Service) Figures(ctx context.Context, from, to, municipality string) (*Figures, error) {
	const operation = "getReferralFigures"
	a, err := guard.Caller(ctx, s.AccessLog, operation, "referral-figures")
	if err != nil {
		return nil, err
	}
	f := &Figures{Municipality: municipality, Exact: access.Scope(operation, a) == access.OwnMunicipality}
	if f.Exact {
		if municipality != "" && municipality != a.Municipality {
			return nil, guard.Enter(ctx, s.AccessLog, accesslog.Entry{Operation: operation, Thing: "referral-figures"}, fault.ErrForbidden)
		}
		f.Municipality = a.Municipality
	}
	if f.Period, err = s.figures.Read(ctx, a.Association, from, to, f.Municipality); err != nil {
		return nil, err
	}
	switch {
	case f.Exact && f.Municipality == "":
		f.Result = figures.Result{} // a token that names no municipality has no figures
	case !f.Exact:
		f.Result = f.Shielded()
	}
	return f, nil
}
