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
// name it.
func unsetTag(version int64) string { return rest.ETag(version + 1) }

func unsetVersion(ifMatch *string) (int64, error) {
	v, err := rest.Version(ifMatch)
	return v - 1, err
}

// ListUnits answers GET /units.
func (h handlers) ListUnits(ctx context.Context, r api.ListUnitsRequestObject) (api.ListUnitsResponseObject, error) {
	units, version, err := h.service.Units(ctx, service.UnitFilter{
		Kind: referral.Source(value(r.Params.Kind)), Municipality: value(r.Params.Municipality),
		Active: r.Params.Active != nil && *r.Params.Active,
	})
	if err != nil {
		return nil, err
	}
	tag := unsetTag(version)
	return api.ListUnits200JSONResponse{Body: units200(units), Headers: api.ListUnits200ResponseHeaders{ETag: &tag}}, nil
}

// ReplaceUnits answers PUT /units.
func (h handlers) ReplaceUnits(ctx context.Context, r api.ReplaceUnitsRequestObject) (api.ReplaceUnitsResponseObject, error) {
	version, err := unsetVersion(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	units := make([]referral.Unit, 0, len(r.Body.Items))
	for _, u := range r.Body.Items {
		units = append(units, referral.Unit{
			ID: u.Id, Name: u.Name, Kind: referral.Source(u.Kind), Authority: value(u.Authority),
			Municipality: value(u.Municipality), Active: u.Active,
		})
	}
	units, version, err = h.service.ReplaceUnits(ctx, version, units)
	if err != nil {
		return nil, err
	}
	tag := unsetTag(version)
	return api.ReplaceUnits200JSONResponse{Body: units200(units), Headers: api.ReplaceUnits200ResponseHeaders{ETag: &tag}}, nil
}

// ReplaceUnit answers PUT /units/{unit}.
func (h handlers) ReplaceUnit(ctx context.Context, r api.ReplaceUnitRequestObject) (api.ReplaceUnitResponseObject, error) {
	version, err := unsetVersion(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	u, version, err := h.service.ReplaceUnit(ctx, version, referral.Unit{
		ID: r.Unit, Name: r.Body.Name, Kind: referral.Source(r.Body.Kind), Authority: value(r.Body.Authority),
		Municipality: value(r.Body.Municipality), Active: r.Body.Active,
	})
	if err != nil {
		return nil, err
	}
	tag := unsetTag(version)
	b := unit(u, fromItem)
	b.UnderscoreLinks["register"] = api.Link{Href: string(fromItem) + "units"}
	return api.ReplaceUnit200JSONResponse{Body: b, Headers: api.ReplaceUnit200ResponseHeaders{ETag: &tag}}, nil
}

func units200(units []referral.Unit) api.UnitRegister {
	b := api.UnitRegister{Items: make([]api.Unit, 0, len(units)), UnderscoreLinks: api.Links{"self": {Href: "units"}}}
	for _, u := range units {
		b.Items = append(b.Items, unit(u, fromList))
	}
	return b
}

func unit(u referral.Unit, from depth) api.Unit {
	return api.Unit{
		Id: u.ID, Name: u.Name, Kind: api.UnitKind(u.Kind), Authority: rest.Optional(u.Authority),
		Municipality: rest.Optional(u.Municipality), Active: u.Active,
		UnderscoreLinks: api.Links{"self": {Href: string(from) + "units/" + u.ID}},
	}
}
