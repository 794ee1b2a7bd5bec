package rest

import (
	"context"
	"net/url"
	"strconv"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/participant"
	"github.com/finsam/finsam/services/participant/service"
)

// ListEnrolments answers GET /enrolments.
func (h handlers) ListEnrolments(ctx context.Context, r api.ListEnrolmentsRequestObject) (api.ListEnrolmentsResponseObject, error) {
	f := service.EnrolmentFilter{
		State: string(value(r.Params.State)), Participant: value(r.Params.Participant), Municipality: value(r.Params.Municipality),
	}
	w := window(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	page, err := h.service.Enrolments(ctx, f, w)
	if err != nil {
		return nil, err
	}
	q := url.Values{}
	for name, text := range map[string]string{"state": f.State, "participant": f.Participant, "municipality": f.Municipality} {
		if text != "" {
			q.Set(name, text)
		}
	}
	b := api.ListEnrolments200JSONResponse{
		Items: make([]api.EnrolmentSummary, 0, len(page.Items)), UnderscoreMeta: meta(w, len(page.Items), page.Next, page.Total),
		UnderscoreLinks: listLinks(fromList, "enrolments", q, w, page.Next),
	}
	for _, v := range page.Items {
		b.Items = append(b.Items, api.EnrolmentSummary{
			Id: v.ID, Referral: v.Referral, Participant: v.Participant, Alias: participant.Alias(v.Participant),
			Initiative: v.Initiative, Municipality: v.Municipality, Coach: v.Coach,
			State: api.EnrolmentState(v.Progress.State), Outcome: optional(api.EnrolmentOutcome(v.Progress.Outcome)),
			CurrentBlock: optional(v.Progress.Block), PlannedStart: string(v.PlannedStart),
			StartedOn: optional(string(v.Progress.Started)), UnderscoreLinks: enrolmentLinks(v, fromList),
		})
	}
	return b, nil
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
	a, err := changed(r.Params.IfMatch, fromAct, func(version int64) (*service.EnrolmentView, error) {
		return h.service.Start(ctx, r.Id, version, civil.Date(r.Body.StartedOn))
	})
	return api.StartEnrolment200JSONResponse{EnrolmentJSONResponse: a}, err
}

// StartBlock answers POST /enrolments/{id}/blocks/{number}/start.
func (h handlers) StartBlock(ctx context.Context, r api.StartBlockRequestObject) (api.StartBlockResponseObject, error) {
	a, err := changed(r.Params.IfMatch, fromPart, func(version int64) (*service.EnrolmentView, error) {
		return h.service.StartBlock(ctx, r.Id, version, r.Number, civil.Date(r.Body.StartedOn))
	})
	return api.StartBlock200JSONResponse{EnrolmentJSONResponse: a}, err
}

// AnswerCheckIn answers POST /enrolments/{id}/check-ins/{number}/answer.
func (h handlers) AnswerCheckIn(ctx context.Context, r api.AnswerCheckInRequestObject) (api.AnswerCheckInResponseObject, error) {
	a, err := changed(r.Params.IfMatch, fromPart, func(version int64) (*service.EnrolmentView, error) {
		return h.service.AnswerCheckIn(ctx, r.Id, version, r.Number, string(r.Body.Readiness), value(r.Body.Text))
	})
	return api.AnswerCheckIn200JSONResponse{EnrolmentJSONResponse: a}, err
}

// RecordNonAnswer answers POST /enrolments/{id}/check-ins/{number}/non-answer.
func (h handlers) RecordNonAnswer(ctx context.Context, r api.RecordNonAnswerRequestObject) (api.RecordNonAnswerResponseObject, error) {
	a, err := changed(r.Params.IfMatch, fromPart, func(version int64) (*service.EnrolmentView, error) {
		return h.service.RecordNonAnswer(ctx, r.Id, version, r.Number, value(r.Body.Text))
	})
	return api.RecordNonAnswer200JSONResponse{EnrolmentJSONResponse: a}, err
}

// DecideCheckIn answers POST /enrolments/{id}/check-ins/{number}/decision.
func (h handlers) DecideCheckIn(ctx context.Context, r api.DecideCheckInRequestObject) (api.DecideCheckInResponseObject, error) {
	in := service.DecisionInput{
		Decision: participant.Decision(r.Body.Decision), On: civil.Date(r.Body.DecidedOn),
		Weeks: value(r.Body.Weeks), Reason: value(r.Body.Reason),
	}
	if x := r.Body.Exception; x != nil {
		in.ExceptionReason, in.Approver = x.Reason, x.Approver
	}
	a, err := changed(r.Params.IfMatch, fromPart, func(version int64) (*service.EnrolmentView, error) {
		return h.service.DecideCheckIn(ctx, r.Id, version, r.Number, in)
	})
	return api.DecideCheckIn200JSONResponse{EnrolmentJSONResponse: a}, err
}

// ResumeEnrolment answers POST /enrolments/{id}/resumption.
func (h handlers) ResumeEnrolment(ctx context.Context, r api.ResumeEnrolmentRequestObject) (api.ResumeEnrolmentResponseObject, error) {
	a, err := changed(r.Params.IfMatch, fromAct, func(version int64) (*service.EnrolmentView, error) {
		return h.service.Resume(ctx, r.Id, version, civil.Date(r.Body.ResumedOn))
	})
	return api.ResumeEnrolment200JSONResponse{EnrolmentJSONResponse: a}, err
}

// HoldClosingConversation answers POST /enrolments/{id}/closing-conversation.
func (h handlers) HoldClosingConversation(ctx context.Context, r api.HoldClosingConversationRequestObject) (api.HoldClosingConversationResponseObject, error) {
	a, err := changed(r.Params.IfMatch, fromAct, func(version int64) (*service.EnrolmentView, error) {
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
	a, err := changed(r.Params.IfMatch, fromAct, func(version int64) (*service.EnrolmentView, error) {
		return h.service.Close(ctx, r.Id, version, d, r.Body.Summary)
	})
	return api.CloseEnrolment200JSONResponse{EnrolmentJSONResponse: a}, err
}

// CancelEnrolment answers POST /enrolments/{id}/cancellation.
func (h handlers) CancelEnrolment(ctx context.Context, r api.CancelEnrolmentRequestObject) (api.CancelEnrolmentResponseObject, error) {
	a, err := changed(r.Params.IfMatch, fromAct, func(version int64) (*service.EnrolmentView, error) {
		return h.service.Cancel(ctx, r.Id, version, value(r.Body.Text))
	})
	return api.CancelEnrolment200JSONResponse{EnrolmentJSONResponse: a}, err
}

// changed calls a verb with the version of If-Match and answers what came of it.
func changed(ifMatch *string, from depth, verb func(version int64) (*service.EnrolmentView, error)) (api.EnrolmentJSONResponse, error) {
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

func enrolmentAnswer(v *service.EnrolmentView, from depth) api.EnrolmentJSONResponse {
	c := v.Progress
	b := api.Enrolment{
		Id: v.ID, Referral: v.Referral, Participant: v.Participant, Alias: participant.Alias(v.Participant),
		Initiative: v.Initiative, Municipality: v.Municipality, Coach: v.Coach,
		State: api.EnrolmentState(c.State), Outcome: optional(api.EnrolmentOutcome(c.Outcome)),
		CurrentBlock: optional(c.Block), PlannedStart: string(v.PlannedStart), StartedOn: optional(string(c.Started)),
		ActiveWeeks: c.ActiveWeeks(), MaxWeeks: v.Plan.MaxWeeks, PlanVersion: v.Plan.Version,
		Blocks: []api.Block{}, CheckIns: []api.CheckIn{}, Closing: closing(v), Timeline: timeline(v),
		UnderscoreLinks: enrolmentLinks(v, from),
	}
	for _, k := range c.Blocks {
		b.Blocks = append(b.Blocks, api.Block{
			Number: k.Number, Name: optional(k.Name), Weeks: k.Total(), ProlongedWeeks: optional(k.Prolonged), CheckIn: k.CheckIn,
			PlannedFirstDay: string(k.PlannedFirst), PlannedLastDay: string(k.PlannedLast),
			FirstDay: optional(string(k.First)), LastDay: optional(string(k.Last)),
		})
	}
	for _, in := range c.CheckIns {
		b.CheckIns = append(b.CheckIns, checkIn(v, in))
	}
	tag := rest.ETag(v.Version)
	return api.EnrolmentJSONResponse{Body: b, Headers: api.EnrolmentResponseHeaders{ETag: &tag}}
}

func checkIn(v *service.EnrolmentView, in participant.CheckIn) api.CheckIn {
	b := api.CheckIn{Number: in.Number, DueOn: string(in.DueOn), State: api.CheckInStateUpcoming}
	if in.Due {
		b.State = api.CheckInStateDue
	}
	if s := in.Answer; s != nil {
		b.State = api.CheckInState(s.Kind)
		b.Answer = &api.CheckInAnswer{
			At: s.At, Readiness: optional(api.Readiness(s.Readiness)), Text: optional(v.Texts[s.N].Text),
		}
	}
	if s := in.Decision; s != nil {
		b.State = api.CheckInStateDecided
		b.Decision = &api.CheckInOutcome{
			Decision: api.CheckInDecision(s.Decision), DecidedOn: string(s.On), Weeks: optional(s.Weeks),
			Reason: optional(v.Texts[s.N].Text), Exception: exception(v, s),
		}
	}
	return b
}

// closing writes conversation and documentation; nil before there is any.
func closing(v *service.EnrolmentView) *api.Closing {
	talk, end := v.Progress.Conversation, v.Progress.Closed
	if talk == nil && (end == nil || end.Occupation == nil) {
		return nil
	}
	b := &api.Closing{}
	if talk != nil {
		b.Conversation = &api.Conversation{HeldOn: string(talk.On), Text: optional(v.Texts[talk.N].Text)}
	}
	if end != nil && end.Occupation != nil {
		d := &api.Documentation{
			ClosedOn: string(end.On), EndReason: api.EndReason(end.EndReason),
			OccupationAfter: api.Occupation{Kind: api.OccupationKind(end.Occupation.Kind), Extent: optional(end.Occupation.Extent)},
			LivelihoodAfter: []api.Livelihood{}, Summary: optional(v.Texts[end.N].Text),
		}
		for _, l := range end.Livelihood {
			d.LivelihoodAfter = append(d.LivelihoodAfter, api.Livelihood(l))
		}
		b.Documentation = d
	}
	return b
}

func timeline(v *service.EnrolmentView) []api.EnrolmentStep {
	steps := make([]api.EnrolmentStep, 0, len(v.Steps))
	for _, s := range v.Steps {
		b := api.EnrolmentStep{
			N: int(s.N), At: s.At, Kind: api.EnrolmentStepKind(s.Kind), By: optional(s.By), Authority: s.Authority,
			Number: optional(s.Number), On: optional(string(s.On)),
			Readiness: optional(api.Readiness(s.Readiness)), Decision: optional(api.CheckInDecision(s.Decision)),
			Weeks: optional(s.Weeks), Outcome: optional(api.EnrolmentOutcome(s.Outcome)),
			Text: optional(v.Texts[s.N].Text), Exception: exception(v, &s),
		}
		steps = append(steps, b)
	}
	return steps
}

func exception(v *service.EnrolmentView, s *participant.EnrolmentStep) *api.PlanExceptionNote {
	if s.Exception == nil {
		return nil
	}
	return &api.PlanExceptionNote{Approver: s.Exception.Approver, Reason: optional(v.Texts[s.N].Exception)}
}

// enrolmentLinks returns where the enrolment belongs, and what the caller may do
// with it now: what the state allows and the access table too.
func enrolmentLinks(v *service.EnrolmentView, from depth) api.Links {
	self := string(from) + "enrolments/" + v.ID
	links := api.Links{
		"self":        {Href: self},
		"participant": {Href: string(from) + "participants/" + v.Participant},
		"referral":    {Href: string(from) + "referrals/" + v.Referral},
	}
	for _, o := range v.Operations {
		number := strconv.Itoa(o.Number)
		switch o.Name {
		case "startEnrolment":
			links["start"] = api.Link{Href: self + "/start"}
		case "startBlock":
			links["startBlock"] = api.Link{Href: self + "/blocks/" + number + "/start"}
		case "answerCheckIn":
			links["answer"] = api.Link{Href: self + "/check-ins/" + number + "/answer"}
		case "recordNonAnswer":
			links["nonAnswer"] = api.Link{Href: self + "/check-ins/" + number + "/non-answer"}
		case "decideCheckIn":
			links["decision"] = api.Link{Href: self + "/check-ins/" + number + "/decision"}
		case "resumeEnrolment":
			links["resumption"] = api.Link{Href: self + "/resumption"}
		case "holdClosingConversation":
			links["closingConversation"] = api.Link{Href: self + "/closing-conversation"}
		case "closeEnrolment":
			links["closingDocumentation"] = api.Link{Href: self + "/closing-documentation"}
		case "cancelEnrolment":
			links["cancellation"] = api.Link{Href: self + "/cancellation"}
		}
	}
	return links
}
