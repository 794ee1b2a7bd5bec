package rest

import (
	"context"
	"strings"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/participant"
	"github.com/finsam/finsam/services/participant/service"
)

func (h handlers) PutPerson(ctx context.Context, r api.PutPersonRequestObject) (api.PutPersonResponseObject, error) {
	b := r.Body
	filed, err := h.service.Put(ctx, service.PersonInput{
		Number: b.Person.PersonalIdentityNumber, GivenName: b.Person.GivenName, FamilyName: b.Person.FamilyName,
		Gender:     string(rest.Value(b.Person.Gender)),
		Protection: participant.ProtectionLevel(rest.Value(b.Person.Protection)),
		Contact:    participant.Contact{Email: rest.Value(b.Person.Email), Phone: rest.Value(b.Person.Phone)},
		Consent: participant.Consent{
			Referral: b.Referral, Authority: b.Authority, Unit: b.Unit, Municipality: rest.Value(b.Municipality),
			Authorities: b.Consent.Authorities, TextVersion: b.Consent.TextVersion, GivenOn: civil.Date(b.Consent.GivenOn),
		},
	})
	if err != nil {
		return nil, err
	}
	return api.PutPerson200JSONResponse{
		Participant: filed.Participant, Age: filed.Age,
		Protections: rest.OptionalList(rest.Map(filed.Protections, func(s participant.PersonStep) api.ProtectionInForce {
			return api.ProtectionInForce{
				Event: feed.EventID(filed.Participant, s.N), Level: api.ProtectionLevel(s.Level), Authority: s.Authority, Handlers: rest.OptionalList(s.Handlers),
			}
		})),
	}, nil
}

func (h handlers) IdentifyOwn(ctx context.Context, r api.IdentifyOwnRequestObject) (api.IdentifyOwnResponseObject, error) {
	id, err := h.service.Identify(ctx, r.Body.PersonalIdentityNumber)
	if err != nil {
		return nil, err
	}
	return api.IdentifyOwn200JSONResponse{Participant: id}, nil
}

func (h handlers) ReadAge(ctx context.Context, r api.ReadAgeRequestObject) (api.ReadAgeResponseObject, error) {
	years, err := h.service.AgeOn(ctx, r.Id, civil.Date(r.Params.On))
	if err != nil {
		return nil, err
	}
	return api.ReadAge200JSONResponse{Years: years}, nil
}

func (h handlers) ListStaff(ctx context.Context, r api.ListStaffRequestObject) (api.ListStaffResponseObject, error) {
	names, err := h.service.Staff(ctx, rest.Value(r.Params.Ids), rest.Value(r.Params.Participant))
	if err != nil {
		return nil, err
	}
	self := h.paths.Link("self", "listStaff").With(rest.Query("ids", strings.Join(rest.Value(r.Params.Ids), ","), "participant", rest.Value(r.Params.Participant)))
	return api.ListStaff200JSONResponse{UnderscoreLinks: api.Links{self}, Items: rest.Map(names, func(n service.StaffName) api.StaffMember {
		return api.StaffMember{Id: n.ID, Authority: n.Authority, Name: n.Name}
	})}, nil
}

func (h handlers) NoteStaff(ctx context.Context, r api.NoteStaffRequestObject) (api.NoteStaffResponseObject, error) {
	if err := h.service.NoteStaff(ctx, r.Body.Name); err != nil {
		return nil, err
	}
	return api.NoteStaff204Response{}, nil
}
