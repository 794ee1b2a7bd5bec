package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/association"
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

func (h handlers) GetParticipantWeek(ctx context.Context, r api.GetParticipantWeekRequestObject) (api.GetParticipantWeekResponseObject, error) {
	w, err := h.service.ParticipantWeek(ctx, r.Id, rest.Value(r.Params.Week))
	if err != nil {
		return nil, err
	}
	return api.GetParticipantWeek200JSONResponse{
		Participant: w.Participant, Week: w.Week.String(), FirstDay: string(w.Week.Monday()), LastDay: string(w.Week.Sunday()),
		Items: rest.Map(w.Items, func(i activity.BookedOccurrence) api.ParticipantWeekItem {
			return api.ParticipantWeekItem{
				Booking: rest.Optional(i.Booking), Placement: rest.Optional(i.Placement), Attendance: rest.Optional(api.Attendance(i.Note.Attendance)), Note: note(i.Mark), Occurrence: occurrence(i.Occurrence),
			}
		}),
		Lacks: rest.OptionalList(rest.Map(w.Lacks, shortfall)), UnderscoreLinks: h.weekLinks("getParticipantWeek", w.Participant, w.Week),
	}, nil
}

// GetLeaderWeek answers GET /leaders/{leader}/week. No person is in it but the leader, by id.
func (h handlers) GetLeaderWeek(ctx context.Context, r api.GetLeaderWeekRequestObject) (api.GetLeaderWeekResponseObject, error) {
	w, err := h.service.LeaderWeek(ctx, r.Leader, rest.Value(r.Params.Week))
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(w.Version)
	if rest.NotModified(r.Params.IfNoneMatch, w.Version) {
		return api.GetLeaderWeek304Response{Headers: api.GetLeaderWeek304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.GetLeaderWeek200JSONResponse{Headers: api.GetLeaderWeek200ResponseHeaders{ETag: &tag}, Body: api.LeaderWeek{
		Version: &w.Version, Leader: w.Leader, Week: w.Week.String(), FirstDay: string(w.Week.Monday()), LastDay: string(w.Week.Sunday()),
		Items: rest.Map(w.Items, occurrence), UnderscoreLinks: h.weekLinks("getLeaderWeek", r.Leader, w.Week),
	}}, nil
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
		Link: rest.Optional(x.Link), Leader: rest.Optional(x.Leader), Capacity: rest.Optional(x.Capacity), DropIn: rest.Optional(x.DropIn), Slot: rest.Optional(x.Slot), Load: load(x.Load),
		Rule: rest.Optional(x.Rule), First: rest.Optional(string(x.First)), Contents: rest.OptionalList(x.Contents),
		Extra: rest.OptionalList(rest.Convert[string](x.Extra)), Except: rest.OptionalList(rest.Convert[string](x.Except)),
		Holidays: rest.Optional(api.HolidayPolicy(x.Holidays)), MovedTo: rest.Optional(api.Weekday(x.MovedTo)),
		UnderscoreLinks: api.Links{h.paths.Link("week", "getMunicipalityWeek", x.Municipality)},
	}
	if x.ClosedGroup != nil {
		b.ClosedGroup = &api.ClosedGroup{Sessions: rest.Optional(x.ClosedGroup.Sessions), Minutes: rest.Optional(x.ClosedGroup.Minutes), Least: rest.Optional(x.ClosedGroup.Least), Most: rest.Optional(x.ClosedGroup.Most), Starts: rest.OptionalList(x.ClosedGroup.Starts)}
	}
	b.UnderscoreLinks = h.paths.AppendActions(b.UnderscoreLinks, x.Operations, x.ID)
	return b
}

// load returns the body of what an occurrence takes of one's strength, with each kind.
func load(l *association.Load) *api.ActivityLoad {
	if l == nil {
		return nil
	}
	return &api.ActivityLoad{Physical: &l.Physical, Social: &l.Social, Cognitive: &l.Cognitive, Digital: &l.Digital, Travel: &l.Travel}
}

func occurrence(o activity.Occurrence) api.Occurrence {
	x := o.Activity
	b := api.Occurrence{
		Activity: x.ID, Municipality: x.Municipality, Name: x.Name, Category: api.ActivityCategory(x.Category),
		Date: string(o.Date), StartsAt: rest.Optional(o.Starts), EndsAt: rest.Optional(o.Ends),
		Part: rest.Optional(api.DayPart(x.Part)), Mode: rest.Optional(api.ActivityMode(x.Mode)),
		Place: rest.Optional(x.Place), Places: rest.OptionalList(x.Places), Gather: rest.Optional(x.Gather),
		Individual: x.Individual, State: api.OccurrenceStatePlanned,
		Link: rest.Optional(x.Link), Leader: rest.Optional(x.Leader), Capacity: rest.Optional(x.Capacity), DropIn: rest.Optional(x.DropIn), Slot: rest.Optional(x.Slot), Load: load(x.Load),
		Content: rest.Optional(o.Content), MovedFrom: rest.Optional(string(o.MovedFrom)),
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
		b.Message = rest.Optional(c.Message)
	}
	return b
}
