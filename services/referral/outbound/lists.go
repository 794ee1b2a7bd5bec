package outbound

import (
	"context"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// Window is the part of a list that is wanted: a page, or what follows a cursor.
type Window = store.Window

// List is a part of a list.
type List[T any] struct {
	Items []T
	Next  string       // cursor; empty on the last page
	Total *store.Total // of the whole list; nil when it was read by cursor
}

// latestFirst is the order of the lists.
var latestFirst = []store.Order{{Key: keyAt, Desc: true}}

// page reads a part of a list, with its total when it is read by page.
func page[T any](ctx context.Context, c *store.Collection[T], association string, where []store.Cond, w Window) (store.Page[T], *store.Total, error) {
	after, err := store.ParseCursor(w.Cursor, len(latestFirst))
	if err != nil {
		return store.Page[T]{}, nil, err
	}
	q := store.Query{Association: association, Where: where, Sort: latestFirst, After: after, Limit: w.Limit}
	var all *store.Total
	if w.Cursor == "" {
		q.Skip = (w.Page - 1) * w.Limit
		total, err := c.Total(ctx, association, where)
		if all = &total; err != nil || int64(q.Skip) >= total.Records && !total.Minimum {
			return store.Page[T]{}, all, err
		}
	}
	found, err := c.Find(ctx, q)
	return found, all, err
}

// ownWebhooks returns what the caller's webhooks are found by; ok is false when it
// has no place of its own.
func ownWebhooks(operation string, a actor.Actor) (where []store.Cond, ok bool) {
	relation, _ := access.Scope(operation, a)
	switch {
	case relation == access.OwnMunicipality && a.Municipality != "":
		return []store.Cond{{Key: keyPlace, Op: store.Eq, Value: a.Municipality}}, true
	case relation == access.OwnAuthority && a.Authority != "":
		return []store.Cond{{Key: keyAuthority, Op: store.Eq, Value: a.Authority}}, true
	}
	return nil, false
}

// Webhooks returns the webhooks of the caller's authority, or municipality.
func (s *Service) Webhooks(ctx context.Context, w Window) (*List[*Kept], error) {
	a := actor.From(ctx)
	if !access.MayCall("listWebhooks", a) {
		return nil, fault.ErrForbidden
	}
	where, ok := ownWebhooks("listWebhooks", a)
	if !ok {
		return &List[*Kept]{Total: &store.Total{}}, nil
	}
	found, total, err := page(ctx, s.webhooks, a.Association, where, w)
	if err != nil {
		return nil, err
	}
	l := &List[*Kept]{Next: found.Next.String(), Total: total}
	for _, v := range found.Items {
		l.Items = append(l.Items, &Kept{Webhook: v.Value, Version: v.Version})
	}
	return l, nil
}

// Deliveries returns the deliveries of a webhook, the latest first; state narrows
// them, empty: any. What may not be told any more is left out, and so a page may be
// shorter than another.
func (s *Service) Deliveries(ctx context.Context, id string, state DeliveryState, w Window) (*List[*Delivery], error) {
	v, err := s.load(ctx, "listDeliveries", id)
	if err != nil {
		return nil, err
	}
	where := []store.Cond{{Key: keyWebhook, Op: store.Eq, Value: id}}
	if state != "" {
		where = append(where, store.Cond{Key: keyState, Op: store.Eq, Value: string(state)})
	}
	found, total, err := page(ctx, s.deliveries, v.Value.Association, where, w)
	if err != nil {
		return nil, err
	}
	all := make([]*Delivery, 0, len(found.Items))
	for _, d := range found.Items {
		all = append(all, d.Value)
	}
	ids, err := s.deliveryIDs(ctx, v.Value, all...)
	if err != nil {
		return nil, err
	}
	l := &List[*Delivery]{Next: found.Next.String(), Total: total}
	for i, d := range all {
		if d.Event = ids[i]; d.Event != "" {
			l.Items = append(l.Items, d)
		}
	}
	return l, nil
}
