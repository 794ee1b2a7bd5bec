package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/activity/service"
)

func (h handlers) AcceptOffer(ctx context.Context, r api.AcceptOfferRequestObject) (api.AcceptOfferResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.BookingView, error) {
		return h.service.AcceptOffer(ctx, r.Id, version)
	}, h.changed)
	return api.AcceptOffer200JSONResponse{BookingChangedJSONResponse: c}, err
}

func (h handlers) DeclineOffer(ctx context.Context, r api.DeclineOfferRequestObject) (api.DeclineOfferResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.BookingView, error) {
		return h.service.DeclineOffer(ctx, r.Id, version)
	}, h.changed)
	return api.DeclineOffer200JSONResponse{BookingChangedJSONResponse: c}, err
}

func (h handlers) NoteDropIn(ctx context.Context, r api.NoteDropInRequestObject) (api.NoteDropInResponseObject, error) {
	b, err := h.service.DropIn(ctx, r.Id, civil.Date(r.Date), r.Body.Participant, rest.Value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	body := h.booking(b)
	location, tag := body.UnderscoreLinks.Href("self"), rest.ETag(b.Version())
	return api.NoteDropIn201JSONResponse{Body: body, Headers: api.NoteDropIn201ResponseHeaders{ETag: &tag, Location: &location}}, nil
}

func (h handlers) GetActivityPlaces(ctx context.Context, r api.GetActivityPlacesRequestObject) (api.GetActivityPlacesResponseObject, error) {
	p, err := h.service.Places(ctx, r.Id, civil.Date(r.Date))
	if err != nil {
		return nil, err
	}
	b := api.GetActivityPlaces200JSONResponse{
		Activity: r.Id, Date: r.Date, Waiting: p.Waiting, DropIn: p.Occurrence.Activity.DropIn,
		UnderscoreLinks: api.Links{h.paths.Link("self", "getActivityPlaces", r.Id, r.Date)},
	}
	if p.Capacity > 0 {
		b.Capacity, b.Free = &p.Capacity, &p.Free
	}
	if len(p.Slots) > 0 {
		slots := rest.Map(p.Slots, func(s service.Slot) api.ActivitySlot {
			return api.ActivitySlot{From: api.LocalTime(s.From), To: api.LocalTime(s.To), Free: s.IsFree}
		})
		b.Slots = &slots
	}
	return b, nil
}
