package rest

import (
	"bytes"
	"context"
	"net/url"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/activity"
)

// GetParticipantWeek answers GET /participants/{id}/week.
func (h handlers) GetParticipantWeek(ctx context.Context, r api.GetParticipantWeekRequestObject) (api.GetParticipantWeekResponseObject, error) {
	w, err := h.service.ParticipantWeek(ctx, r.Id, value(r.Params.Week))
	if err != nil {
		return nil, err
	}
	return api.GetParticipantWeek200JSONResponse(participantWeek(w)), nil
}

// CreateCalendarFeed answers POST /participants/{id}/calendar-feeds.
func (h handlers) CreateCalendarFeed(ctx context.Context, r api.CreateCalendarFeedRequestObject) (api.CreateCalendarFeedResponseObject, error) {
	a, secret, err := h.service.OpenAddress(ctx, r.Id, value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	b := address(a, fromThree)
	b.UnderscoreLinks["calendar"] = fromThree.to("calendars/" + secret)
	at, tag := string(fromThree)+addressPath(a), rest.ETag(a.Version())
	return api.CreateCalendarFeed201JSONResponse{
		Body: api.NewCalendarFeed{
			Id: b.Id, Participant: b.Participant, State: b.State, CreatedAt: b.CreatedAt, Token: secret, UnderscoreLinks: b.UnderscoreLinks,
		},
		Headers: api.CreateCalendarFeed201ResponseHeaders{ETag: &tag, Location: &at},
	}, nil
}

// ListCalendarFeeds answers GET /participants/{id}/calendar-feeds.
func (h handlers) ListCalendarFeeds(ctx context.Context, r api.ListCalendarFeedsRequestObject) (api.ListCalendarFeedsResponseObject, error) {
	w := window(r.Params.Limit, r.Params.Page, nil)
	l, err := h.service.Addresses(ctx, r.Id, w)
	if err != nil {
		return nil, err
	}
	b := api.ListCalendarFeeds200JSONResponse{
		Items: make([]api.CalendarFeed, 0, len(l.Items)), UnderscoreMeta: meta(w, len(l.Items), "", l.Total),
		UnderscoreLinks: listLinks(fromThree, "participants/"+r.Id+"/calendar-feeds", url.Values{}, w, ""),
	}
	for _, a := range l.Items {
		b.Items = append(b.Items, address(a, fromThree))
	}
	return b, nil
}

// GetCalendarFeed answers GET /participants/{id}/calendar-feeds/{feed}.
func (h handlers) GetCalendarFeed(ctx context.Context, r api.GetCalendarFeedRequestObject) (api.GetCalendarFeedResponseObject, error) {
	a, err := h.service.Address(ctx, r.Id, r.Feed)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(a.Version())
	if rest.NotModified(r.Params.IfNoneMatch, a.Version()) {
		return api.GetCalendarFeed304Response{Headers: api.GetCalendarFeed304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.GetCalendarFeed200JSONResponse{Body: address(a, fromFour), Headers: api.GetCalendarFeed200ResponseHeaders{ETag: &tag}}, nil
}

// RevokeCalendarFeed answers DELETE /participants/{id}/calendar-feeds/{feed}.
func (h handlers) RevokeCalendarFeed(ctx context.Context, r api.RevokeCalendarFeedRequestObject) (api.RevokeCalendarFeedResponseObject, error) {
	version, err := rest.Version(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := h.service.Revoke(ctx, r.Id, r.Feed, version); err != nil {
		return nil, err
	}
	return api.RevokeCalendarFeed204Response{}, nil
}

// kept lets the asking program, and nobody between, keep a calendar for a while.
const kept = "private, max-age=900"

// ReadCalendar answers GET /calendars/{token}.
func (h handlers) ReadCalendar(ctx context.Context, r api.ReadCalendarRequestObject) (api.ReadCalendarResponseObject, error) {
	entries, err := h.service.Calendar(ctx, r.Token)
	if err != nil {
		return nil, err
	}
	text, err := calendar(entries)
	if err != nil {
		return nil, err
	}
	version := activity.Digest(text)
	tag, control := rest.ETag(version), kept
	if rest.NotModified(r.Params.IfNoneMatch, version) {
		return api.ReadCalendar304Response{Headers: api.ReadCalendar304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.ReadCalendar200TextcalendarResponse{
		Body: bytes.NewReader(text), ContentLength: int64(len(text)),
		Headers: api.ReadCalendar200ResponseHeaders{CacheControl: &control, ETag: &tag},
	}, nil
}
