package publication

import (
	"math"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
)

// An attacker against everything that is published of 1,000 invented associations of 60
// to 1,000 people a year: three tertials and their year, each held against those before.

var towns = []string{"1401", "1402", "1441", "1481", "1489"}

// share is how often a value occurs.
type share struct {
	value string
	of    float64
}

// shares are those that an association has counted (Lerum's sources and gender), the
// rest invented.
var shares = map[string][]share{
	byGender:       {{"female", .66}, {"male", .325}, {"other", .015}},
	byMunicipality: {{"1401", .12}, {"1402", .2}, {"1441", .21}, {"1481", .37}, {"1489", .1}},
	bySource: {
		{"insurance_office", .14}, {"employment_office", .12}, {"psychiatry", .22}, {"youth_clinic", .05}, {"health_centre", .12},
		{"private_care", .03}, {"social_services", .04}, {"livelihood_support", .19}, {"self_referral", .07}, {"other", .02},
	},
	byOutcome: {{"completed", .62}, {"interrupted", .31}, {"cancelled", .07}},
}

func draw(r *rand.Rand, of []share) string {
	x := r.Float64()
	for _, s := range of {
		if x -= s.of; x < 0 {
			return s.value
		}
	}
	return of[0].value
}

// dated is what a person counts for, on a day of the year.
type dated struct {
	Fact
	day int
}

// population returns what some people count for in a year, in the order of the people.
func population(r *rand.Rand, n int) (year []dated) {
	for i := range n + n/2 { // a third of them came in the year before
		f := Fact{
			Person: "p" + strconv.Itoa(1e6+i), Source: draw(r, shares[bySource]), Gender: draw(r, shares[byGender]),
			Municipality: draw(r, shares[byMunicipality]),
		}
		day := r.IntN(365)
		if i >= n {
			day -= 365
		}
		add := func(day int, f Fact) {
			if 0 <= day && day < 365 {
				year = append(year, dated{f, day})
			}
		}
		count := func(day int, measure, detail string) { f := f; f.Measure, f.Detail = measure, detail; add(day, f) }
		span := func(day, days int, step, detail string) {
			f := f
			f.Measure, f.Detail, f.IsSpan, f.Days = step, detail, true, days
			add(day, f)
		}
		count(day, received, "")
		decision := 1 + r.IntN(20)
		span(day+decision, decision, toDecision, "")
		if r.Float64() < .2 {
			count(day+decision, rejected, "other")
			continue
		}
		count(day+decision, accepted, "")
		start := day + decision + 5 + r.IntN(30)
		span(start, start-day-decision, toStart, "")
		span(start+42, 42, toCheckIn, "1")
		end := start + 60 + r.IntN(110)
		count(end, closed, draw(r, shares[byOutcome]))
		span(end, end-start, toClose, "")
	}
	return year
}

// published is a publication, with what only the test knows.
type published struct {
	results []Result
	facts   []Fact
	made    *Contributors
}

func recordKey(seed uint64) func(string) uint32 {
	return func(person string) uint32 {
		n, _ := strconv.ParseUint(person[1:], 10, 64)
		x := seed + n*0x9e3779b97f4a7c15 // SplitMix64
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		return uint32(x ^ x>>31)
	}
}

// publishYear publishes the tertials and the year, each held against those before.
func publishYear(year []dated, key func(string) uint32) (all []published) {
	var former []*Contributors
	for _, days := range [][]int{{0, 122}, {122, 244}, {244, 365}, {0, 365}} {
		var p published
		for _, f := range year {
			if days[0] <= f.day && f.day < days[1] {
				p.facts = append(p.facts, f.Fact)
			}
		}
		p.results, p.made = Plans[1].Make("2026", towns, p.facts, former, key)
		former, all = append(former, p.made), append(all, p)
	}
	return all
}

// tally is how often a guess was right.
type tally struct{ right, of int }

func (s *tally) add(right bool) {
	s.of++
	if right {
		s.right++
	}
}
func (s tally) percent() float64 { return 100 * float64(s.right) / math.Max(1, float64(s.of)) }

func TestAnAttackerWithAllPublicationsFindsNobody(t *testing.T) {
	const populations = 1000
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	var nested, prior, squares tally
	deviation, rows, leftOut, merged, tables := 0.0, 0, 0, 0, 0
	byDifference := map[int]*tally{}
	for seed := range uint64(populations) {
		r := rand.New(rand.NewPCG(seed, 11))
		key := recordKey(r.Uint64())
		all := publishYear(population(r, 60+r.IntN(941)), key)
		checkGuard(t, all)
		for _, p := range all {
			for i := range p.results {
				table := &p.results[i]
				if tables++; table.LeftOut {
					leftOut++
				}
				if table.Merged {
					merged++
				}
				counted := table.countedOf(p.facts)
				for _, row := range table.Rows {
					if row.Values == nil {
						row.Values = []string{""}
					}
					people, _ := table.people(counted, row.Values)
					deviation += math.Abs(float64(len(people) - row.Count))
					rows++
				}
			}
		}
		guessNested(r, all, key, &nested, byDifference)
		leastSquares(r, all, &prior, &squares)
	}
	t.Logf("%d populations: %d rows, mean error %.2f; of %d tables %d merged, %d left out", populations, rows, deviation/float64(rows), tables, merged, leftOut)
	t.Logf("nested rows: whether one person is in the difference guessed right in %.1f %% of %d", nested.percent(), nested.of)
	for d := range 15 {
		if s := byDifference[d]; s != nil {
			t.Logf("  of a difference of %d or %d people: %.1f %% of %d", d, d+1, s.percent(), s.of)
		}
	}
	t.Logf("exact counts of 1 to 4: %.1f %% by least squares over everything published, %.1f %% without it, of %d", squares.percent(), prior.percent(), prior.of)
	if nested.percent() > 60 {
		t.Errorf("nested rows: %.1f %%", nested.percent())
	}
	if gain := squares.percent() - prior.percent(); gain > 5 {
		t.Errorf("exact counts of 1 to 4 gain %.1f points", gain)
	}
	if deviation/float64(rows) > 1.5 {
		t.Errorf("mean error %.2f", deviation/float64(rows))
	}
}

func TestSmallAssociationsSeeLess(t *testing.T) {
	before := 100.0
	for _, people := range []int{60, 150, 400, 1000} {
		leftOut, merged, tables := 0.0, 0.0, 0.0
		for seed := range uint64(50) {
			r := rand.New(rand.NewPCG(seed, 12))
			key := recordKey(r.Uint64())
			for _, p := range publishYear(population(r, people), key) {
				for _, table := range p.results {
					if len(table.countedOf(p.facts)) == 0 { // the second check-in and the third are not simulated
						continue
					}
					if tables++; table.LeftOut {
						leftOut++
					} else if table.Merged {
						merged++
					}
				}
			}
		}
		t.Logf("%d people a year: %.0f %% of the tables are left out, %.0f %% have merged rows", people, 100*leftOut/tables, 100*merged/tables)
		if leftOut/tables > min(before, .4) {
			t.Errorf("of %d people a year %.2f are left out", people, leftOut/tables)
		}
		before = leftOut / tables
	}
}

// checkGuard holds every two published rows against each other, by who is in them.
func checkGuard(t *testing.T, all []published) {
	t.Helper()
	g := &guard{published: map[string][][]string{}}
	for _, p := range all {
		p.made.publishAgain(g)
	}
	rows := append(g.published["count"], nil) // and nobody
	for i, a := range rows {
		for _, b := range rows[:i] {
			if d, few := difference(a, b); few && 0 < len(d) && len(d) < 3 {
				t.Fatalf("two rows differ by %d people", len(d))
			}
		}
	}
}

// chances returns with what chance a count is shown as each value.
func chances(n int) map[int]float64 {
	if n <= 0 {
		return map[int]float64{0: 1}
	}
	if n < len(chancesOf) && chancesOf[n] != nil {
		return chancesOf[n]
	}
	row := noise[min(n, len(noise))-1]
	c, before := map[int]float64{}, 0.0
	for i, shown := range row.shown {
		upTo := 1.0
		if i < len(row.limits) {
			upTo = float64(row.limits[i]) / (1 << 32)
		}
		c[int(shown)+max(0, n-len(noise))], before = upTo-before, upTo
	}
	if n < len(chancesOf) {
		chancesOf[n] = c
	}
	return c
}

// chancesOf keeps what chances has returned.
var chancesOf [2000]map[int]float64

// chanceAlike returns with what chance rows that differ by n people are merged.
func chanceAlike(n int) float64 {
	switch {
	case n <= certain:
		return 1
	case n > maxAlike:
		return 0
	}
	return float64(lots[n-certain-1]) / 100
}

// guessNested takes pairs of rows of which one is in the other by the plan, and asks of
// one more person whether the larger row has them too. The attacker knows how many are in
// the difference without that person, sees both rows or that they are not both
// published, and knows the method.
func guessNested(r *rand.Rand, all []published, key func(string) uint32, nested *tally, byDifference map[int]*tally) {
	plan := Plans[1].Tables
	g := &guard{keys: map[string]uint32{}, key: key}
	for range 10 {
		// A row in its total, or a tertial's row in the year's.
		t := plan[r.IntN(8)]
		if t.Rows == nil {
			t.Rows = [][]string{{"1401"}, {"1402"}, {"1441"}, {"1481"}, {"1489"}}
		}
		row := t.Rows[r.IntN(len(t.Rows))]
		inner, p := r.IntN(4), all[3]
		if inner == 3 {
			inner = r.IntN(4)
			p = all[inner]
		}
		a, _ := t.people(t.countedOf(all[inner].facts), row)
		outer := t
		if p.made == all[inner].made {
			outer.By = byTotal
			row = []string{""}
		}
		b, _ := outer.people(outer.countedOf(p.facts), row)
		d, _ := differenceAll(b, a)
		// Small differences are the rare and dangerous ones: half of the questions are
		// about a few of them.
		if r.IntN(2) == 0 {
			d = d[:min(len(d), 1+r.IntN(15))]
		}
		if len(d) == 0 || isAlike(len(a), g.sum(a)) { // the inner row is not published
			continue
		}
		with, without := d, d[1:]
		for truth, diff := range [][]string{without, with} {
			n := len(diff)
			whole := slices.Sorted(slices.Values(slices.Concat(a, diff)))
			alike := isAlike(n, g.sum(diff))
			apart := Shown(len(whole), g.sum(whole)) - Shown(len(a), g.sum(a))
			guess := 0
			if likelihood(len(a), len(with), alike, apart) > likelihood(len(a), len(without), alike, apart) {
				guess = 1
			}
			nested.add(guess == truth)
			if byDifference[len(without)] == nil {
				byDifference[len(without)] = &tally{}
			}
			byDifference[len(without)].add(guess == truth)
		}
	}
}

// likelihood is the chance of what is seen when n people are the difference.
func likelihood(inner, n int, alike bool, apart int) (p float64) {
	if alike {
		return chanceAlike(n)
	}
	for shownInner, q := range chances(inner) {
		p += q * chances(inner + n)[shownInner+apart]
	}
	return p * (1 - chanceAlike(n))
}

func differenceAll(a, b []string) (d []string, n int) {
	for _, x := range a {
		if _, in := slices.BinarySearch(b, x); !in {
			d = append(d, x)
		}
	}
	return d, len(d)
}

// leastSquares guesses every row of 1 to 4 people from all that is published, weighted
// with what is known without it, and counts how often that is right.
func leastSquares(r *rand.Rand, all []published, prior, squares *tally) {
	_ = r
	for _, dimension := range []int{1, 2, 3, 7} { // of the plan's tables
		t := Plans[1].Tables[dimension]
		if t.Rows == nil {
			for _, code := range towns {
				t.Rows = append(t.Rows, []string{code})
			}
		}
		k := len(t.Rows)
		unknown := 3 * k // rows of each tertial
		// Prior: the shares of the field, of a total as it is shown in the year.
		total := 0.0
		for _, row := range all[3].results[dimension].Rows {
			total += float64(row.Count)
		}
		mean := make([]float64, unknown)
		for i := range mean {
			for _, s := range shares[t.By] {
				if slices.Contains(t.Rows[i%k], s.value) {
					mean[i] += s.of * total / 3
				}
			}
			mean[i] = max(mean[i], .3)
		}
		// Normal equations of x ~ mean with variance mean, and of each shown sum with
		// variance 3.
		m, v := make([][]float64, unknown), make([]float64, unknown)
		for i := range m {
			m[i] = make([]float64, unknown)
			m[i][i], v[i] = 1/mean[i], 1
		}
		alone := make([]bool, unknown)
		observe := func(of []int, shown int) {
			for _, i := range of {
				for _, j := range of {
					m[i][j] += 1. / 3
				}
				v[i] += float64(shown) / 3
			}
			if len(of) == 1 {
				alone[of[0]] = true
			}
		}
		for period, p := range all {
			tertials := []int{period}
			if period == 3 {
				tertials = []int{0, 1, 2}
			}
			for _, result := range []Result{p.results[dimension], p.results[totalOf(t.Measure)]} {
				for _, row := range result.Rows {
					var of []int
					for i, values := range t.Rows {
						if result.By == byTotal || slices.Contains(row.Values, values[0]) {
							for _, tertial := range tertials {
								of = append(of, tertial*k+i)
							}
						}
					}
					observe(of, row.Count)
				}
			}
		}
		var counted [3][]*Fact
		for tertial := range counted {
			counted[tertial] = t.countedOf(all[tertial].facts)
		}
		x := solve(m, v)
		for i := range unknown {
			people, _ := t.people(counted[i/k], t.Rows[i%k])
			n := len(people)
			if n < 1 || n > 4 {
				continue
			}
			least := 1
			if alone[i] {
				least = certain + 1
			}
			guess := min(4, max(least, 1, int(math.Round(x[i]))))
			prior.add(mostLikely(mean[i]) == n)
			squares.add(guess == n)
		}
	}
}

// totalOf returns the place of the plan's total of a measure.
func totalOf(measure string) int {
	return slices.IndexFunc(Plans[1].Tables, func(t Table) bool { return t.Measure == measure && t.By == byTotal })
}

// mostLikely returns the likeliest of 1 to 4 when a count has a mean (Poisson).
func mostLikely(mean float64) (best int) {
	p, top := mean, 0.0
	for n := 1; n <= 4; n++ {
		if p > top {
			best, top = n, p
		}
		p *= mean / float64(n+1)
	}
	return best
}

// solve returns the solution of symmetric equations, by elimination.
func solve(m [][]float64, v []float64) []float64 {
	n := len(v)
	for i := range n {
		for j := i + 1; j < n; j++ {
			f := m[j][i] / m[i][i]
			if f == 0 {
				continue
			}
			for k := i; k < n; k++ {
				m[j][k] -= f * m[i][k]
			}
			v[j] -= f * v[i]
		}
	}
	x := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		x[i] = v[i]
		for k := i + 1; k < n; k++ {
			x[i] -= m[i][k] * x[k]
		}
		x[i] /= m[i][i]
	}
	return x
}
