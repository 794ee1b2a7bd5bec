package figures_test

import (
	"testing"

	"github.com/finsam/finsam/services/referral/figures"
)

func month(name string, deltas ...figures.Delta) *figures.Month {
	m := &figures.Month{Month: name}
	for _, d := range deltas {
		m.Apply(d)
	}
	return m
}

func TestThePeriodSumsItsMonthsAndTheQueueFollowsFromAllBefore(t *testing.T) {
	in := func(measure, detail, municipality string) figures.Cell {
		return figures.Cell{Measure: measure, Detail: detail, Source: "region", Gender: "female", Municipality: municipality}
	}
	months := []*figures.Month{
		month("2026-01", figures.Delta{Up: []figures.Cell{in(figures.Received, "", "1481"), in(figures.Waiting, "", "1481")}}),
		month("2026-02", figures.Delta{Up: []figures.Cell{in(figures.Received, "", "1481"), in(figures.Waiting, "", "1481")}},
			figures.Delta{Up: []figures.Cell{in(figures.Received, "", "1402"), in(figures.Rejected, "no_capacity", "1402")}}),
		month("2026-03", figures.Delta{Down: []figures.Cell{in(figures.Waiting, "", "1481")}, Up: []figures.Cell{in(figures.Accepted, "", "1481")}}),
	}
	get := func(r figures.Result, by, value, measure, detail string) int64 {
		for _, row := range r.Rows {
			if row.By == by && row.Value == value && row.Measure == measure && row.Detail == detail {
				return row.N
			}
		}
		return 0
	}
	feb := figures.Over(months, "2026-02", "2026-02", "")
	for _, c := range []struct {
		by, value, measure, detail string
		want                       int64
	}{
		{figures.ByTotal, "", figures.Received, "", 2}, {figures.ByMunicipality, "1481", figures.Received, "", 1}, {figures.ByGender, "female", figures.Received, "", 2},
		{figures.ByTotal, "", figures.Waiting, "", 2}, {figures.ByTotal, "", figures.Rejected, "no_capacity", 1}, {figures.ByTotal, "", figures.Rejected, "", 1}, {figures.ByTotal, "", figures.Accepted, "", 0},
	} {
		if got := get(feb, c.by, c.value, c.measure, c.detail); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
	all := figures.Over(months, "2026-01", "2026-12", "1481")
	if get(all, figures.ByTotal, "", figures.Received, "") != 2 || get(all, figures.ByTotal, "", figures.Waiting, "") != 1 || get(all, figures.ByTotal, "", figures.Rejected, "") != 0 {
		t.Errorf("got %+v", all.Rows)
	}
}

func TestPercentilesAreTheNearestRank(t *testing.T) {
	spans := func(days ...int) *figures.Month {
		m := &figures.Month{Month: "2026-01"}
		for _, d := range days {
			m.Apply(figures.Delta{Spans: []figures.Span{{Step: figures.ToDecision, Municipality: "1481", Days: d}}})
		}
		return m
	}
	for _, c := range []struct {
		days        []int
		median, p90 int
	}{
		{[]int{4}, 4, 4}, {[]int{1, 9}, 1, 9}, {[]int{3, 1, 2}, 2, 3}, {[]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 5, 9}, {[]int{0, 0, 0, 0, 100}, 0, 100},
	} {
		r := figures.Over([]*figures.Month{spans(c.days...)}, "2026-01", "2026-01", "")
		if l := r.Leads[0]; l.Median != c.median || l.P90 != c.p90 || l.N != int64(len(c.days)) {
			t.Errorf("%v: got %+v", c.days, l)
		}
	}
}

func TestWhatComesToNothingLeavesNoTrace(t *testing.T) {
	c := figures.Cell{Measure: figures.Waiting, Municipality: "1481"}
	if m := month("2026-01", figures.Delta{Up: []figures.Cell{c}}, figures.Delta{Down: []figures.Cell{c}}); len(m.Cells) != 0 {
		t.Errorf("got %v", m.Cells)
	}
}
