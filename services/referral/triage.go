package referral

import (
	"context"
	"errors"
	"fmt"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// Amend corrects what was sent; why tells the municipality the reason.
func (s *Service) Amend(ctx context.Context, id string, ifVersion int64, c Changes, why string) (*View, error) {
	a := actor.From(ctx)
	v, err := s.change(ctx, "amendReferral", id, ifVersion, why, func(r *Referral, h Hand, sealed []byte) error {
		in, err := s.Associations.Get(r.Association)
		if err != nil {
			return err
		}
		was, err := s.Cipher.Decrypt(r.Reason, sealContext(id))
		if err != nil {
			return fmt.Errorf("referral %s: reason: %w", id, err)
		}
		assessed, err := openAssessment(s.Cipher, id, r.Assessment)
		if err != nil {
			return err
		}
		c.Self = a.Participant != "" && a.Participant == r.Participant
		return r.Amend(h, s.Now(), in, c, Clear{string(was), assessed}, s.Cipher.Encrypt, sealed)
	})
	if errors.Is(err, store.ErrTaken) {
		return nil, ErrExternalReference.AtField("/changes/externalReference")
	}
	return v, err
}

// Assign makes somebody at the caller's municipality responsible; empty: nobody.
func (s *Service) Assign(ctx context.Context, id string, ifVersion int64, responsible string) (*View, error) {
	return s.change(ctx, "assignReferral", id, ifVersion, "", func(r *Referral, h Hand, _ []byte) error {
		return r.Assign(h, s.Now(), responsible)
	})
}

// RequestTransfer asks another municipality, by its code, to take over.
func (s *Service) RequestTransfer(ctx context.Context, id string, ifVersion int64, municipality, text string) (*View, error) {
	return s.change(ctx, "requestTransfer", id, ifVersion, text, func(r *Referral, h Hand, sealed []byte) error {
		in, err := s.Associations.Get(r.Association)
		if err != nil {
			return err
		}
		to, member := in.Municipality(municipality)
		if !member {
			return ErrMunicipality.AtField("/municipality")
		}
		return r.RequestTransfer(h, s.Now(), to, sealed)
	})
}

// AcceptTransfer takes the referral over to the caller's municipality.
func (s *Service) AcceptTransfer(ctx context.Context, id string, ifVersion int64, text string) (*View, error) {
	return s.change(ctx, "acceptTransfer", id, ifVersion, text, func(r *Referral, h Hand, sealed []byte) error {
		return r.AcceptTransfer(h, s.Now(), actor.From(ctx).Municipality, sealed)
	})
}

// DeclineTransfer leaves the referral with the municipality that asked. The
// answer is the last that the caller sees of it.
func (s *Service) DeclineTransfer(ctx context.Context, id string, ifVersion int64, text string) (*View, error) {
	return s.change(ctx, "declineTransfer", id, ifVersion, text, func(r *Referral, h Hand, sealed []byte) error {
		return r.DeclineTransfer(h, s.Now(), actor.From(ctx).Municipality, sealed)
	})
}

// CancelTransfer takes the question back.
func (s *Service) CancelTransfer(ctx context.Context, id string, ifVersion int64, text string) (*View, error) {
	return s.change(ctx, "cancelTransfer", id, ifVersion, text, func(r *Referral, h Hand, sealed []byte) error {
		return r.CancelTransfer(h, s.Now(), sealed)
	})
}

// handedOver returns what a municipality without relation to the referral is told:
// one that handed it over learns to whom and when, and nothing of the person any
// more; everybody else, that there is no such thing.
func (s *Service) handedOver(operation string, a actor.Actor, r *Referral) error {
	step := r.handedOverBy(a.Municipality)
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
	return handedOverFault(name, step.At)
}
