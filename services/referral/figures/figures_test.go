package figures

import (
	"math"
	"testing"
)

// chances returns the probability of each deviation in a row of the table.
func chances(n int64) map[int64]float64 {
	row := noise[min(n, int64(len(noise)))-1]
	p, before := map[int64]float64{}, 0.0
	for i, limit := range append(append([]uint32{}, row.limits...), 0) {
		upTo := float64(limit) / (1 << 32)
		if i == len(row.limits) {
			upTo = 1
		}
		p[int64(row.lowest+i)] = upTo - before
		before = upTo
	}
	return p
}

// maxDeviation is the most that a shown count differs from the true one.
const maxDeviation = 3

func TestTheNoiseIsFairBoundedAndLeavesNothingBelowZero(t *testing.T) {
	for n := int64(1); n <= 6; n++ {
		mean, variance, all := 0.0, 0.0, 0.0
		for v, p := range chances(n) {
			if p <= 0 || n+v < 0 || v > maxDeviation || v < -maxDeviation {
				t.Errorf("%d becomes %d with probability %f", n, n+v, p)
			}
			mean, variance, all = mean+p*float64(v), variance+p*float64(v*v), all+p
		}
		if math.Abs(mean) > 1e-8 || math.Abs(all-1) > 1e-12 {
			t.Errorf("%d: mean %g, all %g", n, mean, all)
		}
		if n >= 3 && math.Abs(variance-10.0/3) > 1e-6 {
			t.Errorf("%d: variance %f", n, variance)
		}
	}
}

func TestTheBestGuessWhetherOnePersonIsInACellIsAsPoorAsWasPromised(t *testing.T) {
	// Anyone who knows all but one of a cell guesses between two counts by what is shown.
	guess := 0.0
	a, b := chances(7), chances(8)
	for shown := int64(0); shown < 15; shown++ {
		guess += math.Max(a[shown-7], b[shown-8]) / 2
	}
	if math.Abs(guess-0.589) > 0.001 {
		t.Errorf("right in %.1f %% of the cases", 100*guess)
	}
}

func TestZeroStaysZeroAndTheSameCellHasTheSameNoise(t *testing.T) {
	if got := (Sum{0, 12345}).shielded(); got.N != 0 {
		t.Errorf("nobody became %d", got.N)
	}
	for key := uint32(7); key < math.MaxUint32-1<<24; key += 1 << 24 {
		s := Sum{5, key}
		if a, b := s.shielded(), s.shielded(); a != b || a.N < 2 || a.N > 8 || a.Key != 0 {
			t.Fatalf("got %+v and %+v", a, b)
		}
	}
}

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
		month("2026-01", Delta{Key: 1, Up: []Cell{in(Received, "", "1481"), in(Waiting, "", "1481")}}),
		month("2026-02", Delta{Key: 2, Up: []Cell{in(Received, "", "1481"), in(Waiting, "", "1481")}},
			Delta{Key: 3, Up: []Cell{in(Received, "", "1402"), in(Rejected, "no_capacity", "1402")}}),
		month("2026-03", Delta{Key: 1, Down: []Cell{in(Waiting, "", "1481")}, Up: []Cell{in(Accepted, "", "1481")}}),
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

func TestPercentilesAreTheNearestRankAndWithheldOfFew(t *testing.T) {
	spans := func(days ...int) *Month {
		m := &Month{Month: "2026-01"}
		for i, d := range days {
			m.Apply(Delta{Key: uint32(i), Spans: []Span{{Step: ToDecision, Municipality: "1481", Days: d}}})
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
		if l := r.Leads[0]; l.Median != c.median || l.P90 != c.p90 || l.N != int64(len(c.days)) || l.Withheld() {
			t.Errorf("%v: got %+v", c.days, l)
		}
		for _, l := range r.Shielded().Leads {
			if l.Withheld() != (len(c.days) < 5) {
				t.Errorf("%v: got %+v", c.days, l)
			}
		}
	}
}

func TestWhatComesToNothingLeavesNoTrace(t *testing.T) {
	c := Cell{Measure: Waiting, Municipality: "1481"}
	if m := month("2026-01", Delta{Key: 9, Up: []Cell{c}}, Delta{Key: 9, Down: []Cell{c}}); len(m.Cells) != 0 {
		t.Errorf("got %v", m.Cells)
	}
}
