package figures

import "testing"

func month(name string, deltas ...Delta) *Month {
	m := &Month{Month: name}
	for _, d := range deltas {
		m.Apply(d)
	}
	return m
}

func TestThePeriodSumsItsMonthsAndTheQueueFollowsFromAllBefore(t *testing.T) {
	in := func(measure, detail, municipality string) Cell {
		return Cell{Measure: measure, Detail: detail, Source: "region", Gender: "female", Municipality: municipality}
	}
	months := []*Month{
		month("2026-01", Delta{Up: []Cell{in(Received, "", "1481"), in(Waiting, "", "1481")}}),
		month("2026-02", Delta{Up: []Cell{in(Received, "", "1481"), in(Waiting, "", "1481")}},
			Delta{Up: []Cell{in(Received, "", "1402"), in(Rejected, "no_capacity", "1402")}}),
		month("2026-03", Delta{Down: []Cell{in(Waiting, "", "1481")}, Up: []Cell{in(Accepted, "", "1481")}}),
	}
	get := func(r Result, by, value, measure, detail string) int64 {
		for _, row := range r.Rows {
			if row.By == by && row.Value == value && row.Measure == measure && row.Detail == detail {
				return row.N
			}
		}
		return 0
	}
	feb := Over(months, "2026-02", "2026-02", "")
	for _, c := range []struct {
		by, value, measure, detail string
		want                       int64
	}{
		{ByTotal, "", Received, "", 2}, {ByMunicipality, "1481", Received, "", 1}, {ByGender, "female", Received, "", 2},
		{ByTotal, "", Waiting, "", 2}, {ByTotal, "", Rejected, "no_capacity", 1}, {ByTotal, "", Rejected, "", 1}, {ByTotal, "", Accepted, "", 0},
	} {
		if got := get(feb, c.by, c.value, c.measure, c.detail); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
	all := Over(months, "2026-01", "2026-12", "1481")
	if get(all, ByTotal, "", Received, "") != 2 || get(all, ByTotal, "", Waiting, "") != 1 || get(all, ByTotal, "", Rejected, "") != 0 {
		t.Errorf("got %+v", all.Rows)
	}
}

func TestPercentilesAreTheNearestRank(t *testing.T) {
	spans := func(days ...int) *Month {
		m := &Month{Month: "2026-01"}
		for _, d := range days {
			m.Apply(Delta{Spans: []Span{{Step: ToDecision, Municipality: "1481", Days: d}}})
		}
		return m
	}
	for _, c := range []struct {
		days        []int
		median, p90 int
	}{
		{[]int{4}, 4, 4}, {[]int{1, 9}, 1, 9}, {[]int{3, 1, 2}, 2, 3}, {[]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 5, 9}, {[]int{0, 0, 0, 0, 100}, 0, 100},
	} {
		r := Over([]*Month{spans(c.days...)}, "2026-01", "2026-01", "")
		if l := r.Leads[0]; l.Median != c.median || l.P90 != c.p90 || l.N != int64(len(c.days)) {
			t.Errorf("%v: got %+v", c.days, l)
		}
	}
}

func TestWhatComesToNothingLeavesNoTrace(t *testing.T) {
	c := Cell{Measure: Waiting, Municipality: "1481"}
	if m := month("2026-01", Delta{Up: []Cell{c}}, Delta{Down: []Cell{c}}); len(m.Cells) != 0 {
		t.Errorf("got %v", m.Cells)
	}
}
