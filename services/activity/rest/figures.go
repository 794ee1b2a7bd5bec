package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/activity/figures"
)

func (h handlers) GetActivityFigures(ctx context.Context, r api.GetActivityFiguresRequestObject) (api.GetActivityFiguresResponseObject, error) {
	f, err := h.service.Figures(ctx, rest.Value(r.Params.From), rest.Value(r.Params.To))
	if err != nil {
		return nil, err
	}
	from, to := f.First.String(), f.Last.String()
	return api.GetActivityFigures200JSONResponse{
		Municipality: rest.Optional(f.Municipality), From: from, To: to,
		Items: rest.Map(f.Weeks, func(x figures.Row) api.ActivityFigure {
			return api.ActivityFigure{
				Week: x.Week.String(), Category: api.ActivityCategory(x.Category), Held: x.Held, CalledOff: x.CalledOff, Places: x.Places, Used: x.Used,
				Attendance: rest.Map(x.People, func(a figures.Attendance) api.AttendanceFigure {
					return api.AttendanceFigure{
						Municipality: a.Municipality, Booked: a.Booked, Present: a.Present, Late: a.Late, Notified: a.Notified, Absent: a.Absent, Unnoted: a.Unnoted,
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
		UnderscoreLinks: api.Links{h.paths.Link("self", "getActivityFigures").With(rest.Query("from", from, "to", to))},
	}, nil
}
