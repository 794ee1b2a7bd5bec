package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/service"
)

func (h handlers) CancelOccurrence(ctx context.Context, r api.CancelOccurrenceRequestObject) (api.CancelOccurrenceResponseObject, error) {
	c, err := h.service.CallOff(ctx, r.Id, activity.CancellationRequest{
		Date: civil.Date(r.Body.Date), Until: civil.Date(rest.Value(r.Body.Until)), Reason: string(r.Body.Reason), Message: rest.Value(r.Body.Message),
	}, rest.Value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	body := h.cancellation(c)
	location, tag := body.UnderscoreLinks.Href("self"), rest.ETag(c.Version())
	return api.CancelOccurrence201JSONResponse{
		Body: body, Headers: api.CancelOccurrence201ResponseHeaders{ETag: &tag, Location: &location},
	}, nil
}

func (h handlers) GetCancellation(ctx context.Context, r api.GetCancellationRequestObject) (api.GetCancellationResponseObject, error) {
	c, err := h.service.Cancellation(ctx, r.Id, r.Cancellation)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(c.Version())
	return api.GetCancellation200JSONResponse{
		Body: h.cancellation(c), Headers: api.GetCancellation200ResponseHeaders{ETag: &tag},
	}, nil
}

func (h handlers) RestoreOccurrence(ctx context.Context, r api.RestoreOccurrenceRequestObject) (api.RestoreOccurrenceResponseObject, error) {
	return rest.Changed(r.Params.IfMatch, func(version int64) (*service.CancellationView, error) {
		return h.service.Restore(ctx, r.Id, r.Cancellation, version)
	}, func(c *service.CancellationView) api.RestoreOccurrenceResponseObject {
		tag := rest.ETag(c.Version())
		return api.RestoreOccurrence200JSONResponse{
			Body: h.cancellation(c), Headers: api.RestoreOccurrence200ResponseHeaders{ETag: &tag},
		}
	})
}

func (h handlers) cancellation(c *service.CancellationView) api.Cancellation {
	week := activity.WeekOf(c.Date).String()
	version := c.Version()
	b := api.Cancellation{
		Id: c.ID, Version: &version, Activity: c.Activity, Municipality: c.Municipality, Date: string(c.Date), Week: week,
		Reason: api.CancellationReason(c.Reason), Message: rest.Optional(c.Message), State: api.CancellationState(c.Shown), CancelledAt: c.Steps[0].At,
		UnderscoreLinks: api.Links{
			h.paths.Link("self", "getCancellation", c.Activity, c.ID),
			h.paths.Link("week", "getMunicipalityWeek", c.Municipality).With(rest.Query("week", week)),
		},
	}
	for _, x := range c.Also {
		if b.Also == nil {
			b.Also = &[]api.CancelledAlso{}
		}
		*b.Also = append(*b.Also, api.CancelledAlso{Id: x.ID, Date: string(x.Date)})
	}
	if c.State() == activity.Restored {
		b.RestoredAt = &c.Steps[len(c.Steps)-1].At
	}
	b.UnderscoreLinks = h.paths.AppendActions(b.UnderscoreLinks, c.Operations, c.Activity, c.ID)
	return b
}
