package rest

import (
	"cmp"
	"context"
	"strconv"
	"time"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/participant"
	"github.com/finsam/finsam/services/participant/service"
)

func (h handlers) ListEnrolments(ctx context.Context, r api.ListEnrolmentsRequestObject) (api.ListEnrolmentsResponseObject, error) {
	f := service.EnrolmentFilter{
		State: string(rest.Value(r.Params.State)), Participant: rest.Value(r.Params.Participant), Municipality: rest.Value(r.Params.Municipality),
		Coach: rest.Value(r.Params.Coach), ChangedSince: rest.Value(r.Params.ChangedSince).UTC(),
	}
	since := ""
	if !f.ChangedSince.IsZero() {
		since = f.ChangedSince.Format(time.RFC3339Nano)
	}
	w := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	page, err := h.service.Enrolments(ctx, f, w)
	if err != nil {
		return nil, err
	}
	q := rest.Query("state", f.State, "participant", f.Participant, "municipality", f.Municipality, "coach", f.Coach, "changedSince", since)
	var who map[string]service.NamedPerson
	if r.Params.Include != nil {
		q.Set("include", string(api.ListIncludeIdentity))
		if who, err = h.service.IdentitiesIn(ctx, page); err != nil {
			return nil, err
		}
	}
	return api.ListEnrolments200JSONResponse{
		Items: rest.Map(page.Items, func(v *service.EnrolmentView) api.EnrolmentSummary {
			item := api.EnrolmentSummary{
				Id: v.ID, Version: &v.Version, Referral: v.Referral, Participant: v.Participant, Alias: participant.Alias(v.Participant),
				Initiative: v.Initiative, Municipality: v.Municipality, Coach: v.Coach,
				State: api.EnrolmentState(v.Progress.State), Outcome: rest.Optional(api.EnrolmentOutcome(v.Progress.Outcome)),
				CurrentBlock: rest.Optional(v.Progress.Block), PlannedStart: string(v.PlannedStart),
				StartedOn: rest.Optional(string(v.Progress.Started)), ChangedAt: v.ChangedAt(), UnderscoreLinks: h.enrolmentLinks(v),
			}
			if n, shown := who[v.Participant]; shown {
				item.Identity = &api.ListedIdentity{DisplayName: n.Name, Protected: n.Protected, PersonalIdentityNumber: rest.Optional(n.Number)}
			}
			return item
		}),
		UnderscoreMeta:  rest.NewMeta(w, len(page.Items), page.Next, page.Total),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listEnrolments"), q, w, page.Next),
	}, nil
}

func (h handlers) GetEnrolment(ctx context.Context, r api.GetEnrolmentRequestObject) (api.GetEnrolmentResponseObject, error) {
	v, err := h.service.Enrolment(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	return api.GetEnrolment200JSONResponse{EnrolmentJSONResponse: h.enrolmentAnswer(v)}, nil
}

func (h handlers) StartEnrolment(ctx context.Context, r api.StartEnrolmentRequestObject) (api.StartEnrolmentResponseObject, error) {
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.EnrolmentView, error) {
		x, reason := planException(r.Body.Exception)
		return h.service.Start(ctx, r.Id, version, civil.Date(r.Body.StartedOn), x, reason)
	}, h.enrolmentAnswer)
	return api.StartEnrolment200JSONResponse{EnrolmentJSONResponse: a}, err
}

func (h handlers) StartBlock(ctx context.Context, r api.StartBlockRequestObject) (api.StartBlockResponseObject, error) {
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.EnrolmentView, error) {
		x, reason := planException(r.Body.Exception)
		return h.service.StartBlock(ctx, r.Id, version, r.Number, civil.Date(r.Body.StartedOn), x, reason)
	}, h.enrolmentAnswer)
	return api.StartBlock200JSONResponse{EnrolmentJSONResponse: a}, err
}

func (h handlers) AnswerCheckIn(ctx context.Context, r api.AnswerCheckInRequestObject) (api.AnswerCheckInResponseObject, error) {
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.EnrolmentView, error) {
		return h.service.AnswerCheckIn(ctx, r.Id, version, r.Number, string(r.Body.Readiness), civil.Date(rest.Value(r.Body.HeldOn)), rest.Value(r.Body.Text))
	}, h.enrolmentAnswer)
	return api.AnswerCheckIn200JSONResponse{EnrolmentJSONResponse: a}, err
}

func (h handlers) RecordNonAnswer(ctx context.Context, r api.RecordNonAnswerRequestObject) (api.RecordNonAnswerResponseObject, error) {
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.EnrolmentView, error) {
		return h.service.RecordNonAnswer(ctx, r.Id, version, r.Number, civil.Date(rest.Value(r.Body.HeldOn)), rest.Value(r.Body.Text))
	}, h.enrolmentAnswer)
	return api.RecordNonAnswer200JSONResponse{EnrolmentJSONResponse: a}, err
}

func (h handlers) DecideCheckIn(ctx context.Context, r api.DecideCheckInRequestObject) (api.DecideCheckInResponseObject, error) {
	d := participant.CheckInDecision{Decision: participant.Decision(r.Body.Decision), On: civil.Date(r.Body.DecidedOn), Weeks: rest.Value(r.Body.Weeks)}
	x, exceptionReason := planException(r.Body.Exception)
	d.Exception = x
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.EnrolmentView, error) {
		return h.service.DecideCheckIn(ctx, r.Id, version, r.Number, d, rest.Value(r.Body.Reason), exceptionReason)
	}, h.enrolmentAnswer)
	return api.DecideCheckIn200JSONResponse{EnrolmentJSONResponse: a}, err
}

func (h handlers) ApproveException(ctx context.Context, r api.ApproveExceptionRequestObject) (api.ApproveExceptionResponseObject, error) {
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.EnrolmentView, error) {
		return h.service.Approve(ctx, r.Id, version, r.Body.Approved, rest.Value(r.Body.Text))
	}, h.enrolmentAnswer)
	return api.ApproveException200JSONResponse{EnrolmentJSONResponse: a}, err
}

func (h handlers) MoveEnrolmentPlan(ctx context.Context, r api.MoveEnrolmentPlanRequestObject) (api.MoveEnrolmentPlanResponseObject, error) {
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.EnrolmentView, error) {
		return h.service.MovePlan(ctx, r.Id, version, r.Body.PlanVersion, r.Body.Reason)
	}, h.enrolmentAnswer)
	return api.MoveEnrolmentPlan200JSONResponse{EnrolmentJSONResponse: a}, err
}

func (h handlers) CorrectEnrolment(ctx context.Context, r api.CorrectEnrolmentRequestObject) (api.CorrectEnrolmentResponseObject, error) {
	c, text := participant.Correction{Step: int64(r.Body.Step)}, ""
	if x := r.Body.Replacement; x != nil {
		day := func(d *api.Day) civil.Date { return civil.Date(rest.Value(d)) }
		c.Instead = &participant.Replacement{
			On: map[participant.StepKind]civil.Date{
				participant.Started: day(x.StartedOn), participant.BlockStarted: day(x.StartedOn), participant.Decided: day(x.DecidedOn),
				participant.Resumed: day(x.ResumedOn), participant.ConversationHeld: day(x.HeldOn), participant.Closed: day(x.ClosedOn),
			},
			Decision: participant.Decision(rest.Value(x.Decision)), Weeks: rest.Value(x.Weeks), EndReason: participant.EndReason(rest.Value(x.EndReason)),
			Livelihood: rest.Map(rest.Value(x.LivelihoodAfter), func(l api.Livelihood) string { return string(l) }),
		}
		if o := x.OccupationAfter; o != nil {
			c.Instead.Occupation = &participant.Occupation{Kind: string(o.Kind), Extent: rest.Value(o.Extent)}
		}
		text = rest.Value(x.Text)
	}
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.EnrolmentView, error) {
		return h.service.Correct(ctx, r.Id, version, c, r.Body.Reason, text)
	}, h.enrolmentAnswer)
	return api.CorrectEnrolment200JSONResponse{EnrolmentJSONResponse: a}, err
}

func (h handlers) ResumeEnrolment(ctx context.Context, r api.ResumeEnrolmentRequestObject) (api.ResumeEnrolmentResponseObject, error) {
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.EnrolmentView, error) {
		return h.service.Resume(ctx, r.Id, version, civil.Date(r.Body.ResumedOn))
	}, h.enrolmentAnswer)
	return api.ResumeEnrolment200JSONResponse{EnrolmentJSONResponse: a}, err
}

func (h handlers) HoldClosingConversation(ctx context.Context, r api.HoldClosingConversationRequestObject) (api.HoldClosingConversationResponseObject, error) {
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.EnrolmentView, error) {
		return h.service.HoldConversation(ctx, r.Id, version, civil.Date(r.Body.HeldOn), r.Body.Text)
	}, h.enrolmentAnswer)
	return api.HoldClosingConversation200JSONResponse{EnrolmentJSONResponse: a}, err
}

func (h handlers) CloseEnrolment(ctx context.Context, r api.CloseEnrolmentRequestObject) (api.CloseEnrolmentResponseObject, error) {
	d := participant.Documentation{
		On: civil.Date(r.Body.ClosedOn), EndReason: participant.EndReason(r.Body.EndReason),
		Occupation: participant.Occupation{Kind: string(r.Body.OccupationAfter.Kind), Extent: rest.Value(r.Body.OccupationAfter.Extent)},
		Livelihood: rest.Map(r.Body.LivelihoodAfter, func(l api.Livelihood) string { return string(l) }),
	}
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.EnrolmentView, error) {
		return h.service.Close(ctx, r.Id, version, d, r.Body.Summary)
	}, h.enrolmentAnswer)
	return api.CloseEnrolment200JSONResponse{EnrolmentJSONResponse: a}, err
}

func (h handlers) CancelEnrolment(ctx context.Context, r api.CancelEnrolmentRequestObject) (api.CancelEnrolmentResponseObject, error) {
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.EnrolmentView, error) {
		return h.service.Cancel(ctx, r.Id, version, rest.Value(r.Body.Text))
	}, h.enrolmentAnswer)
	return api.CancelEnrolment200JSONResponse{EnrolmentJSONResponse: a}, err
}

// planException reads an exception, and beside it the reason, which is to be encrypted.
func planException(x *api.PlanException) (*participant.Exception, string) {
	if x == nil {
		return nil, ""
	}
	return &participant.Exception{}, x.Reason
}

func (h handlers) enrolmentAnswer(v *service.EnrolmentView) api.EnrolmentJSONResponse {
	tag := rest.ETag(v.Version)
	return api.EnrolmentJSONResponse{Body: h.enrolment(v), Headers: api.EnrolmentResponseHeaders{ETag: &tag}}
}

func (h handlers) enrolment(v *service.EnrolmentView) api.Enrolment {
	c, corrected := v.Progress, history.Corrected(v.Steps, participant.CorrectionOf)
	var holiday *api.Holiday
	if h, ok := cmp.Or(c.Started, v.PlannedStart).Holiday(); ok {
		holiday = &api.Holiday{Sv: h.SV, En: h.EN}
	}
	followed := &v.Plan
	return api.Enrolment{
		Id: v.ID, Version: &v.Version, Referral: v.Referral, Participant: v.Participant, Alias: participant.Alias(v.Participant),
		Initiative: v.Initiative, Municipality: v.Municipality, Coach: v.Coach,
		State: api.EnrolmentState(c.State), Outcome: rest.Optional(api.EnrolmentOutcome(c.Outcome)),
		CurrentBlock: rest.Optional(c.Block), PlannedStart: string(v.PlannedStart), StartedOn: rest.Optional(string(c.Started)), StartHoliday: holiday,
		ActiveWeeks: c.ActiveWeeks(), MaxWeeks: v.PlanNow().MaxWeeks, PlanVersion: v.PlanNow().Version, Plan: rest.Optional(v.PlanID(v.PlanNow())),
		WeeksUsedBefore: rest.Optional(v.WeeksBefore), JoinedReferrals: rest.OptionalList(rest.Map(v.Joined, func(s *participant.PersonStep) api.JoinedReferral {
			return api.JoinedReferral{Referral: s.Referral, AnswersCheckIns: s.Answers}
		})),
		Blocks: rest.Map(c.Blocks, func(k participant.Block) api.Block {
			return api.Block{
				Number: k.Number, Name: rest.Optional(k.Name), Weeks: k.Total(), ProlongedWeeks: rest.Optional(k.Prolonged), CheckIn: k.CheckIn,
				PlannedFirstDay: string(k.PlannedFirst), PlannedLastDay: string(k.PlannedLast),
				FirstDay: rest.Optional(string(k.First)), LastDay: rest.Optional(string(k.Last)),
			}
		}),
		CheckIns: rest.Map(c.CheckIns, func(in participant.CheckIn) api.CheckIn { return checkIn(v, in) }),
		Closing:  closing(v),
		Timeline: rest.Map(v.Steps, func(s participant.EnrolmentStep) api.EnrolmentStep {
			step := api.EnrolmentStep{
				N: int(s.N), At: s.At, Kind: api.EnrolmentStepKind(s.Kind), By: rest.Optional(s.By), Authority: s.Authority,
				Number: rest.Optional(s.Number), On: rest.Optional(string(s.On)),
				Readiness: rest.Optional(api.Readiness(s.Readiness)), Decision: rest.Optional(api.CheckInDecision(s.Decision)),
				Weeks: rest.Optional(s.Weeks), Outcome: rest.Optional(api.EnrolmentOutcome(s.Outcome)),
				Text: rest.Optional(v.Texts[s.N].Text), Exception: exception(v.Texts, &s),
			}
			if by := corrected[s.N]; by != nil {
				step.CorrectedBy = rest.Optional(int(by.N))
			}
			if s.Plan != nil {
				step.PlanVersion, step.FormerPlanVersion = rest.Optional(s.Plan.Version), rest.Optional(followed.Version)
				step.Plan, step.FormerPlan = rest.Optional(v.PlanID(s.Plan)), rest.Optional(v.PlanID(followed))
				if corrected[s.N] == nil {
					followed = s.Plan
				}
			}
			if s.Correction != nil {
				step.Corrects = rest.Optional(int(s.Correction.Of))
			}
			return step
		}),
		UnderscoreLinks: h.enrolmentLinks(v),
	}
}

func checkIn(v *service.EnrolmentView, in participant.CheckIn) api.CheckIn {
	b := api.CheckIn{Number: in.Number, DueOn: string(in.DueOn), OpenFrom: string(in.OpenFrom), State: api.CheckInStateUpcoming}
	if in.Due {
		b.State = api.CheckInStateDue
	}
	if s := in.Answer; s != nil {
		b.State = api.CheckInState(s.Kind)
		b.Answer = &api.CheckInAnswer{
			At: s.At, HeldOn: rest.Optional(string(s.Held)), Readiness: rest.Optional(api.Readiness(s.Readiness)), Text: rest.Optional(v.StoryTexts[s.N].Text),
		}
	}
	if s := in.Decision; s != nil {
		b.State = api.CheckInStateDecided
		b.Decision = decision(v, s)
	}
	if s := in.Request; s != nil {
		b.AwaitsApproval = decision(v, s)
	}
	return b
}

func decision(v *service.EnrolmentView, s *participant.EnrolmentStep) *api.CheckInOutcome {
	return &api.CheckInOutcome{
		Decision: api.CheckInDecision(s.Decision), DecidedOn: string(s.On), Weeks: rest.Optional(s.Weeks),
		Reason: rest.Optional(v.StoryTexts[s.N].Text), Exception: exception(v.StoryTexts, s),
	}
}

// closing writes conversation and documentation; nil before there is any.
func closing(v *service.EnrolmentView) *api.Closing {
	talk, end := v.Progress.Conversation, v.Progress.Closed
	if talk == nil && (end == nil || end.Occupation == nil) {
		return nil
	}
	b := &api.Closing{}
	if talk != nil {
		b.Conversation = &api.Conversation{HeldOn: string(talk.On), Text: rest.Optional(v.StoryTexts[talk.N].Text)}
	}
	if end != nil && end.Occupation != nil {
		b.Documentation = &api.Documentation{
			ClosedOn: string(end.On), EndReason: api.EndReason(end.EndReason),
			OccupationAfter: api.Occupation{Kind: api.OccupationKind(end.Occupation.Kind), Extent: rest.Optional(end.Occupation.Extent)},
			LivelihoodAfter: rest.Map(end.Livelihood, func(l string) api.Livelihood { return api.Livelihood(l) }),
			Summary:         rest.Optional(v.StoryTexts[end.N].Text),
		}
	}
	return b
}

func exception(texts map[int64]service.Texts, s *participant.EnrolmentStep) *api.PlanExceptionNote {
	if s.Exception == nil {
		return nil
	}
	return &api.PlanExceptionNote{Approver: rest.Optional(s.Exception.Approver), Reason: rest.Optional(texts[s.N].Exception)}
}

// enrolmentLinks returns where the enrolment belongs, and what the caller may do
// with it now: what the state allows and the access table too.
func (h handlers) enrolmentLinks(v *service.EnrolmentView) api.Links {
	links := api.Links{
		h.paths.Link("self", "getEnrolment", v.ID),
		h.paths.Link("participant", "getParticipant", v.Participant),
		h.paths.Link("referral", "getReferral", v.Referral),
	}
	for _, o := range v.Operations {
		name := api.Paths.Name(o.Name)
		if o.Name == "startBlock" {
			name = o.Name // beside the start of the enrolment
		}
		links = append(links, h.paths.Link(name, o.Name, v.ID, strconv.Itoa(o.Number)))
	}
	return links
}
