package rest

import (
	"context"
	"net/url"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/rest"
)

func (h handlers) ListAccesses(ctx context.Context, r api.ListAccessesRequestObject) (api.ListAccessesResponseObject, error) {
	p := r.Params
	q := accesslog.Query{
		From: rest.Value(p.From), To: rest.Value(p.To), Participant: rest.Value(p.Participant), Subject: rest.Value(p.Subject),
		Authority: rest.Value(p.Authority), Operation: rest.Value(p.Operation),
	}
	w := rest.NewWindow(p.Limit, nil, p.Cursor)
	page, err := h.service.ListAccesses(ctx, q, w)
	if err != nil {
		return nil, err
	}
	query := period(q)
	for name, value := range map[string]string{"participant": q.Participant, "subject": q.Subject, "authority": q.Authority, "operation": q.Operation} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return api.ListAccesses200JSONResponse{
		Items: rest.Map(page.Items, func(f accesslog.Found) api.Access {
			e := f.Entry
			return api.Access{
				At: e.At, Service: api.AccessService(f.Service), Subject: rest.Optional(e.Subject), Authority: rest.Optional(e.Authority), Unit: rest.Optional(e.Unit),
				Roles: rest.OptionalList(e.Roles), Operation: e.Operation, Thing: rest.Optional(e.Thing), Participants: rest.OptionalList(e.Participants),
				Outcome: api.AccessOutcome(e.Outcome), Why: rest.Optional(e.Why), Purpose: rest.Optional(e.Purpose), Code: rest.Optional(e.Code),
				Identity: rest.Optional(api.AccessIdentity(e.Identity)), TraceId: rest.Optional(e.TraceID),
			}
		}),
		NextCursor:      rest.Optional(page.Next),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listAccesses"), query, w, page.Next),
	}, nil
}

func (h handlers) ListOwnAccesses(ctx context.Context, r api.ListOwnAccessesRequestObject) (api.ListOwnAccessesResponseObject, error) {
	q := accesslog.Query{From: rest.Value(r.Params.From), To: rest.Value(r.Params.To)}
	w := rest.NewWindow(r.Params.Limit, nil, r.Params.Cursor)
	page, err := h.service.ListOwnAccesses(ctx, r.Id, q, w)
	if err != nil {
		return nil, err
	}
	return api.ListOwnAccesses200JSONResponse{
		Items:           rest.Map(page.Items, ownAccess),
		NextCursor:      rest.Optional(page.Next),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listOwnAccesses", r.Id), period(q), w, page.Next),
	}, nil
}

// ownAccess returns an access as the person reads it: the authority, the unit and the role,
// and not which member of staff it was.
func ownAccess(f accesslog.Found) api.OwnAccess {
	e := f.Entry
	return api.OwnAccess{
		At: e.At, Service: api.AccessService(f.Service), Authority: rest.Optional(e.Authority), Unit: rest.Optional(e.Unit), Roles: rest.OptionalList(e.Roles),
		Operation: e.Operation, Outcome: api.AccessOutcome(e.Outcome), Why: rest.Optional(e.Why), Purpose: rest.Optional(e.Purpose),
		Identity: rest.Optional(api.AccessIdentity(e.Identity)),
	}
}

// period returns the parameters of a period, as far as it is given.
func period(q accesslog.Query) url.Values {
	v := url.Values{}
	for name, at := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return v
}
