package publication

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/civil"
)

func TestTheNoiseIsFairBoundedAndShowsNeitherOneNorTwo(t *testing.T) {
	for n := 1; n <= 9; n++ {
		mean, variance, all := 0.0, 0.0, 0.0
		for shown, p := range chances(n) {
			v := float64(shown - n)
			if p <= 0 || shown < 0 || shown == 1 || shown == 2 || math.Abs(v) > maxDeviation {
				t.Errorf("%d becomes %d with chance %f", n, shown, p)
			}
			mean, variance, all = mean+p*v, variance+p*v*v, all+p
		}
		if math.Abs(mean) > 1e-8 || math.Abs(all-1) > 1e-12 || math.Abs(variance-3) > 1e-6 {
			t.Errorf("%d: mean %g, variance %g, all %g", n, mean, variance, all)
		}
	}
	if Shown(0, 12345) != 0 || Shown(-1, 1) != 0 {
		t.Error("nobody is somebody")
	}
}

func TestOneShownValueSaysLittleOfOnePerson(t *testing.T) {
	worst, published := 0.0, 0.0
	for n := range 20 {
		guess := 0.0
		a, b := chances(n), chances(n+1)
		for shown := range 30 {
			guess += max(a[shown], b[shown]) / 2
		}
		if worst = max(worst, guess); n > certain { // fewer are never published alone
			published = max(published, guess)
		}
	}
	t.Logf("the best guess between two neighbouring counts is right in at most %.1f %%, of those that are published %.1f %%", 100*worst, 100*published)
	if worst > .68 || published > .63 {
		t.Errorf("%.4f, %.4f", worst, published)
	}
}

// TestSeveralRowsThatAPersonIsInSayMoreTogether is what a publication does not promise, so that
// its decision says the truth of it: who knows all others exactly sees in each row that
// somebody is in another deviation.
func TestSeveralRowsThatAPersonIsInSayMoreTogether(t *testing.T) {
	for rows, most := range map[int]float64{1: .63, 2: .68, 4: .74, 8: .82} {
		worst, large := 0.0, 0.0
		for n := certain + 1; n <= 20; n++ { // fewer are never published alone
			a, b := chances(n), chances(n+1)
			// guess sums over how often each shown value, from one on, can be among the rows that
			// are left; p and q are the chances of those before.
			var guess func(shown, left int, p, q float64) float64
			guess = func(shown, left int, p, q float64) (sum float64) {
				if shown == 40 {
					if left > 0 {
						return 0
					}
					return max(p, q) / 2
				}
				for often := 0; often <= left && p+q > 0; often++ {
					sum += guess(shown+1, left-often, p, q)
					p, q = p*a[shown]*float64(left-often)/float64(often+1), q*b[shown]*float64(left-often)/float64(often+1)
				}
				return sum
			}
			large = guess(0, rows, 1, 1)
			worst = max(worst, large)
		}
		t.Logf("%d rows: the best guess whether one more is in is right in %.1f %%, in small rows in %.1f %% at most", rows, 100*large, 100*worst)
		if worst > most || rows == 8 && worst < .75 {
			t.Errorf("%d rows: %.4f", rows, worst)
		}
	}
}

func TestTwoNestedRowsSayLittleOfOnePersonInTheirDifference(t *testing.T) {
	worst := 0.0
	for inner := certain + 1; inner < 25; inner++ {
		for n := range 25 {
			guess := max(likelihood(inner, n, true, 0), likelihood(inner, n+1, true, 0)) / 2
			for apart := -10; apart < 40; apart++ {
				guess += max(likelihood(inner, n, false, apart), likelihood(inner, n+1, false, apart)) / 2
			}
			worst = max(worst, guess)
		}
	}
	t.Logf("the best guess between two neighbouring differences is right in at most %.1f %%", 100*worst)
	if worst > .60 {
		t.Errorf("%.4f", worst)
	}
}

func TestTheLotThatMergesRowsFallsWithEachPersonOfDifference(t *testing.T) {
	for n := range maxAlike + 3 {
		merged := 0
		for key := range uint32(20000) {
			if isAlike(n, key*214748) {
				merged++
			}
		}
		if got := float64(merged) / 20000; math.Abs(got-chanceAlike(n)) > .02 {
			t.Errorf("a difference of %d: merged in %.3f", n, got)
		}
	}
}

func TestAPeriodIsATertialOrAYearThatIsOver(t *testing.T) {
	for period, want := range map[Period][2]civil.Date{
		"2026": {"2026-01-01", "2027-01-01"}, "2026-t1": {"2026-01-01", "2026-05-01"}, "2026-t2": {"2026-05-01", "2026-09-01"}, "2026-t3": {"2026-09-01", "2027-01-01"},
	} {
		from, until, ok := period.Span()
		if !ok || from != want[0] || until != want[1] {
			t.Errorf("%s: %s to %s", period, from, until)
		}
		if err := period.Check(until); err != nil {
			t.Errorf("%s is over: %v", period, err)
		}
		if err := period.Check(until.AddDays(-1)); !errors.Is(err, ErrNotOver) {
			t.Errorf("%s is not over: %v", period, err)
		}
	}
	for _, period := range []Period{"", "26", "2026-t0", "2026-t4", "2026-01", "abcd", "2026-tx", "1999"} {
		if _, _, ok := period.Span(); ok {
			t.Errorf("%q is a period", period)
		}
	}
}

func TestWhoMadeAPublicationDoesNotReleaseIt(t *testing.T) {
	p := &Publication{MadeBy: "kansli-1", Changes: 1}
	if err := p.Release("kansli-1", time.Now()); !errors.Is(err, ErrOwn) || p.IsReleased() {
		t.Errorf("got %v", err)
	}
	if err := p.Release("kansli-2", time.Now()); err != nil || !p.IsReleased() || p.Changes != 2 {
		t.Errorf("got %v, %+v", err, p)
	}
	if err := p.Release("kansli-3", time.Now()); !errors.Is(err, ErrReleased) || p.ReleasedBy != "kansli-2" {
		t.Errorf("got %v", err)
	}
}

// women returns facts of n people of a municipality, who all are women.
func women(from, n int, municipality string) (facts []Fact) {
	for i := range n {
		facts = append(facts, Fact{Person: "p" + strconv.Itoa(1e6+from+i), Measure: received, Gender: "female", Municipality: municipality, Source: "psychiatry"})
	}
	return facts
}

func TestRowsThatAreTooSmallOrTooLikeOthersAreMergedInThePlansOrder(t *testing.T) {
	for name, c := range map[string]struct {
		facts []Fact
		want  string // values of the rows by municipality
	}{
		"none is":                       {slices.Concat(women(0, 20, "1401"), women(20, 20, "1402"), women(40, 20, "1441")), "[[1401] [1402] [1441]]"},
		"a small one joins the next":    {slices.Concat(women(0, 2, "1401"), women(20, 20, "1402"), women(40, 20, "1441")), "[[1401 1402] [1441]]"},
		"the last joins the one before": {slices.Concat(women(0, 20, "1401"), women(20, 20, "1402"), women(40, 1, "1441")), "[[1401] [1402 1441]]"},
		"nobody is a small one":         {slices.Concat(women(0, 20, "1401"), women(40, 20, "1441")), "[[1401] [1402 1441]]"},
		"one that is the total":         {women(0, 40, "1402"), "[]"},
		"and its small complement":      {slices.Concat(women(0, 40, "1402"), women(40, 3, "1441")), "[]"},
		"nobody at all":                 {nil, "[]"},
	} {
		results, _ := Plans[1].Make("2026", []string{"1401", "1402", "1441"}, c.facts, nil, recordKey(7))
		var values [][]string
		for _, row := range results[2].Rows {
			values = append(values, row.Values)
		}
		if got := fmt.Sprint(values); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
		if results[2].LeftOut != (c.want == "[]") {
			t.Errorf("%s: left out: %v", name, results[2].LeftOut)
		}
	}
}

func TestTheSamePeopleAreShownAlikeAndAFormerPublicationCounts(t *testing.T) {
	first := women(0, 30, "1402")
	results, made := Plans[1].Make("2026", []string{"1402"}, first, nil, recordKey(7))
	if again, _ := Plans[1].Make("2026", []string{"1402"}, first, nil, recordKey(7)); again[0].Rows[0].Count != results[0].Rows[0].Count {
		t.Error("the same people are shown in two ways")
	}
	// Another key, as after a rotation: who was published keeps the key of the year.
	next, _ := Plans[1].Make("2026", []string{"1402"}, slices.Concat(first, women(30, 30, "1402")), []*Contributors{made}, recordKey(8))
	if next[0].LeftOut {
		t.Error("60 people are too like 30")
	}
	for more := range 5 {
		if next, _ = Plans[1].Make("2026", []string{"1402"}, slices.Concat(first, women(30, more, "1402")), []*Contributors{made}, recordKey(7)); !next[0].LeftOut {
			t.Errorf("a total that differs by %d from a published one is published", more)
		}
	}
}

func TestPercentilesAreOfTenPeopleAtLeast(t *testing.T) {
	shown := 0
	for seed := range uint64(200) {
		for n := range 30 {
			var facts []Fact
			for i := range n {
				facts = append(facts, Fact{Person: "p" + strconv.Itoa(1e6+i), Measure: toDecision, IsSpan: true, Days: i + 1})
			}
			results, _ := Plans[1].Make("2026", nil, facts, nil, recordKey(seed))
			lead := results[8]
			if lead.LeftOut {
				continue
			}
			if shown++; n < 10 || *lead.Median != (n+1)/2 || *lead.P90 != (n*90+99)/100 {
				t.Fatalf("of %d people: %d, %d", n, *lead.Median, *lead.P90)
			}
		}
	}
	if shown == 0 {
		t.Error("none was shown")
	}
}
