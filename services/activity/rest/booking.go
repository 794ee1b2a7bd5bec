package rest

import (
	"context"
	"time"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/service"
)

func (h handlers) CreateBooking(ctx context.Context, r api.CreateBookingRequestObject) (api.CreateBookingResponseObject, error) {
	b, err := h.service.Book(ctx, activity.BookingRequest{
		Enrolment: r.Body.Enrolment, Activity: r.Body.Activity, From: civil.Date(r.Body.From), Until: civil.Date(rest.Value(r.Body.Until)),
		Slot: string(rest.Value(r.Body.Slot)), TravelAccepted: rest.Value(r.Body.TravelAccepted), Wait: rest.Value(r.Body.Wait), Priority: string(rest.Value(r.Body.Priority)),
	}, rest.Value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	body := h.booking(b)
	location, tag := body.UnderscoreLinks.Href("self"), rest.ETag(b.Version())
	return api.CreateBooking201JSONResponse{
		Body: body, Headers: api.CreateBooking201ResponseHeaders{ETag: &tag, Location: &location},
	}, nil
}

func (h handlers) ListBookings(ctx context.Context, r api.ListBookingsRequestObject) (api.ListBookingsResponseObject, error) {
	w := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	f := service.BookingFilter{
		Participant: rest.Value(r.Params.Participant), Enrolment: rest.Value(r.Params.Enrolment),
		Activity: rest.Value(r.Params.Activity), State: activity.State(rest.Value(r.Params.State)),
		ChangedSince: rest.Value(r.Params.ChangedSince).UTC(), Conflict: rest.Value(r.Params.Conflict), Contradicted: rest.Value(r.Params.Contradicted), Received: rest.Value(r.Params.Received),
	}
	since, conflict, contradicted, received := "", "", "", ""
	if f.Contradicted {
		contradicted = "true"
	}
	if f.Conflict {
		conflict = "true"
	}
	if f.Received {
		received = "true"
	}
	if !f.ChangedSince.IsZero() {
		since = f.ChangedSince.Format(time.RFC3339Nano)
	}
	l, err := h.service.Bookings(ctx, f, w)
	if err != nil {
		return nil, err
	}
	people := rest.Map(l.Items, func(b *service.BookingView) string { return b.Participant })
	who := h.service.IdentitiesIn
	if f.Received {
		who = h.listedOn(civil.DateOf(h.service.Now()))
	}
	identity, err := identities(ctx, r.Params.Include, people, who)
	if err != nil {
		return nil, err
	}
	q := rest.Query("participant", f.Participant, "enrolment", f.Enrolment, "activity", f.Activity, "state", string(f.State), "changedSince", since, "conflict", conflict, "contradicted", contradicted, "received", received)
	if r.Params.Include != nil {
		q.Set("include", string(api.ListIncludeIdentity))
	}
	return api.ListBookings200JSONResponse{
		Items: rest.Map(l.Items, func(b *service.BookingView) api.Booking {
			item := h.booking(b)
			item.Identity = identity(b.Participant)
			return item
		}),
		UnderscoreMeta:  rest.NewMeta(w, len(l.Items), l.Next, l.Total),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listBookings"), q, w, l.Next),
	}, nil
}

// identities returns what writes who a participant is: nil unless it is asked for, and of one
// whom the caller may not know.
func (h handlers) identities(ctx context.Context, include *[]api.ListInclude, participants []string) (func(participant string) *api.ListedIdentity, error) {
	return identities(ctx, include, participants, h.service.IdentitiesIn)
}

// listedOn returns what asks about those on a list of a day that the caller has read.
func (h handlers) listedOn(day civil.Date) asksIdentities {
	return func(ctx context.Context, participants []string) (map[string]service.Identity, error) {
		return h.service.ListedIdentitiesIn(ctx, day, participants)
	}
}

type asksIdentities func(ctx context.Context, participants []string) (map[string]service.Identity, error)

func identities(ctx context.Context, include *[]api.ListInclude, participants []string, ask asksIdentities) (func(participant string) *api.ListedIdentity, error) {
	if include == nil {
		return func(string) *api.ListedIdentity { return nil }, nil
	}
	who, err := ask(ctx, participants)
	return func(participant string) *api.ListedIdentity {
		i, shown := who[participant]
		if !shown {
			return nil
		}
		return &api.ListedIdentity{DisplayName: i.Name, Protected: i.Protected, PersonalIdentityNumber: i.Number}
	}, err
}

func (h handlers) GetBooking(ctx context.Context, r api.GetBookingRequestObject) (api.GetBookingResponseObject, error) {
	b, err := h.service.Booking(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(b.Version())
	return api.GetBooking200JSONResponse{
		Body: h.booking(b), Headers: api.GetBooking200ResponseHeaders{ETag: &tag},
	}, nil
}

func (h handlers) CancelBooking(ctx context.Context, r api.CancelBookingRequestObject) (api.CancelBookingResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.BookingView, error) {
		return h.service.Cancel(ctx, r.Id, version, civil.Date(r.Body.From))
	}, h.changed)
	return api.CancelBooking200JSONResponse{BookingChangedJSONResponse: c}, err
}

func (h handlers) changed(b *service.BookingView) api.BookingChangedJSONResponse {
	tag := rest.ETag(b.Version())
	return api.BookingChangedJSONResponse{
		Body: h.booking(b), Headers: api.BookingChangedResponseHeaders{ETag: &tag},
	}
}

func (h handlers) booking(b *service.BookingView) api.Booking {
	version := b.Version()
	body := api.Booking{
		Id: b.ID, Version: &version, Enrolment: b.Enrolment, Participant: b.Participant, Municipality: b.Municipality, Activity: b.Activity,
		Name: rest.Optional(b.Name), Group: rest.Optional(b.Group), From: string(b.From), State: api.BookingState(b.Status.State), ChangedAt: b.ChangedAt(),
		Attendances: []api.AttendanceNote{}, Timeline: make([]api.BookingStep, 0, len(b.Steps)),
		Slot: rest.Optional(api.LocalTime(b.Slot)), Host: rest.Optional(b.Host), Priority: rest.Optional(api.BookingPriority(b.Priority)), Position: rest.Optional(b.Position),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getBooking", b.ID)},
	}
	if !b.Received {
		body.UnderscoreLinks = append(body.UnderscoreLinks, h.paths.Link("participantWeek", "getParticipantWeek", b.Participant))
	}
	if b.Status.State == activity.StateOffered {
		body.Offer = &api.BookingOffer{Until: b.Status.OfferEnds}
	}
	body.UnderscoreLinks = h.paths.AppendActions(body.UnderscoreLinks, b.Operations, b.ID)
	if last := b.Status.LastDay; last != activity.Forever {
		body.Until = rest.Optional(string(last))
	}
	for _, n := range b.Status.Attendances() {
		body.Attendances = append(body.Attendances, *note(activity.Mark{Note: n, Others: b.Status.Others[n.Date]}))
	}
	for _, c := range b.Conflicts {
		if body.Conflicts == nil {
			body.Conflicts = &[]api.BookingConflict{}
		}
		*body.Conflicts = append(*body.Conflicts, api.BookingConflict{On: string(c.On), Booking: rest.Optional(c.Booking)})
	}
	corrected := history.Corrected(b.Steps, activity.CorrectionOf)
	for _, s := range b.Steps {
		step := api.BookingStep{
			Number: int(s.N), At: s.At, Kind: api.BookingStepKind(s.Kind), By: rest.Optional(s.By),
			Authority: rest.Optional(s.Authority), Date: rest.Optional(string(s.Date)),
			Attendance: rest.Optional(api.Attendance(string(s.Attendance))), Text: rest.Optional(b.Reasons[s.N]), Until: rest.Optional(s.Until),
			Minutes: rest.Optional(s.Minutes), AbsenceReason: rest.Optional(api.AbsenceReason(s.Reason)), Notified: rest.Optional(s.Notified), ClientId: rest.Optional(s.Client), NotedAt: rest.Optional(s.NotedAt),
		}
		if len(s.Plan) > 0 {
			step.Rule = rest.Optional(s.Plan[0].Rule)
			step.Day, step.From, step.To = rest.Optional(api.Weekday(s.Plan[0].Day)), rest.Optional(api.LocalTime(s.Plan[0].From)), rest.Optional(api.LocalTime(s.Plan[0].To))
		}
		if by := corrected[s.N]; by != nil {
			step.CorrectedBy = rest.Optional(int(by.N))
		}
		if s.Correction != nil {
			step.Corrects = rest.Optional(int(s.Correction.Of))
		}
		body.Timeline = append(body.Timeline, step)
	}
	return body
}
