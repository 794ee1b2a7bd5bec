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
	found, total, err := c.List(ctx, store.Query{Association: association, Where: where, Sort: latestFirst}, w)
	if err != nil {
		return nil, err
	}
	list := &List[*T]{Next: found.Next.String(), Total: total}
	for _, v := range found.Items {
		list.Items = append(list.Items, v.Value)
	}
	return list, nil
}
