package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/service"
)

// CancelOccurrence answers POST /activities/{id}/cancellations.
func (h handlers) CancelOccurrence(ctx context.Context, r api.CancelOccurrenceRequestObject) (api.CancelOccurrenceResponseObject, error) {
	c, err := h.service.CallOff(ctx, r.Id, civil.Date(r.Body.Date), string(r.Body.Reason), value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	location, tag := fromThree.to(cancellationPath(c)).Href, rest.ETag(c.Version())
	return api.CancelOccurrence201JSONResponse{
		Body: cancellation(c, fromThree), Headers: api.CancelOccurrence201ResponseHeaders{ETag: &tag, Location: &location},
	}, nil
}

// GetCancellation answers GET /activities/{id}/cancellations/{cancellation}.
func (h handlers) GetCancellation(ctx context.Context, r api.GetCancellationRequestObject) (api.GetCancellationResponseObject, error) {
	c, err := h.service.Cancellation(ctx, r.Id, r.Cancellation)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(c.Version())
	if rest.NotModified(r.Params.IfNoneMatch, c.Version()) {
		return api.GetCancellation304Response{Headers: api.GetCancellation304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.GetCancellation200JSONResponse{
		Body: cancellation(c, fromFour), Headers: api.GetCancellation200ResponseHeaders{ETag: &tag},
	}, nil
}

// RestoreOccurrence answers POST /activities/{id}/cancellations/{cancellation}/restoration.
func (h handlers) RestoreOccurrence(ctx context.Context, r api.RestoreOccurrenceRequestObject) (api.RestoreOccurrenceResponseObject, error) {
	version, err := rest.Version(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := h.service.Restore(ctx, r.Id, r.Cancellation, version)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(c.Version())
	return api.RestoreOccurrence200JSONResponse{
		Body: cancellation(c, fromFive), Headers: api.RestoreOccurrence200ResponseHeaders{ETag: &tag},
	}, nil
}

func cancellationPath(c *service.CancellationView) string {
	return "activities/" + c.Activity + "/cancellations/" + c.ID
}

func cancellation(c *service.CancellationView, from depth) api.Cancellation {
	week := activity.WeekOf(c.Date).String()
	b := api.Cancellation{
		Id: c.ID, Activity: c.Activity, Municipality: c.Municipality, Date: string(c.Date), Week: week,
		Reason: api.CancellationReason(c.Reason), State: api.CancellationState(c.State()), CancelledAt: c.Steps[0].At,
		UnderscoreLinks: api.Links{
			"self": from.to(cancellationPath(c)),
			"week": from.to("municipalities/" + c.Municipality + "/week?week=" + week),
		},
	}
	if c.State() == activity.Restored {
		at := c.ChangedAt()
		b.RestoredAt = &at
	}
	if len(c.Operations) > 0 {
		b.UnderscoreLinks["restoration"] = from.to(cancellationPath(c) + "/restoration")
	}
	return b
}
