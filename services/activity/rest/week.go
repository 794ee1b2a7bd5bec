package rest

import (
	"context"
	"slices"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/service"
)

// GetMunicipalityWeek answers GET /municipalities/{code}/week. The gateway keeps the
// answer for everybody in the association, so nothing in it depends on who asked.
func (h handlers) GetMunicipalityWeek(ctx context.Context, r api.GetMunicipalityWeekRequestObject) (api.GetMunicipalityWeekResponseObject, error) {
	w, err := h.service.MunicipalityWeek(ctx, r.Code, rest.Value(r.Params.Week))
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(w.Version)
	b := api.MunicipalityWeek{
		Version: &w.Version, Municipality: w.Municipality.Code, Name: w.Municipality.Name, Week: w.Week.String(),
		FirstDay: string(w.Week.Monday()), LastDay: string(w.Week.Sunday()),
		Items: rest.Map(w.Items, occurrence),
		Unscheduled: rest.Map(w.Unscheduled, func(x association.Activity) api.Activity {
			return h.activityBody(service.ActivityView{Activity: x})
		}),
		ConfigurationVersion: w.Programme, UnderscoreLinks: h.weekLinks("getMunicipalityWeek", w.Municipality.Code, w.Week),
	}
	return api.GetMunicipalityWeek200JSONResponse{Body: b, Headers: api.GetMunicipalityWeek200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) ListActivities(ctx context.Context, r api.ListActivitiesRequestObject) (api.ListActivitiesResponseObject, error) {
	w, municipality := rest.NewPage(r.Params.Limit, r.Params.Page), rest.Value(r.Params.Municipality)
	part, total, err := h.service.Activities(ctx, municipality, w)
	if err != nil {
		return nil, err
	}
	return api.ListActivities200JSONResponse{
		Items:           rest.Map(part, func(x service.ActivityView) api.Activity { return h.activityBody(x) }),
		UnderscoreMeta:  rest.NewMeta(w, len(part), "", &store.Total{Records: int64(total)}),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listActivities"), rest.Query("municipality", municipality), w, ""),
	}, nil
}

func (h handlers) GetActivityDay(ctx context.Context, r api.GetActivityDayRequestObject) (api.GetActivityDayResponseObject, error) {
	d, err := h.service.Day(ctx, r.Id, civil.Date(r.Date))
	if err != nil {
		return nil, err
	}
	identity, err := h.identities(ctx, r.Params.Include, d.Bookings)
	if err != nil {
		return nil, err
	}
	b := api.GetActivityDay200JSONResponse{
		Activity: r.Id, Date: r.Date, Occurrence: occurrence(d.Occurrence), Items: make([]api.ActivityDayItem, 0, len(d.Bookings)),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getActivityDay", r.Id, r.Date)},
	}
	for _, x := range d.Bookings {
		n := x.Status.Notes[d.Occurrence.Date]
		item := api.ActivityDayItem{
			Booking: x.ID, Participant: x.Participant, Version: x.Version(), Attendance: rest.Optional(api.Attendance(string(n.Attendance))),
			Identity: identity(x), UnderscoreLinks: api.Links{},
		}
		if slices.Contains(x.Operations, "noteAttendance") {
			item.UnderscoreLinks = append(item.UnderscoreLinks, h.paths.Link("attendances", "noteAttendance", x.ID))
		}
		b.Items = append(b.Items, item)
	}
	return b, nil
}

func (h handlers) GetParticipantWeek(ctx context.Context, r api.GetParticipantWeekRequestObject) (api.GetParticipantWeekResponseObject, error) {
	w, err := h.service.ParticipantWeek(ctx, r.Id, rest.Value(r.Params.Week))
	if err != nil {
		return nil, err
	}
	return api.GetParticipantWeek200JSONResponse{
		Participant: w.Participant, Week: w.Week.String(), FirstDay: string(w.Week.Monday()), LastDay: string(w.Week.Sunday()),
		Items: rest.Map(w.Items, func(i service.BookedOccurrence) api.ParticipantWeekItem {
			return api.ParticipantWeekItem{
				Booking: i.Booking, Attendance: rest.Optional(api.Attendance(i.Attendance)), Occurrence: occurrence(i.Occurrence),
			}
		}),
		UnderscoreLinks: h.weekLinks("getParticipantWeek", w.Participant, w.Week),
	}, nil
}

// weekLinks leads to a week and its neighbours, by the operation that reads it and whose
// it is.
func (h handlers) weekLinks(operation, id string, w activity.Week) api.Links {
	to := func(name string, w activity.Week) api.Link {
		return h.paths.Link(name, operation, id).With(rest.Query("week", w.String()))
	}
	return api.Links{to("self", w), to("next", w.Add(1)), to("previous", w.Add(-1))}
}

func (h handlers) activityBody(x service.ActivityView) api.Activity {
	b := api.Activity{
		Id: x.ID, Municipality: x.Municipality, Name: x.Name, Category: api.ActivityCategory(x.Category),
		Day: rest.Optional(api.Weekday(x.Day)), From: rest.Optional(api.LocalTime(x.From)), To: rest.Optional(api.LocalTime(x.To)),
		Part: rest.Optional(api.DayPart(x.Part)), Mode: rest.Optional(api.ActivityMode(x.Mode)),
		Place: rest.Optional(x.Place), Places: rest.OptionalList(x.Places), Gather: rest.Optional(x.Gather),
		Individual: x.Individual, Rotating: x.Rotating, Bookable: x.Scheduled(),
		UnderscoreLinks: api.Links{h.paths.Link("week", "getMunicipalityWeek", x.Municipality)},
	}
	if x.ClosedGroup != nil {
		b.ClosedGroup = &api.ClosedGroup{Sessions: rest.Optional(x.ClosedGroup.Sessions), Starts: rest.OptionalList(x.ClosedGroup.Starts)}
	}
	b.UnderscoreLinks = h.paths.AppendActions(b.UnderscoreLinks, x.Operations, x.ID)
	return b
}

func occurrence(o activity.Occurrence) api.Occurrence {
	x := o.Activity
	b := api.Occurrence{
		Activity: x.ID, Municipality: x.Municipality, Name: x.Name, Category: api.ActivityCategory(x.Category),
		Date: string(o.Date), StartsAt: rest.Optional(o.Starts), EndsAt: rest.Optional(o.Ends),
		Part: rest.Optional(api.DayPart(x.Part)), Mode: rest.Optional(api.ActivityMode(x.Mode)),
		Place: rest.Optional(x.Place), Places: rest.OptionalList(x.Places), Gather: rest.Optional(x.Gather),
		Individual: x.Individual, State: api.OccurrenceStatePlanned,
	}
	if o.Holiday != nil {
		b.Holiday = &api.Holiday{Sv: o.Holiday.SV, En: o.Holiday.EN}
	}
	if o.Closed {
		b.State, b.Reason = api.OccurrenceStateCancelled, rest.Optional(api.CancellationReasonPublicHoliday)
		if p, isPeriod := x.Calendar.ClosedBy(o.Date); isPeriod {
			b.Reason, b.Closure = rest.Optional(api.CancellationReasonClosed), &api.Closure{Sv: p.SV, En: p.EN}
		}
	}
	if c := o.Cancelled; c != nil {
		b.State, b.Reason, b.Cancellation = api.OccurrenceStateCancelled, rest.Optional(api.CancellationReason(c.Reason)), &c.ID
	}
	return b
}
