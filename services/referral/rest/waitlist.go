package rest

import (
	"context"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/waitlist"
	"net/url"
)

// GetCapacity answers GET /capacity.
func (h handlers) GetCapacity(ctx context.Context, r api.GetCapacityRequestObject) (api.GetCapacityResponseObject, error) {
	municipality := value(r.Params.Municipality)
	c, err := h.service.Waitlist.Availability(ctx, value(r.Params.Initiative), municipality)
	if err != nil {
		return nil, err
	}
	q := url.Values{"initiative": {c.Initiative}, "municipality": {municipality}}
	return api.GetCapacity200JSONResponse{
		Initiative: c.Initiative, Municipality: municipality, Answer: api.CapacityAnswer(c.Answer),
		Free: positive(c.Free), Waiting: int(c.Waiting), ExpectedStart: optional[string](string(c.ExpectedStart)),
		UnderscoreLinks: api.Links{"self": {Href: "capacity?" + q.Encode()}},
	}, nil
}

// ListWaiting answers GET /waiting-list.
func (h handlers) ListWaiting(ctx context.Context, r api.ListWaitingRequestObject) (api.ListWaitingResponseObject, error) {
	w := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	initiative := value(r.Params.Initiative)
	l, err := h.service.WaitingList(ctx, initiative, w)
	if err != nil {
		return nil, err
	}
	q := url.Values{}
	set(q, "initiative", initiative)
	return api.ListWaiting200JSONResponse(list(l, w, "waiting-list", q)), nil
}

// GetPlaces answers GET /capacities/{initiative}/{municipality}.
func (h handlers) GetPlaces(ctx context.Context, r api.GetPlacesRequestObject) (api.GetPlacesResponseObject, error) {
	p, err := h.service.Waitlist.Places(ctx, r.Municipality, r.Initiative)
	if err != nil {
		return nil, err
	}
	tag := unsetTag(p.Version)
	return api.GetPlaces200JSONResponse{Body: places(p), Headers: api.GetPlaces200ResponseHeaders{ETag: &tag}}, nil
}

// SetPlaces answers PUT /capacities/{initiative}/{municipality}.
func (h handlers) SetPlaces(ctx context.Context, r api.SetPlacesRequestObject) (api.SetPlacesResponseObject, error) {
	version, err := unsetVersion(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	p, err := h.service.Waitlist.SetPlaces(ctx, r.Municipality, r.Initiative, version, r.Body.Places, r.Body.MaxWaiting)
	if err != nil {
		return nil, err
	}
	tag := unsetTag(p.Version)
	return api.SetPlaces200JSONResponse{Body: places(p), Headers: api.SetPlaces200ResponseHeaders{ETag: &tag}}, nil
}

func places(p *waitlist.PlacesView) api.Places {
	at := "../../capacities/" + p.Initiative + "/" + p.Municipality
	b := api.Places{
		UnderscoreLinks: api.Links{"self": {Href: at}},
		Initiative:      p.Initiative, Municipality: p.Municipality, Taken: p.Taken, Kept: p.Kept, Waiting: int(p.Waiting)}
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

// truth returns nil for what is not so, and positive for what is not above zero.
func truth(b bool) *bool {
	if !b {
		return nil
	}
	return &b
}

func positive(n int) *int {
	if n <= 0 {
		return nil
	}
	return &n
}
