package rest

import (
	"context"
	"net/url"
	"strconv"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/services/referral"
)

// GetCapacity answers GET /capacity.
func (h handlers) GetCapacity(ctx context.Context, r api.GetCapacityRequestObject) (api.GetCapacityResponseObject, error) {
	c, err := h.service.Capacity(ctx, r.Params.Initiative, r.Params.Municipality)
	if err != nil {
		return nil, err
	}
	return api.GetCapacity200JSONResponse{
		Initiative: r.Params.Initiative, Municipality: r.Params.Municipality, Answer: api.CapacityAnswer(c.Answer),
		Free: positive(c.Free), Waiting: int(c.Waiting), ExpectedStart: optional[string](c.ExpectedStart),
	}, nil
}

// ListWaiting answers GET /waiting-list.
func (h handlers) ListWaiting(ctx context.Context, r api.ListWaitingRequestObject) (api.ListWaitingResponseObject, error) {
	w := referral.Window{Limit: 20, Cursor: value(r.Params.Cursor)}
	if r.Params.Limit != nil {
		w.Limit = *r.Params.Limit
	}
	l, err := h.service.WaitingList(ctx, r.Params.Initiative, w)
	if err != nil {
		return nil, err
	}
	at := func(cursor string) api.Link {
		q := url.Values{"initiative": {r.Params.Initiative}, "limit": {strconv.Itoa(w.Limit)}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		return api.Link{Href: "waiting-list?" + q.Encode()}
	}
	b := api.ListWaiting200JSONResponse{
		Items:           make([]api.ReferralSummary, 0, len(l.Items)),
		UnderscoreMeta:  api.Meta{Limit: w.Limit, Count: len(l.Items), NextCursor: optional[string](l.Next)},
		UnderscoreLinks: api.Links{"self": at(w.Cursor)},
	}
	if l.Next != "" {
		b.UnderscoreLinks["next"] = at(l.Next)
	}
	for _, v := range l.Items {
		b.Items = append(b.Items, summary(v))
	}
	return b, nil
}

// GetPlaces answers GET /capacities/{initiative}/{municipality}.
func (h handlers) GetPlaces(ctx context.Context, r api.GetPlacesRequestObject) (api.GetPlacesResponseObject, error) {
	p, err := h.service.GetPlaces(ctx, r.Municipality, r.Initiative)
	if err != nil {
		return nil, err
	}
	return api.GetPlaces200JSONResponse(places(p)), nil
}

// SetPlaces answers PUT /capacities/{initiative}/{municipality}.
func (h handlers) SetPlaces(ctx context.Context, r api.SetPlacesRequestObject) (api.SetPlacesResponseObject, error) {
	p, err := h.service.SetPlaces(ctx, r.Municipality, r.Initiative, r.Body.Places, r.Body.MaxWaiting)
	if err != nil {
		return nil, err
	}
	return api.SetPlaces200JSONResponse(places(p)), nil
}

func places(p *referral.PlacesView) api.Places {
	b := api.Places{Initiative: p.Initiative, Municipality: p.Municipality, Taken: p.Taken, Kept: p.Kept, Waiting: int(p.Waiting)}
	if p.Setting != nil {
		b.Places, b.MaxWaiting, b.SetAt = &p.Setting.Number, p.Setting.MaxWaiting, &p.Setting.At
	}
	return b
}

// queue writes where the referral stands; nil when it stands in no queue.
func queue(v *referral.View) *api.QueuePlace {
	if v.Queue == nil {
		return nil
	}
	return &api.QueuePlace{Place: int(v.Queue.Place), Of: int(v.Queue.Of)}
}

// truth gives nil for what is not so, and positive for what is not above zero.
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
