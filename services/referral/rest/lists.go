package rest

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
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
func filter(p api.ListReferralsParams) referral.Filter {
	f := referral.Filter{
		Municipality: value(p.Municipality), Asked: value(p.TransferTo), Unit: value(p.Unit),
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
		b.Items[i].UnderscoreLinks = wanted(v)
	}
	return api.ListTasks200JSONResponse(b), nil
}

// window reads where in a list the answer is wanted.
func window(limit, page *int, cursor *string) referral.Window {
	w := referral.Window{Limit: 20, Page: 1, Cursor: value(cursor)}
	if limit != nil {
		w.Limit = *limit
	}
	if page != nil {
		w.Page = *page
	}
	return w
}

// sorted reads the order of a list; left out it is the noun's, or the cursor's.
func sorted(key, order string) referral.Sort {
	if key == "" && order == "" {
		return referral.Sort{}
	}
	if key == "" {
		key = referral.SortReceived
	}
	return referral.Sort{Key: key, Desc: order == "descending" || order == "" && key == referral.SortReceived}
}

// filterQuery writes the filter as it was asked for.
func filterQuery(f referral.Filter, p api.ListReferralsParams) url.Values {
	q := url.Values{}
	var states []string
	for _, s := range f.States {
		states = append(states, string(s))
	}
	set(q, "state", strings.Join(states, ","))
	set(q, "municipality", f.Municipality)
	set(q, "transferTo", f.Asked)
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
func list(l *referral.List, w referral.Window, path string, q url.Values) api.ReferralList {
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
func part(w referral.Window, count int, next string, all *store.Total) api.Meta {
	m := api.Meta{Limit: w.Limit, Count: count, NextCursor: optional[string](next)}
	if all != nil {
		total := int(all.Records)
		pages := (total + w.Limit - 1) / w.Limit
		m.Page, m.TotalRecords, m.TotalPages, m.TotalRecordsIsMinimum = &w.Page, &total, &pages, &all.Minimum
	}
	return m
}

// listLinks returns this part of the list and the next one.
func listLinks(path string, q url.Values, w referral.Window, next string) api.Links {
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

// answers names the operations that end a wait, as far as they are this service's.
var answers = map[referral.Wait][]string{
	referral.WaitDecision: {"acceptReferral", "rejectReferral", "waitlistReferral", "requestSupplement", "requestTransfer"},
	referral.WaitPlace:    {"acceptReferral", "rejectReferral", "waitlistReferral"},
	// Of a transfer whose answer nobody may give any more, the way back.
	referral.WaitTransfer:   {"acceptTransfer", "declineTransfer", "cancelTransfer"},
	referral.WaitSupplement: {"sendSupplement"},
}

// wanted returns the links of a task: the thing itself, and what ends the wait.
func wanted(v *referral.View) api.Links {
	all := links(v, fromList)
	for _, operation := range v.Acts {
		if v.Turn == nil || !slices.Contains(answers[v.Turn.Wait], operation) {
			delete(all, actions[operation].link)
		}
	}
	enrolment := v.Referral.Enrolment()
	if v.Turn == nil || enrolment == "" {
		return all
	}
	at, n := "enrolments/"+enrolment, v.Turn.Number
	put := func(name, path string) { all[name] = api.Link{Href: at + path} }
	switch v.Turn.Wait {
	case referral.WaitStart:
		put("start", "/start")
	case referral.WaitCheckInAnswer:
		put("answer", "/check-ins/"+strconv.Itoa(n)+"/answer")
	case referral.WaitCheckInDecision:
		put("decision", "/check-ins/"+strconv.Itoa(n)+"/decision")
	case referral.WaitNextBlock:
		put("blockStart", "/blocks/"+strconv.Itoa(n+1)+"/start")
	case referral.WaitClosing:
		put("closingConversation", "/closing-conversation")
		put("closingDocumentation", "/closing-documentation")
	}
	return all
}
