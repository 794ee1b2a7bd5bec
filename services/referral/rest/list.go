package rest

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/service"
)

// ListReferrals answers GET /referrals.
func (h handlers) ListReferrals(ctx context.Context, r api.ListReferralsRequestObject) (api.ListReferralsResponseObject, error) {
	p := r.Params
	w, f := rest.NewWindow(p.Limit, p.Page, p.Cursor), filter(p)
	l, err := h.service.List(ctx, f, w)
	if err != nil {
		return nil, err
	}
	overdue, since := "", ""
	if !f.ChangedSince.IsZero() {
		since = f.ChangedSince.Format(time.RFC3339Nano)
	}
	if f.Overdue != nil {
		overdue = strconv.FormatBool(*f.Overdue)
	}
	q := rest.Query(
		"state", strings.Join(rest.Convert[string](f.States), ","), "municipality", f.Municipality, "transferTo", f.TransferTo,
		"unit", f.Unit, "receivedFrom", f.From, "receivedTo", f.To, "participant", f.Participant, "responsible", f.Responsible, "coach", f.Coach, "changedSince", since, "initiative", f.Initiative,
		"externalReference", f.ExternalReference, "source", string(f.Source), "registryNumber", f.RegistryNumber,
		"sort", string(rest.Value(p.Sort)), "order", string(rest.Value(p.Order)), "overdue", overdue)
	b, err := h.list(ctx, p.Include, l, w, nil, "listReferrals", q)
	return api.ListReferrals200JSONResponse(b), err
}

func filter(p api.ListReferralsParams) service.Filter {
	f := service.Filter{
		Municipality: rest.Value(p.Municipality), TransferTo: rest.Value(p.TransferTo), Unit: rest.Value(p.Unit),
		From: rest.Value(p.ReceivedFrom), To: rest.Value(p.ReceivedTo), Initiative: rest.Value(p.Initiative),
		Participant: rest.Value(p.Participant), Responsible: rest.Value(p.Responsible), Coach: rest.Value(p.Coach), ChangedSince: rest.Value(p.ChangedSince).UTC(),
		States: rest.Convert[referral.State](rest.Value(p.State)), Overdue: p.Overdue, ExternalReference: rest.Value(p.ExternalReference),
		Source: referral.Source(rest.Value(p.Source)), RegistryNumber: rest.Value(p.RegistryNumber),
	}
	// Without key and order the order is the noun's, or the cursor's.
	key, order := string(rest.Value(p.Sort)), string(rest.Value(p.Order))
	if key == "" && order != "" {
		key = service.SortReceived
	}
	if key != "" {
		f.Sort = service.Sort{Key: key, Desc: order == "descending" || order == "" && key == service.SortReceived}
	}
	return f
}

// ListTasks answers GET /tasks.
func (h handlers) ListTasks(ctx context.Context, r api.ListTasksRequestObject) (api.ListTasksResponseObject, error) {
	w := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	f := service.Filter{Participant: rest.Value(r.Params.Participant), Responsible: rest.Value(r.Params.Responsible), Coach: rest.Value(r.Params.Coach)}
	l, err := h.service.Tasks(ctx, f, w)
	if err != nil {
		return nil, err
	}
	q := rest.Query("participant", f.Participant, "responsible", f.Responsible, "coach", f.Coach)
	b, err := h.list(ctx, r.Params.Include, l, w, h.taskLinks, "listTasks", q)
	return api.ListTasks200JSONResponse(b), err
}

// list writes a part of a list; links returns an item's links, or is nil for all that the
// caller can do with it.
func (h handlers) list(ctx context.Context, include *[]api.ListInclude, l *service.List, w store.Window, links func(*referral.View) api.Links, operation string, q url.Values) (b api.ReferralList, err error) {
	var who map[string]referral.Identity
	if include != nil {
		q.Set("include", string(api.ListIncludeIdentity))
		if who, err = h.service.IdentitiesIn(ctx, l); err != nil {
			return b, err
		}
	}
	if links == nil {
		links = func(v *referral.View) api.Links { return h.links(v, v.Operations) }
	}
	return api.ReferralList{
		Items: rest.Map(l.Items, func(v *referral.View) api.ReferralSummary {
			item := summary(v, links(v))
			if i, shown := who[v.Referral.Participant]; shown {
				item.Identity = &api.ListedIdentity{DisplayName: i.Name, Protected: i.Protected, PersonalIdentityNumber: rest.Optional(i.Number)}
			}
			return item
		}),
		UnderscoreMeta:  rest.NewMeta(w, len(l.Items), l.Next, l.Total),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", operation), q, w, l.Next),
	}, nil
}
