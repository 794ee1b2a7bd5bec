package service

import (
	"context"
	"errors"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/figures"
	"github.com/finsam/finsam/services/referral/publication"
)

// Figures is the result of a period, as one caller may see it.
type Figures struct {
	figures.Result
	CountedUntil time.Time // what was done before it is in the figures
	Municipality string    // empty: all that a sender has sent to
}

// Figures returns what happened from one month to another ("2026-01"), both included,
// exactly: to a municipality's own referrals, or to a sender's own as far as it may see
// how they went. Who reads publications instead is answered publication.ErrInstead.
func (s *Service) Figures(ctx context.Context, from, to, municipality string) (*Figures, error) {
	const operation = "getReferralFigures"
	a, err := guard.Caller(ctx, s.AccessLog, operation, "referral-figures")
	if err != nil {
		return nil, insteadOfFigures(operation, a, err)
	}
	if access.Scope(operation, a) != access.OwnMunicipality {
		return s.senderFigures(ctx, operation, a, from, to, municipality)
	}
	if municipality != "" && municipality != a.Municipality {
		return nil, guard.Enter(ctx, s.AccessLog, accesslog.Entry{Operation: operation, Thing: "referral-figures"}, fault.ErrForbidden)
	}
	p, err := s.figures.Read(ctx, a.Association, from, to, a.Municipality)
	if err != nil {
		return nil, err
	}
	f := &Figures{CountedUntil: p.CountedUntil, Municipality: a.Municipality}
	if a.Municipality != "" { // a token that names no municipality has no figures
		f.Result = p.Result
	}
	return f, nil
}

// senderFigures counts the caller's own referrals. They are few, and what the caller may
// see of them changes with each consent: nothing of it is kept.
func (s *Service) senderFigures(ctx context.Context, operation string, a actor.Actor, from, to, municipality string) (*Figures, error) {
	f := &Figures{CountedUntil: history.Stamp(s.Now()), Municipality: municipality}
	where, found, err := conditions(operation, a, Filter{}, s.Now())
	if err != nil {
		return nil, err
	}
	r, err := figures.CountSeen(from, to, municipality, func(count func(*referral.Referral)) error {
		if !found {
			return nil // a token that names no unit or authority has no figures
		}
		q := store.Query{Association: a.Association, Where: where, Sort: []store.Order{{Key: keyReceived}}, Limit: 200}
		return s.referrals.Each(ctx, q, func(v store.Versioned[referral.Referral]) error {
			count(v.Value.Seen(v.Value.Status().VisibilityFor(a)))
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	f.Result = *r
	if municipality != "" && len(r.Rows) == 0 { // one that was a member has figures of that time
		in, err := s.Associations.Get(a.Association)
		if err != nil {
			return nil, err
		}
		if _, isMember := in.Municipality(municipality); !isMember {
			return nil, referral.ErrMunicipality.AtField("municipality")
		}
	}
	return f, nil
}

// Admit is guard.Admit, which names the publications to those who read them instead of
// figures.
func (s *Service) Admit(ctx context.Context, operation, thing string) error {
	a, err := guard.Caller(ctx, s.AccessLog, operation, thing)
	return insteadOfFigures(operation, a, err)
}

func insteadOfFigures(operation string, a actor.Actor, err error) error {
	if operation == "getReferralFigures" && errors.Is(err, fault.ErrForbidden) && !errors.Is(err, accesslog.ErrNotLogged) && access.MayCall("getPublication", a) {
		return publication.ErrInstead
	}
	return err
}
