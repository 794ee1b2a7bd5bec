package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral"
)

// AssignReferral answers POST /referrals/{id}/assignment.
func (h handlers) AssignReferral(ctx context.Context, r api.AssignReferralRequestObject) (api.AssignReferralResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.Assign(ctx, r.Id, version, rest.Value(r.Body.Responsible))
	}, changed)
	return api.AssignReferral200JSONResponse{ChangedJSONResponse: c}, err
}

// RequestTransfer answers POST /referrals/{id}/transfer-requests.
func (h handlers) RequestTransfer(ctx context.Context, r api.RequestTransferRequestObject) (api.RequestTransferResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.RequestTransfer(ctx, r.Id, version, r.Body.Municipality, r.Body.Text)
	}, changed)
	return api.RequestTransfer200JSONResponse{ChangedJSONResponse: c}, err
}

// AcceptTransfer answers POST /referrals/{id}/transfer-acceptance.
func (h handlers) AcceptTransfer(ctx context.Context, r api.AcceptTransferRequestObject) (api.AcceptTransferResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.AcceptTransfer(ctx, r.Id, version, rest.Value(r.Body.Text))
	}, changed)
	return api.AcceptTransfer200JSONResponse{ChangedJSONResponse: c}, err
}

// DeclineTransfer answers POST /referrals/{id}/transfer-refusal.
func (h handlers) DeclineTransfer(ctx context.Context, r api.DeclineTransferRequestObject) (api.DeclineTransferResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.DeclineTransfer(ctx, r.Id, version, r.Body.Text)
	}, changed)
	return api.DeclineTransfer200JSONResponse{ChangedJSONResponse: c}, err
}

// CancelTransfer answers POST /referrals/{id}/transfer-cancellation.
func (h handlers) CancelTransfer(ctx context.Context, r api.CancelTransferRequestObject) (api.CancelTransferResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.CancelTransfer(ctx, r.Id, version, rest.Value(r.Body.Text))
	}, changed)
	return api.CancelTransfer200JSONResponse{ChangedJSONResponse: c}, err
}

// transfer writes the question to another municipality while it waits.
func transfer(v *referral.View) *api.ReferralTransfer {
	t := v.Status.Transfer
	if t == nil {
		return nil
	}
	return &api.ReferralTransfer{Municipality: t.Municipality, RequestedAt: t.At}
}
