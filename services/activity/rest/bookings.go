package rest

import (
	"context"
	"net/url"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/activity"
)

// CreateBooking answers POST /bookings.
func (h handlers) CreateBooking(ctx context.Context, r api.CreateBookingRequestObject) (api.CreateBookingResponseObject, error) {
	b, err := h.service.Book(ctx, activity.Request{
		Enrolment: r.Body.Enrolment, Activity: r.Body.Activity, From: civil.Date(r.Body.From), Until: civil.Date(value(r.Body.Until)),
	}, value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	at, tag := "bookings/"+b.ID, rest.ETag(b.Version())
	return api.CreateBooking201JSONResponse{
		Body: booking(ctx, b, h.name(ctx, b), fromOne), Headers: api.CreateBooking201ResponseHeaders{ETag: &tag, Location: &at},
	}, nil
}

// ListBookings answers GET /bookings.
func (h handlers) ListBookings(ctx context.Context, r api.ListBookingsRequestObject) (api.ListBookingsResponseObject, error) {
	w := window(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	f := activity.Filter{
		Participant: value(r.Params.Participant), Enrolment: value(r.Params.Enrolment),
		Activity: value(r.Params.Activity), State: activity.State(value(r.Params.State)),
	}
	l, err := h.service.Bookings(ctx, f, w)
	if err != nil {
		return nil, err
	}
	q := url.Values{}
	for name, word := range map[string]string{"participant": f.Participant, "enrolment": f.Enrolment, "activity": f.Activity, "state": string(f.State)} {
		if word != "" {
			q.Set(name, word)
		}
	}
	b := api.ListBookings200JSONResponse{
		Items: make([]api.Booking, 0, len(l.Items)), UnderscoreMeta: meta(w, len(l.Items), l.Next, l.Total),
		UnderscoreLinks: listLinks(fromOne, "bookings", q, w, l.Next),
	}
	for _, x := range l.Items {
		b.Items = append(b.Items, booking(ctx, x, h.name(ctx, x), fromOne))
	}
	return b, nil
}

// GetBooking answers GET /bookings/{id}.
func (h handlers) GetBooking(ctx context.Context, r api.GetBookingRequestObject) (api.GetBookingResponseObject, error) {
	b, err := h.service.Booking(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(b.Version())
	if rest.NotModified(r.Params.IfNoneMatch, b.Version()) {
		return api.GetBooking304Response{Headers: api.GetBooking304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.GetBooking200JSONResponse{
		Body: booking(ctx, b, h.name(ctx, b), fromTwo), Headers: api.GetBooking200ResponseHeaders{ETag: &tag},
	}, nil
}

// CancelBooking answers POST /bookings/{id}/cancellation.
func (h handlers) CancelBooking(ctx context.Context, r api.CancelBookingRequestObject) (api.CancelBookingResponseObject, error) {
	c, err := h.changed(ctx, r.Params.IfMatch, func(version int64) (*activity.Booking, error) {
		return h.service.Cancel(ctx, r.Id, version, civil.Date(r.Body.From))
	})
	return api.CancelBooking200JSONResponse{BookingChangedJSONResponse: c}, err
}

// NoteAttendance answers POST /bookings/{id}/attendances.
func (h handlers) NoteAttendance(ctx context.Context, r api.NoteAttendanceRequestObject) (api.NoteAttendanceResponseObject, error) {
	c, err := h.changed(ctx, r.Params.IfMatch, func(version int64) (*activity.Booking, error) {
		return h.service.Note(ctx, r.Id, version, civil.Date(r.Body.Date), activity.Attendance(r.Body.Attendance))
	})
	return api.NoteAttendance200JSONResponse{BookingChangedJSONResponse: c}, err
}

// changed calls a verb with the version of If-Match and answers what came of it.
func (h handlers) changed(ctx context.Context, ifMatch *string, verb func(version int64) (*activity.Booking, error)) (api.BookingChangedJSONResponse, error) {
	version, err := rest.Version(ifMatch)
	if err != nil {
		return api.BookingChangedJSONResponse{}, err
	}
	b, err := verb(version)
	if err != nil {
		return api.BookingChangedJSONResponse{}, err
	}
	tag := rest.ETag(b.Version())
	return api.BookingChangedJSONResponse{
		Body: booking(ctx, b, h.name(ctx, b), fromThree), Headers: api.BookingChangedResponseHeaders{ETag: &tag},
	}, nil
}

// name returns the name of a booking's activity, or nothing when it is no longer
// offered.
func (h handlers) name(ctx context.Context, b *activity.Booking) string {
	in, err := h.service.Associations.Get(actor.From(ctx).Association)
	if err != nil {
		return ""
	}
	x, _ := in.Activity(b.Activity)
	return x.Name
}
