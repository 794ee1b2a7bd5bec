package rest

import (
	"context"
	"maps"
	"slices"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/participant"
	"github.com/finsam/finsam/services/participant/service"
)

func (h handlers) ReadIdentities(ctx context.Context, r api.ReadIdentitiesRequestObject) (api.ReadIdentitiesResponseObject, error) {
	named, err := h.service.Identities(ctx, r.Body.Participants)
	if err != nil {
		return nil, err
	}
	return api.ReadIdentities200JSONResponse{Items: rest.Map(named, identity)}, nil
}

func (h handlers) ReadListedIdentities(ctx context.Context, r api.ReadListedIdentitiesRequestObject) (api.ReadListedIdentitiesResponseObject, error) {
	named, err := h.service.ListedIdentities(ctx, r.Body.Participants)
	if err != nil {
		return nil, err
	}
	return api.ReadListedIdentities200JSONResponse{Items: rest.Map(named, identity)}, nil
}

func (h handlers) ReadGenders(ctx context.Context, r api.ReadGendersRequestObject) (api.ReadGendersResponseObject, error) {
	genders, err := h.service.Genders(ctx, r.Body.Participants)
	if err != nil {
		return nil, err
	}
	items := []api.ParticipantGender{}
	for _, id := range slices.Sorted(maps.Keys(genders)) {
		items = append(items, api.ParticipantGender{Participant: id, Gender: api.Gender(genders[id])})
	}
	return api.ReadGenders200JSONResponse{Items: items}, nil
}

func identity(n service.NamedPerson) api.Identity {
	return api.Identity{Participant: n.ID, DisplayName: n.Name, Protected: n.Protected, PersonalIdentityNumber: rest.Optional(n.Number)}
}

func (h handlers) SearchParticipants(ctx context.Context, r api.SearchParticipantsRequestObject) (api.SearchParticipantsResponseObject, error) {
	hits, err := h.service.Search(ctx, service.Search{
		Number: rest.Value(r.Body.PersonalIdentityNumber), Name: rest.Value(r.Body.Name), Purpose: string(r.Body.Purpose),
	})
	if err != nil {
		return nil, err
	}
	return api.SearchParticipants200JSONResponse{More: hits.More, Items: rest.Map(hits.Persons, func(n service.NamedPerson) api.ParticipantHit {
		return api.ParticipantHit{
			Participant: n.ID, DisplayName: n.Name, Protected: n.Protected, PersonalIdentityNumber: n.Number,
			UnderscoreLinks: api.Links{
				h.paths.Link("participant", "getParticipant", n.ID),
				h.paths.Link("referrals", "listReferrals").With(rest.Query("participant", n.ID)),
				h.paths.Link("enrolments", "listEnrolments").With(rest.Query("participant", n.ID)),
			},
		}
	})}, nil
}

func (h handlers) GetParticipant(ctx context.Context, r api.GetParticipantRequestObject) (api.GetParticipantResponseObject, error) {
	v, err := h.service.Person(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	return api.GetParticipant200JSONResponse{ParticipantJSONResponse: h.personAnswer(v)}, nil
}

func (h handlers) WithdrawConsent(ctx context.Context, r api.WithdrawConsentRequestObject) (api.WithdrawConsentResponseObject, error) {
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.PersonView, error) {
		return h.service.WithdrawConsent(ctx, r.Id, version, r.Body.Referral, rest.Value(r.Body.Text))
	}, h.personAnswer)
	return api.WithdrawConsent200JSONResponse{ParticipantJSONResponse: a}, err
}

func (h handlers) RectifyParticipant(ctx context.Context, r api.RectifyParticipantRequestObject) (api.RectifyParticipantResponseObject, error) {
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.PersonView, error) {
		return h.service.Rectify(ctx, r.Id, version, participant.Details{
			Identity: participant.Identity{GivenName: rest.Value(r.Body.GivenName), FamilyName: rest.Value(r.Body.FamilyName), Gender: string(rest.Value(r.Body.Gender))},
			Contact:  participant.Contact{Email: rest.Value(r.Body.Email), Phone: rest.Value(r.Body.Phone)},
		}, r.Body.Reason)
	}, h.personAnswer)
	return api.RectifyParticipant200JSONResponse{ParticipantJSONResponse: a}, err
}

func (h handlers) ProtectParticipant(ctx context.Context, r api.ProtectParticipantRequestObject) (api.ProtectParticipantResponseObject, error) {
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.PersonView, error) {
		return h.service.Protect(ctx, r.Id, version, participant.ProtectionLevel(r.Body.Level), rest.Value(r.Body.Handlers))
	}, h.personAnswer)
	return api.ProtectParticipant200JSONResponse{ParticipantJSONResponse: a}, err
}

func (h handlers) GetProtection(ctx context.Context, r api.GetProtectionRequestObject) (api.GetProtectionResponseObject, error) {
	v, err := h.service.Protection(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(v.Version)
	b := api.ProtectionState{Version: &v.Version, Protection: protection(v.Level), UnderscoreLinks: api.Links{h.paths.Link("self", "getProtection", v.ID)}}
	b.UnderscoreLinks = h.paths.AppendActions(b.UnderscoreLinks, v.Operations, v.ID)
	return api.GetProtection200JSONResponse{Body: b, Headers: api.GetProtection200ResponseHeaders{ETag: &tag}}, nil
}

// protection returns a level as the contract writes it.
func protection(l participant.ProtectionLevel) api.Protection {
	if l == participant.NoProtection {
		return api.ProtectionNone
	}
	return api.Protection(l)
}

func (h handlers) UnprotectParticipant(ctx context.Context, r api.UnprotectParticipantRequestObject) (api.UnprotectParticipantResponseObject, error) {
	a, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.PersonView, error) {
		return h.service.Unprotect(ctx, r.Id, version, participant.ProtectionLevel(rest.Value(r.Body.Level)), rest.Value(r.Body.Text))
	}, h.personAnswer)
	return api.UnprotectParticipant200JSONResponse{ParticipantJSONResponse: a}, err
}

func (h handlers) personAnswer(v *service.PersonView) api.ParticipantJSONResponse {
	tag := rest.ETag(v.Version)
	return api.ParticipantJSONResponse{Body: h.person(v), Headers: api.ParticipantResponseHeaders{ETag: &tag}}
}

func (h handlers) person(v *service.PersonView) api.Participant {
	b := api.Participant{
		Id: v.ID, Version: &v.Version, Alias: participant.Alias(v.ID), Masked: v.Identity == nil, Protection: protection(v.Protection),
		Handlers: rest.OptionalList(v.Handlers), Consents: []api.Consent{},
		Timeline: rest.Map(v.Steps, func(s participant.PersonStep) api.PersonStep {
			return api.PersonStep{
				N: int(s.N), At: s.At, Kind: api.PersonStepKind(s.Kind), By: rest.Optional(s.By), Authority: s.Authority,
				Referral: rest.Optional(s.Referral), Enrolment: rest.Optional(s.Enrolment),
			}
		}),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getParticipant", v.ID)},
	}
	b.UnderscoreLinks = h.paths.AppendActions(b.UnderscoreLinks, v.Operations, v.ID)
	for _, c := range v.Consents {
		consent := api.Consent{
			Referral: c.Referral, Authority: c.Authority, Unit: c.Unit, Authorities: c.Authorities,
			TextVersion: c.TextVersion, GivenOn: string(c.GivenOn), InForce: c.InForce(),
		}
		if !c.InForce() {
			consent.WithdrawnAt = &c.Until
		}
		b.Consents = append(b.Consents, consent)
	}
	if v.Identity != nil {
		addIdentity(&b, v.Identity)
	}
	return b
}

// addIdentity adds who the person is.
func addIdentity(b *api.Participant, i *service.IdentityView) {
	b.GivenName, b.FamilyName, b.Gender = rest.Optional(i.GivenName), rest.Optional(i.FamilyName), rest.Optional(api.Gender(i.Gender))
	b.PersonalIdentityNumber = rest.Optional(string(i.Number))
	b.Email, b.Phone = rest.Optional(i.Email), rest.Optional(i.Phone)
	b.IdentityDifferences = rest.OptionalList(rest.Map(i.Differences, func(d participant.Difference) api.IdentityDifference {
		return api.IdentityDifference{Field: api.IdentityField(d.Field), Source: rest.Optional(d.Source), At: d.At, Value: rest.Optional(d.Value)}
	}))
	b.Statements = rest.OptionalList(rest.Map(i.Statements, func(s participant.Statement) api.IdentityStatement {
		d := s.Details
		return api.IdentityStatement{
			Source: s.Source, Referral: s.Referral, At: s.At,
			GivenName: rest.Optional(d.GivenName), FamilyName: rest.Optional(d.FamilyName), Gender: rest.Optional(api.Gender(d.Gender)),
			Email: rest.Optional(d.Email), Phone: rest.Optional(d.Phone),
		}
	}))
	for _, r := range i.Rectifications {
		at := slices.IndexFunc(b.Timeline, func(s api.PersonStep) bool { return s.N == int(r.N) })
		var changes []api.IdentityChange
		for _, f := range participant.Fields {
			if value := *r.New.At(f); value != "" {
				changes = append(changes, api.IdentityChange{Field: api.IdentityField(f), Old: rest.Optional(*r.Old.At(f)), New: value})
			}
		}
		b.Timeline[at].Changes, b.Timeline[at].Reason = rest.OptionalList(changes), rest.Optional(r.Reason)
	}
}
