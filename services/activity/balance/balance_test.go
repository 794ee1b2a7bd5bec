package balance

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/services/activity"
)

func at(id, category string, d civil.Date, from, to string, load association.Load) activity.Occurrence {
	return activity.Occurrence{Date: d, Activity: association.Activity{ID: id, Municipality: "1481", Category: category, Day: "any", From: from, To: to, Load: &load}}
}

func TestAWeekBesideWhatIsManaged(t *testing.T) {
	w, err := activity.ParseWeek("2026-W48") // Monday 23 November
	if err != nil {
		t.Fatal(err)
	}
	const tuesday, thursday = civil.Date("2026-11-24"), civil.Date("2026-11-26")
	group := at("group", "social", tuesday, "09:00", "10:00", association.Load{Social: 3, Travel: 1})
	coffee := at("coffee", "social", tuesday, "13:00", "14:00", association.Load{Social: 2})
	walk := at("walk", "social", thursday, "13:00", "13:30", association.Load{Social: 1, Physical: 1})
	busy := at("busy", "social", thursday, "09:00", "10:00", association.Load{Social: 3})
	booked := []activity.BookedOccurrence{{Occurrence: group, Booking: "b1"}, {Occurrence: coffee, Booking: "b2"}}
	limits := Limits{Most: Sums{"social": 3}, Least: Sums{"physical": 1}}

	b := Of(w, booked, []activity.Occurrence{walk, busy, group}, limits, "2026-11-23")
	if d := b.Days[1]; d.Date != tuesday || d.Load["social"] != 5 || d.Load["travel"] != 1 || !slices.Equal(d.Over, []string{"social"}) {
		t.Errorf("Tuesday: %+v", d)
	}
	if !slices.Equal(b.Under, []string{"physical"}) || b.Load["social"] != 5 {
		t.Errorf("the week: %v %v", b.Under, b.Load)
	}
	got := map[string]int{}
	for _, p := range b.Proposals {
		out := "nothing"
		if p.Out != nil {
			out = p.Out.Booking
		}
		got[fmt.Sprint(out, " for ", p.In.Activity.ID, " ", p.Kind, p.Under)] = p.Relief
	}
	// Tuesday exceeds by two: without the group it is within, without the coffee too.
	want := map[string]int{"b1 for walk socialfalse": 2, "b2 for walk socialfalse": 2, "b1 for busy socialfalse": 2, "b2 for busy socialfalse": 2, "nothing for walk physicaltrue": 0}
	if !maps.Equal(got, want) {
		t.Errorf("proposed: %v, want %v", got, want)
	}
	if b := Of(w, booked, []activity.Occurrence{walk}, limits, "2026-11-25"); len(b.Proposals) != 1 || !b.Proposals[0].Under {
		t.Errorf("what has been is not swapped: %+v", b.Proposals)
	}
	booked[0].Attendance = activity.Absent
	beside := at("beside", "social", tuesday, "09:30", "10:30", association.Load{Physical: 1})
	group.Activity.Load.Physical = 1
	if b := Of(w, booked, []activity.Occurrence{group, beside}, limits, "2026-11-23"); len(b.Days[1].Over) != 0 || len(b.Proposals) != 0 {
		t.Errorf("who is absent is not exerted, and stays booked: %+v %+v", b.Days[1], b.Proposals)
	}
}

// TestEveryProposalIsBetterAndNoneIsMissing compares the proposals for any small week with all
// that one change could be, each judged by itself.
func TestEveryProposalIsBetterAndNoneIsMissing(t *testing.T) {
	chance := rand.New(rand.NewPCG(88, 1))
	w, _ := activity.ParseWeek("2026-W48")
	proposed := 0
	for round := range 400 {
		some := func(id string) activity.Occurrence {
			hour := 8 + chance.IntN(5)
			o := at(id, []string{"social", "health"}[chance.IntN(2)], w.Monday().AddDays(chance.IntN(4)), fmt.Sprintf("%02d:00", hour), fmt.Sprintf("%02d:%02d", hour+1, 5*chance.IntN(3)),
				association.Load{Social: chance.IntN(4), Physical: chance.IntN(3), Cognitive: chance.IntN(2)})
			o.Activity.Site = []string{"a", "b"}[chance.IntN(2)]
			return o
		}
		var booked []activity.BookedOccurrence
		var offered []activity.Occurrence
		for n := range 1 + chance.IntN(5) {
			o := activity.BookedOccurrence{Occurrence: some(fmt.Sprint("b", n)), Booking: fmt.Sprint("b", n)}
			switch chance.IntN(10) {
			case 0:
				o.Attendance = activity.Absent
			case 1:
				o.Closed = true
			}
			booked = append(booked, o)
		}
		if again := some("b0"); again.Date != booked[0].Date {
			booked = append(booked, activity.BookedOccurrence{Occurrence: again, Booking: "b0"})
		}
		for n := range 6 {
			offered = append(offered, some(fmt.Sprint("o", n)))
		}
		offered = append(offered, some("b0")) // what is booked, perhaps on another day
		l := Limits{Most: Sums{"social": 2 + chance.IntN(3), "physical": 2}, Least: Sums{"cognitive": chance.IntN(4)}}
		today := w.Monday().AddDays(chance.IntN(3))

		minutes := func(clock string) int {
			at, _ := time.Parse("15:04", clock)
			return at.Hour()*60 + at.Minute()
		}
		fits := func(week []activity.Occurrence) bool { // no two at once, nor without time for the way
			for i, x := range week {
				for _, y := range week[:i] {
					gap := 0
					if x.Activity.Site != y.Activity.Site {
						gap = 15
					}
					if x.Date == y.Date && minutes(x.Activity.From) < minutes(y.Activity.To)+gap && minutes(y.Activity.From) < minutes(x.Activity.To)+gap {
						return false
					}
				}
			}
			return true
		}
		excess := func(week []activity.Occurrence) (all [7][2]int) {
			for _, o := range week {
				n := w.Monday().DaysUntil(o.Date)
				all[n][0] += o.Activity.Load.Social
				all[n][1] += o.Activity.Load.Physical
			}
			for n := range all {
				all[n] = [2]int{max(0, all[n][0]-l.Most["social"]), max(0, all[n][1]-l.Most["physical"])}
			}
			return all
		}
		var before []activity.Occurrence
		cognitive := 0
		for _, o := range booked {
			if o.Closed || o.Attendance == activity.Absent {
				continue
			}
			before = append(before, o.Occurrence)
			cognitive += o.Activity.Load.Cognitive
		}
		was := excess(before)
		want := map[string]bool{}
		for out := -1; out < len(booked); out++ {
			for _, in := range offered {
				after := []activity.Occurrence{in}
				var rest []activity.Occurrence
				isBooked := false
				for n, o := range booked {
					isBooked = isBooked || o.Date == in.Date && o.Activity.ID == in.Activity.ID
					if n == out {
						continue
					}
					rest = append(rest, o.Occurrence)
					if !o.Closed && o.Attendance != activity.Absent {
						after = append(after, o.Occurrence)
					}
				}
				is, worse, relief := excess(after), false, 0
				for n := range is {
					for k := range is[n] {
						worse = worse || is[n][k] > was[n][k]
						relief += was[n][k] - is[n][k]
					}
				}
				if worse || in.Date < today || isBooked || !noClash(in, rest, fits) {
					continue
				}
				if out < 0 {
					if cognitive < l.Least["cognitive"] && in.Activity.Load.Cognitive > 0 {
						want["+"+in.Activity.ID] = true
					}
					continue
				}
				o := booked[out]
				n := w.Monday().DaysUntil(o.Date)
				if o.Closed || o.Attendance == activity.Absent {
					continue
				}
				causes := was[n][0] > 0 && o.Activity.Load.Social > 0 || was[n][1] > 0 && o.Activity.Load.Physical > 0
				if causes && relief > 0 && o.Date >= today && o.Activity.Category == in.Activity.Category {
					want[o.Booking+string(o.Date)+in.Activity.ID] = true
				}
			}
		}
		got := map[string]bool{}
		for _, p := range Of(w, booked, offered, l, today).Proposals {
			name := "+" + p.In.Activity.ID
			if p.Out != nil {
				name = p.Out.Booking + string(p.Out.Date) + p.In.Activity.ID
			}
			got[name] = true
		}
		if !maps.Equal(got, want) {
			t.Fatalf("round %d: proposed %v, want %v", round, got, want)
		}
		proposed += len(got)
	}
	if proposed < 200 {
		t.Errorf("only %d were proposed in all", proposed)
	}
}

func onDay(week []activity.Occurrence, d civil.Date) (some []activity.Occurrence) {
	for _, o := range week {
		if o.Date == d {
			some = append(some, o)
		}
	}
	return some
}

// noClash reports whether an occurrence fits beside each one of a week, which may itself clash.
func noClash(in activity.Occurrence, week []activity.Occurrence, fits func([]activity.Occurrence) bool) bool {
	return !slices.ContainsFunc(onDay(week, in.Date), func(o activity.Occurrence) bool { return !fits([]activity.Occurrence{in, o}) })
}

func TestWhatIsManagedIsStatedAndKept(t *testing.T) {
	m, by, now := &Manageable{}, history.Author{Subject: "coach-1"}, time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		sentence string
		l        Limits
		want     error
	}{
		{"limits", Limits{Most: Sums{"social": 3}, Least: Sums{"social": 21}}, nil},
		{"none", Limits{}, nil},
		{"an unknown kind", Limits{Most: Sums{"moral": 3}}, ErrKind},
		{"more in a week than its days hold", Limits{Most: Sums{"social": 3}, Least: Sums{"social": 22}}, ErrLimits},
		{"a least without a most", Limits{Least: Sums{"physical": 4}}, nil},
	} {
		if err := m.State(c.l, by, now); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v", c.sentence, err)
		}
	}
	if len(m.Steps) != 3 || m.Now().Least["physical"] != 4 || m.Now().Most != nil || m.Steps[0].Most["social"] != 3 {
		t.Errorf("kept: %+v", m.Steps)
	}
	for len(m.Steps) < maxManageableSteps {
		if err := m.State(Limits{}, by, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.State(Limits{}, by, now); !errors.Is(err, ErrFull) {
		t.Errorf("one too many: %v", err)
	}
}
