package rest

import (
	"context"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/service"
	"net/url"
	"strconv"
	"strings"
)

// ListReferrals answers GET /referrals.
func (h handlers) ListReferrals(ctx context.Context, r api.ListReferralsRequestObject) (api.ListReferralsResponseObject, error) {
	p := r.Params
	w, f := rest.NewWindow(p.Limit, p.Page, p.Cursor), filter(p)
	l, err := h.service.List(ctx, f, w)
	if err != nil {
		return nil, err
	}
	return api.ListReferrals200JSONResponse(list(l, w, "referrals", filterQuery(f, p))), nil
}

// filter reads what a list is narrowed by.
func filter(p api.ListReferralsParams) service.Filter {
	f := service.Filter{
		Municipality: value(p.Municipality), TransferTo: value(p.TransferTo), Unit: value(p.Unit),
		From: value(p.ReceivedFrom), To: value(p.ReceivedTo), Responsible: value(p.Responsible), Initiative: value(p.Initiative),
		Overdue: p.Overdue, ExternalReference: value(p.ExternalReference),
		Source: referral.Source(value(p.Source)), RegistryNumber: value(p.RegistryNumber),
	}
	if p.State != nil {
		for _, s := range *p.State {
			f.States = append(f.States, referral.State(s))
		}
	}
	f.Sort = sorted(value(p.Sort), value(p.Order))
	return f
}

// ListTasks answers GET /tasks.
func (h handlers) ListTasks(ctx context.Context, r api.ListTasksRequestObject) (api.ListTasksResponseObject, error) {
	w := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	responsible := value(r.Params.Responsible)
	l, err := h.service.Tasks(ctx, responsible, w)
	if err != nil {
		return nil, err
	}
	q := url.Values{}
	set(q, "responsible", responsible)
	b := list(l, w, "tasks", q)
	for i, v := range l.Items {
		b.Items[i].UnderscoreLinks = taskLinks(v)
	}
	return api.ListTasks200JSONResponse(b), nil
}

// sorted reads the order of a list; left out it is the noun's, or the cursor's.
func sorted(key, order string) service.Sort {
	if key == "" && order == "" {
		return service.Sort{}
	}
	if key == "" {
		key = service.SortReceived
	}
	return service.Sort{Key: key, Desc: order == "descending" || order == "" && key == service.SortReceived}
}

// filterQuery writes the filter as it was asked for.
func filterQuery(f service.Filter, p api.ListReferralsParams) url.Values {
	q := url.Values{}
	var states []string
	for _, s := range f.States {
		states = append(states, string(s))
	}
	set(q, "state", strings.Join(states, ","))
	set(q, "municipality", f.Municipality)
	set(q, "transferTo", f.TransferTo)
	set(q, "unit", f.Unit)
	set(q, "receivedFrom", f.From)
	set(q, "receivedTo", f.To)
	set(q, "responsible", f.Responsible)
	set(q, "initiative", f.Initiative)
	set(q, "externalReference", f.ExternalReference)
	set(q, "source", string(f.Source))
	set(q, "registryNumber", f.RegistryNumber)
	set(q, "sort", value(p.Sort))
	set(q, "order", value(p.Order))
	if f.Overdue != nil {
		set(q, "overdue", strconv.FormatBool(*f.Overdue))
	}
	return q
}

func set(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

// list writes a part of a list.
func list(l *service.List, w store.Window, path string, q url.Values) api.ReferralList {
	b := api.ReferralList{
		Items:           make([]api.ReferralSummary, 0, len(l.Items)),
		UnderscoreMeta:  rest.NewMeta(w, len(l.Items), l.Next, l.Total),
		UnderscoreLinks: rest.ListLinks(path, q, w, l.Next),
	}
	for _, v := range l.Items {
		b.Items = append(b.Items, summary(v))
	}
	return b
}
