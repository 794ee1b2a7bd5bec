package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
)

// Amend corrects what was sent; why is the reason, for the municipality.
func (s *Service) Amend(ctx context.Context, id string, ifVersion int64, c referral.Changes, why string) (*referral.View, error) {
	authority := ""
	v, err := s.change(ctx, "amendReferral", id, ifVersion, why, func(a actor.Actor, r versioned, by history.Author, why []byte) error {
		authority = r.Value.Authority
		in, err := s.Associations.Get(r.Value.Association)
		if err != nil {
			return err
		}
		reason, err := s.Cipher.Decrypt(r.Value.Reason, referral.TextContext(id))
		if err != nil {
			return fmt.Errorf("referral %s: reason: %w", id, err)
		}
		assessed, err := referral.DecryptAssessment(id, r.Value.Assessment, s.Cipher.Decrypt)
		if err != nil {
			return err
		}
		contact, err := referral.DecryptContact(id, r.Value.Contact, s.Cipher.Decrypt)
		if err != nil {
			return err
		}
		c.Self = a.Participant != "" && a.Participant == r.Value.Participant
		return r.Value.Amend(by, s.Now(), in, c, referral.Plain{Reason: string(reason), Assessed: assessed, Contact: contact}, s.Cipher.Encrypt, why)
	})
	if errors.Is(err, store.ErrTaken) {
		const pointer = "/changes/externalReference"
		err = cmp.Or(s.checkReference(ctx, actor.From(ctx).Association, authority, *c.ExternalReference, pointer), error(referral.ErrExternalReference.AtField(pointer)))
	}
	return v, err
}
