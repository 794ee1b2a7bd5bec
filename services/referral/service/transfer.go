package service

import (
	"context"
	"fmt"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/services/referral"
)

// Assign makes somebody at the caller's municipality responsible; empty: nobody.
func (s *Service) Assign(ctx context.Context, id string, ifVersion int64, responsible string) (*referral.View, error) {
	return s.change(ctx, "assignReferral", id, ifVersion, "", func(_ actor.Actor, r versioned, by history.Author, _ []byte) error {
		return r.Value.Assign(by, s.Now(), responsible)
	})
}

// RequestTransfer asks another municipality, by its code, to take over.
func (s *Service) RequestTransfer(ctx context.Context, id string, ifVersion int64, municipality, text string) (*referral.View, error) {
	return s.change(ctx, "requestTransfer", id, ifVersion, text, func(_ actor.Actor, r versioned, by history.Author, text []byte) error {
		in, err := s.Associations.Get(r.Value.Association)
		if err != nil {
			return err
		}
		to, member := in.Municipality(municipality)
		if !member {
			return referral.ErrMunicipality.AtField("/municipality")
		}
		return r.Value.RequestTransfer(by, s.Now(), to, text)
	})
}

// AcceptTransfer takes the referral over to the caller's municipality.
func (s *Service) AcceptTransfer(ctx context.Context, id string, ifVersion int64, text string) (*referral.View, error) {
	return s.change(ctx, "acceptTransfer", id, ifVersion, text, func(a actor.Actor, r versioned, by history.Author, text []byte) error {
		return r.Value.AcceptTransfer(by, s.Now(), a.Municipality, text)
	})
}

// DeclineTransfer leaves the referral with the municipality that asked. The answer is
// the last that the caller sees of it.
func (s *Service) DeclineTransfer(ctx context.Context, id string, ifVersion int64, text string) (*referral.View, error) {
	return s.change(ctx, "declineTransfer", id, ifVersion, text, func(a actor.Actor, r versioned, by history.Author, text []byte) error {
		return r.Value.DeclineTransfer(by, s.Now(), a.Municipality, text)
	})
}

// CancelTransfer takes the request back.
func (s *Service) CancelTransfer(ctx context.Context, id string, ifVersion int64, text string) (*referral.View, error) {
	return s.change(ctx, "cancelTransfer", id, ifVersion, text, func(_ actor.Actor, r versioned, by history.Author, text []byte) error {
		return r.Value.CancelTransfer(by, s.Now(), text)
	})
}

// handedOver returns the answer to a caller without relation to a referral: a
// municipality that handed it over learns to whom and when, and nothing of the person
// any more; for everybody else the referral does not exist.
func (s *Service) handedOver(a actor.Actor, operation string, r *referral.Referral) error {
	step := r.Status().HandedOverBy(a.Municipality)
	own := access.Resource{Association: r.Association, Relationships: []access.Relationship{{Municipality: a.Municipality}}}
	if step == nil || !access.Allows(operation, a, own) {
		return fault.ErrNotFound
	}
	name := step.Municipality
	if in, err := s.Associations.Get(r.Association); err == nil {
		if m, ok := in.Municipality(name); ok {
			name = m.Name
		}
	}
	day := civil.DateOf(step.At)
	return referral.ErrHandedOver.WithText(
		fmt.Sprintf("Remissen lämnades över till %s %s.", name, day), fmt.Sprintf("The referral was handed over to %s on %s.", name, day))
}
