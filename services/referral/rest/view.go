package rest

import (
	"cmp"
	"context"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral"
)

// GetReferral answers GET /referrals/{id}.
func (h handlers) GetReferral(ctx context.Context, r api.GetReferralRequestObject) (api.GetReferralResponseObject, error) {
	v, err := h.service.Get(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(v.Version)
	return api.GetReferral200JSONResponse{
		Body: h.body(v), Headers: api.GetReferral200ResponseHeaders{ETag: &tag},
	}, nil
}

// body writes a referral as the caller may see it.
func (h handlers) body(v *referral.View) api.Referral {
	r := v.Referral
	b := api.Referral{
		Id: r.ID, Version: &v.Version, State: api.ReferralState(v.State), Participant: r.Participant,
		Referrer:       referrer(v),
		Source:         rest.Present((*api.ReferralSource)(&r.Source)),
		RegistryNumber: rest.Present(&r.RegistryNumber), ExternalReference: rest.Present(&r.ExternalReference),
		Duplicates:  h.duplicates(v),
		TargetGroup: targetGroup(r.TargetGroup),
		Consent: api.ReferralConsent{
			GivenOn: r.Consent.GivenOn, TextVersion: r.Consent.TextVersion, Authorities: r.Consent.Authorities,
			DataCategories: rest.OptionalList(rest.Convert[api.ConsentDataCategory](r.Consent.Categories)),
			Holds:          v.Status.ConsentWithdrawnAt == nil, WithdrawnAt: v.Status.ConsentWithdrawnAt,
		},
		WishedMunicipality: r.WishedMunicipality, WishedInitiative: rest.Present(&r.WishedInitiative), Municipality: v.Status.Municipality,
		Priority: rest.Present((*api.ReferralPriority)(&v.Status.Priority)),
		Outcome:  rest.Present((*api.ReferralOutcome)(&v.Outcome)),
		Progress: progress(v), ReceivedAt: r.ReceivedAt(), ChangedAt: v.ChangedAt,
		Queue: queue(v), PlaceReady: rest.Optional(v.Status.IsPlaceOffered()),
		Responsible: rest.Present(&v.Responsible), Transfer: transfer(v), ChangeLog: changeLog(v),
		Attachments: rest.OptionalList(rest.Map(v.Attachments, func(a *referral.AttachmentView) api.Attachment {
			return h.attachmentBody(a)
		})),
		Turn: turn(v), Timeline: timeline(v), UnderscoreLinks: h.links(v, v.Operations),
	}
	if t := v.Texts; t != nil {
		b.Reason, b.TargetGroupTest, b.RightTime = rest.Present(&t.Reason), targetGroupTest(t.Assessment), rightTime(t.Assessment)
	}
	for _, s := range v.Story {
		switch {
		case s.Acceptance != nil:
			b.Acceptance = &api.ReferralAcceptance{
				Initiative: s.Acceptance.Initiative, InitiativeVersion: rest.Optional(s.Acceptance.InitiativeVersion), Municipality: s.Acceptance.Municipality,
				StartDate: s.Acceptance.StartDate, Coach: s.Acceptance.Coach, AcceptedAt: s.At,
				Joins: rest.Optional(s.Acceptance.Joins), AnswersCheckIns: rest.Optional(s.Acceptance.AnswersCheckIns),
			}
		case s.Kind == referral.Rejected:
			text := stepText(v, s.N)
			if v.Texts != nil {
				text = cmp.Or(v.Texts.Instead[s.N], text)
			}
			b.Rejection = &api.ReferralRejection{
				Code: api.ReferralRejectionCode(s.Code), Text: rest.Optional(text), RejectedAt: s.At,
			}
		}
	}
	return b
}

func summary(v *referral.View, links api.Links) api.ReferralSummary {
	r := v.Referral
	b := api.ReferralSummary{
		Id: r.ID, Version: &v.Version, State: api.ReferralState(v.State), Participant: r.Participant,
		Referrer: referrer(v),
		Source:   rest.Present((*api.ReferralSource)(&r.Source)), Municipality: v.Status.Municipality,
		Priority:       rest.Present((*api.ReferralPriority)(&v.Status.Priority)),
		RegistryNumber: rest.Present(&r.RegistryNumber), ExternalReference: rest.Present(&r.ExternalReference),
		Responsible: rest.Present(&v.Responsible), Transfer: transfer(v), Turn: turn(v),
		Queue: queue(v), PlaceReady: rest.Optional(v.Status.IsPlaceOffered()),
		ReceivedAt: r.ReceivedAt(), ChangedAt: v.ChangedAt, UnderscoreLinks: links,
	}
	if r.TargetGroupMet != "" {
		b.TargetGroup = &api.TargetGroupMet{Met: api.ReferralVerdict(r.TargetGroupMet)}
	}
	if v.Duplicates != nil {
		n := len(v.Duplicates)
		b.Duplicates = &n
	}
	return b
}

func turn(v *referral.View) *api.ReferralTurn {
	t := v.Turn
	if t == nil {
		return nil
	}
	return &api.ReferralTurn{
		Wait: api.ReferralWait(t.Wait), Party: api.ReferralParty(t.Party), Municipality: rest.Present(&t.Municipality),
		Number: rest.Present(&t.Number), Since: t.Since, Due: t.Due, Overdue: v.Overdue,
	}
}

func targetGroup(g referral.TargetGroup) api.TargetGroup {
	return api.TargetGroup{
		Reasons:              rest.Map(g.Reasons, func(r string) api.ReferralReason { return api.ReferralReason(r) }),
		AuthoritiesConcerned: rest.Map(g.Concerned, func(k actor.AuthorityKind) api.AuthorityKind { return api.AuthorityKind(k) }),
	}
}

// progress collects what the enrolment's feed has reported; nil: nothing, or hidden.
func progress(v *referral.View) *api.ReferralProgress {
	if v.Enrolment == "" {
		return nil
	}
	b := &api.ReferralProgress{Enrolment: v.Enrolment, Steps: []api.ReferralProgressStep{}}
	for _, s := range v.Story {
		if s.Progress == nil {
			continue
		}
		step := api.ReferralProgressStep{
			Kind: api.ReferralProgressKind(s.Progress.Kind), At: s.At,
			On: rest.Optional(s.Progress.On), Code: rest.Optional(s.Progress.Code), Block: rest.Optional(s.Progress.Block),
		}
		if s.Kind == referral.Enrolled {
			b.PlannedFirstDay, b.PlannedLastDay = rest.Optional(s.Progress.FirstDay), rest.Optional(s.Progress.LastDay)
		} else {
			step.FirstDay, step.LastDay = rest.Optional(s.Progress.FirstDay), rest.Optional(s.Progress.LastDay)
		}
		if s.Progress.Until != "" {
			b.PlannedLastDay = &s.Progress.Until
		}
		b.Steps = append(b.Steps, step)
	}
	return b
}

// stepText returns the text of a step; empty: none, or hidden.
func stepText(v *referral.View, n int64) string {
	if v.Texts == nil {
		return ""
	}
	return v.Texts.Steps[n]
}

func timeline(v *referral.View) []api.ReferralStep {
	all := make([]api.ReferralStep, len(v.Steps))
	corrected := history.Corrected(v.Referral.Steps, referral.CorrectionOf)
	number := func(n int64) *int { return rest.Optional(int(v.Status.VisibleNumber(n, v.Visibility))) }
	for i := range v.Steps {
		s := &v.Steps[i]
		all[i] = api.ReferralStep{
			N: int(v.Status.VisibleNumber(s.N, v.Visibility)), At: s.At, Kind: api.ReferralStepKind(s.Kind), Authority: s.Authority,
			Unit: rest.Present(&s.Unit), By: rest.Present(&s.By),
			Code: rest.Present(&s.Code), Text: rest.Optional(stepText(v, s.N)),
			Municipality: rest.Present(&s.Municipality), Responsible: rest.Present(&s.Responsible),
		}
		if s.Attachment != nil {
			all[i].Attachment = &s.Attachment.ID
		}
		if by := corrected[s.N]; by != nil {
			all[i].CorrectedBy = number(by.N)
		}
		if s.Correction != nil {
			all[i].Corrects = number(s.Correction.Of)
		}
	}
	return all
}

func targetGroupTest(a *referral.Assessment) *api.TargetGroupTest {
	if a == nil {
		return nil
	}
	return &api.TargetGroupTest{
		Initiative: a.Initiative, Version: a.Version, TestedOn: string(a.On), Met: api.ReferralVerdict(a.Met),
		Rules: rest.Map(a.Rules, func(r referral.Rule) api.TargetGroupRule {
			text := r.Sentence()
			if r.Seen == nil {
				r.Seen = []string{}
			}
			return api.TargetGroupRule{
				Id: r.ID, Met: api.ReferralVerdict(r.Met), Sentence: api.TwoLanguages{Sv: text.SV, En: text.EN},
				Input: r.Seen,
			}
		}),
	}
}

func rightTime(a *referral.Assessment) *api.RightTime {
	if a == nil || len(a.Checklist) == 0 {
		return nil
	}
	return &api.RightTime{
		Initiative: a.Initiative, Version: a.Version, Met: api.ReferralVerdict(a.Timely),
		Items: rest.Map(a.Checklist, func(q referral.TimelyItem) api.RightTimeItem {
			return api.RightTimeItem{
				Item: q.ID, Answer: api.RightTimeAnswer(q.Answer), Question: api.TwoLanguages{Sv: q.SV, En: q.EN},
			}
		}),
	}
}

// duplicates writes the other referrals about the same person; nil for a caller
// to whom none are shown.
func (h handlers) duplicates(v *referral.View) *[]api.ReferralDuplicate {
	if v.Duplicates == nil {
		return nil
	}
	all := rest.Map(v.Duplicates, func(d referral.Duplicate) api.ReferralDuplicate {
		b := api.ReferralDuplicate{Municipality: d.Municipality}
		if d.ID == "" {
			return b
		}
		b.Id, b.State, b.ReceivedAt = &d.ID, rest.Optional(api.ReferralState(d.State)), &d.ReceivedAt
		links := api.Links{h.paths.Link("self", "getReferral", d.ID)}
		if d.Enrolment != "" {
			links = append(links, h.paths.Link("enrolment", "getEnrolment", d.Enrolment))
		}
		if d.Participant != "" {
			links = append(links, h.paths.Link("participant", "getParticipant", d.Participant))
		}
		b.UnderscoreLinks = &links
		return b
	})
	return &all
}
