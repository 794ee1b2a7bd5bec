package rest

import (
	"context"
	"net/url"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/store"
)

// GetMunicipalityWeek answers GET /municipalities/{code}/week.
func (h handlers) GetMunicipalityWeek(ctx context.Context, r api.GetMunicipalityWeekRequestObject) (api.GetMunicipalityWeekResponseObject, error) {
	w, err := h.service.MunicipalityWeek(ctx, r.Code, value(r.Params.Week))
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(w.Version)
	if rest.NotModified(r.Params.IfNoneMatch, w.Version) {
		return api.GetMunicipalityWeek304Response{Headers: api.GetMunicipalityWeek304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.GetMunicipalityWeek200JSONResponse{Body: week(w), Headers: api.GetMunicipalityWeek200ResponseHeaders{ETag: &tag}}, nil
}

// ListActivities answers GET /activities.
func (h handlers) ListActivities(ctx context.Context, r api.ListActivitiesRequestObject) (api.ListActivitiesResponseObject, error) {
	all, err := h.service.Activities(ctx, value(r.Params.Municipality))
	if err != nil {
		return nil, err
	}
	w := window(r.Params.Limit, r.Params.Page, nil)
	first := min((w.Page-1)*w.Limit, len(all))
	shown := all[first:min(first+w.Limit, len(all))]
	q := url.Values{}
	if m := value(r.Params.Municipality); m != "" {
		q.Set("municipality", m)
	}
	b := api.ListActivities200JSONResponse{
		Items: make([]api.Activity, 0, len(shown)), UnderscoreMeta: meta(w, len(shown), "", &store.Total{Records: int64(len(all))}),
		UnderscoreLinks: listLinks(fromOne, "activities", q, w, ""),
	}
	for _, x := range shown {
		b.Items = append(b.Items, activityBody(ctx, x, fromOne))
	}
	return b, nil
}

// CancelOccurrence answers POST /activities/{id}/cancellations.
func (h handlers) CancelOccurrence(ctx context.Context, r api.CancelOccurrenceRequestObject) (api.CancelOccurrenceResponseObject, error) {
	c, err := h.service.CallOff(ctx, r.Id, civil.Date(r.Body.Date), string(r.Body.Reason), value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	at, tag := string(fromThree)+"activities/"+c.Activity+"/cancellations/"+c.ID, rest.ETag(c.Version())
	return api.CancelOccurrence201JSONResponse{
		Body:    cancellation(ctx, c, h.today(), fromThree),
		Headers: api.CancelOccurrence201ResponseHeaders{ETag: &tag, Location: &at},
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
		Body: cancellation(ctx, c, h.today(), fromFour), Headers: api.GetCancellation200ResponseHeaders{ETag: &tag},
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
		Body: cancellation(ctx, c, h.today(), fromFive), Headers: api.RestoreOccurrence200ResponseHeaders{ETag: &tag},
	}, nil
}

// GetActivityDay answers GET /activities/{id}/days/{date}.
func (h handlers) GetActivityDay(ctx context.Context, r api.GetActivityDayRequestObject) (api.GetActivityDayResponseObject, error) {
	d, err := h.service.Day(ctx, r.Id, civil.Date(r.Date))
	if err != nil {
		return nil, err
	}
	b := api.GetActivityDay200JSONResponse{
		Activity: r.Id, Date: r.Date, Occurrence: occurrence(d.Occurrence), Items: make([]api.ActivityDayItem, 0, len(d.Bookings)),
		UnderscoreLinks: api.Links{"self": fromFour.to("activities/" + r.Id + "/days/" + r.Date)},
	}
	for _, x := range d.Bookings {
		n, _ := x.AttendanceOn(d.Occurrence.Date)
		item := api.ActivityDayItem{
			Booking: x.ID, Participant: x.Participant, Version: x.Version(), Attendance: optional[api.Attendance](string(n.Attendance)),
			UnderscoreLinks: api.Links{},
		}
		for name, link := range bookingLinks(ctx, x, fromFour) {
			if name == "attendances" {
				item.UnderscoreLinks[name] = link
			}
		}
		b.Items = append(b.Items, item)
	}
	return b, nil
}

// today is the day on which links are given.
func (h handlers) today() civil.Date { return civil.DateOf(h.service.Now()) }
