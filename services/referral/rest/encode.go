package rest

import (
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/services/referral"
)

// body writes a referral as the caller may see it; from is the depth of the
// request's path.
func body(v *referral.View, from depth) api.Referral {
	r := v.Referral
	b := api.Referral{
		Id: r.ID, State: api.ReferralState(v.State), Participant: r.Participant,
		Referrer: referrer(r), Source: optional[api.ReferralSource](string(r.SourceOf())),
		RegistryNumber: optional[string](r.RegistryNumber), ExternalReference: optional[string](r.ExternalReference),
		Duplicates: duplicates(v, from), TargetGroupTest: targetGroupTest(v.Assessed), RightTime: rightTime(v.Assessed),
		TargetGroup: targetGroup(r.TargetGroup), Consent: consent(r),
		WishedMunicipality: r.WishedMunicipality, Municipality: r.Municipality(),
		Reason:   optional[string](v.Reason),
		Priority: optional[api.ReferralPriority](r.Priority()),
		Outcome:  optional[api.ReferralOutcome](v.Outcome),
		Progress: course(v.Progress), ReceivedAt: r.ReceivedAt(), ChangedAt: v.ChangedAt,
		Queue: queue(v), PlaceReady: truth(r.PlaceReady()),
		Responsible: optional[string](v.Responsible), Transfer: transfer(r), ChangeLog: changeLog(v),
		Turn: turn(v), Timeline: timeline(v), UnderscoreLinks: links(v, from),
	}
	if len(v.Attachments) > 0 {
		all := make([]api.Attachment, 0, len(v.Attachments))
		for _, a := range v.Attachments {
			all = append(all, attachment(a, from))
		}
		b.Attachments = &all
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
				Code: api.ReferralRejectionCode(s.Code), Text: optional[string](v.Texts[s.N]), RejectedAt: s.At,
			}
		}
	}
	return b
}

func summary(v *referral.View) api.ReferralSummary {
	r := v.Referral
	return api.ReferralSummary{
		Id: r.ID, State: api.ReferralState(v.State), Participant: r.Participant,
		Referrer: referrer(r), Source: optional[api.ReferralSource](string(r.SourceOf())), Municipality: r.Municipality(),
		Priority:       optional[api.ReferralPriority](r.Priority()),
		RegistryNumber: optional[string](r.RegistryNumber), ExternalReference: optional[string](r.ExternalReference),
		Responsible: optional[string](v.Responsible), Transfer: transfer(r), Turn: turn(v),
		Queue: queue(v), TargetGroup: targetGroupMet(r), Duplicates: duplicateCount(v), PlaceReady: truth(r.PlaceReady()),
		ReceivedAt: r.ReceivedAt(), ChangedAt: v.ChangedAt, UnderscoreLinks: links(v, fromList),
	}
}

func turn(v *referral.View) *api.ReferralTurn {
	t := v.Turn
	if t == nil {
		return nil
	}
	b := &api.ReferralTurn{
		Wait: api.ReferralWait(t.Wait), Party: api.ReferralParty(t.Party), Municipality: optional[string](t.Municipality),
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

func consent(r *referral.Referral) api.ReferralConsent {
	withdrawn := r.ConsentWithdrawnAt()
	b := api.ReferralConsent{
		GivenOn: r.Consent.GivenOn, TextVersion: r.Consent.TextVersion, Authorities: r.Consent.Authorities,
		Holds: withdrawn == nil, WithdrawnAt: withdrawn,
	}
	b.DataCategories = dataCategories(r.Consent)
	return b
}

func course(c *referral.ProgressView) *api.ReferralProgress {
	if c == nil {
		return nil
	}
	b := &api.ReferralProgress{
		Enrolment: c.Enrolment, PlannedFirstDay: optional[string](c.FirstDay), PlannedLastDay: optional[string](c.LastDay),
		Steps: []api.ReferralProgressStep{},
	}
	for _, s := range c.Steps {
		step := api.ReferralProgressStep{
			Kind: api.ReferralProgressKind(s.Progress.Kind), At: s.At,
			On: optional[string](s.Progress.On), Code: optional[string](s.Progress.Code),
		}
		if s.Kind != referral.Enrolled {
			step.FirstDay, step.LastDay = optional[string](s.Progress.FirstDay), optional[string](s.Progress.LastDay)
		}
		if s.Progress.Block > 0 {
			step.Block = &s.Progress.Block
		}
		b.Steps = append(b.Steps, step)
	}
	return b
}

func timeline(v *referral.View) []api.ReferralStep {
	all := make([]api.ReferralStep, 0, len(v.Steps))
	for _, s := range v.Steps {
		attached := ""
		if s.Attachment != nil {
			attached = s.Attachment.ID
		}
		all = append(all, api.ReferralStep{
			Attachment: optional[string](attached),
			N:          int(v.Number(s.N)), At: s.At, Kind: api.ReferralStepKind(s.Kind), Authority: s.Authority,
			Unit: optional[string](s.Unit), By: optional[string](s.By),
			Code: optional[string](s.Code), Text: optional[string](v.Texts[s.N]),
			Municipality: optional[string](s.Municipality), Responsible: optional[string](s.Responsible),
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
