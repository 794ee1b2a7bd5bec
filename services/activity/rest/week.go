package rest

import (
	"context"
	"net/url"
	"time"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/service"
)

// GetMunicipalityWeek answers GET /municipalities/{code}/week. The gateway keeps the
// answer for everybody in the association, so nothing in it depends on who asked.
func (h handlers) GetMunicipalityWeek(ctx context.Context, r api.GetMunicipalityWeekRequestObject) (api.GetMunicipalityWeekResponseObject, error) {
	w, err := h.service.MunicipalityWeek(ctx, r.Code, value(r.Params.Week))
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(w.Version)
	if rest.NotModified(r.Params.IfNoneMatch, w.Version) {
		return api.GetMunicipalityWeek304Response{Headers: api.GetMunicipalityWeek304ResponseHeaders{ETag: &tag}}, nil
	}
	b := api.MunicipalityWeek{
		Municipality: w.Municipality.Code, Name: w.Municipality.Name, Week: w.Week.String(),
		FirstDay: string(w.Week.Monday()), LastDay: string(w.Week.Sunday()),
		Items: make([]api.Occurrence, 0, len(w.Items)), Unscheduled: make([]api.Activity, 0, len(w.Unscheduled)),
		ConfigurationVersion: w.Programme,
		UnderscoreLinks:      weekLinks("municipalities/"+w.Municipality.Code+"/week", w.Week),
	}
	for _, o := range w.Items {
		b.Items = append(b.Items, occurrence(o))
	}
	for _, x := range w.Unscheduled {
		b.Unscheduled = append(b.Unscheduled, activityBody(service.ActivityView{Activity: x}, fromThree))
	}
	return api.GetMunicipalityWeek200JSONResponse{Body: b, Headers: api.GetMunicipalityWeek200ResponseHeaders{ETag: &tag}}, nil
}

// ListActivities answers GET /activities.
func (h handlers) ListActivities(ctx context.Context, r api.ListActivitiesRequestObject) (api.ListActivitiesResponseObject, error) {
	w, municipality := window(r.Params.Limit, r.Params.Page, nil), value(r.Params.Municipality)
	part, total, err := h.service.Activities(ctx, municipality, w)
	if err != nil {
		return nil, err
	}
	q := url.Values{}
	if municipality != "" {
		q.Set("municipality", municipality)
	}
	b := api.ListActivities200JSONResponse{
		Items: make([]api.Activity, 0, len(part)), UnderscoreMeta: meta(w, len(part), "", &store.Total{Records: int64(total)}),
		UnderscoreLinks: listLinks(fromOne, "activities", q, w, ""),
	}
	for _, x := range part {
		b.Items = append(b.Items, activityBody(x, fromOne))
	}
	return b, nil
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
		n, _ := x.Status.AttendanceOn(d.Occurrence.Date)
		item := api.ActivityDayItem{
			Booking: x.ID, Participant: x.Participant, Version: x.Version(), Attendance: optional[api.Attendance](string(n.Attendance)),
			UnderscoreLinks: api.Links{},
		}
		if link, ok := bookingLinks(x, fromFour)["attendances"]; ok {
			item.UnderscoreLinks["attendances"] = link
		}
		b.Items = append(b.Items, item)
	}
	return b, nil
}

// GetParticipantWeek answers GET /participants/{id}/week.
func (h handlers) GetParticipantWeek(ctx context.Context, r api.GetParticipantWeekRequestObject) (api.GetParticipantWeekResponseObject, error) {
	w, err := h.service.ParticipantWeek(ctx, r.Id, value(r.Params.Week))
	if err != nil {
		return nil, err
	}
	b := api.GetParticipantWeek200JSONResponse{
		Participant: w.Participant, Week: w.Week.String(), FirstDay: string(w.Week.Monday()), LastDay: string(w.Week.Sunday()),
		Items:           make([]api.ParticipantWeekItem, 0, len(w.Items)),
		UnderscoreLinks: weekLinks("participants/"+w.Participant+"/week", w.Week),
	}
	for _, i := range w.Items {
		b.Items = append(b.Items, api.ParticipantWeekItem{
			Booking: i.Booking, Attendance: optional[api.Attendance](string(i.Attendance)), Occurrence: occurrence(i.Occurrence),
		})
	}
	return b, nil
}

// weekLinks leads to a week and its neighbours; path is the week's own.
func weekLinks(path string, w activity.Week) api.Links {
	to := func(w activity.Week) api.Link { return fromThree.to(path + "?week=" + w.String()) }
	return api.Links{"self": to(w), "next": to(w.Next()), "previous": to(w.Previous())}
}

func activityBody(x service.ActivityView, from depth) api.Activity {
	b := api.Activity{
		Id: x.ID, Municipality: x.Municipality, Name: x.Name, Category: api.ActivityCategory(x.Category),
		Day: optional[api.Weekday](x.Day), From: optional[api.LocalTime](x.From), To: optional[api.LocalTime](x.To),
		Part: optional[api.DayPart](x.Part), Mode: optional[api.ActivityMode](x.Mode),
		Place: optional[string](x.Place), Places: optionalList(x.Places), Gather: optional[string](x.Gather),
		Individual: x.Individual, Rotating: x.Rotating, Bookable: x.Scheduled(),
		UnderscoreLinks: api.Links{"week": from.to("municipalities/" + x.Municipality + "/week")},
	}
	if x.ClosedGroup != nil {
		b.ClosedGroup = &api.ClosedGroup{}
		if n := x.ClosedGroup.Sessions; n > 0 {
			b.ClosedGroup.Sessions = &n
		}
	}
	for _, operation := range x.Operations {
		switch operation {
		case "createBooking":
			b.UnderscoreLinks["bookings"] = from.to("bookings")
		case "cancelOccurrence":
			b.UnderscoreLinks["cancellations"] = from.to("activities/" + x.ID + "/cancellations")
		}
	}
	return b
}

func occurrence(o activity.Occurrence) api.Occurrence {
	x := o.Activity
	b := api.Occurrence{
		Activity: x.ID, Municipality: x.Municipality, Name: x.Name, Category: api.ActivityCategory(x.Category),
		Date: string(o.Date), StartsAt: optionalTime(o.Starts), EndsAt: optionalTime(o.Ends),
		Part: optional[api.DayPart](x.Part), Mode: optional[api.ActivityMode](x.Mode),
		Place: optional[string](x.Place), Places: optionalList(x.Places), Gather: optional[string](x.Gather),
		Individual: x.Individual, State: api.OccurrenceStatePlanned,
	}
	if o.Holiday != nil {
		b.Holiday = &api.Holiday{Sv: o.Holiday.SV, En: o.Holiday.EN}
	}
	if c := o.Cancelled; c != nil {
		b.State, b.Reason, b.Cancellation = api.OccurrenceStateCancelled, optional[api.CancellationReason](c.Reason), &c.ID
	}
	return b
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func optionalList(list []string) *[]string {
	if len(list) == 0 {
		return nil
	}
	return &list
}
