package rest

import (
	"context"
	"net/url"
	"strconv"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral/publication"
)

// ListPublications answers GET /publications.
func (h handlers) ListPublications(ctx context.Context, r api.ListPublicationsRequestObject) (api.ListPublicationsResponseObject, error) {
	w := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	l, err := h.service.Publications(ctx, w)
	if err != nil {
		return nil, err
	}
	return api.ListPublications200JSONResponse{
		Items: rest.Map(l.Items, func(p *publication.Publication) api.PublicationSummary {
			b := h.publicationBody(ctx, p)
			return api.PublicationSummary{
				Id: b.Id, Version: b.Version, Period: b.Period, Plan: b.Plan, State: b.State, MadeAt: b.MadeAt, MadeBy: b.MadeBy,
				ReleasedAt: b.ReleasedAt, ReleasedBy: b.ReleasedBy, UnderscoreLinks: b.UnderscoreLinks,
			}
		}),
		UnderscoreMeta:  rest.NewMeta(w, len(l.Items), l.Next, l.Total),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listPublications"), url.Values{}, w, l.Next),
	}, nil
}

// MakePublication answers POST /publications.
func (h handlers) MakePublication(ctx context.Context, r api.MakePublicationRequestObject) (api.MakePublicationResponseObject, error) {
	p, err := h.service.MakePublication(ctx, rest.Value(r.Params.IdempotencyKey), publication.Period(r.Body.Period), rest.Value(r.Body.Plan))
	if err != nil {
		return nil, err
	}
	b, tag := h.publicationBody(ctx, p), rest.ETag(p.Changes)
	at := b.UnderscoreLinks.Href("self")
	return api.MakePublication201JSONResponse{Body: b, Headers: api.MakePublication201ResponseHeaders{ETag: &tag, Location: &at}}, nil
}

// GetPublication answers GET /publications/{id}.
func (h handlers) GetPublication(ctx context.Context, r api.GetPublicationRequestObject) (api.GetPublicationResponseObject, error) {
	p, err := h.service.Publication(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(p.Changes)
	return api.GetPublication200JSONResponse{Body: h.publicationBody(ctx, p), Headers: api.GetPublication200ResponseHeaders{ETag: &tag}}, nil
}

// ReleasePublication answers POST /publications/{id}/release.
func (h handlers) ReleasePublication(ctx context.Context, r api.ReleasePublicationRequestObject) (api.ReleasePublicationResponseObject, error) {
	return rest.Changed(r.Params.IfMatch, func(version int64) (*publication.Publication, error) {
		return h.service.ReleasePublication(ctx, r.Id, version)
	}, func(p *publication.Publication) api.ReleasePublicationResponseObject {
		tag := rest.ETag(p.Changes)
		return api.ReleasePublication200JSONResponse{
			Body: h.publicationBody(ctx, p), Headers: api.ReleasePublication200ResponseHeaders{ETag: &tag},
		}
	})
}

func (h handlers) publicationBody(ctx context.Context, p *publication.Publication) api.Publication {
	b := api.Publication{
		Id: p.ID, Version: p.Changes, Period: string(p.Period), Plan: p.Plan, State: api.Made, MadeAt: p.MadeAt, MadeBy: p.MadeBy,
		ReleasedAt: p.ReleasedAt, ReleasedBy: rest.Optional(p.ReleasedBy),
		Tables: []api.PublicationTable{}, LeadTimes: []api.PublicationLeadTime{},
		UnderscoreLinks: api.Links{h.paths.Link("self", "getPublication", p.ID)},
	}
	if p.IsReleased() {
		b.State = api.Released
	} else if a := actor.From(ctx); a.Subject != p.MadeBy && access.MayCall("releasePublication", a) {
		b.UnderscoreLinks = append(b.UnderscoreLinks, h.paths.Link("release", "releasePublication", p.ID))
	}
	for i := range p.Tables {
		t := &p.Tables[i]
		if t.Days {
			lead := api.PublicationLeadTime{Step: api.LeadTimeStep(t.Measure), MedianDays: t.Median, P90Days: t.P90, LeftOut: t.LeftOut}
			if n, err := strconv.Atoi(t.Detail); err == nil {
				lead.CheckIn = &n
			}
			b.LeadTimes = append(b.LeadTimes, lead)
			continue
		}
		b.Tables = append(b.Tables, api.PublicationTable{
			Measure: api.PublicationMeasure(t.Measure), By: api.PublicationDivision(t.By), Merged: t.Merged, LeftOut: t.LeftOut,
			Rows: rest.Map(t.Rows, func(row publication.Row) api.PublicationRow {
				return api.PublicationRow{Values: append([]string{}, row.Values...), Count: row.Count}
			}),
		})
	}
	return b
}
