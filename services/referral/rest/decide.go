package rest

import (
	"context"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral"
)

// AcceptReferral answers POST /referrals/{id}/acceptance.
func (h handlers) AcceptReferral(ctx context.Context, r api.AcceptReferralRequestObject) (api.AcceptReferralResponseObject, error) {
	c, err := changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.Accept(ctx, r.Id, version, referral.Acceptance{
			Initiative: r.Body.Initiative, Municipality: value(r.Body.Municipality),
			StartDate: r.Body.StartDate, Coach: r.Body.Coach,
		})
	})
	return api.AcceptReferral200JSONResponse{ChangedJSONResponse: c}, err
}

// RejectReferral answers POST /referrals/{id}/rejection.
func (h handlers) RejectReferral(ctx context.Context, r api.RejectReferralRequestObject) (api.RejectReferralResponseObject, error) {
	c, err := changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.Reject(ctx, r.Id, version, string(r.Body.Code), r.Body.Text)
	})
	return api.RejectReferral200JSONResponse{ChangedJSONResponse: c}, err
}

// WaitlistReferral answers POST /referrals/{id}/waitlisting.
func (h handlers) WaitlistReferral(ctx context.Context, r api.WaitlistReferralRequestObject) (api.WaitlistReferralResponseObject, error) {
	c, err := changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.PutOnWaitlist(ctx, r.Id, version, string(r.Body.Priority), value(r.Body.Initiative))
	})
	return api.WaitlistReferral200JSONResponse{ChangedJSONResponse: c}, err
}

// RequestSupplement answers POST /referrals/{id}/supplement-requests.
func (h handlers) RequestSupplement(ctx context.Context, r api.RequestSupplementRequestObject) (api.RequestSupplementResponseObject, error) {
	c, err := changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.RequestSupplement(ctx, r.Id, version, r.Body.Text)
	})
	return api.RequestSupplement200JSONResponse{ChangedJSONResponse: c}, err
}

// SendSupplement answers POST /referrals/{id}/supplements.
func (h handlers) SendSupplement(ctx context.Context, r api.SendSupplementRequestObject) (api.SendSupplementResponseObject, error) {
	c, err := changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.SendSupplement(ctx, r.Id, version, r.Body.Text)
	})
	return api.SendSupplement200JSONResponse{ChangedJSONResponse: c}, err
}

// WithdrawReferral answers POST /referrals/{id}/withdrawal.
func (h handlers) WithdrawReferral(ctx context.Context, r api.WithdrawReferralRequestObject) (api.WithdrawReferralResponseObject, error) {
	c, err := changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.Withdraw(ctx, r.Id, version, string(r.Body.By), value(r.Body.Text))
	})
	return api.WithdrawReferral200JSONResponse{ChangedJSONResponse: c}, err
}

// MarkReferralInError answers POST /referrals/{id}/error-marking.
func (h handlers) MarkReferralInError(ctx context.Context, r api.MarkReferralInErrorRequestObject) (api.MarkReferralInErrorResponseObject, error) {
	c, err := changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.MarkInError(ctx, r.Id, version, r.Body.Text)
	})
	return api.MarkReferralInError200JSONResponse{ChangedJSONResponse: c}, err
}

// changed calls a verb with the version of If-Match and answers what came of it.
func changed(ifMatch *string, verb func(version int64) (*referral.View, error)) (api.ChangedJSONResponse, error) {
	version, err := rest.Version(ifMatch)
	if err != nil {
		return api.ChangedJSONResponse{}, err
	}
	v, err := verb(version)
	if err != nil {
		return api.ChangedJSONResponse{}, err
	}
	tag := rest.ETag(v.Version)
	return api.ChangedJSONResponse{Body: body(v, fromAct), Headers: api.ChangedResponseHeaders{ETag: &tag}}, nil
}

// value returns an optional field, or nothing.
func value[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}
