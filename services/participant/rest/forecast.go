package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/participant"
)

func (h handlers) GetForecast(ctx context.Context, r api.GetForecastRequestObject) (api.GetForecastResponseObject, error) {
	f, err := h.service.Forecast(ctx, r.Initiative, r.Municipality)
	if err != nil {
		return nil, err
	}
	return api.GetForecast200JSONResponse{
		Initiative: r.Initiative, Municipality: r.Municipality, On: string(f.On), MaxWeeks: f.MaxWeeks,
		Items: rest.Map(f.Places, func(p participant.PlaceForecast) api.PlaceForecast {
			return api.PlaceForecast{Earliest: string(p.Earliest), Median: string(p.Median), Latest: string(p.Latest)}
		}),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getForecast", r.Initiative, r.Municipality)},
	}, nil
}
