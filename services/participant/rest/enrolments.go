package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/participant"
)

// ListEnrolments answers GET /enrolments.
func (h handlers) ListEnrolments(ctx context.Context, r api.ListEnrolmentsRequestObject) (api.ListEnrolmentsResponseObject, error) {
	f := participant.EnrolmentFilter{
		State: string(value(r.Params.State)), Participant: value(r.Params.Participant), Municipality: value(r.Params.Municipality),
		Limit: 20, Page: 1, Cursor: value(r.Params.Cursor),
	}
	if r.Params.Limit != nil {
		f.Limit = *r.Params.Limit
	}
	if r.Params.Page != nil {
		f.Page = *r.Params.Page
	}
	page, err := h.service.Enrolments(ctx, f)
	if err != nil {
		return nil, err
	}
	return api.ListEnrolments200JSONResponse(enrolmentList(page, f)), nil
}

// GetEnrolment answers GET /enrolments/{id}.
func (h handlers) GetEnrolment(ctx context.Context, r api.GetEnrolmentRequestObject) (api.GetEnrolmentResponseObject, error) {
	v, err := h.service.Enrolment(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(v.Version)
	if rest.NotModified(r.Params.IfNoneMatch, v.Version) {
		return api.GetEnrolment304Response{Headers: api.NotModifiedResponseHeaders{ETag: &tag}}, nil
	}
	return api.GetEnrolment200JSONResponse{EnrolmentJSONResponse: enrolmentAnswer(v, fromItem)}, nil
}

// StartEnrolment answers POST /enrolments/{id}/start.
func (h handlers) StartEnrolment(ctx context.Context, r api.StartEnrolmentRequestObject) (api.StartEnrolmentResponseObject, error) {
	a, err := changed(r.Params.IfMatch, fromAct, func(version int64) (*participant.EnrolmentView, error) {
		return h.service.Start(ctx, r.Id, version, civil.Date(r.Body.StartedOn))
	})
	return api.StartEnrolment200JSONResponse{EnrolmentJSONResponse: a}, err
}

// StartBlock answers POST /enrolments/{id}/blocks/{number}/start.
func (h handlers) StartBlock(ctx context.Context, r api.StartBlockRequestObject) (api.StartBlockResponseObject, error) {
	a, err := changed(r.Params.IfMatch, fromPart, func(version int64) (*participant.EnrolmentView, error) {
		return h.service.StartBlock(ctx, r.Id, version, r.Number, civil.Date(r.Body.StartedOn))
	})
	return api.StartBlock200JSONResponse{EnrolmentJSONResponse: a}, err
}

// AnswerCheckIn answers POST /enrolments/{id}/check-ins/{number}/answer.
func (h handlers) AnswerCheckIn(ctx context.Context, r api.AnswerCheckInRequestObject) (api.AnswerCheckInResponseObject, error) {
	a, err := changed(r.Params.IfMatch, fromPart, func(version int64) (*participant.EnrolmentView, error) {
		return h.service.AnswerCheckIn(ctx, r.Id, version, r.Number, string(r.Body.Readiness), value(r.Body.Text))
	})
	return api.AnswerCheckIn200JSONResponse{EnrolmentJSONResponse: a}, err
}

// RecordNonAnswer answers POST /enrolments/{id}/check-ins/{number}/non-answer.
func (h handlers) RecordNonAnswer(ctx context.Context, r api.RecordNonAnswerRequestObject) (api.RecordNonAnswerResponseObject, error) {
	a, err := changed(r.Params.IfMatch, fromPart, func(version int64) (*participant.EnrolmentView, error) {
		return h.service.RecordNonAnswer(ctx, r.Id, version, r.Number, value(r.Body.Text))
	})
	return api.RecordNonAnswer200JSONResponse{EnrolmentJSONResponse: a}, err
}

// DecideCheckIn answers POST /enrolments/{id}/check-ins/{number}/decision.
func (h handlers) DecideCheckIn(ctx context.Context, r api.DecideCheckInRequestObject) (api.DecideCheckInResponseObject, error) {
	in := participant.DecisionInput{
		Decision: participant.Decision(r.Body.Decision), On: civil.Date(r.Body.DecidedOn),
		Weeks: value(r.Body.Weeks), Reason: value(r.Body.Reason),
	}
	if x := r.Body.Exception; x != nil {
		in.ExceptionReason, in.Approver = x.Reason, x.Approver
	}
	a, err := changed(r.Params.IfMatch, fromPart, func(version int64) (*participant.EnrolmentView, error) {
		return h.service.DecideCheckIn(ctx, r.Id, version, r.Number, in)
	})
	return api.DecideCheckIn200JSONResponse{EnrolmentJSONResponse: a}, err
}

// ResumeEnrolment answers POST /enrolments/{id}/resumption.
func (h handlers) ResumeEnrolment(ctx context.Context, r api.ResumeEnrolmentRequestObject) (api.ResumeEnrolmentResponseObject, error) {
	a, err := changed(r.Params.IfMatch, fromAct, func(version int64) (*participant.EnrolmentView, error) {
		return h.service.Resume(ctx, r.Id, version, civil.Date(r.Body.ResumedOn))
	})
	return api.ResumeEnrolment200JSONResponse{EnrolmentJSONResponse: a}, err
}

// HoldClosingConversation answers POST /enrolments/{id}/closing-conversation.
func (h handlers) HoldClosingConversation(ctx context.Context, r api.HoldClosingConversationRequestObject) (api.HoldClosingConversationResponseObject, error) {
	a, err := changed(r.Params.IfMatch, fromAct, func(version int64) (*participant.EnrolmentView, error) {
		return h.service.HoldConversation(ctx, r.Id, version, civil.Date(r.Body.HeldOn), r.Body.Text)
	})
	return api.HoldClosingConversation200JSONResponse{EnrolmentJSONResponse: a}, err
}

// CloseEnrolment answers POST /enrolments/{id}/closing-documentation.
func (h handlers) CloseEnrolment(ctx context.Context, r api.CloseEnrolmentRequestObject) (api.CloseEnrolmentResponseObject, error) {
	d := participant.Documentation{
		On: civil.Date(r.Body.ClosedOn), EndReason: participant.EndReason(r.Body.EndReason),
		Occupation: participant.Occupation{Kind: string(r.Body.OccupationAfter.Kind), Extent: value(r.Body.OccupationAfter.Extent)},
	}
	for _, l := range r.Body.LivelihoodAfter {
		d.Livelihood = append(d.Livelihood, string(l))
	}
	a, err := changed(r.Params.IfMatch, fromAct, func(version int64) (*participant.EnrolmentView, error) {
		return h.service.Close(ctx, r.Id, version, d, r.Body.Summary)
	})
	return api.CloseEnrolment200JSONResponse{EnrolmentJSONResponse: a}, err
}

// CancelEnrolment answers POST /enrolments/{id}/cancellation.
func (h handlers) CancelEnrolment(ctx context.Context, r api.CancelEnrolmentRequestObject) (api.CancelEnrolmentResponseObject, error) {
	a, err := changed(r.Params.IfMatch, fromAct, func(version int64) (*participant.EnrolmentView, error) {
		return h.service.Cancel(ctx, r.Id, version, value(r.Body.Text))
	})
	return api.CancelEnrolment200JSONResponse{EnrolmentJSONResponse: a}, err
}

// changed calls a verb with the version of If-Match and answers what came of it.
func changed(ifMatch *string, from depth, verb func(version int64) (*participant.EnrolmentView, error)) (api.EnrolmentJSONResponse, error) {
	version, err := rest.Version(ifMatch)
	if err != nil {
		return api.EnrolmentJSONResponse{}, err
	}
	v, err := verb(version)
	if err != nil {
		return api.EnrolmentJSONResponse{}, err
	}
	return enrolmentAnswer(v, from), nil
}
