package participant

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/civil"
)

// A simulated association: people take the places of a municipality one after another, and
// what happens to each of them is drawn from the rules of the field (domain, chapters 3 and
// 4), with rates that differ from what the forecast assumes before it knows any.
type simulation struct {
	random                 *rand.Rand
	leaves, ends           float64 // a day; a check-in
	pauses, prolongs       float64 // a check-in
	betweenMost, closeMost int     // days
}

type life struct {
	planned, closed civil.Date // when it was decided on, when it ended
	e               *Enrolment
	acts            []act
}

type act struct {
	on civil.Date
	do func(*Enrolment, civil.Date) error
}

// live draws a whole enrolment that begins on a day.
func (s *simulation) live(start civil.Date) *life {
	l := &life{planned: start.AddDays(-7 - s.random.IntN(14))}
	plan := activera()
	plan.MaxWeeks = 60 // no exceptions here
	l.e = NewEnrolment(Enrolment{Referral: fmt.Sprint(s.random.Uint64()), PlannedStart: start, Plan: plan}, "", system, l.planned.At(0))
	closeAs := func(reason EndReason) func(*Enrolment, civil.Date) error {
		return func(e *Enrolment, on civil.Date) error {
			if reason == AccordingToPlan {
				if err := e.HoldConversation(on, nil, coach, on.At(1e9)); err != nil {
					return err
				}
			}
			return e.Close(Documentation{On: on, EndReason: reason}, coach, on.At(1e9))
		}
	}
	at := start
	add := func(on civil.Date, do func(*Enrolment, civil.Date) error) { l.acts = append(l.acts, act{on, do}) }
	decide := func(number int, on civil.Date, decision Decision, weeks int) {
		add(on, func(e *Enrolment, on civil.Date) error {
			now := on.At(1e9)
			if err := e.RecordNonAnswer(number, "", nil, coach, now); err != nil {
				return err
			}
			return e.Decide(number, CheckInDecision{Decision: decision, On: on, Weeks: weeks}, coach, now)
		})
	}
	for b := 1; ; b++ {
		if b == 1 {
			at = at.AddDays(max(0, s.random.IntN(8)-4))
			add(at, func(e *Enrolment, on civil.Date) error { return e.Start(on, nil, coach, on.At(1e9)) })
		} else {
			add(at, func(e *Enrolment, on civil.Date) error { return e.StartBlock(b, on, nil, coach, on.At(1e9)) })
		}
		at = at.AddWeeks(6)
		if b == 4 {
			break
		}
		if s.random.Float64() < s.prolongs {
			weeks := 1 + s.random.IntN(4)
			decide(b, at, Prolong, weeks)
			at = at.AddWeeks(weeks)
		}
		at = at.AddDays(s.random.IntN(s.betweenMost))
		if s.random.Float64() < s.ends {
			decide(b, at, End, 0)
			break
		}
		if s.random.Float64() < s.pauses {
			decide(b, at, Pause, 0)
			at = at.AddDays(14 + s.random.IntN(29))
			add(at, func(e *Enrolment, on civil.Date) error { return e.Resume(on, coach, on.At(1e9)) })
		} else {
			decide(b, at, Continue, 0)
		}
	}
	l.closed = at.AddDays(1 + s.random.IntN(s.closeMost))
	reason := AccordingToPlan
	began := l.acts[0].on
	for day := began.AddDays(1); day < l.closed; day = day.AddDays(1) {
		if s.random.Float64() < s.leaves {
			l.closed, reason = day, "own_choice"
			l.acts = slices.DeleteFunc(l.acts, func(a act) bool { return a.on >= day })
			break
		}
	}
	add(l.closed, closeAs(reason))
	return l
}

// known returns the enrolment as it is on a day, by the steps that the service takes.
func (l *life) known(t *testing.T, today civil.Date) *Enrolment {
	e := *l.e
	e.Steps = slices.Clone(l.e.Steps)
	for _, a := range l.acts {
		if a.on > today {
			break
		}
		e.MarkOverdue(a.on.At(1e9))
		if err := a.do(&e, a.on); err != nil {
			t.Fatalf("the simulation is not of the field: %v", err)
		}
	}
	e.MarkOverdue(today.At(1e9))
	return &e
}

// TestForecastsHoldInASimulatedAssociation draws associations of three sizes, forecasts on a
// day, and counts how often the places became free within the band.
func TestForecastsHoldInASimulatedAssociation(t *testing.T) {
	const today = civil.Date("2026-03-11")
	for _, size := range []int{3, 10, 40} {
		t.Run(fmt.Sprintf("%d enrolments", size), func(t *testing.T) {
			inside, early, trials, width := 0, 0, 0, 0
			for seed := range uint64(600 / size * 2) {
				s := &simulation{random: rand.New(rand.NewPCG(seed, uint64(size))), betweenMost: 10, closeMost: 21, leaves: 0.0024, ends: 0.06, pauses: 0.1, prolongs: 0.12}
				var known, running []*Enrolment
				var ends []civil.Date
				for range size {
					start := today.AddDays(-730 + s.random.IntN(200))
					for {
						l := s.live(start)
						if l.planned > today {
							break
						}
						e := l.known(t, today)
						known = append(known, e)
						if l.closed > today {
							running, ends = append(running, e), append(ends, l.closed)
						}
						start = l.closed.AddDays(8 + s.random.IntN(20))
					}
				}
				slices.Sort(ends)
				found := HabitsOf(known, today).NextPlaces(running, today)
				if want := min(len(running)/3, 5); len(found) != want {
					t.Fatalf("%d places are forecast of %d enrolments, want %d", len(found), len(running), want)
				}
				for k, f := range found {
					if f.Earliest > f.Median || f.Median > f.Latest {
						t.Fatalf("the forecast is out of order: %+v", f)
					}
					trials++
					if f.Earliest <= ends[k] && ends[k] <= f.Latest {
						inside++
					}
					if ends[k] < f.Median.AddDays(3) {
						early++
					}
					width += f.Earliest.DaysUntil(f.Latest) + 1
				}
			}
			share, mean, before := float64(inside)/float64(trials), float64(width)/float64(trials), float64(early)/float64(trials)
			t.Logf("%d forecasts: %.1f %% within the band of %.1f days in the mean, %.1f %% before the median", trials, 100*share, mean, 100*before)
			if share < 0.8 {
				t.Errorf("%.1f %% of the places became free within the band, want 80 %%", 100*share)
			}
			if share > 0.97 || mean > map[int]float64{3: 110, 10: 70, 40: 35}[size] {
				t.Errorf("the band says little: %.1f days in the mean hold %.1f %%", mean, 100*share)
			}
			if before < 0.35 || before > 0.65 {
				t.Errorf("%.1f %% became free before the median", 100*before)
			}
		})
	}
}

// TestTheChancesAreThoseOfEveryCase counts them over all cases of who has left and who has not.
func TestTheChancesAreThoseOfEveryCase(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 7))
	for range 50 {
		n := 1 + random.IntN(9)
		stays, want := make([]days, n), make([]float64, 3)
		for i := range stays {
			stays[i] = days{random.Float64()}
		}
		for who := range 1 << n {
			likely, free := 1.0, 0
			for i := range n {
				if who>>i&1 == 1 {
					likely, free = likely*(1-stays[i][0]), free+1
				} else {
					likely *= stays[i][0]
				}
			}
			for k := range min(free, len(want)) {
				want[k] += likely
			}
		}
		for k, got := range chances(stays, 0, len(want)) {
			if d := got - want[k]; d > 1e-9 || d < -1e-9 {
				t.Fatalf("at least %d of %d: %v, counted %v", k+1, n, got, want[k])
			}
		}
	}
}

// TestAForecastIsOfNobody asks for forecasts of few, and holds the dates against weeks.
func TestAForecastIsOfNobody(t *testing.T) {
	const today = civil.Date("2026-11-22")
	var running []*Enrolment
	for n, want := range []int{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 5} {
		found := HabitsOf(nil, today).NextPlaces(running, today)
		if len(found) != want {
			t.Errorf("of %d enrolments %d places are forecast, want %d", n, len(found), want)
		}
		for _, f := range found {
			if f.Earliest.MidnightUTC().Weekday() != 1 || f.Median.MidnightUTC().Weekday() != 1 || f.Latest.MidnightUTC().Weekday() != 0 {
				t.Errorf("a forecast is not of whole weeks: %+v", f)
			}
		}
		running = append(running, through(t, 1+n%4))
	}
}

// TestWhatIsLeftFollowsTheState holds the way that is left of an enrolment against its state.
func TestWhatIsLeftFollowsTheState(t *testing.T) {
	const today = civil.Date("2026-11-22")
	paused := func(e *Enrolment, d Decision) *Enrolment {
		must(t, e.Answer(1, "ready", "", nil, sender, noon), e.Decide(1, CheckInDecision{Decision: d, On: "2026-11-12"}, coach, noon))
		return e
	}
	begun := planned("2026-11-09")
	must(t, begun.Start("2026-11-09", nil, coach, noon))
	for name, c := range map[string]struct {
		e                     *Enrolment
		blocks, passed, ahead int
		asked, closing        bool
	}{
		"planned in two weeks":                 {e: planned("2026-12-06"), blocks: 4, ahead: 14},
		"planned, and late by a week":          {e: planned("2026-11-15"), blocks: 4, passed: 7},
		"in the first block":                   {e: begun, blocks: 3, ahead: 29, asked: true},
		"the check-in waits":                   {e: through(t, 1), blocks: 3, passed: 174, asked: true},
		"decided: the next block may begin":    {e: paused(through(t, 1), Continue), blocks: 3, passed: 174},
		"paused":                               {e: paused(through(t, 1), Pause), blocks: 3, passed: 174},
		"ended at the check-in: closing":       {e: paused(through(t, 1), End), passed: 10, closing: true},
		"all blocks are over: closing remains": {e: through(t, 4), passed: 48, closing: true},
	} {
		r, ahead := routeOf(c.e, today)
		if len(r.blocks) != c.blocks || r.passed != c.passed || ahead != c.ahead || r.asked != c.asked || r.closing != c.closing {
			t.Errorf("%s: %d blocks, %d days passed, %d ahead, asked %v, closing %v", name, len(r.blocks), r.passed, ahead, r.asked, r.closing)
		}
		end, sum := HabitsOf(nil, today).finish(r), 0.0
		for _, x := range end {
			sum += x
		}
		if sum < 0.999 || sum > 1.001 {
			t.Errorf("%s: the days of the end sum up to %v", name, sum)
		}
	}
}
