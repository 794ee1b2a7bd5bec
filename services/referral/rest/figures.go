package rest

import (
	"context"
	"net/url"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
)

// GetReferralFigures answers GET /referral-figures.
func (h handlers) GetReferralFigures(ctx context.Context, r api.GetReferralFiguresRequestObject) (api.GetReferralFiguresResponseObject, error) {
	from, to, municipality := value(r.Params.From), value(r.Params.To), value(r.Params.Municipality)
	if now := h.service.Now().UTC().Format("2006-01"); from == "" && to == "" {
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
	q := url.Values{"from": {from}, "to": {to}}
	set(q, "municipality", municipality)
	b := api.ReferralFigures{
		From: from, To: to, Municipality: rest.Optional(f.Municipality), Exact: f.Exact, CountedUntil: f.CountedUntil,
		Counts: []api.ReferralCount{}, LeadTimes: []api.ReferralLeadTime{},
		UnderscoreLinks: api.Links{"self": {Href: "referral-figures?" + q.Encode()}},
	}
	for _, row := range f.Rows {
		b.Counts = append(b.Counts, api.ReferralCount{
			By: api.FigureTable(row.By), Value: rest.Optional(row.Value), Measure: api.FigureMeasure(row.Measure),
			Detail: rest.Optional(row.Detail), Count: int(row.N),
		})
	}
	for _, l := range f.Leads {
		t := api.ReferralLeadTime{Step: api.LeadTimeStep(l.Step), Detail: rest.Optional(l.Detail), Count: int(l.N)}
		if !l.Withheld() {
			t.MedianDays, t.P90Days = &l.Median, &l.P90
		}
		b.LeadTimes = append(b.LeadTimes, t)
	}
	return api.GetReferralFigures200JSONResponse(b), nil
}
