package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral/figures"
)

func (h handlers) GetReferralFigures(ctx context.Context, r api.GetReferralFiguresRequestObject) (api.GetReferralFiguresResponseObject, error) {
	from, to, municipality := rest.Value(r.Params.From), rest.Value(r.Params.To), rest.Value(r.Params.Municipality)
	if now := string(civil.DateOf(h.service.Now())[:len("2006-01")]); from == "" && to == "" {
		from, to = now[:4]+"-01", now // the year so far
	} else if from == "" {
		from = to
	} else if to == "" {
		to = max(from, now)
	}
	f, err := h.service.Figures(ctx, from, to, municipality)
	if err != nil {
		return nil, err
	}
	q := rest.Query("from", from, "to", to, "municipality", municipality)
	return api.GetReferralFigures200JSONResponse{
		From: from, To: to, Municipality: rest.Optional(f.Municipality), Exact: true, CountedUntil: f.CountedUntil,
		Counts: rest.Map(f.Rows, func(row figures.Row) api.ReferralCount {
			return api.ReferralCount{
				By: api.FigureTable(row.By), Value: rest.Optional(row.Value), Measure: api.FigureMeasure(row.Measure),
				Detail: rest.Optional(row.Detail), Count: int(row.N),
			}
		}),
		LeadTimes: rest.Map(f.Leads, func(l figures.Lead) api.ReferralLeadTime {
			return api.ReferralLeadTime{
				Step: api.LeadTimeStep(l.Step), Detail: rest.Optional(l.Detail), Count: int(l.N), MedianDays: &l.Median, P90Days: &l.P90,
			}
		}),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getReferralFigures").With(q)},
	}, nil
}
