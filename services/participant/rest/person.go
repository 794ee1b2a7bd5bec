package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/participant"
	"github.com/finsam/finsam/services/participant/service"
)

// ReadIdentities answers POST /participants/identities.
func (h handlers) ReadIdentities(ctx context.Context, r api.ReadIdentitiesRequestObject) (api.ReadIdentitiesResponseObject, error) {
	named, err := h.service.Identities(ctx, r.Body.Participants)
	if err != nil {
		return nil, err
	}
	items := make([]api.Identity, 0, len(named))
	for _, n := range named {
		items = append(items, api.Identity{
			Participant: n.ID, DisplayName: n.Name, Protected: n.Protected, PersonalIdentityNumber: optional(n.Number),
		})
	}
	return api.ReadIdentities200JSONResponse{Items: items}, nil
}

// GetParticipant answers GET /participants/{id}.
func (h handlers) GetParticipant(ctx context.Context, r api.GetParticipantRequestObject) (api.GetParticipantResponseObject, error) {
	v, err := h.service.Person(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(v.Version)
	if rest.NotModified(r.Params.IfNoneMatch, v.Version) {
		return api.GetParticipant304Response{Headers: api.NotModifiedResponseHeaders{ETag: &tag}}, nil
	}
	return api.GetParticipant200JSONResponse{ParticipantJSONResponse: personAnswer(v, fromItem)}, nil
}

// WithdrawConsent answers POST /participants/{id}/consent-withdrawals.
func (h handlers) WithdrawConsent(ctx context.Context, r api.WithdrawConsentRequestObject) (api.WithdrawConsentResponseObject, error) {
	a, err := changedPerson(r.Params.IfMatch, func(version int64) (*service.PersonView, error) {
		return h.service.WithdrawConsent(ctx, r.Id, version, r.Body.Referral, value(r.Body.Text))
	})
	return api.WithdrawConsent200JSONResponse{ParticipantJSONResponse: a}, err
}

// ProtectParticipant answers POST /participants/{id}/protection.
func (h handlers) ProtectParticipant(ctx context.Context, r api.ProtectParticipantRequestObject) (api.ProtectParticipantResponseObject, error) {
	a, err := changedPerson(r.Params.IfMatch, func(version int64) (*service.PersonView, error) {
		return h.service.Protect(ctx, r.Id, version, participant.ProtectionLevel(r.Body.Level), value(r.Body.Handlers))
	})
	return api.ProtectParticipant200JSONResponse{ParticipantJSONResponse: a}, err
}

// UnprotectParticipant answers POST /participants/{id}/protection-removal.
func (h handlers) UnprotectParticipant(ctx context.Context, r api.UnprotectParticipantRequestObject) (api.UnprotectParticipantResponseObject, error) {
	a, err := changedPerson(r.Params.IfMatch, func(version int64) (*service.PersonView, error) {
		return h.service.Unprotect(ctx, r.Id, version, value(r.Body.Text))
	})
	return api.UnprotectParticipant200JSONResponse{ParticipantJSONResponse: a}, err
}

// changedPerson calls a verb with the version of If-Match and answers what came
// of it.
func changedPerson(ifMatch *string, verb func(version int64) (*service.PersonView, error)) (api.ParticipantJSONResponse, error) {
	version, err := rest.Version(ifMatch)
	if err != nil {
		return api.ParticipantJSONResponse{}, err
	}
	v, err := verb(version)
	if err != nil {
		return api.ParticipantJSONResponse{}, err
	}
	return personAnswer(v, fromAct), nil
}

func personAnswer(v *service.PersonView, from depth) api.ParticipantJSONResponse {
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

// personLinks returns what the caller may do with a person now.
func personLinks(v *service.PersonView, from depth) api.Links {
	self := string(from) + "participants/" + v.ID
	links := api.Links{"self": {Href: self}}
	for _, operation := range v.Operations {
		switch operation {
		case "withdrawConsent":
			links["consentWithdrawals"] = api.Link{Href: self + "/consent-withdrawals"}
		case "protectParticipant":
			links["protection"] = api.Link{Href: self + "/protection"}
		case "unprotectParticipant":
			links["protectionRemoval"] = api.Link{Href: self + "/protection-removal"}
		}
	}
	return links
}
