package rest

import (
	"context"
	"net/url"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/service"
)

// CreateBooking answers POST /bookings.
func (h handlers) CreateBooking(ctx context.Context, r api.CreateBookingRequestObject) (api.CreateBookingResponseObject, error) {
	b, err := h.service.Book(ctx, activity.BookingRequest{
		Enrolment: r.Body.Enrolment, Activity: r.Body.Activity, From: civil.Date(r.Body.From), Until: civil.Date(value(r.Body.Until)),
	}, value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	location, tag := fromOne.to("bookings/"+b.ID).Href, rest.ETag(b.Version())
	return api.CreateBooking201JSONResponse{
		Body: booking(b, fromOne), Headers: api.CreateBooking201ResponseHeaders{ETag: &tag, Location: &location},
	}, nil
}

// ListBookings answers GET /bookings.
func (h handlers) ListBookings(ctx context.Context, r api.ListBookingsRequestObject) (api.ListBookingsResponseObject, error) {
	w := window(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	f := service.BookingFilter{
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
		b.Items = append(b.Items, booking(x, fromOne))
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
		Body: booking(b, fromTwo), Headers: api.GetBooking200ResponseHeaders{ETag: &tag},
	}, nil
}

// CancelBooking answers POST /bookings/{id}/cancellation.
func (h handlers) CancelBooking(ctx context.Context, r api.CancelBookingRequestObject) (api.CancelBookingResponseObject, error) {
	c, err := changed(r.Params.IfMatch, func(version int64) (*service.BookingView, error) {
		return h.service.Cancel(ctx, r.Id, version, civil.Date(r.Body.From))
	})
	return api.CancelBooking200JSONResponse{BookingChangedJSONResponse: c}, err
}

// NoteAttendance answers POST /bookings/{id}/attendances.
func (h handlers) NoteAttendance(ctx context.Context, r api.NoteAttendanceRequestObject) (api.NoteAttendanceResponseObject, error) {
	c, err := changed(r.Params.IfMatch, func(version int64) (*service.BookingView, error) {
		return h.service.NoteAttendance(ctx, r.Id, version, activity.Note{Date: civil.Date(r.Body.Date), Attendance: activity.Attendance(r.Body.Attendance)})
	})
	return api.NoteAttendance200JSONResponse{BookingChangedJSONResponse: c}, err
}

// changed calls a verb with the version of If-Match and answers what came of it.
func changed(ifMatch *string, verb func(version int64) (*service.BookingView, error)) (api.BookingChangedJSONResponse, error) {
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
		Body: booking(b, fromThree), Headers: api.BookingChangedResponseHeaders{ETag: &tag},
	}, nil
}

func booking(b *service.BookingView, from depth) api.Booking {
	body := api.Booking{
		Id: b.ID, Enrolment: b.Enrolment, Participant: b.Participant, Municipality: b.Municipality, Activity: b.Activity,
		Name: optional[string](b.Name), From: string(b.From), State: api.BookingState(b.Status.State),
		Attendances: []api.AttendanceNote{}, Timeline: make([]api.BookingStep, 0, len(b.Steps)),
		UnderscoreLinks: bookingLinks(b, from),
	}
	if last := b.Status.LastDay; last != activity.Forever {
		body.Until = optional[string](string(last))
	}
	for _, n := range b.Status.Attendances() {
		body.Attendances = append(body.Attendances, api.AttendanceNote{
			Date: string(n.Date), Attendance: api.Attendance(n.Attendance), NotedAt: n.At,
		})
	}
	for _, s := range b.Steps {
		body.Timeline = append(body.Timeline, api.BookingStep{
			Number: int(s.N), At: s.At, Kind: api.BookingStepKind(s.Kind), By: optional[string](s.By),
			Authority: optional[string](s.Authority), Date: optional[string](string(s.Date)),
			Attendance: optional[api.Attendance](string(s.Attendance)),
		})
	}
	return body
}

// bookingLinks returns what the caller can do with a booking now.
func bookingLinks(b *service.BookingView, from depth) api.Links {
	self := "bookings/" + b.ID
	links := api.Links{"self": from.to(self), "participantWeek": from.to("participants/" + b.Participant + "/week")}
	for _, operation := range b.Operations {
		switch operation {
		case "noteAttendance":
			links["attendances"] = from.to(self + "/attendances")
		case "cancelBooking":
			links["cancellation"] = from.to(self + "/cancellation")
		}
	}
	return links
}
