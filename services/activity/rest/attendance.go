package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/service"
)

func (h handlers) NoteAttendance(ctx context.Context, r api.NoteAttendanceRequestObject) (api.NoteAttendanceResponseObject, error) {
	n := activity.Note{
		Date: civil.Date(r.Body.Date), Attendance: activity.Attendance(r.Body.Attendance),
		Minutes: rest.Value(r.Body.Minutes), Reason: string(rest.Value(r.Body.AbsenceReason)), Notified: rest.Value(r.Body.Notified),
	}
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.BookingView, error) {
		return h.service.NoteAttendance(ctx, r.Id, version, n)
	}, h.changed)
	return api.NoteAttendance200JSONResponse{BookingChangedJSONResponse: c}, err
}

func (h handlers) CorrectAttendance(ctx context.Context, r api.CorrectAttendanceRequestObject) (api.CorrectAttendanceResponseObject, error) {
	n := activity.Note{
		Date: civil.Date(r.Body.Date), Attendance: activity.Attendance(rest.Value(r.Body.Attendance)),
		Minutes: rest.Value(r.Body.Minutes), Reason: string(rest.Value(r.Body.AbsenceReason)), Notified: rest.Value(r.Body.Notified),
	}
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*service.BookingView, error) {
		return h.service.CorrectAttendance(ctx, r.Id, version, n, r.Body.Reason)
	}, h.changed)
	return api.CorrectAttendance200JSONResponse{BookingChangedJSONResponse: c}, err
}

func (h handlers) NoteDayAttendances(ctx context.Context, r api.NoteDayAttendancesRequestObject) (api.NoteDayAttendancesResponseObject, error) {
	b := api.DayAttendances{
		Items:           make([]api.DayAttendanceAnswer, len(r.Body.Items)),
		UnderscoreLinks: api.Links{h.paths.Link("self", "noteDayAttendances", r.Id, r.Date), h.paths.Link("day", "getActivityDay", r.Id, r.Date)},
	}
	var rows []service.Row
	var places []int // in the body
	for i, text := range r.Body.Items {
		row, err := h.readRow(text)
		b.Items[i] = api.DayAttendanceAnswer{ClientId: row.Client, Booking: row.Booking}
		if err == nil {
			rows, places = append(rows, row), append(places, i)
			continue
		}
		p := problem.Of(ctx, err)
		b.Items[i].Outcome, b.Items[i].Problem = api.AttendanceOutcomeRefused, &p
	}
	answers, err := h.service.NoteDay(ctx, r.Id, civil.Date(r.Date), rows)
	if err != nil {
		return nil, err
	}
	for i, a := range answers {
		item := &b.Items[places[i]]
		item.Outcome = api.AttendanceOutcome(a.Outcome)
		if a.Err != nil {
			p := problem.Of(ctx, a.Err)
			item.Problem = &p
		}
		if a.Booking != nil {
			st := a.Booking.Status()
			item.Version = rest.Optional(a.Booking.Version())
			item.Note = note(activity.Mark{Note: st.Notes[civil.Date(r.Date)], Others: st.Others[civil.Date(r.Date)]})
		}
	}
	return api.NoteDayAttendances200JSONResponse(b), nil
}

// readRow reads a row of a list. Its shape is checked here, row by row, because the others
// are not refused for one.
func (h handlers) readRow(text json.RawMessage) (service.Row, error) {
	var x struct {
		ClientID      string    `json:"clientId"`
		NotedAt       time.Time `json:"notedAt"`
		Booking       string    `json:"booking"`
		Attendance    string    `json:"attendance"`
		Minutes       int       `json:"minutes"`
		AbsenceReason string    `json:"absenceReason"`
		Notified      bool      `json:"notified"`
	}
	err := h.row.Check(text)
	if json.Unmarshal(text, &x) != nil && err == nil { // whose error may quote a value
		err = fmt.Errorf("a row that keeps to the contract has another form than %T", x)
	}
	return service.Row{Booking: x.Booking, Note: activity.Note{
		Attendance: activity.Attendance(x.Attendance), Minutes: x.Minutes, Reason: x.AbsenceReason, Notified: x.Notified, Client: x.ClientID, At: x.NotedAt.UTC(),
	}}, err
}

func (h handlers) GetActivityDay(ctx context.Context, r api.GetActivityDayRequestObject) (api.GetActivityDayResponseObject, error) {
	d, err := h.service.Day(ctx, r.Id, civil.Date(r.Date))
	if err != nil {
		return nil, err
	}
	days, err := h.days(ctx, r.Params.Include, civil.Date(r.Date), d)
	if err != nil {
		return nil, err
	}
	return api.GetActivityDay200JSONResponse(days[0]), nil
}

func (h handlers) GetDay(ctx context.Context, r api.GetDayRequestObject) (api.GetDayResponseObject, error) {
	all, err := h.service.StaffDay(ctx, civil.Date(r.Date))
	if err != nil {
		return nil, err
	}
	days, err := h.days(ctx, r.Params.Include, civil.Date(r.Date), all...)
	return api.GetDay200JSONResponse{Date: r.Date, Items: days, UnderscoreLinks: api.Links{h.paths.Link("self", "getDay", r.Date)}}, err
}

// days returns lists of a day, with who is on them if that is asked for.
func (h handlers) days(ctx context.Context, include *[]api.ListInclude, day civil.Date, days ...*service.Day) ([]api.ActivityDay, error) {
	var people []string
	for _, d := range days {
		for _, x := range d.Bookings {
			people = append(people, x.Participant)
		}
	}
	identity, err := identities(ctx, include, people, h.listedOn(day))
	if err != nil {
		return nil, err
	}
	all := make([]api.ActivityDay, 0, len(days))
	for _, d := range days {
		id, date := d.Occurrence.Activity.ID, string(d.Occurrence.Date)
		b := api.ActivityDay{
			Activity: id, Date: date, Occurrence: occurrence(d.Occurrence), Items: make([]api.ActivityDayItem, 0, len(d.Bookings)),
			UnderscoreLinks: api.Links{h.paths.Link("self", "getActivityDay", id, date), h.paths.Link("attendances", "noteDayAttendances", id, date)},
		}
		for _, x := range d.Bookings {
			item := api.ActivityDayItem{
				Booking: x.ID, Participant: x.Participant, Version: x.Version(), Attendance: rest.Optional(api.Attendance(x.Note.Attendance)), Note: note(x.Mark),
				Identity: identity(x.Participant), UnderscoreLinks: api.Links{},
			}
			if slices.Contains(x.Operations, "noteAttendance") {
				item.UnderscoreLinks = append(item.UnderscoreLinks, h.paths.Link("attendances", "noteAttendance", x.ID))
			}
			b.Items = append(b.Items, item)
		}
		all = append(all, b)
	}
	return all, nil
}

// note returns what is known of an occurrence; nil: nothing is.
func note(m activity.Mark) *api.AttendanceNote {
	n := m.Note
	if n.Attendance == "" {
		return nil
	}
	b := &api.AttendanceNote{
		Date: string(n.Date), Attendance: api.Attendance(n.Attendance), NotedAt: n.At, NotedBy: rest.Optional(n.By),
		Minutes: rest.Optional(n.Minutes), AbsenceReason: rest.Optional(api.AbsenceReason(n.Reason)), Notified: rest.Optional(n.Notified),
	}
	if m.Absence != nil {
		b.Absence = &m.Absence.ID
	}
	for _, x := range m.Others {
		if b.Contradictions == nil {
			b.Contradictions = &[]api.ContradictingNote{}
		}
		*b.Contradictions = append(*b.Contradictions, api.ContradictingNote{
			Attendance: api.Attendance(x.Attendance), NotedAt: x.At, NotedBy: x.By,
			Minutes: rest.Optional(x.Minutes), AbsenceReason: rest.Optional(api.AbsenceReason(x.Reason)), Notified: rest.Optional(x.Notified),
		})
	}
	return b
}
