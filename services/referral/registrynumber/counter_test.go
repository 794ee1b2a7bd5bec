package registrynumber

import (
	"slices"
	"testing"
	"time"
)

// noon is when the tests reserve.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestACounterLendsTheLowestNumbersAndForgetsThoseAtTheEnd(t *testing.T) {
	c := &Counter{Year: 2026}
	if got := c.Reserve(noon, []string{"a", "b", "c"}); !slices.Equal(got, []int{1, 2, 3}) {
		t.Fatalf("the first three are %v", got)
	}
	for _, step := range []struct {
		sentence string
		do       func()
		last     int
		free     []int
		pending  int
	}{
		{"one that is used is lent no more", func() { c.Settle(3, "c", true) }, 3, nil, 2},
		{"one that is given back below is free", func() { c.Settle(1, "a", false) }, 3, []int{1}, 1},
		{"settled twice it is settled once", func() { c.Settle(1, "a", false) }, 3, []int{1}, 1},
		{"another's loan is not mine to settle", func() { c.Settle(2, "x", false) }, 3, []int{1}, 1},
		{"the free one goes first", func() { c.Reserve(noon, []string{"d", "e"}) }, 4, nil, 3},
		{"one given back at the end was never begun", func() { c.Settle(4, "e", false) }, 3, nil, 2},
		{"nor were those before it", func() {
			c.Last, c.Free = 6, []int{5, 4}
			c.Pending = append(c.Pending, Pending{Number: 6, Referral: "f"})
			c.Settle(6, "f", false)
		}, 3, nil, 2},
	} {
		step.do()
		if c.Last != step.last || !slices.Equal(c.Free, step.free) || len(c.Pending) != step.pending {
			t.Errorf("%s: got %+v", step.sentence, c)
		}
	}
	if old := c.Expired(noon.Add(reservationGrace)); len(old) != 0 {
		t.Errorf("overdue within reservationGrace: %v", old)
	}
	if old := c.Expired(noon.Add(reservationGrace + time.Millisecond)); len(old) != 2 {
		t.Errorf("overdue after reservationGrace: %v", old)
	}
}

func TestARegistryNumberHasSixDigitsAtLeast(t *testing.T) {
	for number, want := range map[int]string{1: "2026-000001", 123: "2026-000123", 1_234_567: "2026-1234567"} {
		if got := Format(2026, number); got != want {
			t.Errorf("%d: got %s", number, got)
		}
	}
}
