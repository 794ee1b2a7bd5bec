package carry_test

import (
	"context"
	"testing"

	"github.com/finsam/finsam/pkg/carry"
)

type name string

type other string

func TestAContextHasTheNearestValueOfAType(t *testing.T) {
	ctx, cancel := context.WithCancel(carry.With(carry.With(t.Context(), name("far")), other("x")))
	near := carry.With(ctx, name("near"))
	if v := carry.From[name](near); v == nil || *v != "near" {
		t.Errorf("got %v", v)
	}
	if v := carry.From[name](ctx); v == nil || *v != "far" {
		t.Errorf("got %v", v)
	}
	if v := carry.From[other](near); v == nil || *v != "x" {
		t.Errorf("got %v", v)
	}
	if v := carry.From[string](near); v != nil {
		t.Errorf("got %q of a type that nobody put there", *v)
	}
	if cancel(); near.Err() == nil {
		t.Error("the context did not end with its parent")
	}
}

func TestAValueTakesOnePieceOfMemory(t *testing.T) {
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { ctx = carry.From[holder](carry.With(ctx, holder{t.Context()})).Context }); n != 1 {
		t.Errorf("%v allocations", n)
	}
}

type holder struct{ context.Context }
