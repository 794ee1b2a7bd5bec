package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/referral"
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
	// The place in the queue and the person's other referrals change without this one: who
	// may see them reads it whole.
	if v.Queue == nil && v.Duplicates == nil && rest.NotModified(r.Params.IfNoneMatch, v.Version) {
		return api.GetReferral304Response{Headers: api.GetReferral304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.GetReferral200JSONResponse{
		Body: body(v, fromItem), Headers: api.GetReferral200ResponseHeaders{ETag: &tag},
	}, nil
}

// body writes a referral as the caller may see it; from is the depth of the
// request's path.
func body(v *referral.View, from depth) api.Referral {
	r := v.Referral
	b := api.Referral{
		Id: r.ID, State: api.ReferralState(v.State), Participant: r.Participant,
		Referrer: referrer(r), Source: optional[api.ReferralSource](string(r.Source)),
		RegistryNumber: rest.Optional(r.RegistryNumber), ExternalReference: rest.Optional(r.ExternalReference),
		Duplicates:  duplicates(v, from),
		TargetGroup: targetGroup(r.TargetGroup), Consent: consent(v),
		WishedMunicipality: r.WishedMunicipality, Municipality: v.Status.Municipality,
		Priority: optional[api.ReferralPriority](v.Status.Priority),
		Outcome:  optional[api.ReferralOutcome](v.Outcome),
		Progress: progress(v), ReceivedAt: r.ReceivedAt(), ChangedAt: v.ChangedAt,
		Queue: queue(v), PlaceReady: truth(v.Status.IsPlaceOffered()),
		Responsible: rest.Optional(v.Responsible), Transfer: transfer(v), ChangeLog: changeLog(v),
		Turn: turn(v), Timeline: timeline(v), UnderscoreLinks: links(v, from),
	}
	if t := v.Texts; t != nil {
		b.Reason, b.TargetGroupTest, b.RightTime = rest.Optional(t.Reason), targetGroupTest(t.Assessment), rightTime(t.Assessment)
	}
	if len(v.Attachments) > 0 {
		attached := make([]api.Attachment, 0, len(v.Attachments))
		for _, a := range v.Attachments {
			attached = append(attached, attachmentBody(a, from))
		}
		b.Attachments = &attached
	}
	for _, s := range v.Steps {
		switch {
		case s.Acceptance != nil:
			b.Acceptance = &api.ReferralAcceptance{
				Initiative: s.Acceptance.Initiative, Municipality: s.Acceptance.Municipality,
				StartDate: s.Acceptance.StartDate, Coach: s.Acceptance.Coach, AcceptedAt: s.At,
			}
		case s.Kind == referral.Rejected:
			b.Rejection = &api.ReferralRejection{
				Code: api.ReferralRejectionCode(s.Code), Text: optional[string](stepText(v, s.N)), RejectedAt: s.At,
			}
		}
	}
	return b
}

func summary(v *referral.View) api.ReferralSummary {
	r := v.Referral
	return api.ReferralSummary{
		Id: r.ID, State: api.ReferralState(v.State), Participant: r.Participant,
		Referrer: referrer(r), Source: optional[api.ReferralSource](string(r.Source)), Municipality: v.Status.Municipality,
		Priority:       optional[api.ReferralPriority](v.Status.Priority),
		RegistryNumber: rest.Optional(r.RegistryNumber), ExternalReference: rest.Optional(r.ExternalReference),
		Responsible: rest.Optional(v.Responsible), Transfer: transfer(v), Turn: turn(v),
		Queue: queue(v), TargetGroup: targetGroupMet(r), Duplicates: duplicateCount(v), PlaceReady: truth(v.Status.IsPlaceOffered()),
		ReceivedAt: r.ReceivedAt(), ChangedAt: v.ChangedAt, UnderscoreLinks: links(v, fromList),
	}
}

func turn(v *referral.View) *api.ReferralTurn {
	t := v.Turn
	if t == nil {
		return nil
	}
	b := &api.ReferralTurn{
		Wait: api.ReferralWait(t.Wait), Party: api.ReferralParty(t.Party), Municipality: rest.Optional(t.Municipality),
		Since: t.Since, Due: t.Due, Overdue: v.Overdue,
	}
	if t.Number > 0 {
		b.Number = &t.Number
	}
	return b
}

func referrer(r *referral.Referral) api.Referrer {
	return api.Referrer{Authority: r.Authority, AuthorityKind: api.ReferrerKind(r.AuthorityKind), Unit: r.Unit}
}

func targetGroup(g referral.TargetGroup) api.TargetGroup {
	b := api.TargetGroup{Reasons: []api.ReferralReason{}, AuthoritiesConcerned: []api.AuthorityKind{}}
	for _, r := range g.Reasons {
		b.Reasons = append(b.Reasons, api.ReferralReason(r))
	}
	for _, k := range g.Concerned {
		b.AuthoritiesConcerned = append(b.AuthoritiesConcerned, api.AuthorityKind(k))
	}
	return b
}

func consent(v *referral.View) api.ReferralConsent {
	r, withdrawn := v.Referral, v.Status.ConsentWithdrawnAt
	b := api.ReferralConsent{
		GivenOn: r.Consent.GivenOn, TextVersion: r.Consent.TextVersion, Authorities: r.Consent.Authorities,
		Holds: withdrawn == nil, WithdrawnAt: withdrawn,
	}
	b.DataCategories = dataCategories(r.Consent)
	return b
}

// progress collects what the enrolment's feed has reported; nil: nothing, or hidden.
func progress(v *referral.View) *api.ReferralProgress {
	if v.Enrolment == "" {
		return nil
	}
	b := &api.ReferralProgress{Enrolment: v.Enrolment, Steps: []api.ReferralProgressStep{}}
	for _, s := range v.Steps {
		if s.Progress == nil {
			continue
		}
		step := api.ReferralProgressStep{
			Kind: api.ReferralProgressKind(s.Progress.Kind), At: s.At,
			On: rest.Optional(s.Progress.On), Code: rest.Optional(s.Progress.Code),
		}
		if s.Kind == referral.Enrolled {
			b.PlannedFirstDay, b.PlannedLastDay = rest.Optional(s.Progress.FirstDay), rest.Optional(s.Progress.LastDay)
		} else {
			step.FirstDay, step.LastDay = rest.Optional(s.Progress.FirstDay), rest.Optional(s.Progress.LastDay)
		}
		if s.Progress.Block > 0 {
			step.Block = &s.Progress.Block
		}
		b.Steps = append(b.Steps, step)
	}
	return b
}

// number returns the number of a step as the caller counts the steps.
func number(v *referral.View, n int64) int64 { return v.Status.VisibleNumber(n, v.Visibility) }

// stepText returns the text of a step; empty: none, or hidden.
func stepText(v *referral.View, n int64) string {
	if v.Texts == nil {
		return ""
	}
	return v.Texts.Steps[n]
}

func timeline(v *referral.View) []api.ReferralStep {
	all := make([]api.ReferralStep, 0, len(v.Steps))
	for _, s := range v.Steps {
		attached := ""
		if s.Attachment != nil {
			attached = s.Attachment.ID
		}
		all = append(all, api.ReferralStep{
			Attachment: rest.Optional(attached),
			N:          int(number(v, s.N)), At: s.At, Kind: api.ReferralStepKind(s.Kind), Authority: s.Authority,
			Unit: rest.Optional(s.Unit), By: rest.Optional(s.By),
			Code: rest.Optional(s.Code), Text: optional[string](stepText(v, s.N)),
			Municipality: rest.Optional(s.Municipality), Responsible: rest.Optional(s.Responsible),
		})
	}
	return all
}

// optional returns nil for nothing.
func optional[T ~string](s string) *T {
	if s == "" {
		return nil
	}
	t := T(s)
	return &t
}

func targetGroupMet(r *referral.Referral) *api.TargetGroupMet {
	if r.TargetGroupMet == "" {
		return nil
	}
	return &api.TargetGroupMet{Met: api.ReferralVerdict(r.TargetGroupMet)}
}

// targetGroupTest writes a test of the target group, rule by rule.
func targetGroupTest(a *referral.Assessment) *api.TargetGroupTest {
	if a == nil {
		return nil
	}
	b := &api.TargetGroupTest{Initiative: a.Initiative, Version: a.Version, TestedOn: string(a.On), Met: api.ReferralVerdict(a.Met)}
	for _, r := range a.Rules {
		text := r.Sentence()
		b.Rules = append(b.Rules, api.TargetGroupRule{
			Id: r.ID, Met: api.ReferralVerdict(r.Met), Sentence: api.TwoLanguages{Sv: text.SV, En: text.EN},
			Input: append([]string{}, r.Seen...),
		})
	}
	return b
}

// rightTime writes the checklist with the sender's answers.
func rightTime(a *referral.Assessment) *api.RightTime {
	if a == nil || len(a.Checklist) == 0 {
		return nil
	}
	b := &api.RightTime{Initiative: a.Initiative, Version: a.Version, Met: api.ReferralVerdict(a.Timely)}
	for _, q := range a.Checklist {
		b.Items = append(b.Items, api.RightTimeItem{
			Item: q.ID, Answer: api.RightTimeAnswer(q.Answer), Question: api.TwoLanguages{Sv: q.SV, En: q.EN},
		})
	}
	return b
}

// duplicates writes the other referrals about the same person; nil for a caller
// to whom none are shown.
func duplicates(v *referral.View, from depth) *[]api.ReferralDuplicate {
	if v.Duplicates == nil {
		return nil
	}
	all := make([]api.ReferralDuplicate, 0, len(v.Duplicates))
	for _, d := range v.Duplicates {
		b := api.ReferralDuplicate{Municipality: d.Municipality}
		if d.ID != "" {
			received := d.ReceivedAt
			b.Id, b.State, b.ReceivedAt = &d.ID, optional[api.ReferralState](string(d.State)), &received
			links := api.Links{"self": {Href: string(from) + "referrals/" + d.ID}}
			if d.Enrolment != "" {
				links["enrolment"] = api.Link{Href: string(from) + "enrolments/" + d.Enrolment}
			}
			if d.Participant != "" {
				links["participant"] = api.Link{Href: string(from) + "participants/" + d.Participant}
			}
			b.UnderscoreLinks = &links
		}
		all = append(all, b)
	}
	return &all
}

func duplicateCount(v *referral.View) *int {
	if v.Duplicates == nil {
		return nil
	}
	n := len(v.Duplicates)
	return &n
}
