package rest

import (
	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/participant"
)

// enrolmentAnswer writes an enrolment as the caller may see it.
func enrolmentAnswer(v *participant.EnrolmentView, from depth) api.EnrolmentJSONResponse {
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

func checkIn(v *participant.EnrolmentView, in participant.CheckIn) api.CheckIn {
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
func closing(v *participant.EnrolmentView) *api.Closing {
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

func timeline(v *participant.EnrolmentView) []api.EnrolmentStep {
	all := make([]api.EnrolmentStep, 0, len(v.Steps))
	for _, s := range v.Steps {
		b := api.EnrolmentStep{
			N: int(s.N), At: s.At, Kind: api.EnrolmentStepKind(s.Kind), By: optional(s.By), Authority: s.Authority,
			Number: optional(s.Number), On: optional(string(s.On)),
			Readiness: optional(api.Readiness(s.Readiness)), Decision: optional(api.CheckInDecision(s.Decision)),
			Weeks: optional(s.Weeks), Outcome: optional(api.EnrolmentOutcome(s.Outcome)),
			Text: optional(v.Texts[s.N].Text), Exception: exception(v, &s),
		}
		all = append(all, b)
	}
	return all
}

func exception(v *participant.EnrolmentView, s *participant.EnrolmentStep) *api.PlanExceptionNote {
	if s.Exception == nil {
		return nil
	}
	return &api.PlanExceptionNote{Approver: s.Exception.Approver, Reason: optional(v.Texts[s.N].Exception)}
}
