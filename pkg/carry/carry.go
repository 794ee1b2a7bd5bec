// Package carry puts a value into a context in one piece of memory. context.WithValue takes
// two, and each request has several values.
package carry

import "context"

// carrier is a context with a value.
type carrier[T any] struct {
	context.Context
	value T
}

type key[T any] struct{}

// Value implements context.Context.
func (c *carrier[T]) Value(k any) any {
	if k == any(key[T]{}) {
		return &c.value
	}
	return c.Context.Value(k)
}

// With returns a context with the value, in the place of another of its type.
func With[T any](ctx context.Context, value T) context.Context { return &carrier[T]{ctx, value} }

// From returns the context's value of the type; nil: it has none.
func From[T any](ctx context.Context) *T {
	v, _ := ctx.Value(key[T]{}).(*T)
	return v
}
