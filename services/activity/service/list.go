package service

import (
	"context"

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
var latestFirst = []store.Order{{Key: bookedKey, Desc: true}}

// page reads a part of a list, the latest first.
func page[T any](ctx context.Context, c *store.Collection[T], association string, where []store.Cond, w Window) (*List[*T], error) {
	after, err := store.ParseCursor(w.Cursor, len(latestFirst))
	if err != nil {
		return nil, err
	}
	q := store.Query{Association: association, Where: where, Sort: latestFirst, After: after, Limit: w.Limit}
	list := &List[*T]{}
	if w.Cursor == "" {
		q.Skip = (w.Page - 1) * w.Limit
		total, err := c.Total(ctx, association, where)
		if err != nil {
			return nil, err
		}
		list.Total = &total
		if !total.Minimum && int64(q.Skip) >= total.Records {
			return list, nil
		}
	}
	found, err := c.Find(ctx, q)
	if err != nil {
		return nil, err
	}
	list.Next = found.Next.String()
	for _, v := range found.Items {
		list.Items = append(list.Items, v.Value)
	}
	return list, nil
}
