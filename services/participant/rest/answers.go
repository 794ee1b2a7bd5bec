package rest

import (
	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/participant"
)

// personAnswer writes a person as the caller may see it.
func personAnswer(v *participant.PersonView, from depth) api.ParticipantJSONResponse {
	b := api.Participant{
		Id: v.ID, Alias: participant.Alias(v.ID), Masked: v.Identity == nil, Protection: api.ProtectionNone,
		Consents: []api.Consent{}, Timeline: []api.PersonStep{}, UnderscoreLinks: personLinks(v, from),
	}
	if v.Protection != participant.NoProtection {
		b.Protection = api.Protection(v.Protection)
	}
	if len(v.Handlers) > 0 {
		b.Handlers = &v.Handlers
	}
	if i := v.Identity; i != nil {
		b.GivenName, b.FamilyName, b.Gender = optional(i.GivenName), optional(i.FamilyName), optional(api.Gender(i.Gender))
		b.PersonalIdentityNumber = optional(string(i.Number))
		b.Email, b.Phone = optional(v.Contact.Email), optional(v.Contact.Phone)
	}
	for _, c := range v.Consents {
		b.Consents = append(b.Consents, consent(c))
	}
	for _, s := range v.Steps {
		b.Timeline = append(b.Timeline, api.PersonStep{
			N: int(s.N), At: s.At, Kind: api.PersonStepKind(s.Kind), By: optional(s.By), Authority: s.Authority,
			Referral: optional(s.Referral), Enrolment: optional(s.Enrolment),
		})
	}
	tag := rest.ETag(v.Version)
	return api.ParticipantJSONResponse{Body: b, Headers: api.ParticipantResponseHeaders{ETag: &tag}}
}

func consent(c participant.Consent) api.Consent {
	b := api.Consent{
		Referral: c.Referral, Authority: c.Authority, Unit: c.Unit, Authorities: c.Authorities,
		TextVersion: c.TextVersion, GivenOn: string(c.GivenOn), InForce: c.InForce(),
	}
	if !c.InForce() {
		b.WithdrawnAt = &c.Until
	}
	return b
}

// enrolmentList writes a page. A page number and totals belong to a list read by
// page; read by cursor it has neither.
func enrolmentList(p *participant.EnrolmentPage, f participant.EnrolmentFilter) api.EnrolmentList {
	b := api.EnrolmentList{
		Items:           make([]api.EnrolmentSummary, 0, len(p.Items)),
		UnderscoreMeta:  api.Meta{Limit: f.Limit, Count: len(p.Items), NextCursor: optional(p.Next)},
		UnderscoreLinks: listLinks(f, p.Next),
	}
	if f.Cursor == "" {
		total := int(p.Total.Records)
		pages := (total + f.Limit - 1) / f.Limit
		b.UnderscoreMeta.Page, b.UnderscoreMeta.TotalRecords, b.UnderscoreMeta.TotalPages = &f.Page, &total, &pages
		b.UnderscoreMeta.TotalRecordsIsMinimum = &p.Total.Minimum
	}
	for _, v := range p.Items {
		b.Items = append(b.Items, api.EnrolmentSummary{
			Id: v.ID, Referral: v.Referral, Participant: v.Participant, Alias: participant.Alias(v.Participant),
			Initiative: v.Initiative, Municipality: v.Municipality, Coach: v.Coach,
			State: api.EnrolmentState(v.Progress.State), Outcome: optional(api.EnrolmentOutcome(v.Progress.Outcome)),
			CurrentBlock: optional(v.Progress.Block), PlannedStart: string(v.PlannedStart),
			StartedOn: optional(string(v.Progress.Started)), UnderscoreLinks: enrolmentLinks(v, fromList),
		})
	}
	return b
}
