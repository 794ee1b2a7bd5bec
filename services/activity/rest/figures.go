package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/sheet"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/figures"
	"github.com/finsam/finsam/services/activity/service"
)

func (h handlers) GetActivityFigures(ctx context.Context, r api.GetActivityFiguresRequestObject) (api.GetActivityFiguresResponseObject, error) {
	f, err := h.service.Figures(ctx, rest.Value(r.Params.From), rest.Value(r.Params.To), rest.Value(r.Params.Gender))
	if err != nil {
		return nil, err
	}
	from, to := f.First.String(), f.Last.String()
	if kind := rest.Value(r.Params.Format); kind == api.FigureFormatCsv || kind == api.FigureFormatXlsx {
		return figureFile(f, kind)
	}
	q := rest.Query("from", from, "to", to)
	if rest.Value(r.Params.Gender) {
		q.Set("gender", "true")
	}
	return api.GetActivityFigures200JSONResponse{Body: api.ActivityFigures{
		Municipality: rest.Optional(f.Municipality), From: from, To: to,
		Items: rest.Map(f.Weeks, func(x figures.Row) api.ActivityFigure {
			return api.ActivityFigure{
				Week: x.Week.String(), Category: api.ActivityCategory(x.Category), Held: x.Held, CalledOff: x.CalledOff, Places: x.Places, Used: x.Used,
				Attendance: rest.Map(x.People, func(a figures.Attendance) api.AttendanceFigure {
					return api.AttendanceFigure{
						Municipality: a.Municipality, Gender: rest.Optional(api.Gender(a.Gender)), Booked: a.Booked, Present: a.Present, Late: a.Late, Notified: a.Notified, Absent: a.Absent, Unnoted: a.Unnoted,
					}
				}),
			}
		}),
		Groups: rest.Map(f.Groups, func(g figures.Group) api.StartedGroup {
			return api.StartedGroup{Week: g.Week.String(), Category: api.ActivityCategory(g.Category), Size: g.Size}
		}),
		Waits: rest.Map(f.Waits, func(w figures.Wait) api.ActivityWait {
			return api.ActivityWait{For: api.ActivityWaitKind(w.For), Category: api.ActivityCategory(w.Category), Count: w.Count, MedianDays: w.Median, P90Days: w.P90}
		}),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getActivityFigures").With(q)},
	}}, nil
}

// figureFile returns the figures as a file, which is whole before the answer begins.
func figureFile(f *service.FiguresView, kind api.FigureFormat) (_ api.GetActivityFiguresResponseObject, err error) {
	s := sheet.NewCSV(activity.ErrFiguresTooLarge)
	if kind == api.FigureFormatXlsx {
		if s, err = sheet.NewXLSX("Aktiviteter", activity.ErrFiguresTooLarge); err != nil {
			return nil, err
		}
	}
	for _, row := range f.Table(f.Names) {
		if err := s.Write(row); err != nil {
			return nil, err
		}
	}
	body, length, err := s.File()
	if err != nil {
		return nil, err
	}
	disposition := `attachment; filename="aktiviteter-` + f.First.String() + "-" + f.Last.String() + "." + string(kind) + `"`
	headers := api.GetActivityFigures200ResponseHeaders{ContentDisposition: &disposition}
	if kind == api.FigureFormatXlsx {
		return api.GetActivityFigures200ApplicationvndOpenxmlformatsOfficedocumentSpreadsheetmlSheetResponse{Body: body, Headers: headers, ContentLength: length}, nil
	}
	return api.GetActivityFigures200TextcsvResponse{Body: body, Headers: headers, ContentLength: length}, nil
}
