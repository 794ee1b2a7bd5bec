package referral

import (
	"context"

	"github.com/finsam/finsam/pkg/actor"
)

// Accept takes the person into an initiative of the caller's municipality. The
// vault is asked for the age only when nothing else stands in the way.
func (s *Service) Accept(ctx context.Context, id string, ifVersion int64, a Acceptance) (*View, error) {
	r, err := s.loadAt(ctx, "acceptReferral", id, ifVersion)
	if err != nil {
		return nil, err
	}
	own := actor.From(ctx).Municipality
	if a.Municipality == "" {
		a.Municipality = r.Value.Municipality()
	}
	if err := r.Value.Acceptable(s.Now(), own, a); err != nil {
		return nil, err
	}
	in, err := s.Associations.Get(r.Value.Association)
	if err != nil {
		return nil, err
	}
	initiative, ok := in.Initiative(a.Initiative)
	if !ok {
		return nil, ErrInitiative.AtField("/initiative")
	}
	age, err := s.People.AgeOn(ctx, r.Value.Participant, a.StartDate)
	if err != nil {
		return nil, err
	}
	kept, has := r.Value.holding()
	if err := r.Value.Accept(hand(ctx), s.Now(), own, a, initiative, age); err != nil {
		return nil, err
	}
	if has && kept.initiative == a.Initiative {
		return s.save(ctx, r) // into the place that was kept
	}
	return s.acceptWithPlace(ctx, r, initiative)
}

// Reject turns the person away.
func (s *Service) Reject(ctx context.Context, id string, ifVersion int64, code, text string) (*View, error) {
	return s.change(ctx, "rejectReferral", id, ifVersion, text, func(r *Referral, h Hand, sealed []byte) error {
		return r.Reject(h, s.Now(), code, sealed)
	})
}

// Waitlist lets the person wait for a place in an initiative; empty: the one that
// the person waits for already, or the association's only one.
func (s *Service) Waitlist(ctx context.Context, id string, ifVersion int64, priority, initiative string) (*View, error) {
	return s.change(ctx, "waitlistReferral", id, ifVersion, "", func(r *Referral, h Hand, _ []byte) error {
		if !r.May(Waitlisted) {
			return stateFault(r.State())
		}
		into, err := s.waitsFor(r, initiative)
		if err != nil {
			return err
		}
		if err := s.checkWaitlistLimit(ctx, r, into); err != nil {
			return err
		}
		return r.Waitlist(h, s.Now(), priority, into)
	})
}

// RequestSupplement asks the referrer for more.
func (s *Service) RequestSupplement(ctx context.Context, id string, ifVersion int64, text string) (*View, error) {
	return s.change(ctx, "requestSupplement", id, ifVersion, text, func(r *Referral, h Hand, sealed []byte) error {
		return r.RequestSupplement(h, s.Now(), sealed)
	})
}

// SendSupplement answers the municipality.
func (s *Service) SendSupplement(ctx context.Context, id string, ifVersion int64, text string) (*View, error) {
	return s.change(ctx, "sendSupplement", id, ifVersion, text, func(r *Referral, h Hand, sealed []byte) error {
		return r.Supplement(h, s.Now(), sealed)
	})
}

// Withdraw takes the referral back; by is "referrer" or "person".
func (s *Service) Withdraw(ctx context.Context, id string, ifVersion int64, by, text string) (*View, error) {
	a := actor.From(ctx)
	return s.change(ctx, "withdrawReferral", id, ifVersion, text, func(r *Referral, h Hand, sealed []byte) error {
		self := a.Participant != "" && a.Participant == r.Participant
		return r.Withdraw(h, s.Now(), by, self, sealed)
	})
}

// MarkInError says that the referral should never have been sent.
func (s *Service) MarkInError(ctx context.Context, id string, ifVersion int64, text string) (*View, error) {
	return s.change(ctx, "markReferralInError", id, ifVersion, text, func(r *Referral, h Hand, sealed []byte) error {
		return r.MarkInError(h, s.Now(), sealed)
	})
}
