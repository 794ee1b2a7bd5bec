package rest

import (
	"cmp"
	"context"
	"net/url"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/service"
)

func span(b *api.NewAbsence) activity.Span {
	return activity.Span{From: civil.Date(b.From), Until: civil.Date(b.Until), Reason: string(b.Reason)}
}

func (h handlers) ReportAbsence(ctx context.Context, r api.ReportAbsenceRequestObject) (api.ReportAbsenceResponseObject, error) {
	x, err := h.service.ReportAbsence(ctx, r.Id, span(r.Body), rest.Value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	body := h.absence(x)
	location, tag := body.UnderscoreLinks.Href("self"), rest.ETag(x.Version())
	return api.ReportAbsence201JSONResponse{Body: body, Headers: api.ReportAbsence201ResponseHeaders{ETag: &tag, Location: &location}}, nil
}

func (h handlers) GetAbsence(ctx context.Context, r api.GetAbsenceRequestObject) (api.GetAbsenceResponseObject, error) {
	x, err := h.service.Absence(ctx, r.Id, r.Absence)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(x.Version())
	return api.GetAbsence200JSONResponse{Body: h.absence(x), Headers: api.GetAbsence200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) ListAbsences(ctx context.Context, r api.ListAbsencesRequestObject) (api.ListAbsencesResponseObject, error) {
	w := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	l, err := h.service.Absences(ctx, r.Id, w)
	if err != nil {
		return nil, err
	}
	return api.ListAbsences200JSONResponse{
		Items:           rest.Map(l.Items, h.absence),
		UnderscoreMeta:  rest.NewMeta(w, len(l.Items), l.Next, l.Total),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listAbsences", r.Id), url.Values{}, w, l.Next),
	}, nil
}

func (h handlers) CorrectAbsence(ctx context.Context, r api.CorrectAbsenceRequestObject) (api.CorrectAbsenceResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.AbsenceView, error) {
		return h.service.CorrectAbsence(ctx, r.Id, r.Absence, version, span(r.Body))
	}, h.absenceChanged)
	return api.CorrectAbsence200JSONResponse{AbsenceChangedJSONResponse: c}, err
}

func (h handlers) WithdrawAbsence(ctx context.Context, r api.WithdrawAbsenceRequestObject) (api.WithdrawAbsenceResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.AbsenceView, error) {
		return h.service.WithdrawAbsence(ctx, r.Id, r.Absence, version)
	}, h.absenceChanged)
	return api.WithdrawAbsence200JSONResponse{AbsenceChangedJSONResponse: c}, err
}

func (h handlers) absenceChanged(x *service.AbsenceView) api.AbsenceChangedJSONResponse {
	tag := rest.ETag(x.Version())
	return api.AbsenceChangedJSONResponse{Body: h.absence(x), Headers: api.AbsenceChangedResponseHeaders{ETag: &tag}}
}

func (h handlers) absence(x *service.AbsenceView) api.Absence {
	version, span := x.Version(), x.Span()
	b := api.Absence{
		Id: x.ID, Version: &version, Participant: x.Participant, From: string(span.From), Until: string(span.Until), Reason: api.AbsenceReason(span.Reason),
		State: api.AbsenceState(x.State()), ReportedAt: x.Steps[0].At, ChangedAt: x.Steps[len(x.Steps)-1].At,
		Timeline:        make([]api.AbsenceStep, 0, len(x.Steps)),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getAbsence", x.Participant, x.ID)},
	}
	for _, s := range x.Steps {
		b.Timeline = append(b.Timeline, api.AbsenceStep{
			Number: int(s.N), At: s.At, Kind: api.AbsenceStepKind(s.Kind), By: rest.Optional(s.By), Authority: rest.Optional(s.Authority),
			From: rest.Optional(string(s.From)), Until: rest.Optional(string(s.Until)), Reason: rest.Optional(api.AbsenceReason(s.Reason)),
		})
	}
	b.UnderscoreLinks = h.paths.AppendActions(b.UnderscoreLinks, x.Operations, x.Participant, x.ID)
	return b
}

func (h handlers) ListAbsenceSignals(ctx context.Context, r api.ListAbsenceSignalsRequestObject) (api.ListAbsenceSignalsResponseObject, error) {
	w := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	coach, state := rest.Value(r.Params.Coach), string(rest.Value(r.Params.State))
	l, err := h.service.Signals(ctx, coach, activity.SignalState(state), w)
	if err != nil {
		return nil, err
	}
	identity, err := h.identities(ctx, r.Params.Include, rest.Map(l.Items, func(x *service.SignalView) string { return x.Participant }))
	if err != nil {
		return nil, err
	}
	q := rest.Query("state", state, "coach", coach)
	if r.Params.Include != nil {
		q.Set("include", string(api.ListIncludeIdentity))
	}
	return api.ListAbsenceSignals200JSONResponse{
		Items: rest.Map(l.Items, func(x *service.SignalView) api.AbsenceSignal {
			item := h.signal(x)
			item.Identity = identity(x.Participant)
			return item
		}),
		UnderscoreMeta:  rest.NewMeta(w, len(l.Items), l.Next, l.Total),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listAbsenceSignals"), q, w, l.Next),
	}, nil
}

func (h handlers) GetAbsenceSignal(ctx context.Context, r api.GetAbsenceSignalRequestObject) (api.GetAbsenceSignalResponseObject, error) {
	x, err := h.service.Signal(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(x.Version())
	return api.GetAbsenceSignal200JSONResponse{Body: h.signal(x), Headers: api.GetAbsenceSignal200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) FollowUpAbsence(ctx context.Context, r api.FollowUpAbsenceRequestObject) (api.FollowUpAbsenceResponseObject, error) {
	return rest.Changed(r.Params.IfMatch, func(version int64) (*service.SignalView, error) {
		return h.service.FollowUp(ctx, r.Id, version, string(r.Body.Action))
	}, func(x *service.SignalView) api.FollowUpAbsenceResponseObject {
		tag := rest.ETag(x.Version())
		return api.FollowUpAbsence200JSONResponse{Body: h.signal(x), Headers: api.FollowUpAbsence200ResponseHeaders{ETag: &tag}}
	})
}

func (h handlers) signal(x *service.SignalView) api.AbsenceSignal {
	version := x.Version()
	b := api.AbsenceSignal{
		Id: x.ID, Version: &version, Enrolment: x.ID, Participant: x.Participant, Municipality: x.Municipality, Coach: x.Coach,
		State: api.AbsenceSignalState(x.State()), ChangedAt: x.Steps[len(x.Steps)-1].At, Timeline: make([]api.AbsenceSignalStep, 0, len(x.Steps)),
		Patterns: rest.Map(x.Open(), func(p activity.Pattern) api.AbsenceSignalPattern {
			return api.AbsenceSignalPattern{Pattern: api.AbsencePattern(p.Name), On: string(p.On), Absences: p.Absences, Of: p.Of}
		}),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getAbsenceSignal", x.ID), h.paths.Link("participantWeek", "getParticipantWeek", x.Participant)},
	}
	for _, s := range x.Steps {
		b.Timeline = append(b.Timeline, api.AbsenceSignalStep{
			Number: int(s.N), At: s.At, Kind: api.AbsenceSignalStepKind(s.Kind), By: rest.Optional(s.By), Authority: rest.Optional(s.Authority),
			Pattern: rest.Optional(api.AbsencePattern(s.Name)), On: rest.Optional(string(s.On)), Absences: rest.Optional(s.Absences), Of: rest.Optional(s.Of),
			Action: rest.Optional(api.FollowUpAction(s.Action)),
		})
	}
	b.UnderscoreLinks = h.paths.AppendActions(b.UnderscoreLinks, x.Operations, x.ID)
	return b
}

func (h handlers) ListWeeklyShortfalls(ctx context.Context, r api.ListWeeklyShortfallsRequestObject) (api.ListWeeklyShortfallsResponseObject, error) {
	p, coach := rest.NewPage(r.Params.Limit, r.Params.Page), rest.Value(r.Params.Coach)
	w, part, total, err := h.service.Shortfalls(ctx, rest.Value(r.Params.Week), coach, p)
	if err != nil {
		return nil, err
	}
	identity, err := h.identities(ctx, r.Params.Include, rest.Map(part, func(x service.WeekShortfalls) string { return x.Participant }))
	if err != nil {
		return nil, err
	}
	q := rest.Query("week", w.String(), "coach", coach)
	if r.Params.Include != nil {
		q.Set("include", string(api.ListIncludeIdentity))
	}
	return api.ListWeeklyShortfalls200JSONResponse{
		Week: w.String(),
		Items: rest.Map(part, func(x service.WeekShortfalls) api.WeeklyShortfall {
			return api.WeeklyShortfall{
				Participant: x.Participant, Enrolment: x.ID, Coach: x.Coach, Lacks: rest.Map(x.Lacks, shortfall), Identity: identity(x.Participant),
				UnderscoreLinks: api.Links{h.paths.Link("week", "getParticipantWeek", x.Participant).With(rest.Query("week", w.String()))},
			}
		}),
		UnderscoreMeta:  rest.NewMeta(p, len(part), "", &store.Total{Records: int64(total)}),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listWeeklyShortfalls"), q, p, ""),
	}, nil
}

func shortfall(x activity.Shortfall) api.Shortfall {
	b := api.Shortfall{Rule: x.Rule.ID, Category: api.ActivityCategory(x.Rule.Category), Times: x.Rule.Times, Planned: x.Planned, Attended: x.Attended, Lacks: api.WeekLack(x.Lacks)}
	if x.Rule.SV != "" || x.Rule.EN != "" {
		b.Label = &api.Label{Sv: cmp.Or(x.Rule.SV, x.Rule.EN), En: cmp.Or(x.Rule.EN, x.Rule.SV)}
	}
	return b
}
