package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/service"
)

// unsetTag returns the entity tag of what is there before anybody has set it. Never
// set, it is at version 0 and needs a tag too, so that the first who sets it can
// name it: the version that If-Match names is one more than the store's.
func unsetTag(version int64) string { return rest.ETag(version + 1) }

func (h handlers) ListUnits(ctx context.Context, r api.ListUnitsRequestObject) (api.ListUnitsResponseObject, error) {
	units, version, err := h.service.Units(ctx, service.UnitFilter{
		Kind: referral.Source(rest.Value(r.Params.Kind)), Municipality: rest.Value(r.Params.Municipality),
		Active: r.Params.Active != nil && *r.Params.Active,
	})
	if err != nil {
		return nil, err
	}
	tag := unsetTag(version)
	return api.ListUnits200JSONResponse{Body: h.units200(units, version), Headers: api.ListUnits200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) ReplaceUnits(ctx context.Context, r api.ReplaceUnitsRequestObject) (api.ReplaceUnitsResponseObject, error) {
	units := rest.Map(r.Body.Items, func(u api.NewUnitInRegister) referral.Unit {
		return referral.Unit{
			ID: u.Id, Name: u.Name, Kind: referral.Source(u.Kind), Authority: rest.Value(u.Authority),
			Municipality: rest.Value(u.Municipality), Active: u.Active, Contact: readContact(u.Contact),
		}
	})
	version, err := rest.AtVersion(r.Params.IfMatch, func(version int64) (_ int64, err error) {
		units, version, err = h.service.ReplaceUnits(ctx, version-1, units)
		return version, err
	})
	if err != nil {
		return nil, err
	}
	tag := unsetTag(version)
	return api.ReplaceUnits200JSONResponse{Body: h.units200(units, version), Headers: api.ReplaceUnits200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) ReplaceUnit(ctx context.Context, r api.ReplaceUnitRequestObject) (api.ReplaceUnitResponseObject, error) {
	u := referral.Unit{
		ID: r.Unit, Name: r.Body.Name, Kind: referral.Source(r.Body.Kind), Authority: rest.Value(r.Body.Authority),
		Municipality: rest.Value(r.Body.Municipality), Active: r.Body.Active, Contact: readContact(r.Body.Contact),
	}
	version, err := rest.AtVersion(r.Params.IfMatch, func(version int64) (int64, error) {
		return h.service.ReplaceUnit(ctx, version-1, u)
	})
	if err != nil {
		return nil, err
	}
	tag := unsetTag(version)
	b := h.unit(u, version+1) // as unsetTag
	b.UnderscoreLinks = append(b.UnderscoreLinks, h.paths.Link("register", "listUnits"))
	return api.ReplaceUnit200JSONResponse{Body: b, Headers: api.ReplaceUnit200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) units200(units []referral.Unit, version int64) api.UnitRegister {
	version++ // as unsetTag
	return api.UnitRegister{
		Version:         &version,
		Items:           rest.Map(units, func(u referral.Unit) api.Unit { return h.unit(u, version) }),
		UnderscoreLinks: api.Links{h.paths.Link("self", "listUnits")},
	}
}

func (h handlers) unit(u referral.Unit, version int64) api.Unit {
	return api.Unit{
		Id: u.ID, Version: &version, Label: api.Label{Sv: u.Name, En: u.Name}, Name: u.Name, Kind: api.UnitKind(u.Kind), Authority: rest.Optional(u.Authority),
		Municipality: rest.Optional(u.Municipality), Active: u.Active, Contact: contact(u.Contact),
		UnderscoreLinks: api.Links{h.paths.Link("self", "replaceUnit", u.ID)},
	}
}

func readContact(b *api.WorkContact) *referral.Contact {
	if b == nil {
		return nil
	}
	return &referral.Contact{Name: b.Name, Email: rest.Value(b.Email), Phone: rest.Value(b.Phone)}
}

func contact(c *referral.Contact) *api.WorkContact {
	if c == nil {
		return nil
	}
	return &api.WorkContact{Name: c.Name, Email: rest.Optional(c.Email), Phone: rest.Optional(c.Phone)}
}

// referrer writes where a referral comes from, and whom to ask there.
func referrer(v *referral.View) api.Referrer {
	r := v.Referral
	return api.Referrer{Authority: r.Authority, AuthorityKind: api.ReferrerKind(r.AuthorityKind), Unit: r.Unit, Contact: contact(v.Contact)}
}
