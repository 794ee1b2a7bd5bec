package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral"
)

func (h handlers) AcceptReferral(ctx context.Context, r api.AcceptReferralRequestObject) (api.AcceptReferralResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.Accept(ctx, r.Id, version, referral.Acceptance{
			Initiative: r.Body.Initiative, Municipality: rest.Value(r.Body.Municipality),
			StartDate: r.Body.StartDate, Coach: r.Body.Coach,
		})
	}, h.changed)
	return api.AcceptReferral200JSONResponse{ChangedJSONResponse: c}, err
}

func (h handlers) JoinReferral(ctx context.Context, r api.JoinReferralRequestObject) (api.JoinReferralResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.Join(ctx, r.Id, version, rest.Value(r.Body.Initiative), rest.Value(r.Body.AnswersCheckIns))
	}, h.changed)
	return api.JoinReferral200JSONResponse{ChangedJSONResponse: c}, err
}

func (h handlers) RejectReferral(ctx context.Context, r api.RejectReferralRequestObject) (api.RejectReferralResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.Reject(ctx, r.Id, version, string(r.Body.Code), r.Body.Text)
	}, h.changed)
	return api.RejectReferral200JSONResponse{ChangedJSONResponse: c}, err
}

func (h handlers) WaitlistReferral(ctx context.Context, r api.WaitlistReferralRequestObject) (api.WaitlistReferralResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.PutOnWaitlist(ctx, r.Id, version, string(r.Body.Priority), rest.Value(r.Body.Initiative))
	}, h.changed)
	return api.WaitlistReferral200JSONResponse{ChangedJSONResponse: c}, err
}

func (h handlers) RequestSupplement(ctx context.Context, r api.RequestSupplementRequestObject) (api.RequestSupplementResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.RequestSupplement(ctx, r.Id, version, r.Body.Text)
	}, h.changed)
	return api.RequestSupplement200JSONResponse{ChangedJSONResponse: c}, err
}

func (h handlers) SendSupplement(ctx context.Context, r api.SendSupplementRequestObject) (api.SendSupplementResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.SendSupplement(ctx, r.Id, version, r.Body.Text)
	}, h.changed)
	return api.SendSupplement200JSONResponse{ChangedJSONResponse: c}, err
}

func (h handlers) WithdrawReferral(ctx context.Context, r api.WithdrawReferralRequestObject) (api.WithdrawReferralResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.Withdraw(ctx, r.Id, version, string(r.Body.By), rest.Value(r.Body.Text))
	}, h.changed)
	return api.WithdrawReferral200JSONResponse{ChangedJSONResponse: c}, err
}

func (h handlers) MarkReferralInError(ctx context.Context, r api.MarkReferralInErrorRequestObject) (api.MarkReferralInErrorResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.MarkInError(ctx, r.Id, version, r.Body.Text)
	}, h.changed)
	return api.MarkReferralInError200JSONResponse{ChangedJSONResponse: c}, err
}

func (h handlers) CorrectReferral(ctx context.Context, r api.CorrectReferralRequestObject) (api.CorrectReferralResponseObject, error) {
	correction, text := referral.Correction{Step: int64(r.Body.Step)}, ""
	if x := r.Body.Replacement; x != nil {
		correction.Instead = &referral.Decision{
			StartDate: rest.Value(x.StartDate), Coach: rest.Value(x.Coach), Code: string(rest.Value(x.Code)), Priority: string(rest.Value(x.Priority)),
		}
		text = rest.Value(x.Text)
	}
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.Correct(ctx, r.Id, version, correction, r.Body.Reason, text)
	}, h.changed)
	return api.CorrectReferral200JSONResponse{ChangedJSONResponse: c}, err
}

// changed writes a referral as the answer of an operation that has changed it.
func (h handlers) changed(v *referral.View) api.ChangedJSONResponse {
	tag := rest.ETag(v.Version)
	return api.ChangedJSONResponse{Body: h.body(v), Headers: api.ChangedResponseHeaders{ETag: &tag}}
}

func (h handlers) AssignReferral(ctx context.Context, r api.AssignReferralRequestObject) (api.AssignReferralResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.Assign(ctx, r.Id, version, rest.Value(r.Body.Responsible))
	}, h.changed)
	return api.AssignReferral200JSONResponse{ChangedJSONResponse: c}, err
}

func (h handlers) RequestTransfer(ctx context.Context, r api.RequestTransferRequestObject) (api.RequestTransferResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.RequestTransfer(ctx, r.Id, version, r.Body.Municipality, r.Body.Text)
	}, h.changed)
	return api.RequestTransfer200JSONResponse{ChangedJSONResponse: c}, err
}

func (h handlers) AcceptTransfer(ctx context.Context, r api.AcceptTransferRequestObject) (api.AcceptTransferResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.AcceptTransfer(ctx, r.Id, version, rest.Value(r.Body.Text))
	}, h.changed)
	return api.AcceptTransfer200JSONResponse{ChangedJSONResponse: c}, err
}

func (h handlers) DeclineTransfer(ctx context.Context, r api.DeclineTransferRequestObject) (api.DeclineTransferResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.DeclineTransfer(ctx, r.Id, version, r.Body.Text)
	}, h.changed)
	return api.DeclineTransfer200JSONResponse{ChangedJSONResponse: c}, err
}

func (h handlers) CancelTransfer(ctx context.Context, r api.CancelTransferRequestObject) (api.CancelTransferResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.CancelTransfer(ctx, r.Id, version, rest.Value(r.Body.Text))
	}, h.changed)
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
