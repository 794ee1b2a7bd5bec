package traced

import (
	"context"

	"github.com/finsam/finsam/pkg/store"
)

// Walk implements store.Engine.
func (e *engine) Walk(ctx context.Context, collection string, after store.Position, limit int) (f []store.Found, err error) {
	err = e.do(ctx, "walk", collection, func(ctx context.Context) error {
		f, err = e.next.Walk(ctx, collection, after, limit)
		return err
	})
	return f, err
}

// CountUpTo implements store.Engine.
func (e *engine) CountUpTo(ctx context.Context, collection, association string, where []store.Cond, most int) (n int64, err error) {
	err = e.do(ctx, "count", collection, func(ctx context.Context) error {
		n, err = e.next.CountUpTo(ctx, collection, association, where, most)
		return err
	})
	return n, err
}

// Rekey implements store.Engine.
func (e *engine) Rekey(ctx context.Context, collection string, r store.Record) error {
	return e.do(ctx, "rekey", collection, func(ctx context.Context) error { return e.next.Rekey(ctx, collection, r) })
}
