package standalone

import (
	"context"
	"errors"
	"testing"
)

func TestTheFirstPartThatFailsEndsTheSuite(t *testing.T) {
	failed := errors.New("failed")
	s := &Suite{workers: []func(context.Context) error{
		func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		func(context.Context) error { return failed },
	}}
	if err := s.Run(t.Context()); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
}
