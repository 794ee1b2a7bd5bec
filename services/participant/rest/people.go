package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/participant"
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
	a, err := changedPerson(r.Params.IfMatch, func(version int64) (*participant.PersonView, error) {
		return h.service.WithdrawConsent(ctx, r.Id, version, r.Body.Referral, value(r.Body.Text))
	})
	return api.WithdrawConsent200JSONResponse{ParticipantJSONResponse: a}, err
}

// ProtectParticipant answers POST /participants/{id}/protection.
func (h handlers) ProtectParticipant(ctx context.Context, r api.ProtectParticipantRequestObject) (api.ProtectParticipantResponseObject, error) {
	a, err := changedPerson(r.Params.IfMatch, func(version int64) (*participant.PersonView, error) {
		return h.service.Protect(ctx, r.Id, version, participant.ProtectionLevel(r.Body.Level), value(r.Body.Handlers))
	})
	return api.ProtectParticipant200JSONResponse{ParticipantJSONResponse: a}, err
}

// UnprotectParticipant answers POST /participants/{id}/protection-removal.
func (h handlers) UnprotectParticipant(ctx context.Context, r api.UnprotectParticipantRequestObject) (api.UnprotectParticipantResponseObject, error) {
	a, err := changedPerson(r.Params.IfMatch, func(version int64) (*participant.PersonView, error) {
		return h.service.Unprotect(ctx, r.Id, version, value(r.Body.Text))
	})
	return api.UnprotectParticipant200JSONResponse{ParticipantJSONResponse: a}, err
}

// changedPerson calls a verb with the version of If-Match and answers what came
// of it.
func changedPerson(ifMatch *string, verb func(version int64) (*participant.PersonView, error)) (api.ParticipantJSONResponse, error) {
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

// PutPerson answers POST /internal/persons.
func (h handlers) PutPerson(ctx context.Context, r api.PutPersonRequestObject) (api.PutPersonResponseObject, error) {
	b := r.Body
	id, err := h.service.Put(ctx, participant.PersonInput{
		Number: b.Person.PersonalIdentityNumber, GivenName: b.Person.GivenName, FamilyName: b.Person.FamilyName,
		Gender:  string(value(b.Person.Gender)),
		Contact: participant.Contact{Email: value(b.Person.Email), Phone: value(b.Person.Phone)},
		Consent: participant.NewConsent{
			Referral: b.Referral, Authority: b.Authority, Unit: b.Unit, Municipality: value(b.Municipality),
			Authorities: b.Consent.Authorities, TextVersion: b.Consent.TextVersion, GivenOn: civil.Date(b.Consent.GivenOn),
		},
	})
	if err != nil {
		return nil, err
	}
	return api.PutPerson200JSONResponse{Participant: id, Age: h.service.AgeNow(b.Person.PersonalIdentityNumber)}, nil
}

// ReadAge answers GET /internal/persons/{id}/age.
func (h handlers) ReadAge(ctx context.Context, r api.ReadAgeRequestObject) (api.ReadAgeResponseObject, error) {
	years, err := h.service.AgeOn(ctx, r.Id, civil.Date(r.Params.On))
	if err != nil {
		return nil, err
	}
	return api.ReadAge200JSONResponse{Years: years}, nil
}
