package rest

import (
	"cmp"
	"context"
	"strconv"
	"time"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/services/referral/outbound"
)

// ListEvents answers GET /events.
func (h handlers) ListEvents(ctx context.Context, r api.ListEventsRequestObject) (api.ListEventsResponseObject, error) {
	p := r.Params
	q := outbound.EventQuery{
		After: rest.Value(p.After), Limit: cmp.Or(rest.Value(p.Limit), 20),
		Wait: time.Duration(rest.Value(p.Wait)) * time.Second, Ending: server.Draining(ctx),
	}
	found, err := h.service.Outbound.Events(ctx, q)
	if err != nil {
		return nil, err
	}
	href := func(after string) api.Link {
		limit, wait := strconv.Itoa(q.Limit), ""
		if q.Wait > 0 {
			wait = strconv.Itoa(*p.Wait)
		}
		return api.Link{Href: "events?" + rest.Query("after", after, "limit", limit, "wait", wait).Encode()}
	}
	return api.ListEvents200JSONResponse{
		Events: rest.Map(found.Items, func(n outbound.Notice) api.Event {
			of := func(key string) *string { return rest.Optional(n.Data[key]) }
			return api.Event{
				Specversion: "1.0", Id: n.ID, Source: "/services/referral", Type: n.Type, Subject: n.Referral, Time: n.Time,
				Datacontenttype: "application/json",
				Data: api.EventData{
					Referral: n.Referral, Municipality: of("municipality"), Unit: of("unit"), From: of("from"), To: of("to"),
					Party: of("party"), Wait: of("wait"), Since: of("since"), Due: of("due"),
				},
			}
		}),
		After: found.After, UnderscoreLinks: api.Links{"self": href(q.After), "next": href(found.After)},
	}, nil
}
