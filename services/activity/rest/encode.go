package rest

import (
	"context"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/services/activity"
)

func activityBody(ctx context.Context, x association.Activity, from depth) api.Activity {
	b := api.Activity{
		Id: x.ID, Municipality: x.Municipality, Name: x.Name, Category: api.ActivityCategory(x.Category),
		Day: optional[api.Weekday](x.Day), From: optional[api.LocalTime](x.From), To: optional[api.LocalTime](x.To),
		Part: optional[api.DayPart](x.Part), Mode: optional[api.ActivityMode](x.Mode),
		Place: optional[string](x.Place), Places: some(x.Places), Gather: optional[string](x.Gather),
		Individual: x.Individual, Rotating: x.Rotating, Bookable: x.Scheduled(),
		UnderscoreLinks: activityLinks(ctx, x, from),
	}
	if x.ClosedGroup != nil {
		b.ClosedGroup = &api.ClosedGroup{}
		if n := x.ClosedGroup.Sessions; n > 0 {
			b.ClosedGroup.Sessions = &n
		}
	}
	return b
}

func occurrence(o activity.Occurrence) api.Occurrence {
	x := o.Activity
	b := api.Occurrence{
		Activity: x.ID, Municipality: x.Municipality, Name: x.Name, Category: api.ActivityCategory(x.Category),
		Date: string(o.Date), StartsAt: moment(o.Starts), EndsAt: moment(o.Ends),
		Part: optional[api.DayPart](x.Part), Mode: optional[api.ActivityMode](x.Mode),
		Place: optional[string](x.Place), Places: some(x.Places), Gather: optional[string](x.Gather),
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

// week writes a municipality's week. It is kept by the gateway for everybody in
// the association, so nothing in it depends on who asked.
func week(w *activity.MunicipalityWeek) api.MunicipalityWeek {
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
		b.Unscheduled = append(b.Unscheduled, activityBody(context.Background(), x, fromThree))
	}
	return b
}

func cancellation(ctx context.Context, c *activity.Cancellation, today civil.Date, from depth) api.Cancellation {
	b := api.Cancellation{
		Id: c.ID, Activity: c.Activity, Municipality: c.Municipality, Date: string(c.Date), Week: activity.WeekOf(c.Date).String(),
		Reason: api.CancellationReason(c.Reason), State: api.CancellationState(c.State()), CancelledAt: c.Steps[0].At,
		UnderscoreLinks: cancellationLinks(ctx, c, today, from),
	}
	if c.State() == activity.Restored {
		at := c.ChangedAt()
		b.RestoredAt = &at
	}
	return b
}

// booking writes a booking; name is the activity's, if it is still offered.
func booking(ctx context.Context, b *activity.Booking, name string, from depth) api.Booking {
	body := api.Booking{
		Id: b.ID, Enrolment: b.Enrolment, Participant: b.Participant, Municipality: b.Municipality, Activity: b.Activity,
		Name: optional[string](name), From: string(b.From), State: api.BookingState(b.State()),
		Attendances: []api.AttendanceNote{}, Timeline: make([]api.BookingStep, 0, len(b.Steps)),
		UnderscoreLinks: bookingLinks(ctx, b, from),
	}
	if last := b.LastDay(); last != activity.Forever {
		body.Until = optional[string](string(last))
	}
	for _, n := range b.Attendances() {
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

func participantWeek(w *activity.ParticipantWeek) api.ParticipantWeek {
	b := api.ParticipantWeek{
		Participant: w.Participant, Week: w.Week.String(), FirstDay: string(w.Week.Monday()), LastDay: string(w.Week.Sunday()),
		Items:           make([]api.ParticipantWeekItem, 0, len(w.Items)),
		UnderscoreLinks: weekLinks("participants/"+w.Participant+"/week", w.Week),
	}
	for _, i := range w.Items {
		b.Items = append(b.Items, api.ParticipantWeekItem{
			Booking: i.Booking, Attendance: optional[api.Attendance](string(i.Attendance)), Occurrence: occurrence(i.Occurrence),
		})
	}
	return b
}

func address(a *activity.Address, from depth) api.CalendarFeed {
	b := api.CalendarFeed{
		Id: a.ID, Participant: a.Participant, CreatedAt: a.CreatedAt(), State: api.CalendarFeedStateRevoked,
		UnderscoreLinks: addressLinks(a, from),
	}
	if a.Open() {
		b.State = api.CalendarFeedStateOpen
	}
	return b
}

// moment returns nil for no time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// some returns nil for an empty list.
func some(list []string) *[]string {
	if len(list) == 0 {
		return nil
	}
	return &list
}
