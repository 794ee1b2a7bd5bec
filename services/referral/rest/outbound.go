package rest

import (
	"context"
	"net/url"
	"strconv"
	"time"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/services/referral/outbound"
)

// ListEvents answers GET /events.
func (h handlers) ListEvents(ctx context.Context, r api.ListEventsRequestObject) (api.ListEventsResponseObject, error) {
	q := outbound.EventQuery{After: value(r.Params.After), Limit: 20, Ending: server.Draining(ctx)}
	if r.Params.Limit != nil {
		q.Limit = *r.Params.Limit
	}
	if r.Params.Wait != nil {
		q.Wait = time.Duration(*r.Params.Wait) * time.Second
	}
	found, err := h.service.Outbound.Events(ctx, q)
	if err != nil {
		return nil, err
	}
	return api.ListEvents200JSONResponse(events(found, q)), nil
}

// events writes a part of the events, with the links to itself and what follows.
func events(e *outbound.EventPage, q outbound.EventQuery) api.EventList {
	query := url.Values{"limit": {strconv.Itoa(q.Limit)}}
	if q.Wait > 0 {
		query.Set("wait", strconv.Itoa(int(q.Wait/time.Second)))
	}
	next := url.Values{"after": {e.After}}
	for k, v := range query {
		next[k] = v
	}
	if q.After != "" {
		query.Set("after", q.After)
	}
	b := api.EventList{
		Events: make([]api.Event, 0, len(e.Items)), After: e.After,
		UnderscoreLinks: api.Links{"self": {Href: "events?" + query.Encode()}, "next": {Href: "events?" + next.Encode()}},
	}
	for _, n := range e.Items {
		b.Events = append(b.Events, api.Event{
			Specversion: "1.0", Id: n.ID, Source: "/services/referral", Type: n.Type, Subject: n.Referral, Time: n.Time,
			Datacontenttype: "application/json", Data: eventData(n),
		})
	}
	return b
}

func eventData(n outbound.Notice) api.EventData {
	d := n.Data
	return api.EventData{
		Referral: n.Referral, Municipality: optional[string](d["municipality"]), Unit: optional[string](d["unit"]),
		From: optional[string](d["from"]), To: optional[string](d["to"]),
		Party: optional[string](d["party"]), Wait: optional[string](d["wait"]), Since: optional[string](d["since"]), Due: optional[string](d["due"]),
	}
}
