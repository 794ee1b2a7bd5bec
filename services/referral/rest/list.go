package rest

import (
	"context"
	api "github.com/finsam/finsam/pkg/api/referral"
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
	w, f := window(p.Limit, p.Page, p.Cursor), filter(p)
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
	w := window(r.Params.Limit, r.Params.Page, r.Params.Cursor)
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

// window reads where in a list the answer is wanted.
func window(limit, page *int, cursor *string) store.Window {
	w := store.Window{Limit: 20, Page: 1, Cursor: value(cursor)}
	if limit != nil {
		w.Limit = *limit
	}
	if page != nil {
		w.Page = *page
	}
	return w
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
		UnderscoreMeta:  part(w, len(l.Items), l.Next, l.Total),
		UnderscoreLinks: listLinks(path, q, w, l.Next),
	}
	for _, v := range l.Items {
		b.Items = append(b.Items, summary(v))
	}
	return b
}

// part tells where in a list an answer is. A page number and totals belong to a
// list read by page; read by cursor it has neither.
func part(w store.Window, count int, next string, all *store.Total) api.Meta {
	m := api.Meta{Limit: w.Limit, Count: count, NextCursor: optional[string](next)}
	if all != nil {
		total := int(all.Records)
		pages := (total + w.Limit - 1) / w.Limit
		m.Page, m.TotalRecords, m.TotalPages, m.TotalRecordsIsMinimum = &w.Page, &total, &pages, &all.Minimum
	}
	return m
}

// listLinks returns this part of the list and the next one.
func listLinks(path string, q url.Values, w store.Window, next string) api.Links {
	q.Set("limit", strconv.Itoa(w.Limit))
	all := api.Links{}
	if next != "" {
		q.Set("cursor", next)
		all["next"] = api.Link{Href: path + "?" + q.Encode()}
		q.Del("cursor")
	}
	if w.Cursor != "" {
		q.Set("cursor", w.Cursor)
	} else {
		q.Set("page", strconv.Itoa(w.Page))
	}
	all["self"] = api.Link{Href: path + "?" + q.Encode()}
	return all
}
