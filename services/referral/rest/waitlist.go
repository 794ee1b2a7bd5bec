package rest

import (
	"context"
	"net/url"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/waitlist"
)

func (h handlers) GetCapacity(ctx context.Context, r api.GetCapacityRequestObject) (api.GetCapacityResponseObject, error) {
	municipality := rest.Value(r.Params.Municipality)
	c, err := h.service.Waitlist.Availability(ctx, rest.Value(r.Params.Initiative), municipality)
	if err != nil {
		return nil, err
	}
	q := url.Values{"initiative": {c.Initiative}, "municipality": {municipality}}
	return api.GetCapacity200JSONResponse{
		Initiative: c.Initiative, Municipality: municipality, Answer: api.CapacityAnswer(c.Answer),
		Free: rest.Optional(max(c.Free, 0)), Waiting: int(c.Waiting), ExpectedStart: rest.Optional(string(c.ExpectedStart)),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getCapacity").With(q), h.paths.Link("forecast", "getForecast", c.Initiative, municipality)},
	}, nil
}

func (h handlers) ListWaiting(ctx context.Context, r api.ListWaitingRequestObject) (api.ListWaitingResponseObject, error) {
	w := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	initiative := rest.Value(r.Params.Initiative)
	l, err := h.service.WaitingList(ctx, initiative, w)
	if err != nil {
		return nil, err
	}
	b, err := h.list(ctx, r.Params.Include, l, w, nil, "listWaiting", rest.Query("initiative", initiative))
	return api.ListWaiting200JSONResponse(b), err
}

func (h handlers) GetPlaces(ctx context.Context, r api.GetPlacesRequestObject) (api.GetPlacesResponseObject, error) {
	p, err := h.service.Waitlist.Places(ctx, r.Municipality, r.Initiative)
	if err != nil {
		return nil, err
	}
	tag := unsetTag(p.Version)
	return api.GetPlaces200JSONResponse{Body: h.places(p), Headers: api.GetPlaces200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) SetPlaces(ctx context.Context, r api.SetPlacesRequestObject) (api.SetPlacesResponseObject, error) {
	p, err := rest.AtVersion(r.Params.IfMatch, func(version int64) (*waitlist.PlacesView, error) {
		return h.service.Waitlist.SetPlaces(ctx, r.Municipality, r.Initiative, version-1, r.Body.Places, r.Body.MaxWaiting)
	})
	if err != nil {
		return nil, err
	}
	tag := unsetTag(p.Version)
	return api.SetPlaces200JSONResponse{Body: h.places(p), Headers: api.SetPlaces200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) places(p *waitlist.PlacesView) api.Places {
	version := p.Version + 1 // as unsetTag
	b := api.Places{
		Version:    &version,
		Initiative: p.Initiative, Municipality: p.Municipality,
		UnderscoreLinks: api.Links{h.paths.Link("self", "getPlaces", p.Initiative, p.Municipality)},
	}
	if p.ShowsUse {
		waiting := int(p.Waiting)
		b.Taken, b.Kept, b.Waiting = &p.Taken, &p.Kept, &waiting
	}
	if p.Setting != nil {
		b.Places, b.MaxWaiting, b.SetAt = &p.Setting.Number, p.Setting.MaxWaiting, &p.Setting.At
	}
	return b
}

// queue writes the place in the queue; nil: not in a queue.
func queue(v *referral.View) *api.QueuePlace {
	if v.Queue == nil {
		return nil
	}
	return &api.QueuePlace{Place: int(v.Queue.Place), Of: int(v.Queue.Of)}
}
