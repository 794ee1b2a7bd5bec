package service

import (
	"context"
	"errors"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/draft"
)

// SendDraft creates the referral of the draft at ifVersion, by the rules of Create, and
// destroys the draft. read holds what was written against the contract. The referral is
// stored first: a crash in between leaves a draft that becomes the same referral when it
// is sent again, and a repeat finds the referral also when the draft is gone. What
// somebody else saved in the meantime is not lost: it remains as a draft, which can be
// read and deleted, but neither changed nor sent.
func (s *Service) SendDraft(ctx context.Context, id string, ifVersion int64, read func([]byte) (referral.Submission, error)) (*referral.View, error) {
	const operation = "sendDraft"
	a, err := guard.Caller(ctx, s.AccessLog, operation, "draft/"+id)
	if err != nil {
		return nil, err
	}
	if v, err := s.sent(ctx, a, id); v != nil || err != nil {
		return v, err
	}
	d, err := s.Drafts.Open(ctx, operation, id, ifVersion)
	if errors.Is(err, fault.ErrNotFound) { // or somebody has sent it just now
		if v, errSent := s.sent(ctx, a, id); v != nil || errSent != nil {
			return v, errSent
		}
	}
	if err != nil {
		return nil, err
	}
	sub, err := read(d.Plain)
	if err != nil {
		return nil, err
	}
	request := idempotency.Request{NewID: func() string { return draft.ReferralID(id) }, Fingerprint: s.Cipher.Fingerprint(d.Plain)}
	v, err := s.create(ctx, a, operation, request, sub)
	if errors.Is(err, store.ErrExists) { // another sending was faster
		if v, err = s.sent(ctx, a, id); v == nil && err == nil {
			err = draft.ErrSent
		}
		return v, err
	}
	if err != nil {
		return nil, err
	}
	return v, s.Drafts.Destroy(ctx, d.Draft)
}

// sent returns the referral that a draft has become already, as it was at its first
// step, and destroys the draft if it was left with what was sent; nil when there is no
// referral, or the caller may not send it.
func (s *Service) sent(ctx context.Context, a actor.Actor, id string) (*referral.View, error) {
	r, err := s.referrals.Get(ctx, a.Association, draft.ReferralID(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	was := draft.Draft{Association: r.Value.Association, Authority: r.Value.Authority, Unit: r.Value.Unit}
	if was.Authority == a.Authority {
		was.Municipality = r.Value.WishedMunicipality // a receiver sends to its own municipality only
	}
	if !access.Allows("sendDraft", a, was.Resource()) {
		return nil, nil
	}
	if err := s.Drafts.DestroySent(ctx, a.Association, id, r.Value.Receipt.Fingerprint); err != nil {
		return nil, err
	}
	v, err := s.received(ctx, a, "sendDraft", r.Value)
	if err == nil && !r.Value.Status().VisibilityFor(a).Texts {
		v.Texts = nil // the person has become protected, and a draft is a whole unit's
	}
	return v, err
}
